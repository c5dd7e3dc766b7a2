"""A recording or a text whose replica was lost: the caller gets each part once."""

from collections.abc import Sequence

import pytest

from speechd.cluster.serving.resuming import ResumedSpeech, ResumedTranscription
from speechd.errors import Unavailable
from speechd.types import Segment, Speech, SpeechPart, TranscribeOptions, Transcript, Word


def segment(start: float, text: str, seek: float = 0.0) -> Segment:
    return Segment(start, start + 2, text, seek=round(seek * 100), language="en")


def transcript(*segments: Segment, windows: int = 1) -> Transcript:
    return Transcript(task="transcribe", language="en", duration=200, segments=segments, windows=windows)


def given(resumed: ResumedTranscription, parts: Sequence[Segment | Transcript]) -> list[Segment | Transcript]:
    return [taken for part in parts if (taken := resumed.take(part)) is not None]


ONE, TWO, THREE = segment(1, " one", 0), segment(40, " two", 30), segment(95, " three", 90)


def test_an_undisturbed_recording_passes_as_it_is() -> None:
    parts = [ONE, TWO, THREE, transcript(ONE, TWO, THREE)]
    assert given(ResumedTranscription(TranscribeOptions()), parts) == parts


def test_a_short_beginning_is_done_again_and_given_once() -> None:
    resumed = ResumedTranscription(TranscribeOptions())
    first = given(resumed, [ONE])
    resumed.restart()
    assert resumed.options.start == 0
    again = given(resumed, [ONE, TWO, transcript(ONE, TWO)])
    assert [*first, *again] == [ONE, TWO, transcript(ONE, TWO)]


def test_far_into_a_recording_the_next_replica_begins_at_the_last_window() -> None:
    resumed = ResumedTranscription(TranscribeOptions())
    given(resumed, [ONE, TWO, THREE])
    resumed.restart()
    assert (resumed.options.start, resumed.options.language) == (90, "en")
    last = segment(120, " four", 120)
    assert given(resumed, [THREE, last]) == [last]
    (whole,) = given(resumed, [transcript(THREE, last, windows=2)])
    assert whole == transcript(ONE, TWO, THREE, last, windows=4)


def test_a_second_decoding_that_reads_differently_is_not_mixed_in() -> None:
    resumed = ResumedTranscription(TranscribeOptions(temperature=0.8))
    given(resumed, [ONE])
    resumed.restart()
    assert given(resumed, [segment(1.2, " won"), transcript(segment(1.2, " won"))]) == [transcript(ONE)]


def test_the_segments_of_overlapping_channels_are_counted() -> None:
    resumed = ResumedTranscription(TranscribeOptions(channels="split"))
    given(resumed, [ONE, ONE])
    resumed.restart()
    assert resumed.options.start == 0
    assert given(resumed, [ONE, ONE, TWO, transcript(ONE, ONE, TWO)]) == [TWO, transcript(ONE, ONE, TWO)]


def test_speech_goes_on_after_the_bytes_that_were_sent() -> None:
    resumed, hello, you = ResumedSpeech(), Word("Hello", 0, 1), Word("you", 1, 2)
    assert resumed.take(SpeechPart(b"abc", (hello,))) == SpeechPart(b"abc", (hello,))
    resumed.restart()
    assert resumed.take(SpeechPart(b"ab")) is None
    assert resumed.take(SpeechPart(b"cde", (hello, you))) == SpeechPart(b"de", (you,))
    assert resumed.take(SpeechPart(b"f")) == SpeechPart(b"f")
    assert resumed.take(Speech("voice", 5, 1.0)) == Speech("voice", 5, 1.0)


def test_a_voice_that_says_it_differently_is_not_mixed_in() -> None:
    resumed = ResumedSpeech()
    resumed.take(SpeechPart(b"abc"))
    resumed.restart()
    with pytest.raises(Unavailable, match="differently") as refusal:
        resumed.take(SpeechPart(b"abX"))
    assert refusal.value.retry_after
