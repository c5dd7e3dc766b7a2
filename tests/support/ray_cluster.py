"""A cluster of Ray on this machine, where Ray is installed."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.processes import children, own_sigterm

MISSING = "Ray is not installed: pip install 'speechd[cluster]'"
needs_ray = [pytest.mark.extra, pytest.mark.skipif(find_spec("ray") is None, reason=MISSING)]

PATIENT = {
    "RAY_gcs_server_request_timeout_seconds": "20",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_niceness": "0",
}
"""Ray lets every other program go before its workers, which would hardly run on a machine that does other work."""
ATTEMPTS = 3
"""Ray gives its parts 30 s to start, which is little on a machine that does other work."""
NODE = {"num_cpus": 1, "object_store_memory": 100_000_000}


@dataclass
class LocalCluster:
    """Two machines of a cluster, which are two raylets."""

    cluster: Any
    address: str

    def raylets(self) -> list[Any]:
        """The machines; the first one is the head."""
        return sorted(self.cluster.list_all_nodes(), key=lambda node: not node.head)

    def actors(self) -> set[int]:
        """Processes of transcribers, on both."""
        found = set()
        for node in self.raylets():
            for process in children(node.all_processes["raylet"][0].process.pid):
                with contextlib.suppress(OSError):
                    if b"TranscriberActor" in Path(f"/proc/{process}/cmdline").read_bytes():
                        found.add(process)
        return found

    def kill_an_actor(self) -> None:
        os.kill(max(self.actors()), signal.SIGKILL)

    def kill_a_machine(self) -> None:
        """The second one, with its processes."""
        self.cluster.remove_node(self.raylets()[-1], allow_graceful=False)


@contextmanager
def serving_cluster(data_dir: Path) -> Iterator[LocalCluster]:
    """
    Args:
        data_dir: data folder of its machines.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPEECHD_")}
    with patch.dict(os.environ, environment | PATIENT | {"SPEECHD_DATA_DIR": str(data_dir)}, clear=True):
        with own_sigterm():
            cluster = _started()
        try:
            with own_sigterm():
                cluster.add_node(**NODE)
            yield LocalCluster(cluster, cluster.address)
        finally:
            cluster.shutdown()


def _started() -> Any:
    from ray.cluster_utils import Cluster  # reads the variables

    for attempt in range(ATTEMPTS):
        try:
            return Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        except Exception as error:  # Ray raises no other
            if attempt == ATTEMPTS - 1 or "timed out during startup" not in str(error):
                raise
    raise AssertionError("unreachable")
