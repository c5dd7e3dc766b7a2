"""Kokoro (82 million parameters, ONNX): one model, whose speakers are tables of styles that can be mixed."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from speechd.audio.limiter import limited
from speechd.errors import EngineFailure, FeatureNotInstalled, SpeechdError
from speechd.tts.engine import SpeakerMix, Spoken, SynthesisOptions
from speechd.tts.engines.alignment import NO_PHONEMES, groups, with_durations, word_times, written_words
from speechd.tts.engines.espeak import MISSING_EXTRA
from speechd.tts.engines.kokoro_files import KokoroFiles
from speechd.tts.engines.kokoro_phonemes import ACCENTS, VOCABULARY, Accent, kokoro_phonemes
from speechd.types import Samples, Word

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MAX_SYMBOLS = 510
"""The model's longest text, without the pads at both ends."""
STYLE = 256
"""Numbers of a style. A speaker's table has one style for each length of a text."""
QUIET_SAMPLE = 3e-3
"""Samples below this, -50 dBFS, are the silence that the model makes around a text: 0.2 to 0.5 s (measured)."""
LEAD, TAIL = 0.05, 0.2
"""Seconds of it that stay."""

Timed = list[tuple[str, float]]
"""Symbols with their seconds, pads included."""


class KokoroEngine:
    """Speaks with all of Kokoro's speakers, on one inference thread a call."""

    def __init__(self, files: KokoroFiles) -> None:
        """
        Raises:
            FeatureNotInstalled: piper-tts, which has espeak-ng, is not installed.
            EngineFailure: its files cannot be loaded.
        """
        self.info = files.info()
        if not files.speakers:
            raise EngineFailure(f"{files.folder} has no speaker whose language can be read.")
        self._styles = [_read_styles(path) for path in files.speakers]
        self._accents = [ACCENTS[path.stem[0]] for path in files.speakers]
        self._session = _load(files)
        self._inputs = [given.name for given in self._session.get_inputs()]
        self._count = lru_cache(maxsize=10_000)(_count_phonemes)

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        """See speechd.tts.engine.TtsEngine."""
        mix: SpeakerMix = options.speaker if isinstance(options.speaker, tuple) else ((options.speaker or 0, 1.0),)
        accent = self._accents[mix[0][0]]
        try:
            parts = [self._speak(part, mix) for part in _pieces(kokoro_phonemes(sentence, accent))]
        except SpeechdError:
            raise
        except Exception as error:  # onnxruntime's own exceptions share no base class
            raise EngineFailure(f"The voice failed on a sentence: {type(error).__name__}.") from error
        if not parts:
            return Spoken(np.zeros(0, np.float32))
        samples = np.concatenate([samples for samples, _ in parts])
        words = self._words(sentence, [timed for _, timed in parts], accent) if options.words else ()
        return self._trimmed(Spoken(samples, words), options.gain)

    def close(self) -> None:
        """See speechd.tts.engine.TtsEngine."""
        del self._session

    def _speak(self, symbols: str, mix: SpeakerMix) -> tuple[Samples, Timed]:
        tokens = np.array([[0, *(VOCABULARY[symbol] for symbol in symbols), 0]], np.int64)
        style = sum(share * self._style(number, len(symbols)) for number, share in mix)
        given = (tokens, np.asarray(style, np.float32)[np.newaxis], np.ones(1, np.float32))
        samples, *durations = self._session.run(None, dict(zip(self._inputs, given, strict=True)))
        samples = np.asarray(samples, np.float32).reshape(-1)
        if not np.isfinite(samples).all():
            raise ValueError("the voice returned a sample that is not a number")
        frames = np.asarray(durations[0] if durations else np.ones(tokens.size), np.float64).reshape(-1)
        seconds = frames * (len(samples) / self.info.sample_rate / max(1.0, frames.sum()))
        return samples, list(zip(f"^{symbols}$", seconds.tolist(), strict=True))

    def _style(self, speaker: int, length: int) -> npt.NDArray[np.float32]:
        """Shape (256,): of a speaker, for a text of this many symbols."""
        table = self._styles[speaker]
        row: npt.NDArray[np.float32] = table[min(length, len(table)) - 1]
        return row

    def _words(self, sentence: str, parts: list[Timed], accent: Accent) -> tuple[Word, ...]:
        timed = [symbol for part in parts for symbol in part]
        return word_times(written_words(sentence), groups(timed, NO_PHONEMES), partial(self._count, accent))

    def _trimmed(self, spoken: Spoken, gain: float) -> Spoken:
        """With less silence around it, and at its level."""
        rate = self.info.sample_rate
        heard = np.flatnonzero(np.abs(spoken.samples) > QUIET_SAMPLE)
        start = max(0, int(heard[0]) - round(LEAD * rate)) if len(heard) else 0
        end = int(heard[-1]) + round(TAIL * rate) if len(heard) else len(spoken.samples)
        samples = spoken.samples[start:end]
        words = tuple(_within(word.shifted(-start / rate), len(samples) / rate) for word in spoken.words)
        return Spoken(limited(samples * np.float32(gain), rate), words)


def _within(word: Word, seconds: float) -> Word:
    return replace(word, start=min(max(0.0, word.start), seconds), end=min(max(0.0, word.end), seconds))


def _pieces(symbols: str) -> Iterator[str]:
    """The symbols in parts that the model can take, cut at blanks where there are any. None without a phoneme."""
    rest = symbols.strip()
    while rest:
        cut = len(rest) if len(rest) <= MAX_SYMBOLS else rest.rfind(" ", 1, MAX_SYMBOLS)
        cut = MAX_SYMBOLS if cut < 0 else cut
        if not NO_PHONEMES.issuperset(rest[:cut]):
            yield rest[:cut]
        rest = rest[cut:].strip()


def _count_phonemes(accent: Accent, word: str) -> int:
    return sum(symbol not in NO_PHONEMES for symbol in kokoro_phonemes(word, accent))


def _read_styles(path: Path) -> npt.NDArray[np.float32]:
    """Shape (lengths, 256): row n is for a text of n + 1 symbols.

    Raises:
        EngineFailure: it is no such table.
    """
    try:
        return np.fromfile(path, "<f4").reshape(-1, STYLE)[:MAX_SYMBOLS]
    except (OSError, ValueError) as error:
        raise EngineFailure(f"The speaker {path.stem} cannot be loaded: {error}") from error


def _load(files: KokoroFiles) -> "InferenceSession":
    try:
        from onnxruntime import InferenceSession, SessionOptions
    except ImportError as error:
        raise FeatureNotInstalled(MISSING_EXTRA) from error
    session_options = SessionOptions()
    session_options.intra_op_num_threads = 1
    session_options.inter_op_num_threads = 1
    try:
        model = with_durations(files.model.read_bytes(), b"Clip")
        return InferenceSession(model, sess_options=session_options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise EngineFailure(f"The voice {files.model.stem} cannot be loaded: {error}") from error
