"""Windows with the previous text as their prompt: in rows, so that rows are decoded side by side.

faster-whisper and openai/whisper prompt every window with the text before it, one window after the other. Most of the
gain comes from the last phrases. The first window of a row has no such prompt: on 10 minutes of people with pauses
whisper-base has a WER of .018 without, .014 in rows of four with the last 64 tokens, .013 with all of Whisper's 223 in
one row.
"""

import asyncio

from speechd.asr.engine import Decoded
from speechd.asr.language_detection import LanguageDetector
from speechd.asr.seeking import context_segments
from speechd.types import Segment, Window

WindowContext = tuple[tuple[Segment, ...], Decoded]
"""The text that a window adds for the next one, and the result of the window."""


class LinkedWindows:
    """The windows of one channel."""

    def __init__(self, listener: LanguageDetector, row: float) -> None:
        """
        Args:
            listener: decodes a window in its language.
            row: windows in a row; 1: no window has previous text; infinite: all are one row.
        """
        self._listener = listener
        self._row = row
        self._count = 0
        self._last: asyncio.Task[WindowContext] | None = None

    def decode(self, window: Window) -> "asyncio.Task[WindowContext]":
        """Starts the next window, which waits for the one before it in its row."""
        previous = self._last if self._count % self._row else None
        self._count += 1
        if previous is None:
            self._listener.announce()
        self._last = asyncio.create_task(_decoded(self._listener, window, previous))
        return self._last


async def _decoded(
    listener: LanguageDetector, window: Window, previous: "asyncio.Task[WindowContext] | None"
) -> WindowContext:
    before: tuple[Segment, ...] = ()
    if previous is not None:
        before, _ = await previous
        listener.announce()
    decoded = await listener.decode(window, before)
    return context_segments((*before, *decoded.segments)), decoded
