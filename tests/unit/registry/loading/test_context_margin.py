"""How much silence a model needs after a short window: what the catalog knows, and what was measured here."""

from dataclasses import replace
from pathlib import Path

import pytest

from speechd.errors import InvalidRequest, Misconfigured
from speechd.registry.catalog import UNKNOWN
from speechd.registry.loading import context_margin
from speechd.registry.loading.context_margin import MARGIN_FILE, known_margin, measured_margin, write_margin
from speechd.registry.loading.loaders import UNKNOWN_MARGIN, _margin
from speechd.registry.registry import ModelStore
from speechd.registry.sources.base import sha256
from speechd.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.bin").write_bytes(b"weights")
    return tmp_path


def test_the_catalog_knows_the_margins_that_were_measured(settings: Settings) -> None:
    store = ModelStore(settings)
    assert {name: store.get(name).context_margin for name in ("whisper-pocket", "whisper-base", "whisper-tiny.en")} == {
        "whisper-pocket": 0.5,
        "whisper-base": 6,
        "whisper-tiny.en": 5,
    }
    assert store.get("whisper-large-v3").context_margin is None


def test_what_was_measured_holds_for_these_weights_only(folder: Path) -> None:
    model = replace(UNKNOWN, id="mine", path=folder)
    assert known_margin(model) is None
    write_margin(folder, 3.0)
    assert known_margin(model) == 3.0
    (folder / "model.bin").write_bytes(b"other weights")
    assert measured_margin(folder) is None


def test_a_margin_is_taken_back(folder: Path) -> None:
    write_margin(folder, 3.0)
    write_margin(folder, None)
    assert [file.name for file in folder.iterdir()] == ["model.bin"]


@pytest.mark.parametrize("content", ["", "[]", '{"context_margin": "x", "bytes": 7}', '{"bytes": 7}'])
def test_a_broken_file_is_no_measurement(folder: Path, content: str) -> None:
    (folder / MARGIN_FILE).write_text(content)
    assert measured_margin(folder) is None


def test_a_folder_that_cannot_be_written_is_named(folder: Path) -> None:
    (folder / f".{MARGIN_FILE}.new").mkdir()
    with pytest.raises(Misconfigured, match="cannot be written into"):
        write_margin(folder, 3.0)


def test_the_weights_of_a_row_are_known_wherever_they_lie(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> list[dict[str, object]]:
        return [{"margin": 2.0, "size": 7, "sha256": "0" * 64}, {"margin": 4.0, "size": 7, "sha256": digest}]

    digest = sha256(folder / "model.bin")
    monkeypatch.setattr(context_margin, "_measured_rows", rows)
    assert known_margin(replace(UNKNOWN, id="mine", path=folder)) == 4.0
    digest = "1" * 64
    assert known_margin(replace(UNKNOWN, id="mine", path=folder)) is None


@pytest.mark.parametrize(
    ("wanted", "known", "unknown"), [("auto", 2.0, None), ("off", None, None), ("always", 2.0, UNKNOWN_MARGIN)]
)
def test_the_operator_chooses_which_models_encode_short(
    folder: Path, wanted: str, known: float | None, unknown: float | None
) -> None:
    model = replace(UNKNOWN, id="mine", path=folder)
    assert _margin(replace(model, context_margin=2.0), wanted) == known
    assert _margin(model, wanted) == unknown


@pytest.mark.parametrize(
    ("given", "meant"), [("true", "always"), ("False", "off"), ("1", "always"), ("AUTO", "auto"), ("off", "off")]
)
def test_the_setting_was_a_switch_once(given: str, meant: str) -> None:
    assert Settings(adaptive_context=given).adaptive_context == meant


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from speechd.settings import read_settings

    monkeypatch.setenv("SPEECHD_ADAPTIVE_CONTEXT", "sometimes")
    with pytest.raises(InvalidRequest, match="SPEECHD_ADAPTIVE_CONTEXT"):
        read_settings()
