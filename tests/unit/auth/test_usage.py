"""The counters of one process: pure logic, with a clock that the test moves."""

import pytest

from speechd.auth.usage import WINDOWS, UsageCounters, UsageRow

MINUTE, DAY, HOUR, AUDIO_DAY = WINDOWS


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(clock: Clock) -> UsageCounters:
    return UsageCounters(clock)


def amounts(counters: UsageCounters, key: str = "anna") -> list[float]:
    return [counters.used(key, window).amount for window in WINDOWS]


def test_each_kind_counts_in_its_windows(counters: UsageCounters) -> None:
    counters.charge("anna", "requests", 1)
    counters.charge("anna", "audio-seconds", 2.5)
    counters.charge("anna", "audio-seconds", 2.5)
    assert amounts(counters) == [1, 1, 5, 5]
    assert amounts(counters, "ben") == [0, 0, 0, 0]


def test_a_window_begins_with_its_first_request(counters: UsageCounters, clock: Clock) -> None:
    clock.now += 59
    counters.charge("anna", "requests", 1)
    clock.now += 59.5
    assert counters.used("anna", MINUTE).amount == 1
    assert counters.used("anna", MINUTE).ends_in == 0.5
    clock.now += 0.5
    assert counters.used("anna", MINUTE).amount == 0
    assert counters.used("anna", DAY).amount == 1


def test_a_clock_set_back_begins_anew(counters: UsageCounters, clock: Clock) -> None:
    counters.charge("anna", "requests", 5)
    clock.now -= 1000
    assert counters.used("anna", MINUTE).amount == 0
    counters.charge("anna", "requests", 1)
    assert counters.used("anna", MINUTE).amount == 1
    assert counters.used("anna", MINUTE).ends_in == 60


def test_everything_is_saved_once(counters: UsageCounters, clock: Clock) -> None:
    counters.charge("anna", "requests", 2)
    rows = counters.unsaved()
    assert rows == [
        UsageRow("anna", "requests_per_day", clock.now, 2),
        UsageRow("anna", "requests_per_minute", clock.now, 2),
    ]
    counters.charge("anna", "requests", 1)  # while they are on their way
    assert amounts(counters)[:2] == [3, 3]
    counters.saved(rows)
    assert amounts(counters)[:2] == [3, 3]
    assert [row.used for row in counters.unsaved()] == [1, 1]
    counters.saved([])
    assert counters.unsaved() == []


def test_what_is_not_saved_is_saved_later(counters: UsageCounters) -> None:
    counters.charge("anna", "audio-seconds", 10)
    counters.unsaved()
    counters.not_saved()
    counters.charge("anna", "audio-seconds", 5)
    assert amounts(counters)[2:] == [15, 15]
    assert [row.used for row in counters.unsaved()] == [15, 15]


def test_memory_is_bounded_by_keys_and_windows(counters: UsageCounters, clock: Clock) -> None:
    """However long nothing can be saved."""
    for number in range(1000):
        counters.charge(f"key{number % 3}", "requests", 1)
        clock.now += 61
        counters.unsaved()
        counters.not_saved()
    assert len(counters.unsaved()) == 3, "the minutes are over, the day is not"
    clock.now += DAY.seconds
    assert counters.unsaved() == []


def test_the_counts_of_others_count(counters: UsageCounters, clock: Clock) -> None:
    counters.charge("anna", "requests", 2)
    others = UsageRow("anna", "requests_per_minute", clock.now - 20, 7)
    counters.refresh([others])
    assert counters.used("anna", MINUTE).amount == 9
    assert counters.used("anna", MINUTE).ends_in == 40, "their window began earlier"


def test_windows_of_the_store_that_are_over_do_not_count(counters: UsageCounters, clock: Clock) -> None:
    counters.charge("anna", "requests", 2)
    counters.refresh(
        [
            UsageRow("anna", "requests_per_minute", clock.now - 60, 7),
            UsageRow("anna", "requests_per_day", clock.now + 1000, 7),
            UsageRow("anna", "requests_per_century", clock.now, 7),
        ]
    )
    assert amounts(counters)[:2] == [2, 2]


def test_a_new_window_takes_nothing_over_from_the_last(counters: UsageCounters, clock: Clock) -> None:
    counters.charge("anna", "requests", 5)
    clock.now += 60
    counters.refresh([UsageRow("anna", "requests_per_minute", clock.now, 1)])
    assert counters.used("anna", MINUTE).amount == 1


def test_a_window_that_ends_while_it_is_saved(counters: UsageCounters, clock: Clock) -> None:
    counters.charge("anna", "requests", 5)
    rows = counters.unsaved()
    clock.now += 60
    counters.charge("anna", "requests", 1)
    counters.saved(rows)
    assert counters.used("anna", MINUTE).amount == 1
    assert counters.used("anna", DAY).amount == 6
