"""Subtitles as two independent parsers read them, and as a viewer would judge them."""

import io
import itertools
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
import srt
import webvtt

from speechd.formats.subtitles import Cue, Layout, cues
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.types import Segment, Transcript, Word

SENTENCES = (
    "When the ferry had left, nobody on the pier could say where the two passengers with the large trunk had gone.",
    "They were found, three days later, in a small hotel by the lake; they had not heard of the search.",
    "Yes.",
    "Antidisestablishmentarianism-and-floccinaucinihilipilification is one word here, and far wider than any line.",
)


def segment(text: str, start: float, seconds: float, *, timed: bool = True, channel: int = 0) -> Segment:
    """A segment whose words share its time by their length."""
    words, clock = [], start
    step = seconds / len(text)
    for word in text.split():
        words.append(Word(word, clock, clock + len(word) * step))
        clock += (len(word) + 1) * step
    return Segment(start, start + seconds, f" {text}", words=tuple(words) if timed else (), channel=channel)


def talk(*, timed: bool = True, texts: Iterable[str] = SENTENCES) -> Transcript:
    """Each text at 15 characters a second, half a second apart."""
    segments, clock = [], 0.4
    for text in texts:
        segments.append(segment(text, clock, len(text) / 15, timed=timed))
        clock = segments[-1].end + 0.5
    return Transcript("transcribe", "en", clock, tuple(segments))


def spoken(text: str) -> list[str]:
    return text.split()


LAYOUTS = [
    Layout(max_line_width=42),
    Layout(max_lines=1),
    Layout(max_line_width=20, max_lines=3),
    Layout(max_cue_seconds=2.5),
    Layout(max_line_width=37, max_lines=2, max_cue_seconds=4, min_gap=0.1),
    Layout(max_line_width=200, max_lines=10, max_cue_seconds=60),
]


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_bound_holds_and_no_word_is_lost_or_broken(layout: Layout, timed: bool) -> None:
    transcript = talk(timed=timed)
    made = cues(transcript, layout)
    assert spoken(" ".join(cue.text for cue in made)) == spoken(transcript.text)
    for cue in made:
        lines = cue.text.split("\n")
        assert len(lines) <= layout.lines
        if layout.width:
            assert all(len(line) <= layout.width or " " not in line for line in lines)
        if layout.max_cue_seconds:
            assert cue.end - cue.start <= layout.max_cue_seconds * 1000
    for one, two in itertools.pairwise(made):
        assert one.end + layout.min_gap * 1000 <= two.start


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_cue_starts_when_its_first_word_is_said(layout: Layout) -> None:
    transcript = talk()
    words = iter(transcript.words)
    for cue in cues(transcript, layout):
        first, *_ = said = [next(words) for _ in cue.text.split()]
        assert cue.start == round(first.start * 1000)
        assert cue.end <= round(said[-1].end * 1000)


def texts(made: Iterable[Cue]) -> list[str]:
    return [cue.text for cue in made]


def test_two_lines_are_about_equal_and_break_at_a_clause() -> None:
    even = talk(texts=["The quick brown fox jumps over the lazy dog tonight"])
    assert texts(cues(even, Layout(max_line_width=42))) == ["The quick brown fox jumps\nover the lazy dog tonight"]
    clause = talk(texts=["After a very long night, we came home at last"])
    assert texts(cues(clause, Layout(max_line_width=42))) == ["After a very long night,\nwe came home at last"]


def test_cues_end_at_sentences_and_clauses_where_they_can() -> None:
    one = "She opened the door. The room was empty, the lamp still burned, and on the table lay a letter for him."
    made = texts(cues(talk(texts=[one]), Layout(max_line_width=32, max_lines=2)))
    assert len(made) == 2
    assert made[0].endswith((".", ","))


def test_a_pause_ends_a_cue() -> None:
    words = (Word("Wait", 1.0, 1.3), Word("here.", 1.3, 1.6), Word("Now", 5.0, 5.2), Word("go.", 5.2, 5.5))
    transcript = Transcript("transcribe", "en", 6, (Segment(1.0, 5.5, " Wait here. Now go.", words=words),))
    assert [(cue.start, cue.end) for cue in cues(transcript, Layout(max_line_width=42))] == [(1000, 1600), (5000, 5500)]
    assert [(cue.start, cue.end) for cue in cues(transcript)] == [(1000, 5500)]


def test_a_gap_is_taken_from_the_cue_before_and_never_all_of_it() -> None:
    near = Transcript(
        "transcribe",
        "en",
        5,
        (Segment(1, 2, " a"), Segment(2.02, 2.1, " b"), Segment(2.12, 3, " c"), Segment(4, 5, "d")),
    )
    made = cues(near, Layout(min_gap=0.2))
    assert [(cue.start, cue.end) for cue in made] == [(1000, 1820), (2020, 2070), (2120, 3000), (4000, 5000)]


def test_words_that_are_not_in_the_text_leave_it_whole() -> None:
    odd = Segment(
        0, 4, " One two three four.", words=(Word("two", 1, 1.5), Word("fünf", 2, 2.5), Word("four.", 3, 3.5))
    )
    made = cues(Transcript("transcribe", "en", 4, (odd,)), Layout(max_cue_seconds=1.2))
    assert spoken(" ".join(texts(made))) == ["One", "two", "three", "four."]
    assert [(cue.start, cue.end) for cue in made][-1] == (3000, 3500)


JAPANESE = "昨日は雨が降っていましたが、今日はとてもいい天気なので、みんなで公園へ行きました。"
THAI = "วันนี้อากาศดีมาก"


def test_a_script_without_spaces_is_cut_between_signs_and_never_before_a_full_stop() -> None:
    """With the engine's words and without any."""
    words = tuple(Word(sign, at * 0.1, at * 0.1 + 0.1) for at, sign in enumerate(re.findall(r".[、。]?", JAPANESE)))
    for said in ((), words):
        made = cues(
            Transcript("transcribe", "ja", 5, (Segment(0, 5, JAPANESE, words=said),)), Layout(max_line_width=13)
        )
        assert "".join(texts(made)).replace("\n", "") == JAPANESE
        lines = [line for cue in made for line in cue.text.split("\n")]
        assert all(len(line) <= 13 for line in lines)
        assert not any(line[0] in "、。っょ" for line in lines)


def test_a_script_that_needs_a_dictionary_is_cut_only_between_known_words() -> None:
    segment = Segment(0, 2, THAI)
    assert texts(cues(Transcript("transcribe", "th", 2, (segment,)), Layout(max_line_width=10))) == [THAI]
    known = replace(segment, words=(Word("วันนี้", 0, 0.5), Word("อากาศ", 0.5, 1), Word("ดีมาก", 1, 2)))
    made = texts(cues(Transcript("transcribe", "th", 2, (known,)), Layout(max_line_width=10)))
    assert {line for cue in made for line in cue.split("\n")} <= {"วันนี้", "อากาศ", "ดีมาก", "อากาศดีมาก"}


def read_srt(text: str) -> list[tuple[int, int, str]]:
    found = list(srt.parse(text))
    assert [cue.index for cue in found] == list(range(1, len(found) + 1))
    return [(round(c.start.total_seconds() * 1000), round(c.end.total_seconds() * 1000), c.content) for c in found]


def read_vtt(text: str) -> list[webvtt.Caption]:
    return list(webvtt.from_buffer(io.StringIO(text)).captions)


HOSTILE = Transcript(
    "transcribe",
    "en",
    4,
    (
        Segment(0, 1, " one\n\n2\n00:00:00,000 --> 00:00:09,000\ntwo\r\n"),
        Segment(1, 2, " <i>AT&T</i> --> &lt; <v Bob> NOTE"),
        Segment(2, 3, " \u2028 \x0b "),
        Segment(3, 3, " WEBVTT"),
    ),
)


@pytest.mark.parametrize("layout", [Layout(), *LAYOUTS, Layout(karaoke=True)])
@pytest.mark.parametrize("transcript", [talk(), talk(timed=False), HOSTILE, Transcript("transcribe", "", 1, ())])
def test_other_programs_read_what_was_written(transcript: Transcript, layout: Layout) -> None:
    made = [(cue.start, cue.end, cue.text) for cue in cues(transcript, layout)]
    view = View(layout=layout)
    assert read_srt(TRANSCRIPT_FORMATS["srt"].encode(transcript, view).decode()) == [
        (start, end, text.replace("-->", "->")) for start, end, text in made
    ]
    captions = read_vtt(TRANSCRIPT_FORMATS["vtt"].encode(transcript, view).decode())
    plain = [re.sub(r"<[\d:.]+>", "", caption.raw_text) for caption in captions]
    assert [text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for text in plain] == [
        text for *_, text in made
    ]
    assert [(milliseconds(caption.start), milliseconds(caption.end)) for caption in captions] == [
        (start, end) for start, end, _ in made
    ]


def milliseconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


def test_karaoke_says_when_each_word_begins() -> None:
    body = TRANSCRIPT_FORMATS["vtt"].encode(talk(texts=["Tom & I go."]), View(layout=Layout(karaoke=True))).decode()
    assert body == (
        "WEBVTT\n\n00:00:00.400 --> 00:00:01.133\nTom <00:00:00.667>&amp; <00:00:00.800>I <00:00:00.933>go.\n\n"
    )


def test_karaoke_times_rise_inside_their_cue_and_guesses_are_not_given() -> None:
    words = (Word("a", 1, 1), Word("b", 1, 1.2), Word("c", 1.1, 1.1), Word("d", 1.1, 2), Word("e", 2, 2))
    sung = Transcript("transcribe", "en", 2, (Segment(1, 2, " a b c d e", words=words),))
    assert (
        "\na b <00:00:01.100>c d e\n"
        in TRANSCRIPT_FORMATS["vtt"].encode(sung, View(layout=Layout(karaoke=True))).decode()
    )
    guessed = TRANSCRIPT_FORMATS["vtt"].encode(talk(timed=False), View(layout=Layout(karaoke=True))).decode()
    assert not re.search(r"<\d", guessed)


CALL = Transcript(
    "transcribe",
    "en",
    6,
    (
        segment("How may I help you, please?", 0, 2, channel=1),
        segment("I lost my <red> bag.", 1, 1.5, channel=2),
        segment("Where was that?", 3, 1, channel=1),
    ),
    channels=2,
)


def test_channels_are_named_and_may_speak_at_the_same_time() -> None:
    view = View(channel_labels=("agent & co",))
    captions = read_vtt(TRANSCRIPT_FORMATS["vtt"].encode(CALL, view).decode())
    assert [caption.voice for caption in captions] == ["agent &amp; co", "channel_2", "agent &amp; co"]
    assert [
        (start, end, text) for start, end, text in read_srt(TRANSCRIPT_FORMATS["srt"].encode(CALL, view).decode())
    ] == [
        (0, 2000, "agent & co: How may I help you, please?"),
        (1000, 2500, "channel_2: I lost my <red> bag."),
        (3000, 4000, "agent & co: Where was that?"),
    ]
    assert TRANSCRIPT_FORMATS["txt"].encode(CALL, view).decode().splitlines()[1] == "channel_2: I lost my <red> bag."


def test_a_name_counts_for_the_width_of_srt_lines() -> None:
    body = TRANSCRIPT_FORMATS["srt"].encode(
        CALL, View(layout=Layout(max_line_width=24), channel_labels=("agent", "caller"))
    )
    assert all(len(line) <= 24 for *_, text in read_srt(body.decode()) for line in text.split("\n"))
