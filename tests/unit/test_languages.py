import pytest

from speechd.languages import LANGUAGES, english_name, find, whisper_code


def test_whispers_hundred_languages() -> None:
    assert len(LANGUAGES) == 100
    assert all(code == language.code for code, language in LANGUAGES.items())


def test_no_name_means_two_languages() -> None:
    names = [name for entry in LANGUAGES.values() for name in {entry.code, entry.name.lower(), *entry.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("EN_gb", "en"),
        ("eng", "en"),
        ("English", "en"),
        (" english ", "en"),
        ("zh-Hant-TW", "zh"),
        ("Mandarin", "zh"),
        ("yue", "yue"),
        ("Cantonese", "yue"),
        ("zh-yue", "yue"),
        ("zh_YUE-HK", "yue"),
        ("zh-cmn-Hans", "zh"),
        ("deu", "de"),
        ("ger", "de"),
        ("jw", "jv"),
        ("jv", "jv"),
        ("iw", "he"),
        ("Haitian Creole", "ht"),
        ("haitian_creole", "ht"),
        ("Bokmål", "no"),
        ("nb-NO", "no"),
        ("burmese", "my"),
        ("filipino", "tl"),
        ("haw", "haw"),
    ],
)
def test_every_spelling_of_a_language(text: str, code: str) -> None:
    language = find(text)
    assert language is not None
    assert language.code == code


@pytest.mark.parametrize("text", ["", "xx", "-", "klingon", "e", "en glish", "auto"])
def test_what_is_no_language(text: str) -> None:
    assert find(text) is None


def test_names_and_whispers_own_code() -> None:
    assert english_name("de") == "German"
    assert english_name("") == ""
    assert whisper_code("jv") == "jw"
    assert whisper_code("en") == "en"
