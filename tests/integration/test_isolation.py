"""The real server while recordings are made to do harm: its memory, its processes, its other callers."""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Fixture
from tests.integration.conftest import LISTENS, server_pid, started
from tests.support.decoder_bombs import INDEX_BOMBS, flac_silence
from tests.support.processes import children, eventually

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")

TRANSCRIPTIONS = "/v1/audio/transcriptions"
SPARES = 2


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    limits = {"SPEECHD_DISCONNECT_GRACE": "0", "SPEECHD_DECODERS": str(SPARES)}
    with started(tmp_path_factory.mktemp("data"), "serve", LISTENS, **limits) as server:
        yield server.found


def post(url: str, audio: bytes) -> httpx2.Response:
    with httpx2.Client(base_url=url, timeout=60) as client:
        return client.post(TRANSCRIPTIONS, files={"file": audio}, data={"model": "whisper-pocket"})


def decoders(url: str) -> set[int]:
    """The processes that decode, and those that wait to."""
    return {child for server in decoder_servers(server_pid(url)) for child in children(server)}


def decoder_servers(server: int) -> set[int]:
    return {child for child in children(server) if "fork_server" in Path(f"/proc/{child}/cmdline").read_text()}


def peak_bytes(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def test_bombs_are_400_and_cost_the_server_nothing(url: str, english: Fixture) -> None:
    assert post(url, english.path.read_bytes()).status_code == 200  # the model is there
    before = peak_bytes(server_pid(url))
    for make in INDEX_BOMBS.values():
        reply = post(url, make())
        assert reply.status_code == 400, reply.text
        assert reply.json()["error"]["code"] == "invalid_audio"
    assert peak_bytes(server_pid(url)) - before < 150_000_000
    assert post(url, english.path.read_bytes() + b"again").status_code == 200


async def test_whoever_leaves_takes_the_decoding_along(url: str) -> None:
    assert eventually(lambda: len(decoders(url)) == SPARES)
    waiting = decoders(url)
    async with httpx2.AsyncClient(base_url=url, timeout=60) as client:
        asked = asyncio.create_task(
            client.post(TRANSCRIPTIONS, files={"file": flac_silence(11.9 * 3600)}, data={"model": "whisper-pocket"})
        )
        assert await asyncio.to_thread(eventually, lambda: decoders(url) != waiting)
        await asyncio.sleep(0.5)
        asked.cancel()
        await asyncio.wait([asked])
    assert eventually(lambda: len(decoders(url)) == SPARES)


def test_a_killed_decoder_is_a_400_for_its_recording_alone(url: str, english: Fixture) -> None:
    assert eventually(lambda: len(decoders(url)) == SPARES)
    with ThreadPoolExecutor() as threads:
        silent = threads.submit(post, url, flac_silence(11.8 * 3600))
        assert eventually(lambda: bool(working(url)))
        heard = threads.submit(post, url, english.path.read_bytes() + b"beside")
        for process in working(url):
            os.kill(process, signal.SIGKILL)
        refused = silent.result()
    assert refused.status_code == 400, refused.text
    assert refused.json()["error"]["code"] == "invalid_audio"
    assert heard.result().status_code == 200, heard.result().text


def working(url: str) -> set[int]:
    """Processes that have worked for a while, as those that only wait or decode a clip have not."""
    return {process for process in decoders(url) if _cpu_seconds(process) > 0.1}


def _cpu_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_decoder_outlives_the_server(number: signal.Signals, tmp_path: Path) -> None:
    with started(tmp_path, "serve", LISTENS, SPEECHD_DECODERS="3") as server:
        pid = server_pid(server.found)
        assert eventually(lambda: len(decoders(server.found)) == 3)
        those = decoder_servers(pid) | decoders(server.found)
        os.kill(pid, number)
        assert eventually(lambda: not any(Path(f"/proc/{process}").exists() for process in those))


@pytest.mark.extra  # it takes the ten seconds that requests have to finish
def test_a_server_that_decodes_ends_when_it_is_told(tmp_path: Path) -> None:
    """In the midst of twelve hours of silence, for a caller who stays."""
    with started(tmp_path, "serve", LISTENS, SPEECHD_DECODERS="1") as server, ThreadPoolExecutor() as threads:
        assert eventually(lambda: len(decoders(server.found)) == 1)
        silent = threads.submit(post, server.found, flac_silence(11.7 * 3600))
        assert eventually(lambda: bool(working(server.found)))
        os.kill(server_pid(server.found), signal.SIGTERM)
        assert isinstance(silent.exception(), httpx2.HTTPError) or silent.result().status_code >= 500
        server.process.wait(timeout=25)
