"""How long recordings are, as their headers have it."""

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
    """About how long a recording is, by its header; 0 where nobody can tell. The file is then at its start again."""
    try:
        with open_audio(file) as stream:
            return stream.expected_seconds
    except SpeechdError:
        return 0.0  # whoever transcribes it will say why
    finally:
        file.seek(0)
