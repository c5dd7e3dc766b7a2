"""Who is served next, with integers; and the batcher with the fake engine."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from speechd.api.errors import error_headers
from speechd.asr.batcher import Batcher, QueuedJob, QueuedRecording, Scheduler
from speechd.asr.engine import Decoded, Job
from speechd.errors import EngineFailure, OutOfMemory, Overloaded
from speechd.priority import Priority
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, TranscribeOptions, Window


def waiting(name: str, remaining: float, *, group: str = "g", since: float = 0) -> QueuedJob[str]:
    return QueuedJob(name, QueuedRecording(remaining), group, since)


def finalize(schedule: Scheduler[str], now: float = 0, maximum: int = 8) -> list[str]:
    return [entry.item for entry in schedule.schedule(now, maximum)]


def test_the_shortest_remaining_recording_goes_first() -> None:
    schedule = Scheduler[str]()
    for entry in (waiting("film", 7200), waiting("clip", 3), waiting("talk", 600)):
        schedule.add(entry)
    assert [finalize(schedule, maximum=1) for _ in range(3)] == [["clip"], ["talk"], ["film"]]


def test_a_batch_is_of_one_group_and_no_larger_than_asked() -> None:
    schedule = Scheduler[str]()
    for index in range(5):
        schedule.add(waiting(f"a{index}", index, group="a"))
    schedule.add(waiting("b", 2.5, group="b"))
    assert finalize(schedule, maximum=3) == ["a0", "a1", "a2"]
    assert finalize(schedule, maximum=3) == ["b"]
    assert finalize(schedule, maximum=3) == ["a3", "a4"]
    assert schedule.waiting == []


def test_equal_recordings_are_served_in_the_order_they_came() -> None:
    schedule = Scheduler[str]()
    for name in "abc":
        schedule.add(waiting(name, 5))
    assert finalize(schedule) == ["a", "b", "c"]


def background() -> Priority:
    return "background"


async def test_callers_pass_background_work() -> None:
    """But not for ever."""
    batcher, schedule = Batcher(FakeAsr()), Scheduler[str]()
    with batcher.reserve(3, background) as patient, batcher.reserve(60) as caller:
        schedule.add(QueuedJob("line", patient, "a", 0))
        schedule.add(QueuedJob("caller", caller, "b", 100))
        assert finalize(schedule, now=100, maximum=1) == ["caller"]
        schedule.add(QueuedJob("caller", caller, "b", 200))
        assert finalize(schedule, now=200, maximum=1) == ["line"]
    await batcher.close()


def test_background_work_that_a_caller_has_joined_is_the_callers() -> None:
    now: Priority = "background"
    schedule = Scheduler[str]()
    schedule.add(QueuedJob("shared", QueuedRecording(3, lambda: now), "a", 0))
    schedule.add(QueuedJob("caller", QueuedRecording(60), "b", 0))
    assert schedule.waiting[0].urgency(0) > schedule.waiting[1].urgency(0)
    now = "interactive"
    assert finalize(schedule, maximum=1) == ["shared"]


async def test_background_work_does_not_keep_callers_out() -> None:
    batcher = Batcher(FakeAsr(), max_queue_seconds=100)
    with (
        batcher.reserve(90, background),
        batcher.reserve(90),
        pytest.raises(Overloaded),
        batcher.reserve(20, background),
    ):
        pass
    await batcher.close()


def test_a_long_recording_does_not_starve() -> None:
    schedule = Scheduler[str]()
    schedule.add(waiting("film", 3600, since=0))
    served = []
    for second in range(2_000):
        schedule.add(waiting("clip", 3, since=second))
        served.append(finalize(schedule, now=second, maximum=1)[0])
        if served[-1] == "film":
            break
    assert served[-1] == "film"
    assert 600 < len(served) < 1_000


def test_what_is_discarded_is_not_served() -> None:
    schedule = Scheduler[str]()
    gone = waiting("gone", 1)
    schedule.add(gone)
    schedule.add(waiting("there", 2))
    schedule.discard(gone)
    schedule.discard(gone)
    assert finalize(schedule) == ["there"]


def job(start: float = 0, seconds: float = 1) -> Job:
    samples = np.zeros(int(seconds * SAMPLE_RATE), np.float32)
    return Job(Window(start, samples, ((0.0, seconds),)), TranscribeOptions(language="en"))


async def test_an_idle_engine_starts_at_once_and_a_busy_one_gathers_a_batch() -> None:
    engine = FakeAsr(delay=0.02)
    batcher = Batcher(engine)
    queued = QueuedRecording(10)
    results = await asyncio.gather(*(batcher.decode(job(start), queued) for start in range(6)))
    assert [result.segments[0].text for result in results] == [f" speech at {start}." for start in range(6)]
    assert len(engine.batches) <= 2
    await batcher.close()
    assert engine.closed


class Together(FakeAsr):
    """Decodes only when two batches are being decoded at once."""

    def __init__(self) -> None:
        super().__init__(batch_size=1, replicas=2)
        self.meeting = threading.Barrier(2, timeout=10)

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.meeting.wait()
        return super().decode(jobs)


async def test_replicas_decode_batches_at_once() -> None:
    batcher = Batcher(Together())
    results = await asyncio.gather(*(batcher.decode(job(start), QueuedRecording(10)) for start in range(4)))
    await batcher.close()
    assert [result.segments[0].text for result in results] == [f" speech at {start}." for start in range(4)]


async def test_cancelling_takes_the_window_out_of_the_queue() -> None:
    engine = FakeAsr(batch_size=1, delay=0.05)
    batcher = Batcher(engine)
    queued = QueuedRecording(10)
    first = asyncio.create_task(batcher.decode(job(1), queued))
    second = asyncio.create_task(batcher.decode(job(2), queued))
    while len(batcher._scheduler.waiting) != 1 or not batcher._runners:  # noqa: ASYNC110 - until the first is in work
        await asyncio.sleep(0)
    second.cancel()
    await first
    await batcher.close()
    assert second.cancelled()
    assert [batch[0].window.start for batch in engine.batches] == [1]


class Picky(FakeAsr):
    """Cannot decode any batch that holds the window at 13 s."""

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        if any(job.window.start == 13 for job in jobs):
            raise EngineFailure("thirteen")
        return super().decode(jobs)


async def test_a_failing_batch_fails_only_its_culprit() -> None:
    batcher = Batcher(Picky(delay=0.01))
    queued = QueuedRecording(10)
    results = await asyncio.gather(
        *(batcher.decode(job(start), queued) for start in (11, 12, 13, 14)), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["Decoded", "Decoded", "EngineFailure", "Decoded"]
    await batcher.close()


class Small(FakeAsr):
    """Has memory for three windows."""

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        if len(jobs) > 3:
            self.batches.append(list(jobs))
            raise OutOfMemory
        return super().decode(jobs)


async def test_a_batch_too_large_for_the_memory_is_halved_and_stays_so() -> None:
    engine = Small(delay=0.005)
    batcher = Batcher(engine)
    for _ in range(2):
        results = await asyncio.gather(*(batcher.decode(job(start), QueuedRecording(10)) for start in range(9)))
        assert [result.segments[0].text for result in results] == [f" speech at {start}." for start in range(9)]
    sizes = [len(batch) for batch in engine.batches]
    assert max(sizes[len(sizes) // 2 :]) <= 3
    await batcher.close()


async def test_the_queue_is_bounded_in_seconds_of_audio() -> None:
    batcher = Batcher(FakeAsr(), max_queue_seconds=100)
    with batcher.reserve(90):
        with pytest.raises(Overloaded) as refusal, batcher.reserve(20):
            pass
        assert error_headers(refusal.value)["retry-after"]
    with batcher.reserve(20):
        assert batcher.queued_seconds == 20
    assert batcher.queued_seconds == 0
    await batcher.close()


async def test_one_recording_longer_than_the_bound_is_still_taken_when_nothing_waits() -> None:
    batcher = Batcher(FakeAsr(), max_queue_seconds=100)
    with batcher.reserve(1_000) as queued:
        assert queued.remaining == 1_000
    await batcher.close()


async def test_closing_fails_what_still_waits() -> None:
    batcher = Batcher(FakeAsr(batch_size=1, delay=0.05))
    queued = QueuedRecording(10)
    tasks = [asyncio.create_task(batcher.decode(job(start), queued)) for start in range(3)]
    await asyncio.sleep(0.01)
    await batcher.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Decoded", "EngineFailure", "EngineFailure"]
