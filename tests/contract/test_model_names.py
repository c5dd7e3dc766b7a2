"""Models by the names that clients have: hosted ids, aliases, repositories; and the lists that front ends read."""

from collections.abc import AsyncIterator
from typing import Any

import groq
import httpx
import httpx2
import openai
import pytest

from speechd.settings import Settings
from tests.conftest import Fixture
from tests.contract.test_error_shape import assert_envelope
from tests.contract.test_models_api import PREFIXES, placed, serving, transcribe

ANSWERS = {
    "whisper-1": "whisper-base",
    "gpt-4o-mini-transcribe": "whisper-base",
    "auto": "whisper-base",
    "any": "whisper-base",
    "mine": "whisper-tiny.en",
    "openai/whisper-base": "whisper-base",
    "Systran/faster-whisper-base": "whisper-base",
    "base": "whisper-base",
    "tts-1": "en_US-pocket-x_low",
    "whisper-base": None,
}
"""Names, and the models that answer to them."""


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """With a real model's folder, a pulled English one, and aliases."""
    for name in ("whisper-base", "whisper-tiny.en"):
        placed(settings.data_dir / "models" / name)
    aliases = {"mine": "whisper-tiny.en", "any": "auto", "speaker": "en_US-pocket-x_low", "gone": "whisper-small"}
    async with serving(settings.model_copy(update={"model_aliases": aliases})) as client:
        yield client


async def listed(client: httpx2.AsyncClient, prefix: str = "/v1") -> dict[str, dict[str, Any]]:
    rows = (await client.get(f"{prefix}/models")).json()["data"]
    assert len({row["id"] for row in rows}) == len(rows)
    assert [row["active"] for row in rows] == sorted((row["active"] for row in rows), reverse=True)
    return {row["id"]: row for row in rows}


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_names_are_rows_of_their_own(client: httpx2.AsyncClient, prefix: str) -> None:
    rows = await listed(client, prefix)
    assert next(iter(rows)) == "whisper-base", "clients that take the first one get the best"
    stands_for = {name: rows[name]["speechd"]["stands_for"] for name in rows if rows[name]["active"]}
    recognisers = ("whisper-1", "whisper-large-v3", "whisper-large-v3-turbo", "gpt-4o-transcribe", "any")
    assert {name: stands_for[name] for name in recognisers} == dict.fromkeys(recognisers, "whisper-base")
    assert stands_for["mine"] == "whisper-tiny.en"
    assert stands_for["tts-1"] == stands_for["speaker"] == "en_US-pocket-x_low"
    assert stands_for["whisper-base"] is None
    assert [name for name in ("gone", "whisper-small", "playai-tts-arabic") if rows[name]["active"]] == []


async def test_a_name_has_the_languages_and_tasks_of_its_model(client: httpx2.AsyncClient) -> None:
    rows = await listed(client)
    assert rows["gpt-4o-transcribe"]["speechd"]["tasks"] == ["transcribe", "translate"]
    assert rows["mine"]["speechd"]["languages"] == ["en"]
    assert rows["tts-1"]["speechd"]["languages"] == ["en"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_one_model_has_the_id_that_was_asked_for(client: httpx2.AsyncClient, prefix: str) -> None:
    for name, model in ANSWERS.items():
        found = (await client.get(f"{prefix}/models/{name}")).json()
        assert (found["id"], found["active"], found["speechd"]["stands_for"]) == (name, True, model)


async def test_what_cannot_be_used_is_not_found(client: httpx2.AsyncClient) -> None:
    for name in ("whisper-small", "openai/whisper-large-v3", "gone", "playai-tts-arabic", "gpt-9"):
        assert_envelope(await client.get(f"/v1/models/{name}"), 404, "model_not_found", "model")
    missing = (await client.get("/v1/models/whisper-small")).json()["error"]["message"]
    assert "speechd models pull whisper-small" in missing


async def test_a_request_by_name_tells_the_model(client: httpx2.AsyncClient, english: Fixture) -> None:
    for name in ("whisper-1", "whisper-large-v3", "Systran/faster-whisper-base", "openai/whisper-base"):
        reply = await transcribe(client, english, name)
        assert (reply.status_code, reply.headers["x-speechd-model"]) == (200, "whisper-base"), name


async def test_strict_names(settings: Settings, english: Fixture) -> None:
    placed(settings.data_dir / "models" / "whisper-base")
    async with serving(settings.model_copy(update={"hosted_names": "strict"})) as client:
        assert_envelope(await transcribe(client, english, "whisper-1"), 503, "model_not_installed", "model")
        assert_envelope(await transcribe(client, english, "gpt-4o-transcribe"), 404, "model_not_found", "model")
        assert_envelope(await client.get("/v1/models/whisper-1"), 404, "model_not_found")
        rows = await listed(client)
        assert not rows["whisper-1"]["active"]
        assert "gpt-4o-transcribe" not in rows
        assert rows["tts-1"]["active"]


async def test_what_is_loaded_is_the_model(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/models/gpt-4o-transcribe/load")).json()["id"] == "whisper-base"
    assert (await client.post("/v1/models/openai/whisper-base/unload")).json()["id"] == "whisper-base"
    assert (await client.get("/v1/models?loaded=true")).json()["data"] == []


async def test_a_repository_of_the_catalog_is_removed_and_pulled_by_its_name(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/models/Systran/faster-whisper-base")).json()["id"] == "whisper-base"
    assert_envelope(await client.delete("/v1/models/openai/whisper-base"), 403, "model_protected")
    assert_envelope(await client.post("/v1/models/gpt-4o-transcribe"), 403, "model_embedded")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("path", ["/audio/voices", "/audio/speech/voices"])
async def test_voices_under_both_members(client: httpx2.AsyncClient, prefix: str, path: str) -> None:
    found = (await client.get(prefix + path)).json()
    assert found["voices"] == found["data"]
    assert [voice["id"] for voice in found["voices"]] == ["en_US-pocket-x_low"]
    assert (found["voices"][0]["name"], found["voices"][0]["language"]) == ("Pocket (English, US, x_low)", "en")


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_the_models_that_speak(client: httpx2.AsyncClient, prefix: str) -> None:
    models = [model["id"] for model in (await client.get(f"{prefix}/audio/models")).json()["models"]]
    assert {"en_US-pocket-x_low", "tts-1", "gpt-4o-mini-tts", "speaker"} <= set(models)
    assert {"playai-tts-arabic", "whisper-base", "en_US-joe-medium"}.isdisjoint(models)


async def test_the_sdks_find_names(settings: Settings) -> None:
    """The set-ups of some programs ask for the model first."""
    placed(settings.data_dir / "models" / "whisper-base")
    async with serving(settings) as client:
        async with openai.AsyncOpenAI(api_key="x", base_url="http://speechd/v1", http_client=_over(client)) as sdk:
            assert (await sdk.models.retrieve("whisper-1")).id == "whisper-1"
            with pytest.raises(openai.NotFoundError):
                await sdk.models.retrieve("whisper-small")
        async with groq.AsyncGroq(api_key="x", base_url="http://speechd", http_client=_over(client)) as sdk:
            assert "whisper-large-v3" in [model.id for model in (await sdk.models.list()).data]


def _over(client: httpx2.AsyncClient) -> httpx.AsyncClient:
    """What the SDKs send goes to the same application."""

    async def forward(request: httpx.Request) -> httpx.Response:
        reply = await client.request(request.method, request.url.raw_path.decode())
        return httpx.Response(reply.status_code, headers=dict(reply.headers), content=reply.content)

    return httpx.AsyncClient(transport=httpx.MockTransport(forward))
