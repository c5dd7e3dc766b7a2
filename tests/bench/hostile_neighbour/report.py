"""What was measured, as tables."""

import os
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from tests.bench.hostile_neighbour.honest import KINDS, Outcome
from tests.bench.hostile_neighbour.hostile import Round
from tests.bench.hostile_neighbour.observer import LoopTime, Sample, Seen

MAX_ERRORS = 20
"""Errors of the others that are printed."""


@dataclass(frozen=True)
class Measured:
    """One show."""

    seen: Seen
    quiet: tuple[float, float]
    """Beginning and end of the time without the hostile caller."""
    alone: Sequence[Outcome]
    together: Sequence[Outcome]
    rounds: Sequence[Round]


def machine() -> str:
    loads = " ".join(f"{load:.2f}" for load in os.getloadavg())
    return f"{len(os.sched_getaffinity(0))} CPUs, load average before the start {loads}"


def answers_of(round_: Round) -> str:
    return ", ".join(f"{count}x {answer}" for answer, count in round_.answers.most_common())


def show(console: Console, measured: Measured) -> None:
    table = Table(
        "",
        "answered",
        "503 with retry-after",
        "errors",
        "/healthz p50 ms",
        "p99 ms",
        "loop runs %",
        "lacks a CPU %",
        "busiest second",
        "peak MB",
    )
    began, ended = measured.quiet
    table.add_row("without", *cells(measured.alone, measured.seen, began, ended), end_section=True)
    for each in measured.rounds:
        name = f"{each.row} {each.name}"
        table.add_row(name, *cells(measured.together, measured.seen, each.started, each.ended))
    if measured.rounds:
        table.add_section()
        began, ended = measured.rounds[0].started, max(outcome.ended for outcome in measured.together)
        table.add_row("all rows", *cells(measured.together, measured.seen, began, ended))
    console.print(table)
    console.print(times(measured))
    for error, count in Counter(f"{o.kind}: {o.error}" for o in measured.together if o.error).most_common(MAX_ERRORS):
        console.print(f"{count}x {error}")
    console.print(f"load average at the end {os.getloadavg()[0]:.2f}")


def cells(outcomes: Sequence[Outcome], seen: Seen, began: float, ended: float) -> list[str]:
    """Of what ended between two moments."""
    here = [outcome for outcome in outcomes if began <= outcome.ended < ended]
    errors, refused = sum(bool(o.error) for o in here), sum(o.refused for o in here)
    probes = [1000 * sample.value for sample in between(seen.probes, began, ended)]
    p50, p99 = (f"{percentile(probes, part):.1f}" for part in (50, 99))
    peak = max((sample.value for sample in between(seen.memory, began, ended)), default=0)
    shares = loop_shares(seen.loop, began, ended)
    return [str(len(here) - errors - refused), str(refused), str(errors), p50, p99, *shares, f"{peak:.0f}"]


def loop_shares(times: Sequence[LoopTime], began: float, ended: float) -> tuple[str, str, str]:
    """Percent of the time in which the event loop's thread ran, and in which it was ready and had no CPU; and how many
    ms it ran in its busiest second, which no other load changes."""
    here = [each for each in times if began <= each.at < ended]
    if len(here) < 2:
        return "", "", ""
    first, last = here[0], here[-1]
    seconds = last.at - first.at
    parts = (last.running - first.running, last.waiting - first.waiting)
    running, waiting = (f"{100 * part / seconds:.0f}" for part in parts)
    return running, waiting, f"{1000 * busiest_second(here):.0f} ms"


def busiest_second(times: Sequence[LoopTime]) -> float:
    """The most seconds that the loop's thread ran within about one second."""
    most, first = 0.0, 0
    for last in times:
        while last.at - times[first].at > 1.0:
            first += 1
        most = max(most, last.running - times[first].running)
    return most


def times(measured: Measured) -> Table:
    """Seconds of the answers, by kind of client."""
    table = Table("client", "answers without", "p50 s", "p95 s", "answers beside the hostile one", "p50 s", "p95 s")
    for kind in KINDS:
        row = [kind.name]
        for outcomes in (measured.alone, measured.together):
            took = [o.ended - o.started for o in outcomes if o.kind == kind.name and not o.error and not o.refused]
            row += [str(len(took)), f"{percentile(took, 50):.2f}", f"{percentile(took, 95):.2f}"]
        table.add_row(*row)
    return table


def between(samples: Sequence[Sample], began: float, ended: float) -> list[Sample]:
    return [sample for sample in samples if began <= sample.at < ended]


def percentile(values: Sequence[float], part: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[part - 1]
