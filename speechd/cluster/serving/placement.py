"""Where the replicas of a model run, and how many there are, from the settings."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechd import __version__
from speechd.registry.catalog import Model
from speechd.registry.memory import MODEL_MEMORY
from speechd.registry.selection import installed_bytes
from speechd.settings import Settings

BASE_MEMORY = 600_000_000
"""Bytes of a replica without its model: Python, the libraries and Ray."""
MAX_ONGOING = 1000
"""Requests of one replica at once. Its own queue refuses earlier, by seconds of audio."""
MAX_QUEUED = 200
"""Requests of one API process that wait for a replica to start. More are answered 503."""
DRAIN_SECONDS = 300.0
"""In which a replica that is replaced answers its last requests."""
LEAVES_OUT = {"host", "port", "url", "database_url", "api_key", "api_keys_file", "llm_api_key", "webhook_secret"}
"""Settings that are no replica's business."""


@dataclass(frozen=True, slots=True)
class ReplicaResources:
    """What one replica takes of its machine."""

    cpus: float
    gpus: float
    """A part of one, or whole ones."""
    memory: int
    """Bytes."""

    def fits(self, machine: Mapping[str, float]) -> bool:
        """Whether a machine with these resources could ever run one."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": float(self.memory)}
        return all(machine.get(name, 0.0) >= amount for name, amount in wanted.items())

    def __str__(self) -> str:
        gpus = f", {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.cpus:g} CPU{gpus} and {self.memory / 1e9:.1f} GB of memory"


@dataclass(frozen=True, slots=True)
class ReplicaPlan:
    """One model on the cluster."""

    model_id: str
    name: str
    """What a replica finds it by."""
    given: Mapping[str, Any]
    """Settings for its replicas."""
    resources: ReplicaResources
    min_replicas: int
    max_replicas: int
    idle_seconds: float
    """After which the last replica that may go goes."""
    queue_seconds: float
    """Of audio that may wait for each replica."""
    version: str
    """Another one replaces the replicas, a few at a time."""

    @classmethod
    def of(cls, model: Model, settings: Settings, *, gpus: bool) -> "ReplicaPlan":
        """
        Args:
            gpus: the cluster has some.
        """
        warm = settings.cluster_warm_replicas.get(model.id, int(_stays(model, settings)))
        resources = replica_resources(model, settings, gpus=gpus)
        given = settings.model_dump(exclude=LEAVES_OUT | {name for name in Settings.model_fields if "cluster" in name})
        return cls(
            model.id,
            _name(model, settings),
            given,
            resources,
            min_replicas=warm,
            max_replicas=max(warm, settings.cluster_max_replicas),
            idle_seconds=max(0.0, settings.keep_alive),
            queue_seconds=settings.cluster_queue_seconds,
            version=_version(model, given, resources),
        )

    @property
    def app(self) -> str:
        """Its application in Ray Serve."""
        return app_name(self.model_id)

    def options(self) -> dict[str, Any]:
        """Options of its deployment (ray.serve.deployment)."""
        actor = {
            "num_cpus": self.resources.cpus,
            "num_gpus": self.resources.gpus,
            "memory": self.resources.memory,
        }
        return {
            "name": "replica",
            "ray_actor_options": actor,
            "max_ongoing_requests": MAX_ONGOING,
            "max_queued_requests": MAX_QUEUED,
            "graceful_shutdown_timeout_s": DRAIN_SECONDS,
            "health_check_period_s": 5.0,
            "health_check_timeout_s": 15.0,
            "autoscaling_config": self._autoscaling(),
            "request_router_config": {
                "request_router_class": "speechd.cluster.serving.router:QueueSecondsRouter",
                "request_routing_stats_period_s": 1.0,
                "request_routing_stats_timeout_s": 5.0,
            },
        }

    def _autoscaling(self) -> dict[str, Any]:
        return {
            "min_replicas": self.min_replicas,
            "initial_replicas": max(1, self.min_replicas),
            "max_replicas": self.max_replicas,
            "upscale_delay_s": 5.0,
            "downscale_delay_s": max(60.0, self.idle_seconds),
            "downscale_to_zero_delay_s": max(1.0, self.idle_seconds),
            "look_back_period_s": 15.0,
            "policy": {
                "policy_function": "speechd.cluster.serving.autoscaling:QueueSecondsPolicy",
                "policy_kwargs": {"target": self.queue_seconds},
            },
        }


def app_name(model_id: str) -> str:
    """The application of a model in Ray Serve, in which no other model is."""
    readable = re.sub(r"[^A-Za-z0-9.-]", "-", model_id)
    return f"speechd-{readable}-{hashlib.sha256(model_id.encode()).hexdigest()[:8]}"


def replica_resources(model: Model, settings: Settings, *, gpus: bool) -> ReplicaResources:
    """What a replica of this model takes. Voices and models for speakers run on CPUs."""
    needs_gpu = gpus and model.kind == "asr" and settings.device != "cpu"
    wanted = settings.cluster_gpus if settings.cluster_gpus is not None else 1.0
    memory = round(BASE_MEMORY + installed_bytes(model) * MODEL_MEMORY)
    return ReplicaResources(settings.cluster_cpus, wanted if needs_gpu else 0.0, memory)


def _name(model: Model, settings: Settings) -> str:
    """Its id; the operator's own name where that stands for a folder, which only the operator may name."""
    given = {**settings.model_aliases, settings.default_model: settings.default_model}
    return next((name for name, target in given.items() if model.path and Path(target) == model.path), model.id)


def _stays(model: Model, settings: Settings) -> bool:
    return settings.keep_alive < 0 or model.id in settings.preload


def _version(model: Model, given: Mapping[str, Any], resources: ReplicaResources) -> str:
    """Of the software, the files and the settings."""
    files = sorted(model.path.rglob("*")) if model.path else []
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files if path.is_file()]
    told = repr((__version__, model.id, stats, sorted(given.items(), key=str), resources))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
