"""The transcribers of a folder run on the machines of a cluster: how many, where, and until when."""

import asyncio
import contextlib
import math
import signal
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from speechd.cluster.actors import OpenLocal, TranscriberActor, open_real
from speechd.cluster.connect import join_cluster, leave_cluster
from speechd.errors import CannotGoOn


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine of the cluster offers."""

    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class ActorPlacement:
    """How many transcribers there are, and what each of them takes of its machine."""

    count: int
    cpus: float
    gpus: float = 0.0


def place_transcribers(machines: Sequence[Machine], replicas: int | None = None) -> ActorPlacement:
    """One transcriber for each GPU. Without GPUs one for each machine, which takes all CPUs of the smallest one.

    Args:
        machines: of the cluster.
        replicas: so many transcribers share the machines instead.

    Raises:
        CannotGoOn: no machine offers a CPU.
    """
    usable = [machine for machine in machines if machine.cpus >= 1]
    if not usable:
        raise CannotGoOn("No machine of the cluster offers a CPU. Start them with: ray start --num-cpus N")
    gpus = sum(math.floor(machine.gpus) for machine in usable)
    count = replicas or gpus or len(usable)
    on_each = math.ceil(count / (gpus or len(usable)))
    if not gpus:
        return ActorPlacement(count, max(1.0, math.floor(min(machine.cpus for machine in usable) / on_each)))
    beside = min(machine.cpus / math.floor(machine.gpus) for machine in usable if machine.gpus >= 1)
    return ActorPlacement(count, max(1.0, math.floor(beside / on_each)), 1.0 / on_each)


@asynccontextmanager
async def joined_cluster(address: str) -> AsyncGenerator[Any]:
    """The module `ray`, connected to a cluster until the context ends. What was started in it ends then, too.

    Args:
        address: `auto` for the cluster that this machine belongs to, or HOST:PORT of its head.

    Raises:
        FeatureNotInstalled: Ray is not installed.
        Misconfigured: see join_cluster.
    """
    with _own_signals():
        join_cluster(address)  # not in another thread, where Ray complains on standard error
    import ray

    try:
        yield ray
    finally:
        await asyncio.to_thread(leave_cluster)


def start_transcribers(ray: Any, replicas: int | None = None, open_local: OpenLocal = open_real) -> list[Any]:
    """Handles of new actors of TranscriberActor, which Ray starts again when they die.

    Raises:
        CannotGoOn: no machine has room for one.
    """
    placement = place_transcribers(_machines(ray), replicas)
    actor = ray.remote(TranscriberActor).options(
        num_cpus=placement.cpus, num_gpus=placement.gpus, scheduling_strategy="SPREAD", max_restarts=-1
    )
    return [actor.remote(open_local) for _ in range(placement.count)]


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Ray replaces the handler of SIGTERM; the run's own stays."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _machines(ray: Any) -> list[Machine]:
    def offered(node: Mapping[str, Any]) -> Machine:
        resources = node.get("Resources", {})
        return Machine(float(resources.get("CPU", 0)), float(resources.get("GPU", 0)))

    return [offered(node) for node in ray.nodes() if node.get("Alive")]
