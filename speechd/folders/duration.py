"""Durations of recordings by their headers."""

from typing import BinaryIO

from speechd.audio.decode import open_audio
from speechd.errors import SpeechdError
from speechd.folders.discover import FoundRecording


def seconds_at(recording: FoundRecording) -> float:
    """As `seconds_of`, for a recording that is not open."""
    try:
        file, _ = recording.open()
        with file:
            return seconds_of(file)
    except (OSError, SpeechdError):
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
