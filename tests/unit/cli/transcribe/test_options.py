"""What the command line asks, as options of the recogniser and of the formats."""

import pytest

from speechd.cli.transcribe.options import Asked
from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout
from speechd.formats.transcript import FORMATS, View
from speechd.types import MIXED_VAD, TranscribeOptions

VERBOSE, SRT, VTT, TXT = (FORMATS[name] for name in ("verbose_json", "srt", "vtt", "txt"))


def test_nothing_asked_is_the_default() -> None:
    assert Asked().options([TXT]) == TranscribeOptions()
    assert Asked().view() == View(words=True)


def test_everything_reaches_the_recogniser_and_the_formats() -> None:
    layout = Layout(max_lines=2)
    asked = Asked("translate", "Multi", "en, German", 0.7, "Anna.", "split", "agent,  the caller", layout, "German")
    assert asked.options([VTT, VERBOSE]) == TranscribeOptions(
        task="translate",
        multilingual=True,
        languages=("en", "de"),
        language_floor=0.7,
        prompt="Anna.",
        channels="split",
        audio_track="de",
        word_timestamps=True,
        vad=MIXED_VAD,
    )
    assert asked.view() == View(words=True, languages=True, layout=layout, channel_labels=("agent", "the caller"))


def test_word_times_are_asked_for_where_they_are_needed() -> None:
    assert Asked().options([VERBOSE]).word_timestamps
    assert not Asked(layout=Layout(min_gap=0.1)).options([SRT]).word_timestamps
    assert Asked(layout=Layout(max_cue_seconds=3)).options([SRT]).word_timestamps


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(task="sing"), "--task"),
        (Asked(language="xx"), "language"),
        (Asked(channels="left"), "channels"),
        (Asked(channel_labels="a"), "channel_labels"),
        (Asked(layout=Layout(max_lines=2)), "srt or vtt"),
        (Asked(layout=Layout(karaoke=True)), "--karaoke"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        asked.options([TXT, VERBOSE])
