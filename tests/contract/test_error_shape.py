"""One envelope on every path and method, however a request fails."""

import re
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Route

from tests.contract.conftest import House, Opener

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
BODIES: list[dict[str, Any]] = [
    {},
    {"content": b"RIFF", "headers": {"content-type": "audio/wav"}},
    {"content": b"--b", "headers": {"content-type": "multipart/form-data; boundary=b"}},
    {"content": b"{", "headers": {"content-type": "application/json"}},
    {"content": b"\xff" * 100, "headers": {"content-type": "\x00"}},
]


def paths_of(app: FastAPI) -> set[str]:
    """Every address the application serves, documented or not."""
    undocumented = {"/", *(route.path for route in app.routes if isinstance(route, Route))}
    return {
        path.replace("{model}", "no/such model").replace("{id}", "ft_1")
        for path in {*app.openapi()["paths"], *undocumented}
    }


def assert_common(reply: httpx2.Response) -> None:
    assert re.fullmatch(r"req_[0-9a-z]{26}", reply.headers["x-request-id"])


def assert_envelope(reply: httpx2.Response, status: int, code: str | None = None, param: str | None = None) -> None:
    assert_common(reply)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"]
    assert body["error"]["type"]
    if code:
        assert body["error"]["code"] == code
    if param:
        assert body["error"]["param"] == param


@pytest.mark.slow
async def test_every_path_and_method(house: House) -> None:
    paths = paths_of(house.app)
    assert {"/v1/audio/transcriptions", "/openai/v1/audio/translations", "/healthz"} <= paths
    for path in [*paths, "/nowhere", "/v1", "/v1/audio", "/v1/audio/transcriptions/", "/%00", "//"]:
        for method in METHODS:
            for body in BODIES:
                reply = await house.client.request(method, path, **body)
                assert_common(reply)
                assert reply.status_code < 500 or reply.status_code == 501, (method, path, reply.text)
                if reply.status_code >= 400 and method != "HEAD":
                    assert_envelope(reply, reply.status_code)


async def test_every_path_needs_the_key(keyed: House) -> None:
    opened = {"/", "/healthz", "/readyz", "/docs", "/openapi.json", "/app"}
    for path in [*(paths_of(keyed.app) - opened - {"/docs/{name}", "/app/{name:path}"}), "/nowhere"]:
        for authorization in ({}, {"authorization": "Bearer wrong"}):
            for method in ("GET", "POST", "OPTIONS"):
                reply = await keyed.client.request(method, path, headers=authorization)
                assert_envelope(reply, 401, "invalid_api_key")
                assert reply.headers["www-authenticate"] == "Bearer"
    for path in opened:
        assert (await keyed.client.get(path)).status_code == 200
    reply = await keyed.client.get("/v1/models", headers={"authorization": "bearer sk-right"})
    assert reply.status_code == 200


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
@pytest.mark.parametrize("operation", ["transcriptions", "translations"])
@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"temperature": "7"}, 400, None, "temperature"),
        ({"response_format": "docx"}, 400, None, "response_format"),
        ({"known_speaker_references[]": ["data:,"]}, 400, None, "known_speaker_references"),
        ({"timestamp_granularities[]": ["char"], "response_format": "verbose_json"}, 400, None, None),
        ({"language": "klingon"}, 400, None, "language"),
        ({"url": "http://example.org/a.wav"}, 400, None, "url"),
        ({"chunking_strategy[type]": "x"}, 400, None, "chunking_strategy"),
        ({"model": "nonsense"}, 404, "model_not_found", "model"),
        ({"model": "whisper-large-v3"}, 503, "model_not_installed", "model"),
    ],
)
async def test_bad_parameters(
    house: House, prefix: str, operation: str, fields: dict[str, Any], status: int, code: str | None, param: str | None
) -> None:
    reply = await house.post(f"{prefix}/audio/{operation}", **fields)
    assert_envelope(reply, status, code, param)
    assert reply.json()["error"]["type"] == ("service_unavailable" if status == 503 else "invalid_request_error")
    assert all(file.closed for file in house.service.ears.files)


@pytest.mark.parametrize("stream", ["false", "true"])
@pytest.mark.parametrize(
    ("audio", "status", "code"),
    [
        (b"", 400, "invalid_audio"),
        (b"broken", 400, "invalid_audio"),
        (b"picture", 400, "unsupported_audio_format"),
        (b"too long", 413, "request_too_large"),
        (b"busy", 503, "overloaded"),
        (b"crash", 500, "internal_error"),
        (b"x" * 2_000_001, 413, "request_too_large"),
        (b"x" * 4_000_000, 413, "request_too_large"),
    ],
)
async def test_bad_audio(house: House, audio: bytes, status: int, code: str, stream: str) -> None:
    reply = await house.transcribe(audio, stream=stream)
    assert_envelope(reply, status, code)
    assert "secret" not in reply.text
    assert all(file.closed for file in house.service.ears.files)
    if code == "overloaded":
        assert reply.headers["retry-after"] == "2"
        assert reply.headers["retry-after-ms"] == "2500"


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [("http://169.254.169.254/", 403, "url_not_allowed"), ("http://unreachable.example/", 424, "url_fetch_failed")],
)
async def test_bad_urls(house: House, url: str, status: int, code: str) -> None:
    reply = await house.client.post("/openai/v1/audio/transcriptions", json={"model": "stand-in", "url": url})
    assert_envelope(reply, status, code, "url")


async def test_impossible_task(house: House) -> None:
    assert_envelope(await house.post("/v1/audio/translations", model="org/stand-in-en"), 422)


async def test_neither_file_nor_url(house: House) -> None:
    reply = await house.client.post("/v1/audio/transcriptions", data={"model": "stand-in"})
    assert_envelope(reply, 400, param="file")


async def test_retries_are_steered(house: House) -> None:
    reply = await house.transcribe(model="whisper-large-v3")
    assert reply.headers["x-should-retry"] == "false"


async def test_a_crash_is_logged_under_its_id(house: House, caplog: pytest.LogCaptureFixture) -> None:
    reply = await house.transcribe(b"crash")
    assert reply.headers["x-request-id"] in reply.json()["error"]["message"]
    assert reply.headers["x-request-id"] in caplog.text
    assert "a secret of the inside" in caplog.text


async def test_routing_refusals(house: House) -> None:
    assert_envelope(await house.client.get("/v1/nowhere"), 404, "unknown_url")
    wrong_method = await house.client.get("/v1/audio/transcriptions")
    assert_envelope(wrong_method, 405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "POST"
    options = await house.client.options("/v1/models")
    assert (options.status_code, options.headers["allow"]) == (204, "GET")


async def test_foreign_hosts_and_origins(house: House, open_house: Opener) -> None:
    reply = await house.client.get("/v1/models", headers={"host": "evil.example"})
    assert_envelope(reply, 403, "host_not_allowed")
    reply = await house.transcribe()
    assert reply.status_code == 200
    reply = await house.client.get("/v1/models", headers={"origin": "https://evil.example"})
    assert_envelope(reply, 403, "origin_not_allowed")
    assert "access-control-allow-origin" not in reply.headers
    preflight = {"origin": "https://app.example", "access-control-request-method": "POST"}
    assert_envelope(await house.client.options("/v1/models", headers=preflight), 403, "origin_not_allowed")


async def test_cors_where_it_is_opened(open_house: Opener) -> None:
    house = await open_house(cors_origins="https://app.example", api_key="sk-right")
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    reply = await house.client.options("/v1/models", headers={"origin": "https://app.example", **asked})
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == "https://app.example"
    assert reply.headers["access-control-allow-headers"] == "authorization"
    assert "POST" in reply.headers["access-control-allow-methods"]
    refused = await house.client.get("/v1/models", headers={"origin": "https://app.example"})
    assert_envelope(refused, 401)
    assert refused.headers["access-control-allow-origin"] == "https://app.example"
    assert refused.headers["vary"] == "Origin"


async def test_not_ready(house: House) -> None:
    house.service.ready = False
    reply = await house.client.get("/readyz")
    assert_envelope(reply, 503)
    assert reply.headers["retry-after"] == "1"
    assert (await house.client.get("/healthz")).status_code == 200
