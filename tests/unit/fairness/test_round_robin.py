"""Whose turn it is, with names."""

import random

from speechd.fairness.round_robin import RoundRobin


def served(turns: RoundRobin, *callers: str) -> str:
    caller = turns.next(callers)
    turns.serve(caller)
    return caller


def test_who_was_served_longest_ago_is_next() -> None:
    turns = RoundRobin()
    assert [served(turns, "a", "b", "c") for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]
    assert served(turns, "c", "a") == "a"


def test_who_comes_later_is_next_and_gets_nothing_for_the_time_before() -> None:
    turns = RoundRobin()
    for _ in range(100):
        served(turns, "a")
    assert [served(turns, "a", "b") for _ in range(4)] == ["b", "a", "b", "a"]


def test_who_has_little_waiting_gets_no_more_turns_than_others() -> None:
    """One item at a time, which comes again as soon as it is served."""
    turns, counts = RoundRobin(), {"a": 0, "b": 0, "c": 0}
    waiting = ["a", "b", "c"]
    for _ in range(300):
        caller = served(turns, *waiting)
        counts[caller] += 1
        waiting = [each for each in "abc" if each != "a" or caller != "a"]
    assert counts == {"a": 100, "b": 100, "c": 100}


def test_between_two_turns_of_one_who_waits_each_other_has_at_most_one() -> None:
    chance = random.Random(1)
    turns, others = RoundRobin(), [f"key {number}" for number in range(8)]
    since = dict.fromkeys(others, 0)
    for _ in range(5000):
        caller = served(turns, "patient", *chance.sample(others, chance.randint(0, len(others))))
        if caller == "patient":
            since = dict.fromkeys(others, 0)
        else:
            since[caller] += 1
            assert since[caller] == 1


def test_items_of_one_caller_keep_their_order() -> None:
    items = ["a1", "a2", "a3", "b1", "c1", "c2"]
    assert list(RoundRobin().in_turn(items, lambda item: item[0])) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_items_that_are_not_taken_are_no_turns() -> None:
    turns = RoundRobin()
    taken = turns.in_turn(["a1", "b1"], lambda item: item[0])
    assert next(taken) == "a1"
    taken.close()
    assert turns.next(["a", "b"]) == "b"
