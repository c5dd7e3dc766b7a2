"""Kokoro's speakers, their mixes, and the symbols that it is given."""

from pathlib import Path

import numpy as np
import pytest

from speechd.errors import EngineFailure
from speechd.tts.engine import SpeakerMix, SynthesisOptions
from speechd.tts.engines.kokoro import KokoroEngine
from speechd.tts.engines.kokoro_files import KokoroFiles
from speechd.tts.engines.kokoro_phonemes import ACCENTS, VOCABULARY, kokoro_phonemes
from speechd.types import Samples
from tests.support.tiny_kokoro import write_tiny_kokoro


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> KokoroEngine:
    return KokoroEngine(KokoroFiles(write_tiny_kokoro(tmp_path_factory.mktemp("kokoro"))))


def hertz(samples: Samples) -> float:
    return float(np.abs(np.fft.rfft(samples)).argmax() * 24_000 / len(samples))


@pytest.mark.parametrize(
    ("speaker", "tone"),
    [(None, 200), (1, 300), (2, 100), (((0, 0.5), (1, 0.5)), 250), (((1, 2 / 3), (2, 1 / 3)), 233.3)],
)
def test_a_mix_is_between_its_speakers(engine: KokoroEngine, speaker: int | SpeakerMix | None, tone: float) -> None:
    spoken = engine.synthesize("Everybody had seen the storm.", SynthesisOptions(speaker=speaker))
    assert hertz(spoken.samples) == pytest.approx(tone, abs=2)


def test_each_speaker_has_its_language_and_those_nobody_can_read_for_are_left_out(engine: KokoroEngine) -> None:
    assert engine.info.speakers == {"af_heart": 0, "af_bella": 1, "bm_george": 2, "ef_dora": 3}
    found = [(info.language, info.region) for info in map(engine.info.of_speaker, range(4))]
    assert found == [("en", "US"), ("en", "US"), ("en", "GB"), ("es", "ES")]
    assert engine.info.of_speaker(((3, 0.5), (0, 0.5))).language == "es"


@pytest.mark.parametrize(
    ("accent", "text", "symbols"),
    [
        ("a", "They joined my house.", "ðA ʤˈYnd mI hˈWs."),
        ("a", "No, the better cheese!", "nˈO, ðə bˈɛTəɹ ʧˈiz!"),
        ("b", "No, the better bird.", "nˈQ, ðə bˈɛtə bˈɜːd."),
        ("a", "[[həlˈoʊ]] little one", "həlˈO lˈɪTᵊl wˌʌn"),
        ("f", "Le pain est bon.", "lə pˈɛ\u0303 ɛ bˈɔ\u0303."),
        ("p", "São Paulo é bonita.", "sɐ\u0303ʊ\u0303 pˈWlw ɛ bˌonˈitɐ."),
    ],
)
def test_symbols_are_those_that_kokoro_was_trained_with(accent: str, text: str, symbols: str) -> None:
    assert kokoro_phonemes(text, ACCENTS[accent]) == symbols


@pytest.mark.parametrize("accent", ACCENTS)
def test_every_symbol_of_every_accent_has_a_number(accent: str) -> None:
    assert all(symbol in VOCABULARY for target in ACCENTS[accent].symbols.values() for symbol in target)


def test_a_text_longer_than_the_model_takes_is_spoken_whole(engine: KokoroEngine) -> None:
    once = engine.synthesize("[[ˈoʊ]]", SynthesisOptions())
    long = engine.synthesize(f"[[{'ˈoʊ ' * 400}]]", SynthesisOptions())
    assert len(long.samples) > 300 * len(once.samples) / 5


def test_a_damaged_speaker_is_an_engine_failure(tmp_path: Path) -> None:
    folder = write_tiny_kokoro(tmp_path)
    (folder / "voices" / "af_bella.bin").write_bytes(b"short")
    with pytest.raises(EngineFailure, match="af_bella"):
        KokoroEngine(KokoroFiles(folder))
