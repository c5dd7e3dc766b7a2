"""Latency of realtime sessions on Whisper base, beside faster-whisper, which decodes each turn whole, in the same run.

    python -m tests.bench.realtime [--sessions 1,4,16] [--turns 4] [--seconds 3]

Every session plays turns of a person in real time and commits at the end of each, as a client with a detector of its
own does. Printed: how long after the first word was spoken it comes, how long after the commit the final text comes,
how many words that deltas told before are otherwise in the final text, and CPU seconds of the process for a second of
audio, clients counted in. The peer gets the same turns at the same times and decodes each when it is complete.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel
from websockets.asyncio.client import ClientConnection

from speechd.types import SAMPLE_RATE, Samples
from tests.real.corpora import samples_of
from tests.real.debian import prompts
from tests.real.weights import BASE, model_folder
from tests.support.realtime import LiveServer, append, serving_live, update
from tests.support.wer import matches, normalised

STEP = 0.1
"""Seconds of audio in one message."""
MODEL = "bench"
MANUAL = {"format": {"type": "audio/pcm", "rate": SAMPLE_RATE}, "turn_detection": None}


@dataclass(frozen=True)
class Turn:
    """What somebody says."""

    samples: Samples
    first_word: float
    """Second at which the first word ends, by faster-whisper's word times."""

    def louder(self, number: int) -> "Turn":
        """The same, so little louder that only the server's memory of identical audio notices."""
        return replace(self, samples=self.samples * np.float32(1 + number / 1000))

    @property
    def pcm(self) -> bytes:
        return (np.clip(self.samples, -1, 1) * 32_767).astype("<i2").tobytes()

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass
class Measured:
    """What the sessions of one run saw."""

    first: list[float] = field(default_factory=list)
    final: list[float] = field(default_factory=list)
    early_words: int = 0
    """Words that deltas told before the commit."""
    corrected: int = 0
    """Of them: those that the final text has otherwise."""
    failed: int = 0
    """Turns that the server had no time for."""
    audio: float = 0.0
    cpu: float = 0.0

    def line(self, name: str, sessions: int) -> str:
        first = f"{_percentiles(self.first)}" if self.first else f"{'':>11}"
        early = f"{self.early_words:>5} {self.corrected:>4}" if self.first else f"{'':>10}"
        rest = f"{early}  {self.failed:>4}  {self.cpu / self.audio:.3f}"
        return f"{name:<15}{sessions:>4}  {first}  {_percentiles(self.final)}  {rest}"


HEADER = (
    f"{'':<15}{'n':>4}  {'first words':>11}  {'final text':>11}  {'early':>5} {'corr':>4}  fail  CPU s per s of audio"
)


def _percentiles(values: list[float]) -> str:
    return f"{statistics.median(values):>5.2f} {float(np.percentile(values, 95)):>5.2f}"


async def session(live: LiveServer, turns: list[Turn], measured: Measured, delay: float) -> None:
    """One client."""
    await asyncio.sleep(delay)
    async with live.connect() as socket:
        await socket.send(update(audio={"input": MANUAL | {"transcription": {"model": MODEL, "language": "en"}}}))
        for turn in turns:
            await one_turn(socket, turn, measured)


async def one_turn(socket: ClientConnection, turn: Turn, measured: Measured) -> None:
    started, committed, early, first = time.monotonic(), 0.0, "", 0.0

    async def play() -> None:
        nonlocal committed
        step = 2 * round(STEP * SAMPLE_RATE)
        for number, begin in enumerate(range(0, len(turn.pcm), step), start=1):
            await asyncio.sleep(max(0.0, started + number * STEP - time.monotonic()))
            await socket.send(append(turn.pcm[begin : begin + step]))
        committed = time.monotonic()
        await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))

    playing = asyncio.create_task(play())
    while True:
        event = json.loads(await socket.recv())
        if event["type"].endswith(".delta"):
            first = first or time.monotonic()
            early += event["delta"] if not committed else ""
        elif event["type"].endswith(".completed"):
            break
        elif event["type"].endswith(".failed"):
            measured.failed += 1
            await playing
            return
        elif event["type"] == "error":
            raise RuntimeError(event)
    await playing
    if first:
        measured.first.append(first - started - turn.first_word)
    measured.final.append(time.monotonic() - committed)
    told, whole = normalised(early), normalised(event["transcript"])
    measured.early_words += len(told)
    measured.corrected += len(told) - len(matches(told, whole[: len(told) + 2]))
    measured.audio += turn.seconds


async def ours(live: LiveServer, sessions: int, schedule: list[list[Turn]]) -> Measured:
    measured, before = Measured(), _cpu()
    runs = [session(live, turns, measured, number * 3.1 / sessions) for number, turns in enumerate(schedule)]
    await asyncio.gather(*runs)
    measured.cpu = _cpu() - before
    return measured


async def peer(model: WhisperModel, sessions: int, schedule: list[list[Turn]]) -> Measured:
    """faster-whisper, one turn after the other, in the order in which they are complete."""
    measured, before, loop = Measured(), _cpu(), asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:

        async def run(turns: list[Turn], delay: float) -> None:
            await asyncio.sleep(delay)
            for turn in turns:
                await asyncio.sleep(turn.seconds)
                complete = time.monotonic()
                await loop.run_in_executor(thread, partial(whole_text, model, turn.samples))
                measured.final.append(time.monotonic() - complete)
                measured.audio += turn.seconds

        await asyncio.gather(*(run(turns, n * 3.1 / sessions) for n, turns in enumerate(schedule)))
    measured.cpu = _cpu() - before
    return measured


def whole_text(model: WhisperModel, samples: Samples) -> str:
    segments, _ = model.transcribe(samples, language="en", beam_size=5)
    return "".join(segment.text for segment in segments)


def chosen(model: WhisperModel, seconds: float, count: int) -> list[Turn]:
    """Prompts of about this length, each with the end of its first word."""
    found = []
    for prompt in prompts("en"):
        samples = samples_of(prompt)
        if 0.8 * seconds < len(samples) / SAMPLE_RATE < 1.2 * seconds:
            segments, _ = model.transcribe(samples, language="en", word_timestamps=True)
            words = [word for segment in segments for word in segment.words or ()]
            found += [Turn(samples, words[0].end)] if words else []
        if len(found) == count:
            break
    return found


def _cpu() -> float:
    """Of this process and its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def main(options: argparse.Namespace) -> None:
    folder = model_folder(BASE)
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=os.cpu_count() or 1)
    turns = chosen(model, options.seconds, 24)
    print(f"{len(turns)} turns of about {options.seconds:g} s; seconds, p50 and p95; load {os.getloadavg()[0]:.1f}")
    print(HEADER)
    with tempfile.TemporaryDirectory() as data:
        async with serving_live(Path(data), None, model_aliases={MODEL: str(folder)}, result_cache_seconds=0) as live:
            await session(live, turns[-1:], Measured(), 0)  # loads the model
            for sessions in map(int, options.sessions.split(",")):
                schedule = [
                    [turn.louder(n) for turn in islice(cycle(turns), n * 5, n * 5 + options.turns)]
                    for n in range(sessions)
                ]
                print((await ours(live, sessions, schedule)).line("speechd", sessions), flush=True)
                print((await peer(model, sessions, schedule)).line("faster-whisper", sessions), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sessions", default="1,4,16")
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0)
    asyncio.run(main(parser.parse_args()))
