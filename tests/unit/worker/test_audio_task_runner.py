import json

from speechd.types import Segment
from speechd.worker.audio_task_runner import MAX_SEGMENTS, JobProgress


def test_progress_is_told_once() -> None:
    sight = JobProgress(60.0)
    first = sight.news()
    assert first is not None
    assert (first.done, first.total, first.segments) == (0, 60.0, None), "an earlier try's progress is overwritten"
    assert sight.news() is None
    sight.hear(Segment(0.0, 2.5, " Hello."))
    second = sight.news()
    assert second is not None
    assert (second.done, second.segments_before) == (2.5, 0)
    assert json.loads(second.segments or "") == [{"id": 0, "start": 0.0, "end": 2.5, "text": " Hello."}]
    assert sight.news() is None


def test_the_newest_segments_of_a_long_recording() -> None:
    sight = JobProgress(None)
    for number in range(MAX_SEGMENTS + 20):
        sight.hear(Segment(number, number + 1, f" {number}"))
    progress = sight.news()
    assert progress is not None
    segments = json.loads(progress.segments or "")
    assert (len(segments), segments[0]["id"], progress.segments_before) == (MAX_SEGMENTS, 20, 20)


def test_speech_counts_characters() -> None:
    sight = JobProgress(30)
    sight.speak(10)
    sight.speak(5)
    progress = sight.news()
    assert progress is not None
    assert (progress.done, progress.total, progress.segments) == (15, 30, None)
