"""How much a voice takes on, in numbers and with a clock of the tests' own."""

from asyncio import Future
from contextlib import ExitStack

import pytest

from speechd.errors import Overloaded
from speechd.tts.admission import AdmissionQueue


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_text_is_always_taken() -> None:
    with AdmissionQueue(most=10).reserve(1000) as reserve:
        assert reserve.remaining == 1000


def test_what_is_too_much_is_refused_until_there_is_room() -> None:
    clock = Clock()
    admission = AdmissionQueue(most=100, clock=clock)
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
    admission = AdmissionQueue(most=100, clock=clock)
    with ExitStack() as stack:
        places = [stack.enter_context(admission.reserve(50)) for _ in range(2)]
        for second in range(1, 21):
            clock.now = second
            admission.spoken(places[second % 2], 2)
        with pytest.raises(Overloaded) as refusal, admission.reserve(60):
            pass
    assert refusal.value.retry_after == pytest.approx(10.0), "60 wait, 60 more come, 100 may: 20 at 2 a second"


async def test_who_does_not_listen_does_not_keep_others_waiting() -> None:
    admission = AdmissionQueue(most=100)
    with admission.reserve(100) as reserve:
        reserve.step = Future()
        assert admission.waiting == 100
        reserve.step.set_result(None)
        with admission.reserve(100):
            assert admission.waiting == 100


def test_a_pause_does_not_slow_the_measured_speed() -> None:
    clock = Clock()
    admission = AdmissionQueue(most=100, clock=clock)
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
