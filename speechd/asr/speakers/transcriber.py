"""Tells who speaks when in a recording whose words nobody asks for: a transcriber without text."""

import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.recording import OpenRecording
from speechd.asr.scheduling.recording_queue import RecordingQueue
from speechd.asr.scheduling.scheduler import QueuedRecording
from speechd.asr.speakers.channels import ChannelDiarization
from speechd.audio.windows import Packing
from speechd.executors import DECODING, iterate_in, run_stoppable
from speechd.fairness.queue_limits import QueueLimits
from speechd.priority import PrioritySource, interactive
from speechd.types import Diarization, Segment, Timings, TranscribeOptions, Transcript

MIX = 0
"""The channel of a recording whose channels are mixed."""


class DiarizationQueue:
    """The recordings that wait to be diarized and not transcribed."""

    def __init__(self, limits: QueueLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self._recordings = RecordingQueue(limits, clock)
        self._clock = clock

    @contextmanager
    def reserve(self, seconds: float, priority: PrioritySource, caller: str) -> Iterator[QueuedRecording]:
        """A place for a recording of about `seconds`, until it is finished or given up.

        Raises:
            Overloaded: it would wait longer, or more audio would wait, than the limits allow.
        """
        queued, started = self._recordings.admit(seconds, priority, caller, {}), self._clock()
        try:
            yield queued
        finally:
            self._recordings.discard(queued)
            done, took = seconds - queued.remaining, self._clock() - started
            if done > 0 and took > 0:
                self._recordings.speed = done / took


@dataclass(frozen=True, slots=True)
class SpeakerTranscriber:
    """Each segment is a turn of a speaker, without text. See speechd.types.Transcriber."""

    model: str
    open_diarizer: Callable[[], AbstractAsyncContextManager[Diarizer]]
    queue: DiarizationQueue
    max_seconds: float
    """Longest recording accepted."""
    packing: Packing = field(default_factory=Packing)

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        """See speechd.types.Transcriber. All segments come at the end."""
        recording = OpenRecording(audio, self.max_seconds, options)
        async with AsyncExitStack() as held:
            held.callback(recording.close)
            await run_stoppable(DECODING, recording.open, recording.close)
            queued = held.enter_context(self.queue.reserve(recording.expected_seconds, priority, caller))
            diarizer = await held.enter_async_context(self.open_diarizer())
            speakers = await held.enter_async_context(ChannelDiarization(diarizer))
            windows = iterate_in(DECODING, recording.windows(self.packing), recording.close)
            async with aclosing(speakers.listen(windows)) as heard:
                async for window in heard:
                    queued.remaining = max(0.0, recording.expected_seconds - window.start)
            found = await speakers.finish(options)
        transcript = self._transcript(recording, found.get(MIX, Diarization(())))
        for turn in transcript.segments:
            yield turn
        yield transcript

    def _transcript(self, recording: OpenRecording, found: Diarization) -> Transcript:
        return Transcript(
            task="diarize",
            language="",
            duration=recording.seconds,
            segments=tuple(
                Segment(turn.start, turn.end, "", speaker=found.names[turn.speaker] or f"SPEAKER_{turn.speaker:02}")
                for turn in found.turns
            ),
            model=self.model,
            warnings=recording.warnings,
            timings=recording.timings + Timings(diarize=found.seconds),
        )
