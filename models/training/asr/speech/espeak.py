"""espeak-ng through its C library: many voices, four languages, true word times.

Word events: `espeak_ng/speak_lib.h`, struct espeak_EVENT.
"""

import ctypes
import itertools
import random

import numpy as np

from ..text.numbers import listed
from .base import Speech, WordTimes, finish

VARIANTS = listed(
    "f1 f2 f3 f5 m1 m2 m3 m4 m5 m6 m7 m8 klatt klatt2 klatt3 klatt4 klatt5 Alex Alicia Andrea "
    "Andy Annie Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Michael Mike Nguyen "
    "adam anika announcer antonio aunty belinda benjamin boris caleb david ed edward edward2 "
    "grandma grandpa gustave iven iven2 john marcelo max miguel norbert pablo paul pedro quincy "
    "rob robert sandro shelby steph steph2 steph3 travis victor zac"
)
HELD_OUT = ("f4", "linda", "michel")
ACCENTS = {
    "en": ("en-us", "en-us", "en-us", "en", "en", "en-gb-scotland", "en-gb-x-rp",
           "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029"),
    "es": ("es", "es", "es-419"),
    "de": ("de",),
    "fr": ("fr", "fr", "fr-be", "fr-ch"),
}  # fmt: skip
_RATE, _PITCH, _RANGE = 1, 3, 4
_WORD_EVENT = 1
_RETRIEVAL = 2


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int), ("message", ctypes.c_uint), ("text_position", ctypes.c_int),
        ("length", ctypes.c_int), ("audio_ms", ctypes.c_int), ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p), ("id", ctypes.c_char * 8),
    ]  # fmt: skip


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """espeak-ng with a random variant, accent, rate and pitch for each sentence."""

    def __init__(self, seed: int, speed_spread: float) -> None:
        self._rng = random.Random(seed)
        self._speed_spread = speed_spread
        self._blocks: list[np.ndarray] = []
        self._events: list[tuple[int, int]] = []
        self._library = ctypes.CDLL("libespeak-ng.so.1")
        self._rate = self._library.espeak_Initialize(_RETRIEVAL, 0, None, 0)
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, wave, count, events) -> int:  # type: ignore[no-untyped-def]
        if count > 0 and wave:
            self._blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == _WORD_EVENT:
                self._events.append((events[index].text_position - 1, events[index].audio_ms))
            index += 1
        return 0

    def _synthesise(self, text: str, voice: str) -> None:
        rng, library = self._rng, self._library
        self._blocks, self._events = [], []
        if library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"espeak-ng has no voice {voice}")
        for parameter, value in (
            (_RATE, rng.randint(135, 215)), (_PITCH, rng.randint(25, 75)),
            (_RANGE, rng.randint(30, 75)),
        ):  # fmt: skip
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0, 1, None, None)

    def speak(self, text: str, language: str, held_out: bool) -> Speech | None:
        """Speak with a random voice; None where nothing came out."""
        accent = self._rng.choice(ACCENTS[language])
        variant = self._rng.choice(HELD_OUT if held_out else VARIANTS)
        plain = not held_out and self._rng.random() < 0.07
        spread = 0.0 if held_out else self._speed_spread
        return self.speak_as(text, accent if plain else f"{accent}+{variant}", spread)

    def speak_as(self, text: str, voice: str, speed_spread: float = 0.0) -> Speech | None:
        """Speak with a voice by its name; None where nothing came out."""
        self._synthesise(text, voice)
        if not self._blocks:
            return None
        samples = np.concatenate(self._blocks).astype(np.float32) / 32768
        times = word_times(text, self._events, len(samples) / self._rate)
        speed = min(1.18, max(0.85, self._rng.gauss(1, speed_spread)))
        return finish(samples, self._rate, f"espeak:{voice}", speed, times)


def word_times(text: str, events: list[tuple[int, int]], end: float) -> WordTimes | None:
    """Turn word events (character position, ms) into times of the words between blanks.

    A word that espeak reads as several (`twenty-one`) begins with its first event. None where a
    word has no event of its own.
    """
    starts: list[float] = []
    position = 0
    for word in text.split(" "):
        inside = [ms for at, ms in events if position <= at <= position + len(word)]
        if not inside:
            return None
        starts.append(min(inside) / 1000)
        position += len(word) + 1
    if any(b < a for a, b in itertools.pairwise(starts)):
        return None
    return list(zip(starts, [*starts[1:], end], strict=True))
