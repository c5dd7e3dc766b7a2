"""Finds the shortest margin with which a model writes the same as with 30 s, on somebody's recordings."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from typing import Protocol

from speechd.asr.engine import AsrEngine, Decoded, Job
from speechd.asr.seeking import decode_window
from speechd.audio.decode import open_audio
from speechd.audio.vad import SpeechDetector
from speechd.audio.windows import Packing, cut_windows
from speechd.errors import InvalidRequest
from speechd.registry.catalog import Model
from speechd.registry.loading.context_margin import catalog_margin, write_margin
from speechd.registry.loading.loaders import load_whisper
from speechd.settings import Settings
from speechd.types import TranscribeOptions, VadOptions, Window

MARGINS = (1.0, 2.0, 3.0, 4.0, 5.0, 8.0)
"""Seconds, in the order in which they are tried."""
WINDOW_SECONDS = 15.0
"""Longest window that is compared: what is longer gains little."""
MIN_WINDOWS = 30
MAX_WINDOWS = 120
"""Windows that are compared, spread over the recordings."""
MAX_DIFFERENCE = 0.02
"""Share of words that may be written in another way; which of the two is right is not known."""
MAX_REPEATED = 0.1
"""Share of windows that may be decoded again with 30 s."""


class TunableEngine(AsrEngine, Protocol):
    """An engine that encodes short windows at their own length."""

    context_margin: float | None
    """Seconds of silence after a window at least; None pads it to all the context that the model has."""


Advance = Callable[[int, int], None]
"""Is told how many windows of how many are done."""


@dataclass(frozen=True, slots=True)
class MarginResult:
    """What one margin does."""

    margin: float
    """Seconds."""
    difference: float
    """Share of words that differ from those with 30 s."""
    repeated: float
    """Share of windows that were decoded again with 30 s."""

    @property
    def suits(self) -> bool:
        return self.difference <= MAX_DIFFERENCE and self.repeated <= MAX_REPEATED


def tune(model: Model, settings: Settings, files: Sequence[Path], advance: Advance) -> list[MarginResult]:
    """Finds the shortest margin that suits a model, and writes it beside its files.

    Args:
        model: a Whisper model that is installed.
        settings: where it runs.
        files: recordings of English speech: other languages are decoded with 30 s.
        advance: is called after each window.

    Returns:
        What was tried; the last one suits, or none does. Then nothing is written, and an earlier file is removed.

    Raises:
        InvalidRequest: the model needs no tuning or cannot be tuned, or the recordings have too little speech.
        SpeechdError: the model cannot be loaded, or a recording cannot be read.
    """
    if model.engine != "whisper" or model.kind != "asr" or model.path is None:
        raise InvalidRequest(f"`{model.id}` is not an installed Whisper model.", param="model")
    if (margin := catalog_margin(model)) is not None:
        raise InvalidRequest(f"`{model.id}` needs no tuning. Its margin is {margin:g} s.", param="model")
    windows = speech_windows(files)
    engine = load_whisper(model, settings)
    try:
        results = find_margin(engine, windows, advance)
    finally:
        engine.close()
    write_margin(model.path, results[-1].margin if results[-1].suits else None)
    return results


def speech_windows(files: Sequence[Path]) -> list[Window]:
    """Windows of speech out of recordings, MAX_WINDOWS at most, spread evenly.

    Raises:
        InvalidRequest: there are too few.
        SpeechdError: a recording cannot be read.
    """
    found = [window for file in files for window in _windows(file)]
    if len(found) < MIN_WINDOWS:
        raise InvalidRequest(
            f"The recordings have {len(found)} windows of speech. At least {MIN_WINDOWS} are needed: about 10 minutes."
        )
    step = max(1.0, len(found) / MAX_WINDOWS)
    return [found[int(number * step)] for number in range(int(len(found) / step))]


def find_margin(engine: TunableEngine, windows: Sequence[Window], advance: Advance) -> list[MarginResult]:
    """Tries one margin after the other, until one suits.

    Args:
        engine: its margin is changed.
        windows: of speech.
        advance: is called after each window.

    Returns:
        What was tried; the last one suits, or none does.
    """
    options, total = TranscribeOptions(language="en"), len(windows) * (1 + len(MARGINS))
    engine.context_margin = None
    reference, _ = _texts(engine, windows, options, partial(_advance_from, 0, total, advance))
    results: list[MarginResult] = []
    for number, margin in enumerate(MARGINS, start=1):
        engine.context_margin = margin
        texts, repeated = _texts(
            engine, windows, options, partial(_advance_from, number * len(windows), total, advance)
        )
        results.append(MarginResult(margin, _difference(reference, texts), repeated / len(windows)))
        if results[-1].suits:
            break
    return results


def _advance_from(first: int, total: int, advance: Advance, done: int) -> None:
    advance(first + done, total)


def _windows(file: Path) -> Iterator[Window]:
    with file.open("rb") as opened, open_audio(opened) as stream:
        yield from cut_windows(stream, SpeechDetector, Packing(max_seconds=WINDOW_SECONDS), VadOptions())


def _texts(
    engine: TunableEngine, windows: Sequence[Window], options: TranscribeOptions, done: Callable[[int], None]
) -> tuple[list[list[str]], int]:
    """The words of each window, and how many windows were decoded again."""
    again = 0

    async def decode(job: Job) -> Decoded:
        nonlocal again
        (found,) = engine.decode([job])
        again += bool(found.doubt)
        while found.doubt:
            job = job.widened(found.doubt)
            (found,) = engine.decode([job])
        return found

    texts = []
    for number, window in enumerate(windows, start=1):
        found = asyncio.run(decode_window(decode, Job(window, options)))
        texts.append("".join(segment.text for segment in found.segments).lower().split())
        done(number)
    return texts, again


def _difference(wanted: Sequence[list[str]], found: Sequence[list[str]]) -> float:
    """Share of the words that do not stand in both texts."""
    pairs = [SequenceMatcher(None, one, other, autojunk=False) for one, other in zip(wanted, found, strict=True)]
    words = sum(len(one) + len(other) for one, other in zip(wanted, found, strict=True))
    same = 2 * sum(block.size for pair in pairs for block in pair.get_matching_blocks())
    return (words - same) / words if words else 0.0
