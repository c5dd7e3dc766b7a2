"""What the process counts and measures, for Prometheus: one instrument for each row of the reference of metrics.

Instruments are called where something happens. What can be looked up at any time (queues, models in memory, jobs) is
not kept here: `speechd.api.metrics.snapshot` reads it when Prometheus asks.

The number of series is bounded. Labels that come from outside pass through BoundedLabel.
"""

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

OTHER: Final = "other"
"""Label of what is not known, or came when the label had its values."""
MAX_VALUES: Final = 100
"""Values that one label can have."""

disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
"""Of this process; nothing else writes into it."""
ProcessCollector(registry=REGISTRY)


class BoundedLabel:
    """The values of one label: the first that come, and OTHER for every value after these."""

    def __init__(self, maximum: int = MAX_VALUES) -> None:
        self._maximum = maximum
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._known:
            if len(self._known) >= self._maximum or not value:
                return OTHER
            self._known.add(value)
        return value


model_label = BoundedLabel()
"""Ids of installed models. A caller's own words never get here."""
pull_label = BoundedLabel()
"""Ids of models that are pulled: apart, since callers may choose them."""
language_label = BoundedLabel()
code_label = BoundedLabel()
"""Codes of errors; an LLM backend may have its own."""
backend_label = BoundedLabel()
key_label = BoundedLabel()


def _buckets(first: float, last: float) -> tuple[float, ...]:
    """1, 2.5, 5 and 10 of each power of ten, from `first` to `last`."""
    steps = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2.5, 5)]
    return tuple(round(step, 6) for step in steps if first <= step <= last)


SECONDS = (*_buckets(0.005, 100), 300.0, 900.0, 3600.0)
"""Of requests and waits: 5 ms to an hour."""
SHORT_SECONDS = _buckets(0.001, 100)
"""Of stages and batches."""
FACTORS = (*_buckets(0.001, 1), 2.0)
"""Real-time factors."""
WINDOWS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Description:
    """One metric, as the reference of metrics lists it."""

    name: str
    """As Prometheus sees it."""
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


DESCRIPTIONS: list[Description] = []
"""Of the instruments below, in their order."""


def _counter(name: str, meaning: str, labels: tuple[str, ...] = ()) -> Counter:
    DESCRIPTIONS.append(Description(f"speechd_{name}_total", "counter", labels, meaning))
    return Counter(f"speechd_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, labels: tuple[str, ...] = ()) -> Gauge:
    DESCRIPTIONS.append(Description(f"speechd_{name}", "gauge", labels, meaning))
    return Gauge(f"speechd_{name}", meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, labels: tuple[str, ...], buckets: tuple[float, ...]) -> Histogram:
    DESCRIPTIONS.append(Description(f"speechd_{name}", "histogram", labels, meaning))
    return Histogram(f"speechd_{name}", meaning, labels, buckets=buckets, registry=REGISTRY)


HTTP_REQUESTS = _counter(
    "http_requests",
    "Requests that have ended. `route` is the template without the dialect's prefix; status 499: the caller left.",
    ("route", "method", "status", "dialect"),
)
HTTP_SECONDS = _histogram(
    "http_request_duration_seconds",
    "Seconds from the head of a request to the end of its answer.",
    ("route", "method", "dialect"),
    SECONDS,
)
IN_FLIGHT = _gauge("requests_in_flight", "Requests and WebSocket sessions under way.", ("operation",))
ERRORS = _counter("errors", "Errors that callers were told, by code.", ("code",))
OVERLOADED = _counter("overloaded", "Requests that were refused because too much waits, by code.", ("code",))
RATE_LIMITED = _counter("rate_limited", "Requests that a limit of their key refused, by limit.", ("limit",))
DISCONNECTS = _counter("disconnects", "Callers who left before their answer was complete.", ("operation",))

QUEUE_SECONDS = _histogram(
    "queue_time_seconds",
    "Longest wait of a window of a recording for the engine. `lane` is caller or batch.",
    ("model", "lane"),
    SHORT_SECONDS,
)
STAGE_SECONDS = _histogram(
    "stage_seconds",
    "Seconds of a stage for one recording: decode, vad, encode, generate, align; for one sentence: synthesise.",
    ("model", "stage"),
    SHORT_SECONDS,
)
FIRST_SEGMENT = _histogram(
    "time_to_first_segment_seconds", "Seconds until the first segment of a recording.", ("model",), SHORT_SECONDS
)
FIRST_AUDIO = _histogram(
    "time_to_first_audio_seconds", "Seconds until the first audio of a speech.", ("model",), SHORT_SECONDS
)
REAL_TIME_FACTOR = _histogram(
    "real_time_factor",
    "Processing time divided by audio time, waiting included, of what was computed.",
    ("operation", "model"),
    FACTORS,
)
AUDIO_SECONDS = _counter(
    "audio_seconds",
    "Seconds of audio that were transcribed, translated or spoken. Answers from the cache do not count.",
    ("operation", "model", "language"),
)
CHARACTERS = _counter("characters", "Characters that were spoken.", ("operation", "model", "language"))
KEY_AUDIO_SECONDS = _counter(
    "key_audio_seconds", "The same by key, with SPEECHD_METRICS_KEYS. `key` is its id.", ("key",)
)

BATCH_WINDOWS = _histogram("batch_windows", "Windows that were decoded in one batch.", ("model",), WINDOWS)
BATCH_SECONDS = _histogram("batch_seconds", "Seconds of one batch.", ("model",), SHORT_SECONDS)
DECODED_WINDOWS = _counter(
    "windows", "Windows that recordings were cut into. Batches have more: rounds and languages count there.", ("model",)
)
FALLBACKS = _counter(
    "fallbacks",
    "Segments that were decoded at a higher temperature (`temperature`), and windows that were decoded again with"
    " more context, by what spoke against the text.",
    ("model", "reason"),
)
GUARD_SEGMENTS = _counter("guard_segments", "Segments with evidence that they were not spoken.", ("model", "reason"))
UNCOVERED_SECONDS = _counter("uncovered_seconds", "Seconds of detected speech without words.", ("model",))
JOINED = _counter(
    "joined",
    "Transcriptions by how they were answered: miss (computed), joined (with one under way), hit (cache).",
    ("how",),
)

LOAD_SECONDS = _histogram("model_load_seconds", "Seconds in which a model was loaded.", ("model",), SHORT_SECONDS)
LOAD_FAILURES = _counter("model_load_failures", "Models that could not be loaded.", ("model",))
EVICTIONS = _counter("model_evictions", "Models that were unloaded to make room for another.", ("model",))
PULL_BYTES = _counter("model_pull_bytes", "Bytes of models that arrived.", ("model",))

TASKS_ENDED = _counter("tasks_ended", "Lines of batches and audio jobs that ended here, by state.", ("kind", "state"))
LEASES_LOST = _counter("leases_taken_back", "Lines that were taken back from workers that died.")
WEBHOOKS = _counter("webhook_attempts", "Attempts to deliver a webhook.", ("result",))
LLM_REQUESTS = _counter(
    "llm_requests", "Requests to LLM backends, by status; `error` where there was none.", ("backend", "status")
)
LOG_DROPPED = _counter("log_lines_dropped", "Lines of the log that nobody took in time.")
