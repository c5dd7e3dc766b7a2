"""Composes training windows: one to eight utterances, silence between them, noise over them."""

import random
from dataclasses import dataclass, replace

import numpy as np

from . import augment
from .alignment import Aligner
from .config import Windows
from .features import BANDS, FLOOR, Float, normalise
from .labels import MAX_TOKENS, Encode, Labels, Segment, Task, silence_labels, speech_labels
from .store import Store, Utterance
from .tokens import TIMESTAMP_STEP, Special

LONG = 30.0
CUT = 0.85
"""How often a long window that has no room for the next utterance holds its beginning all the same."""
LEAST_CUT = 30
"""Frames of an utterance that are enough to be heard as one that begins."""
HEARD = 0.7
"""Share of a word that must be left for it to be written, where a window begins amid an utterance."""
FULL = 16
"""Utterances that no window of 30 s has room for: it holds as many as fit."""
POSITIONS = 1500
"""Encoder positions of 20 ms."""
LONGEST_PREVIOUS = MAX_TOKENS // 2 - 1
"""Tokens of earlier text that Whisper's long form gives back at most."""


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
    cut: bool = False
    """The window ends before it does."""

    def said(self, limit: float) -> str:
        """Return its words that end before `limit`, in seconds of the window."""
        if not self.cut or not self.words:
            return self.utterance.text
        pairs = zip(self.utterance.text.split(" "), self.words, strict=False)
        return " ".join(word for word, (_, end) in pairs if end <= limit)

    def segment(self) -> Segment:
        return Segment(self.start, self.end, self.utterance.text, self.words)

    def translation(self, aligner: Aligner) -> Segment:
        """Return its translation, each word at the time of those that it comes from."""
        text, english = self.utterance.text, self.utterance.english
        times: list[tuple[float, float] | None] | None = None
        if self.words and len(self.words) == len(text.split(" ")):
            pairs = aligner.align(text, english)
            times = [(self.words[p[0]][0], self.words[p[1]][1]) if p else None for p in pairs]
        return Segment(self.start, self.end, english, tuple(times) if times else None, translated=True)


def _rest(utterance: Utterance, mel: Float, words: augment.Spans, first: int) -> tuple[Utterance, Float, augment.Spans]:
    """Return what is left of an utterance that begins before the window does, `first` of its frames gone.

    faster-whisper goes on at 30 s where a window's last timestamp opens no segment, amid a word if need be.
    """
    gone = first / 100
    left = [(max(0.0, a - gone), b - gone) for a, b in words if b - gone >= HEARD * (b - a)]
    text = utterance.text.split(" ")[len(words) - len(left) :]
    return replace(utterance, text=" ".join(text)), mel[first:], left


class Composer:
    """Draws windows from a store."""

    def __init__(self, store: Store, settings: Windows, special: Special, encode: Encode, seed: int) -> None:
        self._store, self._settings = store, settings
        self._special, self._encode = special, encode
        self._rng = random.Random(seed)
        self._aligners = {lang: Aligner.learn(store.translations(lang)) for lang in settings.languages if lang != "en"}
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
        previous = self._settings.previous_text_long if long else self._settings.previous_text
        return Window(mel, position, self._labels(language, translate, placed, position, previous),
                      " ".join(p.said(len(mel) / 100) for p in placed))  # fmt: skip

    def _draw(self, language: str, translate: bool = False, kind: str | None = None) -> Utterance:
        """Draw an utterance of that kind or a random one, one that has a translation where that is asked for."""
        while True:
            drawn = kind or self._rng.choices(list(self.mix), list(self.mix.values()))[0]
            utterance = self._store.draw(self._rng, language, drawn)
            if utterance.english or not translate:
                return utterance

    def _compose(self, language: str, translate: bool, long: bool) -> tuple[Float, list[_Placed]]:
        """Place utterances one after the other until the window is full."""
        rng = self._rng
        limit = int((LONG if long else self._settings.longest_short) * 100)
        one_kind = rng.random() < self._settings.one_kind
        wanted = self._wanted(long)
        level = rng.uniform(-10, -5) if rng.random() < 0.6 else FLOOR
        begun = not translate and rng.random() < self._settings.begun
        parts = [self._gap(0.0 if begun else self._lead(long), level)]
        placed: list[_Placed] = []
        at = len(parts[0])
        while len(placed) < wanted:
            kind = placed[0].utterance.kind if placed and one_kind else None
            utterance = self._draw(language, translate, kind)
            mel, words = augment.speaker(utterance.mel(), list(utterance.words or ()), rng)
            if begun and words and len(words) == len(utterance.text.split(" ")):
                utterance, mel, words = _rest(utterance, mel, words, rng.randrange(len(mel)))
            begun = False
            start, end = at / 100, (at + len(mel)) / 100
            moved = tuple((start + a, start + b) for a, b in words) if words else None
            if at + len(mel) > limit and (placed or len(mel) > limit):
                if not placed:
                    continue
                if long and moved and limit - at > LEAST_CUT and rng.random() < CUT:
                    placed.append(_Placed(utterance, start, limit / 100, moved, cut=True))
                    parts.append(mel)
                break
            if utterance.text:
                placed.append(_Placed(utterance, start, end, moved))
            pause = self._gap(self._pause(long, len(placed) == wanted), level)
            parts += [mel, pause]
            at += len(mel) + len(pause)
        return np.concatenate(parts)[:limit], placed

    def _wanted(self, long: bool) -> int:
        """Return how many utterances a window may hold; half of the long ones are full."""
        rng = self._rng
        if long:
            return FULL if rng.random() < 0.5 else rng.randint(2, 12)
        return 1 if rng.random() < 0.7 else rng.randint(2, 3)

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
        if rng.random() < self._settings.noise:
            babble = rng.random() < 0.25
            disturbance = self._babble(len(raw)) if babble else augment.noise(len(raw), rng)
            raw = augment.add_noise(raw, disturbance, rng.uniform(0.7, 4.0))
        if rng.random() < self._settings.telephone:
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

    def _labels(
        self, language: str, translate: bool, placed: list[_Placed], position: int, with_previous: float
    ) -> Labels:
        rng, settings = self._rng, self._settings
        opened = next((p.start for p in placed if p.cut), None)
        timestamps = opened is not None or rng.random() >= settings.no_timestamps
        task = Task(language, translate, timestamps, offset=position * TIMESTAMP_STEP)
        aligner = self._aligners.get(language) if translate else None
        segments = [p.translation(aligner) if aligner else p.segment() for p in placed if not p.cut]
        previous = self._previous(task) if rng.random() < with_previous else ()
        labels = speech_labels(self._special, self._encode, segments, task, previous, opened)
        if not previous and rng.random() < settings.late:
            labels.first = rng.randint(0, min(LONGEST_PREVIOUS + 1, MAX_TOKENS - len(labels.ids)))
        return labels

    def _previous(self, task: Task) -> list[int]:
        """Return the end of some earlier text of any length, often the longest; three times in four with its
        timestamps, as Whisper's own long form gives it back."""
        rng, special = self._rng, self._special
        count = LONGEST_PREVIOUS if rng.random() < 0.2 else rng.randint(1, LONGEST_PREVIOUS)
        timed = task.timestamps and rng.random() < 0.75
        kind = self._draw(task.language, task.translate).kind if rng.random() < self._settings.one_kind else None
        ids: list[int] = []
        at = 0.0
        while len(ids) < count:
            utterance = self._draw(task.language, task.translate, kind)
            text = self._encode(" " + (utterance.english if task.translate else utterance.text))[0]
            start = 0.0 if at + utterance.frames / 100 > LONG else at
            end = min(LONG, start + utterance.frames / 100)
            at = end + self._pause(long=True, last=False)
            ids += [special.timestamp(start), *text, special.timestamp(end)] if timed else text
        return ids[-count:]

    def _silent(self, long: bool) -> Window:
        rng = self._rng
        longest = LONG if long else self._settings.longest_short
        frames = int(rng.uniform(1, longest) * 100)
        mel = normalise(augment.without_speech(frames, rng))
        language = rng.choice(list(self._settings.languages))
        task = Task(language, timestamps=rng.random() >= self._settings.no_timestamps)
        labels = silence_labels(self._special, task, marked=rng.random() < 0.6)
        return Window(mel, 0, labels, "")
