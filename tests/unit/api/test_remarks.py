"""What `speechd serve` says of its models before the first request."""

from pathlib import Path

from speechd.api.server import startup_notes
from speechd.registry.files import LAYOUTS
from speechd.registry.registry import ModelStore
from speechd.settings import Settings


def store(folder: Path, *installed: str, memory: float = 8e9, size: int = 0) -> ModelStore:
    for name in installed:
        place = folder / "models" / name
        place.mkdir(parents=True)
        for file in LAYOUTS["whisper"]:
            (place / file).touch()
        with (place / "model.bin").open("wb") as weights:
            weights.truncate(size)
    return ModelStore(Settings(data_dir=folder), memory)


def test_what_is_missing_is_one_line_with_the_command(tmp_path: Path) -> None:
    (line,) = startup_notes(store(tmp_path))
    assert "whisper-pocket" in line
    assert "synthetic voices only" in line
    assert line.endswith(": speechd models pull")


def test_why_it_is_missing_is_in_the_same_line(tmp_path: Path) -> None:
    (line,) = startup_notes(store(tmp_path), "Skipped.")
    assert line.startswith("Skipped. `auto` is whisper-pocket")


def test_with_a_real_model_only_the_reason_is_said(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-base")
    assert list(startup_notes(models)) == []
    assert list(startup_notes(models, "The voice could not be pulled.")) == ["The voice could not be pulled."]


def test_a_model_that_memory_is_too_small_for_is_named(tmp_path: Path) -> None:
    """4 GB in all leave less than whisper-large-v3 takes; the file has a hole, and no bytes on the disk."""
    (line,) = startup_notes(store(tmp_path, "whisper-large-v3", memory=3.5e9, size=3_000_000_000))
    assert line == "`auto` uses whisper-large-v3 last: it may need 3.9 GB of memory, and 3.5 GB are free."
