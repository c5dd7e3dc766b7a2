"""How many replicas of a model there should be: as many as finish the audio that waits in the time that is set."""

import math
from typing import TYPE_CHECKING, Any

from speechd.cluster.serving.replica import QUEUE_SECONDS

if TYPE_CHECKING:
    from ray.serve.config import AutoscalingContext


class QueueSecondsPolicy:
    """A policy of Ray Serve, which applies the bounds and the delays of the deployment's configuration."""

    def __init__(self, target: float) -> None:
        """
        Args:
            target: seconds of audio that may wait for each replica.
        """
        self._target = target

    def __call__(self, ctx: "AutoscalingContext") -> tuple[int, dict[str, Any]]:
        """The number of replicas."""
        waiting = sum((ctx.aggregated_metrics or {}).get(QUEUE_SECONDS, {}).values())
        return wanted_replicas(waiting, ctx.total_num_requests, self._target), {}


def wanted_replicas(waiting: float, requests: float, target: float) -> int:
    """
    Args:
        waiting: seconds of audio that all replicas have taken on.
        requests: that are not answered; one of them keeps a replica, whatever it waits for.
        target: seconds of audio for each replica.
    """
    return max(math.ceil(waiting / target), 1 if requests > 0 else 0)
