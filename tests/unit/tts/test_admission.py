"""How much a voice takes on, in numbers and with a clock of the tests' own."""

import asyncio
from asyncio import Future
from contextlib import ExitStack
from threading import Event

import pytest

from speechd.errors import Overloaded
from speechd.fairness.queue_limits import QueueLimits
from speechd.priority import Priority
from speechd.tts.admission import BACKGROUND_WAIT, AdmissionQueue, SentenceThreads


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_text_is_always_taken() -> None:
    with AdmissionQueue(QueueLimits(10)).reserve(1000) as reserve:
        assert reserve.remaining == 1000


def test_what_is_too_much_is_refused_until_there_is_room() -> None:
    clock = Clock()
    admission = AdmissionQueue(QueueLimits(100, subject="The voice", unit="characters"), clock=clock)
    with admission.reserve(80) as reserve:
        with pytest.raises(Overloaded, match="80 characters waiting") as unknown, admission.reserve(40):
            pass
        assert unknown.value.retry_after == 10, "nothing was spoken yet"
        clock.now = 2.0
        admission.spoken(reserve, 10)  # 5 a second
        with pytest.raises(Overloaded) as refusal, admission.reserve(40):
            pass
        assert refusal.value.retry_after == pytest.approx(2.0), "10 too many"
        clock.now = 4.0
        admission.spoken(reserve, 10)
        with admission.reserve(40):
            assert admission.waiting == 100
    assert admission.waiting == 0


def test_the_time_told_is_true_for_several_who_are_spoken_in_turn() -> None:
    clock = Clock()
    admission = AdmissionQueue(QueueLimits(100, subject="The voice", unit="characters"), clock=clock)
    with ExitStack() as stack:
        places = [stack.enter_context(admission.reserve(50)) for _ in range(2)]
        for second in range(1, 21):
            clock.now = second
            admission.spoken(places[second % 2], 2)
        with pytest.raises(Overloaded) as refusal, admission.reserve(60):
            pass
    assert refusal.value.retry_after == pytest.approx(10.0), "60 wait, 60 more come, 100 may: 20 at 2 a second"


async def test_who_does_not_listen_does_not_keep_others_waiting() -> None:
    admission = AdmissionQueue(QueueLimits(100, subject="The voice", unit="characters"))
    with admission.reserve(100) as reserve:
        reserve.step = Future()
        assert admission.waiting == 100
        reserve.step.set_result(None)
        with admission.reserve(100):
            assert admission.waiting == 100


def test_a_pause_does_not_slow_the_measured_speed() -> None:
    clock = Clock()
    admission = AdmissionQueue(QueueLimits(100, subject="The voice", unit="characters"), clock=clock)
    with admission.reserve(50) as reserve:
        clock.now = 1.0
        admission.spoken(reserve, 50)
    clock.now = 1000.0
    with admission.reserve(100) as reserve:
        clock.now = 1001.0
        admission.spoken(reserve, 50)
        with pytest.raises(Overloaded) as refusal, admission.reserve(100):
            pass
    assert refusal.value.retry_after == pytest.approx(1.0)


def test_background_texts_do_not_keep_callers_out() -> None:
    admission = AdmissionQueue(QueueLimits(100, subject="The voice", unit="characters"))
    with (
        admission.reserve(90, "background"),
        admission.reserve(90),
        pytest.raises(Overloaded),
        admission.reserve(20, "background"),
    ):
        pass


def test_a_text_that_would_wait_too_long_is_told_when_to_come_again() -> None:
    clock = Clock()
    admission = AdmissionQueue(QueueLimits(max_wait=60), clock)
    with ExitStack() as stack:
        places = [stack.enter_context(admission.reserve(100)) for _ in range(7)]
        clock.now = 1.0
        admission.spoken(places[0], 10)  # 10 a second
        with pytest.raises(Overloaded, match="about 69 s") as refusal, admission.reserve(100):
            pass
        assert refusal.value.retry_after == pytest.approx(9.0)
        with admission.reserve(20):  # each of the others has as much in its time: 14 s
            pass
        with admission.reserve(100, "background"):
            pass


def test_the_texts_of_another_key_cost_as_much_time_as_ones_own_text() -> None:
    clock = Clock()
    admission = AdmissionQueue(QueueLimits(maximum=10_000, max_wait=60, key_share=0.5), clock)
    with ExitStack() as stack:
        places = [stack.enter_context(admission.reserve(100, caller="anna")) for _ in range(40)]
        clock.now = 1.0
        admission.spoken(places[0], 10)
        stack.enter_context(admission.reserve(500, caller="ben"))
        with pytest.raises(Overloaded, match="about 150 s"), admission.reserve(500, caller="ben"):
            pass
        with pytest.raises(Overloaded), admission.reserve(100, caller="anna"):
            pass


class Voice:
    """One thread that speaks what it is given, behind a gate."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.threads = SentenceThreads(1, self.clock)
        self.gate, self.said = Event(), list[str]()

    def say(self, text: str, priority: Priority = "interactive", caller: str = "") -> "asyncio.Task[None]":
        return asyncio.create_task(self.threads.run(lambda: self._say(text), priority, caller))

    def _say(self, text: str) -> None:
        self.gate.wait()
        self.said.append(text)


async def test_background_speech_waits_behind_callers() -> None:
    voice = Voice()
    line = [voice.say(f"line {number}", "background") for number in range(2)]
    await asyncio.sleep(0)  # the voice speaks the first line already
    caller = voice.say("caller")
    await asyncio.sleep(0)
    voice.gate.set()
    await asyncio.gather(*line, caller)
    assert voice.said == ["line 0", "caller", "line 1"]


async def test_background_speech_does_not_wait_for_ever() -> None:
    voice = Voice()
    line = [voice.say(f"line {number}", "background") for number in range(2)]
    await asyncio.sleep(0)
    voice.clock.now = BACKGROUND_WAIT + 1
    caller = voice.say("caller")
    await asyncio.sleep(0)
    voice.gate.set()
    await asyncio.gather(*line, caller)
    assert voice.said == ["line 0", "line 1", "caller"]


async def test_a_sentence_that_is_given_up_before_its_turn_is_never_spoken() -> None:
    voice = Voice()
    first, second, third = (voice.say(text) for text in ("first", "second", "third"))
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    await asyncio.sleep(0)
    voice.gate.set()
    await asyncio.gather(first, second, third, return_exceptions=True)
    assert voice.said == ["first", "third"], "a thread cannot be interrupted"


async def test_keys_are_spoken_for_in_turn() -> None:
    voice = Voice()
    tasks = [voice.say(f"anna {number}", caller="anna") for number in range(4)]
    tasks += [voice.say(f"ben {number}", caller="ben") for number in range(2)]
    tasks += [voice.say("line", "background", "carl")]
    await asyncio.sleep(0)
    voice.gate.set()
    await asyncio.gather(*tasks)
    assert voice.said == ["anna 0", "ben 0", "anna 1", "ben 1", "anna 2", "anna 3", "line"]
