"""Labels of speakers: a known name, or a letter in the order of appearance."""

from collections.abc import Collection, Hashable, Iterator
from string import ascii_uppercase


class SpeakerLabels:
    """Gives each speaker a label when it first appears."""

    def __init__(self, known: Collection[str] = ()) -> None:
        """
        Args:
            known: names of known speakers, which no stranger gets as a letter.
        """
        self._known = known
        self._given: dict[Hashable, str] = {}
        self._letters = (label for label in letters() if label not in known)

    def label(self, speaker: Hashable, name: str | None = None) -> str:
        """
        Args:
            speaker: whatever tells the speakers apart.
            name: of a known speaker.
        """
        if speaker not in self._given:
            self._given[speaker] = name or next(self._letters)
        return self._given[speaker]


def letters() -> Iterator[str]:
    """A, B ... Z, AA, AB ..., as columns of a spreadsheet are named."""
    yield from ascii_uppercase
    for first in letters():
        yield from (first + last for last in ascii_uppercase)
