"""Minutes as a reader sees them, and as Markdown reads them."""

from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import Segment, Transcript

MINUTES = TRANSCRIPT_FORMATS["minutes"]


def minutes(*segments: Segment, view: View | None = None, duration: float = 3725.4) -> str:
    return MINUTES.encode(Transcript("transcribe", "en", duration, segments), view).decode()


def test_turns_of_speakers_with_their_times() -> None:
    assert minutes(
        Segment(1.2, 4.0, " Good morning.", speaker="Anna"),
        Segment(4.3, 6.0, " Shall we begin?", speaker="Anna"),
        Segment(6.5, 8.0, " Yes.", speaker="A"),
        Segment(3601.0, 3604.0, " Later.", speaker="A"),
        Segment(3604.5, 3606.0, " Thanks.", speaker="Anna"),
    ) == (
        "Length: 01:02:05  \n"
        "Speakers: Anna, A\n"
        "\n"
        "**Anna** 00:00:01  \n"
        "Good morning. Shall we begin?\n"
        "\n"
        "**A** 00:00:06  \n"
        "Yes.\n"
        "\n"
        "01:00:01  \n"
        "Later.\n"
        "\n"
        "**Anna** 01:00:04  \n"
        "Thanks.\n"
    )


def test_a_long_turn_has_a_time_about_once_a_minute() -> None:
    said = [Segment(at, at + 9.9, f" Sentence {at}.", speaker="A") for at in range(0, 150, 10)]
    assert minutes(*said).count("\n00:0") == 2  # besides the turn's own
    unended = [Segment(at, at + 9.9, " and", speaker="A") for at in range(0, 150, 10)]
    assert "\n00:0" not in minutes(*unended)


def test_channels_are_speakers_and_a_voice_in_one_has_both_names() -> None:
    view = View(channel_labels=("agent",))
    told = minutes(Segment(0, 1, " One", channel=1, speaker="A"), Segment(1, 2, " Two", channel=2), view=view)
    assert "Speakers: agent A, channel\\_2\n" in told
    assert "**agent A** 00:00:00  \nOne" in told


def test_what_is_said_is_no_markup() -> None:
    told = minutes(Segment(0, 1, " *loud* <b>_x_</b> [a](b) `c` | ~d~ &amp;", speaker="A|B"))
    assert "\\*loud\\* \\<b\\>\\_x\\_\\</b\\> \\[a\\](b) \\`c\\` \\| \\~d\\~ \\&amp;" in told
    assert "**A\\|B** " in told
    for begin, escaped in (
        ("# x", "\\# x"),
        ("- x", "\\- x"),
        ("1. x", "1\\. x"),
        ("+ x", "\\+ x"),
        ("12) x", "12\\) x"),
    ):
        assert f"\n{escaped}\n" in minutes(Segment(0, 1, f" {begin}"))


def test_without_speakers_there_are_times_only() -> None:
    assert minutes(Segment(0, 1, " One."), Segment(1, 2, " Two."), duration=2) == (
        "Length: 00:00:02\n\n00:00:00  \nOne. Two.\n"
    )


def test_silence() -> None:
    assert minutes(duration=3.4) == "Length: 00:00:03\n\n*Nobody speaks.*\n"
    assert minutes(Segment(0, 1, " \n ", speaker="A"), duration=3.4) == "Length: 00:00:03\n\n*Nobody speaks.*\n"
