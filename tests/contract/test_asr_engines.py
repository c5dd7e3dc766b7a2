"""What every recogniser owes the pipeline: the fake, Whisper, PocketSphinx and onnx-asr, on the same recording."""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest

from speechd.asr.engine import AsrEngine, Decoded, Job
from speechd.asr.seeking import decode_window
from speechd.audio.decode import open_audio
from speechd.audio.vad import SpeechDetector
from speechd.audio.windows import Packing, cut_windows
from speechd.registry.loading.loaders import load_onnx_asr, load_sphinx, load_whisper
from speechd.registry.registry import ModelStore
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, Samples, TranscribeOptions, VadOptions, Window
from tests.conftest import FIXTURES
from tests.support.tiny_onnx_asr import write_tiny_parakeet

ENGINES = ("fake", "whisper", "sphinx", "onnx-asr")


def open_engine(name: str, settings: Settings) -> AsrEngine:
    models = ModelStore(settings)
    if name == "whisper":
        return load_whisper(models.get("whisper-pocket"), settings)
    if name == "sphinx":
        pytest.importorskip("pocketsphinx", reason="the extra `sphinx` is not installed")
        return load_sphinx(models.get("pocketsphinx-en-us"), settings)
    if name == "onnx-asr":
        pytest.importorskip("onnx_asr", reason="the extra `onnx-asr` is not installed")
        write_tiny_parakeet(settings.data_dir / "models" / "tiny-parakeet")
        return load_onnx_asr(models.get("tiny-parakeet"), settings)
    return FakeAsr(regions_heard=1) if name == "early" else FakeAsr()


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsrEngine]:
    engine = open_engine(request.param, Settings(data_dir=tmp_path_factory.mktemp("data")))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def window() -> Window:
    """Two short English sentences with a pause between them."""
    sentences = [_samples("en_television.flac"), _samples("en_october_eleventh.flac")]
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    audio = iter([np.concatenate([pause, sentences[0], pause, pause, sentences[1], pause])])
    (found,) = cut_windows(audio, SpeechDetector, Packing(30, 10), VadOptions())
    assert len(found.speech) == 2
    return found


def _samples(name: str) -> Samples:
    with (FIXTURES / name).open("rb") as file:
        return np.concatenate(list(open_audio(file, max_seconds=60)))


def decode(engine: AsrEngine, window: Window, **options: object) -> Decoded:
    (decoded,) = engine.decode([Job(window, TranscribeOptions(**options))])
    return decoded


@pytest.fixture(scope="module")
def said(engine: AsrEngine, window: Window) -> Callable[..., Decoded]:
    """What the engine says of the window, by options; it is asked once for each."""

    @cache
    def ask(**options: object) -> Decoded:
        return decode(engine, window, **options)

    return ask


def test_it_says_what_it_is(engine: AsrEngine) -> None:
    assert "en" in engine.languages
    assert engine.batch_size >= 1
    assert engine.replicas >= 1


def test_segments_lie_in_the_window_in_order(said: Callable[..., Decoded], window: Window) -> None:
    segments = said().segments
    assert segments
    assert all(segment.text.strip() for segment in segments)
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= window.duration + 0.01


def test_each_segment_brings_evidence(said: Callable[..., Decoded]) -> None:
    for segment in said().segments:
        assert segment.avg_logprob <= 0
        assert 0 <= segment.no_speech_prob <= 1


def test_words_only_on_demand_and_within_their_segment(said: Callable[..., Decoded]) -> None:
    assert all(not segment.words for segment in said().segments)
    for segment in said(word_timestamps=True).segments:
        assert [word.word for word in segment.words] == segment.text.split()
        times = [time for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[0] >= segment.start - 0.02
        assert times[-1] <= segment.end + 0.02
        assert all(0 <= word.probability <= 1 for word in segment.words)


def test_words_change_nothing_but_times(said: Callable[..., Decoded]) -> None:
    plain = said().segments
    assert [segment.plain() for segment in said(word_timestamps=True).segments] == [each.plain() for each in plain]
    assert all(segment.plain_times is None for segment in plain)


def test_log_probabilities_only_on_demand_and_spell_the_text(said: Callable[..., Decoded]) -> None:
    assert all(not segment.logprobs for segment in said().segments)
    for segment in said(logprobs=True).segments:
        assert b"".join(bytes(token.bytes) for token in segment.logprobs).decode() == segment.text
        assert all(token.logprob <= 0 for token in segment.logprobs)


def test_the_language_is_a_distribution_over_what_is_allowed(said: Callable[..., Decoded]) -> None:
    for options in ({}, {"languages": ("en",)}, {"language": "en"}):
        decoded = said(**options)
        assert decoded.language == "en"
        assert sum(decoded.language_probabilities.values()) == pytest.approx(1, abs=1e-3)


def test_answers_come_in_the_order_of_the_jobs(engine: AsrEngine, window: Window) -> None:
    half = len(window.samples) // 2
    pieces = [_cut(window, 0, half), _cut(window, half, len(window.samples))]
    apart = [[segment.text for segment in decode(engine, piece, language="en").segments] for piece in pieces]
    jobs = [Job(piece, TranscribeOptions(language="en")) for piece in pieces]
    if engine.group(jobs[0]) != engine.group(jobs[1]):
        pytest.skip("these pieces do not share a batch")
    assert [[segment.text for segment in decoded.segments] for decoded in engine.decode(jobs)] == apart


def test_an_answer_does_not_depend_on_what_came_before(
    engine: AsrEngine, said: Callable[..., Decoded], window: Window
) -> None:
    first = said(language="en")
    decode(engine, _noise(), language="en")
    assert decode(engine, window, language="en").segments == first.segments


@pytest.mark.parametrize("make", [lambda: np.zeros(SAMPLE_RATE, np.float32), lambda: _noise().samples[:160]])
def test_next_to_nothing_is_no_error(engine: AsrEngine, make: Callable[[], np.ndarray]) -> None:
    samples = make()
    decode(engine, Window(0, samples, ((0.0, len(samples) / SAMPLE_RATE),)), language="en")


def _cut(window: Window, start: int, end: int) -> Window:
    samples = window.samples[start:end]
    return Window(0, samples, ((0.0, len(samples) / SAMPLE_RATE),))


def _noise() -> Window:
    samples = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE).astype(np.float32)
    return Window(0, samples, ((0.0, 1.0),))


async def hear(engine: AsrEngine, window: Window, **options: object) -> Decoded:
    """A window in all its rounds."""

    async def decode_round(job: Job) -> Decoded:
        return engine.decode([job])[0]

    return await decode_window(decode_round, Job(window, TranscribeOptions(**options)))


async def test_the_rounds_of_a_window_cover_its_speech_once(engine: AsrEngine, window: Window) -> None:
    decoded = await hear(engine, window, language="en", word_timestamps=True)
    for start, end in window.speech:
        assert any(segment.start < end and segment.end > start for segment in decoded.segments)
    times = [time for segment in decoded.segments for word in segment.words for time in (word.start, word.end)]
    assert times == sorted(times), "no word comes twice"
    assert decoded.uncovered == ()


def test_asked_for_the_language_only_it_says_no_word(engine: AsrEngine, window: Window) -> None:
    (decoded,) = engine.decode([Job(window, TranscribeOptions(), detect=True)])
    assert (decoded.segments, decoded.language, decoded.heard) == ((), "en", 0)
