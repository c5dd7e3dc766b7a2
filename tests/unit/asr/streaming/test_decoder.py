"""Hypotheses of live turns among other work: they are due soon, and take no room from it."""

import numpy as np
import pytest

from speechd.asr.batcher import Batcher
from speechd.asr.engine import Job
from speechd.asr.scheduling.scheduler import QueuedJob, QueuedRecording, Scheduler
from speechd.asr.streaming.decoder import DUE, StreamingDecoder
from speechd.errors import Overloaded
from speechd.fairness.queue_limits import QueueLimits
from speechd.testing.fake_engines import FakeAsr
from speechd.types import TranscribeOptions, Window

WINDOW = Window(0.0, np.zeros(16_000, np.float32), ((0.0, 1.0),))


def order(*recordings: QueuedRecording, now: float) -> list[int]:
    """Which of the recordings, each of which has waited since 0, is decoded first, second ..."""
    scheduler: Scheduler[int] = Scheduler()
    for number, recording in enumerate(recordings):
        scheduler.add(QueuedJob(number, recording, "group", 0.0))
    return [scheduler.schedule(now, 1)[0].item for _ in recordings]


@pytest.mark.parametrize(
    ("seconds", "now", "first"),
    [(600.0, 0.0, 1), (600.0, 100.0, 1), (2.0, 0.0, 0), (2.0, 5.0, 0)],
    ids=["a long upload", "a long upload that has waited", "a short one", "a short one later"],
)
def test_a_deadline_goes_before_long_uploads_and_after_short_ones(seconds: float, now: float, first: int) -> None:
    upload, live = QueuedRecording(seconds), QueuedRecording(0.0, due=DUE)
    assert order(upload, live, now=now)[0] == first


def test_hypotheses_that_keep_coming_let_every_upload_pass() -> None:
    """An upload is as urgent as a hypothesis that comes later once it has waited a second for each 4 s it has left."""
    upload = QueuedRecording(600.0)
    assert order(upload, QueuedRecording(0.0, due=200.0 + DUE), now=200.0)[0] == 0


async def test_no_upload_is_refused_because_of_a_hypothesis() -> None:
    batcher = Batcher(FakeAsr(), limits=QueueLimits(maximum=5.0))
    decoder = StreamingDecoder(batcher, 30.0)
    with batcher.reserve(5.0):
        decoded = await decoder.decode(Job(WINDOW, TranscribeOptions()))
        assert decoded.segments
        with pytest.raises(Overloaded), batcher.reserve(1.0):
            pass
    assert batcher.queued_seconds == 0
    await batcher.close()
