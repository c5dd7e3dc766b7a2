"""What a request may use: admission, reservations, headers."""

import asyncio
import random

import pytest

from speechd.api.errors import error_headers
from speechd.auth.keys import Key, KeyLimits
from speechd.auth.meter import Estimate, Meter, format_seconds, format_usage
from speechd.auth.usage import WINDOWS, UsageCounters
from speechd.errors import RateLimited, TooLarge
from tests.unit.auth.test_usage import Clock

HOUR, AUDIO_DAY = WINDOWS[2:]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counters(clock: Clock) -> UsageCounters:
    return UsageCounters(clock)


def key(**limits: float) -> Key:
    return Key("anna", "0" * 64, 0, KeyLimits(**limits), id="key_1")  # type: ignore[arg-type]


def exactly(seconds: float) -> Estimate:
    return Estimate(seconds, exact=True)


def about(seconds: float) -> Estimate:
    return Estimate(seconds, exact=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.001, "0.01s"), (6, "6s"), (43.2, "43.2s"), (179.56, "2m59.56s"), (546, "9m6s"), (3605, "1h0m5s")],
)
def test_times_are_said_as_the_hosted_services_do(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_the_limit_is_reached_and_passes(counters: UsageCounters, clock: Clock) -> None:
    meter = Meter(key(requests_per_minute=3), counters)
    for _ in range(3):
        meter.admit()
        clock.now += 1
    with pytest.raises(RateLimited, match=r"limit 3, used 3\. Please try again in 57s\.") as refused:
        meter.admit()
    assert error_headers(refused.value)["retry-after"] == "57"
    clock.now += 56.9
    with pytest.raises(RateLimited):
        meter.admit()
    clock.now += 0.1
    meter.admit()


def test_what_is_refused_does_not_count(counters: UsageCounters, clock: Clock) -> None:
    meter = Meter(key(requests_per_minute=1, requests_per_day=2), counters)
    meter.admit()
    for _ in range(5):
        with pytest.raises(RateLimited, match="per minute"):
            meter.admit()
    clock.now += 60
    meter.admit()
    clock.now += 60
    with pytest.raises(RateLimited, match=r"per day.*23h58m0s"):
        meter.admit()


def test_audio_counts_for_audio_alone(counters: UsageCounters, clock: Clock) -> None:
    meter = Meter(key(audio_seconds_per_hour=100), counters)
    meter.reserve_audio(about(20)).settle(150.5)
    for refused in (meter.check_audio, lambda: meter.reserve_audio(exactly(1)), lambda: meter.reserve_audio(None)):
        with pytest.raises(RateLimited, match=r"audio seconds per hour: limit 100, used 150\.5"):
            refused()
    meter.admit()
    clock.now += 3600
    meter.check_audio()


def test_parallel_requests_cannot_exceed_a_limit(counters: UsageCounters) -> None:
    meter = Meter(key(audio_seconds_per_day=10), counters)
    first, second = meter.reserve_audio(exactly(4)), meter.reserve_audio(exactly(4))
    with pytest.raises(RateLimited, match=r"limit 10, used 0, requested 4, reserved by work under way 8") as refused:
        meter.reserve_audio(exactly(4))
    assert error_headers(refused.value)["retry-after"] == "5", "the others may be done long before the day is over"
    third = meter.reserve_audio(exactly(2))
    first.settle(4)
    second.release()
    third.settle(2)
    assert counters.used("key_1", AUDIO_DAY).amount == 6
    assert counters.reserved("key_1") == 0
    meter.reserve_audio(exactly(4)).settle(4)
    with pytest.raises(RateLimited, match="limit 10, used 10"):
        meter.check_audio()


async def test_many_requests_at_once(counters: UsageCounters) -> None:
    """In whatever order they come, work, fail and end, what was allowed never passes the limit."""
    meter, chance, heard = (
        Meter(key(audio_seconds_per_hour=100, audio_seconds_per_day=150), counters),
        random.Random(7),
        0.0,
    )

    async def request() -> None:
        nonlocal heard
        seconds = chance.uniform(0.5, 30)
        try:
            with meter.reserve_audio(exactly(seconds)) as reservation:
                await asyncio.sleep(chance.uniform(0, 0.01))
                if chance.random() < 0.3:
                    raise OSError("it failed")
                heard += seconds
                reservation.settle(seconds)
        except (RateLimited, OSError):
            pass

    await asyncio.gather(*(request() for _ in range(300)))
    assert 60 < heard <= 100
    assert counters.used("key_1", HOUR).amount == pytest.approx(heard)
    assert counters.reserved("key_1") == 0


def test_more_than_the_limit_is_too_large(counters: UsageCounters) -> None:
    """Waiting would not help, so nobody is told to wait."""
    meter = Meter(key(audio_seconds_per_day=10), counters)
    with pytest.raises(TooLarge, match="700 seconds, more than the limit of 10 audio seconds per day") as refused:
        meter.reserve_audio(exactly(700))
    assert "retry-after" not in error_headers(refused.value)


def test_a_guess_refuses_nobody_who_has_something_left(counters: UsageCounters) -> None:
    meter = Meter(key(audio_seconds_per_day=10), counters)
    guessed = meter.reserve_audio(about(700))
    assert counters.reserved("key_1") == 10
    with pytest.raises(RateLimited, match="reserved"):
        meter.reserve_audio(about(1))
    guessed.settle(3)
    unknown = meter.reserve_audio(None)
    assert counters.reserved("key_1") == 7
    unknown.release()
    meter.reserve_audio(exactly(7))


def test_work_that_is_longer_than_it_said(counters: UsageCounters) -> None:
    meter = Meter(key(audio_seconds_per_day=10), counters)
    lying = meter.reserve_audio(exactly(1))
    lying.extend(0.5)
    lying.extend(11)
    with pytest.raises(RateLimited):
        meter.reserve_audio(exactly(1))
    lying.settle(12)
    lying.extend(500)
    lying.settle(1)
    lying.release()
    assert (counters.used("key_1", AUDIO_DAY).amount, counters.reserved("key_1")) == (12, 0)


def test_without_limits_all_is_counted_and_nothing_refused(counters: UsageCounters) -> None:
    meter = Meter(key(), counters)
    assert not meter.limits_audio
    for estimate in (exactly(1e9), about(1e9), None):
        meter.reserve_audio(estimate).settle(5)
    assert counters.used("key_1", AUDIO_DAY).amount == 15


def test_headers_tell_the_tightest_window(counters: UsageCounters) -> None:
    meter = Meter(key(requests_per_minute=10, requests_per_day=5, audio_seconds_per_hour=7200), counters)
    meter.admit()
    meter.reserve_audio(exactly(30.5)).settle(30.5)
    assert meter.headers(("requests", "audio-seconds")) == {
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-requests": "24h0m0s",
        "x-ratelimit-limit-audio-seconds": "7200",
        "x-ratelimit-remaining-audio-seconds": "7169",
        "x-ratelimit-reset-audio-seconds": "1h0m0s",
    }
    with meter.reserve_audio(exactly(100)):
        assert meter.headers(("audio-seconds",))["x-ratelimit-remaining-audio-seconds"] == "7069"
    assert Meter(key(), counters).headers(("requests",)) == {}


def test_a_line_for_people(counters: UsageCounters) -> None:
    counters.charge("key_1", "requests", 3)
    line = format_usage(key(requests_per_minute=60), counters)
    assert line.startswith(
        "anna  made 1970-01-01  may transcribe,speak,text,batches,metrics  requests per minute 3 of 60"
        "  requests per day 3"
    )
