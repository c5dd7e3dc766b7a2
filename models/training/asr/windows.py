"""Composes training windows: one to eight utterances, silence between them, noise over them."""

import random
from dataclasses import dataclass

import numpy as np

from . import augment
from .config import Windows
from .features import BANDS, FLOOR, Float, normalise
from .labels import Encode, Labels, Segment, Task, silence_labels, speech_labels
from .store import Store, Utterance
from .tokens import TIMESTAMP_STEP, Special

LONG = 30.0
POSITIONS = 1500
"""Encoder positions of 20 ms."""


@dataclass(frozen=True)
class Window:
    """One training example."""

    mel: Float
    """Normalised features, (frames, 80)."""
    position: int
    """The encoder position of the first frame: 0, or anywhere for a shifted short window."""
    labels: Labels
    """What the decoder writes."""
    spoken: str
    """What is said, for the character loss of the encoder."""


@dataclass(frozen=True)
class _Placed:
    utterance: Utterance
    start: float
    end: float
    words: tuple[tuple[float, float], ...] | None

    def segment(self, translate: bool) -> Segment:
        text = self.utterance.english if translate else self.utterance.text
        return Segment(self.start, self.end, text, None if translate else self.words)


class Composer:
    """Draws windows from a store."""

    def __init__(self, store: Store, settings: Windows, special: Special, encode: Encode, seed: int) -> None:
        self._store, self._settings = store, settings
        self._special, self._encode = special, encode
        self._rng = random.Random(seed)
        self._numpy = np.random.default_rng(seed)
        self.mix = settings.mix
        """How often each kind of text is drawn."""

    def window(self, long: bool) -> Window:
        """Compose one window of up to 30 s, or a short one."""
        if self._rng.random() < self._settings.no_speech:
            return self._silent(long)
        languages = self._settings.languages
        language = self._rng.choices(list(languages), list(languages.values()))[0]
        translate = self._rng.random() < (self._settings.translate if language != "en" else 0.03)
        raw, placed = self._compose(language, translate, long)
        mel = self._finish(raw)
        position = self._position(len(mel), long)
        return Window(mel, position, self._labels(language, translate, placed, position),
                      " ".join(p.utterance.text for p in placed))  # fmt: skip

    def _draw(self, language: str, translate: bool = False) -> Utterance:
        """Draw an utterance of a random kind, one that has a translation where that is asked for."""
        while True:
            kind = self._rng.choices(list(self.mix), list(self.mix.values()))[0]
            utterance = self._store.draw(self._rng, language, kind)
            if utterance.english or not translate:
                return utterance

    def _compose(self, language: str, translate: bool, long: bool) -> tuple[Float, list[_Placed]]:
        """Place utterances one after the other until the window is full."""
        rng = self._rng
        limit = int((LONG if long else self._settings.longest_short) * 100)
        wanted = rng.randint(2, 9) if long else (1 if rng.random() < 0.7 else rng.randint(2, 3))
        level = rng.uniform(-10, -5) if rng.random() < 0.6 else FLOOR
        parts = [self._gap(self._lead(long), level)]
        placed: list[_Placed] = []
        at = len(parts[0])
        while len(placed) < wanted:
            utterance = self._draw(language, translate)
            mel, words = augment.speaker(utterance.mel(), list(utterance.words or ()), rng)
            if at + len(mel) > limit and (placed or len(mel) > limit):
                if placed:
                    break
                continue
            start, end = at / 100, (at + len(mel)) / 100
            moved = tuple((start + a, start + b) for a, b in words) if words else None
            placed.append(_Placed(utterance, start, end, moved))
            pause = self._gap(self._pause(long, len(placed) == wanted), level)
            parts += [mel, pause]
            at += len(mel) + len(pause)
        return np.concatenate(parts)[:limit], placed

    def _lead(self, long: bool) -> float:
        rng = self._rng
        return rng.choice([0.0, 0.0, rng.uniform(0, 0.5), rng.uniform(0, 1.5),
                           rng.uniform(0, 6) if long else 0.0])  # fmt: skip

    def _pause(self, long: bool, last: bool) -> float:
        rng = self._rng
        if last:
            return rng.choice([0.0, rng.uniform(0, 0.8), rng.uniform(0, 6.0 if long else 2.0)])
        often = rng.random() < 0.8
        return rng.uniform(0.15, 1.0) if often else rng.uniform(1, 4 if long else 1.5)

    def _gap(self, seconds: float, level: float) -> Float:
        return np.full((int(seconds * 100), BANDS), level, np.float32)

    def _finish(self, raw: Float) -> Float:
        """Add noise or babble, narrow the band, normalise and mask."""
        rng = self._rng
        if rng.random() < 0.42:
            disturbance, least = augment.noise(len(raw), rng, self._numpy), 0.9
            if rng.random() < 0.25:
                disturbance, least = self._babble(len(raw)), 0.8
            raw = augment.add_noise(raw, disturbance, max(least, rng.uniform(0.9, 4.2)))
        if rng.random() < 0.1:
            raw = augment.telephone(raw, rng)
        louder = rng.uniform(0, 0.6) if rng.random() < 0.4 else 0.0
        return augment.mask(normalise(raw, float(raw.max()) + louder), rng)

    def _babble(self, frames: int) -> Float:
        """Return three voices that speak at once."""
        power = np.zeros((frames, BANDS), np.float32)
        for language in self._rng.choices(list(self._settings.languages), k=3):
            mel = self._draw(language).mel()
            power += 10 ** np.resize(np.roll(mel, self._rng.randrange(len(mel)), 0), power.shape)
        return np.log10(power + 1e-10)

    def _position(self, frames: int, long: bool) -> int:
        """Return 0, or for some short windows a random encoder position."""
        room = POSITIONS - (frames + 1) // 2 - 1
        if long or self._rng.random() >= self._settings.shifted:
            return 0
        return self._rng.randrange(max(1, room))

    def _labels(self, language: str, translate: bool, placed: list[_Placed], position: int) -> Labels:
        rng, settings = self._rng, self._settings
        task = Task(language, translate, timestamps=rng.random() >= settings.no_timestamps,
                    offset=position * TIMESTAMP_STEP)  # fmt: skip
        segments = [p.segment(task.translate) for p in placed]
        previous = self._previous(task) if rng.random() < settings.previous_text else ()
        return speech_labels(self._special, self._encode, segments, task, previous)

    def _previous(self, task: Task) -> list[int]:
        """Return the end of some earlier text, 10 to 160 tokens."""
        count = self._rng.choice([10, 20, 40, 80, 160])
        ids: list[int] = []
        while len(ids) < count:
            utterance = self._draw(task.language, task.translate)
            ids += self._encode(" " + (utterance.english if task.translate else utterance.text))[0]
        return ids[-count:]

    def _silent(self, long: bool) -> Window:
        rng = self._rng
        longest = LONG if long else self._settings.longest_short
        frames = int(rng.uniform(1, longest) * 100)
        mel = normalise(augment.without_speech(frames, rng, self._numpy))
        language = rng.choice(list(self._settings.languages))
        task = Task(language, timestamps=rng.random() >= self._settings.no_timestamps)
        labels = silence_labels(self._special, task, marked=rng.random() < 0.6)
        return Window(mel, 0, labels, "")
