"""Labels, word spans, features and figures of the training recipe."""

import json
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from models.training.asr import metrics

np = pytest.importorskip("numpy", reason="the extra 'train' is not installed")
pytest.importorskip("tokenizers", reason="the extra 'train' is not installed")

from models.training.asr import augment, config, features, labels  # noqa: E402
from models.training.asr.alignment import Aligner  # noqa: E402
from models.training.asr.labels import Segment, Task  # noqa: E402
from models.training.asr.speech.espeak import word_times  # noqa: E402
from models.training.asr.store import Store  # noqa: E402
from models.training.asr.tokens import Special  # noqa: E402
from models.training.asr.windows import LONGEST_PREVIOUS, Composer  # noqa: E402

SPECIAL = Special(
    end=100, start=101, translate=102, transcribe=103, previous=104, no_speech=105,
    no_timestamps=106, first_timestamp=1000, languages={"en": 110, "de": 111},
)  # fmt: skip


def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """Make one token a letter."""
    return [ord(c) - 32 for c in text], [(i, i + 1) for i in range(len(text))]


def test_labels_with_timestamps() -> None:
    made = labels.speech_labels(
        SPECIAL, encode, [Segment(0.5, 1.0, "a", None), Segment(2.0, 3.0, "b", None)], Task("en")
    )
    assert made.ids == [101, 110, 103, 1025, 0, 65, 1050, 1100, 0, 66, 1150, 100]
    assert made.target == [False, True, False] + [True] * 9


def test_first_start_is_at_most_one_second_and_shifts_move_the_rest() -> None:
    task = Task("de", translate=True, offset=10.0)
    made = labels.speech_labels(SPECIAL, encode, [Segment(0.0, 1.0, "a", None)], task)
    assert made.ids == [101, 111, 102, 1050, 0, 65, 1550, 100]


def test_no_timestamps_and_previous_text() -> None:
    task = Task("en", timestamps=False)
    made = labels.speech_labels(SPECIAL, encode, [Segment(0, 1, "a", None)], task, [7, 8])
    assert made.ids == [104, 7, 8, 101, 110, 103, 106, 0, 65, 100]
    assert made.target[:4] == [False] * 4


def test_of_an_utterance_that_the_window_cuts_only_the_start_is_written() -> None:
    segments = [Segment(0.5, 1.0, "a", ((0.5, 1.0),))]
    made = labels.speech_labels(SPECIAL, encode, segments, Task("en"), opened=29.0)
    assert made.ids == [101, 110, 103, 1025, 0, 65, 1050, 2450, 100]
    assert made.target[3:] == [True] * 6
    assert 8 not in made.spans, "after the start of a cut utterance nothing says where to look"


def test_long_windows_are_full_and_may_cut_their_last_utterance(tmp_path: Path) -> None:
    words = [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    row = {"language": "en", "text": "one two three four", "english": "one two three four", "kind": "domain",
           "voice": "", "words": words, "frames": 400}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps([row]))
    np.save(tmp_path / "a.npy", np.zeros((400, 80), np.float16))
    settings = replace(
        config.load().windows,
        no_speech=0.0,
        previous_text_long=0.0,
        translate=0.0,
        mix={"domain": 1.0},
        languages={"en": 1.0},
        begun=0.0,
    )
    composer = Composer(Store(tmp_path, set()), settings, SPECIAL, encode, seed=1)
    windows = [composer.window(True) for _ in range(100)]
    cut = [w for w in windows if w.labels.ids[-2] >= 1000 and w.labels.ids[-3] >= 1000]
    assert len(cut) > 5
    for window in cut:
        assert len(window.mel) == 3000
        start = (window.labels.ids[-2] - 1000) / 50
        whole = sum(token >= 1000 for token in window.labels.ids) // 2
        said = window.spoken.split()
        assert whole * 4 <= len(said) < whole * 4 + 4, "of the cut one at most the words that are heard to their end"
        assert start < 30


def test_windows_may_begin_amid_an_utterance_of_which_only_whole_words_are_written(tmp_path: Path) -> None:
    words = [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    row = {"language": "en", "text": "one two three four", "english": "one", "kind": "domain", "voice": "",
           "words": words, "frames": 400}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps([row]))
    np.save(tmp_path / "a.npy", np.zeros((400, 80), np.float16))
    settings = replace(config.load().windows, no_speech=0.0, translate=0.0, begun=1.0, mix={"domain": 1.0},
                       languages={"en": 1.0})  # fmt: skip
    composer = Composer(Store(tmp_path, set()), settings, SPECIAL, encode, seed=1)
    after = {"one": "two", "two": "three", "three": "four", "four": "one"}
    said = [composer.window(True).spoken.split() for _ in range(200)]
    assert all(after[word] == following for window in said for word, following in pairwise(window))
    assert all(sum(window[0] == word for window in said) > 20 for word in after)
    whole = Composer(composer._store, replace(settings, begun=0.0), SPECIAL, encode, seed=1)
    assert all(whole.window(True).spoken.startswith("one") for _ in range(50))


def test_a_window_of_one_kind_holds_no_other(tmp_path: Path) -> None:
    rows = [{"language": "en", "text": kind, "english": kind, "kind": kind, "voice": "", "words": None, "frames": 50}
            for kind in ("domain", "everyday")]  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(rows))
    np.save(tmp_path / "a.npy", np.zeros((100, 80), np.float16))
    mix = {"domain": 0.5, "everyday": 0.5}
    settings = replace(config.load().windows, no_speech=0.0, mix=mix, languages={"en": 1.0}, one_kind=1.0)
    store = Store(tmp_path, set())
    alike = Composer(store, settings, SPECIAL, encode, seed=1)
    assert all(len(set(alike.window(True).spoken.split())) == 1 for _ in range(30))
    mixed = Composer(store, replace(settings, one_kind=0.0), SPECIAL, encode, seed=1)
    assert any(len(set(mixed.window(True).spoken.split())) == 2 for _ in range(30))


def test_long_windows_have_earlier_text_of_any_length_or_begin_where_one_would_end(tmp_path: Path) -> None:
    row = {"language": "en", "text": "one", "english": "one", "kind": "domain", "voice": "", "words": None,
           "frames": 50}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps([row]))
    np.save(tmp_path / "a.npy", np.zeros((50, 80), np.float16))
    mix = {"domain": 1.0}
    settings = replace(config.load().windows, no_speech=0.0, mix=mix, languages={"en": 1.0}, previous_text_long=1.0)
    told = Composer(Store(tmp_path, set()), settings, SPECIAL, encode, seed=1)
    lengths = []
    for _ in range(200):
        made = told.window(True).labels
        assert made.ids[0] == SPECIAL.previous
        assert made.first == 0
        lengths.append(made.ids.index(SPECIAL.start) - 1)
    assert max(lengths) == LONGEST_PREVIOUS
    assert all(any(low < length <= low + 25 for length in lengths) for low in range(0, 200, 25))
    alone = Composer(told._store, replace(settings, previous_text_long=0.0, late=1.0), SPECIAL, encode, seed=1)
    firsts = []
    for _ in range(200):
        made = alone.window(True).labels
        assert made.ids[0] == SPECIAL.start
        assert made.first + len(made.ids) <= labels.MAX_TOKENS
        firsts.append(made.first)
    assert min(firsts) < 25
    assert max(firsts) > 200


def test_a_second_file_of_settings_takes_the_place_of_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text("[training]\nminutes = 1.5\n")
    assert replace(config.load().training, minutes=1.5) == config.load(tmp_path / "short.toml").training


def test_silence_is_marked_or_ends_at_once() -> None:
    assert labels.silence_labels(SPECIAL, Task("en"), marked=True).ids == [101, 105]
    assert labels.silence_labels(SPECIAL, Task("en"), marked=False).ids == [
        101, 110, 103, 1000, 100,
    ]  # fmt: skip


def test_letters_share_the_time_of_their_word() -> None:
    times = labels.token_times(" ab c", [(0, 1), (1, 3), (3, 5)], [(1.0, 1.6), (2.0, 2.4)])
    assert np.ravel(times) == pytest.approx([1.0, 1.2, 1.2, 1.6, 2.0, 2.4])


def test_spans_point_at_the_text_tokens() -> None:
    made = labels.speech_labels(SPECIAL, encode, [Segment(0.0, 1.0, "ab", ((0.1, 0.7),))], Task("en"))
    assert sorted(made.spans) == [4, 5, 6, 8]
    assert made.spans[6] == pytest.approx((0.5, 0.7))
    assert made.ids[8] == SPECIAL.end
    assert made.spans[8] == pytest.approx((1.0, 1.5))


def test_words_of_a_translation_are_heard_where_they_come_from() -> None:
    segment = Segment(0.0, 1.0, "ab c", ((0.6, 0.9), None), translated=True)
    made = labels.speech_labels(SPECIAL, encode, [segment], Task("de", translate=True))
    assert {i: made.spans[i] for i in sorted(made.spans)} == {
        4: (0.6, 0.9),
        5: (0.6, 0.9),
        6: (0.6, 0.9),
        10: (1.0, 1.5),
    }


def test_the_aligner_finds_what_a_translated_word_comes_from() -> None:
    nouns = {"gato": "cat", "perro": "dog", "libro": "book", "tren": "train"}
    colours = {"rojo": "red", "verde": "green", "sesenta y uno": "sixty-one", "negro": "black"}
    sentences = [(f"El {n} {c}.", f"The {colours[c]} {nouns[n]}.") for n in nouns for c in colours]
    aligner = Aligner.learn(sentences)
    assert aligner.align("El libro verde.", "The green book.") == [None, (2, 2), (1, 1)], (
        "every sentence has its article"
    )
    assert aligner.align("El tren sesenta y uno.", "The sixty-one train.") == [None, (2, 4), (1, 1)]
    assert aligner.align("El gato.", "The house.") == [None, None]


def test_espeak_events_become_word_times() -> None:
    events = [(0, 0), (4, 300), (11, 600), (15, 900)]
    assert word_times("the twenty-one cats", events, 1.5) == [(0.0, 0.3), (0.3, 0.9), (0.9, 1.5)]
    assert word_times("no event", [(0, 0)], 1.0) is None


@pytest.mark.parametrize(
    ("reference", "hypothesis", "rate"),
    [("a b c d", "a b c d", 0.0), ("a b c d", "A, b x", 0.5), ("a", "a b c", 2.0), ("a b", "", 1.0)],
)
def test_word_error_rate(reference: str, hypothesis: str, rate: float) -> None:
    assert metrics.word_error_rate([reference], [hypothesis]) == rate


def test_exact_separation_and_spread() -> None:
    assert metrics.exact(["Hello, you.", "no"], ["hello you", "yes"]) == 0.5
    assert metrics.separation([3.0, 2.0], [1.0, 2.0]) == 0.875
    assert metrics.Spread.of([3.0, 1.0, 2.0]).median == 2.0


def test_mel_frames_are_ten_milliseconds_and_normalise_to_two_at_most() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000).astype(np.float32)
    mel = features.log_mel(tone)
    assert mel.shape == (100, 80)
    scaled = features.normalise(mel)
    assert scaled.max() - scaled.min() == pytest.approx(2.0, abs=1e-5)


def test_resampling_keeps_length_and_pitch() -> None:
    tone = np.sin(2 * np.pi * 300 * np.arange(22050) / 22050).astype(np.float32)
    out = features.resample(tone, 22050)
    assert abs(len(out) - 16000) <= 1
    spectrum = np.abs(np.fft.rfft(out, 16000))
    assert int(spectrum.argmax()) == 300


def test_noise_is_added_at_the_level_asked_for() -> None:
    mel = np.zeros((200, 80), np.float32)
    noise = augment.noise(200, random.Random(1))
    added = np.log10(10 ** augment.add_noise(mel, noise, 1.0) - 10**mel)
    assert augment.mean_level(added) == pytest.approx(-1.0, abs=0.01)


def test_sounds_without_speech_have_the_frames_asked_for() -> None:
    for seed in range(40):
        sound = augment.without_speech(123, random.Random(seed))
        assert sound.shape == (123, 80)
        assert np.isfinite(sound).all()


def test_tones_are_heard_in_few_bands() -> None:
    for seed in range(40):
        power = 10 ** augment.tones(200, random.Random(seed)).astype(float)
        loudest = np.sort(power.sum(0))[::-1]
        assert loudest[:24].sum() > 0.9 * loudest.sum()


def test_speed_moves_the_word_times() -> None:
    mel = np.zeros((100, 80), np.float32)
    rng = random.Random(0)
    changed = [augment.speaker(mel, [(0.2, 0.4)], rng) for _ in range(60)]
    for result, spans in changed:
        assert spans is not None
        assert spans[0][1] / len(result) == pytest.approx(0.4 / 100, rel=0.02)
