"""Speakers by name, mixes of them, and voices that read several languages."""

from pathlib import Path

import pytest

from speechd.errors import InvalidRequest, ModelNotInstalled
from speechd.registry.registry import ModelStore
from speechd.registry.speakers import named_speaker
from speechd.settings import Settings
from tests.support.tiny_kokoro import write_tiny_kokoro
from tests.unit.registry.test_voices import store

HALF = (0, 0.5), (1, 0.5)


@pytest.fixture
def kokoro(tmp_path: Path) -> Path:
    """A data folder with a tiny Kokoro."""
    write_tiny_kokoro(tmp_path / "models" / "kokoro")
    return tmp_path


@pytest.mark.parametrize("model", ["kokoro", "hexgrad/Kokoro-82M", "tts-1", "auto"])
@pytest.mark.parametrize(
    ("voice", "speaker"),
    [
        ("af_bella", 1),
        ("af_heart+af_bella", HALF),
        ("af_heart(3) + af_bella(3)", HALF),
        ("bm_george(2)+af_heart(1)", ((2, 2 / 3), (0, 1 / 3))),
        ("kokoro#af_heart(1)+af_bella(1)", HALF),
    ],
)
def test_kokoros_users_write_speakers_and_mixes(kokoro: Path, model: str, voice: str, speaker: object) -> None:
    found = store(kokoro).choose(model, voice)
    assert found.speaker == speaker
    assert found.id == f"kokoro#{voice.rpartition('#')[2]}"


@pytest.mark.parametrize(
    "voice",
    ["af_bella+nobody", "af_bella(0)", "af_bella(-1)+af_heart", "af_bella+af_bella", "+".join(["af_bella"] * 30), "+"],
)
def test_a_mix_that_is_none_is_refused(kokoro: Path, voice: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        store(kokoro).choose("kokoro", voice)
    assert refusal.value.param == "voice"


def test_other_voices_do_not_mix(tmp_path: Path) -> None:
    info = store(tmp_path, "en_US-libritts-high").choose("en_US-libritts-high", "").info
    assert named_speaker(info, "bob") == 2
    assert named_speaker(info, "bob+anna") is None


def test_a_voice_of_several_languages_is_listed_in_each(kokoro: Path) -> None:
    voices = store(kokoro)
    assert [(voice.id, voice.info.language) for voice in voices.list()][:2] == [
        ("kokoro", "en"),
        ("kokoro#ef_dora", "es"),
    ]
    assert voices.choose("auto", "auto", "es").id == "kokoro#ef_dora"
    assert voices.choose("tts-1", "alloy").id == "kokoro"
    assert voices.choose("kokoro", "ef_dora").info.language == "es"
    assert voices.choose("kokoro", "auto", "es").id == "kokoro#ef_dora"
    assert voices.choose("kokoro", "auto", "fr").id == "kokoro"
    for speaker in (kokoro / "models" / "kokoro" / "voices").glob("[!j]*"):
        speaker.unlink()
    assert "kokoro" not in {voice.id for voice in voices.list()}, "no speaker is left whose language can be read"


def test_a_piper_voice_of_the_language_is_preferred(kokoro: Path) -> None:
    voices = store(kokoro, "es_ES-davefx-medium", "en_US-joe-medium")
    assert voices.choose("auto", "auto", "es").id == "es_ES-davefx-medium"
    assert voices.choose("auto", "auto", "en").id == "en_US-joe-medium"
    assert voices.choose("tts-1", "af_bella").id == "kokoro#af_bella"


def test_a_language_that_no_installed_voice_speaks_is_refused_with_the_command(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-lessac-medium")
    with pytest.raises(ModelNotInstalled, match=r"speaks German.*speechd models pull de_DE-thorsten-medium") as refusal:
        voices.choose("auto", "auto", "de", required=True)
    assert refusal.value.param == "language"
    lacking = voices.lacking("auto", "", "de")
    assert lacking
    assert lacking.id == "de_DE-thorsten-medium"
    assert voices.choose("en_US-lessac-medium", "auto", "de", required=True).id == "en_US-lessac-medium"
    assert voices.choose("tts-1", "alloy", "de", required=True).id == "en_US-lessac-medium"
    assert voices.choose("auto", "auto", "en", required=True).id == "en_US-lessac-medium"


LANGUAGES = """
ar ca cs cy da de el en es fa fi fr hi hu id is it ka kk lb lv ml ne nl no pl pt ro ru sk sl sr sv sw tr uk vi zh
"""


@pytest.mark.parametrize("language", LANGUAGES.split())
def test_each_of_these_languages_has_a_default_voice_on_the_hub(tmp_path: Path, language: str) -> None:
    models = ModelStore(Settings(data_dir=tmp_path))
    voice = models.first_voice(language)
    assert voice
    assert voice.hub == "rhasspy/piper-voices"
    assert voice.hub_folder == "/".join([language, *voice.id.replace("-", "/", 2).split("/")])
    assert voice in models.list()
