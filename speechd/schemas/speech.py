"""Schemas of speech requests and voices."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, field_validator

from speechd.schemas.base import Form
from speechd.schemas.transcription import language_code
from speechd.types import SpeechOptions

MAX_VOICE = 300
"""Characters of a voice's name, its speaker included."""


class VoiceReference(BaseModel):
    """A voice as an object."""

    id: str = Field(max_length=MAX_VOICE, description="The voice.")


class SpeechBody(Form):
    """Speak a text."""

    model: str = Field(
        "auto",
        min_length=1,
        max_length=1000,
        description="Id of a voice or of a hosted speech model; `auto` when absent.",
    )
    input: str = Field(description="Text to speak, or SSML inside `<speak>`.")
    voice: Annotated[str, Field(max_length=MAX_VOICE)] | VoiceReference = Field(
        "auto",
        description="An installed voice, the short name of one (`joe`), a speaker of one (`NAME#speaker`, or `speaker`"
        " where only one voice has it), a mix of Kokoro's speakers (`af_bella(2)+af_sky(1)`), or a hosted name such as"
        " `alloy`.",
    )
    response_format: Literal["mp3", "flac", "wav", "ogg", "opus", "aac", "mulaw", "pcm"] = Field(
        "mp3", description="Format of the audio."
    )
    sample_rate: Literal[8000, 16000, 22050, 24000, 32000, 44100, 48000] | None = Field(
        None, description="Hz. Default: 48000 under /openai/v1, 24000 under /v1. Opus always decodes to 48000."
    )
    speed: float = Field(
        1.0, ge=0.25, le=5, allow_inf_nan=False, description="Factor of the speed. The pitch does not change."
    )
    stream_format: Literal["audio", "sse"] = Field("audio", description="Audio bytes, or server-sent events.")
    instructions: str = Field("", description="Accepted and ignored: these voices do not follow instructions.")
    captions: bool | Literal["json", "srt", "vtt"] = Field(
        False,
        description="Captions with the time of each word: a file for some minutes, at the address in the reply's"
        " `x-speechd-captions`; with `sse` also as events. `true` is `json`.",
    )

    language: str | None = Field(
        None,
        max_length=80,
        description="Language of the text: how numbers, dates and the like are read. Default: the voice's; sentences"
        " that are clearly in another language are read in that. Where no voice is named, one of this language speaks.",
    )
    emoji: Literal["silence", "name"] | None = Field(
        None,
        description="Emoji are silent, or read by their names in the text's language. Default: `SPEECHD_SPEECH_EMOJI`.",
    )

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str | None) -> str | None:
        return language_code(value, "language") if value and value.strip() else None

    @field_validator("model", mode="before")
    @classmethod
    def _default_model(cls, value: Any) -> Any:
        """A form that nobody filled in has an empty text."""
        return value or "auto"

    @field_validator("sample_rate", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """A form carries numbers as text."""
        return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value

    @property
    def voice_name(self) -> str:
        return self.voice if isinstance(self.voice, str) else self.voice.id

    @property
    def caption_format(self) -> str:
        """Format of the captions; "" for none."""
        return self.captions if isinstance(self.captions, str) else "json" if self.captions else ""

    def to_options(self, default_rate: int, headerless: bool = False) -> SpeechOptions:
        """
        Args:
            default_rate: Hz where the request names none.
            headerless: mu-law without its WAV header.
        """
        bare = self.response_format == "mulaw" and headerless
        rate = self.sample_rate or (24_000 if self.response_format == "pcm" else default_rate)
        return SpeechOptions(
            format="basic" if bare else self.response_format,
            sample_rate=rate,
            speed=self.speed,
            captions=bool(self.captions),
            language=self.language,
            emoji=self.emoji,
        )


class SpeechSession(SpeechBody):
    """How the texts of a speech session are spoken: the fields of a speech request, of which some have no meaning."""

    input: str = Field("", description="Not used: the text comes in events.")
    response_format: Literal["mp3", "flac", "wav", "ogg", "opus", "aac", "mulaw", "pcm"] = Field(
        "pcm", description="Format of the audio."
    )

    SHOWN: ClassVar = {"model", "voice", "response_format", "sample_rate", "speed", "language", "emoji"}

    def updated(self, fields: Mapping[str, Any]) -> "SpeechSession":
        """The session with these fields changed; null puts the default in a field's place.

        Raises:
            InvalidRequest: a field has a bad value.
        """
        return SpeechSession.parse(self.model_dump(exclude_unset=True) | dict(fields))

    def shown(self) -> dict[str, Any]:
        """The fields that have a meaning, with their values."""
        return self.model_dump(include=self.SHOWN)


class VoiceObject(BaseModel):
    """One voice as GET /audio/voices lists it."""

    id: str = Field(description="Value for `voice` or `model` of a speech request.")
    voice_id: str = Field(description="The same as `id`.")
    object: Literal["voice"] = Field("voice", description="Always `voice`.")
    name: str = Field(description="Its name for people.")
    language: str = Field(description="ISO 639-1 code of the language it reads.")
    languages: list[str] = Field(description="Those of all its speakers.")
    gender: Literal["female", "male"] | None = Field(None, description="Of its first speaker, where the model tells.")
    sample_rate: int = Field(description="Hz of the voice, before resampling.")
    speakers: list[str] = Field(description="Names for `NAME#speaker`; empty for a single speaker.")
    sample_url: str = Field(description="Path of a short sample.")
    default: bool = Field(description="Whether it speaks where a request names no voice, or a hosted one.")


class VoiceList(BaseModel):
    """All voices of this server."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[VoiceObject] = Field(description="The voices, the best first.")
    voices: list[VoiceObject] = Field(description="The same, for clients that read this member.")
