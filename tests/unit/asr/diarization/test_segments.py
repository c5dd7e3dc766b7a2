"""Segments are cut where the speaker changes and at sentences, and nothing that was said is lost."""

import itertools
from dataclasses import replace

from speechd.asr.diarization.labels import SpeakerLabels, letters
from speechd.asr.diarization.segments import segments_by_speaker
from speechd.types import Diarization, Segment, SpeakerTurn, SpeakerVoice, TokenLogprob, Word

TALK = Segment(
    10.0,
    16.0,
    " Are you there? Yes I am. Good.",
    tokens=(1, 2, 3),
    words=(
        Word("Are", 10.0, 10.5),
        Word("you", 11.0, 11.5),
        Word("there?", 12.0, 12.5),
        Word("Yes", 13.0, 13.5),
        Word("I", 14.0, 14.5),
        Word("am.", 15.0, 15.5),
        Word("Good.", 16.0, 16.5),
    ),
    logprobs=(TokenLogprob(" Are", -0.1, tuple(b" Are")),),
)


def diarization(*turns: tuple[float, float, int], names: tuple[str | None, ...] = (None, None, None)) -> Diarization:
    return Diarization(tuple(SpeakerTurn(*turn) for turn in turns), names)


def test_a_segment_is_cut_where_the_speaker_changes_and_at_sentences() -> None:
    found = diarization((10, 13, 0), (13, 15.8, 1), (15.8, 17, 1))
    parts = segments_by_speaker([TALK], {0: found}).segments
    assert [(part.speaker, part.text) for part in parts] == [
        ("A", " Are you there?"),
        ("B", " Yes I am."),
        ("B", " Good."),
    ]
    assert [(part.start, part.end) for part in parts] == [(10.0, 12.5), (13.0, 15.5), (16.0, 16.0)]
    assert [[word.word for word in part.words] for part in parts] == [
        ["Are", "you", "there?"],
        ["Yes", "I", "am."],
        ["Good."],
    ]
    assert "".join(part.text for part in parts) == TALK.text


def test_a_speaker_may_change_inside_a_sentence() -> None:
    parts = segments_by_speaker([TALK], {0: diarization((10, 11.8, 0), (11.8, 17, 1))}).segments
    assert [part.text for part in parts][:2] == [" Are you", " there?"]
    assert [part.speaker for part in parts] == ["A", "B", "B", "B"]


def test_what_belongs_to_no_part_alone_is_not_guessed() -> None:
    parts = segments_by_speaker([TALK], {0: diarization((10, 17, 0))}).segments
    assert [part.tokens for part in parts] == [(), (), ()]
    assert [part.logprobs for part in parts] == [TALK.logprobs, (), ()]
    whole = replace(TALK, text=" Are you there", words=TALK.words[:3])
    (only,) = segments_by_speaker([whole], {0: diarization((10, 17, 0))}).segments
    assert only == replace(whole, speaker="A")


def test_words_without_times_share_the_time_of_their_segment() -> None:
    untimed = Segment(0.0, 10.0, " One two three four", words=())
    parts = segments_by_speaker([untimed], {0: diarization((0, 5, 0), (5, 10, 1))}).segments
    assert [(part.speaker, part.text.strip()) for part in parts] == [("A", "One two"), ("B", "three four")]


def test_signs_without_spaces_are_cut_too() -> None:
    said = Segment(0.0, 4.0, "你好。我很好。", words=())
    parts = segments_by_speaker([said], {0: diarization((0, 1.7, 0), (1.7, 4, 1))}).segments
    assert [(part.speaker, part.text) for part in parts] == [("A", "你好。"), ("B", "我很好。")]


def test_abbreviations_do_not_end_a_sentence_before_a_small_letter() -> None:
    said = Segment(0.0, 4.0, " At 5 p.m. we left. Then", words=())
    parts = segments_by_speaker([said], {0: diarization((0, 4, 0))}).segments
    assert [part.text for part in parts] == [" At 5 p.m. we left.", " Then"]


def test_letters_are_in_the_order_of_appearance_over_all_channels() -> None:
    one, two = Segment(0, 1, " One", channel=1), Segment(1, 2, " Two", channel=2)
    found = {1: diarization((0, 3, 0)), 2: diarization((0, 3, 0))}
    assert [part.speaker for part in segments_by_speaker([two, one, two], found).segments] == ["A", "B", "A"]


def test_a_known_speaker_has_its_name_and_takes_no_letter() -> None:
    found = diarization((0, 1, 0), (1, 2, 1), (2, 3, 2), names=(None, "B", None))
    said = [Segment(at, at + 1, " x") for at in range(3)]
    assert [part.speaker for part in segments_by_speaker(said, {0: found}).segments] == ["A", "B", "C"]


def test_where_nobody_is_told_apart_nothing_changes() -> None:
    assert segments_by_speaker([TALK], {}).segments == (TALK,)
    assert segments_by_speaker([TALK], {0: Diarization(())}).segments == (TALK,)
    assert segments_by_speaker([Segment(0, 1, " ")], {0: diarization((0, 1, 0))}).segments[0].text == " "


def test_a_voice_has_the_label_of_its_speaker() -> None:
    voices = tuple(SpeakerVoice("", bytes([number]), float(number)) for number in range(3))
    found = replace(diarization((0, 1, 2), (1, 2, 0), names=("Ann", None, None)), voices=voices)
    spoken = segments_by_speaker([Segment(at, at + 1, " x") for at in range(2)], {0: found})
    assert [(voice.label, voice.seconds) for voice in spoken.voices] == [("A", 2.0), ("Ann", 0.0)]


def test_after_z_comes_aa() -> None:
    given = list(itertools.islice(letters(), 26 * 27 + 1))
    assert (given[0], given[25], given[26], given[27], given[51], given[52]) == ("A", "Z", "AA", "AB", "AZ", "BA")
    assert (given[26 * 27 - 1], given[26 * 27]) == ("ZZ", "AAA")
    labels = SpeakerLabels[int]({"A"})
    assert [labels.label(7), labels.label(8, "A"), labels.label(7)] == ["B", "A", "B"]
