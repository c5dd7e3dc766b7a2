"""What `auto` prefers: the best that fits into memory, anything real before what is embedded."""

from dataclasses import replace
from pathlib import Path

from speechd.registry.catalog import UNKNOWN, Model
from speechd.registry.selection import by_preference, installed_bytes

SIZES = {
    "whisper-large-v3": 3_090_000_000,
    "whisper-small": 486_000_000,
    "whisper-base": 148_000_000,
    "pocket": 7_000_000,
}
RANKS = {"whisper-large-v3": 90, "whisper-small": 50, "whisper-base": 40, "pocket": 6}


def order(memory: float, *names: str) -> list[str]:
    models = [replace(UNKNOWN, id=name, rank=RANKS[name], embedded=name == "pocket") for name in names or SIZES]
    return [model.id for model in by_preference(models, memory, lambda model: SIZES[model.id])]


def test_with_memory_enough_the_rank_decides() -> None:
    assert order(8e9) == ["whisper-large-v3", "whisper-small", "whisper-base", "pocket"]


def test_what_does_not_fit_comes_after_what_does() -> None:
    """4 GB in all leave less than large-v3 takes."""
    assert order(3.5e9) == ["whisper-small", "whisper-base", "whisper-large-v3", "pocket"]


def test_where_nothing_fits_the_smallest_is_the_best_try() -> None:
    assert order(1e8) == ["whisper-base", "whisper-small", "whisper-large-v3", "pocket"]


def test_a_real_model_that_may_not_fit_comes_before_the_embedded() -> None:
    assert order(1e9, "pocket", "whisper-large-v3") == ["whisper-large-v3", "pocket"]


def test_the_size_is_that_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(bytes(1_000))
    (tmp_path / "config.json").write_bytes(bytes(10))
    model: Model = replace(UNKNOWN, id="m", path=tmp_path)
    assert installed_bytes(model) == 1_010
    assert installed_bytes(replace(model, path=None)) == 0
