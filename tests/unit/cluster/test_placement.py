"""Where replicas run and how many there are, from the settings alone."""

from pathlib import Path
from typing import Any

import pytest

from speechd.cli.serve import service_opener
from speechd.cluster.serving.autoscaling import wanted_replicas
from speechd.cluster.serving.placement import ReplicaPlan, app_name, replica_resources
from speechd.cluster.serving.replica import check_version, replica_settings
from speechd.errors import FeatureNotInstalled, Misconfigured
from speechd.registry.catalog import Model
from speechd.registry.registry import ModelStore
from speechd.settings import Settings


@pytest.fixture
def model(settings: Settings) -> Model:
    return ModelStore(settings).installed("whisper-pocket")


def plan(model: Model, tmp_path: Path, **given: Any) -> ReplicaPlan:
    return ReplicaPlan.of(model, Settings(data_dir=tmp_path, **given), gpus=False)


def test_a_recogniser_takes_a_gpu_where_there_are_some(model: Model, tmp_path: Path) -> None:
    def gpus(there: bool, **given: Any) -> float:
        return replica_resources(model, Settings(data_dir=tmp_path, **given), gpus=there).gpus

    assert [gpus(True), gpus(False), gpus(True, cluster_gpus=0.25), gpus(True, device="cpu")] == [1, 0, 0.25, 0]


def test_a_voice_takes_none(settings: Settings) -> None:
    voice = ModelStore(settings).installed("en_US-pocket-x_low")
    assert replica_resources(voice, settings, gpus=True).gpus == 0


def test_a_machine_with_less_memory_than_the_model_needs_does_not_fit(model: Model, settings: Settings) -> None:
    wanted = replica_resources(model, settings, gpus=False)
    machine = {"CPU": 4.0, "memory": float(wanted.memory)}
    assert wanted.fits(machine)
    assert not wanted.fits(machine | {"memory": wanted.memory - 1.0})
    assert not wanted.fits({"memory": machine["memory"]})


@pytest.mark.parametrize(
    ("given", "fewest"),
    [
        ({}, 0),
        ({"keep_alive": -1}, 1),
        ({"preload": ("whisper-pocket",)}, 1),
        ({"cluster_warm_replicas": {"whisper-pocket": 3}}, 3),
        ({"keep_alive": -1, "cluster_warm_replicas": {"whisper-pocket": 0}}, 0),
    ],
)
def test_replicas_that_stay(model: Model, tmp_path: Path, given: dict[str, Any], fewest: int) -> None:
    assert plan(model, tmp_path, **given).min_replicas == fewest


def test_more_warm_replicas_than_the_maximum_are_kept(model: Model, tmp_path: Path) -> None:
    found = plan(model, tmp_path, cluster_max_replicas=2, cluster_warm_replicas={"whisper-pocket": 5})
    assert (found.min_replicas, found.max_replicas) == (5, 5)


def test_only_a_change_that_concerns_replicas_replaces_them(model: Model, tmp_path: Path) -> None:
    def version(**given: Any) -> str:
        return plan(model, tmp_path, **given).version

    assert version() == version(port=1, cluster_max_replicas=3, api_key="sk-x")
    assert version() != version(compute_type="float32")


def test_replicas_are_not_told_secrets(model: Model, tmp_path: Path) -> None:
    secrets = {"api_key": "sk-secret", "llm_api_key": "sk-secret", "webhook_secret": "sk-secret-of-16-bytes"}
    told = repr(plan(model, tmp_path, database_url="postgresql://u:sk-secret@h/d", **secrets))
    assert "sk-secret" not in told
    assert "SecretStr" not in told


def test_the_environment_of_the_machine_goes_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPEECHD_DATA_DIR", str(tmp_path))
    found = replica_settings({"data_dir": "/elsewhere", "compute_type": "float32", "keep_alive": 5})
    assert (found.data_dir, found.compute_type, found.keep_alive, found.worker) == (tmp_path, "float32", -1, False)


def test_a_replica_takes_the_gpu_that_ray_gives_it(tmp_path: Path) -> None:
    found = [
        replica_settings({"data_dir": tmp_path, "device": device}).device for device in ("cuda:2,3", "auto", "cpu")
    ]
    assert found == ["cuda", "auto", "cpu"]


def test_another_version_of_speechd_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"speechd 0\.0\.1"):
        check_version("0.0.1")


@pytest.mark.parametrize(
    ("waiting", "requests", "replicas"), [(0, 0, 0), (0, 1, 1), (1, 1, 1), (60, 2, 1), (61, 2, 2), (600, 3, 10)]
)
def test_replicas_follow_the_audio_that_waits(waiting: float, requests: float, replicas: int) -> None:
    assert wanted_replicas(waiting, requests, target=60) == replicas


def test_models_with_similar_names_are_different_applications() -> None:
    names = ["org/model", "org-model", "org model"]
    assert len({app_name(name) for name in names}) == 3


def test_a_cluster_without_its_extra_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FeatureNotInstalled, match=r"speechd\[cluster\]"):
        service_opener(Settings(data_dir=tmp_path, cluster="auto"))


def test_a_replica_finds_a_folder_by_the_operators_name(model: Model, tmp_path: Path) -> None:
    assert model.path is not None
    folder = tmp_path / "elsewhere"
    folder.symlink_to(model.path)
    settings = Settings(data_dir=tmp_path, model_aliases={"ours": str(folder)})
    found = ReplicaPlan.of(ModelStore(settings).installed("ours"), settings, gpus=False)
    assert found.name == "ours"
    assert ModelStore(replica_settings(found.given)).installed(found.name).path == folder


def test_a_replica_finds_another_model_by_its_id(model: Model, tmp_path: Path) -> None:
    assert plan(model, tmp_path).name == "whisper-pocket"
