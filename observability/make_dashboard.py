"""Writes the Grafana dashboard and the alert rules of Prometheus, each a row of a table here.

    python observability/make_dashboard.py

JSON is YAML, so both files are written as JSON. `tests/contract/test_metrics.py` checks that they are as this script
writes them, and that each metric that they name exists.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
DASHBOARD = FOLDER / "grafana" / "dashboards" / "speechd.json"
ALERTS = FOLDER / "alerts.yml"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
HERE = 'job=~"$job", instance=~"$instance"'
"""The processes that are chosen at the top of the dashboard."""
COLUMNS, WIDTH, HEIGHT = 3, 8, 8
"""Panels in a row, and the size of each in Grafana's grid of 24 columns."""


@dataclass(frozen=True)
class Panel:
    """One graph."""

    title: str
    unit: str
    """Grafana's name of it."""
    queries: tuple[tuple[str, str], ...]
    """Each PromQL, where `HERE` is what is chosen, with the legend of its lines."""
    meaning: str


def quantiles(metric: str, by: str) -> tuple[tuple[str, str], ...]:
    """The median and the 95th percentile of a histogram."""
    rate = f"sum by (le, {by}) (rate({metric}_bucket{{HERE}}[$__rate_interval]))"
    legend = "{{" + by + "}}"
    return tuple(
        (f"histogram_quantile({share}, {rate})", f"{legend} {name}") for share, name in ((0.5, "p50"), (0.95, "p95"))
    )


def rate(metric: str, by: str) -> str:
    """How fast a counter grows."""
    return f"sum by ({by}) (rate({metric}{{HERE}}[$__rate_interval]))"


PANELS = (
    Panel(
        "Requests",
        "reqps",
        ((rate("speechd_http_requests_total", "route, status"), "{{route}} {{status}}"),),
        "Requests that ended, by route and status.",
    ),
    Panel(
        "Duration of requests",
        "s",
        quantiles("speechd_http_request_duration_seconds", "route"),
        "From the head of a request to the end of its answer.",
    ),
    Panel(
        "Errors and refusals",
        "reqps",
        (
            (rate("speechd_errors_total", "code"), "{{code}}"),
            (rate("speechd_rate_limited_total", "limit"), "limit {{limit}}"),
            (rate("speechd_disconnects_total", "operation"), "caller left: {{operation}}"),
        ),
        "What callers were told, and those who left.",
    ),
    Panel(
        "Audio a second",
        "none",
        ((rate("speechd_audio_seconds_total", "operation, model"), "{{operation}} {{model}}"),),
        "Seconds of audio that are transcribed or spoken in a second.",
    ),
    Panel(
        "Real-time factor",
        "none",
        quantiles("speechd_real_time_factor", "model"),
        "Processing time divided by audio time, waiting included.",
    ),
    Panel(
        "Queue",
        "s",
        (
            ("sum by (model) (speechd_queue_audio_seconds{HERE})", "{{model}} audio"),
            *quantiles("speechd_queue_time_seconds", "model"),
        ),
        "Seconds of audio that wait, and seconds of waiting.",
    ),
    Panel(
        "Stages",
        "s",
        quantiles("speechd_stage_seconds", "stage")[1:],
        "95th percentile of each stage of a recording or a sentence.",
    ),
    Panel(
        "First segment and first audio",
        "s",
        (
            *quantiles("speechd_time_to_first_segment_seconds", "model"),
            *quantiles("speechd_time_to_first_audio_seconds", "model"),
        ),
        "Seconds until something can be read or heard.",
    ),
    Panel(
        "Batches",
        "none",
        (
            (
                "sum by (model) (rate(speechd_batch_windows_sum{HERE}[$__rate_interval]))"
                " / sum by (model) (rate(speechd_batch_windows_count{HERE}[$__rate_interval]))",
                "{{model}} windows in a batch",
            ),
            (
                "sum by (model) (rate(speechd_batch_windows_sum{HERE}[$__rate_interval]))"
                " / sum by (model) (rate(speechd_windows_total{HERE}[$__rate_interval]))",
                "{{model}} rounds of a window",
            ),
            ("sum by (operation) (speechd_requests_in_flight{HERE})", "{{operation}} in flight"),
        ),
        "How well the decoder is filled, and how often a window is decoded.",
    ),
    Panel(
        "Quality",
        "none",
        (
            (rate("speechd_guard_segments_total", "reason"), "guard: {{reason}}"),
            (rate("speechd_fallbacks_total", "reason"), "decoded again: {{reason}}"),
            (rate("speechd_uncovered_seconds_total", "model"), "{{model}} speech without words"),
        ),
        "Doubtful segments, second attempts and speech without words, each a second.",
    ),
    Panel(
        "Jobs and batches",
        "none",
        (
            ("max by (state) (speechd_jobs{HERE})", "jobs {{state}}"),
            ("max by (state) (speechd_batch_lines{HERE})", "lines {{state}}"),
            ("max(speechd_oldest_waiting_seconds{HERE})", "seconds that the next one waits"),
            (rate("speechd_webhook_attempts_total", "result"), "webhooks {{result}}"),
        ),
        "The queue of the database. All processes tell the same numbers.",
    ),
    Panel(
        "Memory",
        "bytes",
        (
            ("sum by (model) (speechd_model_memory_bytes{HERE})", "{{model}}"),
            ("sum by (instance) (process_resident_memory_bytes{HERE})", "{{instance}} process"),
            (rate("speechd_model_pull_bytes_total", "model"), "pull {{model}} a second"),
        ),
        "Models in memory, and the processes.",
    ),
)


@dataclass(frozen=True)
class Alert:
    """One rule of Prometheus."""

    name: str
    expr: str
    minutes: int
    """That it must hold."""
    severity: str
    summary: str


FAILED = 'sum by (instance) (rate(speechd_http_requests_total{status=~"5..", status!="503"}[5m]))'
ALERT_RULES = (
    Alert(
        "SpeechdDown", 'up{job="speechd"} == 0', 2, "critical", "speechd on {{ $labels.instance }} cannot be reached."
    ),
    Alert(
        "SpeechdFails",
        f"{FAILED} / sum by (instance) (rate(speechd_http_requests_total[5m])) > 0.05",
        5,
        "critical",
        "More than 5 % of the requests to {{ $labels.instance }} fail.",
    ),
    Alert(
        "SpeechdRefuses",
        "sum by (instance) (rate(speechd_overloaded_total[5m])) > 0",
        10,
        "warning",
        "{{ $labels.instance }} has refused requests for 10 minutes, because too much waits.",
    ),
    Alert(
        "SpeechdQueueIsLong",
        "histogram_quantile(0.95, sum by (le, instance, model)"
        ' (rate(speechd_queue_time_seconds_bucket{lane="caller"}[5m]))) > 30',
        10,
        "warning",
        "Callers of {{ $labels.model }} on {{ $labels.instance }} wait longer than 30 s.",
    ),
    Alert(
        "SpeechdJobsWait",
        "max(speechd_oldest_waiting_seconds) > 3600",
        10,
        "warning",
        "The next job or line of a batch has waited for more than an hour.",
    ),
    Alert(
        "SpeechdEngineFaults",
        "sum by (instance) (increase(speechd_engine_faults_total[15m]))"
        " + sum by (instance) (increase(speechd_model_load_failures_total[15m])) > 0",
        0,
        "warning",
        "An engine on {{ $labels.instance }} crashed or hung, or a model could not be loaded.",
    ),
)


def dashboard() -> dict[str, Any]:
    """Grafana's model of the dashboard."""
    return {
        "uid": "speechd",
        "title": "speechd",
        "tags": ["speechd"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [_variable("job", "speechd_build_info"), _variable("instance", 'speechd_build_info{job=~"$job"}')]
        },
        "panels": [_panel(number, panel) for number, panel in enumerate(PANELS)],
    }


def alerts() -> dict[str, Any]:
    """Prometheus' rules file."""
    rules = [
        {
            "alert": rule.name,
            "expr": rule.expr,
            "for": f"{rule.minutes}m",
            "labels": {"severity": rule.severity},
            "annotations": {"summary": rule.summary},
        }
        for rule in ALERT_RULES
    ]
    return {"groups": [{"name": "speechd", "rules": rules}]}


def _variable(name: str, series: str) -> dict[str, Any]:
    query = f"label_values({series}, {name})"
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.meaning,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": _chosen(query), "legendFormat": legend}
            for place, (query, legend) in enumerate(panel.queries)
        ],
    }


def _chosen(query: str) -> str:
    return query.replace("HERE", HERE)


def written(content: dict[str, Any]) -> str:
    """As it stands in the file."""
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    DASHBOARD.write_text(written(dashboard()))
    ALERTS.write_text(written(alerts()))
