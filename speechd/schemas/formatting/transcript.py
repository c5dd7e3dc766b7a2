"""A transcript as `verbose_json` and `diarized_json` show it, read back."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from speechd.languages import find
from speechd.schemas.formatting.joining import joinable, shared_out
from speechd.types import Segment, Transcript, Word

MAX_SECONDS = 10_000_000
"""More than any recording has."""
MAX_SEGMENTS = 50_000
MAX_WORDS = 300_000
"""Of a whole transcript: 12 hours have about 110 000."""
MAX_SEGMENT_CHARACTERS = 4_000
"""A segment is a phrase. Whisper's windows of 30 s have 450 words at most."""
MAX_CHANNELS = 8
MAX_SPEAKER_CHARACTERS = 200

_CHANNEL = re.compile(r"channel_([1-8])")

Seconds = Annotated[float, Field(ge=0, le=MAX_SECONDS, allow_inf_nan=False)]


def _printed(name: str) -> str:
    """A line break in a name would end a cue."""
    return " ".join(name.split())


Name = Annotated[str, Field(max_length=MAX_SPEAKER_CHARACTERS), AfterValidator(_printed)]


class TimedObject(BaseModel):
    """A stretch of time."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    start: Seconds = Field(description="Seconds from the beginning of the recording.")
    end: Seconds = Field(description="Seconds; not before `start`.")

    @field_validator("end")
    @classmethod
    def _in_order(cls, value: float, info: ValidationInfo) -> float:
        if value < info.data.get("start", 0.0):
            raise PydanticCustomError("end_before_start", "The end is before the start")
        return value


class WordObject(TimedObject):
    """A word with its time."""

    word: str = Field(max_length=1000, description="The word, with its punctuation.")
    speaker: Name = Field("", description="Who says it. The segment decides.")

    def to_word(self) -> Word:
        return Word(self.word.strip(), self.start, self.end)


class SegmentObject(TimedObject):
    """A segment. The members of `verbose_json` beyond these are taken over into `verbose_json`."""

    text: str = Field(max_length=MAX_SEGMENT_CHARACTERS, description="What is said.")
    speaker: Name = Field("", description="Who says it.")
    channel: Name = Field("", description="Name of the channel in which it is said.")
    language: str = Field("", max_length=64, description="Language of the segment.")
    words: tuple[WordObject, ...] | None = Field(
        None, max_length=MAX_WORDS, description="Its words, instead of the transcript's."
    )
    plain_start: Seconds | None = Field(
        None,
        description="As in `verbose_json`. With `plain_end` it is the time of the segment in formats without words.",
    )
    plain_end: Seconds | None = Field(None, description="Seconds; not before `plain_start`.")
    seek: int = Field(0, ge=0, le=100 * MAX_SECONDS, description="As in `verbose_json`.")
    tokens: tuple[int, ...] = Field((), max_length=10_000, description="As in `verbose_json`.")
    temperature: float = Field(0.0, ge=0, le=10, allow_inf_nan=False, description="As in `verbose_json`.")
    avg_logprob: float = Field(0.0, ge=-1e6, le=1e6, allow_inf_nan=False, description="As in `verbose_json`.")
    compression_ratio: float = Field(1.0, ge=0, le=1e6, allow_inf_nan=False, description="As in `verbose_json`.")
    no_speech_prob: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description="As in `verbose_json`.")
    evidence: tuple[Annotated[str, Field(max_length=64)], ...] | None = Field(
        None, max_length=20, description="As in `verbose_json`."
    )

    @field_validator("plain_end")
    @classmethod
    def _plain_in_order(cls, value: float | None, info: ValidationInfo) -> float | None:
        start = info.data.get("plain_start")
        if value is not None and start is not None and value < start:
            raise PydanticCustomError("end_before_start", "The end is before the start")
        return value

    @property
    def plain_times(self) -> tuple[float, float] | None:
        """Both, or None."""
        return None if self.plain_start is None or self.plain_end is None else (self.plain_start, self.plain_end)

    def to_segment(self, text: str, channel: int, words: Sequence[Word]) -> Segment:
        """
        Args:
            text: with its leading space.
            channel: its number, from 1; 0 for the mix.
        """
        return Segment(
            start=self.start,
            end=self.end,
            text=text,
            tokens=self.tokens,
            temperature=self.temperature,
            avg_logprob=self.avg_logprob,
            compression_ratio=self.compression_ratio,
            no_speech_prob=self.no_speech_prob,
            seek=self.seek,
            language=_code(self.language),
            words=tuple(words),
            evidence=self.evidence or (),
            channel=channel,
            speaker=self.speaker,
            plain_times=self.plain_times,
        )


class UncoveredObject(TimedObject):
    """Speech without words, as in `verbose_json`."""


class TranscriptObject(BaseModel):
    """A transcript: the answer of `verbose_json` or `diarized_json`, edited or not."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    segments: tuple[SegmentObject, ...] = Field(max_length=MAX_SEGMENTS, description="The segments, in order.")
    words: tuple[WordObject, ...] | None = Field(
        None, max_length=MAX_WORDS, description="The words of all segments, in order."
    )
    text: str | None = Field(
        None, description="The whole text. It only tells where spaces are. The text of the answer is that of segments."
    )
    task: Literal["transcribe", "translate"] = Field("transcribe", description="What was done.")
    language: str = Field("", max_length=64, description="The language spoken: a name or a code.")
    duration: Seconds | None = Field(None, description="Seconds of the recording. Default: the last segment's end.")
    uncovered_speech: tuple[UncoveredObject, ...] | None = Field(
        None, max_length=MAX_SEGMENTS, description="As in `verbose_json`."
    )

    @property
    def channel_names(self) -> tuple[str, ...]:
        """By number, from the first. `channel_3` is the third; other names are numbered as they come."""
        names = dict.fromkeys(segment.channel for segment in self.segments if segment.channel)
        if names and all(map(_CHANNEL.fullmatch, names)):
            return tuple(f"channel_{number + 1}" for number in range(max(int(name[-1]) for name in names)))
        return tuple(names)

    @property
    def has_words(self) -> bool:
        """Words with times are told."""
        return self.words is not None or any(segment.words is not None for segment in self.segments)

    def to_transcript(self) -> Transcript:
        """The transcript that has this answer."""
        texts = joinable([segment.text for segment in self.segments], self.text)
        words = self._words(texts)
        numbers = {name: number for number, name in enumerate(self.channel_names, start=1)} | {"": 0}
        segments = tuple(
            given.to_segment(text, numbers[given.channel], share)
            for given, text, share in zip(self.segments, texts, words, strict=True)
        )
        last = max((segment.end for segment in segments), default=0.0)
        return Transcript(
            task=self.task,
            language=_code(self.language),
            duration=last if self.duration is None else self.duration,
            segments=segments,
            channels=max(1, len(numbers) - 1),
            uncovered=tuple((each.start, each.end) for each in self.uncovered_speech or ()),
        )

    def _words(self, texts: Sequence[str]) -> list[list[Word]]:
        """Of each segment. A segment's own words come before the transcript's."""
        times = [(segment.start, segment.end) for segment in self.segments]
        shares = shared_out([word.to_word() for word in self.words or ()], texts, times)
        own = [segment.words for segment in self.segments]
        return [
            share if mine is None else [word.to_word() for word in mine]
            for mine, share in zip(own, shares, strict=True)
        ]


def without_speakers(transcript: Transcript) -> Transcript:
    """The same, told as if nobody had told voices apart."""
    return replace(transcript, segments=tuple(replace(segment, speaker="") for segment in transcript.segments))


def _code(language: str) -> str:
    """A name that nobody knows stays as it is."""
    found = find(language) if language.strip() else None
    return found.code if found else language.strip()
