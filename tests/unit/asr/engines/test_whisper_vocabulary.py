"""What a Whisper model can do is read from its vocabulary."""

import json
from pathlib import Path

import pytest

from speechd.asr.engines.whisper_vocabulary import ENGLISH_ONLY_TOKENS, languages_of, tasks_of
from speechd.registry.files import shipped_models

SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|haw|>", "<|jw|>", "<|translate|>"]


def vocabulary(folder: Path, tokens: list[str], name: str) -> Path:
    text = json.dumps(tokens) if name.endswith("json") else "\n".join(tokens) + "\n"
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["vocabulary.json", "vocabulary.txt"])
def test_a_model_of_many_languages_translates(tmp_path: Path, name: str) -> None:
    languages = languages_of(vocabulary(tmp_path, ["a", "b", *SPECIAL], name))
    assert languages == ("de", "en", "haw", "jv")
    assert tasks_of(languages) == ("transcribe", "translate")


@pytest.mark.parametrize("name", ["vocabulary.json", "vocabulary.txt"])
def test_an_english_only_model_has_language_tokens_that_count_for_nothing(tmp_path: Path, name: str) -> None:
    words = [f"w{n}" for n in range(ENGLISH_ONLY_TOKENS - len(SPECIAL))]
    languages = languages_of(vocabulary(tmp_path, [*words, *SPECIAL], name))
    assert languages == ("en",)
    assert tasks_of(languages) == ("transcribe",)


def test_another_vocabulary_in_the_same_place_is_read_anew(tmp_path: Path) -> None:
    vocabulary(tmp_path, ["<|en|>"], "vocabulary.json")
    assert languages_of(tmp_path) == ("en",)
    vocabulary(tmp_path, ["<|en|>", "<|fr|>"], "vocabulary.json")
    assert languages_of(tmp_path) == ("en", "fr")


def test_the_embedded_model_has_the_tokens_of_all_languages() -> None:
    assert {"en", "es", "de", "fr"} < set(languages_of(shipped_models() / "whisper-pocket"))


@pytest.mark.parametrize("content", [None, "", "{", "\udcff"])
def test_what_cannot_be_read_says_nothing(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "vocabulary.json").write_bytes(content.encode(errors="surrogateescape"))
    assert languages_of(tmp_path) == ()
