"""Wait against load, devices, mix and routing, by a simulation with measured service times.

    python -m tests.bench.capacity [--measure MODEL | --times BATCH,WINDOW,SECOND] [--devices 1,4,...] [--check]
                                   [--mix clips|calls|meetings] [--requests N] [--plot FILE]

A device decodes batches of up to 8 windows; a batch takes a time that depends on its windows and their audio.
`--measure` finds the three numbers on this machine, `--times` takes them from another one. Requests arrive
independently of each other. The load is the share of what the devices answer with full batches. `--check` runs the same
requests on 1, 2 and 4 real batchers, whose engines take the measured times, and prints both side by side.
"""

import argparse
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.capacity.replicas import measure, run_replicas
from tests.bench.capacity.simulation import (
    MIXES,
    ROUTINGS,
    Answer,
    Mix,
    ServiceTimes,
    Simulation,
    arrivals,
    capacity,
    percentile,
)
from tests.bench.plot import lines

LOADS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
CHECKED = (1, 2, 4)
"""Replicas of the real runs."""
CHECKED_LOADS = (0.5, 0.8)
CHECK_SECONDS = 40.0
"""Of one real run."""


def simulated(
    times: ServiceTimes, mix: Mix, devices: int, load: float, requests: int, routing: str = "seconds"
) -> list[Answer]:
    rate = load * devices * capacity(times, mix)
    return Simulation(times, devices, ROUTINGS[routing]).run(arrivals(mix, rate, requests, seed=0))


def alone(times: ServiceTimes, mix: Mix) -> float:
    """Seconds of the shortest kind on an idle device."""
    return times.of([mix[0].seconds])


def by_devices(times: ServiceTimes, mix: Mix, devices: list[int], requests: int) -> dict[int, list[tuple[float, ...]]]:
    """(load, p50, p95) of the shortest kind for each number of devices, in multiples of what it takes alone."""
    unit, name = alone(times, mix), mix[0].name
    return {
        number: [
            (load, percentile(answers, name, 0.5) / unit, percentile(answers, name, 0.95) / unit)
            for load in LOADS
            for answers in [simulated(times, mix, number, load, max(requests, 100 * number))]
        ]
        for number in devices
    }


def by_routing(times: ServiceTimes, mix: Mix, devices: int, requests: int) -> Iterator[tuple[str, float, float]]:
    for routing in ROUTINGS:
        answers = simulated(times, mix, devices, 0.8, requests, routing)
        yield routing, percentile(answers, mix[0].name, 0.5), percentile(answers, mix[0].name, 0.95)


def checked(times: ServiceTimes, mix: Mix) -> Table:
    """The simulation beside real batchers."""
    table = Table("replicas", "load", "requests", "p50 real", "p50 simulated", "p95 real", "p95 simulated")
    for replicas in CHECKED:
        for load in CHECKED_LOADS:
            rate = load * replicas * capacity(times, mix)
            requests = arrivals(mix, rate, round(rate * CHECK_SECONDS), seed=0)
            real = asyncio.run(run_replicas(times, replicas, requests))
            predicted = Simulation(times, replicas, ROUTINGS["seconds"]).run(requests)
            row = [f"{percentile(found, mix[0].name, p):.2f}" for p in (0.5, 0.95) for found in (real, predicted)]
            table.add_row(str(replicas), f"{load:.0%}", str(len(requests)), *row)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--measure", metavar="MODEL", default="whisper-pocket", help="model to measure (whisper-pocket)"
    )
    source.add_argument("--times", help="seconds for each batch, window and second of audio, with commas")
    parser.add_argument("--devices", default="1,2,4,16,64,1000")
    parser.add_argument("--mix", choices=MIXES, default="calls")
    parser.add_argument("--requests", type=int, default=4_000, help="of one run; at least 100 for each device")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    console, mix = Console(width=110), MIXES[asked.mix]
    times = _times(asked.times) if asked.times else asyncio.run(measure(asked.measure))
    console.print(
        f"a batch takes {times.batch:.4f} s, each window {times.window:.4f} s and each second of audio"
        f" {times.second:.5f} s more; one device answers {capacity(times, mix):.2f} requests/s of the mix {asked.mix};"
        f" load of this machine {os.getloadavg()[0]:.1f}"
    )
    if asked.check:
        console.print(checked(times, mix))
    found = by_devices(times, mix, [int(number) for number in asked.devices.split(",")], asked.requests)
    table = Table("devices", *(f"{load:.0%}" for load in LOADS), title=f"p50 / p95 of a {mix[0].name}, times alone")
    for number, row in found.items():
        table.add_row(str(number), *(f"{p50:.1f} / {p95:.1f}" for _, p50, p95 in row))
    console.print(table)
    table = Table("routing over 4 devices at 80%", f"p50 of a {mix[0].name}", "p95")
    for routing, p50, p95 in by_routing(times, mix, 4, asked.requests):
        table.add_row(routing, f"{p50:.2f} s", f"{p95:.2f} s")
    console.print(table)
    if asked.plot:
        series = {f"{number} devices": [(load, p95) for load, _, p95 in row] for number, row in found.items()}
        title = f"How long 95% of {mix[0].name}s take, in multiples of an idle device's time"
        asked.plot.write_text(lines(title, ("load", "times alone"), series))


def _times(text: str) -> ServiceTimes:
    batch, window, second = map(float, text.split(","))
    return ServiceTimes(batch, window, second)


if __name__ == "__main__":
    main()
