"""Diarization of one recording beside its transcription: the windows of speech that pass are embedded in threads."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from speechd.asr.diarization.diarize import diarize
from speechd.asr.diarization.engine import SpeakerEngine, SpeakerWindows, joined_windows
from speechd.asr.diarization.known_speakers import KnownSpeaker, reference_voice
from speechd.asr.recording import OpenRecording
from speechd.audio.windows import Packing
from speechd.executors import DECODING, DIARIZING, iterate_in, run_in, run_stoppable
from speechd.types import Diarization, SpeakerOptions, TranscribeOptions, Window

WINDOWS_EMBEDDED_AT_ONCE = 2
"""Of one recording; the next waits, so that recordings take turns and memory stays flat."""


@dataclass(frozen=True, slots=True)
class DiarizedRecording:
    """A recording that was diarized without being transcribed."""

    diarization: Diarization
    duration: float
    """Seconds of the recording."""
    warnings: tuple[str, ...] = ()
    """As Transcript.warnings."""


class Diarizer:
    """A model that tells voices apart, in memory. It serves many recordings at once."""

    def __init__(self, engine: SpeakerEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def session(self) -> AsyncGenerator["DiarizationSession"]:
        """The diarization of one recording. At the end of the context what still runs is cancelled."""
        session = DiarizationSession(self._engine)
        try:
            yield session
        finally:
            await session.cancel()

    async def diarize(
        self,
        audio: BinaryIO,
        max_seconds: float,
        transcribing: TranscribeOptions,
        options: SpeakerOptions,
        known: Sequence[KnownSpeaker] = (),
    ) -> DiarizedRecording:
        """Diarizes a recording that nobody transcribes.

        Args:
            audio: an open, seekable binary file in any accepted container.
            max_seconds: longest recording accepted.
            transcribing: which track and part of it, and what counts as speech. Its channels are mixed.

        Raises:
            InvalidAudio, TooLarge: see OpenRecording.
            EngineFailure: the model failed.
        """
        transcribing = replace(transcribing, channels="mixed")
        async with self._heard(audio, max_seconds, transcribing) as (recording, session):
            found = await session.finish(options, known)
            return DiarizedRecording(found, recording.seconds, recording.warnings)

    async def reference(self, name: str, audio: BinaryIO, max_seconds: float) -> KnownSpeaker:
        """The voice of a known speaker, out of a recording of it.

        Raises:
            InvalidAudio, TooLarge: see OpenRecording.
            InvalidRequest: see reference_voice.
            EngineFailure: the model failed.
        """
        async with self._heard(audio, max_seconds, TranscribeOptions()) as (_, session):
            return KnownSpeaker(name, await run_in(DIARIZING, reference_voice, await session.windows()))

    @asynccontextmanager
    async def _heard(
        self, audio: BinaryIO, max_seconds: float, options: TranscribeOptions
    ) -> AsyncGenerator[tuple[OpenRecording, "DiarizationSession"]]:
        """A recording that was decoded to its end, and the session that has its windows."""
        recording = OpenRecording(audio, max_seconds, options)
        async with AsyncExitStack() as held:
            held.callback(recording.close)
            await run_stoppable(DECODING, recording.open, recording.close)
            session = await held.enter_async_context(self.session())
            async with aclosing(iterate_in(DECODING, recording.windows(Packing()), recording.close)) as windows:
                async for window in windows:
                    await session.add(window)
            yield recording, session

    async def close(self) -> None:
        """See speechd.registry.loading.manager.LoadedModel."""
        await asyncio.to_thread(self._engine.close)


class DiarizationSession:
    """The windows of one recording, embedded as they come."""

    def __init__(self, engine: SpeakerEngine) -> None:
        self._engine = engine
        self._running: deque[asyncio.Task[SpeakerWindows]] = deque()
        self._parts: list[SpeakerWindows] = []
        self._spans: list[tuple[float, float]] = []
        self._seconds = 0.0

    async def listen(self, windows: AsyncGenerator[Window, None]) -> AsyncGenerator[Window, None]:
        """The same windows; each is embedded in a thread meanwhile."""
        async with aclosing(windows):
            async for window in windows:
                await self.add(window)
                yield window

    async def add(self, window: Window) -> None:
        """Begins to embed the speech of a window; waits first where too many are embedded at once.

        Raises:
            EngineFailure: the model failed on an earlier window.
        """
        while len(self._running) >= WINDOWS_EMBEDDED_AT_ONCE:
            await self._collect()
        self._spans += [(window.start + start, window.start + end) for start, end in window.speech]
        self._running.append(asyncio.create_task(run_in(DIARIZING, self._embed, window)))

    async def windows(self) -> SpeakerWindows:
        """All windows so far, on the recording's clock, when each is embedded.

        Raises:
            EngineFailure: the model failed.
        """
        while self._running:
            await self._collect()
        return joined_windows(self._parts, self._engine.dimensions)

    async def finish(self, options: SpeakerOptions, known: Sequence[KnownSpeaker] = ()) -> Diarization:
        """Who speaks when in all that was added.

        Raises:
            EngineFailure: the model failed.
        """
        windows = await self.windows()
        started = time.perf_counter()
        found = await run_in(DIARIZING, diarize, windows, self._spans, options, known)
        return replace(found, seconds=self._seconds + time.perf_counter() - started)

    async def cancel(self) -> None:
        """Drops what still waits for a thread, and waits for what runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _embed(self, window: Window) -> SpeakerWindows:
        started = time.perf_counter()
        found = self._engine.embed(window.samples, window.speech).shifted(window.start)
        self._seconds += time.perf_counter() - started
        return found

    async def _collect(self) -> None:
        self._parts.append(await self._running[0])
        self._running.popleft()
