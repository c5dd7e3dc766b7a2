"""What every model that tells voices apart owes diarization; the fake, and CAM++ where its weights are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from speechd.asr.diarization.campplus import CampplusEngine
from speechd.asr.diarization.engine import SpeakerEngine
from speechd.testing.fake_engines import FakeSpeakers
from speechd.types import SAMPLE_RATE, Samples
from tests.real.weights import speakers_folder


@pytest.fixture(scope="module", params=["fake", pytest.param("campplus", marks=pytest.mark.real)])
def engine(request: pytest.FixtureRequest) -> Iterator[SpeakerEngine]:
    engine = FakeSpeakers() if request.param == "fake" else CampplusEngine(speakers_folder())
    yield engine
    engine.close()


def speech(seconds: float, level: float = 0.1) -> Samples:
    """Noise as loud as speech."""
    return np.random.default_rng(0).normal(0, level, round(seconds * SAMPLE_RATE)).clip(-1, 1).astype(np.float32)


def test_windows_lie_in_the_spans_in_order(engine: SpeakerEngine) -> None:
    spans = ((0.5, 4.0), (5.0, 6.5))
    found = engine.embed(speech(7), spans)
    assert len(found) >= 3
    assert list(found.starts) == sorted(found.starts)
    for start, end in zip(found.starts, found.ends, strict=True):
        assert any(first - 0.01 <= start < end <= last + 0.01 for first, last in spans)


def test_embeddings_have_unit_length(engine: SpeakerEngine) -> None:
    found = engine.embed(speech(5), ((0.0, 5.0),))
    assert found.embeddings.shape == (len(found), engine.dimensions)
    assert found.embeddings.dtype == np.float32
    assert np.linalg.norm(found.embeddings, axis=1) == pytest.approx(1, abs=1e-3)


def test_what_is_too_short_has_no_window(engine: SpeakerEngine) -> None:
    for samples, spans in ((speech(1), ((0.2, 0.25),)), (speech(1), ()), (np.zeros(0, np.float32), ())):
        found = engine.embed(samples, spans)
        assert len(found) == 0
        assert found.embeddings.shape == (0, engine.dimensions)


def test_the_same_speech_gives_the_same_windows_in_any_thread(engine: SpeakerEngine) -> None:
    samples, spans = speech(6), ((0.0, 2.5), (3.0, 6.0))
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: engine.embed(samples, spans), range(4)))
    for found in results[1:]:
        assert np.array_equal(found.embeddings, results[0].embeddings)


def test_digital_silence_is_no_error(engine: SpeakerEngine) -> None:
    found = engine.embed(np.zeros(2 * SAMPLE_RATE, np.float32), ((0.0, 2.0),))
    assert np.isfinite(found.embeddings).all()
