"""Detects the language of a channel from its first windows, or of each window where languages mix.

A recording in one language is decoded in the language of its first window, if that is certain. Else detection runs on
up to four windows, one after the other, and their probabilities are added. In a mixed recording a window without a
certain language (see mixed_languages) takes the most frequent language of the recording before it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from speechd.asr.engine import Decoded, Job
from speechd.types import Segment, TranscribeOptions, Window

SURE_OF_LANGUAGE = 0.5
"""Probability from which the first window decides the language (faster-whisper's threshold)."""
WINDOWS_FOR_LANGUAGE = 4
"""Windows at most that detect an uncertain language."""


class LanguageDetector:
    """Has the windows of one channel decoded, each in the right language and none encoded twice."""

    def __init__(self, decode: Callable[[Job], Awaitable[Decoded]], options: TranscribeOptions) -> None:
        """
        Args:
            decode: decodes one window; without a language in its options it detects one.
            options: of the request; a language in it is used without detection.
        """
        self.scores: dict[str, float] = {}
        """Probable seconds of each language in the windows of the detection."""
        self._decode = decode
        self._options = options
        self._language = options.language
        self._settled = asyncio.Event()
        if options.language:
            self._settled.set()
        self._turn = asyncio.Lock()
        self._announced = self._heard = self._taken = 0
        self._hurried = self._sure = False

    def announce(self) -> None:
        """Announces a window that will be decoded. Each is announced once, before it is known that no other follows."""
        self._announced += 1

    async def decode(self, window: Window, before: tuple[Segment, ...] = ()) -> Decoded:
        """Decodes the next window of the channel. Windows that detect the language wait for each other.

        Args:
            window: announced before.
            before: the text before it, where it is part of the prompt.
        """
        return await self._decoded(Job(window, self._options, before=before))

    def settle_now(self) -> None:
        """Says that no further window comes: the announced windows must settle the language."""
        self._hurried = True
        self._settle_if_plain()

    async def finalize(self, window: Window, found: Decoded) -> Decoded:
        """The final result of a window. It is called in order, so that equal recordings have equal answers."""
        if not self._options.multilingual:
            return found
        self._taken += 1
        if self._taken > self._heard:
            self._note(window, found)
        main, _ = main_language([self])
        if not found.uncertain or main == found.language:
            return found
        options = replace(self._options, language=main, multilingual=False)
        return await self._decode(Job(window, options, encoded=found.encoded))

    async def _decoded(self, job: Job) -> Decoded:
        found = await self._listen(job)
        await self._settled.wait()
        if self._options.multilingual:
            return found or await self._decode(job)
        if found and found.language == self._language:
            return found
        settled = replace(self._options, language=self._language)
        return await self._decode(replace(job, options=settled, encoded=found.encoded if found else None))

    async def _listen(self, job: Job) -> Decoded | None:
        """The window decoded in its own detected language; None once the language is settled."""
        async with self._turn:
            if self._settled.is_set():
                return None
            try:
                found = await self._decode(job)
                self._note(job.window, found)
                self._sure = max(found.language_probabilities.values()) >= SURE_OF_LANGUAGE
            finally:
                self._heard += 1
                self._settle_if_plain()
            return found

    def _note(self, window: Window, found: Decoded) -> None:
        for code, chance in found.language_probabilities.items():
            self.scores[code] = self.scores.get(code, 0.0) + chance * window.spoken

    def _settle_if_plain(self) -> None:
        heard_all = self._heard >= WINDOWS_FOR_LANGUAGE or (self._hurried and self._heard == self._announced)
        if not self._settled.is_set() and (self._sure or heard_all):
            self._language = main_language([self])[0] or None
            self._settled.set()


def main_language(listeners: Iterable[LanguageDetector]) -> tuple[str, float]:
    """The language with the most seconds, and its share of them; nothing and 0 for silence."""
    scores: dict[str, float] = {}
    for listener in listeners:
        for code, seconds in listener.scores.items():
            scores[code] = scores.get(code, 0.0) + seconds
    if not scores:
        return "", 0.0
    language = max(scores, key=lambda code: scores[code])
    return language, scores[language] / sum(scores.values())
