"""Who is served next, with integers; and the batcher with the fake engine."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from speechd.api.errors import error_headers
from speechd.asr.batcher import Batcher
from speechd.asr.engine import Decoded, Job
from speechd.asr.scheduling.scheduler import QueuedJob, QueuedRecording, Scheduler
from speechd.errors import EngineFailure, OutOfMemory, Overloaded
from speechd.fairness.queue_limits import QueueLimits
from speechd.priority import Priority, interactive
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, TranscribeOptions, Window


def background() -> Priority:
    return "background"


def waiting(
    name: str, remaining: float, *, group: str = "g", since: float = 0, caller: str = "", later: bool = False
) -> QueuedJob[str]:
    return QueuedJob(name, QueuedRecording(remaining, background if later else interactive, caller), group, since)


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


def test_a_key_with_a_hundred_files_does_not_hold_up_a_key_with_one() -> None:
    schedule = Scheduler[str]()
    for index in range(100):
        schedule.add(waiting(f"a{index}", 1, caller="anna"))
    schedule.add(waiting("b", 7200, caller="ben"))
    assert finalize(schedule, maximum=4) == ["a0", "b", "a1", "a2"]


def test_keys_that_always_wait_get_equal_parts() -> None:
    """Whatever the length of their recordings: of 300 windows each of three keys has 100."""
    schedule, counts = Scheduler[str](), {"anna": 0, "ben": 0, "carl": 0}
    lengths = {"anna": 1.0, "ben": 7200.0, "carl": 60.0}
    for caller, seconds in lengths.items():
        schedule.add(waiting(caller, seconds, caller=caller))
    for second in range(300):
        (caller,) = finalize(schedule, now=second, maximum=1)
        counts[caller] += 1
        schedule.add(waiting(caller, lengths[caller], since=second, caller=caller))
    assert counts == {"anna": 100, "ben": 100, "carl": 100}


def test_keys_whose_windows_cannot_share_a_batch_take_turns() -> None:
    schedule = Scheduler[str]()
    for index in range(6):
        schedule.add(waiting(f"a{index}", 1, group="de", caller="anna"))
    for index in range(2):
        schedule.add(waiting(f"b{index}", 600, group="en", caller="ben"))
    assert [finalize(schedule, maximum=2) for _ in range(4)] == [["a0", "a1"], ["b0", "b1"], ["a2", "a3"], ["a4", "a5"]]


def test_background_work_of_one_key_waits_for_the_callers_of_another() -> None:
    """It takes the room that they leave in a batch, and 150 s later it has turns of its own."""
    schedule = Scheduler[str]()
    for index in range(4):
        schedule.add(waiting(f"a{index}", 3, caller="anna", later=True))
        schedule.add(waiting(f"b{index}", 600, since=100, caller="ben"))
    assert finalize(schedule, now=149, maximum=1) == ["b0"]
    assert finalize(schedule, now=149, maximum=4) == ["b1", "b2", "b3", "a0"]
    schedule.add(waiting("b4", 600, since=150, caller="ben"))
    schedule.add(waiting("b5", 600, since=150, caller="ben"))
    assert finalize(schedule, now=150, maximum=3) == ["b4", "a1", "b5"]


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
    batcher = Batcher(FakeAsr(), limits=QueueLimits(100))
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
    batcher = Batcher(FakeAsr(), limits=QueueLimits(100))
    with batcher.reserve(90):
        with pytest.raises(Overloaded) as refusal, batcher.reserve(20):
            pass
        assert error_headers(refusal.value)["retry-after"]
    with batcher.reserve(20):
        assert batcher.queued_seconds == 20
    assert batcher.queued_seconds == 0
    await batcher.close()


async def test_one_recording_longer_than_the_bound_is_still_taken_when_nothing_waits() -> None:
    batcher = Batcher(FakeAsr(), limits=QueueLimits(100))
    with batcher.reserve(1_000) as queued:
        assert queued.remaining == 1_000
    await batcher.close()


class Steady(FakeAsr):
    """Decodes ten seconds of audio in a second of the clock's time, four windows at once, while its gate is open."""

    def __init__(self) -> None:
        super().__init__(batch_size=4)
        self.now = 0.0
        self.begun, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.begun.set()
        self.gate.wait(10)
        self.now += sum(job.window.duration for job in jobs) / 10
        return super().decode(jobs)


def bounded() -> tuple[Steady, Batcher]:
    """A batcher with limits, which does not know its speed yet."""
    engine = Steady()
    limits = QueueLimits(maximum=10_000, max_wait=60, key_share=0.5)
    return engine, Batcher(engine, limits=limits, clock=lambda: engine.now)


async def measure(batcher: Batcher) -> None:
    """Decodes four windows together: after that the speed is known."""
    with batcher.reserve(120) as queued:
        await asyncio.gather(*(batcher.decode(job(start, 30), queued) for start in range(0, 120, 30)))


async def measured() -> tuple[Steady, Batcher]:
    engine, batcher = bounded()
    await measure(batcher)
    return engine, batcher


async def test_who_would_wait_too_long_is_told_when_to_come_again() -> None:
    _, batcher = await measured()
    with contextlib.ExitStack() as stack:
        for _ in range(21):
            stack.enter_context(batcher.reserve(30))
        with pytest.raises(Overloaded, match="about 63 s") as refusal, batcher.reserve(30):
            pass
        assert refusal.value.retry_after == pytest.approx(3)
        with batcher.reserve(20), batcher.reserve(1000, background):  # one passes them all, for one nobody waits
            pass
    with batcher.reserve(30):
        pass
    await batcher.close()


async def test_the_time_told_is_the_time_after_which_there_is_room() -> None:
    engine, batcher = await measured()
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(batcher.reserve(30)) for _ in range(21)]
        with pytest.raises(Overloaded) as refusal, batcher.reserve(30):
            pass
        begun = engine.now
        await batcher.decode(job(0, 30), places[0])
        assert engine.now - begun == pytest.approx(refusal.value.retry_after)
        with batcher.reserve(30):
            pass
    await batcher.close()


async def test_the_wait_is_shorter_with_each_moment_that_a_batch_runs() -> None:
    engine, batcher = await measured()
    engine.begun.clear()
    engine.gate.clear()
    with contextlib.ExitStack() as stack:
        places = [stack.enter_context(batcher.reserve(30)) for _ in range(21)]
        running = [asyncio.create_task(batcher.decode(job(0, 30), place)) for place in places[:4]]
        await asyncio.to_thread(engine.begun.wait, 10)
        with pytest.raises(Overloaded, match="about 63 s"), batcher.reserve(30):
            pass
        engine.now += 3
        with batcher.reserve(30):
            pass
        engine.now += 1000  # the batch is late: of its 120 s no more can be done than all
        for _ in range(4):
            stack.enter_context(batcher.reserve(30))
        with pytest.raises(Overloaded, match="about 63 s"), batcher.reserve(30):
            pass
        engine.gate.set()
        await asyncio.gather(*running)
    await batcher.close()


async def test_a_clip_does_not_wait_for_a_film_of_its_key_or_all_files_of_another() -> None:
    _, batcher = await measured()
    with contextlib.ExitStack() as stack:
        stack.enter_context(batcher.reserve(7200, caller="anna"))
        stack.enter_context(batcher.reserve(3, caller="anna"))
        stack.enter_context(batcher.reserve(3, caller="ben"))
        for _ in range(7):
            stack.enter_context(batcher.reserve(600, caller="ben", priority=background))
        stack.enter_context(batcher.reserve(3, caller="ben"))
        with pytest.raises(Overloaded), batcher.reserve(7200, caller="anna"):
            pass
    await batcher.close()


async def test_other_keys_cost_a_window_each_and_of_clips_a_clip() -> None:
    _, batcher = await measured()
    with contextlib.ExitStack() as stack:
        for number in range(21):
            stack.enter_context(batcher.reserve(300, caller=f"key {number}"))
        with pytest.raises(Overloaded, match="about 63 s"), batcher.reserve(3):
            pass
    await batcher.close()
    _, batcher = bounded()
    with contextlib.ExitStack() as stack:
        for number in range(21):
            for _ in range(5):
                stack.enter_context(batcher.reserve(10, caller=f"key {number}"))
        await measure(batcher)
        with batcher.reserve(3):  # 21 s
            pass
    await batcher.close()


async def test_a_film_that_has_waited_goes_first_and_counts_with_the_windows_that_wait() -> None:
    engine, batcher = await measured()
    with contextlib.ExitStack() as stack:
        stack.enter_context(batcher.reserve(630))
        stack.enter_context(batcher.reserve(600))
        with batcher.reserve(30):
            pass
        engine.now += 150
        with pytest.raises(Overloaded, match="about 96 s"), batcher.reserve(30):
            pass
    await batcher.close()


async def test_few_windows_do_not_measure_the_speed() -> None:
    """A batch with room left says nothing of how fast a full one is."""
    engine = Steady()
    batcher = Batcher(engine, limits=QueueLimits(max_wait=60), clock=lambda: engine.now)
    with batcher.reserve(3) as queued:
        await batcher.decode(job(0, 3), queued)
    with batcher.reserve(1e6), batcher.reserve(1e6):
        pass
    await batcher.close()


async def test_a_key_cannot_take_the_queue_from_another() -> None:
    batcher = Batcher(FakeAsr(), limits=QueueLimits(100, key_share=0.5))
    with batcher.reserve(90, caller="anna"), batcher.reserve(45, caller="ben"):
        with pytest.raises(Overloaded, match="Your key has 45 s of audio waiting"), batcher.reserve(10, caller="ben"):
            pass
        with pytest.raises(Overloaded, match="SPEECHD_KEY_SHARE"), batcher.reserve(1, caller="anna"):
            pass
    await batcher.close()


async def test_closing_fails_what_still_waits() -> None:
    batcher = Batcher(FakeAsr(batch_size=1, delay=0.05))
    queued = QueuedRecording(10)
    tasks = [asyncio.create_task(batcher.decode(job(start), queued)) for start in range(3)]
    await asyncio.sleep(0.01)
    await batcher.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Decoded", "EngineFailure", "EngineFailure"]


class Timed(FakeAsr):
    """Decodes ten seconds of audio in a second of the clock's time, two windows at once."""

    def __init__(self) -> None:
        super().__init__(batch_size=2)
        self.now = 0.0

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.now += sum(job.window.duration for job in jobs) / 10
        return super().decode(jobs)


async def test_who_came_before_the_speed_was_known_is_refused_as_soon_as_it_is() -> None:
    """Of forty keys with a minute each at the same moment, so many are kept as can begin within a minute."""
    engine = Timed()
    batcher = Batcher(engine, limits=QueueLimits(max_wait=60), clock=lambda: engine.now)

    async def transcribe(number: int) -> float:
        with batcher.reserve(60, caller=f"key {number}") as queued:
            for start in (0, 30):
                await batcher.decode(job(start, 30), queued)
        return engine.now

    outcomes = await asyncio.gather(*(transcribe(number) for number in range(40)), return_exceptions=True)
    ended = [outcome for outcome in outcomes if isinstance(outcome, float)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert (len(ended), len(refused)) == (21, 19), "20 half minutes take a minute; one more may wait just so long"
    times = [refusal.retry_after for refusal in refused]
    assert times == sorted(set(times)), "each is told a later time"
    assert engine.now == max(ended) == 126
    assert times[0] <= engine.now


@pytest.mark.parametrize(
    ("doubt", "contexts"), [("endless", ["short", "full"]), ("improbable", ["short", "wide", "full"])]
)
async def test_what_looks_wrong_is_decoded_again_with_more_context(doubt: str, contexts: list[str]) -> None:
    class Doubting(FakeAsr):
        def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
            found = super().decode(jobs)
            wrong = [replace(each, segments=(), heard=0.0, doubt=doubt) for each in found]
            return [each if job.context == "full" else one for job, each, one in zip(jobs, found, wrong, strict=True)]

    engine = Doubting()
    doubts: list[str] = []
    batcher = Batcher(engine, on_doubt=doubts.append)
    with batcher.reserve(2) as queued:
        found = await batcher.decode(job(seconds=2), queued)
        assert [segment.text for segment in found.segments] == [" speech at 0."]
        assert queued.remaining == 0
    assert [[each.context for each in batch] for batch in engine.batches] == [[context] for context in contexts]
    assert doubts == [doubt] * (len(contexts) - 1)
    await batcher.close()
