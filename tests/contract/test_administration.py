"""The server's state, settings and keys over HTTP: for keys that may `admin`, and without keys for this machine."""

import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from speechd import __version__
from speechd.auth.keys import PERMISSIONS, KeyFile, KeyLimits
from speechd.errors import StorageFull
from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope

OPERATOR = {"authorization": "Bearer sk-operator"}
ROUTES = [
    ("GET", "/admin/status"),
    ("GET", "/admin/settings"),
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys"),
    ("PATCH", "/admin/keys/anna"),
    ("DELETE", "/admin/keys/anna"),
]


@pytest.fixture
async def keyed_house(open_house: Opener, tmp_path: Path) -> House:
    return await open_house(
        data_dir=tmp_path, api_key=SecretStr("sk-operator"), llm_base_url="http://user:pass@127.0.0.1:9/v1"
    )


async def made(house: House, headers: dict[str, str] = OPERATOR, **fields: Any) -> httpx2.Response:
    return await house.client.post("/v1/admin/keys", json={"name": "anna", **fields}, headers=headers)


def bearer(reply: httpx2.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {reply.json()['key']}"}


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_the_state_of_the_server(house: House, prefix: str) -> None:
    logging.getLogger("speechd.models").error("the model %s is broken", "whisper-x")
    state = (await house.client.get(f"{prefix}/admin/status")).json()
    assert (state["object"], state["version"]) == ("admin.status", __version__)
    assert 0 <= state["uptime_seconds"] < 600
    assert state["disk"]["free_bytes"] <= state["disk"]["total_bytes"]
    assert state["devices"]["cpu_cores"] >= 1
    checks = {f"{each['group']}/{each['check']}": each["status"] for each in state["checks"]}
    assert checks["Machine/data folder"] == "ok"
    assert checks["Server/data_folder"] == "ok"
    assert {"Installation/packages", "Machine/disk", "Machine/devices", "Machine/access"} <= checks.keys()
    newest = state["errors"][0]
    assert (newest["level"], newest["message"]) == ("error", "the model whisper-x is broken")


async def test_what_stops_the_work_is_told(house: House) -> None:
    house.app.state.jobs.faults["results"] = StorageFull()
    checks = (await house.client.get("/v1/admin/status")).json()["checks"]
    (told,) = (each for each in checks if each["check"] == "results")
    assert (told["group"], told["status"], told["message"]) == ("Server", "problem", StorageFull().message)


async def test_work_is_counted_by_state(house: House) -> None:
    assert (await house.client.get("/v1/admin/status")).json()["work"] is None, "the database was never used"
    speech = {"model": "tts-1", "voice": "alloy", "input": "Hello."}
    await house.client.post("/v1/audio/speech", json=speech, headers={"prefer": "respond-async"})
    work = (await house.client.get("/v1/admin/status")).json()["work"]
    assert work["jobs"] == {"queued": 1, "running": 0}


async def test_settings_tell_their_source_and_no_secret(keyed_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHD_LLM_BASE_URL", "x")
    listed = (await keyed_house.client.get("/v1/admin/settings", headers=OPERATOR)).json()
    rows = {row["name"]: row for row in listed["data"]}
    assert rows["api_key"]["value"] == "**********"
    assert rows["llm_base_url"]["value"] == "http://127.0.0.1:9/v1"
    assert rows["llm_base_url"]["source"] == rows["llm_base_url"]["variable"] == "SPEECHD_LLM_BASE_URL"
    assert (rows["port"]["source"], bool(rows["port"]["description"])) == ("default", True)
    assert "sk-operator" not in str(listed)
    assert "pass" not in rows["llm_base_url"]["value"]


async def test_a_key_from_its_making_to_its_end(keyed_house: House) -> None:
    client = keyed_house.client
    limits = {"requests_per_minute": 50, "audio_seconds_per_day": 60.5}
    reply = await made(keyed_house, scopes=["transcribe", "speak"], limits=limits)
    assert reply.status_code == 200, reply.text
    key = reply.json()
    assert (key["object"], key["name"], key["scopes"]) == ("admin.key", "anna", ["transcribe", "speak"])
    assert key["limits"] == limits | {"requests_per_day": None, "audio_seconds_per_hour": None}
    anna = bearer(reply)
    mine = (await client.get("/v1/admin/me", headers=anna)).json()
    assert (mine["id"], mine["name"], mine["scopes"]) == (key["id"], "anna", ["transcribe", "speak"])
    assert mine["use"]["requests_per_minute"]["used"] == 1
    assert mine["use"]["requests_per_minute"]["limit"] == 50
    assert 0 < mine["use"]["requests_per_minute"]["resets_in"] <= 60
    assert mine["key_required"] is True
    assert_envelope(await client.get("/v1/batches", headers=anna), 403, "permission_denied")

    change = {"scopes": ["batches"], "limits": {"requests_per_minute": None, "requests_per_day": 9}}
    changed = await client.patch(f"/v1/admin/keys/{key['id']}", json=change, headers=OPERATOR)
    assert changed.json()["scopes"] == ["batches"]
    assert changed.json()["limits"] == {
        "requests_per_minute": None,
        "requests_per_day": 9,
        "audio_seconds_per_hour": None,
        "audio_seconds_per_day": 60.5,
    }
    assert "key" not in changed.json()
    assert (await client.get("/v1/batches", headers=anna)).status_code == 200

    listed = (await client.get("/v1/admin/keys", headers=OPERATOR)).json()["data"]
    assert [(each["name"], "key" in each, "digest" in each) for each in listed] == [("anna", False, False)]
    gone = await client.delete("/v1/admin/keys/anna", headers=OPERATOR)
    assert gone.json() == {"object": "admin.key", "id": key["id"], "deleted": True}
    assert_envelope(await client.get("/v1/models", headers=anna), 401, "invalid_api_key")
    assert_envelope(await client.delete("/v1/admin/keys/anna", headers=OPERATOR), 404)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": "a b"}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": None}, "name"),
        ({"name": "SPEECHD_API_KEY"}, "name"),
        ({"scopes": ["root"]}, "scopes[0]"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "admin"}, "scopes"),
        ({"limits": {"requests_per_minute": 0}}, "limits.requests_per_minute"),
        ({"limits": {"requests_per_minute": 1.5}}, "limits.requests_per_minute"),
        ({"limits": {"audio_seconds_per_day": "many"}}, "limits.audio_seconds_per_day"),
        ({"limits": {"minutes": 1}}, "limits.minutes"),
        ({"limits": []}, "limits"),
    ],
)
async def test_what_is_wrong_is_named(keyed_house: House, fields: dict[str, Any], param: str) -> None:
    assert_envelope(await made(keyed_house, **fields), 400, param=param)
    if "name" not in fields:
        await made(keyed_house)
        reply = await keyed_house.client.patch("/v1/admin/keys/anna", json=fields, headers=OPERATOR)
        assert_envelope(reply, 400, param=param)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_the_examples_of_the_documentation_work(keyed_house: House, prefix: str) -> None:
    client = keyed_house.client
    paths = (await client.get("/openapi.json")).json()["paths"]
    new, change = (
        paths[path][method]["requestBody"]["content"]["application/json"]["example"]
        for path, method in ((f"{prefix}/admin/keys", "post"), (f"{prefix}/admin/keys/{{key}}", "patch"))
    )
    made = await client.post(f"{prefix}/admin/keys", json=new, headers=OPERATOR)
    changed = await client.patch(f"{prefix}/admin/keys/{made.json()['id']}", json=change, headers=OPERATOR)
    assert (made.status_code, changed.status_code) == (200, 200)


async def test_a_name_is_given_once(keyed_house: House) -> None:
    assert (await made(keyed_house)).status_code == 200
    assert_envelope(await made(keyed_house), 400, param="name")


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_a_plain_key_administers_nothing(keyed_house: House, method: str, path: str) -> None:
    plain = bearer(await made(keyed_house))
    refused = await keyed_house.client.request(method, f"/v1{path}", headers=plain, json={})
    assert_envelope(refused, 403, "permission_denied")
    assert_envelope(await keyed_house.client.request(method, f"/openai/v1{path}", json={}), 401)
    chief = bearer(await made(keyed_house, name="chief", scopes=["admin"]))
    assert (await keyed_house.client.get("/v1/admin/status", headers=chief)).status_code == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    ("settings", "headers"),
    [({"allow_anonymous": True}, {}), ({}, {"x-forwarded-for": "203.0.113.9"}), ({}, {"forwarded": "for=203.0.113.9"})],
)
async def test_without_keys_only_this_machine_administers(
    open_house: Opener, settings: dict[str, Any], headers: dict[str, str], method: str, path: str
) -> None:
    house = await open_house(**settings)
    refused = await house.client.request(method, f"/v1{path}", headers=headers, json={})
    assert_envelope(refused, 403, "permission_denied")
    mine = (await house.client.get("/v1/admin/me", headers=headers)).json()
    assert (mine["name"], mine["scopes"]) == ("", [each for each in PERMISSIONS if each != "admin"])


async def test_the_first_key_closes_the_server(open_house: Opener, tmp_path: Path) -> None:
    house = await open_house(data_dir=tmp_path)
    mine = (await house.client.get("/v1/admin/me")).json()
    assert (mine["scopes"], mine["key_required"]) == (list(PERMISSIONS), False)
    chief = bearer(await made(house, {}, scopes=list(PERMISSIONS)))
    assert_envelope(await house.client.get("/v1/admin/keys"), 401)
    assert (await house.client.get("/v1/admin/keys", headers=chief)).status_code == 200


async def test_the_file_is_that_of_the_command(keyed_house: House) -> None:
    """`speechd keys` and the API change the same file."""
    file = KeyFile(keyed_house.service.settings.keys_path)
    file.add("bert", KeyLimits(requests_per_day=5))
    await made(keyed_house)
    assert [key.name for key in file.read()] == ["bert", "anna"]
    reply = await keyed_house.client.patch("/v1/admin/keys/bert", json={"limits": {}}, headers=OPERATOR)
    assert reply.json()["limits"]["requests_per_day"] == 5
    file.revoke("bert")
    assert_envelope(await keyed_house.client.patch("/v1/admin/keys/bert", json={}, headers=OPERATOR), 404)


async def test_web_pages_of_others_get_nothing(house: House) -> None:
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
        assert (await house.client.get("/v1/admin/status", headers=headers)).status_code == 403
        assert (await made(house, headers)).status_code == 403


async def test_voices_have_samples(house: House) -> None:
    (voice,) = (await house.client.get("/v1/audio/voices")).json()["data"]
    assert voice["voice_id"] == voice["id"] == "stand-in-voice"
    assert (voice["languages"], voice["gender"]) == ([voice["language"]], None)
    first = await house.client.get(voice["sample_url"])
    assert (first.status_code, first.headers["content-type"]) == (200, "audio/mpeg")
    assert first.content
    spoken = len(house.service.mouth.said)
    again = await house.client.get(voice["sample_url"])
    assert again.content == first.content
    assert len(house.service.mouth.said) == spoken, "it is kept"
    assert_envelope(await house.client.get("/v1/audio/voices/nobody/sample"), 404, "voice_not_found")
