"""Schemas of transcription requests, with conversion to options. A bad value is a 400 that names its field.

Unknown fields are ignored, as the hosted services do. A known field is never ignored silently.
"""

from itertools import accumulate
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from speechd.errors import InvalidRequest
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.languages import find
from speechd.schemas.base import Strings, split_list
from speechd.schemas.recordings.recording import RecordingForm
from speechd.schemas.speakers.fields import speaker_names
from speechd.schemas.subtitles import SubtitleOptions
from speechd.types import (
    MAX_PROMPT_CHARACTERS,
    MIXED_VAD,
    Channels,
    GuardPolicy,
    Task,
    TranscribeOptions,
    VadOptions,
)

MULTI = "multi"
"""The value of `language` for recordings in which languages mix."""
DETECT = frozenset({"auto", "und"})
"""The values of `language` that mean detection: that of other local servers, and the tag of an unknown language."""
SPEAKER_FORMATS = frozenset({"diarized_json", "minutes"})
"""Formats that are about who speaks."""
INCLUDABLE = frozenset({"logprobs", "evidence", "plain_times"})
ONLY_VERBOSE = ("evidence", "plain_times")


class AudioForm(SubtitleOptions, RecordingForm):
    """The parameters that transcriptions and translations share: the union of Groq's and OpenAI's."""

    formats = TRANSCRIPT_FORMATS
    endpoint_task: ClassVar[Task]

    language: str | None = Field(
        None,
        description="Language spoken: ISO 639-1 or 639-3, a tag like `en-US` or an English name; `multi` where"
        " languages mix, then each stretch of speech has its own. Detected when absent, `auto` or `und`.",
    )
    languages: Annotated[Strings, BeforeValidator(split_list)] = Field(
        (), description="Detection chooses among these languages only."
    )
    language_floor: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="With `language=multi`: a stretch of speech whose language is less probable than this (0.5) is"
        " taken to be in the recording's main one.",
    )
    prompt: str = Field("", description="Text that precedes the recording; its last 224 tokens are used.")
    keywords: Strings = Field((), description="Words and names to expect.")
    hotwords: Strings = Field((), description="The same as `keywords`.")
    temperature: float = Field(
        0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="0 uses beam search with fallback to higher temperatures. Else the text is sampled.",
    )
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json", "minutes", "tsv", "lrc"] = (
        Field(
            "json",
            description="Format of the answer. `diarized_json` and `minutes` tell who speaks: by voice, or with"
            " `channels=split` by channel.",
        )
    )
    speakers: bool = Field(
        False,
        description="Tell speakers apart by their voice also in `verbose_json`, `text`, `srt`, `vtt`, `tsv` and `lrc`,"
        " and inside each channel with `channels=split`.",
    )
    channels: Channels = Field(
        "mixed",
        description="`split` transcribes each channel of the recording separately, at most 8, and names the channel.",
    )
    channel_labels: Strings = Field(
        (), description="With `channels=split`: names of the channels, from the first. Default: `channel_1` ..."
    )
    timestamp_granularities: Annotated[tuple[Literal["word", "segment"], ...], BeforeValidator(split_list)] = Field(
        (),
        description="What `verbose_json` lists: `word`, `segment` or both; segments when absent. With other formats"
        " `segment` has no effect. `word` has none under /openai/v1, and under /v1 needs `verbose_json`.",
    )
    include: Annotated[Strings, BeforeValidator(split_list)] = Field(
        (),
        description="`logprobs` adds each token's log-probability to `json` and `verbose_json`; `evidence` adds to each"
        " segment of `verbose_json` what speaks against it having been spoken, and lists as `uncovered_speech` where"
        " speech was heard for more than a second and no words were found; `plain_times` adds to each segment of"
        " `verbose_json` as `plain_start` and `plain_end` the times that it has where no words are asked for. Other"
        " values have no effect.",
    )
    condition_on_previous_text: bool = Field(
        False,
        description="Each window gets the text before it as its prompt: steadier, but one window after the other.",
    )
    guard: GuardPolicy = Field(
        "mark",
        description="Policy for text that was probably never spoken: `keep`, `mark` (see `include`), `drop`, or"
        " `redecode` it once.",
    )
    stream: bool = Field(False, description="Answer with server-sent events while the recording is decoded.")

    @field_validator("prompt")
    @classmethod
    def _end_of_prompt(cls, value: str) -> str:
        return value[-MAX_PROMPT_CHARACTERS:]

    @field_validator("keywords", "hotwords")
    @classmethod
    def _first_words(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """As many from the first as fit; one that is cut is no word any more."""
        ends = accumulate(len(word) + len(", ") for word in value)
        return tuple(word for word, end in zip(value, ends, strict=True) if end <= MAX_PROMPT_CHARACTERS)

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str | None) -> str | None:
        if value is None or value.lower() in DETECT:
            return None
        if value.lower() == MULTI:
            return MULTI
        return language_code(value, "language")

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(language_code(text, "languages") for text in value))

    @field_validator("channel_labels")
    @classmethod
    def _good_labels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return speaker_names(value, "channel_labels")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for value in ONLY_VERBOSE:
            if value in self.include and self.response_format != "verbose_json":
                raise InvalidRequest(f"`{value}` needs `response_format` to be `verbose_json`.", param="include")
        if INCLUDABLE & set(self.include) and self.response_format not in ("json", "verbose_json"):
            raise InvalidRequest("`include` needs `response_format` to be `json` or `verbose_json`.", param="include")
        self.check_subtitles(self.response_format)
        return self

    @model_validator(mode="after")
    def _consistent_channels_and_languages(self) -> Self:
        if self.channels != "split" and self.channel_labels:
            raise InvalidRequest("`channel_labels` needs `channels` to be `split`.", param="channel_labels")
        if self.language != MULTI and self.language_floor is not None:
            raise InvalidRequest("`language_floor` needs `language` to be `multi`.", param="language_floor")
        return self

    def check_words(self) -> None:
        """See RecordingForm.check_words."""
        if "timestamp_granularities" in self.ignored:
            raise InvalidRequest(
                "`word` in `timestamp_granularities` needs `response_format` to be `verbose_json`.",
                param="timestamp_granularities",
            )

    @property
    def streams(self) -> bool:
        return self.stream

    @property
    def ignored(self) -> tuple[str, ...]:
        """The fields of which a value has no effect, though the caller meant something by it."""
        no_words = "word" in self.timestamp_granularities and self.response_format != "verbose_json"
        unknown = set(self.include) - INCLUDABLE
        unseen = self.speaker_fields if self.response_format == "json" else ()
        return ("timestamp_granularities",) * no_words + ("include",) * bool(unknown) + unseen

    @property
    def task(self) -> Task:
        return self.endpoint_task

    @property
    def wants_words(self) -> bool:
        return "word" in self.timestamp_granularities and self.response_format == "verbose_json"

    @property
    def wants_segments(self) -> bool:
        return "segment" in self.timestamp_granularities or not self.timestamp_granularities

    @property
    def wants_logprobs(self) -> bool:
        return "logprobs" in self.include

    @property
    def wants_evidence(self) -> bool:
        return "evidence" in self.include

    @property
    def wants_speakers(self) -> bool:
        """Voices are to be told apart, in a format that shows it."""
        by_format = self.response_format in SPEAKER_FORMATS and self.channels != "split"
        return by_format or (bool(self.speaker_fields) and self.response_format != "json")

    @property
    def speaker_fields(self) -> tuple[str, ...]:
        return ("speakers",) * self.speakers + super().speaker_fields

    @property
    def wants_languages(self) -> bool:
        return self.language == MULTI

    def to_options(self) -> TranscribeOptions:
        default = TranscribeOptions()
        return TranscribeOptions(
            task=self.task,
            language=None if self.wants_languages else self.language,
            multilingual=self.wants_languages,
            language_floor=default.language_floor if self.language_floor is None else self.language_floor,
            languages=self.languages,
            prompt=self.prompt,
            hotwords=self.keywords + self.hotwords,
            temperature=self.temperature,
            word_timestamps=self.wants_words or self.to_layout().needs_words or self.wants_speakers,
            logprobs=self.wants_logprobs,
            condition_on_previous_text=self.condition_on_previous_text,
            guard=self.guard,
            channels=self.channels,
            audio_track=self.audio_track,
            clip=self.clip,
            speakers=self.to_speaker_options() if self.wants_speakers else None,
            vad=self.to_vad(MIXED_VAD if self.wants_languages else VadOptions()),
        )

    def to_view(self) -> View:
        return View(
            segments=self.wants_segments,
            words=self.wants_words,
            logprobs=self.wants_logprobs,
            evidence=self.wants_evidence,
            languages=self.wants_languages,
            plain_times="plain_times" in self.include,
            layout=self.to_layout(),
            channel_labels=self.channel_labels,
        )


class TranscriptionForm(AudioForm):
    """Transcribe a recording in the language spoken."""

    endpoint_task = "transcribe"

    translate: bool = Field(False, description="Translate into English instead, as whisper.cpp's clients ask for it.")

    @property
    def task(self) -> Task:
        return "translate" if self.translate else self.endpoint_task


class TranslationForm(AudioForm):
    """Translate a recording into English text."""

    endpoint_task = "translate"


class ErrorDetail(BaseModel):
    """What went wrong."""

    message: str = Field(description="One or two sentences for people.")
    type: str = Field(description="Kind of error, for programs.")
    param: str | None = Field(description="The parameter at fault.")
    code: str | None = Field(description="The precise error, for programs.")


class ErrorEnvelope(BaseModel):
    """The body of every failed request."""

    error: ErrorDetail = Field(description="The error.")


def language_code(text: str, param: str) -> str:
    """The code of a language in any spelling.

    Raises:
        InvalidRequest: no such language is known.
    """
    language = find(text)
    if language is None:
        raise InvalidRequest(f"Unknown language {text[:40]!r}. Use an ISO 639-1 code such as `en`.", param=param)
    return language.code
