"""Stereo whose channels cancel each other: the louder one is heard, and nothing else is changed."""

import io
from collections.abc import Callable

import numpy as np
import pytest

from speechd.types import SAMPLE_RATE, Samples
from tests.conftest import fixtures
from tests.support.generated_audio import Floats, encode, interleaved, tone, wav
from tests.unit.audio.test_apart import speechlike
from tests.unit.audio.test_decode import decoded, loudness

ONE, OTHER = speechlike(6, 1), speechlike(6, 2)


def stereo(left: Floats, right: Floats) -> Samples:
    """What is heard of both."""
    return decoded(wav(interleaved([left, right]), channels=2))[0]


@pytest.mark.parametrize("gain", [-1.0, -0.9, -1.15])
def test_an_inverted_channel_does_not_silence_the_other(gain: float) -> None:
    heard = stereo(ONE * 0.8, ONE * 0.8 * gain)
    louder = 0.8 * ONE * (1 if gain >= -1 else gain)
    np.testing.assert_allclose(heard, louder, atol=1e-3)


def floating(left: Floats, right: Floats, code: str) -> bytes:
    return wav(np.stack([left, right], axis=1).astype(code).tobytes(), channels=2, bits=int(code[2]) * 8, code=3)


def bytewise(left: Floats, right: Floats) -> bytes:
    both = np.stack([left, right], axis=1)
    return wav(np.round(both * 127 + 128).clip(0, 255).astype(np.uint8).tobytes(), channels=2, bits=8)


FORMS: dict[str, Callable[[Floats, Floats], bytes]] = {
    "float": lambda left, right: floating(left, right, "<f4"),
    "double": lambda left, right: floating(left, right, "<f8"),
    "8 bit": bytewise,
    "24 bit": lambda left, right: encode(np.stack([left, right]), 16_000, "wav", "pcm_s24le", channels=2),
    "flac": lambda left, right: encode(np.stack([left, right]), 16_000, "flac", "flac", channels=2),
    "planes": lambda left, right: encode(np.stack([left, right]), 16_000, "matroska", "alac", channels=2),
}


@pytest.mark.parametrize("name", FORMS)
def test_in_every_form_of_samples(name: str) -> None:
    samples, _ = decoded(FORMS[name](ONE, -ONE))
    np.testing.assert_allclose(samples, ONE, atol=0.02 if name == "8 bit" else 1e-3)


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("adts", "aac"), ("opus", "libopus")])
def test_after_lossy_coding(container: str, codec: str) -> None:
    voice = np.repeat(ONE, 3)
    data = encode(np.stack([voice, -voice]), 48_000, container, codec, channels=2)
    assert loudness(decoded(data)[0]) == pytest.approx(loudness(ONE), rel=0.15)


SILENT = np.zeros_like(ONE)


@pytest.mark.parametrize(
    ("left", "right"), [(ONE, OTHER), (ONE, SILENT), (SILENT, ONE), (ONE, -0.4 * ONE), (ONE, 0.5 * ONE - 0.2 * OTHER)]
)
def test_other_stereo_is_the_mean(left: Floats, right: Floats) -> None:
    np.testing.assert_allclose(stereo(left, right), (left + right) / 2, atol=1e-3)


def test_a_recording_may_turn_around_on_the_way() -> None:
    """Announcement in antiphase, then a talk in which each has a channel of his own."""
    heard = stereo(np.concatenate([ONE, ONE, SILENT]), np.concatenate([-ONE, SILENT, OTHER]))
    assert len(heard) == 18 * SAMPLE_RATE
    np.testing.assert_allclose(heard[: 6 * SAMPLE_RATE], ONE, atol=1e-3)
    np.testing.assert_allclose(heard[7 * SAMPLE_RATE : 12 * SAMPLE_RATE], ONE[SAMPLE_RATE:] / 2, atol=1e-3)
    np.testing.assert_allclose(heard[13 * SAMPLE_RATE :], OTHER[SAMPLE_RATE:] / 2, atol=1e-3)


def test_turning_around_does_not_click() -> None:
    """A low tone whose right channel is inverted from the third second on: no step is larger than the tone's own."""
    at = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    left = (0.5 * np.sin(2 * np.pi * 100 * at)).astype(np.float32)
    right = np.where(at < 3, left, -left).astype(np.float32)
    steps = np.abs(np.diff(stereo(left, right)))
    assert steps.max() < 0.06
    own = 0.5 * 2 * np.pi * 100 / SAMPLE_RATE
    assert steps.max() < 3 * own


def test_noise_of_the_converters_in_pauses_is_no_harm() -> None:
    noise = np.random.default_rng(9).normal(0, 3e-4, (2, len(ONE))).astype(np.float32)
    heard = stereo(ONE + noise[0], -ONE + noise[1])
    assert loudness(heard - ONE) < 5e-4


def test_channels_apart_stay_as_they_were() -> None:
    from tests.unit.audio.test_apart import decoded as decoded_apart

    heard = decoded_apart(wav(interleaved([ONE, -ONE]), channels=2))
    np.testing.assert_allclose(heard, np.stack([ONE, -ONE]), atol=1e-3)


def test_mono_and_many_channels_are_left_alone() -> None:
    voice = tone(2, 16_000)
    samples, _ = decoded(wav(interleaved([voice, -voice, voice]), channels=3))
    assert loudness(samples) < loudness(voice)


def test_floats_that_are_no_numbers_do_no_harm() -> None:
    left, right = ONE.copy(), -ONE
    left[20_000:40_000], right[50_000:60_000] = np.inf, np.nan
    samples, _ = decoded(floating(left, right, "<f4"))
    assert np.isfinite(samples).all()
    assert len(samples) == len(ONE)


def test_a_person_is_heard_as_in_mono() -> None:
    soundfile = pytest.importorskip("soundfile")
    voice, rate = soundfile.read(fixtures("clean")[0].path, dtype="float32")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([voice, -voice], axis=1), rate, format="FLAC")
    alone = io.BytesIO()
    soundfile.write(alone, voice, rate, format="FLAC")
    np.testing.assert_allclose(decoded(buffer.getvalue())[0], decoded(alone.getvalue())[0], atol=1e-3)
