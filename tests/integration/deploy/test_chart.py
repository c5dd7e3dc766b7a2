"""The Helm chart, rendered by Helm's own engine and checked against the schemas of Kubernetes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from speechd.api.metrics.snapshot import QUEUE_SECONDS
from tests.integration.deploy.conftest import DEPLOY, tool

pytestmark = pytest.mark.extra

CHART = DEPLOY / "helm" / "speechd"
RENDER = Path(__file__).parent / "render_chart.py"
KEY = {"apiKeySecret": "keys"}
SHARED = {"databaseSecret": "database", "persistence": {"accessMode": "ReadWriteMany"}}
AUTOSCALED = {**KEY, **SHARED, "autoscaling": {"enabled": True}, "serviceMonitor": {"enabled": True}}
GPU = yaml.safe_load((CHART / "values-gpu.yaml").read_text())


def rendered(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Manifests by their kinds."""
    done = tool("python", RENDER, CHART, json.dumps(values))
    assert done.returncode == 0, done.stderr
    texts = [text for name, text in json.loads(done.stdout).items() if name.endswith(".yaml")]
    return {each["kind"]: each for text in texts if (each := yaml.safe_load(text))}


def pod(manifests: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(manifests["Deployment"]["spec"]["template"]["spec"])


@pytest.mark.parametrize("values", [KEY, {"allowAnonymous": True}, {**KEY, **GPU}, AUTOSCALED])
def test_the_manifests_are_valid(values: dict[str, Any], tmp_path: Path) -> None:
    manifests = rendered(values)
    assert ("HorizontalPodAutoscaler" in manifests) == (values is AUTOSCALED)
    for kind, manifest in manifests.items():
        if kind != "ServiceMonitor":  # of the Prometheus operator, not of Kubernetes
            file = tmp_path / f"{kind}.yaml"
            file.write_text(yaml.safe_dump(manifest))
            done = tool("kubernetes-validate", "--strict", "-k", "1.34", file)
            assert done.returncode == 0, done.stdout + done.stderr


def test_a_pod_has_the_time_to_drain_and_no_rights() -> None:
    spec = pod(rendered({**KEY, "drainSeconds": 7, "shutdownSeconds": 100}))
    assert spec["terminationGracePeriodSeconds"] == 132
    (container,) = spec["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    assert (variables["SPEECHD_DRAIN_SECONDS"], variables["SPEECHD_SHUTDOWN_SECONDS"]) == ("7", "100")
    assert variables["SPEECHD_API_KEY_FILE"] == "/run/secrets/speechd/api-key"
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_a_gpu_is_asked_for() -> None:
    (container,) = pod(rendered({**KEY, **GPU}))["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {"name": "SPEECHD_DEVICE", "value": "cuda"} in container["env"]


def test_replicas_follow_the_seconds_that_wait() -> None:
    manifests = rendered(AUTOSCALED)
    (metric,) = manifests["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "speechd_queue_audio_seconds"
    assert "replicas" not in manifests["Deployment"]["spec"]
    assert manifests["Deployment"]["spec"]["strategy"]["type"] == "RollingUpdate"


def test_requests_go_to_any_replica_and_replicas_to_different_nodes() -> None:
    manifests = rendered({**KEY, "replicas": 3, "databaseSecret": "d", "persistence": {"existingClaim": "shared"}})
    assert manifests["Service"]["spec"]["sessionAffinity"] == "None"
    (apart,) = pod(manifests)["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    labels = apart["podAffinityTerm"]["labelSelector"]["matchLabels"]
    assert labels.items() <= manifests["Deployment"]["spec"]["template"]["metadata"]["labels"].items()
    own = {"nodeAffinity": {}}
    assert pod(rendered({**KEY, "affinity": own}))["affinity"] == own
    assert "affinity" not in pod(rendered({**KEY, "podAntiAffinity": False}))


def test_the_adapter_serves_the_metric_that_replicas_follow() -> None:
    (rule,) = yaml.safe_load((DEPLOY / "helm" / "prometheus-adapter.yaml").read_text())["rules"]["custom"]
    (metric,) = rendered(AUTOSCALED)["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert rule["name"]["as"] == metric["pods"]["metric"]["name"]
    assert rule["seriesQuery"].startswith(f"{QUEUE_SECONDS.description.name}{{")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "Set apiKeySecret"),
        ({**KEY, "replicas": 2}, "Several replicas need PostgreSQL"),
        ({**KEY, "replicas": 2, "databaseSecret": "d"}, "ReadWriteMany"),
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, Any], told: str) -> None:
    done = tool("python", RENDER, CHART, json.dumps(values))
    assert done.returncode == 1
    assert told in done.stderr
