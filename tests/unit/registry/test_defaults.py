"""What comes without being named, and when nothing does."""

from pathlib import Path

import pytest

from speechd.errors import Misconfigured
from speechd.registry.defaults import missing_defaults, system_language
from speechd.registry.files import LAYOUTS
from speechd.registry.registry import ModelStore
from speechd.settings import Settings

JOE = "en_US-joe-medium"


def installed(folder: Path, name: str) -> None:
    place = folder / "models" / name
    place.mkdir(parents=True)
    for pattern in LAYOUTS["piper" if name == JOE else "whisper"]:
        (place / pattern.replace("*", name)).touch()
    if name == JOE:
        (place / f"{JOE}.onnx.json").write_text(
            '{"audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"}, "phoneme_id_map": {}}'
        )


def missing(folder: Path, *there: str, language: str = "en", speaks: bool = True, **given: object) -> list[str]:
    for name in there:
        installed(folder, name)
    settings = Settings(data_dir=folder, **given)
    return [model.id for model in missing_defaults(ModelStore(settings), settings, language, speaks=speaks)]


def test_a_fresh_machine_gets_a_recogniser_and_a_voice(tmp_path: Path) -> None:
    assert missing(tmp_path) == ["whisper-base", JOE]


def test_the_voice_speaks_the_systems_language(tmp_path: Path) -> None:
    assert missing(tmp_path, language="de") == ["whisper-base", "de_DE-thorsten-medium"]


def test_nothing_comes_for_what_is_installed(tmp_path: Path) -> None:
    assert missing(tmp_path / "a", "whisper-base", JOE) == []
    assert missing(tmp_path / "b", "whisper-small") == [JOE], "any real recogniser will do"
    assert missing(tmp_path / "c", JOE) == ["whisper-base"]


def test_nothing_comes_that_cannot_be_used_or_that_the_operator_has_chosen(tmp_path: Path) -> None:
    assert missing(tmp_path, speaks=False) == ["whisper-base"]
    assert missing(tmp_path, default_model="whisper-pocket") == [JOE]
    assert missing(tmp_path, default_voice="en_US-pocket-x_low") == ["whisper-base"]


def test_none_brings_nothing(tmp_path: Path) -> None:
    assert missing(tmp_path, auto_model="none") == []


def test_a_model_that_is_named_comes_instead(tmp_path: Path) -> None:
    assert missing(tmp_path, "whisper-base", auto_model="whisper-small") == ["whisper-small", JOE]
    assert missing(tmp_path, "whisper-small", auto_model="whisper-small") == [JOE]


@pytest.mark.parametrize("name", ["whisper-bas", "whisper-pocket"])
def test_a_name_that_means_nothing_to_bring_is_refused_by_its_setting(tmp_path: Path, name: str) -> None:
    with pytest.raises(Misconfigured, match=f"SPEECHD_AUTO_MODEL.*{name}"):
        missing(tmp_path, auto_model=name)


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LC_ALL": "fr_FR", "LANG": "de_DE"}, "fr"),
        ({}, "en"),
    ],
)
def test_the_systems_language(environment: dict[str, str], language: str) -> None:
    assert system_language(environment) == language
