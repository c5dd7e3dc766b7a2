"""A live transcription: audio in, turns and their text out."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from functools import partial

from speechd.audio.vad import FRAME_SECONDS
from speechd.errors import InvalidRequest, SpeechdError
from speechd.executors import LIVE_AUDIO, run_in
from speechd.operations.context import RequestContext
from speechd.operations.live.buffer import AudioBuffer
from speechd.operations.live.events import TurnCommitted, TurnStarted, TurnStopped
from speechd.operations.live.pcm_input import HeardAudio, PcmInput, WireFormat
from speechd.operations.live.speakers import SessionSpeakers
from speechd.operations.live.turn import Emit, LiveTurn
from speechd.operations.live.turn_detection import TurnDetection, TurnDetector
from speechd.service import Service
from speechd.types import TranscribeOptions

MIN_COMMIT = 0.1
"""Seconds of audio that a commit needs, as the hosted service asks for."""
MAX_FINALS = 4
"""Turns of one session whose whole text is being made at once. Further audio waits."""


@dataclass(frozen=True, slots=True)
class LiveConfig:
    """What is done with the audio; it may change while the session goes on."""

    model: str = "auto"
    options: TranscribeOptions = field(default_factory=TranscribeOptions)
    detection: TurnDetection | None = field(default_factory=TurnDetection)
    """None: the caller ends each turn with a commit."""
    transcribes: bool = True
    """False: turns are told, and no text."""


class LiveTranscription:
    """One stream of audio. Its methods are called one after the other; waiting for them slows the caller down."""

    def __init__(
        self,
        service: Service,
        context: RequestContext,
        emit: Emit,
        config: LiveConfig | None = None,
        format: WireFormat | None = None,
        max_turn: float = 300.0,
    ) -> None:
        """
        Args:
            emit: told of each event; what it raises ends the method that was called.
            max_turn: seconds after which a turn is committed though nobody has ended it.
        """
        self._service = service
        self._context = context
        self._emit = emit
        self._max_turn = max_turn
        self._turn: LiveTurn | None = None
        self._previous: str | None = None
        self._loading: asyncio.Task[None] | None = None
        self._finals: set[asyncio.Task[None]] = set()
        self._speakers = SessionSpeakers()
        self._set_format(format or WireFormat())
        self.config = config or LiveConfig()
        self._detector = self._new_detector()

    @property
    def format(self) -> WireFormat:
        return self._input.format

    async def configure(self, config: LiveConfig, format: WireFormat) -> None:
        """Changes what is done from now on. A turn that is under way keeps its model and options.

        Raises:
            InvalidRequest: the format cannot change while a turn is under way.
        """
        if format != self.format:
            if self._turn is not None:
                raise InvalidRequest("The audio format cannot change before the turn is committed or cleared.")
            self._set_format(format, self._audio.seconds)
        renewed = config.detection != self.config.detection
        self.config = config
        if renewed:
            self._detector = self._new_detector()

    def warm_up(self) -> None:
        """Begins to load the model, which the first turn would wait for."""
        if self.config.transcribes:
            self._loading = asyncio.create_task(self._load(), name="live-load")

    async def append(self, data: bytes) -> None:
        """Takes the next audio, and returns when there is room for more."""
        for piece in self._input.pieces(data):
            heard = await run_in(LIVE_AUDIO, self._input.push, piece)
            await self._take(heard)

    async def commit(self) -> str:
        """Ends the turn here, and gives its id.

        Raises:
            InvalidRequest: there is too little audio.
        """
        start = self._turn.start if self._turn else self._committed_to
        length = (self._audio.end - max(start, self._audio.start)) / self._audio.rate
        if length < MIN_COMMIT:
            raise InvalidRequest(
                f"The buffer has {1000 * length:.0f} ms of audio; a commit needs {1000 * MIN_COMMIT:.0f} ms.",
                code="input_audio_buffer_commit_empty",
            )
        turn = self._turn or self._open(max(start, self._audio.start))
        if self._detector is not None:
            self._detector.reset()
        await self._finish(turn, self._audio.end)
        return turn.id

    async def clear(self) -> None:
        """Forgets all audio that is not committed."""
        await self._drop()
        if self._detector is not None:
            self._detector.reset()
        self._committed_to = self._audio.end
        self._audio.forget_before(self._audio.end)

    async def drain(self, seconds: float) -> None:
        """Waits for the text of committed turns, at most so long."""
        if self._finals:
            await asyncio.wait(self._finals, timeout=seconds)

    async def close(self) -> None:
        """Ends all work. No event follows."""
        await self._drop()
        tasks = [*self._finals, *([self._loading] if self._loading else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load(self) -> None:
        """What fails here is told by the first turn."""
        with contextlib.suppress(SpeechdError):
            async with self._service.streaming_decoder(self.config.model, self.config.options):
                pass
            if self.config.options.speakers is not None:
                async with self._service.diarizer():
                    pass

    def _set_format(self, format: WireFormat, elapsed: float = 0.0) -> None:
        self._input = PcmInput(format)
        self._audio = AudioBuffer(format.rate, elapsed)
        self._committed_to = 0

    def _new_detector(self) -> TurnDetector | None:
        return TurnDetector(self.config.detection) if self.config.detection else None

    async def _take(self, heard: HeardAudio) -> None:
        if self._detector is None and self._turn is None:
            await self._begin(self._open(self._audio.end))
        for samples, probability in self._audio.push(heard):
            if self._turn is not None:
                self._turn.push(samples, probability)
            if self._detector is not None:
                await self._detect(self._detector, probability)
        if self._turn is not None:
            seconds = (self._audio.end - self._turn.start) / self._audio.rate
            self._turn.extend(seconds)
            if seconds >= self._max_turn:
                await self._cut(self._turn)
        elif self._detector is not None:
            self._forget()
        self._audio.keep_frames(self._padding)

    async def _detect(self, detector: TurnDetector, probability: float) -> None:
        change = detector.push(probability)
        if change == "started" and self._turn is None:
            onset = round(detector.prefix / FRAME_SECONDS) + detector.onset
            start = max(self._audio.position(self._audio.frames - onset), self._committed_to, self._audio.start)
            turn = self._open(start)
            await self._emit(TurnStarted(turn.id, self._audio.milliseconds(start)))
            await self._begin(turn)
            for frame in self._audio.recent(onset):
                turn.push(*frame)
        elif change == "stopped" and self._turn is not None:
            end = self._audio.position(self._audio.frames)
            await self._emit(TurnStopped(self._turn.id, self._audio.milliseconds(end)))
            await self._finish(self._turn, end)

    async def _cut(self, turn: LiveTurn) -> None:
        """Commits a turn that nobody has ended."""
        end = self._audio.end
        if self._detector is not None:
            self._detector.reset()
            await self._emit(TurnStopped(turn.id, self._audio.milliseconds(end)))
        await self._finish(turn, end)

    def _open(self, start: int) -> LiveTurn:
        turn = self._turn = LiveTurn(self._service, self._context, self.config.model, self.config.options)
        turn.start = start
        return turn

    async def _begin(self, turn: LiveTurn) -> None:
        if self.config.transcribes:
            turn.begin(self._emit)

    async def _finish(self, turn: LiveTurn, end: int) -> None:
        """Commits a turn, and starts to make its text; waits while enough others are made."""
        self._turn, self._committed_to = None, end
        raw, rate = self._audio.cut(turn.start, end), self._audio.rate
        with contextlib.ExitStack() as failed:
            failed.callback(turn.cancel)
            await self._emit(TurnCommitted(turn.id, self._previous))
            self._previous = turn.id
            if self.config.transcribes and turn.options.speakers is not None:
                turn.tell_speakers(self._speakers)
            while len(self._finals) >= MAX_FINALS:
                await asyncio.wait(self._finals, return_when=asyncio.FIRST_COMPLETED)
            failed.pop_all()
        work = turn.finish(raw, rate, self._emit) if self.config.transcribes else turn.drop(0.0)
        task = asyncio.create_task(work, name=f"live-final-{turn.id}")
        self._finals.add(task)
        task.add_done_callback(partial(self._ended, turn))

    def _ended(self, turn: LiveTurn, task: "asyncio.Task[None]") -> None:
        self._finals.discard(task)
        turn.cancel()  # a task that is cancelled before it begins has ended nothing
        if not task.cancelled():
            task.exception()  # the caller has left: nobody can be told

    async def _drop(self) -> None:
        if self._turn is not None:
            turn, self._turn = self._turn, None
            await turn.drop((self._audio.end - turn.start) / self._audio.rate)

    @property
    def _padding(self) -> float:
        """Seconds before the newest frame that may become the beginning of a turn."""
        detector = self._detector
        return detector.prefix + detector.onset * FRAME_SECONDS if detector else 0.0

    def _forget(self) -> None:
        """Nobody speaks: only what may become the padding of the next turn is kept."""
        frames = self._audio.frames - round(self._padding / FRAME_SECONDS)
        self._audio.forget_before(self._audio.position(max(0, frames)))
