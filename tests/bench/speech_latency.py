"""Time to the first audio of a text, and the cost over Piper itself.

    python -m tests.bench.speech_latency [--voice NAME] [--sentences 15] [--rounds 5]

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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import httpx2

from speechd.registry.registry import shipped_models
from tests.integration.conftest import serving
from tests.real.cache import CACHE

SENTENCES = (
    "The ferry leaves at a quarter past nine, so bring a warm jacket and something to read.",
    "Nobody in the village could remember a winter when the lake had stayed open this long.",
    "If the bread sounds hollow when you knock on it, take it out of the oven.",
    "A good map tells you less about the land than a single walk across it.",
    "The committee will meet again on Thursday to discuss the broken heating system.",
)
VOICE = "en_US-joe-medium"
"""It is pulled as a user would; it stays in the cache of tests/real."""


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


def direct(model: Path, text: str) -> Callable[[], tuple[float, float, int]]:
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
        for chunk in voice.synthesize(text, SynthesisConfig(normalize_audio=False)):
            size += len(chunk.audio_int16_bytes)
            first = first or time.perf_counter() - begin
        return first, time.perf_counter() - begin, size

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", default=VOICE)
    parser.add_argument("--sentences", type=int, default=15, help="65 are about five minutes (15)")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    rounds, text = asked.rounds, " ".join(SENTENCES[number % len(SENTENCES)] for number in range(asked.sentences))
    data_dir = CACHE / "voices"
    model = voice_file(asked.voice, data_dir)
    body = {"model": asked.voice, "voice": asked.voice, "input": text, "response_format": "wav", "sample_rate": 16_000}
    peer = importlib.util.find_spec("flask") is not None
    with serving(data_dir) as ours, piper_server(model) if peer else nullcontext("") as theirs:
        ways = {"piper, called directly": direct(model, text)}
        ways["speechd"] = lambda: streamed(f"{ours}/v1/audio/speech", body)
        if peer:
            ways["piper.http_server"] = lambda: streamed(f"{theirs}/synthesize", {"text": text})
        figures = measured(ways, rounds)
    report(figures, rounds, len(text))
    if not peer:
        print("piper.http_server was left out: flask is not installed.")


def voice_file(voice: str, data_dir: Path) -> Path:
    """A voice's model, pulled where it is not installed and not shipped."""
    shipped = shipped_models() / voice / f"{voice}.onnx"
    if not shipped.exists():
        command = [sys.executable, "-m", "speechd", "models", "pull", voice]
        subprocess.run(command, check=True, env=os.environ | {"SPEECHD_DATA_DIR": str(data_dir)})
    return shipped if shipped.exists() else data_dir / "models" / voice / f"{voice}.onnx"


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


def report(figures: dict[str, tuple[float, float]], rounds: int, characters: int) -> None:
    base = figures["piper, called directly"][1]
    print(f"{characters} characters, {rounds} rounds, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}\n")
    print("| way | first audio | all of it | against direct calls |\n|---|---|---|---|")
    for name, (first, last) in figures.items():
        print(f"| {name} | {first * 1000:.0f} ms | {last:.2f} s | {last / base:.2f} |")
    print(json.dumps({name: {"first": first, "all": last} for name, (first, last) in figures.items()}))


if __name__ == "__main__":
    main()
