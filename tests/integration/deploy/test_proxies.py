"""nginx and Caddy with the files of deploy/, before two servers."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import httpx2
import pytest

from tests.integration.conftest import LISTENS, Program, started
from tests.integration.deploy.conftest import DEPLOY, TOOLS
from tests.integration.test_leaving import CLIP, readiness
from tests.support.processes import eventually

pytestmark = pytest.mark.extra

NUMBERS = count()
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def nginx(folder: Path, port: int, servers: list[str]) -> list[str]:
    """Its command, with what needs root or a certificate replaced, and a header that names the server."""
    if (program := shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")) is None:
        pytest.skip("nginx is not installed: apt install nginx-light")
    text = (DEPLOY / "proxies" / "nginx.conf").read_text()
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port}; add_header x-server $upstream_addr always;")
    text = re.sub(r"\s+ssl_certificate.*", "", text)
    for name, url in zip(("127.0.0.1:8000", "127.0.0.1:8001"), servers, strict=True):
        text = text.replace(name, url)
    (folder / "speechd.conf").write_text(text)
    paths = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{name}_temp_path {folder / name};" for name in paths)
    user = "user root; " if os.getuid() == 0 else ""  # its workers are to reach a folder of the test's own
    main = (
        f"{user}daemon off; pid {folder}/pid; error_log stderr; events {{}}"
        f" http {{ access_log off; {temporary} include {folder}/speechd.conf; }}"
    )
    (folder / "nginx.conf").write_text(main)
    return [program, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, servers: list[str]) -> list[str]:
    if not (TOOLS / "caddy").exists():
        pytest.skip("caddy is not in .deploy: make test-deploy")
    text = (DEPLOY / "proxies" / "Caddyfile").read_text()
    text = text.replace("speech.example.org {", f"http://speech.example.org:{port} {{\n\tbind 127.0.0.1")
    text = text.replace("127.0.0.1:8000 127.0.0.1:8001", " ".join(servers))
    named = "\n\t\theader_down x-server {http.reverse_proxy.upstream.hostport}\n\t\tflush_interval"
    text = text.replace("\n\t\tflush_interval", named)
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)
    return [str(TOOLS / "caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


Proxy = Callable[[Path, int, list[str]], list[str]]


@contextmanager
def proxied(proxy: Proxy, folder: Path, *servers: Program) -> Iterator[httpx2.Client]:
    port = free_port()
    command = proxy(folder, port, [server.found.removeprefix("http://") for server in servers])
    with (folder / "log").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            url, headers = f"http://127.0.0.1:{port}", {"host": "speech.example.org"}
            with httpx2.Client(base_url=url, headers=headers, timeout=120) as client:
                assert eventually(lambda: answers(client), 30), (folder / "log").read_text()
                yield client
        finally:
            process.terminate()


def answers(client: httpx2.Client) -> bool:
    with suppress(httpx2.HTTPError):
        return client.get("/readyz").status_code == 200
    return False


def transcribe(client: httpx2.Client, key: str) -> httpx2.Response:
    data = {"model": "whisper-pocket", "prompt": f"number {next(NUMBERS):06}"}
    files = {"file": ("a.flac", CLIP)}
    return client.post(TRANSCRIPTIONS, headers={"authorization": f"Bearer {key}"}, files=files, data=data)


def sticky_nginx(folder: Path, port: int, servers: list[str]) -> list[str]:
    """With the line that the file offers in a comment."""
    command = nginx(folder, port, servers)
    file = folder / "speechd.conf"
    text = file.read_text().replace("    least_conn;\n", "").replace("# hash ", "hash ")
    file.write_text(text)
    return command


@pytest.mark.parametrize("proxy", [nginx, sticky_nginx, caddy])
def test_requests_are_spread_and_nothing_is_lost_when_a_server_ends(tmp_path: Path, proxy: Proxy) -> None:
    variables = {"SPEECHD_ALLOW_ANONYMOUS": "true", "SPEECHD_MAX_WAIT": "0", "SPEECHD_DRAIN_SECONDS": "3"}
    with (
        started(tmp_path / "a", "serve", LISTENS, **variables) as first,
        started(tmp_path / "b", "serve", LISTENS, **variables) as second,
    ):
        assert eventually(lambda: readiness(first.found) == readiness(second.found) == "ready", 60)
        with proxied(proxy, tmp_path, first, second) as client, ThreadPoolExecutor(16) as pool:
            keys = [f"key-{number}" for number in range(8)]
            places = {key: {transcribe(client, key).headers["x-server"] for _ in range(3)} for key in keys}
            assert proxy is nginx or all(len(each) == 1 for each in places.values()), "a key has one server"
            assert len(set.union(*places.values())) == 2, "and requests are spread over both"
            pending = [pool.submit(transcribe, client, keys[number % 8]) for number in range(200)]
            assert eventually(lambda: sum(each.done() for each in pending) > 20, 60)
            first.process.terminate()
            statuses = [each.result().status_code for each in pending]
            assert statuses == [200] * 200
            assert first.process.wait(timeout=60) == 0
            left = {transcribe(client, key).headers["x-server"].split(", ")[-1] for key in keys}
            assert left == {second.found.removeprefix("http://")}
