"""Joins a Ray cluster, after a look at whether there is one."""

import os
import tempfile
from pathlib import Path
from typing import Any

from speechd.errors import FeatureNotInstalled, Misconfigured

ANSWER_SECONDS = 10.0
"""For the head of the cluster to answer. Ray itself would try for two minutes and then end the process."""
NAMESPACE = "speechd"
"""Of the named actors in the cluster."""
AUTO = "auto"
"""The cluster that runs on this machine."""
LAST_ADDRESS = Path("ray/ray_current_cluster")
"""Where `ray start` writes the address of this machine's cluster, below the temporary folder."""


def join_cluster(address: str) -> None:
    """Connects this process to a cluster; once.

    Args:
        address: `auto`, or `HOST:PORT` of the cluster's head.

    Raises:
        FeatureNotInstalled: the extra is missing.
        Misconfigured: there is no Ray cluster at the address, its version differs, or it wants another token.
    """
    ray = _library()
    if ray.is_initialized():
        return
    found = _head(address)
    _check_head(found, ray.__version__)
    try:
        ray.init(
            address=found,
            namespace=NAMESPACE,
            log_to_driver=False,
            configure_logging=False,
            include_dashboard=False,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise Misconfigured(f"The Ray cluster at {found} cannot be joined: {_first_line(error)}") from error


def leave_cluster() -> None:
    """Disconnects this process. What runs in the cluster goes on."""
    import ray

    ray.shutdown()


def _library() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
        import ray.serve
    except ImportError as error:
        raise FeatureNotInstalled("A cluster needs the extra `cluster`: pip install 'speechd[cluster]'.") from error
    return ray


def _head(address: str) -> str:
    """
    Raises:
        Misconfigured: it is no address, or no cluster runs on this machine.
    """
    if address != AUTO:
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or "://" in address:
            raise Misconfigured(f"The address of a Ray cluster is `auto` or HOST:PORT, not {address[:100]!r}.")
        return address
    try:
        started = os.environ.get("RAY_ADDRESS", "") or (Path(tempfile.gettempdir()) / LAST_ADDRESS).read_text().strip()
    except OSError:
        started = ""
    if not started:
        raise Misconfigured("No Ray cluster runs on this machine. Start one with `ray start --head`.")
    return started


def _check_head(address: str, version: str) -> None:
    """
    Raises:
        Misconfigured: nothing that is Ray answers there, or its version is another.
    """
    import grpc
    from ray.core.generated import gcs_service_pb2 as messages

    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(
            "/ray.rpc.NodeInfoGcsService/CheckAlive",
            request_serializer=messages.CheckAliveRequest.SerializeToString,
            response_deserializer=messages.CheckAliveReply.FromString,
        )
        try:
            theirs = check(messages.CheckAliveRequest(), timeout=ANSWER_SECONDS, wait_for_ready=False).ray_version
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNAUTHENTICATED:
                return  # Ray's own client sends the token, and tells whether it is the right one
            raise Misconfigured(f"There is no Ray cluster at {address}.") from error
    if theirs and theirs != version:
        raise Misconfigured(f"The cluster at {address} runs Ray {theirs}, and here is Ray {version}. Install the same.")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
