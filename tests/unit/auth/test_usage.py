from pathlib import Path

import pytest

from speechd.api.errors import error_headers
from speechd.auth.keys import Key, KeyLimits
from speechd.auth.usage import WINDOWS, Meter, SqliteUsage, format_seconds, format_usage
from speechd.errors import RateLimited, Unavailable

MINUTE, DAY, HOUR, _ = WINDOWS


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def usage(tmp_path: Path, clock: Clock):
    counters = SqliteUsage(tmp_path / "data" / "usage.db", clock)
    yield counters
    counters.close()


def key(**limits: float) -> Key:
    return Key("anna", "0" * 64, 0, KeyLimits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.001, "0.01s"), (6, "6s"), (43.2, "43.2s"), (179.56, "2m59.56s"), (546, "9m6s"), (3605, "1h0m5s")],
)
def test_times_are_said_as_the_hosted_services_do(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_the_limit_is_reached_and_passes(usage: SqliteUsage, clock: Clock) -> None:
    meter = Meter(key(requests_per_minute=3), usage, audio=False)
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


def test_what_is_refused_does_not_count(usage: SqliteUsage, clock: Clock) -> None:
    meter = Meter(key(requests_per_minute=1, requests_per_day=2), usage, audio=False)
    meter.admit()
    for _ in range(5):
        with pytest.raises(RateLimited, match="per minute"):
            meter.admit()
    clock.now += 60
    meter.admit()
    clock.now += 60
    with pytest.raises(RateLimited, match=r"per day.*23h58m0s"):
        meter.admit()


def test_audio_counts_for_audio_alone(usage: SqliteUsage, clock: Clock) -> None:
    limited = key(audio_seconds_per_hour=100)
    audio, text = Meter(limited, usage, audio=True), Meter(limited, usage, audio=False)
    audio.admit()
    audio.charge_audio(150.5)
    with pytest.raises(RateLimited, match=r"audio seconds per hour: limit 100, used 150\.5"):
        audio.admit()
    text.admit()
    clock.now += 3600
    audio.admit()


def test_counters_survive_the_process(usage: SqliteUsage, tmp_path: Path, clock: Clock) -> None:
    """The second connection sees what the first has counted, though that was never closed."""
    for _ in range(7):
        usage.add("anna", DAY, 1)
    other = SqliteUsage(tmp_path / "data" / "usage.db", clock)
    assert other.used("anna", DAY).amount == 7
    other.add("anna", DAY, 1)
    other.close()
    assert usage.used("anna", DAY).amount == 8
    assert usage.used("ben", DAY).amount == usage.used("anna", MINUTE).amount == 0


def test_a_clock_set_back_begins_anew(usage: SqliteUsage, clock: Clock) -> None:
    usage.add("anna", MINUTE, 5)
    clock.now -= 1000
    assert usage.used("anna", MINUTE).amount == 0
    usage.add("anna", MINUTE, 1)
    assert usage.used("anna", MINUTE).amount == 1
    assert usage.used("anna", MINUTE).ends_in == 60


def test_headers_tell_the_tightest_window(usage: SqliteUsage) -> None:
    meter = Meter(key(requests_per_minute=10, requests_per_day=5, audio_seconds_per_hour=7200), usage, audio=True)
    meter.admit()
    meter.charge_audio(30.5)
    assert meter.headers(("requests", "audio-seconds")) == {
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-remaining-requests": "4",
        "x-ratelimit-reset-requests": "24h0m0s",
        "x-ratelimit-limit-audio-seconds": "7200",
        "x-ratelimit-remaining-audio-seconds": "7169",
        "x-ratelimit-reset-audio-seconds": "1h0m0s",
    }
    assert Meter(key(), usage, audio=True).headers(("requests",)) == {}


def test_a_line_for_people(usage: SqliteUsage) -> None:
    usage.add("anna", MINUTE, 3)
    line = format_usage(key(requests_per_minute=60), usage)
    assert line.startswith("anna  made 1970-01-01  requests per minute 3 of 60  requests per day 0")


def test_a_file_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "usage.db").write_text("this is not a database, and long enough to be seen as none" * 20)
    usage = SqliteUsage(tmp_path / "usage.db")
    with pytest.raises(Unavailable):
        usage.add("anna", HOUR, 1)
