"""Schemas of other servers' requests, each with its conversion to the fields of a transcription."""

from typing import Any, Literal

from pydantic import Field, field_validator

from speechd.errors import Unsupported
from speechd.schemas.base import PageForm

MAX_LINE_WIDTH = 200
"""Characters of the longest line that a transcription's `max_line_width` allows."""
MIN_LINE_WIDTH = 10


class RecordingQuery(PageForm):
    """What the calls of whisper-asr-webservice have in common."""

    encode: bool = Field(
        True, description="`false`: the file is bare PCM, 16-bit little-endian mono at 16 kHz, without a header."
    )


class AsrQuery(RecordingQuery):
    """Transcribe or translate a recording, as whisper-asr-webservice does."""

    task: Literal["transcribe", "translate"] = Field("transcribe", description="`translate` gives English text.")
    language: str | None = Field(None, description="Language spoken; detected when absent.")
    initial_prompt: str = Field("", description="Text that precedes the recording.")
    vad_filter: bool = Field(False, description="Without effect: silence is always left out.")
    word_timestamps: bool = Field(False, description="Each segment of `json` has its words.")
    output: Literal["txt", "vtt", "srt", "tsv", "json"] = Field("txt", description="Format of the answer.")

    def to_fields(self) -> dict[str, Any]:
        """The fields of a transcription."""
        return {
            "language": self.language,
            "translate": self.task == "translate",
            "prompt": self.initial_prompt,
            "response_format": "verbose_json",
            "timestamp_granularities": ["segment", "word"] if self.word_timestamps else ["segment"],
        }


class LanguageQuery(RecordingQuery):
    """Detect the language of a recording, as whisper-asr-webservice does."""

    detect_lang_length: float = Field(
        30, gt=0, le=600, allow_inf_nan=False, description="Seconds that are listened to; subgen's parameter."
    )
    detect_lang_offset: float = Field(
        0, ge=0, le=43_200, allow_inf_nan=False, description="Second at which they begin; subgen's parameter."
    )


class InferenceForm(PageForm):
    """Transcribe or translate a recording, as whisper.cpp's server does. Its other fields are ignored."""

    language: str | None = Field(None, description="Language spoken; detected when absent or `auto`.")
    detect_language: bool = Field(False, description="Ignore `language`.")
    translate: bool = Field(False, description="Translate into English.")
    prompt: str = Field("", description="Text that precedes the recording.")
    temperature: float = Field(0.0, ge=0, le=1, allow_inf_nan=False, description="As in a transcription.")
    temperature_inc: float = Field(
        0.2, allow_inf_nan=False, description="Without effect: the fallback temperatures are Whisper's own."
    )
    response_format: Literal["json", "verbose_json", "text", "srt", "vtt"] = Field(
        "json", description="Format of the answer."
    )
    no_timestamps: bool = Field(False, description="`verbose_json` has no times.")
    token_timestamps: bool = Field(True, description="The segments of `verbose_json` have their words.")
    no_language_probabilities: bool = Field(False, description="`verbose_json` has no detected language.")
    offset_t: int = Field(0, ge=0, description="Milliseconds at which the transcription begins.")
    duration: int = Field(0, ge=0, description="Milliseconds that are transcribed; 0: to the end.")
    max_len: int = Field(0, ge=0, description="Maximum characters of a cue of `srt` and `vtt`; 0: no maximum.")
    diarize: bool = Field(False, description="Not supported.")
    tinydiarize: bool = Field(False, description="Not supported.")

    @field_validator("diarize", "tinydiarize")
    @classmethod
    def _no_speakers(cls, value: bool) -> bool:
        if value:
            raise Unsupported("This server does not tell speakers apart here.", param="diarize")
        return value

    @property
    def detects(self) -> bool:
        """The answer tells the language that was detected."""
        given = self.language is not None and self.language.lower() != "auto" and not self.detect_language
        return not given and not self.no_language_probabilities

    def to_fields(self) -> dict[str, Any]:
        """The fields of a transcription."""
        verbose = self.response_format == "verbose_json"
        words = verbose and self.token_timestamps and not self.no_timestamps
        return {
            "language": None if self.detect_language else self.language,
            "translate": self.translate,
            "prompt": self.prompt,
            "temperature": self.temperature,
            "start": self.offset_t / 1000,
            "duration": self.duration / 1000 if self.duration else None,
            "response_format": self.response_format,
            "timestamp_granularities": ["segment", "word"] if words else ["segment"],
        } | self._layout()

    def _layout(self) -> dict[str, Any]:
        if not self.max_len or self.response_format not in ("srt", "vtt"):
            return {}
        return {"max_line_width": min(max(self.max_len, MIN_LINE_WIDTH), MAX_LINE_WIDTH), "max_lines": 1}
