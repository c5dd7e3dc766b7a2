"""Labels of speakers: a known name, or a letter in the order of appearance."""

from collections.abc import Collection, Iterator
from string import ascii_uppercase
from typing import Generic, TypeVar

Key = TypeVar("Key")
"""Whatever tells the speakers apart."""


class SpeakerLabels(Generic[Key]):
    """Gives each speaker a label when it first appears."""

    def __init__(self, known: Collection[str] = ()) -> None:
        """
        Args:
            known: names of known speakers, which no stranger gets as a letter.
        """
        self._known = known
        self.given: dict[Key, str] = {}
        """The labels so far, in the order of appearance."""
        self._letters = (label for label in letters() if label not in known)

    def label(self, speaker: Key, name: str | None = None) -> str:
        """
        Args:
            name: of a known speaker.
        """
        if speaker not in self.given:
            self.given[speaker] = name or next(self._letters)
        return self.given[speaker]


def letters() -> Iterator[str]:
    """A, B ... Z, AA, AB ..., as columns of a spreadsheet are named."""
    yield from ascii_uppercase
    for first in letters():
        yield from (first + last for last in ascii_uppercase)
