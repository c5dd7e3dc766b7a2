"""What is said of Python, of packages that are missing, too old or broken, and of mistyped settings."""

import importlib.metadata
import sys

import pytest

from speechd.api.diagnosis import installation
from speechd.settings import Settings


def test_a_good_installation(settings: Settings) -> None:
    for check in (installation.python, installation.packages, installation.wheels):
        assert [finding.status for finding in check(settings)] == ["ok"]


def test_an_old_python_is_a_problem(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "MIN_PYTHON", (4, 0))
    (finding,) = installation.python(settings)
    assert finding.status == "problem"
    assert "4.0" in finding.remedy


def test_packages_that_are_old_or_missing_are_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["numpy>=900", "no-such-package>=1", "rich>=13", "torch>=2; extra == 'train'", "x; python_version < '3'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: asked)
    old, missing = installation.packages(settings)
    assert (old.status, missing.status) == ("problem", "problem")
    assert "numpy" in old.message
    assert ">=900" in old.message
    assert missing.message == "no-such-package is not installed."


def test_a_library_that_cannot_be_imported_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    (finding,) = installation.wheels(settings)
    assert finding.status == "problem"
    assert finding.message.startswith("soxr cannot be imported")
    assert "soxr" in finding.remedy


def test_a_missing_extra_is_a_problem_only_where_the_settings_need_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("asyncpg", "piper", "pocketsphinx"):
        monkeypatch.setitem(sys.modules, module, None)
    usual = {finding.message.split(":")[0]: finding for finding in installation.extras(settings)}
    assert usual["No speech"].remedy == "pip install 'speechd[tts]'"
    assert (usual["No speech"].status, usual["postgres"].status) == ("warning", "skipped")
    needed = installation.extras(Settings(database_url="postgresql://user@host/name"))
    assert "problem" in [finding.status for finding in needed]


def test_a_mistyped_setting_is_told_with_the_right_one(settings: Settings) -> None:
    (finding,) = installation.names_of_settings(settings, {"SPEECHD_DATADIR": "/x", "SPEECHD_PORT": "1", "HOME": "/"})
    assert finding.status == "warning"
    assert "SPEECHD_DATADIR" in finding.message
    assert finding.remedy == "Did you mean SPEECHD_DATA_DIR?"
    (finding,) = installation.names_of_settings(settings, {"SPEECHD_PORT": "1"})
    assert finding.status == "ok"
