"""What a server's events become."""

from speechd.cli.listen.remote import TRANSCRIPTION, RemoteSession
from speechd.operations.live import TurnCompleted
from speechd.types import TranscribeOptions, Transcript


def transcript(*events: dict[str, object]) -> Transcript:
    session = RemoteSession("http://host", "", "auto", TranscribeOptions())
    started = {"type": "input_audio_buffer.speech_started", "audio_start_ms": 0}
    stopped = {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 3000}
    happened = [session._happened(each | {"item_id": "a"}) for each in (started, stopped, *events)]
    (done,) = [each for each in happened if isinstance(each, TurnCompleted)]
    return done.transcript


def segment(start: float, end: float, text: str, speaker: str) -> dict[str, object]:
    return {"type": f"{TRANSCRIPTION}segment", "start": start, "end": end, "text": text, "speaker": speaker}


def completed(text: str, **more: object) -> dict[str, object]:
    return {"type": f"{TRANSCRIPTION}completed", "transcript": text, **more}


WORDS = [{"word": word, "start": at, "end": at + 0.5} for at, word in enumerate(("Here", "it", "is."))]


def test_a_turn_of_two_speakers_has_their_segments_with_their_words() -> None:
    told = (segment(0, 1.6, "Here it", "A"), segment(2.0, 2.5, "is.", "B"))
    heard = transcript(*told, completed("Here it is.", words=WORDS, languages=[{"code": "en"}]))
    assert [(each.speaker, each.text, len(each.words)) for each in heard.segments] == [
        ("A", " Here it", 2),
        ("B", " is.", 1),
    ]
    assert heard.text == "Here it is."
    assert [each.speaker for each in transcript(*told, completed("Here it is.")).segments] == ["A", "B"]


def test_without_speakers_there_is_a_segment_for_each_sentence() -> None:
    assert [each.text for each in transcript(completed("Here it is.", words=WORDS)).segments] == [" Here it is."]
    assert [(each.start, each.end) for each in transcript(completed("Here.")).segments] == [(0.0, 3.0)]
    assert transcript(completed("")).segments == ()
