"""A long first sentence is spoken in parts, to be heard sooner; with the embedded voice nobody hears the joins."""

import itertools

import numpy as np
import pytest

from speechd.testing.fake_engines import FakeTts
from speechd.tts.admission import SentenceThreads
from speechd.tts.engine import VoiceInfo
from speechd.tts.engines.piper import PiperEngine
from speechd.tts.engines.piper_files import VoiceFiles
from speechd.tts.synthesizer import QUIET_SAMPLE, LocalSpeaker
from speechd.tts.text import Reader
from speechd.types import SpeechOptions, SpeechPart
from tests.conftest import ROOT
from tests.support.joins import measured_join, spoken

VOICE = ROOT / "models" / "en_US-pocket-x_low"
FIRST, SECOND = "When the ferry finally left the harbour,", "everyone on deck turned to look back at the town."
LONG = (
    "The committee, which had been meeting in secret since the beginning of the year, decided in the end, after a long"
    " and bitter debate about the money, that nothing should be done before the new members had been chosen."
)


def pieces(text: str) -> list[tuple[str, bool]]:
    reader = Reader(VoiceInfo(sample_rate=16_000, language="en"), {})
    return [(piece.text, piece.continued) for piece in reader.pieces(text)]


def test_a_long_first_sentence_is_cut_at_its_first_clause() -> None:
    assert pieces(f"{FIRST} {SECOND} And on.") == [(FIRST, True), (SECOND, False), ("And on.", False)]


def test_later_parts_grow_so_that_each_is_ready_in_time() -> None:
    sizes = [len(text) for text, _ in pieces(LONG)]
    assert len(sizes) > 1
    assert all(size >= 20 for size in sizes)
    assert all(after <= 4 * before for before, after in itertools.pairwise(sizes))
    assert " ".join(text for text, _ in pieces(LONG)) == LONG


@pytest.mark.parametrize(
    "text",
    [
        "Well, this sentence is short.",
        "A long first sentence without any clause in it is spoken in one go as it always was before.",
        "It happened on the evening of November 20, 2026",
        f"Short. {FIRST} {SECOND}",
    ],
)
def test_other_sentences_stay_whole(text: str) -> None:
    assert not any(continued for _, continued in pieces(text))


@pytest.fixture(scope="module")
def voice() -> PiperEngine:
    files = VoiceFiles.in_folder(VOICE)
    assert files
    return PiperEngine(files)


async def test_nothing_is_heard_of_a_join(voice: PiperEngine) -> None:
    join = await measured_join(voice, FIRST, SECOND)
    assert join.level < 2
    assert join.jump < 0.01 < join.loudest_jump
    assert join.gap < join.usual_gap + 0.15


async def test_words_keep_their_time_where_a_pause_was_cut(voice: PiperEngine) -> None:
    audio, parts = await spoken(voice, f"{FIRST} {SECOND}")
    words = [word for part in parts for word in part.words]
    assert [word.word for word in words] == f"{FIRST} {SECOND}".split()
    assert all(before.end <= after.start + 1e-6 for before, after in itertools.pairwise(words))
    assert words[-1].end <= len(audio) / voice.info.sample_rate
    rate = voice.info.sample_rate
    first = words[len(FIRST.split())]
    assert np.abs(audio[round(first.start * rate) : round(first.end * rate)]).max() > 10 * QUIET_SAMPLE


async def test_the_first_clause_leaves_before_the_rest_is_spoken() -> None:
    engine = FakeTts()
    speaker = LocalSpeaker("fake", engine, None, SentenceThreads(1), 10_000)
    first = await anext(speaker.stream(f"{FIRST} {SECOND}", SpeechOptions("pcm", 16_000)))
    assert isinstance(first, SpeechPart)
    assert first.audio
    assert engine.said[0] == FIRST
    speaker.threads.close()
