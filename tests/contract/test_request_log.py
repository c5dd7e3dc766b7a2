"""One line of the log for each request: what was asked and how it went, and nothing that anybody said."""

import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from speechd.api.errors import error_response
from speechd.auth.keys import KeyFile, KeyLimits
from speechd.errors import EngineFailure
from speechd.telemetry.logs import ACCESS
from tests.contract.conftest import House, Opener
from tests.support.fake_service import TEXT


def lines(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [record for record in caplog.records if record.name == ACCESS]


@pytest.fixture(autouse=True)
def _informed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


async def test_a_request_is_a_line(house: House, caplog: pytest.LogCaptureFixture) -> None:
    reply = await house.transcribe(b"spoken", prefix="/openai/v1")
    (line,) = lines(caplog)
    assert (line.method, line.path, line.status) == ("POST", "/openai/v1/audio/transcriptions", 200)
    assert (line.model, line.audio_seconds, line.cache, line.queue_ms) == ("stand-in", 3.5, "miss", 0)
    assert line.duration_ms > 0
    assert line.getMessage().startswith("POST /openai/v1/audio/transcriptions 200 in ")
    assert line.getMessage().endswith(f", stand-in, 3.5 s of audio, {reply.headers['x-request-id']}")


async def test_a_stream_and_a_speech_tell_their_audio_too(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.transcribe(b"a stream", stream="true")
    await house.client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "x", "input": "Hello you."})
    heard, spoken = lines(caplog)
    assert (heard.model, heard.audio_seconds) == ("stand-in", 3.5)
    assert spoken.model == "stand-in"
    assert spoken.audio_seconds > 0


async def test_nothing_that_was_said_and_no_secret_is_logged(open_house: Opener, tmp_path: Path, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, "speechd")
    secret = KeyFile(tmp_path / "keys.json").add("anna", KeyLimits())
    house = await open_house(data_dir=tmp_path, llm_api_key=SecretStr("sk-backend"))
    house.client.headers["authorization"] = f"Bearer {secret}"
    await house.transcribe(b"words", prompt="a private prompt", stream="true")
    await house.post("/v1/audio/transcriptions?token=private-query", b"more words")
    await house.client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "x", "input": "A private text."})
    await house.client.get("/v1/models", headers={"authorization": "Bearer sk-wrong"})
    ours = [record for record in caplog.records if record.name.startswith("speechd")]
    told = " ".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "key anna" in told
    for private in (secret, "sk-", "private", TEXT[:5]):
        assert private not in told


async def test_a_refusal_tells_its_code(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.transcribe(b"broken")
    (line,) = lines(caplog)
    assert (line.status, line.error) == (400, "invalid_audio")


@pytest.mark.parametrize(("text", "told"), [("refuse", "engine_failure: "), ("crash", "req_")])
async def test_a_failure_leaves_its_cause(text: str, told: str, house: House, caplog: Any) -> None:
    reply = await house.client.post("/v1/audio/speech", json={"model": "tts-1", "voice": "x", "input": text})
    assert reply.status_code == 500
    (cause,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert cause.getMessage().startswith(told)
    assert ("a secret of the inside" in caplog.text) == (text == "crash")


def test_a_failure_of_a_library_leaves_where_it_happened(caplog: pytest.LogCaptureFixture) -> None:
    failure = EngineFailure("The model failed.")
    failure.__cause__ = ValueError("a shape that does not fit")
    assert error_response(failure).status_code == 500
    assert "ValueError: a shape that does not fit" in caplog.text


async def test_a_path_cannot_forge_a_line(house: House, caplog: pytest.LogCaptureFixture) -> None:
    await house.client.get("/v1/x%0a2026-01-01%20INFO%20forged%1b[31m" + "y" * 1000)
    (line,) = lines(caplog)
    assert "\n" not in line.getMessage()
    assert "\x1b" not in line.getMessage()
    assert len(line.getMessage()) < 300


async def test_probes_are_quiet(house: House, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await house.client.get(path)).status_code == 200
    assert lines(caplog) == []


async def test_a_callers_own_id_is_taken(house: House, caplog: pytest.LogCaptureFixture) -> None:
    reply = await house.client.get("/v1/models", headers={"x-request-id": "my-id_7"})
    assert reply.headers["x-request-id"] == "my-id_7"
    assert lines(caplog)[0].getMessage().endswith(", my-id_7")


@pytest.mark.parametrize("given", ["a b", "x" * 65, "<script>", "../../a"])
async def test_an_odd_id_is_not(given: str, house: House) -> None:
    reply = await house.client.get("/v1/models", headers={"x-request-id": given})
    assert reply.headers["x-request-id"].startswith("req_")
