"""How much a voice takes on, in numbers and with a clock of the tests' own."""

from asyncio import Future
from contextlib import ExitStack

import pytest

from speechd.errors import Overloaded
from speechd.tts.admission import Backlog


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_one_text_is_always_taken() -> None:
    with Backlog(most=10).place(1000) as place:
        assert place.remaining == 1000


def test_what_is_too_much_is_refused_until_there_is_room() -> None:
    clock = Clock()
    backlog = Backlog(most=100, clock=clock)
    with backlog.place(80) as place:
        with pytest.raises(Overloaded, match="80 characters waiting") as unknown, backlog.place(40):
            pass
        assert unknown.value.retry_after == 10, "nothing was spoken yet"
        clock.now = 2.0
        backlog.spoken(place, 10)  # 5 a second
        with pytest.raises(Overloaded) as refusal, backlog.place(40):
            pass
        assert refusal.value.retry_after == pytest.approx(2.0), "10 too many"
        clock.now = 4.0
        backlog.spoken(place, 10)
        with backlog.place(40):
            assert backlog.waiting == 100
    assert backlog.waiting == 0


def test_the_time_told_is_true_for_several_who_are_spoken_in_turn() -> None:
    clock = Clock()
    backlog = Backlog(most=100, clock=clock)
    with ExitStack() as stack:
        places = [stack.enter_context(backlog.place(50)) for _ in range(2)]
        for second in range(1, 21):
            clock.now = second
            backlog.spoken(places[second % 2], 2)
        with pytest.raises(Overloaded) as refusal, backlog.place(60):
            pass
    assert refusal.value.retry_after == pytest.approx(10.0), "60 wait, 60 more come, 100 may: 20 at 2 a second"


async def test_who_does_not_listen_does_not_keep_others_waiting() -> None:
    backlog = Backlog(most=100)
    with backlog.place(100) as place:
        place.step = Future()
        assert backlog.waiting == 100
        place.step.set_result(None)
        with backlog.place(100):
            assert backlog.waiting == 100


def test_a_pause_does_not_slow_the_measured_speed() -> None:
    clock = Clock()
    backlog = Backlog(most=100, clock=clock)
    with backlog.place(50) as place:
        clock.now = 1.0
        backlog.spoken(place, 50)
    clock.now = 1000.0
    with backlog.place(100) as place:
        clock.now = 1001.0
        backlog.spoken(place, 50)
        with pytest.raises(Overloaded) as refusal, backlog.place(100):
            pass
    assert refusal.value.retry_after == pytest.approx(1.0)
