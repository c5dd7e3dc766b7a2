"""What has been heard: printed while it comes, and kept for a document at the end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from speechd.operations.live import LiveEvent, TextDelta, TurnCompleted, TurnFailed, TurnStarted
from speechd.types import Transcript, joined_text


@dataclass(slots=True)
class _Line:
    """A turn, as far as it is known."""

    start: float
    """Seconds since the first audio."""
    text: str = ""
    """To be printed."""
    begun: bool = False
    """Some of it is printed."""
    ended: bool = False


@dataclass(slots=True)
class LiveText:
    """The lines of a session. Lines are printed in the order in which they were spoken."""

    write: Callable[[str], object]
    """Prints text, without a line break of its own."""
    word_by_word: bool = True
    """False: a line is printed when it is whole."""
    by_speaker: bool = False
    """Lines begin with who speaks. Each is printed when its turn is whole: who speaks is not known before."""
    _lines: dict[str, _Line] = field(default_factory=dict)
    """Those that are not printed to their end, by the id of their turn."""
    _done: list[tuple[float, Transcript]] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Lines have begun whose text is not whole."""
        return any(not line.ended for line in self._lines.values())

    async def take(self, happened: LiveEvent) -> None:
        """
        Raises:
            SpeechdError: a turn has no text.
        """
        match happened:
            case TurnStarted(turn, milliseconds):
                self._lines[turn] = _Line(milliseconds / 1000)
            case TextDelta(turn, text) if not self.by_speaker:
                self._lines[turn].text += text
            case TurnCompleted(turn, transcript):
                self._done.append((self._lines[turn].start, transcript))
                self._lines[turn].ended = True
                if self.by_speaker:
                    self._lines[turn].text = _by_speaker(transcript)
            case TurnFailed(turn, error):
                self._lines[turn].ended = True
                raise error
        self._print()

    def transcript(self, language: str | None) -> Transcript:
        """All lines as one transcript, on the clock of the first audio.

        Args:
            language: ISO 639-1 code that was asked for; None takes the first that was detected.
        """
        done = sorted(self._done, key=lambda each: each[0])
        segments = tuple(segment.shifted(start) for start, each in done for segment in each.segments)
        detected = next((each.language for _, each in done if each.language), "")
        model = done[0][1].model if done else ""
        end = max((start + each.duration for start, each in done), default=0.0)
        return Transcript("transcribe", language or detected, end, segments, model)

    def _print(self) -> None:
        """The text of the oldest line, and of those after it once it is whole."""
        for turn, line in list(self._lines.items()):
            if line.text and (line.ended or self.word_by_word):
                self.write(line.text)
                line.text, line.begun = "", True
            if not line.ended:
                return
            del self._lines[turn]
            if line.begun:
                self.write("\n")


def _by_speaker(transcript: Transcript) -> str:
    """`A: ...`, a line for each speaker of a turn."""
    said = groupby(transcript.segments, key=attrgetter("speaker"))
    return "\n".join(f"{speaker}: {joined_text(segments)}" for speaker, segments in said)
