"""What each key may do, over HTTP: one table decides, and every route is in it or is named here as open to all keys."""

from pathlib import Path
from typing import Any

import groq
import openai
import pytest
from pydantic import SecretStr

from speechd.api.middleware.permissions import needed_permission
from speechd.auth.keys import DEFAULT_PERMISSIONS, PERMISSIONS, KeyFile, KeyLimits, Permission
from tests.contract.conftest import House, Opener, serving
from tests.contract.test_error_shape import assert_envelope
from tests.support.stored_batches import LINES

FOR_EVERY_KEY = {
    "GET /audio/jobs",
    "GET /audio/jobs/{job_id}",
    "DELETE /audio/jobs/{job_id}",
    "POST /audio/jobs/{job_id}/cancel",
    "GET /audio/jobs/{job_id}/events",
    "GET /audio/jobs/{job_id}/input",
    "GET /audio/jobs/{job_id}/result",
    "GET /admin/me",
    "GET /audio/models",
    "GET /audio/voices",
    "GET /models",
    "GET /models/{model}",
    "GET /healthz",
    "GET /readyz",
}
"""What tells nothing of others and changes nothing."""

REQUESTS: dict[Permission, list[tuple[str, str, dict[str, Any]]]] = {
    "transcribe": [
        ("POST", "/audio/transcriptions", {"files": {"file": ("a.wav", b"speech")}, "data": {"model": "stand-in"}}),
        ("POST", "/audio/translations", {"files": {"file": ("a.wav", b"speech")}, "data": {"model": "stand-in"}}),
    ],
    "speak": [
        ("POST", "/audio/speech", {"json": {"model": "tts-1", "voice": "alloy", "input": "One."}}),
        ("GET", "/audio/speech/captions/req_1.srt", {}),
        ("GET", "/audio/voices/stand-in-voice/sample", {}),
    ],
    "text": [
        ("POST", "/chat/completions", {"json": {}}),
        ("POST", "/embeddings", {"json": {}}),
        ("POST", "/responses", {"json": {}}),
        ("POST", "/reranking", {"json": {}}),
        ("POST", "/rerank", {"json": {}}),
        ("GET", "/fine_tunings", {}),
    ],
    "batches": [
        ("GET", "/files", {}),
        ("POST", "/files", {"files": {"file": ("in.jsonl", LINES)}, "data": {"purpose": "batch"}}),
        ("GET", "/batches", {}),
        ("POST", "/uploads", {"json": {}}),
        ("POST", "/uploads/upload_1/cancel", {}),
    ],
    "models": [
        ("POST", "/models/stand-in", {}),
        ("POST", "/models/stand-in/load", {}),
        ("POST", "/models/stand-in/unload", {}),
        ("DELETE", "/models/stand-in", {}),
    ],
    "metrics": [("GET", "/metrics", {})],
    "admin": [
        ("GET", "/admin/status", {}),
        ("GET", "/admin/settings", {}),
        ("GET", "/admin/keys", {}),
        ("POST", "/admin/keys", {"json": {}}),
        ("PATCH", "/admin/keys/nobody", {"json": {}}),
        ("DELETE", "/admin/keys/nobody", {}),
    ],
}


def bearer(house: House, name: str, may: tuple[Permission, ...]) -> dict[str, str]:
    secret = KeyFile(house.service.settings.keys_path).add(name, KeyLimits(), may)
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
async def keyed_house(open_house: Opener, tmp_path: Path) -> House:
    return await open_house(data_dir=tmp_path, api_key=SecretStr("sk-operator"))


async def test_every_route_has_its_permission(house: House) -> None:
    """A new route fails here until somebody has decided who may use it."""
    routes = {
        f"{method.upper()} {path.removeprefix('/openai').removeprefix('/v1')}": needed_permission(method.upper(), path)
        for path, item in house.app.openapi()["paths"].items()
        for method in item
    }
    assert {route for route, needed in routes.items() if needed is None} == FOR_EVERY_KEY & routes.keys()
    assert set(routes.values()) >= set(PERMISSIONS) - {"metrics"}


@pytest.mark.parametrize("permission", PERMISSIONS)
async def test_a_key_may_what_it_was_made_for(keyed_house: House, permission: Permission) -> None:
    key = bearer(keyed_house, "anna", (permission,))
    for needed, requests in REQUESTS.items():
        for method, path, content in requests:
            for prefix in ("/v1", "/openai/v1") if path != "/metrics" else ("",):
                reply = await keyed_house.client.request(method, prefix + path, headers=key, **content)
                if needed == permission:
                    assert reply.status_code != 403, (method, path, reply.text)
                else:
                    assert_envelope(reply, 403, "permission_denied")
                    assert f"`{needed}`" in reply.json()["error"]["message"]
    for path in ("/v1/models", "/openai/v1/models/stand-in", "/v1/audio/voices", "/v1/audio/jobs", "/healthz"):
        assert (await keyed_house.client.get(path, headers=key)).status_code == 200


async def test_models_are_the_operators(keyed_house: House) -> None:
    """Unless somebody says so, a key may neither change the models nor administer; the operator's own may do all."""
    assert set(PERMISSIONS) - set(DEFAULT_PERMISSIONS) == {"models", "admin"}
    key = bearer(keyed_house, "anna", DEFAULT_PERMISSIONS)
    assert_envelope(await keyed_house.client.delete("/v1/models/stand-in", headers=key), 403, "permission_denied")
    operator = {"authorization": "Bearer sk-operator"}
    assert (await keyed_house.client.delete("/v1/models/stand-in", headers=operator)).status_code == 200


async def test_without_keys_all_is_allowed(house: House) -> None:
    assert (await house.client.delete("/v1/models/stand-in")).status_code == 200
    assert (await house.client.post("/v1/models/stand-in/load")).status_code == 200


async def test_a_batch_allows_nothing_more(keyed_house: House) -> None:
    """Its lines need what the same requests need."""
    keyed_house.client.headers.update(bearer(keyed_house, "anna", ("batches", "text")))
    upload = {"files": {"file": ("in.jsonl", LINES)}, "data": {"purpose": "batch"}}
    file = (await keyed_house.client.post("/v1/files", **upload)).json()["id"]
    order = {"input_file_id": file, "completion_window": "24h"}
    for endpoint in ("/v1/audio/transcriptions", "/openai/v1/audio/translations", "/v1/audio/speech"):
        refused = await keyed_house.client.post("/v1/batches", json=order | {"endpoint": endpoint})
        assert_envelope(refused, 403, "permission_denied")
    allowed = await keyed_house.client.post("/v1/batches", json=order | {"endpoint": "/v1/embeddings"})
    assert allowed.status_code == 200, allowed.text


async def test_a_name_that_is_given_again_inherits_nothing(keyed_house: House) -> None:
    keys = KeyFile(keyed_house.service.settings.keys_path)
    keyed_house.client.headers.update(bearer(keyed_house, "anna", DEFAULT_PERMISSIONS))
    upload = {"files": {"file": ("in.jsonl", LINES)}, "data": {"purpose": "batch"}}
    file = (await keyed_house.client.post("/v1/files", **upload)).json()["id"]
    assert (await keyed_house.client.get(f"/v1/files/{file}")).status_code == 200
    keys.revoke("anna")
    keyed_house.client.headers.update(bearer(keyed_house, "anna", DEFAULT_PERMISSIONS))
    assert (await keyed_house.client.get("/v1/files")).json()["data"] == []
    assert_envelope(await keyed_house.client.get(f"/v1/files/{file}"), 404)


async def test_the_sdks_understand(tmp_path: Path) -> None:
    secret = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits(), ("speak",))
    async with serving(data_dir=tmp_path) as server:
        async with openai.AsyncOpenAI(api_key=secret, base_url=f"{server.url}/v1") as client:
            with pytest.raises(openai.PermissionDeniedError, match="lacks the permission `transcribe`") as refused:
                await client.audio.transcriptions.create(model="whisper-1", file=b"speech")
            assert refused.value.code == "permission_denied"
        async with groq.AsyncGroq(api_key=secret, base_url=server.url) as client:
            with pytest.raises(groq.PermissionDeniedError):
                await client.audio.transcriptions.create(model="whisper-1", file=b"speech")
