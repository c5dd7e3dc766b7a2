"""How the cores are divided among the batches of a model."""

import os
from pathlib import Path

import pytest

from speechd.registry.loading.loaders import SMALL_MODEL_BYTES, _share


@pytest.mark.parametrize(
    ("megabytes", "cores", "threads", "share"),
    [
        (10, 2, 0, (1, 2)),
        (10, 16, 0, (1, 4)),
        (140, 2, 0, (2, 1)),
        (140, 8, 0, (8, 1)),
        (140, 16, 0, (8, 2)),
        (140, 64, 0, (8, 4)),
        (140, 16, 4, (4, 4)),
        (140, 2, 8, (8, 1)),
    ],
)
def test_no_core_is_left_without_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int, cores: int, threads: int, share: tuple[int, int]
) -> None:
    with (tmp_path / "model.bin").open("wb") as weights:
        weights.truncate(megabytes * 1_000_000)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert (megabytes * 1_000_000 < SMALL_MODEL_BYTES) == (share[0] == 1)
    assert _share(tmp_path, "cpu", threads) == share
