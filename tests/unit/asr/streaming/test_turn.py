"""A turn is decoded again while it grows, and what is stable is not decoded again."""

import numpy as np

from speechd.asr.engine import Decoded, Job
from speechd.asr.streaming.turn import StreamingTurn
from speechd.audio.vad import FRAME, FRAME_SECONDS
from speechd.types import Segment, TranscribeOptions


class Words:
    """A recogniser that hears a word a second, and ends a segment after each third."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def __call__(self, job: Job) -> Decoded:
        self.jobs.append(job)
        start, seconds = round(job.window.start), round(job.window.duration)
        segments = []
        for first in range(0, seconds, 3):
            numbers = range(start + first, start + min(first + 3, seconds))
            text = "".join(f" word{number}" for number in numbers)
            segments.append(Segment(first, first + len(numbers), text))
        return Decoded(tuple(segments), "en", {"en": 0.95})


def push(turn: StreamingTurn, seconds: float, probability: float = 0.9) -> None:
    frames = round(seconds / FRAME_SECONDS)
    turn.push(np.zeros(frames * FRAME, np.float32), np.full(frames, probability, np.float32))


async def test_stable_words_are_told_and_their_audio_is_forgotten() -> None:
    turn, words = StreamingTurn(TranscribeOptions()), Words()
    told = []
    for _ in range(20):
        push(turn, 1.0)
        told.append(await turn.hypothesis(words, 30.0))
    assert "".join(told) == turn.text
    assert turn.text.startswith("word0 word1 word2 word3")
    assert len(turn.text.split()) >= 18
    assert max(job.window.duration for job in words.jobs) < 11
    assert words.jobs[-1].before, "the text before the window is its context"
    assert words.jobs[-1].options.language == "en", "the language is detected once"


async def test_silence_is_not_decoded() -> None:
    turn, words = StreamingTurn(TranscribeOptions()), Words()
    push(turn, 30.0, probability=0.0)
    assert await turn.hypothesis(words, 30.0) == ""
    assert words.jobs == []
    push(turn, 2.0)
    await turn.hypothesis(words, 30.0)
    assert words.jobs[0].window.duration < 3, "the silence before speech is left out"
    push(turn, 5.0, probability=0.0)
    await turn.hypothesis(words, 30.0)
    push(turn, 5.0, probability=0.0)
    await turn.hypothesis(words, 30.0)
    assert len(words.jobs) <= 2, "what was decoded with its end is not decoded again"


async def test_a_window_is_never_longer_than_the_models() -> None:
    turn = StreamingTurn(TranscribeOptions())
    seen = []

    async def mumbling(job: Job) -> Decoded:
        seen.append(job.window.duration)
        return Decoded((Segment(0, job.window.duration, f" mumble{len(seen)}"),), "en", {"en": 1.0})

    for _ in range(40):
        push(turn, 1.0)
        await turn.hypothesis(mumbling, 10.0)
    assert max(seen) <= 10
