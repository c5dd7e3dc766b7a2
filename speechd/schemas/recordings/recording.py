"""What all requests for a recording share: where it is, which part of it counts, and what counts as speech."""

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from speechd.formats.transcript import Format, View
from speechd.languages import find
from speechd.schemas.base import PageForm
from speechd.schemas.recordings.chunking import ServerVad, parse_strategy
from speechd.schemas.speakers.fields import MAX_LABEL, SpeakerFields
from speechd.types import Clip, TranscribeOptions, VadOptions

MAX_CLIP_SECONDS = 10_000_000
"""For `start` and `duration`: more than any recording has."""


class RecordingForm(SpeakerFields, PageForm):
    """A request for a recording."""

    formats: ClassVar[dict[str, Format]]
    """By their names in `response_format`."""

    model: str = Field(
        "auto",
        min_length=1,
        max_length=1000,
        description="Id of the model; `auto`, this server's default, when absent.",
    )
    url: str | None = Field(
        None, description="Instead of `file`: an http(s) or `data:` URL of the audio, or base64url."
    )
    file_id: str | None = Field(
        None, max_length=100, description="Instead of `file`: the id of a file that was uploaded for `user_data`."
    )
    response_format: str
    audio_track: str | None = Field(
        None,
        max_length=MAX_LABEL,
        description="Which audio track of a video: its number among them, from 0, or its language, such as `de`."
        " Else the track flagged as default, or the first.",
    )
    start: float = Field(
        0.0,
        ge=0,
        le=MAX_CLIP_SECONDS,
        allow_inf_nan=False,
        description="Seconds of the recording before this are not transcribed. Times in the answer still count from"
        " the beginning of the recording.",
    )
    duration: float | None = Field(
        None,
        gt=0,
        le=MAX_CLIP_SECONDS,
        allow_inf_nan=False,
        description="Seconds that are transcribed from `start` on, and charged; to the end when absent.",
    )
    chunking_strategy: Literal["auto"] | ServerVad = Field(
        "auto", description="Voice activity detection: `auto`, or an object of type `server_vad`."
    )

    @field_validator("audio_track", mode="before")
    @classmethod
    def _track_number(cls, value: Any) -> Any:
        return str(value) if type(value) is int else value

    @field_validator("audio_track")
    @classmethod
    def _known_track(cls, value: str | None) -> str | None:
        """A number, a language code, or another tag of a track. The file decides."""
        if value is None:
            return None
        text = value.strip()
        if text.isascii() and text.isdigit():
            return str(int(text))
        language = find(text)
        return language.code if language else text.lower()

    @field_validator("chunking_strategy", mode="before")
    @classmethod
    def _strategy(cls, value: Any) -> Any:
        return parse_strategy(value)

    @property
    def clip(self) -> Clip:
        return Clip(self.start, self.duration)

    @property
    def format(self) -> Format:
        """Of the answer."""
        return self.formats[self.response_format]

    @property
    def streams(self) -> bool:
        """The answer is to come as a stream of events."""
        return False

    @property
    def ignored(self) -> tuple[str, ...]:
        """The fields of which a value has no effect, though the caller meant something by it."""
        return ()

    def check_words(self) -> None:
        """
        Raises:
            InvalidRequest: word times are asked for in a format without them.
        """

    def to_vad(self, default: VadOptions) -> VadOptions:
        """What counts as speech, where the caller says nothing of it like `default`."""
        strategy = self.chunking_strategy
        return strategy.to_options(default) if isinstance(strategy, ServerVad) else default

    def to_options(self) -> TranscribeOptions:
        """What is to be done with the recording."""
        raise NotImplementedError

    def to_view(self) -> View:
        """What the answer shows, but for its dialect."""
        return View()
