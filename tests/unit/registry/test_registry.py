"""Which model a request means, and what it is told when it cannot have it."""

from pathlib import Path

import pytest

from speechd.api.errors import error_headers
from speechd.errors import InvalidRequest, ModelNotFound, ModelNotInstalled, Unprocessable
from speechd.registry.files import LAYOUTS, shipped_models
from speechd.registry.registry import ModelStore
from speechd.settings import Settings
from speechd.types import TranscribeOptions
from tests.support.tiny_onnx_asr import write_tiny_parakeet

ANY = TranscribeOptions()


def store(tmp_path: Path, *installed: str, memory: float | None = None, **given: object) -> ModelStore:
    for name in installed:
        folder = tmp_path / "models" / name
        folder.mkdir(parents=True)
        for file in LAYOUTS["whisper"]:
            (folder / file).touch()
    return ModelStore(Settings(data_dir=tmp_path, **given), memory)


def test_the_embedded_model_is_always_installed_and_auto_finds_it(tmp_path: Path) -> None:
    models = store(tmp_path)
    assert models.list()[0].id == "whisper-pocket"
    assert models.choose("auto", ANY).embedded


def test_a_store_knows_when_only_embedded_models_answer(tmp_path: Path) -> None:
    assert store(tmp_path / "a").only_embedded
    assert not store(tmp_path / "b", "whisper-base").only_embedded
    assert not store(tmp_path / "c", default_model="whisper-large-v3").only_embedded, "named, though not there yet"
    assert store(tmp_path / "d", "whisper-base", default_model="whisper-pocket").only_embedded


def test_models_that_an_image_was_built_with_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They lie beside the embedded ones; what is pulled later comes before them."""
    image = tmp_path / "image"
    image.mkdir()
    for embedded in ("catalog.toml", "whisper-pocket"):
        (image / embedded).symlink_to(shipped_models() / embedded)
    monkeypatch.setattr("speechd.registry.registry.shipped_models", lambda: image)
    built_in = store(image, "whisper-base", "org/own-whisper")
    for name in ("whisper-base", "org/own-whisper"):
        (image / name).parent.mkdir(exist_ok=True)
        (image / "models" / name).rename(image / name)
    assert built_in.choose("auto", ANY).path == image / "whisper-base"
    assert built_in.choose("org/own-whisper", ANY).path == image / "org" / "own-whisper"
    with pytest.raises(InvalidRequest, match="speechd does not manage"):
        built_in.remove("whisper-base")
    assert store(tmp_path / "data", "whisper-base").get("whisper-base").path == tmp_path / "data/models/whisper-base"


def test_auto_takes_the_best_that_is_installed(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-small", "whisper-large-v3-turbo")
    assert models.choose("auto", ANY).id == "whisper-large-v3-turbo"
    assert [model.id for model in models.list(hosted=False) if model.installed and model.kind == "asr"] == [
        "whisper-large-v3-turbo",
        "whisper-small",
        "whisper-pocket",
        "pocketsphinx-en-us",
    ]


def test_auto_avoids_what_does_not_fit_into_memory(tmp_path: Path) -> None:
    store(tmp_path, "whisper-large-v3", "whisper-base")
    (tmp_path / "models/whisper-large-v3/model.bin").write_bytes(bytes(2_000_000))
    assert ModelStore(Settings(data_dir=tmp_path), 3e6).choose("auto", ANY).id == "whisper-large-v3"
    small = ModelStore(Settings(data_dir=tmp_path), 2.5e6)
    assert small.choose("auto", ANY).id == "whisper-base"
    assert [model.id for model in small.too_large] == ["whisper-large-v3"]
    assert small.choose("whisper-large-v3", ANY).id == "whisper-large-v3", "named, it is never replaced"


@pytest.mark.parametrize("options", [ANY, TranscribeOptions(language="en"), TranscribeOptions(multilingual=True)])
def test_with_a_real_model_nothing_takes_over(tmp_path: Path, options: TranscribeOptions) -> None:
    assert store(tmp_path / "a").choose("auto", options).id == "whisper-pocket"
    models = store(tmp_path / "b", "whisper-base")
    chosen = models.choose("auto", options)
    assert chosen.id == "whisper-base"
    assert models.second(chosen, options) is None


def test_auto_takes_one_that_can_do_the_task_and_the_language(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-large-v3-turbo", "distil-whisper-large-v3-en")
    assert models.choose("auto", TranscribeOptions(task="translate")).id == "whisper-pocket"
    assert models.choose("auto", TranscribeOptions(language="ja")).id == "whisper-large-v3-turbo"


def test_auto_follows_the_operators_default(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-small", default_model="whisper-pocket")
    assert models.choose("auto", ANY).id == "whisper-pocket"


def test_a_model_that_is_not_on_disk_is_refused_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(ModelNotInstalled) as refusal:
        store(tmp_path).choose("whisper-small", ANY)
    assert "Installed: whisper-pocket, pocketsphinx-en-us. " in refusal.value.message, "recognisers only"
    assert "speechd models pull whisper-small" in refusal.value.message
    assert """SPEECHD_MODEL_ALIASES='{"whisper-small": "auto"}'""" in refusal.value.message
    assert error_headers(refusal.value)["x-should-retry"] == "false"
    assert refusal.value.status == 503


def test_an_unknown_model_is_refused_in_the_hosted_apis_words(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="The model `gpt-9` does not exist or you do not have access to it"):
        store(tmp_path).choose("gpt-9", ANY)
    with pytest.raises(ModelNotFound):
        store(tmp_path).get("../../etc")


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (TranscribeOptions(language="ja"), "language"),
        (TranscribeOptions(languages=("en", "ja")), "languages"),
    ],
)
def test_a_language_that_the_model_was_not_trained_for_is_refused(
    tmp_path: Path, options: TranscribeOptions, param: str
) -> None:
    with pytest.raises(Unprocessable, match="`ja`") as refusal:
        store(tmp_path).choose("whisper-pocket", options)
    assert refusal.value.param == param


def test_where_languages_mix_a_model_must_know_more_than_one(tmp_path: Path) -> None:
    mixed = TranscribeOptions(multilingual=True)
    models = store(tmp_path, "distil-whisper-large-v3-en")
    assert models.choose("auto", ANY).id == "distil-whisper-large-v3-en"
    chosen = models.choose("auto", mixed)
    assert chosen.id == "whisper-pocket"
    assert models.second(chosen, mixed) is None, "it would write English over everything"
    with pytest.raises(Unprocessable, match="cannot detect languages") as refusal:
        models.choose("distil-whisper-large-v3-en", mixed)
    assert refusal.value.param == "language"


def test_a_task_that_the_model_cannot_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unprocessable, match="cannot translate"):
        store(tmp_path, "whisper-large-v3-turbo").choose("whisper-large-v3-turbo", TranscribeOptions(task="translate"))


def test_an_operators_alias_stands_for_its_model(tmp_path: Path) -> None:
    models = store(tmp_path, model_aliases={"whisper-1": "whisper-pocket", "my-default": "auto"})
    assert models.choose("whisper-1", ANY).id == "whisper-pocket"
    assert models.get("whisper-1").id == "whisper-pocket"
    assert models.choose("my-default", ANY).id == "whisper-pocket"


def test_a_folder_for_onnx_asr_is_known_by_its_files(tmp_path: Path) -> None:
    write_tiny_parakeet(tmp_path / "models" / "org" / "mine")
    model = store(tmp_path).get("org/mine")
    assert (model.engine, model.tasks, model.languages) == ("onnx-asr", ("transcribe",), ("en",))
    with pytest.raises(Unprocessable) as refusal:
        store(tmp_path).choose("org/mine", TranscribeOptions(task="translate"))
    assert refusal.value.error_code == "task_not_supported"


def test_models_for_onnx_asr_are_known_by_their_repositories(tmp_path: Path) -> None:
    for name, languages in {"parakeet-tdt-0.6b-v3": 25, "canary-1b-v2": 25, "gigaam-v3": 1}.items():
        model = store(tmp_path).pullable(f"istupakov/{name}-onnx")
        assert (model.engine, model.hub, len(model.languages)) == ("onnx-asr", model.id, languages)


def test_a_repository_with_several_variants_names_the_files_of_one(tmp_path: Path) -> None:
    gigaam = store(tmp_path).get("istupakov/gigaam-v3-onnx")
    assert "v3_e2e_rnnt_*.int8.onnx" in gigaam.patterns
    assert not gigaam.pinned


def test_auto_prefers_a_whisper_to_models_that_do_not_tell_the_language(tmp_path: Path) -> None:
    models = store(tmp_path, "whisper-tiny")
    write_tiny_parakeet(tmp_path / "models" / "istupakov" / "parakeet-tdt-0.6b-v3-onnx")
    assert models.choose("auto", ANY).id == "whisper-tiny"
