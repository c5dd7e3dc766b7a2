"""Short samples of voices, to choose one by ear. Each is spoken when somebody first asks for it, and then kept."""

import asyncio

from speechd.cache.ttl_cache import TTLCache
from speechd.errors import InvalidRequest, ModelNotFound, NotFound
from speechd.operations.context import RequestContext
from speechd.operations.speech import SpeechRequest, open_speech
from speechd.registry.model_names import AUTO
from speechd.registry.voices import Voice
from speechd.service import Service
from speechd.tts.loudness.sentences import probe_sentences
from speechd.types import SpeechOptions, SpeechPart

KEPT_SECONDS = 86_400.0
MAX_SAMPLE_BYTES = 8_000_000.0
"""Of all samples together: about 200 of them."""
SAMPLE_FORMAT = "mp3"


class VoiceSamples:
    """The samples of one process. One is made at a time: a large voice takes seconds to load."""

    def __init__(self) -> None:
        self._kept: TTLCache[bytes] = TTLCache(keep=KEPT_SECONDS, weigh=len, maximum=MAX_SAMPLE_BYTES)
        self._making = asyncio.Lock()

    async def sample(self, service: Service, name: str, context: RequestContext) -> tuple[Voice, bytes]:
        """A voice, and a sentence in its language as SAMPLE_FORMAT.

        Args:
            name: of a voice, or of a speaker of one: `NAME#speaker`.
            context: of the caller, for whom it is spoken if it is not there yet.

        Raises:
            NotFound: there is no such voice or speaker.
            SpeechdError: the voice cannot speak now.
        """
        voice = await asyncio.to_thread(_voice, service, name)
        key = voice.id, voice.model.path
        async with self._making:
            audio = self._kept.recall(key)
            if audio is None:
                audio = await _spoken(service, voice, context)
                self._kept.remember(key, audio)
        return voice, audio


def _voice(service: Service, name: str) -> Voice:
    try:
        return service.voices.choose(AUTO, name)
    except (InvalidRequest, ModelNotFound) as error:
        raise NotFound(error.message, param="voice", code="voice_not_found") from None


async def _spoken(service: Service, voice: Voice, context: RequestContext) -> bytes:
    text = probe_sentences(voice.info.language)[0]
    request = SpeechRequest(text, voice=voice.id, options=SpeechOptions(SAMPLE_FORMAT), context=context)
    async with open_speech(service, request) as stream:
        return b"".join([part.audio async for part in stream.parts if isinstance(part, SpeechPart)])
