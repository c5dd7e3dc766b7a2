"""How much silence a Whisper model needs after a short window: margin, words wrong, windows decoded again, CPU time.

    python -m tests.bench.tuning MODEL_FOLDER [--margins full,1,2,3,5] [--clips 500]

The clips are people's recordings of 1 to 30 s out of Debian packages (see tests/real/debian.py): prompts and readings,
several joined with pauses, noise and music below them, other languages, and sounds without speech. Each is cut into
windows and decoded in rounds, as in the server. `full` pads every window to 30 s and is the reference: where there is
no reliable text, what it writes stands for what is said. Clips in other languages are decoded without a given language.
CPU seconds are those of the engine; the detector's are not counted. `lost` and `invented` are runs of 4 and more words.
"""

import argparse
import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ctranslate2
import numpy as np
from rich.console import Console
from rich.table import Table

from speechd.asr.engine import Decoded, Job
from speechd.asr.engines.whisper import WhisperEngine
from speechd.asr.seeking import decode_window
from speechd.audio.vad import SpeechDetector
from speechd.audio.windows import Packing, cut_windows
from speechd.types import SAMPLE_RATE, Samples, TranscribeOptions, VadOptions, Window
from tests.real import sounds
from tests.real.corpora import samples_of, worded
from tests.real.debian import Prompt, readings
from tests.support.wer import Score, score

LANGUAGES = ("es", "fr", "it", "ru")
UNDER = {"white noise": sounds.white_noise, "pink noise": sounds.pink_noise, "music": sounds.music}
SHARES = {"alone": 0.42, "joined": 0.14, "noisy": 0.18, "foreign": 0.18, "nobody": 0.08}
"""Parts of the clips by kind."""
MAX_SECONDS = 29.0


@dataclass(frozen=True)
class TuningClip:
    """A recording of 1 to 30 s."""

    kind: str
    text: str | None
    """What is said; None where it is not known."""
    language: str
    windows: tuple[Window, ...] = field(repr=False)


@dataclass
class Outcome:
    """All clips with one margin."""

    texts: list[str] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    windows: int = 0
    doubts: Counter[str] = field(default_factory=Counter)
    cpu_seconds: float = 0.0


def make_clips(count: int, *, multilingual: bool) -> list[TuningClip]:
    """The clips, the same in each run."""
    choose = random.Random("tuning")
    english = worded("en", 4) + readings()
    wanted = {kind: round(count * share) for kind, share in SHARES.items()}
    some = choose.sample(english, min(len(english), wanted["alone"]))
    made = [("alone", prompt.text, "en", samples_of(prompt)) for prompt in some]
    made += [("joined", *_joined(choose, english)) for _ in range(wanted["joined"])]
    made += [_noisy(choose, english) for _ in range(wanted["noisy"] + wanted["alone"] - len(some))]
    if multilingual:
        for language in LANGUAGES:
            chosen = choose.sample(worded(language, 4), wanted["foreign"] // len(LANGUAGES))
            made += [("foreign", None, language, samples_of(prompt)) for prompt in chosen]
    for number in range(wanted["nobody"]):
        sound = (*UNDER.values(), sounds.tones)[number % 4]
        made.append(("nobody", "", "en", sound(choose.uniform(1, MAX_SECONDS))))
    return [TuningClip(kind, text, language, tuple(_windows(audio))) for kind, text, language, audio in made]


def _joined(choose: random.Random, prompts_: Sequence[Prompt]) -> tuple[str, str, Samples]:
    """Some utterances with pauses, up to 29 s."""
    limit, texts, parts = choose.uniform(8, MAX_SECONDS), list[str](), list[Samples]()
    while not texts or choose.random() < 0.95:
        prompt = choose.choice(prompts_)
        audio = samples_of(prompt)
        if sum(map(len, parts)) + len(audio) > limit * SAMPLE_RATE:
            if texts:
                break
            continue
        texts.append(prompt.text)
        parts += [audio, sounds.silence(choose.uniform(0.2, 1.2))]
    return " ".join(texts), "en", np.concatenate(parts)


def _noisy(choose: random.Random, prompts_: Sequence[Prompt]) -> tuple[str, str, str, Samples]:
    """An utterance with noise or music 10 dB below it."""
    prompt, sound = choose.choice(prompts_), choose.choice(sorted(UNDER))
    audio = samples_of(prompt)
    return "noisy", prompt.text, "en", sounds.mixed_at(audio, UNDER[sound](len(audio) / SAMPLE_RATE + 1), 10)


def _windows(audio: Samples) -> Iterator[Window]:
    return cut_windows(iter([audio]), SpeechDetector, Packing(), VadOptions())


def decode_all(engine: WhisperEngine, clips: Sequence[TuningClip]) -> Outcome:
    """Transcribes all clips, one window after the other."""
    outcome = Outcome()

    async def decode(job: Job) -> Decoded:
        (found,) = engine.decode([job])
        outcome.windows += 1
        while found.doubt:
            outcome.doubts[f"{job.context} {found.doubt}"] += 1
            job = job.widened(found.doubt)
            (found,) = engine.decode([job])
        return found

    started = time.process_time()
    for clip in clips:
        language = None if clip.kind == "foreign" else clip.language
        jobs = [Job(window, TranscribeOptions(language=language)) for window in clip.windows]
        found = [asyncio.run(decode_window(decode, job)) for job in jobs]
        outcome.texts.append(" ".join(segment.text.strip() for each in found for segment in each.segments))
        outcome.languages.append(found[0].language if found else "")
    outcome.cpu_seconds = time.process_time() - started
    return outcome


def scores(clips: Sequence[TuningClip], outcome: Outcome, reference: Outcome) -> dict[str, Score]:
    """By kind of clip, and of all clips whose text is known."""
    found = defaultdict[str, Score](lambda: Score(0, 0))
    for clip, text, other in zip(clips, outcome.texts, reference.texts, strict=True):
        one = score(other if clip.text is None else clip.text, text)
        found[clip.kind] += one
        if clip.text is not None:
            found["known"] += one
    return found


def named(clips: Sequence[TuningClip], outcome: Outcome) -> str:
    """How many languages were detected as they are."""
    pairs = [(c.language, found) for c, found in zip(clips, outcome.languages, strict=True) if c.kind == "foreign"]
    return f"{sum(one == other for one, other in pairs)}/{len(pairs)}"


def cells(clips: Sequence[TuningClip], outcome: Outcome, reference: Outcome) -> list[str]:
    by_kind = scores(clips, outcome, reference)
    known = by_kind["known"]
    doubts = " ".join(f"{sign} {count}" for sign, count in outcome.doubts.most_common())
    return [
        f"{known.rate:.4f}",
        *(f"{by_kind[kind].rate:.4f}" for kind in ("alone", "joined", "noisy", "foreign")),
        str(by_kind["nobody"].errors),
        f"{len(known.lost)}/{len(known.invented)}",
        named(clips, outcome),
        f"{outcome.doubts.total() / outcome.windows:.3f} ({doubts})",
        f"{outcome.cpu_seconds:.0f}",
        f"{reference.cpu_seconds / outcome.cpu_seconds:.2f}x",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="CTranslate2 folder")
    parser.add_argument("--margins", default="full,1,2,3,5", help="seconds, or full; the first is the reference")
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    ctranslate2.set_random_seed(0)
    reference: Outcome | None = None
    columns = ("WER", "alone", "joined", "noisy", "foreign", "nobody", "lost/inv", "languages", "net", "CPU s", "")
    table = Table("margin", *columns)
    clips: list[TuningClip] = []
    for name in asked.margins.split(","):
        margin = None if name == "full" else float(name)
        engine = WhisperEngine(asked.model, compute_type="int8", threads=asked.threads, context_margin=margin)
        clips = clips or make_clips(asked.clips, multilingual=len(engine.languages) > 1)
        outcome = decode_all(engine, clips)
        reference = reference or outcome
        row = cells(clips, outcome, reference)
        print(name, *row, sep=" | ", flush=True)
        table.add_row(name, *row)
        engine.close()
    seconds = sum(window.duration for clip in clips for window in clip.windows)
    Console(width=160).print(f"{asked.model.name}, {len(clips)} clips, {seconds:.0f} s in windows", table)


if __name__ == "__main__":
    main()
