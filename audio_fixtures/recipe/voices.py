"""Free synthesiser voices with true word times: espeak-ng and flite through their C libraries.

Both libraries tell when each word starts, so the manifest's times come from the synthesiser and
not from a recogniser. espeak-ng reports word and phoneme events while it speaks; flite leaves
its utterance structure behind, in which every token knows its segments' ends.
"""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

RATE = 16_000
"""Sample rate of every utterance, in Hz: what the recognisers work at."""

PEAK = 0.5
"""Peak amplitude of every utterance, of 1.0: loud enough, far from clipping."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Word:
    """One spoken word."""

    word: str
    """The word as written, without the punctuation around it."""
    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds from the start of the recording; not after the next word's start."""

    def later(self, seconds: float) -> Word:
        """The same word in a recording that starts `seconds` earlier."""
        return Word(self.word, self.start + seconds, self.end + seconds)


@dataclass(frozen=True)
class Utterance:
    """One spoken sentence without silence around it."""

    text: str
    """The sentence."""
    samples: Samples
    """Mono, float32, `RATE` Hz, peak at `PEAK`."""
    words: tuple[Word, ...]
    """The words in order."""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE


@dataclass(frozen=True)
class Voice:
    """A voice as the sentence lists name it: `espeak:en-us+f2@160` or `flite:slt`."""

    name: str
    """Engine, voice and, for espeak, `@` and the rate in words a minute."""

    def say(self, text: str) -> Utterance:
        """Speak `text`; the same text gives the same samples on the same library versions.

        Both engines draw breath noise from the C library's `rand`, so it is seeded first.
        """
        ctypes.CDLL(None).srand(1)
        engine, _, voice = self.name.partition(":")
        return {"espeak": _say_espeak, "flite": _say_flite}[engine](text, voice)


def _finish(text: str, samples: Samples, rate: int, spans: list[tuple[float, float]]) -> Utterance:
    """Resample to `RATE`, cut the silence off both ends, set the peak, move the times along."""
    speech = soxr.resample(samples, rate, RATE, quality="VHQ").astype(np.float32)
    first, last = _speech_bounds(speech)
    first = max(first, int((spans[0][0] - 0.03) * RATE))  # flite's kal16 hisses before it speaks
    speech = speech[first:last]
    speech *= PEAK / np.abs(speech).max()
    offset, duration = first / RATE, len(speech) / RATE
    tokens = [token.strip(".,?!¿¡") for token in text.split()]
    words = tuple(
        Word(token, min(max(0.0, start - offset), duration), min(max(0.0, end - offset), duration))
        for token, (start, end) in zip(tokens, spans, strict=True)
    )
    return Utterance(text, speech, words)


def _from_int16(samples: npt.NDArray[np.int16]) -> Samples:
    """Copy 16-bit samples to float32 in [-1, 1]."""
    return (samples / 32768).astype(np.float32)


def _speech_bounds(samples: Samples) -> tuple[int, int]:
    """First and last sample of the speech: 10 ms frames above 1.2 % of the loudest frame's RMS."""
    frame = RATE // 100
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    rms = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(rms > 0.012 * rms.max())
    return max(0, int(loud[0]) - 1) * frame, min(len(frames), int(loud[-1]) + 3) * frame


# --- espeak-ng -----------------------------------------------------------------------------------


class _Event(ctypes.Structure):
    """`espeak_EVENT` of espeak-ng/speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    ]


_EVENT_END, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Espeak:
    """libespeak-ng in its synchronous mode, collecting samples and events."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._callback = _CALLBACK(self._collect)
        synchronous, phoneme_events = 2, 1
        self.rate: int = self._library.espeak_Initialize(synchronous, 0, None, phoneme_events)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave, count, events) -> int:  # type: ignore[no-untyped-def]
        if wave and count > 0:
            self._blocks.append(_from_int16(np.ctypeslib.as_array(wave, (count,))))
        index = 0
        while events[index].type != _EVENT_END:
            event = events[index]
            seconds = event.audio_position / 1000
            if event.type == _EVENT_WORD:
                self.words.append((event.text_position - 1, seconds))
            elif event.type == _EVENT_PHONEME and event.id.startswith(b"_"):
                self.pauses.append(seconds)
            index += 1
        return 0

    def speak(self, text: str, voice: str, words_per_minute: int) -> Samples:
        """Samples at `self.rate`; leaves `words` (position, seconds) and `pauses` (seconds)."""
        self._blocks: list[Samples] = []
        self.words: list[tuple[int, float]] = []
        self.pauses: list[float] = []
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        rate_parameter, utf8 = 1, 1
        self._library.espeak_SetParameter(rate_parameter, words_per_minute, 0)
        data = text.encode()
        self._library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0, utf8, None, None)
        return np.concatenate(self._blocks)


@dataclass(frozen=True)
class _Spoken:
    """What one fresh espeak-ng said."""

    samples: Samples
    rate: int
    words: list[tuple[int, float]]
    pauses: list[float]


def _speak_afresh(text: str, voice: str, words_per_minute: int) -> _Spoken:
    engine = _Espeak()
    samples = engine.speak(text, voice, words_per_minute)
    return _Spoken(samples, engine.rate, engine.words, engine.pauses)


def _say_espeak(text: str, voice: str) -> Utterance:
    name, _, words_per_minute = voice.partition("@")
    # One process a sentence: espeak-ng carries wave state from a sentence into the next one, and
    # terminating it in the same process hangs, so only a fresh process speaks reproducibly.
    with multiprocessing.get_context("fork").Pool(1) as pool:
        spoken = pool.apply(_speak_afresh, (text, name, int(words_per_minute or 165)))
    starts = _token_starts(text, spoken.words)
    length = len(spoken.samples) / spoken.rate
    spans = []
    for start, following in zip(starts, [*starts[1:], length], strict=True):
        pause = min((p for p in spoken.pauses if start < p < following), default=following)
        spans.append((start, pause))
    return _finish(text, spoken.samples, spoken.rate, spans)


def _token_starts(text: str, events: Sequence[tuple[int, float]]) -> list[float]:
    """Seconds of the first word event inside each whitespace-separated token."""
    starts: list[float] = []
    position = 0
    for token in text.split(" "):
        inside = [s for at, s in events if position <= at <= position + len(token)]
        if not inside:
            raise ValueError(f"espeak-ng reported no time for {token!r} in {text!r}")
        starts.append(min(inside))
        position += len(token) + 1
    return starts


# --- flite ---------------------------------------------------------------------------------------


class _Wave(ctypes.Structure):
    """`cst_wave` of flite/cst_wave.h."""

    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


@functools.cache
def _flite() -> ctypes.CDLL:
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for name in ("usenglish", "cmulex"):
        ctypes.CDLL(f"libflite_{name}.so.1", mode=ctypes.RTLD_GLOBAL)
    for name in ("flite_synth_text", "utt_relation", "relation_head", "item_next"):
        getattr(library, name).restype = ctypes.c_void_p
    library.utt_wave.restype = ctypes.POINTER(_Wave)
    library.flite_ffeature_float.restype = ctypes.c_float
    library.flite_init()
    return library


@functools.cache
def _flite_voice(name: str) -> ctypes.c_void_p:
    _flite()
    register = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")[f"register_cmu_us_{name}"]
    register.restype = ctypes.c_void_p
    return ctypes.c_void_p(register(None))


def _say_flite(text: str, voice: str) -> Utterance:
    library = _flite()
    utterance = ctypes.c_void_p(library.flite_synth_text(text.encode(), _flite_voice(voice)))
    wave = library.utt_wave(utterance).contents
    samples = _from_int16(np.ctypeslib.as_array(wave.samples, (wave.num_samples,)))
    rate = wave.sample_rate
    spans = _flite_spans(library, utterance)
    library.delete_utterance(utterance)
    return _finish(text, samples, rate, spans)


def _flite_spans(library: ctypes.CDLL, utterance: ctypes.c_void_p) -> list[tuple[float, float]]:
    """Start and end in seconds of every token, from the ends of its segments."""
    first_segment = "daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
    last_segment = "daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
    relation = ctypes.c_void_p(library.utt_relation(utterance, b"Token"))
    token = library.relation_head(relation)
    spans = []
    while token:
        item = ctypes.c_void_p(token)
        spans.append(
            (
                float(library.flite_ffeature_float(item, first_segment.encode())),
                float(library.flite_ffeature_float(item, last_segment.encode())),
            )
        )
        token = library.item_next(item)
    return spans
