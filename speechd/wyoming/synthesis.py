"""Text to speech: a whole text, or one that comes in chunks and is spoken sentence by sentence."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, closing
from dataclasses import replace

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Eventable
from wyoming.tts import SynthesizeStopped

from speechd.audio.encode import AUDIO_FORMATS
from speechd.operations import SpeechRequest
from speechd.operations.speech_stream import TextInput, speak_stream
from speechd.service import Service
from speechd.types import Speech, SpeechPart

WIDTH, CHANNELS = 2, 1
"""Bytes of a sample, and mono."""
CHUNK_BYTES = 1 << 14
"""Of the audio of one event: 0.37 s at 22 050 Hz, so that a satellite with little memory can play it."""


async def synthesize(service: Service, text: TextInput, request: SpeechRequest) -> AsyncGenerator[Eventable, None]:
    """The events of one speech: its start, its audio while it is made, its end.

    Args:
        text: what is spoken.
        request: everything else.

    Raises:
        SpeechdError: the voice, the text or an option is refused.
    """
    with closing(text):
        voice, _ = await service.speaker(request.model, request.voice, request.language)
        rate = AUDIO_FORMATS["pcm"].coded_rate(voice.info.sample_rate)
        own_voice = replace(request, voice=voice.id, options=replace(request.options, sample_rate=rate))
        async with aclosing(speak_stream(service, text, own_voice)) as parts:
            async for event in _audio(rate, parts):
                yield event


async def _audio(rate: int, parts: AsyncIterator[SpeechPart | Speech]) -> AsyncIterator[Eventable]:
    """Its start, chunks and stop, each of which repeats the format."""
    format = {"rate": rate, "width": WIDTH, "channels": CHANNELS}
    samples = 0
    yield AudioStart(**format, timestamp=0)
    async for part in parts:
        audio = part.audio if isinstance(part, SpeechPart) else b""
        for start in range(0, len(audio), CHUNK_BYTES):
            chunk = AudioChunk(**format, audio=audio[start : start + CHUNK_BYTES], timestamp=samples * 1000 // rate)
            samples += chunk.samples
            yield chunk
    yield AudioStop(timestamp=samples * 1000 // rate)


async def synthesize_stream(
    service: Service, text: TextInput, request: SpeechRequest
) -> AsyncGenerator[Eventable, None]:
    """As `synthesize`, for a text that comes in chunks; the client is told when all of it was spoken."""
    async with aclosing(synthesize(service, text, request)) as events:
        async for event in events:
            yield event
    yield SynthesizeStopped()
