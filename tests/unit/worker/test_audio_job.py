import json

from speechd.store.audio_jobs.records import NewSegments
from speechd.types import Segment, SpeechPart
from speechd.worker.audio_job import MAX_SEGMENTS, JobProgress


def test_progress_is_told_once() -> None:
    progress = JobProgress(60.0)
    first = progress.news()
    assert first is not None
    assert (first.done, first.total, first.segments) == (0, 60.0, None), "an earlier try's progress is overwritten"
    assert progress.news() is None
    progress.hear(Segment(0.0, 2.5, " Hello."))
    second = progress.news()
    assert second is not None
    assert (second.done, second.segments_before) == (2.5, 0)
    assert json.loads(second.segments or "") == [{"id": 0, "start": 0.0, "end": 2.5, "text": " Hello."}]
    assert progress.news() is None


def test_the_newest_segments_of_a_long_recording() -> None:
    progress = JobProgress(None)
    for number in range(MAX_SEGMENTS + 20):
        progress.hear(Segment(number, number + 1, f" {number}"))
    told = progress.news()
    assert told is not None
    segments = json.loads(told.segments or "")
    assert (len(segments), segments[0]["id"], told.segments_before) == (MAX_SEGMENTS, 20, 20)


def test_progress_in_a_clip_counts_from_its_start() -> None:
    progress = JobProgress(10.0)
    progress.begin_at(60.0)
    progress.hear(Segment(60.5, 64.0, " Hello."))
    told = progress.news()
    assert told is not None
    assert (told.done, json.loads(told.segments or "")[0]["start"]) == (4.0, 60.5)


def test_speech_counts_characters() -> None:
    progress = JobProgress(30)
    progress.speak(SpeechPart(b"", characters=10))
    progress.speak(SpeechPart(b"", characters=5))
    told = progress.news()
    assert told is not None
    assert (told.done, told.total, told.segments) == (15, 30, None)


def test_segments_are_told_until_they_are_recorded() -> None:
    progress = JobProgress(60.0, attempt=5.5)
    progress.hear(Segment(0.0, 2.5, " Hello.", speaker="A"))
    first = progress.news()
    assert first is not None
    assert first.new == NewSegments(5.5, 0, ({"id": 0, "start": 0.0, "end": 2.5, "text": " Hello.", "speaker": "A"},))
    progress.not_reported()
    progress.hear(Segment(2.5, 3.5, " There."))
    again = progress.news()
    assert again is not None
    assert again.new is not None
    assert [each["id"] for each in again.new.segments] == [0, 1]
    progress.reported(again)
    progress.hear(Segment(3.5, 4.5, " You."))
    last = progress.news()
    assert last is not None
    assert last.new is not None
    assert (last.new.first, [each["id"] for each in last.new.segments]) == (2, [2])
