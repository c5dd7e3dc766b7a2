"""One turn of a live transcription: its text while it goes on, and then the whole of it by the ordinary path."""

import asyncio
import io
import logging
import time
from collections.abc import Awaitable, Callable

import numpy as np

from speechd.asr.streaming.turn import StreamingTurn
from speechd.auth.meter import AudioReservation, Estimate
from speechd.errors import InternalError, Overloaded, RateLimited, SpeechdError
from speechd.ids import new_id
from speechd.operations.context import RequestContext
from speechd.operations.live.events import LiveEvent, TextDelta, TurnCompleted, TurnFailed
from speechd.operations.live.pcm_input import wav_file
from speechd.operations.live.speakers import SessionSpeakers, TurnSpeakers
from speechd.operations.transcription import TranscriptionRequest, transcribe
from speechd.service import Service
from speechd.types import Samples, TranscribeOptions

MIN_INTERVAL = 0.3
"""Seconds between two hypotheses of a turn at least."""
FIRST_INTERVAL = 0.6
"""Seconds of speech before the first hypothesis: less is a syllable."""
LOAD_FACTOR = 1.0
"""Between two hypotheses a turn waits this many times as long as the last one took, its wait for the engine counted in:
live turns together take at most half of an engine's time, however many there are."""
SPEECH = 0.35
"""Probability from which on a frame may be speech, for which it is worth to look for words."""

Emit = Callable[[LiveEvent], Awaitable[None]]

log = logging.getLogger("speechd.live")


class LiveTurn:
    """A turn, from its first sample to its text."""

    def __init__(self, service: Service, context: RequestContext, model: str, options: TranscribeOptions) -> None:
        self.id = new_id("item")
        self.start = 0
        """Position of its first sample."""
        self._service = service
        self._context = context
        self._model = model
        self.options = options
        """Of its transcription."""
        self._streaming = StreamingTurn(options)
        self._spoken = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        self._refusal: SpeechdError | None = None
        self._speakers: TurnSpeakers | None = None
        self._reservation = self._reserve()

    def begin(self, emit: Emit) -> None:
        """Text is told from now on."""
        if self._refusal is None:
            self._reading = asyncio.create_task(self._read_along(emit), name=f"live-{self.id}")

    def push(self, samples: Samples, probability: float) -> None:
        """Takes the next frame."""
        self._streaming.push(samples, np.full(1, probability, np.float32))
        if probability >= SPEECH:
            self._spoken.set()

    def extend(self, seconds: float) -> None:
        """So much audio has come."""
        if self._reservation is not None:
            self._reservation.extend(seconds)

    async def drop(self, seconds: float) -> None:
        """The turn ends without its final text. What was decoded of it is charged."""
        decoded = seconds if self._streaming.text else 0.0
        await self._stop_reading()
        if self._reservation is not None:
            self._reservation.settle(decoded)

    def tell_speakers(self, session: SessionSpeakers) -> None:
        """Who speaks is told with the final text. Called in the order of the turns."""
        self._speakers = session.reserve()

    async def finish(self, raw: bytes, rate: int, emit: Emit) -> None:
        """Decodes the whole turn as an upload, and tells its text or why there is none.

        Args:
            raw: 16-bit samples.
        """
        try:
            await self._stop_reading()
            if self._reservation is not None:
                self._reservation.release()  # the transcription reserves and charges by itself
            if self._refusal is not None:
                raise self._refusal
            file = io.BytesIO(await asyncio.to_thread(wav_file, raw, rate))
            request = TranscriptionRequest(self._model, self.options, file, context=self._context)
            transcript, _ = await transcribe(self._service, request)
            if self._speakers is not None and self.options.speakers is not None:
                transcript = await self._speakers.label(transcript, self.options.speakers.max_speakers)
        except SpeechdError as error:
            await emit(TurnFailed(self.id, error))
        except Exception:  # the session goes on, and the caller is told
            log.exception("turn %s failed", self.id)
            await emit(TurnFailed(self.id, InternalError("Something went wrong inside the server.")))
        else:
            if rest := self._streaming.finish(transcript.text):
                await emit(TextDelta(self.id, rest))
            await emit(TurnCompleted(self.id, transcript))

    def _reserve(self) -> AudioReservation | None:
        try:
            meter = self._context.meter
            return meter.reserve_audio(Estimate(0.0, exact=False)) if meter else None
        except RateLimited as refusal:
            self._refusal = refusal
            return None

    def cancel(self) -> None:
        """Ends all work at once; nothing is charged."""
        if self._reading is not None:
            self._reading.cancel()
        if self._reservation is not None:
            self._reservation.release()
        if self._speakers is not None:
            self._speakers.release()

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_along(self, emit: Emit) -> None:
        """Hypotheses while the turn goes on. Where they fail, the final text still tells why."""
        try:
            async with self._service.streaming_decoder(self._model, self.options, self._context.caller) as decoder:
                interval = FIRST_INTERVAL
                while await self._spoken.wait():
                    await asyncio.sleep(interval)
                    self._spoken.clear()
                    started = time.monotonic()
                    try:
                        stable = await self._streaming.hypothesis(decoder.decode, decoder.longest)
                    except Overloaded as refusal:
                        interval = refusal.retry_after or 1.0
                        continue
                    if stable:
                        await emit(TextDelta(self.id, stable))
                    interval = max(MIN_INTERVAL, LOAD_FACTOR * (time.monotonic() - started))
        except SpeechdError as error:
            log.info("no text while turn %s goes on: %s", self.id, error.message)
