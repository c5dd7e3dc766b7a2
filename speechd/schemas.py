"""What arrives on the wire, validated and turned into the house's own options. A bad value is a 400 naming its field.

Unknown fields are ignored, as the hosted services do; a known field is never dropped unsaid.
"""

import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from speechd.errors import InvalidRequest, Unsupported
from speechd.languages import find
from speechd.types import GuardPolicy, SpeechOptions, Task, TranscribeOptions, VadOptions


def _listed(value: Any) -> Any:
    """A single value stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


Strings = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class ServerVad(BaseModel):
    """How to tell speech from the rest; what is left out keeps this server's own value."""

    type: Literal["server_vad"] = Field(description="Always `server_vad`.")
    threshold: float | None = Field(None, ge=0, le=1, description="Probability from which sound counts as speech.")
    prefix_padding_ms: Milliseconds | None = Field(None, description="Audio kept around speech, in milliseconds.")
    silence_duration_ms: Milliseconds | None = Field(None, description="Silence that ends speech, in milliseconds.")

    def to_options(self) -> VadOptions:
        default = VadOptions()
        return VadOptions(
            threshold=default.threshold if self.threshold is None else self.threshold,
            min_silence=_seconds(self.silence_duration_ms, default.min_silence),
            padding=_seconds(self.prefix_padding_ms, default.padding),
            min_speech=default.min_speech,
        )


def _seconds(milliseconds: int | None, default: float) -> float:
    return default if milliseconds is None else milliseconds / 1000


class AudioForm(BaseModel):
    """The parameters that transcriptions and translations share: the union of Groq's and OpenAI's."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    task: ClassVar[Task]

    model: str = Field(min_length=1, description="Id of the model, or `auto` for this server's default.")
    url: str | None = Field(
        None, min_length=1, description="Instead of `file`: an http(s) or `data:` URL of the audio, or base64url."
    )
    language: str | None = Field(
        None, description="Language spoken: ISO 639-1 or 639-3, a tag like `en-US` or an English name. Else detected."
    )
    languages: Strings = Field((), description="Detection chooses among these languages only.")
    prompt: str = Field("", description="Text that precedes the recording; its last 224 tokens are used.")
    keywords: Strings = Field((), description="Words and names to expect.")
    hotwords: Strings = Field((), description="The same as `keywords`.")
    temperature: float = Field(
        0.0, ge=0, le=1, allow_inf_nan=False, description="0 falls back by itself where it must; else sampled at this."
    )
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = Field(
        "json", description="Shape of the answer."
    )
    timestamp_granularities: Annotated[tuple[Literal["word", "segment"], ...], BeforeValidator(_listed)] = Field(
        (), description="What `verbose_json` lists: `word`, `segment` or both; segments when absent."
    )
    include: Annotated[tuple[Literal["logprobs", "evidence"], ...], BeforeValidator(_listed)] = Field(
        (),
        description="`logprobs` adds each token's log-probability to `json` and `verbose_json`; `evidence` adds to each"
        " segment of `verbose_json` what speaks against it having been spoken.",
    )
    condition_on_previous_text: bool = Field(
        False, description="Tell each window the text before it: steadier, but one window after the other."
    )
    guard: GuardPolicy = Field(
        "mark",
        description="What becomes of text that was probably never spoken: `keep`, `mark` (see `include`), `drop`, or"
        " `redecode` it once.",
    )
    chunking_strategy: Literal["auto"] | ServerVad = Field(
        "auto", description="How speech is found: `auto`, or an object of type `server_vad`."
    )
    stream: bool = Field(False, description="Answer with server-sent events while the text is being written.")
    known_speaker_names: Strings = Field((), description="Not supported: this server does not tell speakers apart.")
    known_speaker_references: Strings = Field((), description="Not supported, like `known_speaker_names`.")

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        """The form in `fields`; JSON null is the same as absent.

        Raises:
            InvalidRequest: a field has a bad value, or two contradict; `param` names it.
        """
        try:
            return cls.model_validate({name: value for name, value in fields.items() if value is not None})
        except ValidationError as error:
            raise first_fault(error) from error

    @field_validator("response_format", mode="before")
    @classmethod
    def _no_diarization(cls, value: Any) -> Any:
        if value == "diarized_json":
            raise Unsupported("This server does not tell speakers apart yet.", param="response_format")
        return value

    @field_validator("known_speaker_names", "known_speaker_references")
    @classmethod
    def _no_speakers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value:
            raise Unsupported("This server does not tell speakers apart yet.", param="known_speaker_names")
        return value

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str | None) -> str | None:
        return None if value is None else language_code(value, "language")

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(language_code(text, "languages") for text in value))

    @field_validator("chunking_strategy", mode="before")
    @classmethod
    def _strategy(cls, value: Any) -> Any:
        """A form carries the object as JSON text or as `chunking_strategy[type]=...`."""
        if value == "auto":
            return value
        try:
            return ServerVad.model_validate(json.loads(value) if isinstance(value, str) else value)
        except ValidationError as error:
            raise first_fault(error, within="chunking_strategy") from None
        except (ValueError, RecursionError):
            raise InvalidRequest(
                "`chunking_strategy` is `auto` or an object of type `server_vad`.", param="chunking_strategy"
            ) from None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.timestamp_granularities and self.response_format != "verbose_json":
            raise InvalidRequest(
                "`timestamp_granularities` needs `response_format` to be `verbose_json`.",
                param="timestamp_granularities",
            )
        if "evidence" in self.include and self.response_format != "verbose_json":
            raise InvalidRequest("`evidence` needs `response_format` to be `verbose_json`.", param="include")
        if self.include and self.response_format not in ("json", "verbose_json"):
            raise InvalidRequest("`include` needs `response_format` to be `json` or `verbose_json`.", param="include")
        if self.stream and self.response_format not in ("json", "text"):
            raise InvalidRequest(f"`stream` cannot be combined with `{self.response_format}`.", param="stream")
        return self

    @property
    def wants_words(self) -> bool:
        return "word" in self.timestamp_granularities

    @property
    def wants_segments(self) -> bool:
        return "segment" in self.timestamp_granularities or not self.timestamp_granularities

    @property
    def wants_logprobs(self) -> bool:
        return "logprobs" in self.include

    @property
    def wants_evidence(self) -> bool:
        return "evidence" in self.include

    def to_options(self) -> TranscribeOptions:
        strategy = self.chunking_strategy
        return TranscribeOptions(
            task=self.task,
            language=self.language,
            languages=self.languages,
            prompt=self.prompt,
            hotwords=self.keywords + self.hotwords,
            temperature=self.temperature,
            word_timestamps=self.wants_words,
            logprobs=self.wants_logprobs,
            condition_on_previous_text=self.condition_on_previous_text,
            guard=self.guard,
            vad=strategy.to_options() if isinstance(strategy, ServerVad) else VadOptions(),
        )


class TranscriptionForm(AudioForm):
    """Write down what is said, in the language spoken."""

    task = "transcribe"


class TranslationForm(AudioForm):
    """Write down in English what is said in any language."""

    task = "translate"


class VoiceReference(BaseModel):
    """A voice as an object."""

    id: str = Field(description="The voice.")


class SpeechBody(BaseModel):
    """Speak a text."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    model: str = Field(min_length=1, description="Id of a voice or of a hosted speech model, or `auto`.")
    input: str = Field(description="What to say: text, or SSML inside `<speak>`.")
    voice: str | VoiceReference = Field(
        "auto", description="An installed voice, a speaker of one (`NAME#speaker`), or a hosted name such as `alloy`."
    )
    response_format: Literal["mp3", "flac", "wav", "ogg", "opus", "aac", "mulaw", "pcm"] = Field(
        "mp3", description="Format of the audio."
    )
    sample_rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000] | None = Field(
        None, description="Hz. Default: 48000 under /openai/v1, 24000 under /v1. Opus always decodes to 48000."
    )
    speed: float = Field(1.0, ge=0.25, le=5, allow_inf_nan=False, description="How many times faster; same pitch.")
    stream_format: Literal["audio", "sse"] = Field("audio", description="Bare audio, or server-sent events.")
    instructions: str = Field("", description="Accepted and ignored: these voices take no directions.")
    captions: bool = Field(False, description="With `sse`: also events that tell when each word is spoken.")

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Self:
        """The body in `fields`; JSON null is the same as absent.

        Raises:
            InvalidRequest: a field has a bad value; `param` names it.
        """
        try:
            return cls.model_validate({name: value for name, value in fields.items() if value is not None})
        except ValidationError as error:
            raise first_fault(error) from error

    @field_validator("sample_rate", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """A form carries numbers as text."""
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.captions and self.stream_format != "sse":
            raise InvalidRequest("`captions` needs `stream_format` to be `sse`.", param="captions")
        return self

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id

    def to_options(self, default_rate: int, headerless: bool = False) -> SpeechOptions:
        """
        Args:
            default_rate: Hz where none is asked for.
            headerless: mu-law without its WAV header.
        """
        bare = self.response_format == "mulaw" and headerless
        rate = self.sample_rate or (24_000 if self.response_format == "pcm" else default_rate)
        return SpeechOptions(
            format="basic" if bare else self.response_format, sample_rate=rate, speed=self.speed, captions=self.captions
        )


class VoiceObject(BaseModel):
    """One voice as GET /audio/voices lists it."""

    id: str = Field(description="What a speech request's `voice` or `model` names.")
    object: Literal["voice"] = Field("voice", description="Always `voice`.")
    language: str = Field(description="ISO 639-1 code of the language it reads.")
    sample_rate: int = Field(description="Hz at which it speaks, before resampling.")
    speakers: list[str] = Field(description="Names for `NAME#speaker`; empty for a single speaker.")
    default: bool = Field(description="It speaks where a request names no voice, or a hosted one.")


class VoiceList(BaseModel):
    """All voices of this server."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[VoiceObject] = Field(description="The voices, the best first.")


class PullObject(BaseModel):
    """How far the pull of a model is."""

    state: Literal["pulling", "installed", "failed"] = Field(description="What became of it.")
    completed_bytes: int = Field(description="Bytes that are here.")
    total_bytes: int = Field(description="Bytes in all; 0 while that is not known.")
    error: str | None = Field(None, description="Why it failed.")


class LoadedObject(BaseModel):
    """A model in memory."""

    bytes: int = Field(description="Size of its files, which is about what its weights take.")
    users: int = Field(description="Recordings that it works on now.")
    loaded_at: int = Field(description="When it was loaded, in Unix time.")
    expires_in: float | None = Field(None, description="Seconds until it is unloaded if nobody uses it.")


class ModelObject(BaseModel):
    """One model as GET /models lists it."""

    id: str = Field(description="What a request's `model` names.")
    object: Literal["model"] = Field("model", description="Always `model`.")
    created: int = Field(description="When the model was made, in Unix time.")
    owned_by: str = Field(description="Who made it.")
    active: bool = Field(description="It is installed and can be used now.")
    context_window: int | None = Field(description="Tokens it takes in, prompt included; null where unknown.")
    public_apps: None = Field(None, description="Always null.")
    max_completion_tokens: int | None = Field(description="Tokens it writes at most; null where unknown.")


class ModelDetails(BaseModel):
    """What the hosted services do not say of a model."""

    kind: str = Field(description="What it does: `asr` recognises speech.")
    embedded: bool = Field(description="It is part of the installation.")
    languages: tuple[str, ...] = Field(description="Codes it was trained for; none means all of Whisper's.")
    tasks: tuple[str, ...] = Field(description="`transcribe`, `translate`.")
    source: str | None = Field(description="Its repository on a model hub.")
    loaded: LoadedObject | None = Field(None, description="Set while it is in memory.")
    pull: PullObject | None = Field(None, description="Set once a pull of it was begun on this server.")


class ManagedModel(ModelObject):
    """One model with what only this server has to say of it."""

    speechd: ModelDetails | None = Field(
        None, description="More of it, under a name that collides with nobody's; null for a companion's model."
    )


class ModelDeleted(BaseModel):
    """What DELETE answers."""

    id: str = Field(description="What was removed.")
    object: Literal["model"] = Field("model", description="Always `model`.")
    deleted: Literal[True] = Field(True, description="Always true.")


class ModelList(BaseModel):
    """All models of this server."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[ManagedModel] = Field(description="The models.")


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
        raise InvalidRequest(f"Unknown language {text[:40]!r}: give an ISO 639-1 code such as `en`.", param=param)
    return language.code


def first_fault(error: ValidationError, within: str | None = None) -> InvalidRequest:
    """Pydantic's first complaint as a sentence that names the field, or `within`, the field that contains it."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(filter(None, (within, *map(str, fault["loc"][:1])))) or None
    if fault["type"] == "missing":
        return InvalidRequest(f"`{field}` is required.", param=within or field)
    return InvalidRequest(
        f"Invalid value for `{field}`: {fault['msg'][0].lower()}{fault['msg'][1:]}.", param=within or field
    )
