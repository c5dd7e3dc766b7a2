"""All metrics of a process at the moment when Prometheus asks: what was counted, and what can be looked up."""

import asyncio
import contextlib
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from speechd import __version__
from speechd.asr.batcher import Batcher
from speechd.errors import StorageUnavailable
from speechd.service import Service
from speechd.store.store import StoreHandle
from speechd.telemetry.metrics import DESCRIPTIONS, REGISTRY, Description, model_label
from speechd.tts.synthesizer import LoadedVoice

STORE_SECONDS = 2.0
"""For the numbers of the database. Where it takes longer they are left out, and all others are told."""

Values = Iterable[tuple[tuple[str, ...], float]]
"""Values of a metric by its labels."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """A metric whose values are looked up."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False

    @property
    def description(self) -> Description:
        """As the reference of metrics lists it."""
        if self.is_counter:
            return Description(f"speechd_{self.name}_total", "counter", self.labels, self.meaning)
        return Description(f"speechd_{self.name}", "gauge", self.labels, self.meaning)

    def family(self, values: Values) -> Metric:
        """In prometheus_client's form."""
        kind = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        family = kind(f"speechd_{self.name}", self.meaning, labels=self.labels)
        for labels, value in values:
            family.add_metric(list(labels), value)
        return family


QUEUE_SECONDS = LookedUp("queue_audio_seconds", "Seconds of admitted audio that are not decoded yet.", ("model",))
QUEUE_WINDOWS = LookedUp("queue_windows", "Windows that wait for the engine.", ("model",))
RUNNING_WINDOWS = LookedUp("running_windows", "Windows that are being decoded.", ("model",))
QUEUE_CHARACTERS = LookedUp("queue_characters", "Characters that wait for a voice.", ("voice",))
MODEL_LOADED = LookedUp("model_loaded", "1 for a model that is in memory or is being loaded.", ("model",))
MODEL_BYTES = LookedUp("model_memory_bytes", "Bytes of the files of a model in memory, about its weights.", ("model",))
MODEL_USERS = LookedUp("model_users", "Recordings and texts that use a model now.", ("model",))
JOBS = LookedUp("jobs", "Open audio jobs of the database, by state.", ("state",))
BATCHES = LookedUp("batches", "Batches of the database, by status.", ("status",))
BATCH_LINES = LookedUp("batch_lines", "Open lines of batches of the database, by state.", ("state",))
OLDEST_WAITING = LookedUp("oldest_waiting_seconds", "Seconds that the next task of the queue has waited.")
WEBHOOKS_OPEN = LookedUp("webhooks_open", "Webhooks that are still to be delivered.")
ENGINE_FAULTS = LookedUp(
    "engine_faults", "Processes of engines that hung or crashed, and were started anew.", ("engine", "fault"), True
)
ENGINE_OVERDUE = LookedUp("engine_overdue_windows", "Windows that take more than half of their time.", ("engine",))
DECODINGS = LookedUp(
    "decodings", "Recordings given to a decoding process (started), and those that did not end well.", ("result",), True
)
LOOKED_UP = tuple(value for value in list(vars().values()) if isinstance(value, LookedUp))
"""All of them, in this order."""
BUILD = Description(
    "speechd_build_info",
    "gauge",
    ("version", "python", "device", "compute_type"),
    "Version and settings of the process; always 1.",
)


def all_descriptions() -> list[Description]:
    """Every metric that begins with `speechd_`."""
    return [BUILD, *(metric.description for metric in LOOKED_UP), *DESCRIPTIONS]


class Snapshots:
    """The metrics of one process."""

    def __init__(self, service: Service, jobs: StoreHandle) -> None:
        self._service = service
        self._jobs = jobs

    async def encoded(self, accepted: str) -> tuple[bytes, str]:
        """The text, and its media type.

        Args:
            accepted: the `Accept` header of who asks.
        """
        values = {**self._service_values(), **await self._store_values()}
        families = [metric.family(values.get(metric, ())) for metric in LOOKED_UP]
        encode, media_type = choose_encoder(accepted)
        content = await asyncio.to_thread(encode, _Families([self._build_info(), *families]))
        return content, media_type

    def _build_info(self) -> Metric:
        settings = self._service.settings
        told = {
            "version": __version__,
            "python": platform.python_version(),
            "device": settings.device,
            "compute_type": settings.compute_type,
        }
        return InfoMetricFamily(BUILD.name.removesuffix("_info"), BUILD.meaning, told)

    def _service_values(self) -> dict[LookedUp, Values]:
        faults = self._service.engine_faults
        return {
            **self._loaded_values(),
            ENGINE_FAULTS: [
                ((name, fault), getattr(each, fault)) for name, each in faults.items() for fault in ("hung", "crashed")
            ],
            ENGINE_OVERDUE: [((name,), each.overdue) for name, each in faults.items()],
            DECODINGS: _by_name(asdict(self._service.decodings)),
        }

    def _loaded_values(self) -> dict[LookedUp, Values]:
        there = self._service.loaded.list()
        batchers = [(each.model.id, each.loaded) for each in there if isinstance(each.loaded, Batcher)]
        voices = [(each.model.id, each.loaded) for each in there if isinstance(each.loaded, LoadedVoice)]
        return {
            QUEUE_SECONDS: _by_model((id, batcher.queued_seconds) for id, batcher in batchers),
            QUEUE_WINDOWS: _by_model((id, batcher.waiting_windows) for id, batcher in batchers),
            RUNNING_WINDOWS: _by_model((id, batcher.running_windows) for id, batcher in batchers),
            QUEUE_CHARACTERS: _by_model((id, voice.admission.waiting) for id, voice in voices),
            MODEL_LOADED: _by_model((each.model.id, 1) for each in there),
            MODEL_BYTES: _by_model((each.model.id, each.bytes) for each in there),
            MODEL_USERS: _by_model((each.model.id, each.users) for each in there),
        }

    async def _store_values(self) -> dict[LookedUp, Values]:
        """Nothing where there is no store yet, or it does not answer."""
        if (store := self._jobs.opened) is None:
            return {}
        with contextlib.suppress(TimeoutError, StorageUnavailable):
            async with asyncio.timeout(STORE_SECONDS):
                open_work = await store.counts.read()
            return {
                JOBS: _by_name(open_work.jobs),
                BATCHES: _by_name(open_work.batches),
                BATCH_LINES: _by_name(open_work.batch_lines),
                OLDEST_WAITING: [((), open_work.oldest_waiting)],
                WEBHOOKS_OPEN: [((), open_work.webhooks)],
            }
        return {}


def _by_model(values: Iterable[tuple[str, float]]) -> Values:
    """Models beyond the bound of the label are added up as `other`."""
    summed: dict[tuple[str, ...], float] = {}
    for id, value in values:
        label = (model_label(id),)
        summed[label] = summed.get(label, 0.0) + value
    return summed.items()


def _by_name(values: Mapping[str, float]) -> Values:
    return [((name,), value) for name, value in values.items()]


class _Families:
    """What prometheus_client writes out: what was looked up, and what was counted."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families
        yield from REGISTRY.collect()
