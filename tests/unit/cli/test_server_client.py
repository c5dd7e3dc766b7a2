import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina

from speechd.cli.server_client import ServerClient, Unreachable
from speechd.errors import SpeechdError


class Handler(BaseHTTPRequestHandler):
    """Gives the caller's key back; `/refused` is refused, and the server before `/broken` is no speechd.

    At `/restarting` the first three connections are closed without an answer.
    """

    left_open = 0

    def do_GET(self) -> None:
        if self.path == "/restarting":
            Handler.left_open += 1
            if Handler.left_open <= 3:
                return
        status = 418 if self.path == "/refused" else 200
        key = self.headers.get("authorization", "")
        body = {"/refused": '{"error": {"message": "Not like that."}}', "/broken": "<html>"}.get(self.path, f'"{key}"')
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/", "/openai/v1"])
def test_what_an_sdk_takes_is_an_address_too(url: str, suffix: str) -> None:
    assert ServerClient(url + suffix).url == url


def test_the_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ServerClient(url).ask("GET", "/") == ""
    monkeypatch.setenv("SPEECHD_API_KEY", "sk-mine")
    monkeypatch.setenv("SPEECHD_URL", url)
    assert ServerClient().ask("GET", "/") == "Bearer sk-mine"
    assert ServerClient(api_key="sk-other").ask("GET", "/") == "Bearer sk-other"


def test_refusals(url: str) -> None:
    with pytest.raises(SpeechdError, match=r"^Not like that\.$"):
        ServerClient(url).ask("GET", "/refused")
    with pytest.raises(Unreachable, match="No speechd answers"):
        ServerClient(url).ask("GET", "/broken")


def test_a_patient_caller_asks_until_the_server_is_back(url: str, caplog: pytest.LogCaptureFixture) -> None:
    Handler.left_open = 0
    with pytest.raises(Unreachable):
        ServerClient(url).ask("GET", "/restarting")
    with stamina.set_testing(True, attempts=10):
        assert ServerClient(url).ask("GET", "/restarting", patient=True) == ""
    assert Handler.left_open == 4
    assert not [record for record in caplog.records if record.name == "stamina"]


def test_patience_ends_and_refusals_are_final(url: str) -> None:
    with stamina.set_testing(True, attempts=3):
        with pytest.raises(Unreachable):
            ServerClient("http://127.0.0.1:1").ask("GET", "/", patient=True)
        with pytest.raises(SpeechdError, match="Not like that"):
            ServerClient(url).ask("GET", "/refused", patient=True)


def test_a_download_is_there_when_it_is_whole(url: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    ServerClient(url).download("/any", target)
    assert target.read_text() == '""'
    with pytest.raises(SpeechdError, match="Not like that"):
        ServerClient(url).download("/refused", tmp_path / "none")
    (tmp_path / "in the way").write_text("")
    with pytest.raises(SpeechdError, match="cannot be written"):
        ServerClient(url).download("/any", tmp_path / "in the way" / "file")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "in the way", "new"]
