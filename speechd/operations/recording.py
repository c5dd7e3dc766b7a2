"""Where a recording comes from, and how long it is."""

from typing import BinaryIO

from speechd.audio.decode import open_audio
from speechd.auth.meter import Estimate
from speechd.errors import InvalidRequest, SpeechdError
from speechd.executors import DECODING, run_in
from speechd.net.fetch import FetchLimits, fetch_audio
from speechd.service import Service
from speechd.settings import Settings
from speechd.types import Clip, TranscribeOptions


def require_one_source(file: BinaryIO | None, url: str | None, file_id: str | None = None) -> None:
    """
    Raises:
        InvalidRequest: there is no recording, or there are two.
    """
    given = [name for name, value in {"file": file, "url": url, "file_id": file_id}.items() if value is not None]
    if not given:
        raise InvalidRequest("Either `file` or `url` is required.", param="file")
    if len(given) > 1:
        raise InvalidRequest(f"Only one of `{given[0]}` and `{given[1]}` can be given.", param=given[1])


async def measure(service: Service, audio: BinaryIO, clip: Clip) -> float | None:
    """Seconds that a part of a recording will probably have, None if nobody knows; the file is rewound.

    Raises:
        InvalidAudio: it is none.
    """

    def look() -> float | None:
        with open_audio(audio, max_seconds=service.settings.max_audio_seconds, clip=clip) as stream:
            return stream.probable_seconds

    try:
        return await run_in(DECODING, look)
    finally:
        audio.seek(0)


async def estimate_audio(service: Service, audio: BinaryIO, options: TranscribeOptions) -> Estimate | None:
    """How much audio a recording has by its headers; None for what is none: the transcriber says what is wrong.

    The file is rewound.
    """

    def look() -> Estimate:
        longest = service.settings.max_audio_seconds
        track, clip = options.audio_track, options.clip
        with open_audio(audio, max_seconds=longest, audio_track=track, clip=clip) as stream:
            split = options.channels == "split" and stream.channels != 1  # copies of a channel will not count
            channels = max(1, stream.channels) if split else 1
            return Estimate(stream.expected_seconds * channels, exact=stream.declares_length and not split)

    try:
        return await run_in(DECODING, look)
    except SpeechdError:
        return None
    finally:
        audio.seek(0)


async def fetch(service: Service, url: str) -> BinaryIO:
    """What a `url` stands for, as an open file; the caller closes it.

    Raises:
        SpeechdError: see speechd.net.fetch.fetch_audio.
    """
    return await fetch_audio(url, fetch_limits(service.settings))


def fetch_limits(settings: Settings) -> FetchLimits:
    """How much a `url` may cost here, and how far it may reach."""
    return FetchLimits(settings.max_upload_bytes, settings.fetch_timeout, settings.fetch_allow_hosts)
