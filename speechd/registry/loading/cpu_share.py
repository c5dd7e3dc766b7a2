"""How a Whisper model takes the cores: threads of a replica, and replicas. Measured once on each machine, and kept.

Which is best depends on the machine more than on the model. The encoder's matrices share well over threads, the
decoder's steps are short and wait for each other, and two replicas share nothing but the memory bus.
"""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

SMALL_MODEL_BYTES = 50_000_000
"""Below this, one CPU thread is faster than two: the matrices are too small to share (measured on whisper-pocket)."""
SLOW_PASS = 2.0
"""Seconds. A model that takes longer for one window is not measured: it would take a minute, and large matrices share
well."""
MAX_REPLICAS = 4
"""Batches of a model decoded at once; more would only make each batch smaller."""
MAX_THREADS = 8
"""More OpenMP threads than this hardly speed up one batch of Whisper on a CPU, and take cores from decoding."""
DISTURBED = 1.2
"""Wall seconds over CPU seconds of one thread, above which another program had the core: nothing is kept."""
FRAMES = 800
"""Mel frames of a pass: 8 s, a usual clip and its margin."""
TOKENS = 25
"""Written in a pass: about as many as 5 s of speech have."""
ROUNDS = 2
"""Of each measurement; the shortest counts."""
MAX_MEASURING = 60.0
"""Seconds for one share. A machine that needs longer is too busy to be measured."""

log = logging.getLogger("speechd.models")


@dataclass(frozen=True)
class CpuShare:
    """What a model takes of a CPU."""

    threads: int
    """Of each replica."""
    replicas: int
    """Batches decoded at once."""


@dataclass(frozen=True)
class PassSeconds:
    """What one window takes under a share."""

    alone: float
    """Seconds while nothing else runs: how long one client waits."""
    busy: float
    """Seconds a window while all replicas work: how many clients are served."""
    disturbed: bool = False
    """Whether another program had the cores."""

    @property
    def cost(self) -> float:
        """Both weigh the same."""
        return self.alone * self.busy


def share_by_size(folder: Path, cores: int, threads: int = 0) -> CpuShare:
    """A small model takes the cores one by one, a large one several of them.

    Args:
        threads: of each replica, where they are set.
    """
    if _is_small(folder):
        return CpuShare(threads or 1, min(cores, MAX_REPLICAS))
    each = threads or min(cores, MAX_THREADS)
    return CpuShare(each, max(1, min(cores // each, MAX_REPLICAS)))


def measured_share(folder: Path, compute_type: str, cores: int, kept: Path) -> CpuShare:
    """The share with the lowest cost: as it was kept, or measured now in a few seconds.

    Args:
        folder: of a model in CTranslate2 format.
        kept: file of what was measured before. It is written where the machine was quiet.
    """
    known = share_by_size(folder, cores)
    if cores == 1 or _is_small(folder):
        return known
    name = _name(folder, compute_type, cores)
    if (found := _read(kept).get(name)) is not None:
        return found
    began = time.monotonic()
    chosen, quiet = cheapest(shares(cores), lambda share: measured_apart(folder, compute_type, share))
    if not quiet or chosen is None:
        log.info("%s: %s. The machine was too busy or the model too slow to measure better.", folder.name, _told(known))
        return known
    log.info("%s: %s, measured in %.1f s", folder.name, _told(chosen), time.monotonic() - began)
    _write(kept, name, chosen)
    return chosen


def shares(cores: int) -> list[CpuShare]:
    """What is tried. Two replicas at least: while one encodes with all threads, the other decodes."""
    return [
        CpuShare(threads, min(max(2, cores // threads), MAX_REPLICAS)) for threads in (1, 2, 4, 8) if threads <= cores
    ]


def cheapest(
    candidates: Iterable[CpuShare], measure: Callable[[CpuShare], PassSeconds | None]
) -> tuple[CpuShare | None, bool]:
    """The share of the lowest cost, and whether no measurement was disturbed.

    Args:
        measure: None ends the search: the model is too slow to be measured.
    """
    costs: dict[CpuShare, float] = {}
    for share in candidates:
        found = measure(share)
        if found is None:
            return None, True
        if found.disturbed:
            return None, False
        costs[share] = found.cost
    return min(costs, key=costs.__getitem__, default=None), True


def measured_apart(folder: Path, compute_type: str, share: CpuShare) -> PassSeconds | None:
    """Measures in a process of its own; None where that brought nothing: the load that follows says why.

    The memory that this takes would not all come back: a server on whisper-base kept 230 MB of it.
    """
    command = [sys.executable, "-P", "-m", __name__, str(folder), compute_type, json.dumps(asdict(share))]
    try:
        child = subprocess.run(  # noqa: S603 - our own module
            command, capture_output=True, check=True, timeout=MAX_MEASURING, process_group=0
        )
        found = json.loads(child.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return found and PassSeconds(**found)


def pass_seconds(folder: Path, compute_type: str, share: CpuShare) -> PassSeconds | None:
    """Loads the model with this share, and encodes and decodes; None where a pass takes longer than SLOW_PASS.

    Raises:
        RuntimeError, ValueError: the folder holds no loadable model.
    """
    import ctranslate2

    model: Any = ctranslate2.models.Whisper(
        str(folder), compute_type=compute_type, intra_threads=share.threads, inter_threads=share.replicas
    )
    run = _pass_of(model, folder)
    try:
        if _timed(run)[0] > SLOW_PASS:
            return None
        wall, cpu = min(_timed(run) for _ in range(ROUNDS))
        with ThreadPoolExecutor(share.replicas) as pool:
            count = 2 * share.replicas
            busy = min(_timed(lambda: list(pool.map(lambda _: run(), range(count))))[0] for _ in range(ROUNDS))
    finally:
        model.unload_model()
    return PassSeconds(wall, busy / count, disturbed=share.threads == 1 and wall > DISTURBED * cpu)


def _pass_of(model: Any, folder: Path) -> Callable[[], object]:
    """One window from mel frames to text, always of the same length: the end of the text is forbidden."""
    import ctranslate2
    import tokenizers

    vocabulary = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    start, end = map(vocabulary.token_to_id, ("<|startoftranscript|>", "<|endoftext|>"))
    features = ctranslate2.StorageView.from_array(np.zeros((1, model.n_mels, FRAMES), np.float32))

    def run() -> object:
        return model.generate(
            model.encode(features),
            [[start]],
            beam_size=5,
            max_length=TOKENS,
            suppress_blank=False,
            suppress_tokens=[end],
        )

    return run


def _timed(run: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds and CPU seconds of this process."""
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def _is_small(folder: Path) -> bool:
    return (folder / "model.bin").stat().st_size < SMALL_MODEL_BYTES


def _told(share: CpuShare) -> str:
    return f"{share.threads} threads, {share.replicas} replicas"


def _name(folder: Path, compute_type: str, cores: int) -> str:
    """What a measurement holds for: weights, number format, cores and library."""
    import ctranslate2

    size = (folder / "model.bin").stat().st_size
    return f"{size} bytes, {compute_type}, {cores} cores, ctranslate2 {ctranslate2.__version__}"


def _read(kept: Path) -> dict[str, CpuShare]:
    try:
        return {name: CpuShare(**row) for name, row in json.loads(kept.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or somebody's edit: it is measured again
        return {}


def _write(kept: Path, name: str, share: CpuShare) -> None:
    rows = {known: asdict(row) for known, row in (_read(kept) | {name: share}).items()}
    beside = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(rows, indent=1) + "\n")
        beside.replace(kept)
    except OSError as error:
        log.warning("%s cannot be written (%s): the next start measures again", kept, error.strerror)


def _main(folder: str, compute_type: str, share: str) -> None:
    """The process of `measured_apart`: writes PassSeconds, or null, as JSON."""
    found = pass_seconds(Path(folder), compute_type, CpuShare(**json.loads(share)))
    print(json.dumps(found and asdict(found)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
