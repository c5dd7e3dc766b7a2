"""What a request works with before its model is in memory: the model is loaded when the stream begins, and held until
the stream ends."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from speechd.asr.batcher import Batcher
from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.hallucination import doubted
from speechd.asr.transcriber import LocalTranscriber
from speechd.audio.windows import Packing
from speechd.errors import EngineFailure, OutOfMemory
from speechd.priority import Priority, PrioritySource, interactive
from speechd.registry.catalog import Model
from speechd.registry.loading.manager import ModelManager
from speechd.registry.voices import Voice
from speechd.settings import Settings
from speechd.tts.synthesizer import LoadedVoice, LocalSpeaker
from speechd.types import (
    EMBEDDED_MODEL,
    Segment,
    Speech,
    SpeechOptions,
    SpeechPart,
    TranscribeOptions,
    Transcript,
)

log = logging.getLogger("speechd")


@dataclass(slots=True)
class OnDemandTranscriber:
    """A transcriber that loads its model when the stream begins and holds it until the stream ends."""

    loaded: ModelManager
    open_diarizer: Callable[[], AbstractAsyncContextManager[Diarizer]]
    max_seconds: float
    row: Model
    instead_of: Callable[[Model], Model | None] | None = None
    """Gives another model where the files of one cannot be loaded; None: there is no other."""
    is_settled: bool = False

    @property
    def model(self) -> str:
        """See speechd.types.Transcriber; until it is loaded, what could still become another is told apart."""
        return self.row.id if self.is_settled or self.instead_of is None else f"{self.row.id} or another"

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber."""
        async with self.opened() as (batcher, row), AsyncExitStack() as holding:
            diarizer = await holding.enter_async_context(self.open_diarizer()) if options.speakers else None
            packing = Packing(row.window_seconds, row.window_gap)
            local = LocalTranscriber(row.id, batcher, packing, self.max_seconds, row.linked_windows, diarizer)
            async with aclosing(local.stream(audio, options, priority, caller)) as parts:
                async for part in parts:
                    yield self._warned(part) if isinstance(part, Transcript) else part

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[tuple[Batcher, Model]]:
        """The model, loaded, for as long as the context is open.

        Raises:
            EngineFailure: its files cannot be loaded, and no other model can stand in for it.
        """
        async with AsyncExitStack() as holding:
            batcher = await self._batcher(holding)
            self.is_settled = True
            yield batcher, self.row

    async def _batcher(self, holding: AsyncExitStack) -> Batcher:
        """The model, loaded, for as long as `holding` is open.

        Raises:
            EngineFailure: its files cannot be loaded, and no other model can stand in for it.
        """
        while True:
            try:
                return cast(Batcher, await holding.enter_async_context(self.loaded.use(self.row)))
            except EngineFailure as error:
                if self.instead_of is None or isinstance(error, OutOfMemory):
                    raise
                if (following := self.instead_of(self.row)) is None:
                    raise
                log.error("`auto` is %s instead of %s: %s", following.id, self.row.id, error.message)
                self.row = following

    def _warned(self, transcript: Transcript) -> Transcript:
        """Adds a warning where the embedded model is unsure of its text."""
        if not self.row.trust or not doubted(transcript.segments, self.row.trust):
            return transcript
        return replace(transcript, warnings=(*transcript.warnings, EMBEDDED_MODEL))


@dataclass(frozen=True, slots=True)
class OnDemandSpeaker:
    """A speaker that loads its voice when the stream begins and holds it until the stream ends."""

    loaded: ModelManager
    row: Voice
    settings: Settings

    async def stream(
        self, text: str, options: SpeechOptions, priority: Priority = "interactive", caller: str = ""
    ) -> AsyncGenerator[SpeechPart | Speech, None]:
        """See speechd.types.Speaker."""
        limit, lexicon = self.settings.max_speech_characters, self.settings.lexicon
        async with self.loaded.use(self.row.model) as loaded:
            voice = cast(LoadedVoice, loaded)
            local = LocalSpeaker(
                self.row.id,
                voice.engine,
                self.row.speaker,
                voice.threads,
                limit,
                lexicon,
                voice.admission,
                self.settings.max_speech_seconds,
                self.settings.speech_emoji,
            )
            async with aclosing(local.stream(text, options, priority, caller)) as parts:
                async for part in parts:
                    yield part
