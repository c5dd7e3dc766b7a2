"""The models over HTTP: listing, loading, pulling from a hub on loopback, removing."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from huggingface_hub import constants

from speechd.api.app import create_app
from speechd.registry.files import LAYOUTS, MANIFEST
from speechd.registry.registry import ModelStore
from speechd.registry.transfer.download import adopt
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from tests.conftest import Fixture
from tests.contract.test_error_shape import assert_envelope
from tests.support.model_hub import Hub, running_hub

LARGE = "Systran/faster-whisper-large-v2"
FILES = {"config.json": b"{}", "model.bin": bytes(300_000), "tokenizer.json": b"[]"}
PREFIXES = ("/v1", "/openai/v1")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(Hub({LARGE: FILES, "org/tuned": FILES})) as hub:
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield hub


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    async with serving(settings) as client:
        yield client


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    def open_service(given: Settings) -> Service:
        return Service(given, lambda *_: FakeAsr())

    app = create_app(open_service, settings)
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


async def transcribe(client: httpx2.AsyncClient, fixture: Fixture, model: str) -> httpx2.Response:
    file = fixture.path.read_bytes()
    return await client.post("/v1/audio/transcriptions", files={"file": ("a", file)}, data={"model": model})


async def pulled(client: httpx2.AsyncClient, model: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = (await client.get(f"/v1/models/{model}")).json()
            if found["speechd"]["pull"]["state"] != "pulling":
                return found
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_list_has_the_hosted_services_fields(client: httpx2.AsyncClient, prefix: str) -> None:
    models = (await client.get(f"{prefix}/models")).json()["data"]
    assert {"id", "object", "created", "owned_by", "active", "context_window", "public_apps"} <= set(models[0])
    assert [model["active"] for model in models] == sorted((model["active"] for model in models), reverse=True)


async def test_loading_and_unloading(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/v1/models?loaded=true")).json()["data"] == []
    loaded = (await client.post("/v1/models/whisper-pocket/load")).json()
    assert loaded["speechd"]["loaded"]["users"] == 0
    assert loaded["speechd"]["loaded"]["bytes"] > 1_000_000
    assert [model["id"] for model in (await client.get("/v1/models?loaded=true")).json()["data"]] == ["whisper-pocket"]
    assert (await client.post("/openai/v1/models/whisper-pocket/unload")).json()["speechd"]["loaded"] is None
    assert (await client.get("/v1/models?loaded=true")).json()["data"] == []
    assert_envelope(await client.post("/v1/models/whisper-large-v3/load"), 503, "model_not_installed")
    assert_envelope(await client.post("/v1/models/gpt-9/load"), 404, "model_not_found")
    assert_envelope(await client.post("/v1/models/gpt-9/unload"), 404, "model_not_found")


async def test_using_a_model_loads_it(client: httpx2.AsyncClient, english: Fixture) -> None:
    assert (await transcribe(client, english, "whisper-pocket")).status_code == 200
    assert (await client.get("/v1/models/whisper-pocket")).json()["speechd"]["loaded"]["expires_in"] > 0


@pytest.mark.parametrize("model", ["whisper-1", "org/tuned"])
async def test_a_pull_runs_in_the_background_and_shows_its_progress(
    settings: Settings, hub: Hub, english: Fixture, model: str
) -> None:
    async with serving(settings.model_copy(update={"allow_any_model": True})) as client:
        await check_a_pull(client, english, model)


async def check_a_pull(client: httpx2.AsyncClient, english: Fixture, model: str) -> None:
    begun = await client.post(f"/v1/models/{model}")
    assert begun.status_code == 202
    assert begun.json()["speechd"]["pull"]["state"] == "pulling"
    assert not begun.json()["active"]
    done = await pulled(client, model)
    assert done["speechd"]["pull"] == {
        "state": "installed",
        "completed_bytes": 300_004,
        "total_bytes": 300_004,
        "error": None,
        "server": None,
    }
    assert done["active"]
    assert (await client.post(f"/v1/models/{model}")).status_code == 200
    assert (await transcribe(client, english, model)).status_code == 200


async def test_one_pull_at_a_time_and_requests_are_told_to_wait(
    client: httpx2.AsyncClient, hub: Hub, english: Fixture
) -> None:
    hub.chunk_delay = 0.1
    await asyncio.gather(*(client.post("/v1/models/whisper-1") for _ in range(5)))
    waiting = await transcribe(client, english, "whisper-1")
    assert_envelope(waiting, 503, "model_loading")
    assert waiting.headers["x-should-retry"] == "true"
    assert int(waiting.headers["retry-after"]) >= 1
    await pulled(client, "whisper-1")
    assert [name for name, _ in hub.asked] == list(FILES)


async def test_a_failed_pull_says_why_and_can_be_begun_again(client: httpx2.AsyncClient, hub: Hub) -> None:
    hub.damaged = {"model.bin"}
    await client.post("/v1/models/whisper-1")
    failed = await pulled(client, "whisper-1")
    assert failed["speechd"]["pull"]["state"] == "failed"
    assert "arrived damaged" in failed["speechd"]["pull"]["error"]
    assert failed["speechd"]["stands_for"] == "whisper-pocket"
    hub.damaged = set()
    await client.post("/v1/models/whisper-1")
    assert (await pulled(client, "whisper-1"))["active"]


async def test_auto_pull(settings: Settings, hub: Hub, english: Fixture) -> None:
    async with serving(settings.model_copy(update={"auto_pull": True})) as client:
        assert_envelope(await transcribe(client, english, "whisper-1"), 503, "model_loading")
        await pulled(client, "whisper-1")
        assert (await transcribe(client, english, "whisper-1")).headers["x-speechd-model"] == "whisper-1"
        assert_envelope(await transcribe(client, english, "org/tuned"), 404, "model_not_found")


async def test_auto_pull_leaves_a_hosted_name_to_a_real_model(settings: Settings, hub: Hub, english: Fixture) -> None:
    placed(settings.data_dir / "models" / "whisper-tiny")
    async with serving(settings.model_copy(update={"auto_pull": True})) as client:
        assert (await transcribe(client, english, "whisper-1")).headers["x-speechd-model"] == "whisper-tiny"
        await client.post("/v1/models/whisper-1")
        assert (await transcribe(client, english, "whisper-1")).status_code == 200, "nor does anybody wait for it"
        await pulled(client, "whisper-1")
        assert (await transcribe(client, english, "whisper-1")).headers["x-speechd-model"] == "whisper-1"


async def test_without_auto_pull_a_request_is_told_what_to_do(settings: Settings, hub: Hub, english: Fixture) -> None:
    async with serving(settings.model_copy(update={"hosted_names": "strict"})) as client:
        refused = await transcribe(client, english, "whisper-1")
    assert_envelope(refused, 503, "model_not_installed", "model")
    assert refused.headers["x-should-retry"] == "false"
    assert "speechd models pull whisper-1" in refused.json()["error"]["message"]
    assert "Installed: whisper-pocket" in refused.json()["error"]["message"]
    assert hub.tokens == []


async def test_offline_is_said(settings: Settings, hub: Hub) -> None:
    async with serving(settings.model_copy(update={"offline": True})) as client:
        await client.post("/v1/models/whisper-1")
        assert "SPEECHD_OFFLINE" in (await pulled(client, "whisper-1"))["speechd"]["pull"]["error"]
    assert hub.tokens == []


@pytest.mark.parametrize(
    ("model", "status", "code"),
    [
        ("whisper-pocket", 403, "model_embedded"),
        ("gpt-9", 404, "model_not_found"),
        ("..%2F..%2Fetc", 404, "model_not_found"),
        ("../../etc/passwd", 404, None),
        ("a%2F%2Fb", 404, "model_not_found"),
        ("a//b", 403, "model_not_offered"),  # a/b: extra slashes are removed
    ],
)
async def test_what_cannot_be_pulled(client: httpx2.AsyncClient, model: str, status: int, code: str | None) -> None:
    assert_envelope(await client.post(f"/v1/models/{model}"), status, code)


def placed(folder: Path, **manifest: object) -> Path:
    """A model's folder; pulled, where a manifest says so, or else put there by hand."""
    folder.mkdir(parents=True)
    for name in LAYOUTS["whisper"]:
        (folder / name).touch()
    if manifest:
        (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


async def test_removing(client: httpx2.AsyncClient, settings: Settings, english: Fixture) -> None:
    folder = placed(settings.data_dir / "models" / "org" / "mine", source="hub org/mine")
    assert (await transcribe(client, english, "org/mine")).status_code == 200
    removed = await client.delete("/v1/models/org/mine")
    assert removed.json() == {"id": "org/mine", "object": "model", "deleted": True}
    assert not folder.parent.exists()
    assert (await client.get("/v1/models?loaded=true")).json()["data"] == []
    assert_envelope(await client.delete("/v1/models/org/mine"), 404, "model_not_found")
    assert_envelope(await client.get("/v1/models/org/mine"), 404, "model_not_found")
    assert_envelope(await client.delete("/v1/models/whisper-pocket"), 403, "model_embedded")
    assert_envelope(await client.delete("/v1/models/whisper-1"), 503, "model_not_installed")


async def test_what_the_operator_put_there_stays(client: httpx2.AsyncClient, settings: Settings) -> None:
    models, elsewhere = settings.data_dir / "models", settings.data_dir / "elsewhere"
    by_hand = placed(models / "by-hand")
    linked = placed(elsewhere / "linked", source="hub org/linked")
    (models / "linked").symlink_to(linked)
    (models / "org").symlink_to(elsewhere)
    for name in ("by-hand", "linked", "org/linked"):
        assert_envelope(await client.delete(f"/v1/models/{name}"), 403, "model_protected")
    assert {path.name for path in by_hand.iterdir()} == set(LAYOUTS["whisper"])
    assert {path.name for path in linked.iterdir()} == {*LAYOUTS["whisper"], MANIFEST}


async def test_nothing_is_removed_through_a_linked_models_folder(
    client: httpx2.AsyncClient, settings: Settings
) -> None:
    shared = placed(settings.data_dir / "shared" / "mine", source="hub org/mine")
    (settings.data_dir / "models").symlink_to(shared.parent)
    assert_envelope(await client.delete("/v1/models/mine"), 403, "model_protected")
    assert (shared / "model.bin").exists()


async def test_a_pull_over_http_replaces_nothing_of_the_operators(
    client: httpx2.AsyncClient, settings: Settings, hub: Hub
) -> None:
    folder = placed(settings.data_dir / "models" / "whisper-1")
    (folder / "tokenizer.json").unlink()  # so that it is no complete model
    await client.post("/v1/models/whisper-1")
    assert "operator's own files" in (await pulled(client, "whisper-1"))["speechd"]["pull"]["error"]
    assert (folder / "model.bin").exists()


async def test_only_models_of_the_catalog_can_be_pulled_over_http(client: httpx2.AsyncClient, hub: Hub) -> None:
    refused = await client.post("/v1/models/org/tuned")
    assert_envelope(refused, 403, "model_not_offered", "model")
    assert "SPEECHD_ALLOW_ANY_MODEL" in refused.json()["error"]["message"]
    assert hub.tokens == []


async def test_what_came_over_http_is_never_auto_by_itself(
    client: httpx2.AsyncClient, settings: Settings, hub: Hub, english: Fixture
) -> None:
    await client.post("/v1/models/whisper-1")
    model = (await pulled(client, "whisper-1"))["id"]
    assert (await transcribe(client, english, model)).headers["x-speechd-model"] == model
    assert (await transcribe(client, english, "auto")).headers["x-speechd-model"] == "whisper-pocket"
    adopt(ModelStore(settings).get("whisper-1"))
    again = await transcribe(client, english, "auto")
    assert again.headers["x-speechd-model"] == "whisper-1"


async def test_a_path_tells_nothing_of_what_exists_here(client: httpx2.AsyncClient, settings: Settings) -> None:
    there = placed(settings.data_dir / "elsewhere" / "model")
    answers = []
    for path in (str(there), str(there.with_name("no-model"))):
        for method, tail in (("POST", ""), ("POST", "/load"), ("POST", "/unload"), ("GET", ""), ("DELETE", "")):
            reply = await client.request(method, f"/v1/models/{quote(path, safe='')}{tail}")
            assert_envelope(reply, 404, "model_not_found")
            answers.append(reply.json()["error"]["message"].replace(path, "PATH"))
    assert len(set(answers)) == 1


async def test_pulls_that_wait_are_bounded(settings: Settings, hub: Hub) -> None:
    hub.chunk_delay = 0.1
    async with serving(settings.model_copy(update={"max_pulls": 1})) as client:
        assert (await client.post("/v1/models/whisper-1")).status_code == 202
        assert (await client.post("/v1/models/whisper-1")).status_code == 202, "it is joined"
        refused = await client.post("/v1/models/whisper-small")
        assert_envelope(refused, 503, "too_many_pulls")
        assert int(refused.headers["retry-after"]) >= 1
        await pulled(client, "whisper-1")


async def test_a_request_never_names_a_folder(client: httpx2.AsyncClient, settings: Settings, english: Fixture) -> None:
    from speechd.registry.files import shipped_models

    for name in (str(shipped_models() / "whisper-pocket"), "../models/whisper-pocket", ".", "models/"):
        assert_envelope(await transcribe(client, english, name), 404, "model_not_found")
