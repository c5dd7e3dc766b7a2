"""speechd over HTTP against its peers: the same recordings of people, weights and machine, in one run.

    python -m tests.bench.recognition [--model FOLDER] [--rounds N] [--only LOAD]... [--quick]

Whisper base comes from a Python package where no --model is given, and the recordings from Debian packages. For each
load all peers take turns, N times. The table shows medians of wall and CPU seconds, the word error rate and the lost
phrases beside them, since a faster answer that is worse is no answer, and the peer's times over speechd's: above 1,
speechd is faster. speechd's cache is off. Wall seconds are worthless on a machine that does other work at the time.

Where a GPU is, the shapes of large-v3 and turbo follow, with random weights.
"""

import argparse
import asyncio
import json
import signal
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import ctranslate2
from rich.console import Console
from rich.progress import Progress

from tests.bench import random_whisper
from tests.bench.recognition.loads import GPU_LOADS, LOADS, Load
from tests.bench.recognition.measuring import Row, measured
from tests.bench.recognition.peers import PEERS, Place, RunningPeer, at_url
from tests.bench.recognition.report import as_json, picture, table
from tests.real.weights import BASE, model_folder

ERRORS = Console(stderr=True)


async def compare(place: Place, loads: Mapping[str, Load], asked: argparse.Namespace) -> list[Row]:
    """All rows, told on the error output as they come."""
    rows: list[Row] = []
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # its processes end with it
    wanted = {"speechd", *(peer for load in loads.values() for peer in load.peers)}
    async with AsyncExitStack() as running:
        progress = running.enter_context(Progress(console=ERRORS, transient=True))
        peers: dict[str, RunningPeer] = {}
        for name, peer in PEERS.items():
            if name not in wanted or (asked.peer and name not in ("speechd", *asked.peer)):
                continue
            if why := peer.missing():
                progress.console.print(f"{peer.title} is left out: {why}.")
                continue
            peers[name] = await running.enter_async_context(peer.start(place))
        for name, url in (given.split("=", 1) for given in asked.server):
            peers[name] = await running.enter_async_context(at_url(url, asked.server_model))
        others = tuple(given.split("=", 1)[0] for given in asked.server)
        task = progress.add_task("starting", total=len(loads))
        for name, load in loads.items():
            chosen = {each: peers[each] for each in ("speechd", *load.peers, *others) if each in peers}
            rounds = min(asked.rounds, load.max_rounds)
            async for row in measured(name, load, chosen, rounds, lambda text: progress.update(task, description=text)):
                rows.append(row)
                progress.console.print(f"{name}, {row.peer}: {row.seconds:.2f} s, CPU {row.cpu_seconds:.2f} s")
            progress.advance(task)
    return rows


def on_gpu(scratch: Path, asked: argparse.Namespace) -> None:
    """The large shapes, where a GPU is."""
    if not ctranslate2.get_cuda_device_count():
        ERRORS.print("There is no GPU here: the shapes of large-v3 and turbo were left out.")
        return
    for shape in ("large-v3", "turbo"):
        folder = scratch / f"random-{shape}"
        random_whisper.make(random_whisper.SHAPES[shape], folder)
        rows = asyncio.run(compare(Place(folder, "cuda", scratch), GPU_LOADS, asked))
        Console(width=130).print(table(f"{shape}, random weights, on a GPU", rows, GPU_LOADS, has_words=False))


def chosen_loads(asked: argparse.Namespace) -> dict[str, Load]:
    """The rows that are run."""
    names = asked.only or [name for name, load in LOADS.items() if load.quick or not asked.quick]
    return {name: load for name, load in LOADS.items() if name in names}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--model", type=Path, help="folder of a Whisper model in CTranslate2's format")
    made.add_argument("--rounds", type=int, default=5, help="of each load by each peer (5)")
    made.add_argument("--only", action="append", choices=LOADS, help="only this load; may be repeated")
    made.add_argument("--peer", action="append", choices=PEERS, help="speechd and only this one; may be repeated")
    made.add_argument("--quick", action="store_true", help="one round, without the longest loads")
    made.add_argument(
        "--server", action="append", default=[], metavar="NAME=URL", help="one more, that runs on this machine"
    )
    made.add_argument("--server-model", default="whisper-1", help="the model that it is asked for (whisper-1)")
    made.add_argument("--json", type=Path, help="write every sample to this file")
    made.add_argument("--plot", type=Path, help="write the ratios as SVG to this file")
    made.add_argument("--cpu", action="store_true", help="the picture shows CPU seconds instead of wall seconds")
    return made


def main() -> None:
    asked = parser().parse_args()
    asked.rounds = 1 if asked.quick else asked.rounds
    folder, loads = asked.model or model_folder(BASE), chosen_loads(asked)
    with tempfile.TemporaryDirectory() as scratch:
        rows = asyncio.run(compare(Place(folder, "cpu", Path(scratch)), loads, asked))
        Console(width=130).print(table(folder.name, rows, loads, has_words=True))
        if asked.json:
            asked.json.write_text(json.dumps(as_json(rows), indent=1))
        if asked.plot:
            unit = "CPU seconds" if asked.cpu else "time"
            title = f"Their {unit} over speechd's, {folder.name}"
            asked.plot.write_text(picture(title, rows, loads, "cpu_seconds" if asked.cpu else "seconds"))
        if not asked.only:
            on_gpu(Path(scratch), asked)


if __name__ == "__main__":
    main()
