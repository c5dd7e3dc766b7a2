"""Connections that ask for nothing, or never finish asking: no key is needed for them."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import httpx2
import pytest

from tests.integration.conftest import serving
from tests.integration.hostile.conftest import PATIENCE, probing, serving_with

UPLOAD = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n"
)


def connected(url: str, sent: bytes = b"") -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    connection.sendall(sent)
    return connection


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what the server says until it closes."""
    received = b""
    with closing(connection):
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


def code(body: bytes) -> str:
    return str(json.loads(body)["error"]["code"])


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that waits one second where others wait ten."""
    with serving(tmp_path_factory.mktemp("data"), SPEECHD_REQUEST_TIMEOUT="1") as url:
        yield url


def test_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    with serving_with(tmp_path, descriptors=256) as server, ExitStack() as held:
        for _ in range(250):
            held.enter_context(connected(server.found))
        with probing(server.found) as waits:
            time.sleep(2)
            held.enter_context(connected(server.found))
        log = "".join(server.log)
    assert len(waits) > 5
    assert max(waits) < PATIENCE
    assert len(log) < 10_000, log[:2000]


def test_where_all_connections_are_in_use_only_probes_are_answered(tmp_path: Path) -> None:
    with serving_with(tmp_path, descriptors=256, SPEECHD_MAX_CONNECTIONS="20") as server, ExitStack() as held:
        for _ in range(20):
            held.enter_context(connected(server.found, UPLOAD + b"--x\r\n"))
        time.sleep(0.3)
        refused = httpx2.get(f"{server.found}/v1/models")
        probed = httpx2.get(f"{server.found}/healthz")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "too_many_connections")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.headers["x-request-id"].startswith("req_")
    assert probed.status_code == 200


def test_a_head_that_never_ends(impatient: str) -> None:
    status, headers, body = answer(connected(impatient, b"GET /healthz HTTP/1.1\r\nHost: local"))
    assert (status, headers["connection"], code(body)) == (408, "close", "request_timeout")


def test_a_connection_that_sends_nothing_is_closed(impatient: str) -> None:
    with connected(impatient) as silent, suppress(ConnectionResetError):
        assert silent.recv(1) == b""


@pytest.mark.parametrize("begun", [b"", b"--x\r\n"], ids=["no byte", "too few bytes"])
def test_a_body_that_does_not_come(impatient: str, begun: bytes) -> None:
    status, headers, body = answer(connected(impatient, UPLOAD + begun))
    assert (status, headers["connection"], code(body)) == (408, "close", "request_timeout")


def test_a_body_that_keeps_its_rate_may_take_its_time(impatient: str) -> None:
    """It is refused for what it is, not for how long it took."""
    connection = connected(impatient, UPLOAD)
    for _ in range(9):
        connection.sendall(bytes(10_000))
        time.sleep(0.3)
    assert answer_status(connection) == 400


def answer_status(connection: socket.socket) -> int:
    with closing(connection):
        return int(connection.recv(65536).split()[1])


def test_a_request_with_two_lengths_is_refused(impatient: str) -> None:
    """A proxy in front may see its end elsewhere, and take the rest for another caller's request."""
    two = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    status, headers, body = answer(connected(impatient, two))
    assert (status, headers["connection"]) == (400, "close")
    assert json.loads(body)["error"]["type"] == "invalid_request_error"
    assert body.count(b"{") == 2, "the rest is no request of its own"


def test_no_http_at_all(impatient: str) -> None:
    status, _, body = answer(connected(impatient, b"\x16\x03\x01 hello\r\n\r\n"))
    assert (status, json.loads(body)["error"]["type"]) == (400, "invalid_request_error")
