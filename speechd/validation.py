"""What can be told of a request before its work begins: all that is refused without having listened or spoken."""

import asyncio
from typing import BinaryIO

from speechd.audio.decode import open_audio
from speechd.executors import DECODING, run_in
from speechd.net.fetch import check_url, is_inline
from speechd.operations import SpeechRequest, TranscriptionRequest, fetch_limits
from speechd.service import Service
from speechd.tts.synthesizer import pieces_of


async def check_speech(service: Service, request: SpeechRequest) -> None:
    """What can be told of a speech before anything is spoken.

    Raises:
        SpeechdError: the model, the voice or the text is refused.
    """
    voice, _ = await service.speaker(request.model, request.voice)
    limits = service.settings
    bounds = limits.max_speech_characters, limits.max_speech_seconds
    await asyncio.to_thread(pieces_of, request.text, request.options, voice.info, limits.lexicon, *bounds)


async def check_transcription(service: Service, request: TranscriptionRequest) -> None:
    """What can be told of a transcription before the recording is there.

    Raises:
        SpeechdError: the model or the URL is refused.
    """
    if request.url is not None and not is_inline(request.url):
        check_url(request.url, fetch_limits(service.settings))
    await service.transcriber(request.model, request.options)


async def measure(service: Service, audio: BinaryIO) -> float | None:
    """Seconds that a recording will probably have, None if nobody knows; the file is rewound.

    Raises:
        InvalidAudio: it is none.
    """

    def look() -> float | None:
        with open_audio(audio, max_seconds=service.settings.max_audio_seconds) as stream:
            return stream.probable_seconds

    try:
        return await run_in(DECODING, look)
    finally:
        audio.seek(0)
