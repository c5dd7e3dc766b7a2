"""Audio as it comes over a wire, in pieces of any length: raw samples, and what the detector and the engine need."""

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from speechd.audio.vad import FRAME, SpeechDetector
from speechd.types import SAMPLE_RATE, Samples

PIECE_SECONDS = 1.0
"""Audio that is worked on at once, so that a long message holds up nobody."""
G711_RATE = 8000

Encoding = Literal["pcm", "pcmu", "pcma"]


@dataclass(frozen=True, slots=True)
class WireFormat:
    """Mono audio without a header."""

    encoding: Encoding = "pcm"
    """16-bit little-endian samples, or G.711 mu-law or A-law."""
    rate: int = 24_000
    """Samples a second."""

    @property
    def sample_bytes(self) -> int:
        return 2 if self.encoding == "pcm" else 1


@dataclass(frozen=True, slots=True)
class HeardAudio:
    """A piece of audio, resampled and searched for speech."""

    raw: bytes
    """16-bit samples at the wire's rate."""
    samples: Samples
    """Whole frames that are complete with this piece, shape (n * FRAME,); they end before `raw` does."""
    probabilities: npt.NDArray[np.float32]
    """Of speech in each frame, shape (n,)."""


class PcmInput:
    """One stream of audio. `push` may be called from any thread, one call after the other."""

    def __init__(self, format: WireFormat) -> None:
        import soxr

        self.format = format
        self._half = b""
        self._rest = np.zeros(0, np.float32)
        self._detector = SpeechDetector()
        self._resampler: Any = None
        if format.rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(format.rate, SAMPLE_RATE, 1, dtype="float32", quality="LQ")

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The same bytes, at most PIECE_SECONDS at once."""
        step = round(PIECE_SECONDS * self.format.rate) * self.format.sample_bytes
        return (data[start : start + step] for start in range(0, len(data), step))

    def push(self, data: bytes) -> HeardAudio:
        """Takes the next bytes; half a sample at the end is kept for the next call."""
        pcm = self._pcm(data)
        samples = pcm.astype(np.float32) / np.float32(32_768)
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        return HeardAudio(pcm.tobytes(), samples[:whole], self._detector(samples[:whole]))

    def _pcm(self, data: bytes) -> npt.NDArray[np.int16]:
        if self.format.encoding != "pcm":
            return _G711[self.format.encoding][np.frombuffer(data, np.uint8)]
        data = self._half + data
        whole = len(data) // 2 * 2
        self._half = data[whole:]
        return np.frombuffer(data[:whole], "<i2").astype(np.int16)


def wav_file(raw: bytes, rate: int) -> bytes:
    """A WAV file of 16-bit samples: the turn as it would be uploaded."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(raw)
    return file.getvalue()


def _mu_law() -> npt.NDArray[np.int16]:
    """ITU-T G.711, table 2: sign, 3 bits of exponent and 4 of mantissa, all inverted, with a bias of 33 (here << 2)."""
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = ((((code & 0x0F).astype(np.int32) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law() -> npt.NDArray[np.int16]:
    """ITU-T G.711, table 1: as mu-law, with every second bit inverted and a linear first segment."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code & 0x70).astype(np.int32) >> 4, (code & 0x0F).astype(np.int32) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_G711 = {"pcmu": _mu_law(), "pcma": _a_law()}
