"""Channels that stay apart: each as it was recorded, in one pass, however they are stored."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from speechd.audio.decode import open_audio
from speechd.audio.duplicate_channels import DuplicateChannelFilter, is_copy
from speechd.audio.windows import Packing, cut_windows
from speechd.errors import InvalidRequest, SpeechdError, TooLarge
from speechd.types import SAMPLE_RATE, Samples
from tests.conftest import FIXTURES
from tests.support.generated_audio import encode, interleaved, tone, wav
from tests.unit.audio.test_windows import VAD, loud, recording


def decoded(data: bytes, **limits: float) -> Samples:
    with open_audio(io.BytesIO(data), apart=True, **limits) as stream:
        chunks = list(stream)
        assert stream.seconds == sum(chunk.shape[1] for chunk in chunks) / SAMPLE_RATE
    return np.concatenate(chunks, axis=1)


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 8])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_each_channel_is_as_it_was_recorded(channels: int, rate: int) -> None:
    voices = [tone(2, rate, 300 + 100 * number) for number in range(channels)]
    heard = decoded(wav(interleaved(voices), rate=rate, channels=channels))
    assert heard.shape == (channels, 2 * SAMPLE_RATE)
    for number, samples in enumerate(heard):
        true = tone(2, SAMPLE_RATE, 300 + 100 * number)
        np.testing.assert_allclose(samples[100:28_000], true[100:28_000], atol=5e-3)


@pytest.mark.parametrize("channels", [9, 64])
def test_too_many_channels_are_refused_by_name(channels: int) -> None:
    with pytest.raises(InvalidRequest, match=f"{channels} channels; at most 8") as refusal:
        decoded(wav(interleaved([tone(1, 16_000)] * channels), channels=channels))
    assert refusal.value.param == "channels"


def test_channels_that_come_and_go_are_refused_by_name() -> None:
    """Two Ogg streams in a row, as radio recorders chain them."""
    mono, stereo = (encode(tone(1, 48_000), 48_000, "ogg", "flac", channels=number) for number in (1, 2))
    with pytest.raises(InvalidRequest, match="changes from 1 to 2 channels") as refusal:
        decoded(mono + stereo)
    assert refusal.value.param == "channels"


def test_the_limit_of_length_is_the_recordings() -> None:
    data = wav(interleaved([tone(6, 16_000)] * 2), channels=2)
    assert decoded(data, max_seconds=6).shape[1] == 6 * SAMPLE_RATE
    with pytest.raises(TooLarge):
        decoded(data, max_seconds=5)


def judged(data: bytes, apart: bool) -> tuple[str, float, bool]:
    """What becomes of a recording: its error or "", its length, and whether it breaks off."""
    try:
        with open_audio(io.BytesIO(data), apart=apart) as stream:
            samples = sum(chunk.shape[-1] for chunk in stream)
            return "", samples, stream.truncated
    except SpeechdError as error:
        return error.error_code or "", 0, False


@pytest.mark.parametrize("path", sorted((FIXTURES / "broken").glob("*.*")), ids=lambda path: path.name)
def test_broken_and_hostile_files_are_judged_as_when_they_are_mixed(path: Path) -> None:
    assert judged(path.read_bytes(), apart=True) == judged(path.read_bytes(), apart=False)


# Copies


def speechlike(seconds: float, seed: int) -> Samples:
    """Noise that swells and fades like syllables, with pauses between words."""
    random = np.random.default_rng(seed)
    clock = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    loudness = np.clip(np.sin(2 * np.pi * 3 * clock + seed) * (np.sin(2 * np.pi * 0.4 * clock + seed) + 0.6), 0, None)
    smooth = np.convolve(random.normal(0, 1, len(clock)), np.ones(8) / 8, mode="same")
    return (0.3 * loudness * smooth).astype(np.float32)


ONE, OTHER = speechlike(20, 1), speechlike(20, 2)


def stored(left: Samples, right: Samples, container: str, codec: str) -> Samples:
    """Both channels as they come back from a file."""
    both = np.repeat(np.stack([left, right]), 3, axis=1)  # 48 kHz, which every codec takes
    return decoded(encode(both, 48_000, container, codec, channels=2))


CODECS = [("flac", "flac"), ("mp3", "libmp3lame"), ("opus", "libopus"), ("adts", "aac"), ("asf", "wmav2")]


def through(chunks: np.ndarray, seconds: float = 5) -> tuple[Samples, int]:
    """What is left of a recording, and how many channels it counts as."""
    copies, size = DuplicateChannelFilter(), round(seconds * SAMPLE_RATE)
    pieces = (chunks[:, start : start + size] for start in range(0, chunks.shape[1], size))
    return np.concatenate(list(copies.silenced(pieces)), axis=1), copies.apart


@pytest.mark.parametrize(("container", "codec"), CODECS)
@pytest.mark.parametrize("gain", [1.0, 0.7, -1.0])
def test_one_voice_on_two_channels_is_heard_once(container: str, codec: str, gain: float) -> None:
    left, count = through(stored(ONE, gain * ONE, container, codec))
    assert count == 1
    assert np.abs(left[0]).max() > 0.1
    assert not left[1].any()


@pytest.mark.parametrize(("container", "codec"), CODECS)
def test_two_voices_are_two_channels_whatever_the_codec_mixes(container: str, codec: str) -> None:
    left, count = through(stored(ONE, OTHER, container, codec))
    assert count == 2
    assert all(np.abs(channel).max() > 0.1 for channel in left)


def test_an_echo_of_the_other_side_is_no_copy() -> None:
    assert not is_copy(ONE + 0.1 * OTHER, OTHER + 0.1 * ONE)
    assert not is_copy(0.1 * ONE, ONE)
    assert not is_copy(np.zeros_like(ONE), ONE)


def test_a_word_on_one_side_only_is_kept() -> None:
    """Both sides hear an announcement, and one of them says something short into it."""
    word = np.zeros_like(ONE)
    word[5 * SAMPLE_RATE : round(5.4 * SAMPLE_RATE)] = tone(0.4, SAMPLE_RATE, 200) / 4
    assert is_copy(ONE, ONE)
    assert not is_copy(ONE, ONE + word)


def test_an_announcement_on_both_sides_is_heard_once_and_the_call_after_it_apart() -> None:
    left, count = through(np.stack([np.concatenate([ONE, ONE]), np.concatenate([ONE, OTHER])]))
    assert count == 2
    assert not left[1, : 20 * SAMPLE_RATE].any()
    np.testing.assert_array_equal(left[1, 20 * SAMPLE_RATE :], OTHER)


def test_silence_is_one_channel_and_mono_stays_mono() -> None:
    assert through(np.zeros((4, SAMPLE_RATE), np.float32))[1] == 1
    assert through(ONE[None])[1] == 1
    copies = DuplicateChannelFilter()
    (mono,) = copies.silenced([ONE])
    assert mono is ONE
    assert copies.apart == 1


def test_the_fixtures_call_is_two_channels() -> None:
    assert through(decoded((FIXTURES / "channels" / "call.opus").read_bytes()))[1] == 2
    assert through(decoded((FIXTURES / "formats" / "stereo.wav").read_bytes()))[1] == 1


# Windows


def test_windows_of_each_channel_say_what_cannot_come_before_the_next() -> None:
    left = recording(("speech", 2), ("pause", 4), ("speech", 25), ("pause", 9), ("speech", 1))
    right = recording(("pause", 4), ("speech", 1), ("pause", 30), ("speech", 2), ("pause", 4))
    both = np.stack([left, right])
    chunks = (both[:, start : start + 40_000] for start in range(0, both.shape[1], 40_000))
    windows = list(cut_windows(chunks, lambda: loud, Packing(max_seconds=10), VAD))
    assert {window.channel for window in windows} == {1, 2}
    for number, window in enumerate(windows[:-1]):
        assert window.horizon <= min(later.start for later in windows[number + 1 :])
        piece = both[window.channel - 1, round(window.start * SAMPLE_RATE) :][: len(window.samples)]
        np.testing.assert_array_equal(window.samples[: len(piece)], piece)
    assert windows[-1].horizon == float("inf")
    for channel in (1, 2):
        mine = [window for window in windows if window.channel == channel]
        assert all(one.start + one.duration <= two.start + 1e-6 for one, two in itertools.pairwise(mine))


def test_a_silent_channel_holds_nothing_up() -> None:
    """The other one's windows are settled long before the recording ends."""
    asked = 0

    def endless() -> Iterator[Samples]:
        nonlocal asked
        while True:
            asked += 1
            speech = recording(("speech", 3), ("pause", 3))
            yield np.stack([speech, np.zeros_like(speech)])

    windows = cut_windows(endless(), lambda: loud, Packing(max_seconds=10, max_gap=1), VAD)
    for number, window in zip(range(20), windows, strict=False):
        assert window.horizon >= window.start + window.duration - 0.2, number
        assert asked * 6 <= window.start + 20
