"""What clients ask with Wyoming's events, validated as in an HTTP request."""

from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from speechd.operations import RequestContext, SpeechRequest, TranscriptionRequest
from speechd.registry.model_names import AUTO
from speechd.schemas.base import Form, Strings
from speechd.schemas.speech import MAX_VOICE
from speechd.schemas.transcription import TranscriptionForm, language_code
from speechd.types import SpeechOptions


class TranscribeEvent(Form):
    """`transcribe`: how the audio that follows is transcribed."""

    name: str | None = None
    """Model."""
    language: str | None = None
    """Spoken; None detects it."""
    transcript_names: Strings = ()
    """Names to expect."""
    transcript_terms: Strings = ()
    """Other words to expect."""

    def to_request(self, context: RequestContext) -> TranscriptionRequest:
        """
        Raises:
            InvalidRequest: a field has a bad value.
        """
        fields = {
            "model": self.name or AUTO,
            "language": self.language or None,
            "hotwords": self.transcript_names + self.transcript_terms,
        }
        form = TranscriptionForm.parse(fields)
        return TranscriptionRequest(form.model, form.to_options(), context=context)


class VoiceChoice(BaseModel):
    """The voice of a request. A name comes before a language."""

    name: str | None = Field(None, max_length=MAX_VOICE)
    language: str | None = None
    speaker: str | None = Field(None, max_length=MAX_VOICE)
    """Of the voice that is named."""

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str | None) -> str | None:
        return language_code(value, "voice") if value else None

    @property
    def voice(self) -> str:
        """As a speech request names it."""
        if not self.name:
            return AUTO
        return f"{self.name}#{self.speaker}" if self.speaker else self.name


class SynthesizeEvent(Form):
    """`synthesize` and `synthesize-start`: a text, and who says it."""

    text: str = ""
    voice: VoiceChoice = VoiceChoice()
    text_format: Literal["text", "ssml"] = "text"

    @field_validator("voice", mode="before")
    @classmethod
    def _no_voice(cls, value: Any) -> Any:
        return value or {}

    def to_request(self, context: RequestContext) -> SpeechRequest:
        options = SpeechOptions(
            "pcm",
            ssml=self.text_format == "ssml",
            language=None if self.voice.name else self.voice.language,
        )
        return SpeechRequest(self.text, voice=self.voice.voice, options=options, context=context)


class TextEvent(Form):
    """`synthesize-chunk`."""

    text: str


class AudioFormatEvent(Form):
    """The format of `audio-chunk`."""

    rate: int = Field(ge=4000, le=192_000)
    """Hz."""
    width: int = Field(ge=1, le=4)
    """Bytes of a sample: 8-bit PCM is unsigned, the rest signed and little-endian, as in WAV."""
    channels: int = Field(ge=1, le=8)
    """Interleaved."""

    @property
    def frame(self) -> int:
        """Bytes of one sample of all channels."""
        return self.width * self.channels


class PingEvent(Form):
    """`ping`."""

    text: str | None = None
