"""What every voice must do, asked of the fake, of Piper with the embedded voice and of a tiny Kokoro."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from speechd.api.errors import error_headers
from speechd.errors import EngineFailure, FeatureNotInstalled
from speechd.registry.registry import shipped_models
from speechd.testing.fake_engines import FakeTts
from speechd.tts.engine import SynthesisOptions, TtsEngine
from speechd.tts.engines.espeak import espeak_phonemes
from speechd.tts.engines.kokoro import KokoroEngine
from speechd.tts.engines.kokoro_files import KokoroFiles
from speechd.tts.engines.piper import PiperEngine
from speechd.tts.engines.piper_files import VoiceFiles
from tests.support.tiny_kokoro import write_tiny_kokoro

SENTENCE = "The quick brown fox jumped over one of the lazy dogs."


def piper(name: str) -> PiperEngine:
    files = VoiceFiles.in_folder(shipped_models() / name)
    assert files is not None
    return PiperEngine(files)


@pytest.fixture(scope="module", params=["fake", "piper", "kokoro"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TtsEngine:
    if request.param == "kokoro":
        return KokoroEngine(KokoroFiles(write_tiny_kokoro(tmp_path_factory.mktemp("kokoro"))))
    return FakeTts() if request.param == "fake" else piper("en_US-pocket-x_low")


def test_it_speaks_within_bounds(engine: TtsEngine) -> None:
    spoken = engine.synthesize(SENTENCE, SynthesisOptions())
    assert spoken.samples.dtype == np.float32
    assert spoken.samples.ndim == 1
    assert 1.5 < len(spoken.samples) / engine.info.sample_rate < 6
    assert 0.2 < np.abs(spoken.samples).max() < 0.89
    assert spoken.words == ()


def test_each_word_has_its_time_in_order_and_sounds(engine: TtsEngine) -> None:
    spoken = engine.synthesize(SENTENCE, SynthesisOptions(words=True))
    assert " ".join(word.word for word in spoken.words) == SENTENCE
    times = [time for word in spoken.words for time in (word.start, word.end)]
    assert times == sorted(times)
    for word in spoken.words:
        assert word.end - word.start > 0.03
        a, b = (round(time * engine.info.sample_rate) for time in (word.start, word.end))
        assert np.abs(spoken.samples[a:b]).max() > 0.02, word


def test_a_gain_changes_the_level_and_nothing_passes_the_limiter(engine: TtsEngine) -> None:
    plain, quiet, loud = (engine.synthesize(SENTENCE, SynthesisOptions(gain=gain)).samples for gain in (1, 0.1, 10))
    assert np.linalg.norm(quiet) / np.linalg.norm(plain) == pytest.approx(0.1, rel=0.1)
    assert np.linalg.norm(loud) > np.linalg.norm(plain)
    assert np.abs(loud).max() < 0.89


@pytest.mark.parametrize("speed", ["slowest", "fastest"])
@pytest.mark.parametrize("text", ["Hi.", SENTENCE])
def test_pace_within_its_range_is_exact(engine: TtsEngine, text: str, speed: str) -> None:
    factor = getattr(engine.info, speed)
    plain = len(engine.synthesize(text, SynthesisOptions()).samples)
    paced = len(engine.synthesize(text, SynthesisOptions(speed=factor)).samples)
    assert paced * factor / plain == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("text", ["", "...", "?!", "-", "\u200b"])
def test_nothing_to_say_gives_no_samples(engine: TtsEngine, text: str) -> None:
    assert len(engine.synthesize(text, SynthesisOptions()).samples) == 0


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "[[həˈloʊ]] there",
        "word " * 60,
        "x" * 300,
        "Ω≈ç√ ∫˜µ",
        "日本 and Привет",
        "1 2 3",
        "a. b. c",
        "é ü ñ",
        "[[zzz",
    ],
)
def test_odd_texts_give_finite_sound(engine: TtsEngine, text: str) -> None:
    spoken = engine.synthesize(text, SynthesisOptions(words=True))
    assert np.isfinite(spoken.samples).all()
    assert np.abs(spoken.samples).max(initial=0) < 0.89
    assert all(0 <= word.start <= word.end <= len(spoken.samples) / engine.info.sample_rate for word in spoken.words)


def test_many_threads_get_what_one_gets(engine: TtsEngine) -> None:
    texts = [f"Sentence number {word} is spoken." for word in ("one", "two", "three", "four")] * 4
    alone = [len(engine.synthesize(text, SynthesisOptions()).samples) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        together = threads.map(lambda text: len(engine.synthesize(text, SynthesisOptions()).samples), texts)
        assert list(together) == alone


def test_a_nul_that_slips_through_is_an_engine_failure_not_a_crash() -> None:
    with pytest.raises(EngineFailure):
        piper("en_US-pocket-x_low").synthesize("a\0b", SynthesisOptions())


def test_files_that_are_no_voice_are_an_engine_failure(tmp_path: Path) -> None:
    source = VoiceFiles.in_folder(shipped_models() / "en_US-pocket-x_low")
    assert source is not None
    (tmp_path / "a.onnx").write_bytes(b"\x0a\x05hello")
    (tmp_path / "a.onnx.json").write_bytes(source.config.read_bytes())
    with pytest.raises(EngineFailure, match="cannot be loaded"):
        PiperEngine(VoiceFiles(tmp_path / "a.onnx"))


def test_without_piper_the_missing_part_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "piper", None)
    with pytest.raises(FeatureNotInstalled, match=r"speechd\[tts\]") as refusal:
        piper("en_US-pocket-x_low")
    assert (refusal.value.status, error_headers(refusal.value)) == (501, {"x-should-retry": "false"})


def test_voices_of_two_languages_on_two_threads_keep_their_own_phonemes() -> None:
    texts = ["The weather was good.", "Das Wetter war gut."] * 20
    languages = ["en-us", "de"] * 20
    alone = [espeak_phonemes(text, language) for text, language in zip(texts, languages, strict=True)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(espeak_phonemes, texts, languages)) == alone
