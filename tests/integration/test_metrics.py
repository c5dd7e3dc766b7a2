"""Metrics of real processes after real work, read as Prometheus reads them."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import ROOT, Fixture
from tests.integration.conftest import LISTENS, Program, started
from tests.integration.test_audio_jobs import ENDED, ordered
from tests.support.processes import eventually, start

sys.path.insert(0, str(ROOT / "observability"))
import make_dashboard

PROMTOOL, PROMETHEUS = shutil.which("promtool"), shutil.which("prometheus")
METRICS_AT = r"metrics are at (http://\S+)"


def value(text: str, name: str, **labels: str) -> float:
    """The sum of the series with these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def mixed_load(url: str, english: Fixture) -> None:
    """Two transcriptions, one of them from the cache, a refusal, a speech and a job."""
    with httpx2.Client(base_url=url, timeout=60) as client:
        for _ in range(2):
            with english.path.open("rb") as file:
                form = {"model": "whisper-pocket", "language": "en"}
                assert client.post("/v1/audio/transcriptions", files={"file": file}, data=form).status_code == 200
        broken = client.post("/v1/audio/transcriptions", files={"file": b"no audio"}, data=form)
        assert broken.status_code == 400
        body = {"model": "tts-1", "voice": "alloy", "input": "A short text.", "response_format": "wav"}
        assert client.post("/openai/v1/audio/speech", json=body).status_code == 200
    job = ordered(url, english, prompt="At the library.")
    assert eventually(lambda: httpx2.get(job).json()["status"] in ENDED, 60)


@contextmanager
def loaded_server(data_dir: Path, english: Fixture) -> Iterator[tuple[Program, str]]:
    """A server after the mixed load, and the address of its metrics."""
    with started(data_dir, "serve", LISTENS, SPEECHD_METRICS_PORT="0") as server:
        metrics = re.search(METRICS_AT, "".join(server.log))
        assert metrics
        mixed_load(server.found, english)
        yield server, metrics[1]


def test_the_numbers_of_a_mixed_load(tmp_path: Path, english: Fixture) -> None:
    with loaded_server(tmp_path, english) as (server, address):
        text = httpx2.get(address).text
        assert text.partition("# TYPE")[0] == httpx2.get(f"{server.found}/metrics").text.partition("# TYPE")[0]
        assert httpx2.get(address.replace("/metrics", "/v1/models")).status_code == 404
    pocket = {"model": "whisper-pocket"}
    route = {"route": "/audio/transcriptions"}
    assert value(text, "speechd_http_requests_total", status="200", **route) == 2
    assert value(text, "speechd_http_requests_total", status="400", **route) == 1
    assert value(text, "speechd_http_requests_total", status="202", **route) == 1
    assert value(text, "speechd_joined_total", how="hit") == 1
    heard = value(text, "speechd_audio_seconds_total", operation="transcribe", language="en", **pocket)
    assert heard == pytest.approx(2 * english.duration, abs=0.2)  # of the first request and of the job
    assert value(text, "speechd_queue_time_seconds_count", lane="caller", **pocket) == 1
    assert value(text, "speechd_queue_time_seconds_count", lane="batch", **pocket) == 1
    assert value(text, "speechd_stage_seconds_sum", stage="generate", **pocket) > 0
    assert value(text, "speechd_stage_seconds_count", stage="synthesise") >= 1
    assert value(text, "speechd_batch_windows_sum", **pocket) >= value(text, "speechd_windows_total", **pocket) >= 2
    assert value(text, "speechd_characters_total") == len("A short text.")
    assert value(text, "speechd_model_loaded", **pocket) == 1
    assert value(text, "speechd_model_load_seconds_count", **pocket) == 1
    assert value(text, "speechd_queue_audio_seconds", **pocket) == 0
    assert value(text, "speechd_decodings_total", result="started") >= 3
    assert value(text, "speechd_tasks_ended_total", kind="job", state="completed") == 1
    assert value(text, "speechd_jobs") == 0
    assert value(text, "process_cpu_seconds_total") > 0


def test_a_worker_has_metrics_too(tmp_path: Path) -> None:
    with started(tmp_path, "worker", METRICS_AT, SPEECHD_METRICS_PORT="0") as worker:
        worker.wait_for("processes batches")
        text = httpx2.get(worker.found).text
    assert value(text, "speechd_oldest_waiting_seconds") == 0
    assert "speechd_webhooks_open 0.0" in text


@pytest.mark.extra
@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt install prometheus")
def test_promtool_finds_no_fault(tmp_path: Path, english: Fixture) -> None:
    with loaded_server(tmp_path, english) as (_, address):
        text = httpx2.get(address).content
    checks: list[tuple[list[str], bytes]] = [
        (["check", "metrics"], text),
        (["check", "rules", str(make_dashboard.ALERTS)], b""),
        (["check", "config", str(ROOT / "observability" / "prometheus.yml")], b""),
    ]
    for arguments, given in checks:
        done = subprocess.run([str(PROMTOOL), *arguments], input=given, capture_output=True, timeout=60)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[httpx2.Client]:
    """A Prometheus that scrapes this address each second, with the alerts."""
    shutil.copy(make_dashboard.ALERTS, folder)
    scrape = {"job_name": "speechd", "static_configs": [{"targets": [target]}]}
    config = {"global": {"scrape_interval": "1s"}, "rule_files": ["alerts.yml"], "scrape_configs": [scrape]}
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    process = start([PROMETHEUS, *options, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def ask(client: httpx2.Client, query: str) -> dict[str, Any]:
    answer = client.get("/api/v1/query", params={"query": query})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()["data"]
    return result


@pytest.mark.extra
@pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed: apt install prometheus")
def test_a_real_prometheus_answers_every_query_of_the_dashboard(tmp_path: Path, english: Fixture) -> None:
    queries = [query for panel in make_dashboard.PANELS for query, _ in panel.queries]
    (tmp_path / "prometheus").mkdir()
    with loaded_server(tmp_path / "speechd", english) as (server, address):
        target = address.removeprefix("http://").removesuffix("/metrics")
        with prometheus(tmp_path / "prometheus", target) as client:
            for _ in range(100):
                time.sleep(0.3)
                try:
                    if ask(client, "count_over_time(speechd_build_info[1m]) > 2")["result"]:
                        break
                except httpx2.TransportError:
                    continue
            mixed_load(server.found, english)
            time.sleep(3)
            answered = {}
            for query in queries:
                chosen = make_dashboard._chosen(query).replace("$job", ".*").replace("$instance", ".*")
                answered[query] = ask(client, chosen.replace("$__rate_interval", "30s"))["result"]
            rules = client.get("/api/v1/rules").json()["data"]["groups"][0]["rules"]
    empty = [query for query, result in answered.items() if not result]
    print(f"{len(queries)} queries, {len(empty)} without a value after the mixed load:", *empty, sep="\n")
    assert len(rules) == 6
    assert all(rule["health"] != "err" for rule in rules)
    assert len(empty) < len(queries) / 3  # of what did not happen: refusals, webhooks, pulls
