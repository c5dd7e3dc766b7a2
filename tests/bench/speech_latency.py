"""Time to the first audio of a 5-minute text, and the cost over Piper itself: `python -m tests.bench.speech_latency`.

The same voice and text in the same run through speechd, through Piper's own HTTP server (which needs flask) and through
plain calls of `PiperVoice.synthesize` on one thread. Each is warmed up, then they take turns, and the medians count.
"""

import argparse
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from speechd.registry.registry import shipped_models
from tests.integration.conftest import serving

SENTENCES = (
    "The ferry leaves at a quarter past nine, so bring a warm jacket and something to read.",
    "Nobody in the village could remember a winter when the lake had stayed open this long.",
    "If the bread sounds hollow when you knock on it, take it out of the oven.",
    "A good map tells you less about the land than a single walk across it.",
    "The committee will meet again on Thursday to discuss the broken heating system.",
)
TEXT = " ".join(SENTENCES * 13)
"""About five minutes of speech."""
VOICE = "en_US-pocket-x_low"


@contextmanager
def piper_server(model: Path) -> Iterator[str]:
    """Piper's own HTTP server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "piper.http_server", "-m", str(model), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/voices")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            httpx2.get(url, timeout=1)
            return
        except httpx2.HTTPError:
            time.sleep(0.2)
    raise TimeoutError(url)


def streamed(url: str, body: dict[str, object]) -> tuple[float, float, int]:
    """Seconds to the first 1000 bytes of the body (more than any header) and to its end, and the bytes."""
    begin = time.perf_counter()
    first, size = 0.0, 0
    with httpx2.stream("POST", url, json=body, timeout=600) as reply:
        reply.raise_for_status()
        for chunk in reply.iter_raw():
            size += len(chunk)
            if not first and size > 1000:
                first = time.perf_counter() - begin
    return first, time.perf_counter() - begin, size


def direct(model: Path) -> Callable[[], tuple[float, float, int]]:
    """Plain calls of Piper on one thread, as our engine runs it."""
    import onnxruntime
    from piper import PiperVoice, SynthesisConfig

    voice = PiperVoice.load(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    voice.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def run() -> tuple[float, float, int]:
        begin = time.perf_counter()
        first, size = 0.0, 0
        for chunk in voice.synthesize(TEXT, SynthesisConfig(normalize_audio=False)):
            size += len(chunk.audio_int16_bytes)
            first = first or time.perf_counter() - begin
        return first, time.perf_counter() - begin, size

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    model = shipped_models() / VOICE / f"{VOICE}.onnx"
    body = {"model": VOICE, "voice": VOICE, "input": TEXT, "response_format": "wav", "sample_rate": 16_000}
    peer = importlib.util.find_spec("flask") is not None
    with serving(Path(tempfile.mkdtemp())) as ours, piper_server(model) if peer else _nothing() as theirs:
        ways = {"piper, called directly": direct(model)}
        ways["speechd"] = lambda: streamed(f"{ours}/v1/audio/speech", body)
        if peer:
            ways["piper.http_server"] = lambda: streamed(f"{theirs}/synthesize", {"text": TEXT})
        figures = measured(ways, rounds)
    report(figures, rounds)
    if not peer:
        print("piper.http_server was left out: flask is not installed.")


def measured(ways: dict[str, Callable[[], tuple[float, float, int]]], rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds to the first audio and to the last of each way."""
    runs: dict[str, list[tuple[float, float, int]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, run in ways.items():
            found = run()
            if turn:  # the first is the warm-up
                runs[name].append(found)
    return {
        name: (statistics.median(first for first, _, _ in found), statistics.median(last for _, last, _ in found))
        for name, found in runs.items()
    }


def report(figures: dict[str, tuple[float, float]], rounds: int) -> None:
    base = figures["piper, called directly"][1]
    print(f"{len(TEXT)} characters, {rounds} rounds, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    print("| way | first audio | all of it | against direct calls |\n|---|---|---|---|")
    for name, (first, last) in figures.items():
        print(f"| {name} | {first * 1000:.0f} ms | {last:.2f} s | {last / base:.2f} |")
    print(json.dumps({name: {"first": first, "all": last} for name, (first, last) in figures.items()}))


@contextmanager
def _nothing() -> Iterator[str]:
    yield ""


if __name__ == "__main__":
    main()
