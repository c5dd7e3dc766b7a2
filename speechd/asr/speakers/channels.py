"""Diarization of each channel of a recording, beside its transcription."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import Self

import numpy as np

from speechd.asr.diarization.diarizer import DiarizationSession, Diarizer
from speechd.asr.diarization.engine import EMBEDDING
from speechd.asr.diarization.known_speakers import KnownSpeaker
from speechd.types import Diarization, KnownVoice, TranscribeOptions, Window


class ChannelDiarization:
    """The speakers of one recording, channel by channel."""

    def __init__(self, diarizer: Diarizer | None) -> None:
        """
        Args:
            diarizer: None where nobody asks for speakers: then nothing is found.
        """
        self._diarizer = diarizer
        self._sessions: dict[int, DiarizationSession] = {}
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._open.aclose()

    async def listen(self, windows: AsyncGenerator[Window, None]) -> AsyncGenerator[Window, None]:
        """The same windows; each is embedded in a thread meanwhile."""
        async with aclosing(windows):
            async for window in windows:
                if self._diarizer is not None:
                    await (await self._session(self._diarizer, window.channel)).add(window)
                yield window

    async def finish(self, options: TranscribeOptions) -> dict[int, Diarization]:
        """Who speaks when, by channel.

        Raises:
            EngineFailure: the model failed.
        """
        if options.speakers is None:
            return {}
        known = known_speakers(options.known_voices)
        return {channel: await session.finish(options.speakers, known) for channel, session in self._sessions.items()}

    async def _session(self, diarizer: Diarizer, channel: int) -> DiarizationSession:
        if channel not in self._sessions:
            self._sessions[channel] = await self._open.enter_async_context(diarizer.session())
        return self._sessions[channel]


def known_speakers(voices: Sequence[KnownVoice]) -> list[KnownSpeaker]:
    """Voices as the diarizer compares them."""
    return [KnownSpeaker(voice.name, np.frombuffer(voice.embedding, EMBEDDING).astype(np.float32)) for voice in voices]


def kept_voice(speaker: KnownSpeaker) -> KnownVoice:
    """The reverse for one."""
    return KnownVoice(speaker.name, np.asarray(speaker.voice, EMBEDDING).tobytes())
