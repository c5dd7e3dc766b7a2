"""What the command line asks, as options of the recogniser and of the formats."""

import pytest

from speechd.cli.transcribe.options import TranscribeArgs
from speechd.errors import InvalidRequest
from speechd.formats.subtitles import Layout
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import MIXED_VAD, TranscribeOptions

VERBOSE, SRT, VTT, TXT = (TRANSCRIPT_FORMATS[name] for name in ("verbose_json", "srt", "vtt", "txt"))


def test_nothing_asked_is_the_default() -> None:
    assert TranscribeArgs().options([TXT]) == TranscribeOptions()
    assert TranscribeArgs().view() == View(words=True)


def test_everything_reaches_the_recogniser_and_the_formats() -> None:
    layout = Layout(max_lines=2)
    asked = TranscribeArgs(
        "translate", "Multi", "en, German", 0.7, "Anna.", "split", "agent,  the caller", layout, "German"
    )
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
    assert TranscribeArgs().options([VERBOSE]).word_timestamps
    assert not TranscribeArgs(layout=Layout(min_gap=0.1)).options([SRT]).word_timestamps
    assert TranscribeArgs(layout=Layout(max_cue_seconds=3)).options([SRT]).word_timestamps


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (TranscribeArgs(task="sing"), "--task"),
        (TranscribeArgs(language="xx"), "language"),
        (TranscribeArgs(channels="left"), "channels"),
        (TranscribeArgs(channel_labels="a"), "channel_labels"),
        (TranscribeArgs(layout=Layout(max_lines=2)), "srt or vtt"),
        (TranscribeArgs(layout=Layout(karaoke=True)), "--karaoke"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: TranscribeArgs, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        asked.options([TXT, VERBOSE])
