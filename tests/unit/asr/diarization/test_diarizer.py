"""A recording's windows, embedded beside whatever else is done with them."""

import asyncio
import io
import threading
from collections.abc import AsyncGenerator, Sequence

import numpy as np
import pytest
import soundfile

from speechd.asr.diarization.diarizer import WINDOWS_EMBEDDED_AT_ONCE, Diarizer
from speechd.asr.diarization.engine import SpeakerWindows
from speechd.errors import EngineFailure, InvalidAudio, InvalidRequest
from speechd.testing.fake_engines import FakeSpeakers
from speechd.types import SAMPLE_RATE, Samples, SpeakerOptions, TranscribeOptions, Window

QUIET, LOUD = 0.01, 0.3
ALL_IS_SPEECH = TranscribeOptions(vad=None)


def window(start: float, level: float, seconds: float = 6.0) -> Window:
    """Noise; FakeSpeakers hears a speaker in each level."""
    samples = np.random.default_rng(0).normal(0, level, round(seconds * SAMPLE_RATE)).clip(-1, 1).astype(np.float32)
    return Window(start, samples, ((0.0, seconds),))


async def passing(*windows: Window) -> AsyncGenerator[Window, None]:
    for each in windows:
        yield each


async def test_windows_pass_and_their_speakers_are_told_at_the_end() -> None:
    said = [window(6.0 * n, level) for n, level in enumerate((QUIET, LOUD, QUIET))]
    async with Diarizer(FakeSpeakers()).session() as session:
        assert [each async for each in session.listen(passing(*said))] == said
        found = await session.finish(SpeakerOptions())
    assert [turn.speaker for turn in found.turns] == [0, 1, 0]
    assert found.seconds > 0


async def test_nothing_said_is_no_turn() -> None:
    async with Diarizer(FakeSpeakers()).session() as session:
        found = await session.finish(SpeakerOptions())
    assert (found.turns, found.names) == ((), ())


class Slow(FakeSpeakers):
    """Waits until it may go on, and counts the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.calls = 0

    def embed(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> SpeakerWindows:
        self.calls += 1
        self.go.wait(10)
        return super().embed(samples, spans)


async def test_a_recording_is_not_read_further_than_it_is_embedded() -> None:
    engine = Slow()
    async with Diarizer(engine).session() as session:
        for n in range(WINDOWS_EMBEDDED_AT_ONCE):
            await session.add(window(6.0 * n, LOUD))
        late = asyncio.create_task(session.add(window(60, LOUD)))
        await asyncio.sleep(0.05)
        assert not late.done()
        engine.go.set()
        await late


async def test_a_session_that_is_given_up_leaves_no_task() -> None:
    engine = Slow()
    async with Diarizer(engine).session() as session:
        await session.add(window(0, LOUD))
        engine.go.set()
    assert len(asyncio.all_tasks()) == 1


class Broken(FakeSpeakers):
    def embed(self, samples: Samples, spans: Sequence[tuple[float, float]]) -> SpeakerWindows:
        raise EngineFailure("broken")


async def test_a_failure_of_the_model_is_told() -> None:
    async with Diarizer(Broken()).session() as session:
        await session.add(window(0, LOUD))
        with pytest.raises(EngineFailure):
            await session.finish(SpeakerOptions())


def recording(*levels: float) -> io.BytesIO:
    file = io.BytesIO()
    samples = np.concatenate([window(0, level).samples for level in levels])
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV")
    file.seek(0)
    return file


async def test_a_whole_recording_is_diarized() -> None:
    file = recording(QUIET, LOUD, LOUD, QUIET)
    found = await Diarizer(FakeSpeakers()).diarize(file, 60, ALL_IS_SPEECH, SpeakerOptions(num_speakers=2))
    assert found.duration == pytest.approx(24)
    assert [turn.speaker for turn in found.diarization.turns] == [0, 1, 0]


async def test_what_is_no_recording_is_refused() -> None:
    with pytest.raises(InvalidAudio):
        await Diarizer(FakeSpeakers()).diarize(io.BytesIO(b"no audio"), 60, ALL_IS_SPEECH, SpeakerOptions())


async def test_a_reference_needs_speech() -> None:
    silence = io.BytesIO()
    soundfile.write(silence, np.zeros(3 * SAMPLE_RATE, np.float32), SAMPLE_RATE, format="WAV")
    silence.seek(0)
    with pytest.raises(InvalidRequest):
        await Diarizer(FakeSpeakers()).reference("Ann", silence, 60)
