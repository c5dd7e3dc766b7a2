"""Parameters that tell speakers apart by their voice."""

from typing import Any, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from speechd.errors import InvalidRequest
from speechd.schemas.base import Strings
from speechd.types import MAX_SPEAKERS, SpeakerOptions

MAX_LABEL = 64
"""Characters of the name of a speaker or a channel."""
MAX_REFERENCES = 4
"""Of one request, as OpenAI documents."""
SPEAKER_FIELDS = ("num_speakers", "min_speakers", "max_speakers", "known_speaker_names")


class SpeakerFields(BaseModel):
    """How many speakers there are, and who is known."""

    num_speakers: int | None = Field(
        None, ge=1, le=MAX_SPEAKERS, description="How many speakers there are. Found out when absent."
    )
    min_speakers: int | None = Field(None, ge=1, le=MAX_SPEAKERS, description="There are at least so many speakers.")
    max_speakers: int | None = Field(None, ge=1, le=MAX_SPEAKERS, description="There are at most so many speakers.")
    known_speaker_names: Strings = Field(
        (),
        description=f"Names of speakers, at most {MAX_SPEAKERS}. The first ones belong to `known_speaker_references`."
        " The others are voices that were enrolled with `speechd speakers enrol`.",
    )
    known_speaker_references: Strings = Field(
        (),
        description=f"The voices of the first `known_speaker_names`, at most {MAX_REFERENCES}: `data:` URLs of 2 to"
        " 10 s in which one person speaks.",
    )

    @field_validator("num_speakers", "min_speakers", "max_speakers", mode="before")
    @classmethod
    def _zero_is_unknown(cls, value: Any) -> Any:
        """As in LocalAI."""
        return None if value in (0, "0") else value

    @field_validator("known_speaker_names")
    @classmethod
    def _good_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(value) > MAX_SPEAKERS:
            raise InvalidRequest(f"At most {MAX_SPEAKERS} speakers can be known.", param="known_speaker_names")
        return speaker_names(value, "known_speaker_names")

    @field_validator("known_speaker_references")
    @classmethod
    def _good_references(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        param = "known_speaker_references"
        if len(value) > MAX_REFERENCES:
            raise InvalidRequest(f"At most {MAX_REFERENCES} references are accepted.", param=param)
        if not all(reference[:5].lower() == "data:" for reference in value):
            raise InvalidRequest("Each of `known_speaker_references` must be a `data:` URL.", param=param)
        return value

    @model_validator(mode="after")
    def _consistent_speakers(self) -> Self:
        if len(self.known_speaker_references) > len(self.known_speaker_names):
            raise InvalidRequest(
                f"There are {len(self.known_speaker_references)} `known_speaker_references` and only"
                f" {len(self.known_speaker_names)} `known_speaker_names`. Each reference needs a name.",
                param="known_speaker_references",
            )
        if self.num_speakers is not None and (self.min_speakers or self.max_speakers):
            raise InvalidRequest(
                "`num_speakers` cannot be combined with `min_speakers` and `max_speakers`.", param="num_speakers"
            )
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise InvalidRequest("`min_speakers` is more than `max_speakers`.", param="min_speakers")
        return self

    @property
    def speaker_fields(self) -> tuple[str, ...]:
        """The fields that ask for speakers."""
        return tuple(name for name in SPEAKER_FIELDS if getattr(self, name))

    def to_speaker_options(self) -> SpeakerOptions:
        default = SpeakerOptions()
        return SpeakerOptions(
            self.num_speakers, self.min_speakers or default.min_speakers, self.max_speakers or default.max_speakers
        )


def speaker_names(value: tuple[str, ...], param: str) -> tuple[str, ...]:
    """Names as they are shown, with single blanks.

    Raises:
        InvalidRequest: one is not printable or too long, or two are equal.
    """
    names = tuple(" ".join(name.split()) for name in value)
    if not all(name and len(name) <= MAX_LABEL and name.isprintable() for name in names):
        raise InvalidRequest(f"Each of `{param}` must have 1 to {MAX_LABEL} printable characters.", param=param)
    if len(set(names)) < len(names):
        raise InvalidRequest(f"`{param}` must differ from each other.", param=param)
    return names
