"""Every format at every rate, decoded again and measured."""

import gc
import io
import struct
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from speechd.audio.encode import AUDIO_FORMATS, SAMPLE_RATES, mulaw
from speechd.audio.limiter import limited
from speechd.types import Samples
from tests.conftest import fixtures
from tests.support.played_audio import LOUDEST, decoded, true_peak
from tests.support.processes import eventually

PLAYED = sorted(set(AUDIO_FORMATS) - {"pcm", "basic"})
AAC_FRAME = 1024


def tone(rate: int, seconds: float = 1.5) -> Samples:
    """A 440 Hz tone at 0.7 between two silences of 0.1 s."""
    clock = np.arange(round(seconds * rate)) / rate
    sounding = (clock >= 0.1) & (clock < seconds - 0.1)
    return np.where(sounding, 0.7 * np.sin(2 * np.pi * 440 * clock), 0).astype(np.float32)


def encoded(name: str, rate: int, samples: Samples, whole: bool = False) -> bytes:
    encoder = AUDIO_FORMATS[name].open(rate, whole)
    parts = [encoder.encode(samples[at : at + 5000]) for at in range(0, len(samples), 5000)]
    return b"".join([*parts, *encoder.finish()])


def sounding(samples: Samples, rate: int) -> tuple[float, float]:
    """Seconds at which the tone begins and ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    return loud[0] / rate, (loud[-1] + 1) / rate


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("name", PLAYED)
def test_a_speech_known_whole_keeps_rate_length_and_level(name: str, rate: int) -> None:
    coded = AUDIO_FORMATS[name].coded_rate(rate)
    samples, found, _ = decoded(encoded(name, coded, tone(coded), whole=True))
    assert found == (48_000 if name == "opus" else rate)
    frame = AAC_FRAME / coded if name == "aac" else 0.03 if name == "ogg" else 0.001  # ogg: FFmpeg's own reading
    assert len(samples) / found == pytest.approx(1.5, abs=frame)
    assert sounding(samples, found) == pytest.approx((0.1, 1.4), abs=0.005)
    assert 0.6 < np.abs(samples).max() < 0.89


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
@pytest.mark.parametrize("name", PLAYED)
def test_a_stream_keeps_all_of_it(name: str, rate: int) -> None:
    coded = AUDIO_FORMATS[name].coded_rate(rate)
    samples, found, _ = decoded(encoded(name, coded, tone(coded, 5.0)))
    begin, end = sounding(samples, found)
    assert end - begin == pytest.approx(4.8, abs=0.005)
    delay = 1152 / coded if name == "mp3" else 0.005  # a streamed MP3 cannot say its encoder's delay
    assert begin == pytest.approx(0.1, abs=delay)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_vorbis_is_exact_to_its_own_library(rate: int) -> None:
    samples, found = soundfile.read(io.BytesIO(encoded("ogg", rate, tone(rate))))
    assert (len(samples), found) == (len(tone(rate)), rate)


@pytest.mark.parametrize("name", ["wav", "mulaw", "flac"])
def test_libsndfile_reads_what_is_written(name: str) -> None:
    samples, rate = soundfile.read(io.BytesIO(encoded(name, 22_050, tone(22_050), whole=name != "flac")))
    assert (len(samples), rate) == (33_075, 22_050)


def test_a_streamed_wave_says_that_its_size_is_unknown() -> None:
    data = encoded("wav", 24_000, tone(24_000))
    assert struct.unpack("<I", data[4:8]) == struct.unpack("<I", data[40:44]) == (0xFFFFFFFF,)
    assert len(data) == 44 + 2 * 36_000


def test_a_whole_wave_says_its_size() -> None:
    data = encoded("mulaw", 8000, tone(8000)[:-1], whole=True)
    assert struct.unpack("<I", data[4:8]) == (len(data) - 8,)
    assert len(data) % 2 == 0


def test_mu_law_is_that_of_g711() -> None:
    samples = np.linspace(-1, 1, 4001, dtype=np.float32)
    with av.open(io.BytesIO(encoded("mulaw", 8000, samples, whole=True))) as container:
        again = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    error = np.abs(again / 32768 - samples * 32635 / 32768)
    assert np.all(error <= np.maximum(np.abs(samples) / 30, 0.0003))  # half of one of 16 steps an octave
    codec = av.CodecContext.create("pcm_mulaw", "w")
    codec.sample_rate, codec.layout, codec.format, codec.time_base = 8000, "mono", "s16", Fraction(1, 8000)
    whole = np.rint(samples * 32635).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(whole[None], format="s16", layout="mono")
    frame.sample_rate = 8000
    theirs = np.frombuffer(b"".join(bytes(packet) for packet in codec.encode(frame)), np.uint8).astype(int)
    ours = np.frombuffer(mulaw(samples), np.uint8).astype(int)
    assert np.abs(ours - theirs).max() <= 1  # FFmpeg rounds to a table


def test_headerless_formats_are_bare_samples() -> None:
    samples = tone(24_000)
    assert encoded("pcm", 24_000, samples) == np.rint(samples * 32767).astype("<i2").tobytes()
    assert encoded("basic", 8000, tone(8000)) == mulaw(tone(8000))


@pytest.mark.parametrize("name", sorted(set(AUDIO_FORMATS) - {"flac"}))
def test_bytes_leave_while_the_speech_goes_on(name: str) -> None:
    encoder = AUDIO_FORMATS[name].open(24_000, whole=False)
    early = b"".join(encoder.encode(tone(24_000, 3.0)) for _ in range(2))
    assert len(early) > 5000
    list(encoder.finish())


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("name", PLAYED)
def test_what_the_limiter_passed_stays_below_minus_1_dbfs_when_it_is_decoded(name: str, rate: int) -> None:
    """Speech six times too loud, which is limited nearly all the time: the worst that a voice can do."""
    samples, own_rate = soundfile.read(fixtures("clean")[0].path, dtype="float32")
    loud = limited(samples * np.float32(6 / np.abs(samples).max()), own_rate)
    coded = AUDIO_FORMATS[name].coded_rate(rate)
    found, found_rate, _ = decoded(encoded(name, coded, soxr.resample(loud, own_rate, coded), whole=True))
    assert 0.6 < true_peak(found, found_rate) < LOUDEST


@pytest.mark.parametrize("name", sorted(AUDIO_FORMATS))
def test_too_loud_is_limited_not_wrapped(name: str) -> None:
    data = encoded(name, 24_000, 3 * tone(24_000), whole=True)
    if name not in ("pcm", "basic"):
        samples, _, _ = decoded(data)
        assert np.mean(np.abs(samples) > 0.5) > 0.3


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("name", AUDIO_FORMATS)
@pytest.mark.parametrize("whole", [False, True])
def test_a_speech_that_is_broken_off_leaves_no_thread_until_garbage_is_collected(name: str, whole: bool) -> None:
    """The filters in front of a codec have a thread for each CPU."""
    format_ = AUDIO_FORMATS[name]
    rate = format_.coded_rate(None)
    gc.disable()
    try:
        before = len(list(Path("/proc/self/task").iterdir()))
        for samples in (tone(rate, 0.5), tone(rate, 0.0)):
            with closing(format_.open(rate, whole)) as encoder:
                encoder.encode(samples)
        assert eventually(lambda: len(list(Path("/proc/self/task").iterdir())) <= before)
    finally:
        gc.enable()
