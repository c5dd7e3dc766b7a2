"""Which voice a request means, and what it is told when it cannot have it."""

import json
from pathlib import Path
from typing import Any

import pytest

from speechd.errors import InvalidRequest, ModelNotFound, ModelNotInstalled, SpeechdError
from speechd.registry.registry import ModelStore
from speechd.registry.voices import VoiceStore
from speechd.settings import Settings

DEFAULT = "en_US-pocket-x_low"


def store(folder: Path, *installed: str, **given: Any) -> VoiceStore:
    for name in installed:
        voice = folder / "models" / name
        voice.mkdir(parents=True)
        speakers = {"anna": 0, "23": 1, "bob": 2} if "libritts" in name else {}
        config = {
            "audio": {"sample_rate": 22_050},
            "espeak": {"voice": name[:2]},
            "language": {"code": name.partition("-")[0]},
            "speaker_id_map": speakers,
        }
        (voice / f"{name}.onnx").touch()
        (voice / f"{name}.onnx.json").write_text(json.dumps(config))
    settings = Settings(data_dir=folder, **given)
    return VoiceStore(ModelStore(settings), settings)


def test_the_embedded_voice_is_always_there(tmp_path: Path) -> None:
    assert [voice.id for voice in store(tmp_path).list()] == [DEFAULT]
    assert store(tmp_path).list()[0].info.sample_rate == 16_000


@pytest.mark.parametrize("model", ["auto", "playai-tts", "tts-1", "tts-1-hd", "gpt-4o-mini-tts", DEFAULT])
@pytest.mark.parametrize("voice", ["", "auto", "alloy", "Fritz-PlayAI", "austin", DEFAULT])
def test_hosted_names_stand_for_the_default_voice(tmp_path: Path, model: str, voice: str) -> None:
    assert store(tmp_path).choose(model, voice).id == DEFAULT


def test_a_voice_named_is_taken(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-lessac-medium", "en_US-amy-low")
    assert voices.choose("tts-1", "en_US-amy-low").id == "en_US-amy-low"
    assert voices.choose("en_US-amy-low", "alloy").id == "en_US-amy-low"


def test_a_folder_with_piper_files_is_a_voice_and_a_better_one_is_the_default(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-lessac-medium", "de_DE-thorsten-low")
    assert [voice.id for voice in voices.list()][:2] == ["en_US-lessac-medium", "de_DE-thorsten-low"]
    assert voices.choose("tts-1", "alloy").id == "en_US-lessac-medium"
    assert voices.choose("auto", "de_DE-thorsten-low").info.language == "de"


def test_joe_is_the_default_among_english_voices_of_its_quality(tmp_path: Path) -> None:
    voices = store(tmp_path / "a", "en_US-lessac-medium", "en_US-joe-medium", "en_GB-alan-medium")
    assert voices.choose("auto", "auto").id == "en_US-joe-medium"
    assert voices.choose("tts-1", "alloy").id == "en_US-joe-medium"
    better = store(tmp_path / "b", "en_US-libritts-high", "en_US-joe-medium")
    assert better.choose("auto", "auto").id == "en_US-libritts-high"


def test_the_default_voice_is_a_setting(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-lessac-medium", default_voice=DEFAULT)
    assert voices.choose("playai-tts", "Fritz-PlayAI").id == DEFAULT
    with pytest.raises(ModelNotInstalled, match="gone"):
        store(tmp_path, default_voice="gone").choose("auto", "")


@pytest.mark.parametrize(
    ("model", "voice"),
    [
        ("tts-1", "en_US-lessac-medium"),
        ("en_US-lessac-medium", "alloy"),
        ("auto", "en_US-libritts-high#23"),
        ("es_419-someone_new-x_low", ""),
        ("pt_PT-tugão-medium", "#1"),
    ],
)
def test_any_name_of_pipers_scheme_is_known_and_can_be_pulled(tmp_path: Path, model: str, voice: str) -> None:
    voices = store(tmp_path)
    name = next(part.partition("#")[0] for part in (voice, model) if part.count("-") == 2)
    with pytest.raises(ModelNotInstalled, match=f"speechd models pull {name}") as refusal:
        voices.choose(model, voice)
    assert refusal.value.param == ("model" if name == model else "voice")
    missing = voices.missing(model, voice)
    assert missing
    assert (missing.id, missing.hub, missing.languages) == (name, "rhasspy/piper-voices", (name.partition("_")[0],))


def test_a_default_voice_that_is_not_there_yet_is_the_one_that_is_missing(tmp_path: Path) -> None:
    voices = store(tmp_path, default_voice="en_US-lessac-medium")
    for model, voice in (("auto", ""), ("tts-1", "alloy"), ("canopylabs/orpheus-v1-english", "troy")):
        missing = voices.missing(model, voice)
        assert missing
        assert missing.id == "en_US-lessac-medium"
    assert voices.missing(DEFAULT, "alloy") is None
    with pytest.raises(ModelNotFound):
        voices.choose("nonsense", "alloy")
    with pytest.raises(InvalidRequest, match="speaks ar"):
        voices.choose("playai-tts-arabic", "Ahmad-PlayAI")


@pytest.mark.parametrize("voice", ["joe", "Joe", "en_US-joe", "en_us-JOE"])
def test_a_short_name_is_enough_where_one_voice_has_it(tmp_path: Path, voice: str) -> None:
    voices = store(tmp_path, "en_US-joe-medium", "en_GB-alan-medium", "en_US-libritts-high")
    assert voices.choose("tts-1", voice).id == "en_US-joe-medium"
    assert voices.choose("en_US-libritts-high", voice).id == "en_US-joe-medium"
    assert voices.choose("en_US-libritts-high", "libritts#bob").id == "en_US-libritts-high#bob"


def test_a_short_name_that_several_voices_have_is_refused(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-joe-medium", "en_US-joe-low", "de_DE-anna-low", "en_US-libritts-high")
    with pytest.raises(InvalidRequest, match="en_US-joe-medium, en_US-joe-low") as refusal:
        voices.choose("tts-1", "joe")
    assert refusal.value.param == "voice"
    assert voices.choose("tts-1", "en_US-joe-low").id == "en_US-joe-low"
    assert voices.choose("en_US-libritts-high", "anna").id == "en_US-libritts-high#anna", "its own speaker comes first"
    assert voices.choose("tts-1", "alloy").id == "en_US-libritts-high", "a hosted name is never a voice's"


@pytest.mark.parametrize(
    ("voice", "number"), [("#anna", 0), ("#23", 1), ("#2", 2), ("en_US-libritts-high#bob", 2), ("bob", 2)]
)
def test_speakers_by_name_first_and_by_number(tmp_path: Path, voice: str, number: int) -> None:
    found = store(tmp_path, "en_US-libritts-high").choose("en_US-libritts-high", voice)
    assert found.speaker == number
    assert found.id == f"en_US-libritts-high#{voice.rpartition('#')[2]}"


@pytest.mark.parametrize(
    ("model", "voice", "error", "words"),
    [
        ("auto", "zoe", InvalidRequest, f"Installed: .*{DEFAULT}"),
        ("auto", DEFAULT + "#7", InvalidRequest, "no speaker `7`"),
        ("en_US-libritts-high", "#nobody", InvalidRequest, "anna, 23, bob"),
        ("whisper-pocket", "alloy", InvalidRequest, "does not speak"),
        ("playai-tts-arabic", "Ahmad-PlayAI", InvalidRequest, "No installed voice speaks ar"),
        ("no-such-model", "alloy", ModelNotFound, "does not exist"),
        ("../../etc", "alloy", ModelNotFound, "does not exist"),
        ("auto", "../../etc", InvalidRequest, "no voice"),
    ],
)
def test_what_cannot_be_had_is_said(
    tmp_path: Path, model: str, voice: str, error: type[SpeechdError], words: str
) -> None:
    with pytest.raises(error, match=words):
        store(tmp_path, "en_US-libritts-high").choose(model, voice)


def test_an_arabic_voice_makes_the_arabic_model_work(tmp_path: Path) -> None:
    assert store(tmp_path, "ar_JO-kareem-low").choose("playai-tts-arabic", "Ahmad-PlayAI").id == "ar_JO-kareem-low"


def test_hosted_ids_are_listed_as_models_and_active_only_where_a_voice_stands_for_them(tmp_path: Path) -> None:
    listed = {model.id: model.installed for model in ModelStore(Settings(data_dir=tmp_path)).list()}
    assert listed["playai-tts"]
    assert listed["tts-1"]
    assert not listed["playai-tts-arabic"]


def test_a_broken_voice_does_not_hide_the_others(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-lessac-medium")
    (tmp_path / "models" / "en_US-lessac-medium" / "en_US-lessac-medium.onnx.json").write_text("{")
    assert [voice.id for voice in voices.list()] == [DEFAULT]


def test_a_request_without_a_voice_is_spoken_in_the_language_of_its_text(tmp_path: Path) -> None:
    voices = store(tmp_path, "en_US-lessac-medium", "de_DE-thorsten-low")
    for model, voice in (("tts-1", "alloy"), ("auto", "auto"), ("auto", "")):
        assert voices.choose(model, voice, "de").id == "de_DE-thorsten-low"
        assert voices.choose(model, voice, "fr").id == "en_US-lessac-medium", "no voice speaks it"
        assert voices.choose(model, voice).id == "en_US-lessac-medium"
    assert voices.choose("auto", "en_US-lessac-medium", "de").id == "en_US-lessac-medium", "a voice that is named"
    assert voices.choose("en_US-lessac-medium", "alloy", "de").id == "en_US-lessac-medium"
