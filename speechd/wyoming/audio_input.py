"""The audio of one request, as it comes in events, as one recording: a WAV at 16 kHz mono."""

import tempfile
from typing import IO, Any, BinaryIO, cast

import numpy as np

from speechd.audio.encode import bare_pcm_header, pcm16
from speechd.audio.pcm import mono_from_pcm
from speechd.errors import TooLarge
from speechd.types import SAMPLE_RATE, Samples
from speechd.wyoming.requests import AudioFormatEvent

IN_MEMORY = 1 << 20
"""Bytes of a recording that are kept in memory: 33 s. A longer one is a temporary file."""


class RecordingInput:
    """Collects chunks, each in the format that it says itself; blocking. Close it, or take its file."""

    def __init__(self, max_seconds: float) -> None:
        """
        Args:
            max_seconds: longest recording accepted.
        """
        self._max_samples = round(max_seconds * SAMPLE_RATE)
        self._samples = 0
        self._format: AudioFormatEvent | None = None
        self._resampler: Any = None
        self._rest = b""
        """The beginning of a sample whose end has not come."""
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever takes it closes it
        self._file.write(bare_pcm_header(SAMPLE_RATE))

    @property
    def seconds(self) -> float:
        return self._samples / SAMPLE_RATE

    def feed(self, format: AudioFormatEvent, data: bytes) -> None:
        """
        Raises:
            TooLarge: the recording becomes longer than is accepted.
        """
        if format != self._format:
            self._change(format)
        data = self._rest + data
        whole = len(data) - len(data) % format.frame
        self._rest = data[whole:]
        self._write(self._resampled(mono_from_pcm(data[:whole], format.width, format.channels)))

    def take_file(self) -> BinaryIO:
        """The whole recording, at its beginning, for the caller to close."""
        self._write(self._resampled(np.zeros(0, np.float32), last=True))
        self._file.seek(0)
        return cast(BinaryIO, self._file)

    def close(self) -> None:
        self._file.close()

    def _change(self, format: AudioFormatEvent) -> None:
        """What the resampler still has of the former format comes first."""
        self._write(self._resampled(np.zeros(0, np.float32), last=True))
        self._format, self._rest, self._resampler = format, b"", None
        if format.rate != SAMPLE_RATE:
            import soxr

            self._resampler = soxr.ResampleStream(format.rate, SAMPLE_RATE, 1, dtype="float32", quality="HQ")

    def _resampled(self, samples: Samples, last: bool = False) -> Samples:
        if self._resampler is None:
            return samples
        resampled: Samples = self._resampler.resample_chunk(samples, last=last)
        return resampled

    def _write(self, samples: Samples) -> None:
        self._samples += len(samples)
        if self._samples > self._max_samples:
            raise TooLarge(f"The audio is longer than the {self._max_samples / SAMPLE_RATE:g} seconds accepted here.")
        self._file.write(pcm16(samples).tobytes())
