"""What is known of an enrolled voice."""

from dataclasses import dataclass

from speechd.types import KnownVoice


@dataclass(frozen=True, slots=True)
class EnrolledSpeaker:
    """One voice, as its owner sees it."""

    owner: str
    """Id of the key; "" without keys."""
    model: str
    """Id of the model that made the embedding: those of two models cannot be compared."""
    created_at: int
    """Unix seconds."""
    voice: KnownVoice
