"""The media type under which a caller gets its own recording back: never one that a browser runs or shows as a page."""

import re
from pathlib import PurePath

UNKNOWN_TYPE = "application/octet-stream"
BY_SUFFIX = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".amr": "audio/amr",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".mpeg": "audio/mpeg",
    ".mpga": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
    ".wma": "audio/x-ms-wma",
}

_MEDIA = re.compile(r"(?:audio|video)/[a-z0-9][a-z0-9.+-]{0,60}")


def recording_type(filename: str, declared: str) -> str:
    """
    Args:
        filename: of the recording; "" where nobody told one.
        declared: what the caller says of it, perhaps with parameters.
    """
    essence = declared.partition(";")[0].strip().lower()
    if _MEDIA.fullmatch(essence):
        return essence
    return BY_SUFFIX.get(PurePath(filename).suffix.lower(), UNKNOWN_TYPE)
