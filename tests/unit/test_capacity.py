"""The simulation of tests/bench/capacity against what is known of queues."""

import pytest

from tests.bench.capacity.simulation import (
    MIXES,
    ROUTINGS,
    Kind,
    ServiceTimes,
    Simulation,
    arrivals,
    capacity,
    percentile,
    windows_of,
)

TIMES = ServiceTimes(0.1, 0.05, 0.01)
ONE = (Kind("clip", 5, 1.0),)


def test_a_recording_has_windows_of_30_seconds() -> None:
    assert windows_of(5) == [5]
    assert windows_of(60) == [30, 30]
    assert windows_of(65) == [30, 30, 5]


def test_capacity_is_that_of_full_batches() -> None:
    assert capacity(TIMES, ONE) == pytest.approx(8 / TIMES.of([5.0] * 8))


def test_one_device_without_batches_waits_as_the_theory_says() -> None:
    """M/D/1: the mean wait is load * service / (2 * (1 - load)) (Pollaczek and Khinchin)."""
    times, load = ServiceTimes(0.5, 0.0, 0.0, size=1), 0.7
    answers = Simulation(times, 1, ROUTINGS["seconds"]).run(arrivals(ONE, load / 0.5, 60_000, seed=1))
    wait = sum(answer.seconds - 0.5 for answer in answers) / len(answers)
    assert wait == pytest.approx(load * 0.5 / (2 * (1 - load)), rel=0.05)


@pytest.mark.parametrize("mix", MIXES)
@pytest.mark.parametrize("routing", ROUTINGS)
def test_every_request_is_answered_once(mix: str, routing: str) -> None:
    requests = arrivals(MIXES[mix], 0.9 * 3 * capacity(TIMES, MIXES[mix]), 300, seed=2)
    simulation = Simulation(TIMES, 3, ROUTINGS[routing])
    simulation.run(requests)
    assert sorted(answer.arrived for answer in simulation.answers) == [moment for moment, _ in requests]
    assert all(answer.seconds >= TIMES.of([5.0]) - 1e-9 for answer in simulation.answers)


def test_more_devices_at_the_same_load_wait_less() -> None:
    def p95(devices: int) -> float:
        requests = arrivals(ONE, 0.8 * devices * capacity(TIMES, ONE), 8_000, seed=3)
        return percentile(Simulation(TIMES, devices, ROUTINGS["seconds"]).run(requests), "clip", 0.95)

    assert p95(1) > p95(4) > p95(16)
