"""What is said of model folders that are incomplete or damaged, of names that mean nothing, and of no voice."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from speechd.api.diagnosis.report import Finding
from speechd.cli.doctor import models
from speechd.registry.files import shipped_models
from speechd.settings import Settings


def found(check: Callable[[Settings], Iterator[Finding]], settings: Settings, status: str) -> list[Finding]:
    return [finding for finding in check(settings) if finding.status == status]


@pytest.fixture
def folder(settings: Settings) -> Path:
    """A whole copy of whisper-pocket under another name."""
    target = settings.data_dir / "models" / "mine"
    shutil.copytree(shipped_models() / "whisper-pocket", target)
    return target


def test_whole_folders_are_counted(settings: Settings, folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "org" / "theirs")
    (folder.parent / ".half-a-pull").mkdir()
    assert [(finding.status, finding.message[0]) for finding in models.folders(settings)] == [("ok", "2")]
    assert not found(models.loading, settings, "problem")


def test_a_folder_without_a_file_is_named_with_the_file(settings: Settings, folder: Path) -> None:
    (folder / "model.bin").unlink()
    (folder.parent / "notes").mkdir()
    whole, other = models.folders(settings)
    assert (whole.status, other.status) == ("problem", "problem")
    assert "mine has no complete model: model.bin missing" in whole.message
    assert "none of its files" in other.message
    assert "speechd models pull" in whole.remedy


def test_a_damaged_model_does_not_load(settings: Settings, folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"\x00" * 1000)
    problem, *rest = found(models.loading, settings, "problem")
    assert problem.message.startswith("mine:")
    assert not rest, "the others load"
    assert "speechd models remove mine" in problem.remedy


def test_a_model_that_memory_does_not_hold_is_not_loaded(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "available_memory", lambda: 5e6)
    assert any("mine was not loaded" in finding.message for finding in found(models.loading, settings, "warning"))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"default_model": "nonsense"}, "nonsense, which does not exist"),
        ({"default_model": "whisper-large-v3"}, "not installed"),
        ({"default_voice": "en_US-lessac-medium"}, "not installed"),
        ({"preload": "whisper-pocket,whisper-tiny"}, "SPEECHD_PRELOAD (whisper-tiny)"),
        ({"model_aliases": {"a": "nowhere"}}, "SPEECHD_MODEL_ALIASES (a)"),
    ],
)
def test_a_model_that_the_settings_name_and_that_is_not_there(
    settings: Settings, given: dict[str, object], says: str
) -> None:
    (finding,) = models.names(Settings(data_dir=settings.data_dir, **given))  # type: ignore[arg-type]
    assert (finding.status, says in finding.message) == ("problem", True), finding
    assert "speechd models" in finding.remedy


def test_names_that_are_right(settings: Settings) -> None:
    given = {"default_model": "whisper-pocket", "default_voice": "en_US-pocket-x_low", "preload": "whisper-pocket"}
    aliases = {"whisper-1": "auto", "x": "whisper-pocket"}
    (finding,) = models.names(Settings(data_dir=settings.data_dir, model_aliases=aliases, **given))  # type: ignore[arg-type]
    assert finding.status == "ok"


def test_a_wrong_device_is_told_with_the_setting(settings: Settings) -> None:
    problems = found(models.loading, settings.model_copy(update={"device": "tpu"}), "problem")
    assert problems
    assert all("SPEECHD_DEVICE" in problem.message for problem in problems)


def test_speech_goes_through_both_ends(settings: Settings) -> None:
    (finding,) = models.end_to_end(settings)
    assert finding.status == "ok"
    assert finding.message.count(models.ENGLISH) == 2, finding
    assert not settings.data_dir.exists(), "nothing was written"


def test_without_a_voice_it_is_skipped_with_the_reason(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "piper", None)
    (finding,) = models.end_to_end(settings)
    assert finding.status == "skipped"
    assert "speechd[tts]" in finding.message
    assert found(models.loading, settings, "warning"), "each voice says the same"


def test_a_recogniser_that_does_not_understand_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "ENGLISH", "Quorum sensing modulates virulence heterogeneously.")
    (finding,) = models.end_to_end(settings)
    assert finding.status == "warning"
    assert "whisper-base" in finding.remedy
