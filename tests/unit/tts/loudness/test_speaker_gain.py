"""Voices at one loudness: quiet and loud ones, several speakers, the gains' file, and `off`."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from speechd.audio.limiter import true_peak
from speechd.errors import EngineFailure, InvalidRequest
from speechd.registry.files import shipped_models
from speechd.registry.loading.loaders import load_piper
from speechd.registry.registry import ModelStore
from speechd.settings import Settings, read_settings
from speechd.testing.fake_engines import FakeTts
from speechd.tts.engine import SpeakerMix, Spoken, SynthesisOptions, TtsEngine, VoiceInfo
from speechd.tts.engines.piper import PiperEngine
from speechd.tts.engines.piper_files import VoiceFiles
from speechd.tts.loudness.meter import integrated_loudness
from speechd.tts.loudness.sentences import probe_sentences
from speechd.tts.loudness.speaker_gain import GainFile, LevelledVoice
from tests.support.played_audio import LOUDEST
from tests.support.tiny_piper_voice import write_tiny_voice

TEXT = "I love building and shipping new features for our users, and nobody minds."
EMBEDDED = "en_US-pocket-x_low"


def loaded(settings: Settings, name: str) -> TtsEngine:
    engine = load_piper(ModelStore(settings).get(name), settings)
    assert not isinstance(engine, FakeTts)
    return engine  # type: ignore[return-value]


def with_loudness(settings: Settings, loudness: float | str) -> Settings:
    return Settings(data_dir=settings.data_dir, speech_loudness=loudness)


def loudness_of(engine: TtsEngine, **options: object) -> float:
    spoken = engine.synthesize(TEXT, SynthesisOptions(**options))  # type: ignore[arg-type]
    assert true_peak(spoken.samples, engine.info.sample_rate) < LOUDEST
    return integrated_loudness(spoken.samples, engine.info.sample_rate)


@pytest.mark.parametrize("level", [0.003, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("target", [-18, -23, -30])
def test_quiet_and_loud_voices_come_out_alike(settings: Settings, level: float, target: float) -> None:
    write_tiny_voice(settings.data_dir / "models" / "en_US-tone-low", "en_US-tone-low", loud=level)
    engine = loaded(with_loudness(settings, target), "en_US-tone-low")
    assert loudness_of(engine) == pytest.approx(target, abs=1)
    assert loudness_of(engine, speed=0.5) == pytest.approx(target, abs=1)


def test_the_embedded_voice_comes_out_at_the_default(settings: Settings) -> None:
    assert loudness_of(loaded(settings, EMBEDDED)) == pytest.approx(-18, abs=1)


def test_a_loudness_that_peaks_forbid_is_left_to_the_limiter(settings: Settings) -> None:
    engine = loaded(with_loudness(settings, -10), "en_US-pocket-x_low")
    assert -16 < loudness_of(engine) < -9


def test_off_changes_no_bit_and_measures_nothing(settings: Settings) -> None:
    files = VoiceFiles.in_folder(shipped_models() / EMBEDDED)
    assert files
    plain = PiperEngine(files).synthesize(TEXT, SynthesisOptions(words=True))
    spoken = loaded(with_loudness(settings, "off"), EMBEDDED).synthesize(TEXT, SynthesisOptions(words=True))
    np.testing.assert_array_equal(spoken.samples, plain.samples)
    assert spoken.words == plain.words
    assert not settings.data_dir.exists()


def test_only_the_level_changes(settings: Settings) -> None:
    write_tiny_voice(settings.data_dir / "models" / "en_US-tone-low", "en_US-tone-low", loud=0.1)
    options = SynthesisOptions(speed=1.2, words=True)
    plain = loaded(with_loudness(settings, "off"), "en_US-tone-low").synthesize(TEXT, options)
    spoken = loaded(with_loudness(settings, -30), "en_US-tone-low").synthesize(TEXT, options)
    assert spoken.words == plain.words
    gain = np.linalg.norm(spoken.samples) / np.linalg.norm(plain.samples)
    assert gain != pytest.approx(1, abs=0.1)
    np.testing.assert_allclose(spoken.samples, plain.samples * gain, atol=1e-6)


class Counting:
    """A voice that notes who was asked to speak, each speaker twice as loud as the one before."""

    def __init__(self, broken: bool = False, slow: bool = False) -> None:
        self.info = VoiceInfo(16_000, "en", {"anna": 0, "ben": 1, "cleo": 2}, mixable=True, slow=slow)
        self.asked: list[int | SpeakerMix | None] = []
        self.broken = broken

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        self.asked.append(options.speaker)
        if self.broken:
            raise EngineFailure("It is broken.")
        clock = np.arange(32_000) / 16_000
        level = 0.02 * (2**options.speaker if isinstance(options.speaker, int) else 1) * options.gain
        return Spoken((level * np.sin(2 * np.pi * 440 * clock)).astype(np.float32))

    def close(self) -> None:
        pass


@pytest.fixture
def gains(tmp_path: Path) -> GainFile:
    (tmp_path / "voice").write_bytes(b"weights")
    return GainFile.of(tmp_path / "gains.json", tmp_path / "voice")


def test_each_speaker_has_its_own_gain_measured_once(gains: GainFile) -> None:
    engine = Counting()
    voice = LevelledVoice(engine, -20, gains)
    assert set(engine.asked) == {0}, "the others are measured when they first speak"
    for speaker in (1, 2, None, 1, 2):
        assert loudness_of(voice, speaker=speaker) == pytest.approx(-20, abs=0.1)
    assert engine.asked.count(1) == len(probe_sentences("en")) + 2


def test_a_mix_has_the_loudness_of_its_speakers(gains: GainFile) -> None:
    voice = LevelledVoice(Counting(), -20, gains)
    one, other = (voice.synthesize("a", SynthesisOptions(speaker=speaker)).samples for speaker in (0, 2))
    mix = voice.synthesize("a", SynthesisOptions(speaker=((0, 0.5), (2, 0.5)))).samples
    assert np.abs(one).max() == pytest.approx(np.abs(other).max(), rel=0.01)
    level = 0.02 * voice._gain(0) ** 0.5 * voice._gain(2) ** 0.5
    assert np.abs(mix).max() == pytest.approx(level, rel=0.01)


def test_a_slow_voice_speaks_one_sentence_for_each_speaker_that_is_asked_for(gains: GainFile) -> None:
    engine = Counting(slow=True)
    voice = LevelledVoice(engine, -20, gains)
    assert engine.asked == []
    voice.synthesize("a", SynthesisOptions(speaker=2))
    assert engine.asked == [2, 2]


def test_many_threads_measure_a_speaker_once(gains: GainFile) -> None:
    engine = Counting()
    voice = LevelledVoice(engine, -20, gains)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: voice.synthesize("a", SynthesisOptions(speaker=2)), range(8)))
    assert engine.asked.count(2) == len(probe_sentences("en")) + 8


def test_a_restart_measures_nothing_but_another_target_does(gains: GainFile) -> None:
    first = LevelledVoice(Counting(), -20, gains)
    engine = Counting()
    again = LevelledVoice(engine, -20, gains)
    assert engine.asked == []
    assert loudness_of(again) == pytest.approx(loudness_of(first), abs=0.01)
    assert loudness_of(LevelledVoice(engine, -30, gains)) == pytest.approx(-30, abs=0.1)


def test_other_files_under_the_same_name_are_measured_anew(tmp_path: Path, gains: GainFile) -> None:
    LevelledVoice(Counting(), -20, gains)
    (tmp_path / "voice").write_bytes(b"retrained")
    engine = Counting()
    LevelledVoice(engine, -20, GainFile.of(gains.path, tmp_path / "voice"))
    assert engine.asked


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"x": 1}', "\x00\x01"])
def test_a_damaged_file_is_written_anew(gains: GainFile, content: str) -> None:
    gains.path.write_text(content)
    assert loudness_of(LevelledVoice(Counting(), -20, gains)) == pytest.approx(-20, abs=0.1)
    assert json.loads(gains.path.read_text())
    assert [path.name for path in gains.path.parent.iterdir() if "gains" in path.name] == ["gains.json"]


@pytest.mark.parametrize("gain", ["loud", -1, 0, None, float("inf")])
def test_a_remembered_gain_that_is_none_is_not_believed(gains: GainFile, gain: object) -> None:
    LevelledVoice(Counting(), -20, gains)
    gains.path.write_text(json.dumps(dict.fromkeys(json.loads(gains.path.read_text()), gain)))
    assert loudness_of(LevelledVoice(Counting(), -20, gains)) == pytest.approx(-20, abs=0.1)


def test_where_it_cannot_be_remembered_it_is_still_right(tmp_path: Path, gains: GainFile) -> None:
    (tmp_path / "file").touch()
    nowhere = GainFile(tmp_path / "file" / "gains.json", gains.voice)
    assert loudness_of(LevelledVoice(Counting(), -20, nowhere)) == pytest.approx(-20, abs=0.1)


def test_a_voice_that_cannot_speak_the_sentences_still_loads(gains: GainFile) -> None:
    voice = LevelledVoice(Counting(broken=True), -20, gains)
    with pytest.raises(EngineFailure):
        voice.synthesize("a", SynthesisOptions())
    assert not gains.path.exists(), "it is tried again at the next start"


def test_a_silent_voice_stays_silent(gains: GainFile) -> None:
    voice = LevelledVoice(FakeTts(), -20, gains)
    assert len(voice.synthesize("?!", SynthesisOptions()).samples) == 0


@pytest.mark.parametrize("value", ["loud", "-50", "0", "nan"])
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SPEECHD_SPEECH_LOUDNESS", value)
    with pytest.raises(InvalidRequest, match="SPEECHD_SPEECH_LOUDNESS"):
        read_settings()


@pytest.mark.parametrize(("value", "meant"), [("off", None), ("OFF", None), ("-16", -16), ("-23.5", -23.5)])
def test_the_setting_is_read(monkeypatch: pytest.MonkeyPatch, value: str, meant: float | None) -> None:
    monkeypatch.setenv("SPEECHD_SPEECH_LOUDNESS", value)
    assert read_settings().speech_loudness == meant
