"""Transcripts as bytes for the database."""

import json
import zlib
from functools import cache

from pydantic import TypeAdapter

from speechd.types import Transcript

LEVEL = 1
"""Of zlib: hours of words take a tenth of their size, and little time."""


def encode_transcript(transcript: Transcript) -> bytes:
    """Hours of words take a while, so this is for a thread."""
    return zlib.compress(json.dumps(_adapter().dump_python(transcript, mode="json")).encode(), LEVEL)


def decode_transcript(content: bytes) -> Transcript:
    """
    Raises:
        ValueError: another version of speechd wrote it.
    """
    return _adapter().validate_python(json.loads(zlib.decompress(content)))


@cache
def _adapter() -> TypeAdapter[Transcript]:
    return TypeAdapter(Transcript)
