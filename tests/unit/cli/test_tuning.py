"""`speechd models tune`: the shortest margin with which nothing changes."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechd.asr.engine import Decoded, Job
from speechd.cli import tuning
from speechd.cli.tuning import find_margin, speech_windows, tune
from speechd.errors import InvalidRequest
from speechd.registry.catalog import UNKNOWN
from speechd.registry.loading.context_margin import measured_margin
from speechd.registry.registry import ModelStore
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, Window
from tests.conftest import fixtures

WINDOWS = [Window(0, np.zeros(2 * SAMPLE_RATE, np.float32), ((0.5, 1.5),)) for _ in range(40)]


class ShortSighted(FakeAsr):
    """Loses words below `needs` seconds of margin, and below `sure` it doubts them."""

    def __init__(self, needs: float, sure: float = 0.0) -> None:
        super().__init__()
        self.context_margin: float | None = None
        self.needs, self.sure = needs, sure

    def group(self, job: Job) -> Hashable:
        return self.context_margin

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        margin = self.context_margin
        found = super().decode(jobs)
        if margin is None or jobs[0].context == "full":
            return found
        if margin < self.sure:
            return [replace(each, segments=(), heard=0.0, doubt="short") for each in found]
        if margin < self.needs:
            return [replace(each, segments=tuple(replace(s, text=" noise") for s in each.segments)) for each in found]
        return found


def ignore(done: int, total: int) -> None:
    assert done <= total


@pytest.mark.parametrize(("needs", "sure", "found"), [(0.0, 0.0, 1.0), (3.0, 0.0, 3.0), (0.0, 5.0, 5.0)])
def test_the_shortest_margin_that_suits_is_found(needs: float, sure: float, found: float) -> None:
    results = find_margin(ShortSighted(needs, sure), WINDOWS, ignore)
    assert results[-1].margin == found
    assert [result.suits for result in results] == [False] * (len(results) - 1) + [True]


def test_no_margin_may_suit() -> None:
    assert not any(result.suits for result in find_margin(ShortSighted(99.0), WINDOWS, ignore))


def test_a_model_keeps_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.bin").write_bytes(b"weights")
    model = replace(UNKNOWN, id="mine", path=tmp_path)
    monkeypatch.setattr(tuning, "speech_windows", lambda files: WINDOWS)
    for needs, written in ((3.0, 3.0), (99.0, None)):
        monkeypatch.setattr(tuning, "load_whisper", lambda *_, needs=needs: ShortSighted(needs))
        tune(model, Settings(data_dir=tmp_path), [], ignore)
        assert measured_margin(tmp_path) == written


@pytest.mark.parametrize(
    ("name", "message"),
    [("whisper-pocket", "needs no tuning"), ("whisper-large-v3", "not an installed"), ("aura", "not an installed")],
)
def test_models_that_cannot_be_tuned_are_refused(settings: Settings, name: str, message: str) -> None:
    store = ModelStore(settings)
    model = replace(store.get("whisper-pocket"), id=name, kind="tts") if name == "aura" else store.get(name)
    with pytest.raises(InvalidRequest, match=message):
        tune(model, settings, [], ignore)


def test_too_little_speech_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="At least 30 are needed"):
        speech_windows([fixtures()[0].path])
