"""What loading, using, unloading and idling do to a server's memory (Linux).

    python -m tests.bench.unloading small FOLDER

Makes a Whisper of that size with random weights in FOLDER/models (unless it is there), serves FOLDER, and prints the
server's resident memory (RSS, /proc/PID/status) around: the first load, work on it, an unload that is asked for while
a recording is in work, five more rounds, and the idle unload of a second server with SPEECHD_KEEP_ALIVE=2.
"""

import argparse
import concurrent.futures
import re
import time
from pathlib import Path

import httpx2

from tests.bench.random_whisper import SHAPES, make
from tests.conftest import FIXTURES
from tests.integration.conftest import server_pid, serving

NAME = "random-whisper"
RECORDING = FIXTURES / "long" / "pauses_25s.flac"


def resident(url: str) -> float:
    """MB that the server has in physical memory."""
    status = Path(f"/proc/{server_pid(url)}/status").read_text()
    (kilobytes,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
    return int(kilobytes) / 1000


def transcribe(url: str, model: str = NAME) -> float:
    """Seconds that one request took."""
    began = time.monotonic()
    with RECORDING.open("rb") as file:
        data = {"model": model, "language": "en", "temperature": "0.5"}  # sampled: no answer is known already
        httpx2.post(f"{url}/v1/audio/transcriptions", data=data, files={"file": file}, timeout=600).raise_for_status()
    return time.monotonic() - began


def command(url: str, what: str) -> None:
    httpx2.post(f"{url}/v1/models/{NAME}/{what}", timeout=600).raise_for_status()


def say(url: str, what: str) -> None:
    print(f"{what:<44} {resident(url):7.0f} MB", flush=True)


def rounds(folder: Path) -> None:
    with serving(folder) as url:
        transcribe(url, "whisper-pocket")
        say(url, "before, with whisper-pocket loaded")
        command(url, "load")
        say(url, "loaded")
        transcribe(url)
        say(url, "after a transcription")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            working = pool.submit(transcribe, url)
            while not any(model["speechd"]["loaded"]["users"] for model in in_memory(url)):
                time.sleep(0.01)
            began = time.monotonic()
            command(url, "unload")
            waited = time.monotonic() - began
            print(f"an unload in use waited {waited:.1f} s; the transcription took {working.result():.1f} s")
        say(url, "unloaded")
        for _ in range(5):
            transcribe(url)
            command(url, "unload")
        say(url, "after five more rounds")
    with serving(folder, SPEECHD_KEEP_ALIVE="2") as url:
        transcribe(url)
        say(url, "keep-alive 2 s: after a transcription")
        while in_memory(url):
            time.sleep(0.1)
        time.sleep(0.5)
        say(url, "keep-alive 2 s: idle")


def in_memory(url: str) -> list[dict[str, dict[str, dict[str, int]]]]:
    models: list[dict[str, dict[str, dict[str, int]]]] = httpx2.get(f"{url}/v1/models?loaded=true").json()["data"]
    return models


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=SHAPES)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    model = arguments.folder / "models" / NAME
    if not model.exists():
        make(SHAPES[arguments.size], model)
    rounds(arguments.folder)


if __name__ == "__main__":
    main()
