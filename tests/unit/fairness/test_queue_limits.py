"""What a queue refuses, and when it says to come again, with numbers."""

import pytest

from speechd.errors import Overloaded
from speechd.fairness.queue_limits import UNKNOWN_WAIT, OtherKey, QueueLimits, QueueState

LIMITS = QueueLimits(maximum=1000, max_wait=60, key_share=0.5)


def refusal(state: QueueState, amount: float = 10, *, limits: QueueLimits = LIMITS, waits: bool = True) -> Overloaded:
    with pytest.raises(Overloaded) as refused:
        limits.check(state, "anna", amount, waits=waits)
    return refused.value


def test_who_would_wait_too_long_is_refused_until_the_wait_is_short_enough() -> None:
    LIMITS.check(QueueState({"anna": 120}, own=120, others=(), speed=2), "anna", 10)
    error = refusal(QueueState({"anna": 200}, own=200, others=(), speed=2))
    assert error.retry_after == 40
    assert "about 100 s" in error.message
    assert "SPEECHD_MAX_WAIT allows 60 s" in error.message


def test_nobody_is_told_to_come_too_early_or_at_once() -> None:
    for ahead, after in ((122.2, 2), (120.001, 1), (122.0000001, 1)):
        assert refusal(QueueState({"anna": ahead}, ahead, (), speed=2)).retry_after == after


def test_the_time_is_no_bound_while_the_speed_is_unknown() -> None:
    LIMITS.check(QueueState({"anna": 900}, own=900, others=(), speed=0), "anna", 10)
    error = refusal(QueueState({"anna": 900}, own=900, others=(), speed=0), 200)
    assert (error.retry_after, "900 s of audio waiting" in error.message) == (UNKNOWN_WAIT, True)


def test_the_time_is_no_bound_for_background_work() -> None:
    state = QueueState({"anna": 900}, own=900, others=(), speed=2)
    LIMITS.check(state, "anna", 10, waits=False)
    assert refusal(state, 200, waits=False).retry_after == 50


def test_a_wait_of_zero_is_no_bound() -> None:
    QueueLimits(maximum=1000).check(QueueState({"anna": 900}, own=900, others=(), speed=0.1), "anna", 10)


def test_one_key_cannot_take_the_whole_queue() -> None:
    state = QueueState({"anna": 450, "ben": 10}, own=0, others=(), speed=5)
    LIMITS.check(state, "ben", 480)
    error = refusal(state, 60)
    assert error.retry_after == 4, "10 s too many, and each of two keys has half of the speed"
    assert "Your key has 450 s of audio waiting" in error.message
    assert "500 s of audio" in error.message
    assert "SPEECHD_KEY_SHARE" in error.message


def test_until_ones_turn_every_other_key_gets_as_much_as_ones_own() -> None:
    """And perhaps one turn more, as it may have been before."""
    others = (OtherKey(5000, 30), OtherKey(20, 30), OtherKey(600, 4))
    assert QueueState({}, 0, (), 1).ahead == 0
    assert QueueState({}, 100, others, 1).ahead == 100 + 130 + 20 + 104


def test_other_keys_go_first_until_they_have_little_left() -> None:
    """Seven keys with a minute each: each has its turns of half a minute until the last of them is nearly over."""
    others = (OtherKey(60, 30),) * 7
    error = refusal(QueueState({}, 0, others, speed=3))
    assert "about 70 s" in error.message
    assert error.retry_after == 80, "7 * (60 - 180 / 7) units at 3 a second"


def test_who_is_refused_later_is_told_to_come_later() -> None:
    others = (OtherKey(60, 30),) * 7
    times = [
        refusal(QueueState({}, 0, (*others, *returning), speed=3)).retry_after
        for returning in ([OtherKey(0, 30, returns=60)] * count for count in range(4))
    ]
    assert times == [80, 100, 120, 140], "each has a minute, which takes 20 s"
    assert refusal(QueueState({}, 200, (), speed=2, own_returns=60)).retry_after == 70


def test_who_will_come_again_keeps_nobody_out() -> None:
    LIMITS.check(QueueState({}, 0, (OtherKey(0, 30, returns=60),) * 50, speed=1, own_returns=500), "anna", 10)
