"""Threads and replicas: what is tried, what is chosen, and what is kept."""

import json
from pathlib import Path

import pytest

from speechd.registry.files import shipped_models
from speechd.registry.loading import cpu_share
from speechd.registry.loading.cpu_share import (
    CpuShare,
    PassSeconds,
    cheapest,
    measured_apart,
    measured_share,
    share_by_size,
    shares,
)

POCKET = shipped_models() / "whisper-pocket"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A folder whose weights look large and take no room."""
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(100_000_000)
    return tmp_path


def test_a_small_model_takes_the_cores_one_by_one() -> None:
    assert share_by_size(POCKET, 2) == CpuShare(1, 2)
    assert share_by_size(POCKET, 64) == CpuShare(1, 4)


def test_a_large_model_shares_the_cores_out(large: Path) -> None:
    assert share_by_size(large, 2) == CpuShare(2, 1)
    assert share_by_size(large, 16) == CpuShare(8, 2)
    assert share_by_size(large, 16, threads=4) == CpuShare(4, 4)


@pytest.mark.parametrize("cores", [2, 3, 8, 64])
def test_what_is_tried_fits_the_machine(cores: int) -> None:
    for share in shares(cores):
        assert share.threads <= cores
        assert 2 <= share.replicas <= 4


def test_one_client_and_many_weigh_the_same() -> None:
    seconds = {
        CpuShare(1, 2): PassSeconds(alone=0.46, busy=0.24),
        CpuShare(2, 2): PassSeconds(alone=0.31, busy=0.27),
        CpuShare(4, 2): PassSeconds(alone=0.30, busy=0.40),
    }
    assert cheapest(seconds, seconds.__getitem__) == (CpuShare(2, 2), True)


def test_a_busy_machine_and_a_slow_model_choose_nothing() -> None:
    assert cheapest(shares(2), lambda share: PassSeconds(1, 1, disturbed=True)) == (None, False)
    assert cheapest(shares(2), lambda share: None) == (None, True)


def test_a_measurement_is_kept_for_the_same_weights(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[CpuShare] = []

    def measure(folder: Path, compute_type: str, share: CpuShare) -> PassSeconds:
        measured.append(share)
        return PassSeconds(alone=1 / share.threads, busy=1.0)

    monkeypatch.setattr(cpu_share, "measured_apart", measure)
    kept = tmp_path / "cpu-shares.json"
    for _ in range(2):
        assert measured_share(large, "int8", 2, kept) == CpuShare(2, 2)
    assert measured == shares(2)
    measured_share(large, "float32", 2, kept)
    assert measured == 2 * shares(2)


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"threads": 1}}', '{"a": {"cores": 1}}'])
def test_a_spoilt_file_is_measured_again(
    content: str, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "cpu-shares.json"
    kept.write_text(content)
    monkeypatch.setattr(cpu_share, "measured_apart", lambda folder, kind, share: PassSeconds(1, share.threads))
    assert measured_share(large, "int8", 2, kept) == CpuShare(1, 2)
    assert len(json.loads(kept.read_text())) == 1


def test_a_disturbed_measurement_is_not_kept(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_share, "measured_apart", lambda *_: PassSeconds(1, 1, disturbed=True))
    kept = tmp_path / "cpu-shares.json"
    assert measured_share(large, "int8", 2, kept) == share_by_size(large, 2)
    assert not kept.exists()


def test_a_small_model_and_a_single_core_are_not_measured(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_share, "measured_apart", lambda *_: pytest.fail("measured"))
    assert measured_share(POCKET, "int8", 2, tmp_path / "kept.json") == CpuShare(1, 2)
    assert measured_share(large, "int8", 1, tmp_path / "kept.json") == CpuShare(1, 1)


def test_a_real_model_is_measured_in_a_process_of_its_own() -> None:
    found = measured_apart(POCKET, "int8", CpuShare(1, 2))
    assert found is not None
    assert found.alone > 0
    assert found.busy > 0


def test_weights_that_cannot_be_read_are_left_to_the_load(large: Path, tmp_path: Path) -> None:
    assert measured_apart(large, "int8", CpuShare(1, 1)) is None
    assert measured_share(large, "int8", 2, tmp_path / "kept.json") == share_by_size(large, 2)
