"""Models are tried in a child first: what breaks it, hangs in it or fails in it, and what needs no trial."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from speechd.errors import EngineFailure, ModelBroken, SpeechdError
from speechd.registry import catalog
from speechd.registry.catalog import Model
from speechd.registry.files import MANIFEST, shipped_models
from speechd.registry.load_check.checker import ModelChecker, _environment, _judged, is_vouched_for
from speechd.registry.load_check.verdicts import Verdict, Verdicts
from speechd.registry.registry import ModelStore
from speechd.registry.sources.base import ModelFile, sha256
from speechd.settings import Settings
from tests.support.crafted_models import CRAFTED
from tests.support.processes import children, eventually


def copied(folder: Path, name: str = "whisper-pocket") -> Model:
    shutil.copytree(shipped_models() / name, folder)
    return catalog.local(folder.name, folder)


def no_trial(checker: ModelChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on a trial fails the test."""
    monkeypatch.setattr(checker, "_start", lambda: pytest.fail("tried again"))


@pytest.mark.parametrize("name", ["whisper-pocket", "en_US-pocket-x_low"])
def test_a_sound_model_passes_and_is_remembered(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    model = copied(tmp_path / "sound", name)
    checker = ModelChecker(settings)
    assert not checker.passed(model)
    checker.check(model)
    for later in (checker, ModelChecker(settings)):
        no_trial(later, monkeypatch)
        assert later.passed(model)
        later.check(model)


@pytest.mark.parametrize("fault", CRAFTED)
def test_a_model_that_breaks_its_process_is_broken_wherever_it_lies(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    CRAFTED[fault](tmp_path / "crafted")
    checker = ModelChecker(settings)
    with pytest.raises(ModelBroken, match=r"`crafted` is not used: it broke the process that tried it \(SIG"):
        checker.check(catalog.local("crafted", tmp_path / "crafted"))
    no_trial(checker, monkeypatch)
    shutil.copytree(tmp_path / "crafted", tmp_path / "again")
    again = catalog.local("again", tmp_path / "again")
    assert not checker.passed(again)
    with pytest.raises(ModelBroken, match="`again` is not used"):
        checker.check(again)


@pytest.mark.slow
def test_changed_files_are_tried_again(settings: Settings, tmp_path: Path) -> None:
    CRAFTED["half"](tmp_path / "model")
    model, checker = catalog.local("model", tmp_path / "model"), ModelChecker(settings)
    with pytest.raises(ModelBroken):
        checker.check(model)
    shutil.copy(shipped_models() / "whisper-pocket" / "model.bin", tmp_path / "model")
    checker.check(model)


def test_a_child_that_does_not_end_is_ended_and_tried_again_later(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, checker, before = copied(tmp_path / "slow"), ModelChecker(settings), children(os.getpid())
    with pytest.raises(ModelBroken, match="did not decode a second of sound"):
        checker.check(model, seconds=0.01)
    assert children(os.getpid()) <= before
    start = checker._start
    no_trial(checker, monkeypatch)
    with pytest.raises(ModelBroken):
        checker.check(model)
    monkeypatch.setattr(checker, "_start", start)
    monkeypatch.setattr("time.time", lambda: 4e9)
    checker.check(model)


def test_files_that_are_no_model_fail_as_such(settings: Settings, tmp_path: Path) -> None:
    model = copied(tmp_path / "garbage")
    (tmp_path / "garbage" / "model.bin").write_bytes(b"no model at all")
    with pytest.raises(EngineFailure, match="could not be loaded") as failure:
        ModelChecker(settings).check(model)
    assert failure.value.error_code == "engine_failure"


def test_the_child_sees_no_key(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHD_API_KEY", "secret")
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert "secret" not in _environment().values()
    assert _environment()["CUDA_VISIBLE_DEVICES"] == "1"


GREEDY = """
import numpy, resource
from speechd.registry.load_check.process import give_up_rights, limit_memory
give_up_rights(7)
limit_memory(1000)
print(resource.getrlimit(resource.RLIMIT_CPU)[1], resource.getrlimit(resource.RLIMIT_CORE)[1])
numpy.empty(1 << 40, numpy.uint8)
"""


def test_a_trial_is_bounded_in_memory_and_cpu_time() -> None:
    ended = subprocess.run([sys.executable, "-c", GREEDY], capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["7", "0"]
    assert "MemoryError" in ended.stderr


def test_a_trial_that_takes_too_much_cpu_time_is_repeated_later() -> None:
    verdict = _judged(-signal.SIGXCPU, "")
    assert "CPU time" in verdict.broken
    assert verdict.until is not None


def test_closing_ends_a_check(settings: Settings, tmp_path: Path) -> None:
    model, checker, failures = copied(tmp_path / "model"), ModelChecker(settings), []

    def check() -> None:
        try:
            checker.check(model)
        except SpeechdError as failure:
            failures.append(failure.message)

    thread = threading.Thread(target=check)
    thread.start()
    assert eventually(lambda: bool(checker._children))
    checker.close()
    thread.join()
    assert failures == ["The server is shutting down."]
    assert not ModelChecker(settings).passed(model)


def test_embedded_models_need_no_check(settings: Settings) -> None:
    store = ModelStore(settings)
    assert is_vouched_for(store.get("whisper-pocket"))
    assert not is_vouched_for(replace(store.get("whisper-pocket"), embedded=False))


@pytest.mark.parametrize("fault", ["", "changed", "size", "hash", "no manifest", "stands for"])
def test_what_the_catalog_pins_needs_no_check_while_it_is_unchanged(tmp_path: Path, fault: str) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")
    digest = sha256(file)
    pinned = ModelFile("model.bin", 7, digest if fault != "hash" else "0" * 64)
    model = replace(catalog.UNKNOWN, id="pinned", path=tmp_path, files=(pinned,))
    if fault != "no manifest":
        (tmp_path / MANIFEST).write_text(json.dumps({"files": {"model.bin": {"size": 7, "sha256": digest}}}))
    if fault == "stands for":
        (tmp_path / MANIFEST).unlink()
        model = replace(model, embedded=True, stands_for="auto")
    if fault in ("changed", "size"):
        file.write_bytes(b"WEIGHTS" if fault == "changed" else b"more weights")
        later = (tmp_path / MANIFEST).stat().st_mtime_ns + 1_000_000_000
        os.utime(file, ns=(later, later))
    assert is_vouched_for(model) == (not fault)


def test_verdicts_outlive_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    model = copied(tmp_path / "model")
    (tmp_path / "file").write_text("")
    verdicts = Verdicts(tmp_path / "file" / "checks.json", "cpu")
    verdicts.add(model.path, Verdict("broken"))
    assert verdicts.known(model.path) == Verdict("broken")


@pytest.mark.parametrize("content", ["", "[]", "{", "not json"])
def test_a_damaged_file_of_verdicts_is_no_verdict(tmp_path: Path, content: str) -> None:
    model = copied(tmp_path / "model")
    (tmp_path / "checks.json").write_text(content)
    verdicts = Verdicts(tmp_path / "checks.json", "cpu")
    assert verdicts.known(model.path) is None
    verdicts.add(model.path, Verdict(""))
    assert Verdicts(tmp_path / "checks.json", "cpu").known(model.path) == Verdict("")
    assert Verdicts(tmp_path / "checks.json", "cuda").known(model.path) is None, "of another device"
