"""What is printed while people speak, and what is kept."""

import pytest

from speechd.cli.listen.live_text import LiveText
from speechd.errors import Overloaded
from speechd.operations.live import LiveEvent, TextDelta, TurnCompleted, TurnFailed, TurnStarted
from speechd.types import Segment, Transcript


def completed(turn: str, text: str, language: str = "en") -> TurnCompleted:
    segments = (Segment(0.5, 1.0, f" {text}"),) if text else ()
    return TurnCompleted(turn, Transcript("transcribe", language, 1.5, segments, "a-model"))


async def printed(
    *events: LiveEvent, word_by_word: bool = True, by_speaker: bool = False
) -> tuple[list[str], LiveText]:
    parts: list[str] = []
    heard = LiveText(parts.append, word_by_word, by_speaker)
    for event in events:
        await heard.take(event)
    return parts, heard


SPOKEN = (
    TurnStarted("a", 100),
    TextDelta("a", "Hello"),
    TextDelta("a", " there."),
    completed("a", "Hello there."),
)


async def test_words_are_printed_as_they_come() -> None:
    parts, _ = await printed(*SPOKEN)
    assert parts == ["Hello", " there.", "\n"]


async def test_a_pipe_gets_whole_lines() -> None:
    parts, _ = await printed(*SPOKEN, word_by_word=False)
    assert parts == ["Hello there.", "\n"]


async def test_a_line_waits_for_the_one_before_it() -> None:
    parts, heard = await printed(
        TurnStarted("a", 0),
        TextDelta("a", "One"),
        TurnStarted("b", 3000),
        TextDelta("b", "Two"),
        completed("b", "Two"),
        TextDelta("a", " more"),
        completed("a", "One more"),
    )
    assert "".join(parts) == "One more\nTwo\n"
    assert heard.transcript(None).text == "One more Two"


async def test_a_turn_without_words_prints_nothing() -> None:
    parts, heard = await printed(TurnStarted("a", 0), completed("a", ""))
    assert (parts, heard.transcript("de").text, heard.waits) == ([], "", False)


async def test_the_transcript_is_on_the_clock_of_the_session() -> None:
    later = (TurnStarted("b", 60_000), completed("b", "Bye.", "de"))
    _, heard = await printed(*SPOKEN, *later)
    transcript = heard.transcript(None)
    assert [(segment.start, segment.end) for segment in transcript.segments] == [(0.6, 1.1), (60.5, 61.0)]
    assert (transcript.language, transcript.model, transcript.duration) == ("en", "a-model", 61.5)


async def test_lines_begin_with_who_speaks() -> None:
    said = [("A", "Is it?"), ("A", "Now?"), ("B", "Yes.")]
    segments = tuple(Segment(n, n + 1, f" {text}", speaker=speaker) for n, (speaker, text) in enumerate(said))
    turn = TurnCompleted("a", Transcript("transcribe", "en", 3.0, segments))
    events = (TurnStarted("a", 0), TextDelta("a", "Is it"), turn)
    parts, heard = await printed(*events, by_speaker=True)
    assert "".join(parts) == "A: Is it? Now?\nB: Yes.\n"
    assert [segment.speaker for segment in heard.transcript(None).segments] == ["A", "A", "B"]
    silent = TurnCompleted("b", Transcript("transcribe", "en", 1.0, ()))
    assert (await printed(TurnStarted("b", 0), silent, by_speaker=True))[0] == []


async def test_a_turn_that_failed_ends_the_command() -> None:
    with pytest.raises(Overloaded):
        await printed(TurnStarted("a", 0), TurnFailed("a", Overloaded()))
