"""Which replica gets a request: the one with the least audio before it, in seconds, and not in requests."""

from typing import Any

from ray.serve.request_router import FIFOMixin, PendingRequest, ReplicaID, RequestRouter, RunningReplica

from speechd.cluster.serving.replica import QUEUE_SECONDS


class QueueSecondsRouter(FIFOMixin, RequestRouter):
    """A request router of Ray Serve. Each API process has one for each model.

    What a replica told last is about a second old, and includes other processes' requests. What this process has sent
    since is added by its own count: the larger of both numbers is taken.
    """

    def initialize_state(self, **kwargs: Any) -> None:
        """Called once by Ray Serve."""
        self._sent: dict[str, tuple[ReplicaID, float]] = {}
        """By the id of a request that is not answered: where it is, and how many seconds of audio it has."""

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        """The replicas in the order of their queues, one a rank."""
        ranked = sorted(candidate_replicas, key=self._seconds_of)
        return [[replica] for replica in ranked]

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        seconds = getattr(next(iter(pending_request.args), None), "seconds", 0.0)
        self._sent[pending_request.metadata.internal_request_id] = (replica_id, seconds)

    def on_request_completed(self, replica_id: ReplicaID, internal_request_id: str) -> None:
        self._sent.pop(internal_request_id, None)

    def _seconds_of(self, replica: RunningReplica) -> tuple[float, int]:
        own = [seconds for where, seconds in self._sent.values() if where == replica.replica_id]
        told = float((replica.routing_stats or {}).get(QUEUE_SECONDS, 0.0))
        return max(told, sum(own)), len(own)
