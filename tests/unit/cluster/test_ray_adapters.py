"""The parts that know Ray: its errors, and its router. They need the extra `cluster`, and no running cluster."""

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("ray", reason="the extra `cluster` is not installed")

import ray.exceptions as ray_errors
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError

from speechd.cluster.connect import join_cluster
from speechd.cluster.serving.calls import ReplicaLost, to_error
from speechd.cluster.serving.placement import ReplicaPlan
from speechd.cluster.serving.router import QueueSecondsRouter
from speechd.errors import EngineFailure, Misconfigured, Overloaded, Unavailable
from speechd.registry.registry import ModelStore
from speechd.settings import Settings

pytestmark = pytest.mark.extra


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ray_errors.ObjectStoreFullError("full"), Overloaded, "cluster_full"),
        (ray_errors.OutOfDiskError("full"), Overloaded, "cluster_full"),
        (BackPressureError(3, 2, 503, 7.0), Overloaded, "overloaded"),
        (Unavailable("As it is.", code="x"), Unavailable, "x"),
        (ValueError("a fault of ours"), EngineFailure, "engine_failure"),
    ],
)
def test_what_a_caller_is_told(error: Exception, kind: type[Exception], code: str) -> None:
    told: Any = to_error(error)
    assert (type(told), told.error_code) == (kind, code)
    assert "fault of ours" not in told.message


def test_back_pressure_says_when_to_come_again() -> None:
    told: Any = to_error(BackPressureError(3, 2, 503, 7.0))
    assert told.retry_after == 7


@pytest.mark.parametrize(
    "error",
    [
        ray_errors.ActorDiedError(),
        ray_errors.ActorUnavailableError("gone", None),
        ReplicaUnavailableError("r"),
        ReplicaLost("nothing comes from it"),
    ],
)
def test_a_lost_replica_is_told_apart(error: Exception) -> None:
    assert isinstance(to_error(error), ReplicaLost)


def replica(name: str, told: float) -> Any:
    return SimpleNamespace(replica_id=name, routing_stats={"queue_seconds": told})


def request(name: str, seconds: float) -> Any:
    metadata = SimpleNamespace(internal_request_id=name)
    return SimpleNamespace(args=[SimpleNamespace(seconds=seconds)], metadata=metadata)


@pytest.fixture
def router() -> QueueSecondsRouter:
    router = object.__new__(QueueSecondsRouter)  # the rest of it needs a running cluster
    router.initialize_state()
    return router


async def order(router: QueueSecondsRouter, *replicas: Any) -> list[str]:
    return [rank[0].replica_id for rank in await router.choose_replicas(list(replicas))]


async def test_the_replica_with_the_fewest_seconds_comes_first(router: QueueSecondsRouter) -> None:
    assert await order(router, replica("a", 90), replica("b", 3), replica("c", 30)) == ["b", "c", "a"]


async def test_one_long_recording_weighs_more_than_many_short_ones(router: QueueSecondsRouter) -> None:
    router.on_request_routed(request("long", 3600), "a", None)  # type: ignore[arg-type]
    for number in range(10):
        router.on_request_routed(request(f"short {number}", 3), "b", None)  # type: ignore[arg-type]
    assert await order(router, replica("a", 0), replica("b", 0)) == ["b", "a"]
    router.on_request_completed("a", "long")  # type: ignore[arg-type]
    assert await order(router, replica("a", 0), replica("b", 0)) == ["a", "b"]


async def test_a_replica_that_has_told_nothing_yet_is_free(router: QueueSecondsRouter) -> None:
    new = SimpleNamespace(replica_id="new", routing_stats=None)
    assert await order(router, replica("a", 5), new) == ["new", "a"]


def test_ray_takes_the_options_of_a_deployment(settings: Settings) -> None:
    from ray import serve

    from speechd.cluster.serving.replica import ModelReplica

    plan = ReplicaPlan.of(ModelStore(settings).installed("whisper-pocket"), settings, gpus=False)
    deployment: Any = serve.deployment(**plan.options())(ModelReplica)
    assert deployment.ray_actor_options["num_cpus"] == 1
    assert deployment.ray_actor_options["num_gpus"] == 0


@pytest.mark.parametrize("address", ["nonsense", "ray://127.0.0.1:10001", "127.0.0.1:", ":6379"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Misconfigured, match="HOST:PORT"):
        join_cluster(address)
