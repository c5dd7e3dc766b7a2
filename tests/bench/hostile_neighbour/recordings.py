"""Recordings of people for the clients: short ones, some of ten seconds, and one of a minute."""

from dataclasses import dataclass
from functools import cache

from tests.real.corpora import composite, english_prompts


@dataclass(frozen=True)
class Clips:
    """WAV files by their length."""

    short: tuple[bytes, ...]
    """Of 1.5 to 5 s."""
    middle: tuple[bytes, ...]
    """Of 5 to 15 s."""
    minute: bytes

    def of(self, length: str) -> tuple[bytes, ...]:
        """Those of a length: `short`, `middle` or `minute`."""
        return {"short": self.short, "middle": self.middle, "minute": (self.minute,)}[length]


@cache
def clips() -> Clips:
    prompts = english_prompts().recordings
    short = tuple(each.data for each in prompts if each.seconds < 5)
    middle = tuple(each.data for each in prompts if 5 <= each.seconds < 15)
    (minute,) = composite(1, paused=True).recordings
    return Clips(short, middle, minute.data)
