"""What was given to the caller before a replica was lost, so that nothing is given twice when the work begins again."""

import hashlib
from dataclasses import dataclass, field, replace

from speechd.errors import Unavailable
from speechd.types import Segment, Speech, SpeechPart, TranscribeOptions, Transcript

RESUME_AFTER = 60.0
"""Seconds of a recording that are done before the next replica goes on there. A shorter beginning is done again."""
TOLERANCE = 0.05
"""Seconds by which the times of a segment may differ when its window is decoded again."""


@dataclass(slots=True)
class ResumedTranscription:
    """The segments of one recording, over the attempts of several replicas."""

    options: TranscribeOptions
    """Of the next attempt."""
    given: list[Segment] = field(default_factory=list)
    """To the caller, in order."""
    _seen: int = 0
    """Segments that the present attempt has brought."""
    _before: int = 0
    """Windows that the present attempt does not decode."""

    def restart(self) -> None:
        """The next attempt begins: far into a recording where the last one has ended, else at its start."""
        self._seen = 0
        done = self.given[-1].seek / 100 - self.options.clip.start if self.given else 0.0
        if self.options.can_go_on and done >= RESUME_AFTER:
            last = self.given[-1]
            language = self.options.language or last.language or None
            self.options = replace(self.options, start=last.seek / 100, language=language)
            self._before = len({segment.seek for segment in self.given if segment.seek < last.seek})

    def take(self, part: Segment | Transcript) -> Segment | Transcript | None:
        """What the caller is to get of the next part; None where it has it already."""
        if isinstance(part, Transcript):
            return self._whole(part)
        self._seen += 1
        if self._is_known(part):
            return None
        self.given.append(part)
        return part

    def _is_known(self, segment: Segment) -> bool:
        if not self.options.can_go_on:  # segments of several channels overlap
            return self._seen <= len(self.given)
        return bool(self.given) and segment.start < self.given[-1].end - TOLERANCE

    def _whole(self, transcript: Transcript) -> Transcript:
        """The transcript has the segments that were given; where speakers are told apart, those of the last attempt."""
        if not self.options.can_go_on:
            return transcript
        return replace(transcript, segments=tuple(self.given), windows=transcript.windows + self._before)


class ResumedSpeech:
    """The audio of one text, over the attempts of several replicas."""

    def __init__(self) -> None:
        self._given, self._given_hash, self._given_words = 0, hashlib.sha256(), 0
        self._left, self._again, self._words_left = 0, hashlib.sha256(), 0

    def restart(self) -> None:
        """The next attempt begins at the start of the text."""
        self._left, self._again, self._words_left = self._given, hashlib.sha256(), self._given_words

    def take(self, part: SpeechPart | Speech) -> SpeechPart | Speech | None:
        """What the caller is to get of the next part; None where it has it already.

        Raises:
            Unavailable: the voice says it differently each time, so that no other replica can go on.
        """
        if isinstance(part, Speech):
            return part
        known, fresh = part.audio[: self._left], part.audio[self._left :]
        words = part.words[self._words_left :]
        self._words_left = max(0, self._words_left - len(part.words))
        self._check(known)
        if known and not fresh:
            return None
        self._given += len(fresh)
        self._given_hash.update(fresh)
        self._given_words += len(words)
        return replace(part, audio=fresh, words=words)

    def _check(self, known: bytes) -> None:
        if not known:
            return
        self._left -= len(known)
        self._again.update(known)
        if not self._left and self._again.digest() != self._given_hash.digest():
            raise Unavailable(
                "The machine that spoke this text was lost, and the voice speaks it differently each time.",
                code="replica_lost",
                retry_after=1,
            )
