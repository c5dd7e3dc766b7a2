"""What a header claims and the file does not hold, and the other way round."""

import io
import struct

import numpy as np
import pytest

from speechd.audio.decode import open_audio
from speechd.audio.ffmpeg.headers import SampleData
from speechd.types import SAMPLE_RATE, Samples
from tests.support.generated_audio import encode, pcm16, tone, wav
from tests.unit.audio.test_decode import pitch

PCM = pcm16(tone(3, 16_000))
MEBI = 1 << 20


def read(data: bytes) -> tuple[Samples, bool, bool]:
    """All samples, whether the recording breaks off, and whether something is left behind it."""
    with open_audio(io.BytesIO(data)) as stream:
        samples = np.concatenate(list(stream))
        return samples, stream.truncated, stream.trailing


def judged(data: bytes) -> tuple[float, bool, bool]:
    samples, truncated, trailing = read(data)
    return len(samples) / SAMPLE_RATE, truncated, trailing


PLACEHOLDERS = [
    *(0, 0x7FFF_F000, 0x7FFF_FFFF, 0x7FFF_FFFF - 36, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FFFF - 44, 0xFFFF_FF00),
    *(2_000_000_000, 1_000_000_000, 1_000_000_000 - 44, 100_000_000, 0x3FFF_FFFF, 0x4000_0000, 64 * MEBI),
]


@pytest.mark.parametrize("size", PLACEHOLDERS)
def test_a_placeholder_is_no_length(size: int) -> None:
    assert judged(wav(PCM, size=size)) == (3.0, False, False)


@pytest.mark.parametrize("size", [96_000 * 2, 96_000 * 3 + 7, 32_000 * 3600, 48_000 * 4 * 3600 * 3, 1_999_000_000])
def test_a_size_that_somebody_measured_is_missed(size: int) -> None:
    assert judged(wav(PCM, size=size)) == (3.0, True, False)


def test_a_round_size_that_the_file_holds_is_that_size() -> None:
    data = SampleData(44, 100_000_000, 44 + 100_000_000 + 5_000)
    assert (data.endless, data.held, data.missing) == (False, 100_000_000, 0)


@pytest.mark.parametrize("missing", [1, 2, 3, 1_000, 6_000])
@pytest.mark.parametrize("container", ["wav", "aiff", "au", "caf"])
def test_less_than_a_fifth_of_a_second_is_not_missed(container: str, missing: int) -> None:
    whole = encode(tone(3, 16_000), 16_000, container, "pcm_s16le" if container == "wav" else "pcm_s16be")
    seconds, truncated, trailing = judged(whole[:-missing])
    assert (truncated, trailing) == (False, False)
    assert seconds == pytest.approx(3 - missing / 32_000, abs=1e-4)


@pytest.mark.parametrize("container", ["wav", "aiff", "au", "caf"])
def test_more_is_missed(container: str) -> None:
    whole = encode(tone(3, 16_000), 16_000, container, "pcm_s16le" if container == "wav" else "pcm_s16be")
    assert judged(whole[:-7_000])[1:] == (True, False)


def test_the_size_of_an_rf64_is_a_measured_one() -> None:
    plain, size = wav(PCM, size=0xFFFFFFFF), 5_000_000_444
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, size, size, 0, 0)
    assert judged(b"RF64" + plain[4:12] + ds64 + plain[12:]) == (3.0, True, False)


def test_a_word_in_the_tags_is_not_taken_for_the_samples() -> None:
    note = b"INFOICMT" + struct.pack("<I", 16) + b"data\xff\xff\xff\xffdata\0\0\0\0"
    whole = wav(PCM).replace(b"data", b"LIST" + struct.pack("<I", len(note)) + note + b"data", 1)
    assert judged(whole) == (3.0, False, False)
    assert judged(whole[: -len(PCM) // 2]) == (1.5, True, False)


# Behind the samples

TAGS = {
    "nothing": b"",
    "a list": b"LIST" + struct.pack("<I", 20) + b"INFOISFT\x08\0\0\0speechd\0",
    "an ID3 chunk": b"id3 " + struct.pack("<I", 30_000) + bytes(range(256)) * 117 + bytes(48),
    "ID3v1": b"TAG" + b"x" * 125,
    "ID3v2": b"ID3\x04\0\0" + bytes(range(1, 200)) * 200,
    "a list that was cut": b"LIST" + struct.pack("<I", 90_000) + b"INFO" + b"y" * 30_000,
    "zeros": bytes(100_000),
    "a list and zeros": b"LIST" + struct.pack("<I", 4) + b"INFO" + bytes(50_000),
    "a few bytes": np.random.default_rng(3).bytes(6_000),
}


@pytest.mark.parametrize("name", TAGS)
def test_tags_and_padding_are_not_missed(name: str) -> None:
    assert judged(wav(PCM) + TAGS[name]) == (3.0, False, False)


@pytest.mark.parametrize("between", [b"", b"LIST" + struct.pack("<I", 4) + b"INFO", b"\0" * 64])
def test_audio_that_the_header_does_not_count_is_said(between: bytes) -> None:
    speech = np.random.default_rng(4).bytes(20_000)
    assert judged(wav(PCM) + between + speech) == (3.0, False, True)


def test_a_header_that_was_never_brought_up_to_date_is_said() -> None:
    assert judged(wav(PCM, size=32_000)) == (1.0, False, True)


# Several


def test_recordings_one_behind_the_other_are_one() -> None:
    pieces = [wav(pcm16(tone(1, 16_000, hertz))) for hertz in (300, 500, 900)]
    samples, truncated, trailing = read(b"".join(pieces))
    assert (len(samples), truncated, trailing) == (3 * SAMPLE_RATE, False, False)
    for number, hertz in enumerate((300, 500, 900)):
        assert pitch(samples[number * SAMPLE_RATE :][:14_000]) == pytest.approx(hertz, abs=2)


@pytest.mark.parametrize("seconds", [0.05, 0.25])
def test_many_small_ones_have_no_gaps(seconds: float) -> None:
    """A streaming server's chunks, each with a header."""
    step = round(seconds * 16_000)
    voice = np.resize(tone(1, 16_000), 40 * step)
    samples, truncated, _ = read(b"".join(wav(pcm16(voice[at : at + step])) for at in range(0, len(voice), step)))
    assert not truncated
    np.testing.assert_allclose(samples, voice, atol=1e-3)


def test_they_may_differ_in_rate_and_channels() -> None:
    other = encode(tone(2, 44_100, 700), 44_100, "wav", "pcm_f32le", channels=2)
    samples, truncated, trailing = read(wav(PCM) + other)
    assert (truncated, trailing) == (False, False)
    assert len(samples) / SAMPLE_RATE == pytest.approx(5, abs=0.001)
    assert pitch(samples[-24_000:-8_000]) == pytest.approx(700, abs=2)


def test_one_that_ends_on_an_odd_byte_needs_no_padding() -> None:
    one = wav(bytes(range(1, 250)) * 33, bits=8)
    assert len(one) % 2
    assert judged(one + one)[0] == judged(one + b"\0" + one)[0] == pytest.approx(2 * 249 * 33 / 16_000, abs=1e-3)


def test_the_last_one_may_break_off_or_have_a_placeholder() -> None:
    assert judged(wav(PCM) + wav(PCM)[:48_044]) == (4.5, True, False)
    assert judged(wav(PCM) + wav(PCM, size=0xFFFF_FFFF)) == (6.0, False, False)


def test_one_that_cannot_be_read_is_said() -> None:
    assert judged(wav(PCM) + wav(PCM, rate=0)) == (3.0, False, True)


def test_the_length_that_is_expected_counts_them_all() -> None:
    with open_audio(io.BytesIO(wav(PCM) * 4)) as stream:
        assert stream.expected_seconds == pytest.approx(12, abs=0.01)


def test_a_hundred_thousand_empty_ones_end() -> None:
    """Bounded by the time that a recording's length allows; what was not reached is said."""
    whole = wav(PCM) + wav(b"\1\2") * 100_000
    with open_audio(io.BytesIO(whole), grace=0.5) as stream:
        assert 3 <= sum(map(len, stream)) / SAMPLE_RATE < 4
    assert stream.trailing
