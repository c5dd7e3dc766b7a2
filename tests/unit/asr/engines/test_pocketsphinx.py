"""PocketSphinx in its process: what happens when that dies, cannot start, or two windows come at once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from speechd.asr.engine import Job
from speechd.asr.engines.pocketsphinx import SphinxEngine
from speechd.errors import EngineFailure
from speechd.registry.files import package_folder
from speechd.types import SAMPLE_RATE, TranscribeOptions, Window

pytest.importorskip("pocketsphinx")

NOISE = np.random.default_rng(0).normal(0, 0.01, SAMPLE_RATE // 2).astype(np.float32)
JOB = Job(Window(0, NOISE), TranscribeOptions())


def model() -> Path:
    folder = package_folder("pocketsphinx", "model/en-us")
    assert folder is not None
    return folder


def test_a_process_that_dies_fails_its_recording_only() -> None:
    engine = SphinxEngine(model())
    engine._processes.idle[0].kill()
    with pytest.raises(EngineFailure, match="crashed"):
        engine.decode([JOB])
    assert engine.decode([JOB])[0].language == "en"
    engine.close()


def test_digital_silence_has_no_words() -> None:
    engine = SphinxEngine(model())
    silence = Job(Window(0, np.zeros(SAMPLE_RATE, np.float32)), TranscribeOptions())
    assert engine.decode([silence])[0].segments == ()
    engine.close()


def test_each_window_at_the_same_time_has_its_process_and_closing_ends_all() -> None:
    engine = SphinxEngine(model(), replicas=2)
    with ThreadPoolExecutor(2) as pool:
        results = [result.result() for result in [pool.submit(engine.decode, [JOB]) for _ in range(4)]]
    assert len({result[0].segments for result in results}) == 1
    processes = list(engine._processes.idle)
    assert 1 <= len(processes) <= 2
    engine.close()
    assert all(each.process.poll() is not None for each in processes)


def test_a_folder_without_the_model_is_an_engine_failure(tmp_path: Path) -> None:
    with pytest.raises(EngineFailure, match="could not load"):
        SphinxEngine(tmp_path)


@pytest.mark.parametrize(("spelled", "written"), [("i", "I"), ("i'm", "I'm"), ("the(2)", "the"), ("ski", "ski")])
def test_how_words_are_written(spelled: str, written: str) -> None:
    from speechd.asr.engines.pocketsphinx import _timed

    word, score = _timed((spelled, 10, 29, -0.5))
    assert (word.word, word.start, word.end, score) == (written, 0.1, 0.3, -0.5)
    assert 0 < word.probability < 1
