"""Piper voices (piper-tts 1.8): the embedded ones, and any other in Piper's format.

Piper's own per-sentence normalisation is off, because it makes every sentence equally loud; one fixed gain a voice is
applied instead (speechd.tts.loudness.speaker_gain), and a limiter reduces only what is too loud.
"""

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from speechd.audio.limiter import limited
from speechd.errors import EngineFailure, FeatureNotInstalled
from speechd.tts.engine import Spoken, SynthesisOptions
from speechd.tts.engines.alignment import NO_PHONEMES, groups, with_durations, word_times, written_words
from speechd.tts.engines.espeak import ESPEAK_LOCK, MISSING_EXTRA
from speechd.tts.engines.piper_files import VoiceFiles, own_trait
from speechd.types import Samples, Word

if TYPE_CHECKING:
    from piper import PiperVoice


class PiperEngine:
    """Speaks with one Piper voice, on one inference thread a call: the networks are too small to share (measured)."""

    def __init__(self, files: VoiceFiles) -> None:
        """
        Raises:
            FeatureNotInstalled: piper-tts is not installed.
            EngineFailure: its files cannot be loaded.
        """
        self.info = files.info()
        config = json.loads(files.config.read_text(encoding="utf-8"))
        self._gain = np.float32(own_trait(config, "gain"))
        self._voice = _load(files, config)
        self._phonemes_alone = lru_cache(maxsize=10_000)(self._count_phonemes)

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        """See speechd.tts.engine.TtsEngine."""
        try:
            with ESPEAK_LOCK:
                phonemes = [part for part in self._voice.phonemize(sentence) if part]
            parts = [self._speak(part, options) for part in phonemes]
        except (RuntimeError, ValueError, KeyError, IndexError) as error:
            raise EngineFailure(f"The voice failed on a sentence: {type(error).__name__}.") from error
        if not parts:
            return Spoken(np.zeros(0, np.float32))
        samples = np.concatenate([samples for samples, _ in parts])
        words = self._words(sentence, parts) if options.words else ()
        gain = np.float32(self._gain * options.gain)
        return Spoken(limited(samples * gain, self.info.sample_rate), words)

    def close(self) -> None:
        """See speechd.tts.engine.TtsEngine."""
        del self._voice

    def _speak(self, phonemes: list[str], options: SynthesisOptions) -> tuple[Samples, list[tuple[str, float]]]:
        """One utterance: its samples, and its symbols with their seconds where the voice gives them."""
        from piper import SynthesisConfig

        scale = self._voice.config.length_scale / options.speed
        speaker = options.speaker if isinstance(options.speaker, int) else None
        config = SynthesisConfig(speaker_id=speaker, length_scale=scale, normalize_audio=False)
        ids = self._voice.phonemes_to_ids(phonemes)
        samples, durations = self._voice.phoneme_ids_to_audio(ids, config, include_alignments=True)
        samples = np.atleast_1d(np.asarray(samples, np.float32))
        if not np.isfinite(samples).all():
            raise ValueError("the voice returned a sample that is not a number")
        return samples, list(self._timed(phonemes, durations, len(samples)))

    def _timed(self, phonemes: list[str], durations: Any, samples: int) -> Iterator[tuple[str, float]]:
        """The symbols with their seconds, of equal length where the voice gives none."""
        id_map, rate = self._voice.config.phoneme_id_map, self.info.sample_rate
        symbols = [symbol for symbol in ("^", *phonemes, "$") if symbol in id_map]
        sizes = [len(id_map[symbol]) + (symbol != "$") * len(id_map["_"]) for symbol in symbols]
        if durations is None or len(durations) != sum(sizes):
            yield from ((symbol, samples / rate / len(symbols)) for symbol in symbols)
            return
        at = 0
        for symbol, size in zip(symbols, sizes, strict=True):
            yield symbol, float(durations[at : at + size].sum()) / rate
            at += size

    def _words(self, sentence: str, parts: Iterable[tuple[Samples, list[tuple[str, float]]]]) -> tuple[Word, ...]:
        timed = [symbol for _, symbols in parts for symbol in symbols]
        return word_times(written_words(sentence), groups(timed, NO_PHONEMES), self._phonemes_alone)

    def _count_phonemes(self, word: str) -> int:
        with ESPEAK_LOCK:
            found = self._voice.phonemize(word)
        return sum(symbol not in NO_PHONEMES for part in found for symbol in part)


def _load(files: VoiceFiles, config: dict[str, Any]) -> "PiperVoice":
    try:
        from onnxruntime import InferenceSession, SessionOptions
        from piper import PiperVoice
        from piper.config import PiperConfig
    except ImportError as error:
        raise FeatureNotInstalled(MISSING_EXTRA) from error
    session_options = SessionOptions()
    session_options.intra_op_num_threads = 1
    session_options.inter_op_num_threads = 1
    try:
        piper_config = PiperConfig.from_dict(config)
        model = with_durations(files.model.read_bytes())
        session = InferenceSession(model, sess_options=session_options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise EngineFailure(f"The voice {files.model.stem} cannot be loaded: {error}") from error
    return PiperVoice(session=session, config=piper_config)
