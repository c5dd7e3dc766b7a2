"""Joins a cluster of Ray, and starts transcribers on its machines.

The one module of folder runs that imports Ray, which comes with the extra `cluster`.
"""

import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from speechd.cluster.actors import OpenLocal, TranscriberActor, open_real
from speechd.errors import CannotGoOn, FeatureNotInstalled, InvalidRequest

MISSING_EXTRA = "--cluster needs Ray. Install the extra `cluster`: pip install 'speechd[cluster]'"
JOIN_SECONDS = 20.0
"""Seconds that a cluster has to answer at its address."""
REACH_SECONDS = 5.0
"""Seconds for a connection to the address."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What one machine of the cluster offers."""

    cpus: float
    gpus: float


@dataclass(frozen=True, slots=True)
class Placement:
    """How many transcribers there are, and what each of them takes of its machine."""

    count: int
    cpus: float
    gpus: float = 0.0


def place_transcribers(machines: Sequence[Machine], replicas: int | None = None) -> Placement:
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
        return Placement(count, max(1.0, math.floor(min(machine.cpus for machine in usable) / on_each)))
    beside = min(machine.cpus / math.floor(machine.gpus) for machine in usable if machine.gpus >= 1)
    return Placement(count, max(1.0, math.floor(beside / on_each)), 1.0 / on_each)


@asynccontextmanager
async def joined_cluster(address: str) -> AsyncGenerator[Any]:
    """The module `ray`, connected to a cluster until the context ends. What was started in it ends then, too.

    Args:
        address: `auto` for the cluster that this machine belongs to, or HOST:PORT of its head.

    Raises:
        FeatureNotInstalled: Ray is not installed.
        InvalidRequest: the address is malformed.
        CannotGoOn: there is no cluster, or it runs other versions of Ray or Python.
    """
    ray = _library()
    if address != "auto":
        await asyncio.to_thread(_check_address, address)
    try:
        with _own_signals():
            async with asyncio.timeout(JOIN_SECONDS):
                await asyncio.to_thread(_join, ray, address)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError, AssertionError) as error:
        raise CannotGoOn(f"No cluster of Ray can be joined at {address}. {_first_line(error)}".rstrip()) from error
    try:
        yield ray
    finally:
        await asyncio.to_thread(ray.shutdown)


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


def _library() -> Any:
    try:
        import ray
    except ImportError as error:
        raise FeatureNotInstalled(MISSING_EXTRA) from error
    return ray


def _join(ray: Any, address: str) -> None:
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False)


def _check_address(address: str) -> None:
    """
    Raises:
        InvalidRequest: it is not HOST:PORT.
        CannotGoOn: nothing listens there. Ray itself tries for a minute.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "//" in host:
        raise InvalidRequest(f"--cluster must be auto or an address such as 10.0.0.1:6379, not {address}.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
        _require_grpc(address)
    except (OSError, OverflowError) as error:
        raise CannotGoOn(f"No cluster of Ray can be joined at {address}: {error}.") from error


def _require_grpc(address: str) -> None:
    """
    Raises:
        ConnectionError: what listens there is not the head of a cluster. Ray itself would find out after two minutes.
    """
    if os.environ.get("RAY_USE_TLS") == "1":
        return  # a channel would need the certificates
    import grpc

    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(REACH_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise ConnectionError("what listens there does not speak Ray's protocol") from error


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


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
