"""One speech request: text, pieces, voice, time stretch, resampling, encoding, chunks as they are ready."""

import asyncio
import math
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from contextlib import aclosing, closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any, Literal

import numpy as np

from speechd.audio.encode import AUDIO_FORMATS, Encoder
from speechd.audio.time_stretch import FASTEST, SLOWEST, Tempo, stretched
from speechd.errors import InvalidRequest, TooLarge
from speechd.fairness.queue_limits import UNLIMITED, QueueLimits
from speechd.priority import Priority
from speechd.tts import ssml
from speechd.tts.admission import AdmissionQueue, Reservation, SentenceThreads
from speechd.tts.engine import SpeakerMix, Spoken, SynthesisOptions, TtsEngine, VoiceInfo
from speechd.tts.text import Reader, ReadingOptions, TextPiece
from speechd.tts.written import words_as_written
from speechd.types import Samples, Speech, SpeechOptions, SpeechPart, Word

FADE = 0.004
"""Seconds over which a piece begins and ends, so that joins do not click."""
SILENT_SAMPLE = 1e-3
"""Samples below this, -60 dBFS, are silence."""
QUIET_SAMPLE = 3e-3
"""Samples below this, -50 dBFS, are a pause between words, breath and noise of the voice included."""
MAX_LEAD, MAX_TAIL = 0.05, 0.2
"""Seconds of pause at the beginning and at the end of a piece where a sentence was cut: together as long as the pause
that a voice makes at a comma by itself (measured: 0.07 to 0.33 s)."""


SynthesisSteps = Generator[SpeechPart | Speech, None, None]


class LoadedVoice:
    """A voice in memory and the threads it speaks on."""

    def __init__(self, engine: TtsEngine, threads: int, limits: QueueLimits = UNLIMITED) -> None:
        """
        Args:
            engine: the voice.
            threads: how many.
            limits: of what may wait, in characters.
        """
        self.engine = engine
        self.admission = AdmissionQueue(limits)
        self.threads = SentenceThreads(threads)

    async def close(self) -> None:
        """Lets the running sentences finish and unloads the voice."""
        await asyncio.to_thread(self.threads.close)
        self.engine.close()


@dataclass(frozen=True, slots=True)
class LocalSpeaker:
    """Speaks with an engine of this process."""

    voice: str
    """Id of the voice, with `#` and the speaker where it has several."""
    engine: TtsEngine
    speaker: int | SpeakerMix | None
    """Number of the speaker, or a mix; None for the voice's first."""
    threads: SentenceThreads
    """Where sentences are spoken."""
    max_characters: int
    """Longest text accepted."""
    lexicon: Mapping[str, str] = field(default_factory=dict)
    """Words with what to say instead."""
    admission: AdmissionQueue = field(default_factory=AdmissionQueue)
    """The texts of all requests that wait for the voice."""
    max_seconds: float = math.inf
    """Longest audio accepted, pauses included."""
    emoji: Literal["silence", "name"] = "silence"
    """What is said for emoji where the request does not say."""

    async def stream(
        self, text: str, options: SpeechOptions, priority: Priority = "interactive", caller: str = ""
    ) -> AsyncGenerator[SpeechPart | Speech, None]:
        """See speechd.types.Speaker."""
        _check_length(text, self.max_characters)
        with self.admission.reserve(len(text), priority, caller) as reservation:
            async with aclosing(self._spoken(self._steps(text, options), reservation)) as parts:
                async for part in parts:
                    yield part

    async def _spoken(
        self, steps: SynthesisSteps, reservation: Reservation
    ) -> AsyncGenerator[SpeechPart | Speech, None]:
        """The steps, taken on the threads; one is taken ahead while the last one's part is sent."""
        step = reservation.step = self._step(steps, reservation)
        try:
            while (part := await asyncio.shield(step)) is not None:
                self.admission.spoken(reservation, part.characters if isinstance(part, SpeechPart) else 0)
                step = reservation.step = self._step(steps, reservation)
                yield part
        finally:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
            steps.close()

    def _step(self, steps: SynthesisSteps, reservation: Reservation) -> "asyncio.Task[SpeechPart | Speech | None]":
        spoken = self.threads.run(partial(next, steps, None), reservation.priority, reservation.caller)
        return asyncio.create_task(spoken)

    def _steps(self, text: str, options: SpeechOptions) -> SynthesisSteps:
        options = replace(options, emoji=options.emoji or self.emoji)
        info = self.engine.info.of_speaker(self.speaker)
        pieces = pieces_of(text, options, info, self.lexicon, self.max_characters, self.max_seconds)
        job = _Job(self.engine, self.speaker, options, self.max_seconds)
        yield from job.parts(pieces)
        yield Speech(self.voice, len(text), job.seconds)


def _check_length(text: str, maximum: int) -> None:
    if len(text) > maximum:
        raise TooLarge(f"`input` has {len(text)} characters; this server accepts {maximum}.", param="input")


def _check_seconds(seconds: float, maximum: float) -> None:
    if seconds > maximum:
        raise TooLarge(
            f"The audio would be longer than the {maximum:g} seconds that this server makes of one `input`.",
            param="input",
            code="speech_too_long",
        )


def pieces_of(
    text: str,
    options: SpeechOptions,
    info: VoiceInfo,
    lexicon: Mapping[str, str],
    max_characters: int,
    max_seconds: float = math.inf,
) -> Iterator[TextPiece]:
    """The pieces of the text that are spoken one by one. Errors are raised before the first.

    Raises:
        TooLarge: it is too long, or its pauses alone are.
        InvalidRequest: there is nothing to say in it, or it is not well-formed SSML.
    """
    _check_length(text, max_characters)
    reader = Reader(info, lexicon, ReadingOptions(options.language, options.emoji == "name"))
    if options.ssml or ssml.is_ssml(text):
        document = ssml.parse_ssml(text, info)
        _check_seconds(document.pause / max(options.speed, SLOWEST), max_seconds)
        reader.check(document.text)
        return document.pieces(reader)
    reader.check(text)
    return reader.pieces(text)


class _Job:
    """Turns pieces into encoded parts, and keeps the state between pieces."""

    def __init__(
        self, engine: TtsEngine, speaker: int | SpeakerMix | None, options: SpeechOptions, max_seconds: float
    ) -> None:
        if not SLOWEST <= options.speed <= FASTEST:
            raise InvalidRequest(f"`speed` must be between {SLOWEST} and {FASTEST:g}.", param="speed")
        self._engine = engine
        self._max_seconds = max_seconds
        self._speaker = speaker
        self._format = AUDIO_FORMATS[options.format]
        self._rate = self._format.coded_rate(options.sample_rate)
        self._captions = options.captions
        self._own_speed = _within(options.speed, engine)
        self._stretch = options.speed / self._own_speed
        """The remaining factor for the time stretch of the whole stream."""
        self._tempo = Tempo(engine.info.sample_rate, self._stretch)
        self._resampler = _Resampler(engine.info.sample_rate, self._rate)
        self._continued = False
        """The last piece ended within its sentence."""
        self._spoken = 0
        """Samples that entered the time stretch."""
        self._coded = 0
        """Samples that entered the encoder."""

    @property
    def seconds(self) -> float:
        """Length of the audio so far."""
        return self._coded / self._rate

    def parts(self, pieces: Iterator[TextPiece]) -> Iterator[SpeechPart]:
        """
        Raises:
            InvalidRequest: the voice produced no sound.
            TooLarge: it becomes longer than is accepted.
        """
        first = list(islice(pieces, 2))
        with closing(self._format.open(self._rate, len(first) < 2)) as encoder:
            yield from self._encoded(chain(first, pieces), encoder)

    def _encoded(self, pieces: Iterator[TextPiece], encoder: Encoder) -> Iterator[SpeechPart]:
        """See parts."""
        held, characters, heard, worded = b"", 0, False, False
        words: tuple[Word, ...] = ()
        for piece in pieces:
            spoken = self._say(piece)
            worded = worded or bool(piece.text)
            heard = heard or float(np.abs(spoken.samples).max(initial=0)) > SILENT_SAMPLE
            words += self._placed(spoken.words)
            held += encoder.encode(self._in_time(spoken.samples))
            _check_seconds(self.seconds, self._max_seconds)
            characters += len(piece.text) + 1
            if heard:
                yield SpeechPart(held, words, characters, self.seconds)
                held, words, characters = b"", (), 0
        if worded and not heard:
            raise InvalidRequest("`input` has no text that this voice can speak.", param="input")
        yield SpeechPart(held + encoder.encode(self._rest()), words, characters, self.seconds)
        for data in encoder.finish():
            yield SpeechPart(data, seconds=self.seconds)

    def _say(self, piece: TextPiece) -> Spoken:
        """Synthesizes the piece with its pause, at its own rate and at the part of the speed that the voice speaks
        itself."""
        rate = self._engine.info.sample_rate
        pause = np.zeros(round(piece.pause / self._own_speed * rate), np.float32)
        if not piece.text:
            return Spoken(pause)
        wanted = piece.rate * self._own_speed
        speed = _within(wanted, self._engine)
        options = SynthesisOptions(speaker=self._speaker, speed=speed, words=self._captions)
        spoken = self._engine.synthesize(piece.text, options)
        spoken = joined_pause(spoken, rate, before=self._continued, after=piece.continued)
        self._continued = piece.continued
        samples = faded(stretched(spoken.samples, rate, wanted / speed), rate)
        words = tuple(_scaled(word, speed / wanted) for word in spoken.words)
        if words and piece.origin:
            words = words_as_written(words, piece.origin)
        return Spoken(np.concatenate([samples, pause]), words)

    def _placed(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """Words of the next piece on the clock of the finished audio."""
        start = self._spoken / self._engine.info.sample_rate
        return tuple(_scaled(word.shifted(start), 1 / self._stretch) for word in words)

    def _in_time(self, samples: Samples) -> Samples:
        """The samples that are ready after time stretch and resampling."""
        self._spoken += len(samples)
        return self._count(self._resampler.feed(self._tempo.feed(samples)))

    def _rest(self) -> Samples:
        return self._count(self._resampler.feed(self._tempo.flush(), last=True))

    def _count(self, samples: Samples) -> Samples:
        self._coded += len(samples)
        return samples


class _Resampler:
    """One stream of samples at another rate (soxr, HQ: no aliasing)."""

    def __init__(self, given: int, wanted: int) -> None:
        self._stream: Any = None
        if given != wanted:
            import soxr

            self._stream = soxr.ResampleStream(given, wanted, 1, dtype="float32", quality="HQ")

    def feed(self, samples: Samples, last: bool = False) -> Samples:
        if self._stream is None:
            return samples
        resampled: Samples = self._stream.resample_chunk(samples, last=last)
        return resampled


def faded(samples: Samples, sample_rate: int) -> Samples:
    """The samples with their first and last 4 ms faded."""
    size = min(len(samples) // 2, round(FADE * sample_rate))
    ramp = np.linspace(0, 1, size, endpoint=False, dtype=np.float32)
    result = samples.copy()
    result[:size] *= ramp
    result[len(result) - size :] *= ramp[::-1]
    return result


def joined_pause(spoken: Spoken, sample_rate: int, *, before: bool, after: bool) -> Spoken:
    """A piece with no longer pause at its ends than within a sentence.

    Args:
        before: it goes on with the sentence of the piece before.
        after: its sentence goes on in the next piece.
    """
    if not (before or after):
        return spoken
    heard = np.flatnonzero(np.abs(spoken.samples) > QUIET_SAMPLE)
    if not len(heard):
        return spoken
    start = max(0, int(heard[0]) - round(MAX_LEAD * sample_rate)) if before else 0
    end = min(len(spoken.samples), int(heard[-1]) + round(MAX_TAIL * sample_rate)) if after else len(spoken.samples)
    words = tuple(word.shifted(-start / sample_rate) for word in spoken.words)
    return Spoken(spoken.samples[start:end], words)


def _within(speed: float, engine: TtsEngine) -> float:
    """The part of a speed that the voice can speak itself."""
    return min(max(speed, engine.info.slowest), engine.info.fastest)


def _scaled(word: Word, factor: float) -> Word:
    return replace(word, start=word.start * factor, end=word.end * factor)
