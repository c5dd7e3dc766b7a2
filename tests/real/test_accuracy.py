"""Nothing that people said is lost: speechd writes what plain faster-whisper writes, with Whisper's own weights."""

import statistics

import pytest

from tests.real import corpora
from tests.real.conftest import Benches, Row
from tests.real.lines import LANGUAGES, LATE_VOICES, LINES, MIXED, PAUSES, Line
from tests.real.weights import BASE, TINY_EN, Weights
from tests.support.wer import Score, matches, normalised, spoken_words

pytestmark = pytest.mark.real

AGREEMENT = 0.05
"""Word error rate between the two where there is no text, over all languages."""
AGREEMENT_OF_ONE = 0.1
"""The same in one language: 73 to 183 words, of which numbers in words or in digits are several."""


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.name}, {line.weights.name}")
def test_people_are_written_down_whole(line: Line, benches: Benches, rows: list[Row]) -> None:
    corpus, bench = line.corpus(), benches[line.weights]
    plain = bench.result("plain", corpus, **line.peer_options)
    ours = bench.result(line.way, corpus, **line.options)
    ratio = None if line.way == "http" else ours.cpu_seconds / plain.cpu_seconds
    row = Row(line, ours.score(corpus), plain.score(corpus), ratio)
    rows.append(row)
    assert beyond(row.ours.lost, row.plain.lost) == []
    assert beyond(row.ours.invented, row.plain.invented) == []
    assert row.ours.rate <= row.plain.rate + line.tolerance


@pytest.mark.parametrize("line", [*LANGUAGES, MIXED], ids=lambda line: line.name)
def test_other_languages_are_written_as_faster_whisper_does(line: Line, benches: Benches, rows: list[Row]) -> None:
    corpus, bench = line.corpus(), benches[line.weights]
    plain, ours = bench.result("alone", corpus), bench.result("speechd", corpus, **line.options)
    agreement = ours.score(corpus, plain)
    rows.append(Row(line, agreement, plain.score(corpus, plain), ours.cpu_seconds / plain.cpu_seconds))
    assert not agreement.lost
    assert not agreement.invented
    assert agreement.rate <= AGREEMENT_OF_ONE


def test_all_other_languages_together_agree_with_faster_whisper(benches: Benches) -> None:
    scores = []
    for line in (*LANGUAGES, MIXED):
        corpus, bench = line.corpus(), benches[line.weights]
        plain, ours = bench.result("alone", corpus), bench.result("speechd", corpus, **line.options)
        scores.append(ours.score(corpus, plain))
    assert sum(scores, Score(0, 0)).rate <= AGREEMENT


@pytest.mark.parametrize("line", LATE_VOICES, ids=lambda line: line.name)
def test_the_first_words_are_heard(line: Line, benches: Benches) -> None:
    corpus, bench = line.corpus(), benches[line.weights]
    theirs, ours = (bench.result(way, corpus).heard for way in ("plain", "speechd"))
    assert [spoken_words(each.text)[:5] for each in ours] == [spoken_words(each.text)[:5] for each in theirs]


@pytest.mark.parametrize("weights", [TINY_EN, BASE], ids=lambda weights: weights.name)
def test_nothing_is_written_where_nobody_speaks(weights: Weights, benches: Benches) -> None:
    corpus = corpora.no_speech()
    heard = benches[weights].result("speechd", corpus).heard
    written = {recording.name: each.text for recording, each in zip(corpus.recordings, heard, strict=True)}
    assert written == dict.fromkeys(written, "")


def test_words_begin_when_faster_whisper_says(benches: Benches) -> None:
    wanted = {"word_timestamps": True}
    (plain,), (ours,) = (benches[TINY_EN].result(way, PAUSES(), **wanted).heard for way in ("plain", "speechd"))
    theirs, mine = ([" ".join(normalised(word.word)) for word in heard.words] for heard in (plain, ours))
    pairs = [(plain.words[there], ours.words[here]) for there, here in matches(theirs, mine)]
    assert len(pairs) > 0.9 * len(plain.words)
    assert statistics.median(abs(there.start - here.start) for there, here in pairs) <= 0.05


def beyond(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[str]:
    """The runs that are not part of the peer's."""
    return [run for run in ours if not any(run in other for other in theirs)]
