"""Names that are no id of an installed model: of hosted services, of hubs, of the operator."""

from pathlib import Path

import pytest

from speechd.errors import ModelNotFound, ModelNotInstalled, Unprocessable
from speechd.registry.registry import ModelStore
from speechd.types import TranscribeOptions
from tests.unit.registry.test_registry import ANY, store

HOSTED = (
    *("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"),
    *("whisper-large-v3", "whisper-large-v3-turbo", "distil-whisper-large-v3-en"),
)
"""Ids of OpenAI's and Groq's recognisers."""


@pytest.mark.parametrize("name", HOSTED)
def test_a_hosted_name_is_the_best_installed_recogniser(tmp_path: Path, name: str) -> None:
    models = store(tmp_path, "whisper-base", "whisper-tiny.en")
    assert models.choose(name, ANY).id == "whisper-base"
    assert models.means_auto(name), "so that what broke is passed over, and doubtful text is said"


@pytest.mark.parametrize("name", ["whisper-large-v3", "whisper-large-v3-turbo", "whisper-1"])
def test_the_model_itself_comes_first(tmp_path: Path, name: str) -> None:
    models = store(tmp_path, "whisper-large-v3", "whisper-large-v3-turbo", "whisper-1")
    assert models.choose(name, ANY).id == name
    assert not models.means_auto(name)


def test_it_can_do_the_task_and_the_language(tmp_path: Path) -> None:
    models = store(tmp_path, "distil-whisper-large-v3-en", "whisper-large-v3-turbo", "whisper-tiny")
    assert models.choose("whisper-1", ANY).id == "whisper-large-v3-turbo"
    assert models.choose("whisper-1", TranscribeOptions(task="translate")).id == "whisper-tiny"
    english = store(tmp_path / "en", "distil-whisper-large-v3-en", "whisper-tiny")
    assert english.choose("gpt-4o-transcribe", TranscribeOptions(language="ja")).id == "whisper-tiny"
    with pytest.raises(Unprocessable, match="cannot translate"):
        models.choose("whisper-large-v3-turbo", TranscribeOptions(task="translate"))


def test_the_embedded_model_is_the_last(tmp_path: Path) -> None:
    assert store(tmp_path).choose("whisper-1", ANY).id == "whisper-pocket"


def test_the_operators_default_is_what_a_hosted_name_means(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-small", "whisper-base", default_model="whisper-base")
    assert models.choose("whisper-1", ANY).id == "whisper-base"
    for name in ("whisper-large-v3", "gpt-4o-transcribe"):
        assert store(tmp_path, default_model=name).means_auto("whisper-1") == (name != "whisper-large-v3")
    with pytest.raises(ModelNotInstalled, match="`whisper-large-v3`"):
        store(tmp_path, default_model="whisper-large-v3").choose("whisper-1", ANY)


def test_an_alias_of_a_folder_and_of_a_repository(tmp_path: Path) -> None:
    """The operator may name what callers must not."""
    folder = store(tmp_path, "whisper-base").choose("whisper-base", ANY).path
    aliases = {"mine": str(folder), "theirs": "somebody/something"}
    models = store(tmp_path / "other", model_aliases=aliases)
    assert models.choose("mine", ANY).path == models.installed("mine").path == folder
    with pytest.raises(ModelNotInstalled):
        models.choose("theirs", ANY)
    assert models.named("theirs") is not None
    for name in aliases.values():
        with pytest.raises(ModelNotFound):
            models.choose(name, ANY)


def test_an_alias_wins(tmp_path: Path) -> None:
    aliases = {"whisper-1": "whisper-tiny", "gpt-4o-transcribe": "whisper-large-v3", "mine": "gpt-4o-transcribe"}
    models = store(tmp_path, "whisper-base", "whisper-tiny", model_aliases=aliases)
    assert models.choose("whisper-1", ANY).id == "whisper-tiny"
    assert models.choose("mine", ANY).id == "whisper-base", "an alias of a name that stands for another"
    with pytest.raises(ModelNotInstalled):
        models.choose("gpt-4o-transcribe", ANY)


def test_strict_refuses_what_is_not_installed(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-base", hosted_names="strict")
    with pytest.raises(ModelNotInstalled, match="speechd models pull whisper-large-v3"):
        models.choose("whisper-large-v3", ANY)
    with pytest.raises(ModelNotFound):
        models.choose("gpt-4o-transcribe", ANY)
    assert "gpt-4o-transcribe" not in [model.id for model in models.list()]
    assert models.choose("openai/whisper-base", ANY).id == "whisper-base", "the same model by another name"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("base", "whisper-base"),
        ("openai/whisper-base", "whisper-base"),
        ("Systran/faster-whisper-base", "whisper-base"),
        ("tiny.en", "whisper-tiny.en"),
        ("large-v3", "whisper-large-v3"),
        ("openai/whisper-large-v3", "whisper-large-v3"),
        ("deepdml/faster-whisper-large-v3-turbo-ct2", "whisper-large-v3-turbo"),
        ("turbo", "whisper-large-v3-turbo"),
        ("Systran/faster-distil-whisper-large-v3", "distil-whisper-large-v3-en"),
        ("Systran/faster-whisper-large-v2", "whisper-1"),
    ],
)
def test_names_of_hubs_and_sizes_find_the_model(tmp_path: Path, name: str, model: str) -> None:
    assert store(tmp_path / "a", model).choose(name, ANY).id == model
    missing = store(tmp_path / "b", "whisper-tiny")
    with pytest.raises(ModelNotInstalled, match=f'speechd models pull {model} .*"{name}": "auto"'):
        missing.choose(name, ANY)
    assert missing.pullable(name).id == model


def test_every_recogniser_of_the_catalog_is_found_by_its_source(tmp_path: Path) -> None:
    models = store(tmp_path)
    rows = [model for model in models.list() if model.kind == "asr" and model.hub]
    assert len(rows) > 10
    assert {model.id: models.get(model.hub).id for model in rows} == {model.id: model.id for model in rows}


def test_a_folder_of_that_name_comes_first(tmp_path: Path) -> None:
    models: ModelStore = store(tmp_path, "whisper-base", "Systran/faster-whisper-base", "small")
    assert models.choose("Systran/faster-whisper-base", ANY).id == "Systran/faster-whisper-base"
    assert models.choose("small", ANY).id == "small"
