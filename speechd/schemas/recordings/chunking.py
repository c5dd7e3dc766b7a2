"""`chunking_strategy`: how a recording is cut at pauses."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from speechd.errors import InvalidRequest
from speechd.schemas.base import first_fault
from speechd.types import VadOptions

MAX_STRATEGY_CHARACTERS = 2000
AUTOMATIC = "auto"
SERVER_VAD = "server_vad"

Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class ServerVad(BaseModel):
    """Options of the voice activity detector. Absent fields have the server's values."""

    type: Literal["server_vad"] = Field(description="Always `server_vad`.")
    threshold: float | None = Field(None, ge=0, le=1, description="Probability from which sound counts as speech.")
    prefix_padding_ms: Milliseconds | None = Field(None, description="Audio kept around speech, in milliseconds.")
    silence_duration_ms: Milliseconds | None = Field(None, description="Silence that ends speech, in milliseconds.")

    def to_options(self, default: VadOptions) -> VadOptions:
        return VadOptions(
            threshold=default.threshold if self.threshold is None else self.threshold,
            min_silence=_seconds(self.silence_duration_ms, default.min_silence),
            padding=_seconds(self.prefix_padding_ms, default.padding),
            min_speech=default.min_speech,
        )


def parse_strategy(value: Any) -> Any:
    """A form carries the object as JSON text or as `chunking_strategy[type]=...`; its type alone is enough.

    Raises:
        InvalidRequest: it is neither `auto` nor an object of type `server_vad`.
    """
    if isinstance(value, str) and len(value) > MAX_STRATEGY_CHARACTERS:
        raise InvalidRequest("`chunking_strategy` is too long.", param="chunking_strategy")
    if value in (AUTOMATIC, SERVER_VAD):
        value = {"type": value}
    try:
        strategy = json.loads(value) if isinstance(value, str) else value
        return AUTOMATIC if strategy == {"type": AUTOMATIC} else ServerVad.model_validate(strategy)
    except ValidationError as error:
        raise first_fault(error, within="chunking_strategy") from None
    except (ValueError, RecursionError):
        raise InvalidRequest(
            "`chunking_strategy` must be `auto` or an object of type `server_vad`.", param="chunking_strategy"
        ) from None


def _seconds(milliseconds: int | None, default: float) -> float:
    return default if milliseconds is None else milliseconds / 1000
