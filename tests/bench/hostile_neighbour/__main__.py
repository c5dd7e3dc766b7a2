"""Can one caller hurt the others? Honest clients beside a hostile one, on a real server with real weights.

    python -m tests.bench.hostile_neighbour MODEL [--seconds 120] [--clients 50] [--quiet 60] [--pace 1] [--at-once 40]

MODEL is a folder of Whisper's weights in CTranslate2's format, such as whisper-base. The recordings come from the cache
of tests/real. First the clients have the server for themselves. Then a hostile caller does each row of the table in
docs/explanation/security.md in turn beside the same clients. For each row it prints what became of the requests of
the others that ended meanwhile, how long /healthz took, the peak of the memory of the server's processes, and what the
hostile caller was told. A refusal with `503` and `retry-after` is counted apart from errors.

With --at-once it only sends so many recordings at the same moment to a fresh server, and prints how many
were answered, how long they waited, and whether those who were refused were taken after `retry-after`.
"""

import argparse
import asyncio
import time
from pathlib import Path

from rich.console import Console

from tests.bench.hostile_neighbour import at_once, report
from tests.bench.hostile_neighbour.honest import Load, Outcome, live_together, warm_up
from tests.bench.hostile_neighbour.hostile import Round, attacking
from tests.bench.hostile_neighbour.observer import Seen, observing
from tests.bench.hostile_neighbour.recordings import clips
from tests.bench.hostile_neighbour.stage import Stage, staged


async def quiet(stage: Stage, load: Load, seconds: float) -> list[Outcome]:
    """The clients alone."""
    return await live_together(stage, load, time.monotonic() + seconds)


async def beside(stage: Stage, load: Load, seconds: float, console: Console) -> tuple[list[Outcome], list[Round]]:
    """The clients, and the hostile caller."""
    process, pipe = attacking(stage, seconds)
    until = time.monotonic() + seconds + 5  # the last attack may take a little longer
    living = asyncio.create_task(live_together(stage, load, until))
    rounds: list[Round] = []
    while (each := await asyncio.to_thread(pipe.recv)) is not None:
        rounds.append(each)
        console.print(f"  {each.row:2} {each.name}: {report.answers_of(each)}")
    outcomes = await living
    process.join()
    return outcomes, rounds


async def show(stage: Stage, arguments: argparse.Namespace, console: Console) -> None:
    load, seconds = Load(arguments.clients, arguments.pace), arguments.seconds
    console.print("one request of each kind, to load the models")
    await warm_up(stage, load.clients)
    seen: Seen
    with observing(stage.url, stage.pid) as seen:
        console.print(f"{load.clients} clients alone for {arguments.quiet:g} s")
        began = time.monotonic()
        alone = await quiet(stage, load, arguments.quiet)
        ended = time.monotonic()
        console.print(f"the same with a hostile caller for {seconds:g} s")
        together, rounds = await beside(stage, load, seconds, console)
    report.show(console, report.Measured(seen, (began, ended), alone, together, rounds))


def main() -> None:
    description, _, _ = (__doc__ or "").rpartition("\n")
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL", help="the model's folder")
    parser.add_argument("--seconds", type=float, default=120, help="with the hostile caller (120)")
    parser.add_argument("--quiet", type=float, default=60, help="seconds before, without it (60)")
    parser.add_argument("--clients", type=int, default=50, help="honest ones (50)")
    parser.add_argument("--pace", type=float, default=1, help="of the clients: 0.5 doubles their pauses (1)")
    parser.add_argument("--at-once", type=int, metavar="N", help="only N recordings at the same moment")
    lengths = ("short", "middle", "minute")
    parser.add_argument("--length", choices=lengths, default="minute", help="of these: up to 5 s, 5 to 15 s, a minute")
    arguments = parser.parse_args()
    console = Console(width=150)
    console.print(report.machine())
    clips()
    with staged(arguments.model, max(arguments.clients, arguments.at_once or 0)) as stage:
        if arguments.at_once:
            asyncio.run(at_once.show(stage, arguments.at_once, arguments.length, console))
        else:
            asyncio.run(show(stage, arguments, console))


if __name__ == "__main__":
    main()
