"""A Ray cluster of two machines on loopback, and servers that use it. It needs the extra `cluster`."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from tests.conftest import ROOT
from tests.integration.conftest import LISTENS, Program, server_pid, serving, started
from tests.support.processes import children, eventually, own_sigterm

CPUS = 2
"""That each machine says it has, whatever there is."""
OBJECT_STORE = 200_000_000
"""Bytes of each machine's object store."""
PATIENT = {
    "RAY_gcs_server_request_timeout_seconds": "120",
    "RAY_agent_register_timeout_ms": "180000",
    "RAY_worker_niceness": "0",
}
"""A busy test machine takes longer to start all processes than Ray expects. And Ray lets every other program go before
its workers, which would hardly run there."""
OWN_ID = "RAY_OVERRIDE_NODE_ID_FOR_TESTING"
"""Gives the next machine its id."""


@dataclass
class RayCluster:
    """Machines are raylets of this computer."""

    inner: Any
    """The Cluster of ray.cluster_utils."""
    workers: list[Any] = field(default_factory=list)
    """Its machines but for the head."""

    @classmethod
    @contextmanager
    def started(cls, data_dir: Path, machines: int = 2) -> Iterator["RayCluster"]:
        """
        Args:
            data_dir: of the replicas.
            machines: the head counted in.
        """
        before = dict(os.environ)
        os.environ.update(PATIENT | {"RAY_USAGE_STATS_ENABLED": "0", "SPEECHD_DATA_DIR": str(data_dir)})
        os.environ["PYTHONPATH"] = str(ROOT)
        from ray.cluster_utils import Cluster

        head = {"include_dashboard": False, "include_log_monitor": False, "no_monitor": True}
        cluster = cls(_started(lambda machine: Cluster(initialize_head=True, head_node_args=machine | head)))
        try:
            for _ in range(machines - 1):
                cluster.add_machine()
            yield cluster
        finally:
            cluster.inner.shutdown()
            os.environ.clear()
            os.environ.update(before)

    @property
    def address(self) -> str:
        """Of the head."""
        return str(self.inner.address)

    def add_machine(self) -> None:
        self.workers.append(_started(lambda machine: self.inner.add_node(**machine)))

    def kill_machine(self) -> None:
        """Ends a machine that is not the head, with all that runs on it, at once."""
        self.inner.remove_node(self.workers.pop(0), allow_graceful=False)

    def replicas(self, model: str = "whisper-pocket") -> list[int]:
        """The processes of a model's replicas on all machines."""
        return self.processes(f"ServeReplica:speechd-{model}-")

    def processes(self, title: str) -> list[int]:
        """Those of all machines with this in their title."""
        raylets = [self.inner.head_node, *self.workers]
        pids = [process.process.pid for node in raylets for process in node.all_processes.get("raylet", [])]
        return [pid for raylet in pids for pid in children(raylet) if title in _title(pid)]

    def wait_for_replicas(self, count: int, seconds: float = 180) -> None:
        assert eventually(lambda: len(self.replicas()) >= count, seconds), self.replicas()


@dataclass
class ClusterServer:
    """A server of the HTTP API whose models are in the cluster."""

    port: int
    data_dir: Path
    variables: dict[str, str]
    _running: ExitStack
    program: Program

    @classmethod
    @contextmanager
    def started(cls, cluster: RayCluster, data_dir: Path, **variables: str) -> Iterator["ClusterServer"]:
        """It is warm when it is there: the first replica has answered."""
        given = {"SPEECHD_CLUSTER": cluster.address, "SPEECHD_PORT": str(free_port())}
        given |= {"SPEECHD_CLUSTER_START_SECONDS": "240", "SPEECHD_DATA_DIR": str(data_dir)} | variables
        with ExitStack() as running:
            program = running.enter_context(started(data_dir, "serve", LISTENS, **given))
            server = cls(int(given["SPEECHD_PORT"]), data_dir, given, running, program)
            server.wait_until_ready()
            yield server
            server._running.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            try:
                return httpx2.get(f"{self.url}/readyz", timeout=10).status_code == 200
            except httpx2.TransportError:
                return False

        assert eventually(ready, 120), "".join(self.program.log)

    def kill_and_restart(self) -> None:
        """Ends the process at once, and starts it again at the same address."""
        os.kill(server_pid(self.url), signal.SIGKILL)
        self._running.close()
        self._running = ExitStack()
        self.program = self._running.enter_context(started(self.data_dir, "serve", LISTENS, **self.variables))
        self.wait_until_ready()


def serving_here(data_dir: Path, **variables: str) -> Any:
    """A server without a cluster; its address."""
    return serving(data_dir, **variables)


def _started(start: Callable[[dict[str, Any]], Any]) -> Any:
    """A machine, or a cluster with its first one.

    A machine of Ray ends when its agent has not told its ports after 15 s, which no setting changes, and on a busy
    computer it takes longer. So its ports are chosen here. One of them is only read from the file that the agent
    writes: it is written here before.
    """
    names = ("metrics_agent", "metrics_export", "runtime_env_agent", "dashboard_agent_listen")
    ports = {f"{name}_port": free_port() for name in names}
    os.environ[OWN_ID] = machine_id = os.urandom(28).hex()
    over = threading.Event()
    writer = threading.Thread(target=_tell_port, args=(machine_id, ports["dashboard_agent_listen_port"], over))
    writer.start()
    try:
        with own_sigterm():
            return start({"num_cpus": CPUS, "object_store_memory": OBJECT_STORE} | ports)
    finally:
        over.set()
        writer.join()
        del os.environ[OWN_ID]


def _tell_port(machine_id: str, port: int, over: threading.Event) -> None:
    """Writes the file as soon as this process's session has a folder."""
    while not over.wait(0.05):
        for folder in Path("/tmp/ray").glob(f"session_*_{os.getpid()}"):
            file = folder / f"dashboard_agent_listen_port_{machine_id}"
            if not file.exists():
                file.with_suffix(".new").write_text(str(port))
                file.with_suffix(".new").rename(file)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _title(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""
