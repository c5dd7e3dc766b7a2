"""Speech on real weights: a Piper voice and Kokoro speak and Whisper base hears them."""

from collections.abc import Iterator

import pytest

from tests.bench.speech_round_trip import heard, with_models, word_error_rate
from tests.integration.conftest import serving
from tests.integration.test_cases import READ, case, words
from tests.real.weights import KOKORO
from tests.support.spoken_sentences import OTHER_LANGUAGES, SENTENCES

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(with_models(tmp_path_factory.mktemp("data"))) as url:
        yield url


@pytest.mark.parametrize("name", READ)
def test_a_case_about_reading(server: str, name: str) -> None:
    asked = case(name)
    understood = words(heard(server, asked["call"]["json"]["input"], response_format="wav"))
    for any_of in asked["right"].get("spoken_contains", ()):
        assert any(words(part) in understood for part in any_of), understood
    for part in asked["right"].get("spoken_lacks", ()):
        assert words(part) not in understood.split(), understood


def test_plain_sentences_are_understood(server: str) -> None:
    assert word_error_rate(server, SENTENCES[::20]) <= 0.05


@pytest.fixture(scope="module")
def kokoro(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(with_models(tmp_path_factory.mktemp("kokoro"), KOKORO)) as url:
        yield url


@pytest.mark.parametrize("voice", ["af_heart", "kokoro#bm_george", "af_bella(2)+af_sky(1)"])
def test_kokoro_and_a_mix_of_its_speakers_are_understood(kokoro: str, voice: str) -> None:
    assert word_error_rate(kokoro, SENTENCES[:3], model=KOKORO, voice=voice) <= 0.05


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_the_language_of_a_text_chooses_kokoros_speaker(kokoro: str, language: str) -> None:
    texts = OTHER_LANGUAGES[language][:3]
    assert word_error_rate(kokoro, texts, spoken_in=language, voice="auto", language=language) <= 0.25
