"""What whisper-base writes of people's recordings on a Ray cluster is what a server alone writes."""

import json
from pathlib import Path

import httpx2
import pytest

from tests.integration.conftest import serving
from tests.real.corpora import composite
from tests.real.debian import readings
from tests.real.weights import BASE, model_folder
from tests.support.serve_cluster import ClusterServer, RayCluster

pytest.importorskip("ray", reason="the extra `cluster` is not installed")
pytestmark = [pytest.mark.real, pytest.mark.extra]


def written(url: str, recording: bytes) -> tuple[str, list[tuple[float, float, str]]]:
    """The text, and the segments with their times."""
    form = {"files": {"file": ("a.wav", recording)}, "data": {"model": "base", "response_format": "verbose_json"}}
    reply = httpx2.post(f"{url}/v1/audio/transcriptions", **form, timeout=900)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return body["text"], [(each["start"], each["end"], each["text"]) for each in body["segments"]]


def test_the_text_is_that_of_a_server_alone(tmp_path: Path) -> None:
    aliases = {"SPEECHD_MODEL_ALIASES": json.dumps({"base": str(model_folder(BASE))})}
    (minute,) = composite(1, paused=True).recordings
    recordings = [readings()[0].path.read_bytes(), minute.data]
    with RayCluster.started(tmp_path / "replicas") as cluster:
        found = aliases | {"SPEECHD_CLUSTER": "auto", "RAY_ADDRESS": cluster.address}
        with ClusterServer.started(cluster, tmp_path / "api", **found) as server:
            there = [written(server.url, recording) for recording in recordings]
            assert cluster.processes("ServeReplica")
    with serving(tmp_path / "local", **aliases) as url:
        here = [written(url, recording) for recording in recordings]
    assert all(len(text.split()) > 5 for text, _ in here), here
    assert there == here
