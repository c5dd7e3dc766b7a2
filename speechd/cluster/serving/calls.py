"""One call to a replica: errors of Ray become errors of speechd, or the news that the replica was lost."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import ray.exceptions as ray_errors
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError

from speechd.cluster.serving.wire import SignOfLife
from speechd.errors import EngineFailure, Overloaded, SpeechdError, Unavailable

LOST = (
    ray_errors.RayActorError,
    ray_errors.ObjectLostError,
    ray_errors.WorkerCrashedError,
    ray_errors.RaySystemError,
    ray_errors.TaskUnschedulableError,
    ReplicaUnavailableError,
)
"""The replica, or the machine that it was on, is not there any more."""
FULL = (ray_errors.ObjectStoreFullError, ray_errors.OutOfDiskError, ray_errors.OutOfMemoryError)
"""There is no room for the recording or the work."""
BACK_PRESSURE_SECONDS = 5.0
"""After which a caller is asked to come again where nobody has measured how long the queue is."""


class ReplicaLost(Exception):
    """The replica ended before its answer."""


def to_error(error: BaseException) -> BaseException:
    """What a caller of a replica is told; ReplicaLost where the same call can be made again."""
    if isinstance(error, ray_errors.RayTaskError) and isinstance(error.cause, Exception):
        error = error.cause
    if isinstance(error, LOST):
        return ReplicaLost(str(error).partition("\n")[0])
    if isinstance(error, BackPressureError):
        after = error.retry_after_s or BACK_PRESSURE_SECONDS
        return Overloaded(f"Too many requests wait for a replica. Please try again in {after:.0f}s.", retry_after=after)
    if isinstance(error, FULL):
        return Overloaded("The cluster has no room for this recording now.", code="cluster_full", retry_after=10)
    if isinstance(error, DeploymentUnavailableError):
        return Unavailable("The model could not be started on the cluster.", code="replica_failed", retry_after=30)
    if isinstance(error, SpeechdError | ReplicaLost | asyncio.CancelledError | StopAsyncIteration):
        return error
    return EngineFailure("The replica failed on this request.") if isinstance(error, Exception) else error


@contextlib.contextmanager
def translated() -> Any:
    """
    Raises:
        ReplicaLost, SpeechdError: see to_error.
    """
    try:
        yield
    except BaseException as error:
        told = to_error(error)
        if told is error:
            raise
        raise told from error


async def stream_items(
    handle: Any, method: str, call: tuple[object, ...], next_item: Callable[[Awaitable[Any]], Awaitable[Any]]
) -> AsyncGenerator[Any, None]:
    """What a method of a replica yields, without its signs of life. Closing it cancels the work there.

    Args:
        handle: of Ray Serve.
        next_item: waits for an item, and gives up where it will not come.

    Raises:
        ReplicaLost, SpeechdError: see to_error.
    """
    with translated():
        response = getattr(handle.options(stream=True), method).remote(*call)
        try:
            while True:
                item = await next_item(response.__anext__())
                if not isinstance(item, SignOfLife):
                    yield item
        except StopAsyncIteration:
            return
        finally:
            response.cancel()
