"""Durations of recordings by their headers."""

from pathlib import Path
from typing import BinaryIO

from speechd.audio.decode import open_audio
from speechd.errors import SpeechdError


def seconds_at(path: Path) -> float:
    """As `seconds_of`, for a file that is not open."""
    try:
        with path.open("rb") as file:
            return seconds_of(file)
    except OSError:
        return 0.0


def seconds_of(file: BinaryIO) -> float:
    """Estimated seconds of a recording by its header; 0 where unknown. The file is at its start afterwards."""
    try:
        with open_audio(file) as stream:
            return stream.expected_seconds
    except SpeechdError:
        return 0.0  # the transcription reports why
    finally:
        file.seek(0)
