"""Models of onnx-asr through the real library, on tiny graphs: words, times, segments, languages, and what fails."""

import json
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from speechd.asr.engine import Decoded, Job
from speechd.asr.engines.onnx_asr import OnnxAsrEngine
from speechd.asr.engines.onnx_asr_files import EUROPEAN, OnnxAsrFiles
from speechd.asr.engines.token_words import Token, cut, words_of
from speechd.errors import EngineFailure, FeatureNotInstalled
from speechd.types import SAMPLE_RATE, Samples, TranscribeOptions, Window, joined_text
from tests.support.tiny_onnx_asr import VOCABULARY, write_tiny_canary, write_tiny_gigaam, write_tiny_parakeet

pytest.importorskip("onnx_asr", reason="the extra `onnx-asr` is not installed")

LOUD = ((0.5, 1.7), (3.0, 4.2))
"""Seconds of the window in which there is sound."""


def sound(spans: tuple[tuple[float, float], ...] = LOUD, seconds: float = 5.0) -> Samples:
    """Noise at -14 dBFS in the spans, at -80 dBFS elsewhere."""
    random = np.random.default_rng(0)
    clock = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    loud = np.any([(clock >= start) & (clock < end) for start, end in spans], axis=0)
    return (random.normal(0, 1, len(clock)) * np.where(loud, 0.2, 1e-4)).astype(np.float32)


WINDOW = Window(0, sound(), LOUD)


def decode(engine: OnnxAsrEngine, window: Window = WINDOW, **options: object) -> Decoded:
    (decoded,) = engine.decode([Job(window, TranscribeOptions(**options))])  # type: ignore[arg-type]
    return decoded


@pytest.fixture
def parakeet(tmp_path: Path) -> OnnxAsrEngine:
    return OnnxAsrEngine(write_tiny_parakeet(tmp_path / "parakeet"))


@pytest.fixture
def canary(tmp_path: Path) -> OnnxAsrEngine:
    return OnnxAsrEngine(write_tiny_canary(tmp_path / "canary"))


def test_parakeet_writes_words_where_they_are_said(parakeet: OnnxAsrEngine) -> None:
    decoded = decode(parakeet, word_timestamps=True, logprobs=True)
    assert [segment.text for segment in decoded.segments] == [" Hello there."] * 2
    for segment, (start, end) in zip(decoded.segments, LOUD, strict=True):
        assert segment.start == pytest.approx(start, abs=0.08)
        assert segment.end == pytest.approx(end, abs=0.16)
        assert [word.word for word in segment.words] == ["Hello", "there."]
        assert segment.words[1].start == pytest.approx(segment.words[0].start + 4 * 0.08, abs=0.001)
        assert [token.token for token in segment.logprobs] == [" Hello", " the", "re", "."]
        assert segment.avg_logprob == pytest.approx(np.mean([token.logprob for token in segment.logprobs]))
        assert -0.2 < segment.avg_logprob < 0
        assert all(0.8 < word.probability <= 1 for word in segment.words)
    assert (decoded.language, decoded.language_probabilities) == ("en", {"en": 1.0})


def test_words_and_logprobs_only_where_asked_for(parakeet: OnnxAsrEngine) -> None:
    assert all(not segment.words and not segment.logprobs for segment in decode(parakeet).segments)


def test_gigaam_joins_letters_to_words(tmp_path: Path) -> None:
    engine = OnnxAsrEngine(write_tiny_gigaam(tmp_path / "gigaam"))
    decoded = decode(engine, word_timestamps=True, logprobs=True)
    assert [segment.text for segment in decoded.segments] == [" да", " да"]
    for segment in decoded.segments:
        assert [word.word for word in segment.words] == ["да"]
        assert b"".join(bytes(token.bytes) for token in segment.logprobs).decode() == segment.text
    assert [segment.start for segment in decoded.segments] == pytest.approx([0.5, 3.0], abs=0.04)
    assert decoded.segments[0].end < 1.5, "the last letter is not stretched over the pause"
    assert engine.languages == ("ru",)


def test_canary_is_told_the_language(canary: OnnxAsrEngine) -> None:
    assert canary.languages == EUROPEAN
    english, german = (decode(canary, language=code) for code in ("en", "de"))
    assert joined_text(english.segments) == "Hello there."
    assert (joined_text(german.segments), german.language) == ("Hallo there.", "de")
    assert decode(canary, languages=("de", "en")).language == "de"
    assert decode(canary).language == "en"
    jobs = [Job(WINDOW, TranscribeOptions(language=code)) for code in ("de", "en", "de")]
    assert [canary.group(job) for job in jobs] == ["de", "en", "de"]


def test_words_without_times_share_the_time_of_the_speech(canary: OnnxAsrEngine) -> None:
    decoded = decode(canary, language="en", word_timestamps=True)
    words = [word for segment in decoded.segments for word in segment.words]
    assert [word.word for word in words] == ["Hello", "there."]
    assert words[0].start == pytest.approx(0.5)
    for word in words:
        assert any(start <= word.start <= end for start, end in LOUD)


def test_windows_of_a_batch_do_not_disturb_each_other(tmp_path: Path) -> None:
    engine = OnnxAsrEngine(write_tiny_parakeet(tmp_path / "parakeet"), batch_size=4)
    short = Window(0, sound(((0.2, 0.8),), 1.0))
    silent = Window(0, np.zeros(SAMPLE_RATE, np.float32))
    together = engine.decode([Job(each, TranscribeOptions()) for each in (WINDOW, silent, short)])
    assert [decoded.segments for decoded in together] == [
        decode(engine, each).segments for each in (WINDOW, silent, short)
    ]
    assert [bool(decoded.segments) for decoded in together] == [True, False, True]


@pytest.mark.parametrize("size", [1, 100, 1600, 4000])
def test_the_shortest_windows(parakeet: OnnxAsrEngine, size: int) -> None:
    window = Window(0, sound(((0, 1),), 1.0)[:size])
    for segment in decode(parakeet, window, word_timestamps=True).segments:
        assert 0 <= segment.start <= segment.end <= window.duration


def test_many_threads_get_what_one_gets(parakeet: OnnxAsrEngine) -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: decode(parakeet).segments, range(8)))
    assert len(set(found)) == 1


def test_a_language_that_nobody_knows_stays_open_and_nothing_is_decoded_twice(tmp_path: Path) -> None:
    engine = OnnxAsrEngine(write_tiny_parakeet(tmp_path / "p", languages=["en", "de", "fr"]))
    assert engine.languages == ("en", "de", "fr")
    first = decode(engine)
    assert (first.language, first.language_probabilities) == ("", {"": 1.0})
    engine._model = None  # a second decoding would fail
    (again,) = engine.decode([Job(WINDOW, TranscribeOptions(), encoded=first.encoded)])
    assert again.segments == first.segments
    assert first.encoded is not None


def test_the_language_asked_for_is_taken(tmp_path: Path) -> None:
    engine = OnnxAsrEngine(write_tiny_parakeet(tmp_path / "p", languages=["en", "de", "fr"]))
    decoded = decode(engine, language="de")
    assert (decoded.language, decoded.encoded) == ("de", None)


def test_prompt_hot_words_and_temperature_change_nothing(parakeet: OnnxAsrEngine) -> None:
    plain = decode(parakeet).segments
    assert decode(parakeet, prompt="Bread.", hotwords=("bread",), temperature=0.8).segments == plain


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([" A", "b", " c"], ["Ab", "c"]),
        (["A", " b"], ["A", "b"]),
        ([" Yes", " .", " No", "!"], ["Yes.", "No!"]),
        ([" ", "д", "а", " ", "н"], ["да", "н"]),
        ([" ", " "], []),
        ([], []),
    ],
)
def test_how_tokens_become_words(tokens: list[str], words: list[str]) -> None:
    timed = words_of([Token(text, 0.1 * n, -0.1) for n, text in enumerate(tokens)], 9.0)
    assert [each.word.word for each in timed] == words
    times = [time for each in timed for time in (each.word.start, each.word.end)]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("text", "gaps", "segments"),
    [
        ("one two three", {}, ["one two three"]),
        ("One. Two three. Four", {}, ["One.", "Two three.", "Four"]),
        ("at 5 p.m. in May", {}, ["at 5 p.m. in May"]),
        ("one two three", {2: 0.9}, ["one two", "three"]),
        ("", {}, []),
    ],
)
def test_where_segments_are_cut(text: str, gaps: dict[int, float], segments: list[str]) -> None:
    clock, tokens = 0.0, []
    for number, word in enumerate(text.split()):
        clock += 0.2 + gaps.get(number, 0.0)
        tokens.append(Token(f" {word}", clock, -0.1))
    found = [" ".join(each.word.word for each in words) for words in cut(words_of(tokens, 99.0))]
    assert found == segments


# what a folder says of itself


@pytest.mark.parametrize(
    ("write", "kind", "languages"),
    [
        (write_tiny_parakeet, "nemo-conformer-tdt", ("en",)),
        (write_tiny_canary, "nemo-conformer-aed", EUROPEAN),
        (write_tiny_gigaam, "gigaam-v3-ctc", ("ru",)),
    ],
)
def test_a_folder_tells_its_family(
    tmp_path: Path, write: Callable[[Path], Path], kind: str, languages: tuple[str, ...]
) -> None:
    files = OnnxAsrFiles(write(tmp_path / "m"))
    assert files.family
    assert (files.family.type, files.languages) == (kind, languages)


def test_letters_of_the_vocabulary_tell_the_languages(tmp_path: Path) -> None:
    russian, latin = tuple("абвгд"), tuple("bcdfg")
    assert OnnxAsrFiles(write_tiny_parakeet(tmp_path / "v3", (*russian, *VOCABULARY))).languages == EUROPEAN
    (tmp_path / "ru").mkdir()
    for name, letters in (("ru", russian), ("en", latin), ("none", ("1", "2"))):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "vocab.txt").write_text("".join(f"{token} {n}\n" for n, token in enumerate((*letters, "<blk>"))))
    found = [OnnxAsrFiles(tmp_path / name).languages for name in ("ru", "en", "none", "nowhere")]
    assert found == [("ru",), ("en",), (), ()]


def test_the_smaller_weights_are_for_the_cpu(tmp_path: Path) -> None:
    folder = write_tiny_parakeet(tmp_path / "m")
    assert OnnxAsrFiles(folder).quantization("cpu") is None
    for path in list(folder.glob("*.onnx")):
        shutil.copy(path, path.with_suffix(".int8.onnx"))
    assert (OnnxAsrFiles(folder).quantization("cpu"), OnnxAsrFiles(folder).quantization("cuda")) == ("int8", None)
    for path in folder.glob("*-model.onnx"):
        path.unlink()
    assert OnnxAsrFiles(folder).quantization("cuda") == "int8"
    assert decode(OnnxAsrEngine(folder)).segments


# what fails


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx_asr", None)
    with pytest.raises(FeatureNotInstalled, match=r"speechd\[onnx-asr\]"):
        OnnxAsrEngine(write_tiny_parakeet(tmp_path / "m"))


@pytest.mark.parametrize("name", ["encoder-model.onnx", "decoder_joint-model.onnx", "vocab.txt"])
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    folder = write_tiny_parakeet(tmp_path / "m")
    (folder / name).unlink()
    with pytest.raises(EngineFailure, match=name):
        OnnxAsrEngine(folder)


def test_damaged_files_are_an_engine_failure(tmp_path: Path) -> None:
    folder = write_tiny_parakeet(tmp_path / "m")
    (folder / "encoder-model.onnx").write_bytes(b"\x0a\x05hello")
    with pytest.raises(EngineFailure, match="cannot be loaded"):
        OnnxAsrEngine(folder)


@pytest.mark.parametrize("config", ["{", "[]", '{"model_type": "nonsense"}', '{"model_type": 7}'])
def test_a_folder_of_an_unknown_kind_is_an_engine_failure(tmp_path: Path, config: str) -> None:
    folder = write_tiny_parakeet(tmp_path / "m")
    (folder / "config.json").write_text(config)
    with pytest.raises(EngineFailure, match="model_type"):
        OnnxAsrEngine(folder)


def test_weights_that_do_not_fit_the_vocabulary_are_an_engine_failure(tmp_path: Path) -> None:
    folder = write_tiny_gigaam(tmp_path / "m")
    (folder / "v3_vocab.txt").write_text("а 0\n<blk> 1\n")
    with pytest.raises(EngineFailure, match="failed on a recording"):
        decode(OnnxAsrEngine(folder))


def test_languages_of_the_configuration_that_are_none_are_left_out(tmp_path: Path) -> None:
    folder = write_tiny_parakeet(tmp_path / "m", languages=["English", "xx-nowhere", 7, "de", "de"])
    assert OnnxAsrFiles(folder).languages == ("en", "de")
    assert json.loads((folder / "config.json").read_text())["languages"]
