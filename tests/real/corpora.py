"""Recordings of people with what is said in them: prompts, composites of 3 and 10 minutes, a call, no speech at all.

All are made anew from the packages in the same way each time: choices come from seeded generators.
"""

import io
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import soundfile
import soxr

from speechd.types import SAMPLE_RATE, Samples
from tests.real import sounds
from tests.real.debian import Prompt, prompts, readings
from tests.support.wer import spoken_words

MIN_SECONDS = 1.5
MIN_WORDS = 6
"""Shorter prompts say little about lost phrases, and each costs an encoder run: 30 s of padding."""


@dataclass(frozen=True)
class Piece:
    """One utterance of a recording."""

    start: float
    """Seconds from the recording's beginning."""
    end: float
    text: str
    language: str
    channel: int = 1
    """From 1."""


@dataclass(frozen=True)
class Recording:
    """One file and what is said in it."""

    name: str
    data: bytes
    """A WAV file."""
    seconds: float
    pieces: tuple[Piece, ...]
    """In the order of time; empty where nobody speaks."""

    @property
    def text(self) -> str:
        return " ".join(piece.text for piece in self.pieces)

    def apart(self) -> "Iterator[Recording]":
        """Each utterance of a mono recording as a recording of its own."""
        if len(self.pieces) == 1:
            yield self
            return
        samples, _ = soundfile.read(io.BytesIO(self.data), dtype="float32")
        for piece in self.pieces:
            cut = samples[round(piece.start * SAMPLE_RATE) : round(piece.end * SAMPLE_RATE)]
            yield Recording(self.name, _wav(cut), piece.end - piece.start, (piece,))


@dataclass(frozen=True)
class Corpus:
    """Recordings that are counted together."""

    name: str
    recordings: tuple[Recording, ...]
    language: str
    """What a request names; `multi` where languages mix."""
    has_text: bool = True
    """What is said is known word by word; otherwise recognisers can only be compared with each other."""

    @property
    def seconds(self) -> float:
        return sum(recording.seconds for recording in self.recordings)


@cache
def english_prompts() -> Corpus:
    """The prompts of at least MIN_WORDS words and MIN_SECONDS, as they lie in the package (8 kHz)."""
    return Corpus("prompts", tuple(_alone(prompt, "en") for prompt in worded("en", MIN_WORDS)), "en")


@cache
def known_faults() -> Corpus:
    """Prompts that lost phrases when each window was decoded only once."""
    names = ("conf-adminmenu", "demo-instruct", "vm-msginstruct", "priv-callee-options", "vm-record-prepend")
    return Corpus("known faults", tuple(_alone(p, "en") for p in prompts("en") if p.name in names), "en")


@cache
def late_voices(language: str) -> Corpus:
    """Prompts whose first words were mistaken or missing when a window began close to where speech is detected."""
    names = ("entr-num-rmv-blklist", "vm-rec-unv", "conf-onlyperson", "queue-periodic-announce")
    chosen = tuple(_alone(prompt, language) for prompt in prompts(language) if prompt.name in names)
    return Corpus(f"late voices, {language}", chosen, language, has_text=False)


@cache
def foreign_prompts(language: str, count: int = 8) -> Corpus:
    """Some prompts in another language, whose texts are not reliable enough to count words."""
    chosen = random.Random(language).sample(worded(language, MIN_WORDS), count)
    return Corpus(language, tuple(_alone(prompt, language) for prompt in chosen), language, has_text=False)


@cache
def composite(minutes: int, paused: bool) -> Corpus:
    """Utterances one after the other, with pauses of 0.3 to 2 s and a longer one now and then, or without any pause."""
    name = f"{minutes} min {'with pauses' if paused else 'continuous'}"
    choose = random.Random(name)
    utterances = _shuffled(choose)
    gaps = [_pause(choose) if paused else 0.0 for _ in utterances]
    return Corpus(name, (_joined(name, [(p, "en") for p in utterances], gaps, 60.0 * minutes),), "en")


@cache
def noisy(kind: str, minutes: int = 3) -> Corpus:
    """A composite with pauses, with white noise or music 10 dB below the speech."""
    (clean,) = composite(minutes, paused=True).recordings
    speech, _ = soundfile.read(io.BytesIO(clean.data), dtype="float32")
    under = {"noise": sounds.white_noise, "music": sounds.music}[kind](clean.seconds + 1)
    name = f"{minutes} min, {kind} at 10 dB"
    return Corpus(name, (Recording(name, _wav(sounds.mixed_at(speech, under, 10)), clean.seconds, clean.pieces),), "en")


@cache
def mixed_languages(rounds: int = 2) -> Corpus:
    """Utterances in five languages in turn, 0.5 s apart."""
    choose = random.Random("mixed languages")
    order = [language for _ in range(rounds) for language in ("en", "es", "fr", "it", "ru")]
    said = [(choose.choice(worded(language, MIN_WORDS)), language) for language in order]
    recording = _joined("five languages", said, [0.5] * len(said), 3600)
    return Corpus("five languages", (recording,), "multi", has_text=False)


@cache
def call(turns: int = 16) -> Corpus:
    """Two people in turn, one on each channel."""
    choose = random.Random("call")
    said = [(prompt, "en") for prompt in choose.sample(worded("en", MIN_WORDS), turns)]
    recording = _joined("call", said, [0.6] * turns, 3600, channels=2)
    return Corpus("call", (recording,), "en")


@cache
def call_of_two_people(turns: int = 12) -> Corpus:
    """A woman in English and a man in Italian in turn, one on each channel."""
    choose = random.Random("two people")
    pairs = zip(*(choose.sample(worded(language, MIN_WORDS), turns // 2) for language in ("en", "it")), strict=True)
    said = [each for english, italian in pairs for each in ((english, "en"), (italian, "it"))]
    recording = _joined("two people", said, [0.6] * turns, 3600, channels=2)
    return Corpus("two people", (recording,), "multi")


def mixed_to_one(recording: Recording) -> bytes:
    """Its channels in one, as a WAV file."""
    samples, _ = soundfile.read(io.BytesIO(recording.data), dtype="float32", always_2d=True)
    return _wav(samples.mean(axis=1))


@cache
def no_speech(seconds: float = 20.0) -> Corpus:
    """What nobody speaks in."""
    made: dict[str, Callable[[float], Samples]] = {
        "silence": sounds.silence,
        "white noise": sounds.white_noise,
        "pink noise": sounds.pink_noise,
        "music": sounds.music,
        "tones": sounds.tones,
    }
    kept = tuple(Recording(name, _wav(make(seconds)), seconds, ()) for name, make in made.items())
    return Corpus("no speech", kept, "en")


def worded(language: str, words: int) -> list[Prompt]:
    """The prompts of at least so many words and MIN_SECONDS."""

    def seconds(prompt: Prompt) -> float:
        return float(soundfile.info(str(prompt.path)).duration)

    return [p for p in prompts(language) if len(spoken_words(p.text)) >= words and seconds(p) >= MIN_SECONDS]


def _shuffled(choose: random.Random) -> list[Prompt]:
    """English utterances in any order; enough for 10 minutes."""
    utterances = worded("en", 4) + readings()
    choose.shuffle(utterances)
    return utterances


def _pause(choose: random.Random) -> float:
    """Seconds; one in ten is a long one."""
    return choose.uniform(3, 6) if choose.random() < 0.1 else choose.uniform(0.3, 2)


def _alone(prompt: Prompt, language: str) -> Recording:
    seconds = float(soundfile.info(str(prompt.path)).duration)
    return Recording(prompt.name, prompt.path.read_bytes(), seconds, (Piece(0, seconds, prompt.text, language),))


def _joined(
    name: str, said: Iterable[tuple[Prompt, str]], gaps: Sequence[float], limit: float, channels: int = 1
) -> Recording:
    """Utterances with a gap in front of each, as long as they fit into so many seconds; channels take turns."""
    pieces: list[Piece] = []
    placed: list[Samples] = []
    end = 0.0
    for number, ((prompt, language), gap) in enumerate(zip(said, gaps, strict=True)):
        samples = samples_of(prompt)
        start, end = end + gap, end + gap + len(samples) / SAMPLE_RATE
        if end > limit:
            break
        pieces.append(Piece(start, end, prompt.text, language, 1 + number % channels))
        placed.append(samples)
    whole = np.zeros((round((pieces[-1].end + gaps[0]) * SAMPLE_RATE), channels), np.float32)
    for piece, samples in zip(pieces, placed, strict=True):
        first = round(piece.start * SAMPLE_RATE)
        whole[first : first + len(samples), piece.channel - 1] = samples
    return Recording(name, _wav(whole), len(whole) / SAMPLE_RATE, tuple(pieces))


def samples_of(prompt: Prompt) -> Samples:
    """Mono at 16 kHz, shape (n,)."""
    samples, rate = soundfile.read(prompt.path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)


def _wav(samples: Samples) -> bytes:
    """Mono (n,) or channels (n, channels) as 16-bit WAV."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
