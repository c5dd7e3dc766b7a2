"""Speech of a text that is still being written: its sentences are spoken as they are complete.

Each stretch of sentences is a speech request of its own: it waits for the voice, and is charged, like any other. What
comes while one stretch is spoken is the next one, so that a text that comes fast is spoken like a whole one.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import numpy as np

from speechd.audio.encode import AUDIO_FORMATS
from speechd.errors import TooLarge
from speechd.operations.speech import SpeechRequest, open_speech
from speechd.service import Service
from speechd.tts.sentence_stream import SentenceBuffer
from speechd.types import Samples, Speech, SpeechPart

MAX_WAITING = 4000
"""Characters of complete sentences that may wait for the voice, before who writes them has to wait."""


class TextInput:
    """A text on its way from who writes it to the voice. It belongs to one event loop."""

    def __init__(self, max_characters: int, *, whole: bool = False) -> None:
        """
        Args:
            max_characters: longest text accepted.
            whole: nothing is spoken before the end: SSML cannot be cut.
        """
        self._max_characters = max_characters
        self._whole = whole
        self._buffer = SentenceBuffer()
        self._ready = ""
        """Sentences that are complete and not spoken yet."""
        self._ended = False
        self._changed = asyncio.Event()
        self._characters = 0
        """That have come."""

    async def append(self, text: str) -> None:
        """Adds a piece. Waits while enough is waiting for the voice.

        Raises:
            TooLarge: the text becomes longer than is accepted.
        """
        if self._characters + len(text) > self._max_characters:
            raise TooLarge(f"The text has more than the {self._max_characters} characters accepted.", param="text")
        self._characters += len(text)
        self._ready += text if self._whole else self._buffer.append(text)
        self._notify()
        while len(self._ready) > MAX_WAITING and not (self._whole or self._ended):
            await self._changed.wait()

    def end(self) -> None:
        """No more will come: the rest is spoken too."""
        self._ready += self._buffer.flush()
        self._ended = True
        self._notify()

    @property
    def ended(self) -> bool:
        """No more of it is taken."""
        return self._ended

    async def take(self) -> str:
        """All sentences that are complete, as soon as there are any; "" at the end."""
        while not (self._ended or (self._ready and not self._whole)):
            await self._changed.wait()
        text, self._ready = self._ready, ""
        self._notify()
        return text if text.strip() else ""

    def close(self) -> None:
        """Nothing of it is spoken any more, and nobody waits."""
        self._buffer, self._ready, self._ended = SentenceBuffer(), "", True
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


async def speak_stream(
    service: Service, text: TextInput, request: SpeechRequest
) -> AsyncGenerator[SpeechPart | Speech, None]:
    """The parts of each stretch of sentences, and its Speech, while the text comes. Closing it stops the work.

    Args:
        text: what is spoken; it says when it is at its end.
        request: everything else.

    Raises:
        SpeechdError: the model, the voice, the text or an option is refused.
    """
    try:
        while stretch := await text.take():
            async with open_speech(service, replace(request, text=stretch)) as stream:
                async for part in stream.parts:
                    yield part
    finally:
        text.close()


async def speak_encoded(
    service: Service, text: TextInput, request: SpeechRequest
) -> AsyncGenerator[SpeechPart | Speech, None]:
    """All stretches as one file in the format that is asked for, and at last one Speech; see speak_stream."""
    format = AUDIO_FORMATS[request.options.format]
    rate = format.coded_rate(request.options.sample_rate)
    pcm = replace(request, options=replace(request.options, format="pcm", sample_rate=rate))
    encoder = await asyncio.to_thread(format.open, rate, False)
    speech = Speech("", 0, 0.0)
    try:
        async with aclosing(speak_stream(service, text, pcm)) as parts:
            async for part in parts:
                if isinstance(part, Speech):
                    speech = Speech(part.voice, speech.characters + part.characters, speech.duration + part.duration)
                elif part.audio:
                    yield SpeechPart(await asyncio.to_thread(encoder.encode, _samples(part.audio)))
        for data in await asyncio.to_thread(lambda: list(encoder.finish())):
            yield SpeechPart(data)
        yield speech
    finally:
        await asyncio.to_thread(encoder.close)


def _samples(pcm: bytes) -> Samples:
    """16-bit samples as float32, shape (n,)."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_767)
