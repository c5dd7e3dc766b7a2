"""One turn of a speaker, transcribed while it goes on: its last seconds are decoded again and again.

The text is for reading along. What the turn finally says comes from the ordinary path, which decodes it whole.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from speechd.asr.engine import Decoded, Job
from speechd.asr.hallucination import apply_policy
from speechd.asr.seeking import context_segments
from speechd.asr.streaming.agreement import LocalAgreement
from speechd.audio.vad import FRAME, FRAME_SECONDS, Region, RegionFinder
from speechd.types import SAMPLE_RATE, Samples, Segment, TranscribeOptions, VadOptions, Window

LEAD = 0.4
"""Seconds that are decoded before speech and after it, as in speechd.asr.seeking."""
SHORTEN_AFTER = 6.0
"""Seconds of audio from which on segments that are stable are not decoded again."""
SURE_LANGUAGE = 0.8
"""Probability from which on the language that was detected is kept for the rest of the turn."""

Probabilities = npt.NDArray[np.float32]
Decode = Callable[[Job], Awaitable[Decoded]]


class StreamingTurn:
    """Audio that comes in, and the text in it that is stable. It belongs to the event loop."""

    def __init__(self, options: TranscribeOptions) -> None:
        """
        Args:
            options: of the whole transcription. Text that was probably never spoken is left out here in any case.
        """
        vad = options.vad or VadOptions()
        self._vad = vad
        self._options = replace(options, multilingual=False, word_timestamps=False, logprobs=False)
        self._agreement = LocalAgreement()
        self._frames: list[Samples] = []
        self._probabilities: list[float] = []
        self._origin = 0
        """Frames before the first that is still there."""
        self._before: tuple[Segment, ...] = ()
        self._decoded_to = 0
        """Frame at which the speech of the last hypothesis ended."""

    @property
    def text(self) -> str:
        """What is stable so far."""
        return self._agreement.text

    def push(self, samples: Samples, probabilities: Probabilities) -> None:
        """Takes the next audio.

        Args:
            samples: shape (n * FRAME,).
            probabilities: of speech in each frame, shape (n,).
        """
        self._frames += list(samples.reshape(-1, FRAME))
        self._probabilities += probabilities.tolist()

    async def hypothesis(self, decode: Decode, longest: float) -> str:
        """Decodes the audio since the last stable segment once, and gives the text that is stable since.

        Args:
            decode: decodes one window.
            longest: seconds of audio that it takes.

        Raises:
            SpeechdError: see speechd.asr.batcher.Batcher.decode.
        """
        window = self._window(longest)
        if window is None:
            return ""
        decoded = await decode(Job(window, self._options, before=self._before))
        self._keep_language(decoded)
        segments = apply_policy((*decoded.segments, *decoded.tail), window.speech, "drop")
        stable = self._agreement.push("".join(segment.text for segment in segments))
        self._shorten(window, segments)
        return stable

    def finish(self, text: str) -> str:
        """What is to be appended for the final text of the turn."""
        return self._agreement.finish(text)

    def _window(self, longest: float) -> Window | None:
        """The speech that is to be decoded; None where no more was heard since the last time."""
        regions = self._regions()
        lead = round(LEAD / FRAME_SECONDS)
        if not regions:
            self._forget(len(self._frames) - lead)
            return None
        if self._origin + regions[-1].end <= self._decoded_to:
            return None
        self._decoded_to = self._origin + regions[-1].end
        maximum = int(longest / FRAME_SECONDS)
        first = max(0, regions[0].start - lead)
        last = min(regions[-1].end + lead, len(self._frames))
        if last - first > maximum:
            first = last - maximum // 2
            self._agreement.restart()
        self._forget(first)
        speech = [(max(0, each.start - first), each.end - first) for each in regions if each.end > first]
        return Window(
            start=self._origin * FRAME_SECONDS,
            samples=np.concatenate(self._frames[: last - first]),
            speech=tuple((start * FRAME_SECONDS, end * FRAME_SECONDS) for start, end in speech),
        )

    def _regions(self) -> list[Region]:
        finder = RegionFinder(self._vad)
        return [*finder.push(np.asarray(self._probabilities, np.float32)), *finder.finish()]

    def _keep_language(self, decoded: Decoded) -> None:
        probability = decoded.language_probabilities.get(decoded.language, 0.0)
        if self._options.language is None and decoded.language and probability >= SURE_LANGUAGE:
            self._options = replace(self._options, language=decoded.language)

    def _shorten(self, window: Window, segments: Sequence[Segment]) -> None:
        """Forgets the audio of stable segments, but of the last one, which may go on."""
        stable = self._agreement.stable_texts([segment.text for segment in segments[:-1]])
        if window.duration < SHORTEN_AFTER or not stable:
            return
        done = segments[:stable]
        self._agreement.drop("".join(segment.text for segment in done))
        self._before = context_segments((*self._before, *(segment.shifted(window.start) for segment in done)))
        self._forget(int(min(done[-1].end, window.duration) * SAMPLE_RATE) // FRAME)

    def _forget(self, frames: int) -> None:
        if frames > 0:
            self._origin += frames
            del self._frames[:frames], self._probabilities[:frames]
