"""The Whisper engine on the embedded model: batches, context, prompts, word times."""

from dataclasses import replace

import numpy as np
import pytest
from faster_whisper import WhisperModel, decode_audio

from speechd.asr.engine import Job
from speechd.asr.engines.whisper import WhisperEngine
from speechd.asr.engines.whisper_decoding import PROMPT_TOKENS
from speechd.errors import EngineFailure, Unprocessable
from speechd.registry.registry import shipped_models
from speechd.types import MAX_PROMPT_CHARACTERS, TranscribeOptions, Window
from tests.conftest import Fixture, fixtures
from tests.support.wer import normalised, word_errors

FOLDER = shipped_models() / "whisper-pocket"
LANGUAGES = ("en", "es", "de", "fr")
SOME = fixtures("clean")[::3]
"""A few in each language, for what is slow."""
SAMPLES = pytest.mark.parametrize("clips", [SOME[::3], pytest.param(SOME, marks=pytest.mark.grid)], ids=["few", "more"])


@pytest.fixture(scope="module")
def engine() -> WhisperEngine:
    return WhisperEngine(FOLDER, context_margin=0.5, languages=LANGUAGES)


@pytest.fixture(scope="module")
def padded() -> WhisperEngine:
    return WhisperEngine(FOLDER, languages=LANGUAGES)


def window(fixture: Fixture, speech: tuple[tuple[float, float], ...] = ()) -> Window:
    return Window(0, decode_audio(str(fixture.path)), speech)


def test_it_knows_the_languages_of_its_vocabulary() -> None:
    assert set(LANGUAGES) <= set(WhisperEngine(FOLDER).languages)


@pytest.mark.parametrize(
    "clips", [fixtures("clean")[::2], pytest.param(fixtures("clean"), marks=pytest.mark.grid)], ids=["half", "all"]
)
@pytest.mark.slow
def test_a_batch_gives_what_each_window_gives_alone(engine: WhisperEngine, clips: list[Fixture]) -> None:
    options = TranscribeOptions(word_timestamps=True)
    jobs = [Job(window(fixture), options) for fixture in clips]
    groups = {engine.group(job) for job in jobs}
    for group in groups:
        members = [job for job in jobs if engine.group(job) == group]
        together = engine.decode(members)
        for job, one in zip(members, together, strict=True):
            (alone,) = engine.decode([job])
            assert [s.text for s in one.segments] == [s.text for s in alone.segments]
            assert one.language == alone.language
            assert [w.start for s in one.segments for w in s.words] == pytest.approx(
                [w.start for s in alone.segments for w in s.words], abs=0.041
            )
    assert len(groups) < len(jobs) / 2, "clips of about the same length share a batch"


@SAMPLES
@pytest.mark.slow
def test_padded_to_30_s_it_says_what_faster_whisper_says(padded: WhisperEngine, clips: list[Fixture]) -> None:
    theirs = WhisperModel(str(FOLDER), device="cpu", compute_type="int8", cpu_threads=1)
    same = 0
    for fixture in clips:
        (ours,) = padded.decode([Job(window(fixture), TranscribeOptions())])
        segments, _ = theirs.transcribe(decode_audio(str(fixture.path)), vad_filter=False)
        same += "".join(s.text for s in segments) == "".join(s.text for s in ours.segments)
    assert same >= 0.95 * len(clips)


@SAMPLES
@pytest.mark.slow
def test_a_short_context_changes_no_word(engine: WhisperEngine, padded: WhisperEngine, clips: list[Fixture]) -> None:
    errors = 0
    for fixture in clips:
        (short,), (full,) = (one.decode([Job(window(fixture), TranscribeOptions())]) for one in (engine, padded))
        text = ["".join(s.text for s in decoded.segments) for decoded in (full, short)]
        errors += word_errors(*text)[0]
    assert errors <= 1


def test_tasks_and_languages_mix_in_one_batch(engine: WhisperEngine) -> None:
    spanish = next(f for f in fixtures("clean") if f.language == "es" and "hard" not in f.tags)
    tasks = [TranscribeOptions(), TranscribeOptions(task="translate", language="es"), TranscribeOptions(language="es")]
    heard, english, given = engine.decode([Job(window(spanish), options) for options in tasks])
    assert normalised(heard.segments[0].text) == normalised(given.segments[0].text) == normalised(spanish.text)
    assert normalised(english.segments[0].text) == normalised(spanish.english or "")
    assert (heard.language, given.language_probabilities) == ("es", {"es": 1.0})


def test_what_was_encoded_is_not_encoded_again(engine: WhisperEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(window(fixtures()[0]), TranscribeOptions())
    (first,) = engine.decode([job])
    monkeypatch.setattr(engine, "_features", lambda job: pytest.fail("features were computed again"))
    (again,) = engine.decode([Job(job.window, TranscribeOptions(language="en"), encoded=first.encoded)])
    assert again.segments[0].text == first.segments[0].text


def test_words_keep_to_the_speech(engine: WhisperEngine, english: Fixture) -> None:
    end = english.words[-1]["end"]
    speech = ((english.words[0]["start"], end),)
    (decoded,) = engine.decode([Job(window(english, speech), TranscribeOptions(word_timestamps=True))])
    words = decoded.segments[0].words
    assert words[0].start >= speech[0][0]
    assert words[-1].end <= end
    assert all(0 < word.probability <= 1 for word in words)


def test_only_the_end_of_a_long_prompt_counts(engine: WhisperEngine) -> None:
    long = TranscribeOptions(language="en", prompt="The garden is green. " * 500, hotwords=("Laura",) * 300)
    prompt = engine._decoder.prompt(Job(window(fixtures()[0]), long))
    assert len(prompt) == 224
    ending = engine._decoder.prompt(Job(window(fixtures()[0]), TranscribeOptions(prompt="The garden is green.")))[1:]
    assert prompt[-len(ending) :] == ending


def test_a_given_temperature_is_used_and_reported(engine: WhisperEngine, english: Fixture) -> None:
    (decoded,) = engine.decode([Job(window(english), TranscribeOptions(language="en", temperature=0.5))])
    assert {segment.temperature for segment in decoded.segments} == {0.5}


def test_nothing_in_nothing(engine: WhisperEngine) -> None:
    silence = Window(0, np.zeros(16_000, np.float32))
    (decoded,) = engine.decode([Job(silence, TranscribeOptions(language="en", word_timestamps=True))])
    assert decoded.segments == ()


def test_no_log_probabilities_of_no_text(engine: WhisperEngine) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    (decoded,) = engine.decode([Job(Window(0, noise, ((0.0, 1.0),)), TranscribeOptions(language="en", logprobs=True))])
    assert decoded.segments == ()


def test_a_broken_folder_is_an_engine_failure(tmp_path: object) -> None:
    with pytest.raises(EngineFailure, match="could not be loaded"):
        WhisperEngine(FOLDER.parent)


@pytest.mark.parametrize(
    ("options", "param"),
    [(TranscribeOptions(language="ja"), "language"), (TranscribeOptions(languages=("en", "ja")), "languages")],
)
def test_a_language_that_it_does_not_know_is_named(
    engine: WhisperEngine, english: Fixture, options: TranscribeOptions, param: str
) -> None:
    with pytest.raises(Unprocessable, match="`ja`") as refusal:
        engine.decode([Job(window(english), options)])
    assert refusal.value.param == param


@pytest.mark.parametrize("text", ["The ferry leaves at nine. ", "На озере лёд. ", "湖の上の氷。", "a" * 9, "1 2 3 "])
def test_the_end_of_a_long_prompt_has_the_same_tokens(engine: WhisperEngine, text: str) -> None:
    """What is cut off before tokenising would not have been used."""
    heard = window(SOME[0])
    tokens = [
        engine._decoder.prompt(Job(heard, TranscribeOptions(language="en", prompt=text * (size // len(text)))))
        for size in (MAX_PROMPT_CHARACTERS // 2, 20 * MAX_PROMPT_CHARACTERS)
    ]
    assert tokens[0] == tokens[1]
    assert len(tokens[0]) == 1 + PROMPT_TOKENS


@pytest.mark.slow
def test_a_callers_text_is_tokenised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many windows a recording has, and however often each is looked at."""
    engine = WhisperEngine(FOLDER, context_margin=0.5, languages=LANGUAGES)
    tokenised: list[str] = []
    tokenizer = engine._tokenizer("transcribe", "en")
    encode = tokenizer.encode
    monkeypatch.setattr(tokenizer, "encode", lambda text: tokenised.append(text) or encode(text))
    jobs = [Job(window(each), TranscribeOptions(language="en", prompt="Ada.", hotwords=("Ada", "Bo"))) for each in SOME]
    for job in jobs:
        engine.group(job)
    engine.decode(jobs[:1])
    assert [text for text in tokenised if "Ada" in text] == [" Ada, Bo", " Ada."]


def test_only_english_is_decoded_short_where_short_windows_were_not_learned(engine: WhisperEngine) -> None:
    stranger = WhisperEngine(FOLDER, context_margin=3.0, languages=LANGUAGES)
    german = window(next(f for f in fixtures("clean") if f.language == "de"))
    told, found = (Job(german, TranscribeOptions(language=language)) for language in ("de", None))
    english = Job(window(fixtures()[0]), TranscribeOptions(language="en"))
    assert stranger.group(replace(told, context="full")) == stranger.group(told)
    assert len({stranger.group(replace(english, context=context)) for context in ("short", "wide", "full")}) == 3
    assert engine.group(replace(english, context="wide")) == engine.group(replace(english, context="full"))
    assert engine.group(replace(told, context="full")) != engine.group(told)
    (doubted,) = stranger.decode([found])
    (trusted,) = stranger.decode([replace(found, context="full")])
    assert (doubted.doubt, trusted.doubt, trusted.language) == ("foreign", "", "de")
    length = max(len(german.samples), len(english.window.samples))
    padded = [np.pad(each.samples, (0, length - len(each.samples))) for each in (german, english.window)]
    mixed = [Job(Window(0, samples, ()), TranscribeOptions()) for samples in padded]
    first, second = stranger.decode(mixed)
    assert (first.doubt, first.segments, second.language) == ("foreign", (), "en")
    (alone,) = stranger.decode(mixed[1:])
    assert [segment.text for segment in second.segments] == [segment.text for segment in alone.segments] != []
