"""Decoding: what goes in, how long it is, where it sits on the clock, and what is refused."""

import contextlib
import io
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import pytest

from speechd.audio.decode import open_audio
from speechd.audio.ffmpeg.containers import FORMAT_WHITELIST
from speechd.audio.ffmpeg.ffmpeg_input import CpuBudget, FFmpegInput
from speechd.audio.ffmpeg.resample import SampleClock
from speechd.audio.ffmpeg.stream import open_stream
from speechd.audio.ffmpeg.tracks import CONTAINER_OPTIONS, Track
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.errors import (
    InternalError,
    InvalidAudio,
    InvalidRequest,
    SpeechdError,
    TooLarge,
    UnsupportedAudioFormat,
)
from speechd.types import SAMPLE_RATE, Clip, Samples
from tests.support.dts_core import dts_tone
from tests.support.generated_audio import encode, interleaved, m2ts, pcm16, tone, wav

SECONDS = 7.31
PCM16 = pcm16(tone(SECONDS, 16_000))


def decoded(data: bytes, **limits: Any) -> tuple[Samples, bool]:
    """All samples, and whether the recording breaks off."""
    with open_audio(io.BytesIO(data), **limits) as stream:
        chunks = list(stream)
        assert stream.seconds == sum(map(len, chunks)) / SAMPLE_RATE
        return np.concatenate(chunks), stream.truncated


def pitch(samples: Samples) -> float:
    """The strongest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 15))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / (1 << 15)


def loudness(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


CODED = {
    # name: (container, codec, rate, tolerance in seconds where the format has no notion of its exact end)
    "flac": ("flac", "flac", 44_100, 0),
    "mp3": ("mp3", "libmp3lame", 44_100, 0),
    "mp3-8k": ("mp3", "libmp3lame", 8_000, 0),
    "mpga": ("mp2", "mp2", 44_100, 0.04),
    "mpeg": ("mpeg", "mp2", 44_100, 0.04),
    "m4a": ("ipod", "aac", 48_000, 0.03),
    "mp4": ("mp4", "aac", 44_100, 0.03),
    "mov": ("mov", "pcm_s16le", 22_050, 0),
    "alac": ("ipod", "alac", 44_100, 0),
    "3gp": ("3gp", "aac", 16_000, 0.07),
    "ogg-flac": ("ogg", "flac", 32_000, 0),
    "opus": ("opus", "libopus", 48_000, 0),
    "opus-16k": ("ogg", "libopus", 16_000, 0),
    "webm": ("webm", "libopus", 48_000, 0),
    "matroska": ("matroska", "flac", 48_000, 0),
    "aac": ("adts", "aac", 44_100, 0.06),
    "aiff": ("aiff", "pcm_s16be", 44_100, 0),
    "wma": ("asf", "wmav2", 44_100, 0.07),
    "caf": ("caf", "pcm_s16be", 44_100, 0),
    "au": ("au", "pcm_s16be", 44_100, 0),
    "amr": ("amr", "libopencore_amrnb", 8_000, 0.04),
    "avi": ("avi", "libmp3lame", 44_100, 0.06),
    "avi-pcm": ("avi", "pcm_s16le", 16_000, 0),
    "flv": ("flv", "aac", 44_100, 0.03),
    "flv-mp3": ("flv", "libmp3lame", 22_050, 0.06),
    "flv-nellymoser": ("flv", "nellymoser", 22_050, 0.03),
    "ac3": ("ac3", "ac3", 48_000, 0.04),
    "eac3": ("eac3", "eac3", 48_000, 0.04),
    "ts": ("mpegts", "aac", 48_000, 0.03),
    "ts-ac3": ("mpegts", "ac3", 48_000, 0.04),
    "w64": ("w64", "pcm_s24le", 96_000, 0),
    "wav": ("wav", "pcm_s16le", 11_025, 0),
    "wav-24": ("wav", "pcm_s24le", 44_100, 0),
    "wav-float": ("wav", "pcm_f32le", 48_000, 0),
    "wav-8": ("wav", "pcm_u8", 8_000, 0),
    "wav-mulaw": ("wav", "pcm_mulaw", 8_000, 0),
    "wav-alaw": ("wav", "pcm_alaw", 8_000, 0),
}


@pytest.mark.parametrize("name", CODED)
def test_every_accepted_format_keeps_its_length_pitch_and_end(name: str) -> None:
    container, codec, rate, tolerance = CODED[name]
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV cannot write {codec}")
    data = encode(tone(SECONDS, rate), rate, container, codec)
    samples, truncated = decoded(data)
    assert samples.dtype == np.float32
    assert not truncated
    assert abs(len(samples) / SAMPLE_RATE - SECONDS) <= tolerance + 2 / SAMPLE_RATE
    assert pitch(samples[16_000:32_000]) == pytest.approx(440, abs=2)
    assert loudness(samples[16_000:32_000]) == pytest.approx(0.4 / 2**0.5, rel=0.15)
    end = samples[: round(SECONDS * SAMPLE_RATE)][-1200:]
    assert pitch(end) == pytest.approx(1320, abs=30)
    assert loudness(end) > 0.12


def test_vorbis() -> None:
    soundfile = pytest.importorskip("soundfile")
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(SECONDS, 44_100), 44_100, format="OGG", subtype="VORBIS")
    samples, truncated = decoded(buffer.getvalue())
    assert (len(samples), truncated) == (round(SECONDS * SAMPLE_RATE), False)


def test_dts() -> None:
    samples, truncated = decoded(dts_tone(3))
    assert not truncated
    assert len(samples) / SAMPLE_RATE == pytest.approx(3, abs=0.006)  # whole frames
    assert pitch(samples[16_000:32_000]) == pytest.approx(440, abs=2)
    assert loudness(samples[16_000:32_000]) > 0.2


def test_the_transport_streams_of_camcorders_are_read_from_any_packet_on() -> None:
    data = m2ts(encode(tone(SECONDS, 48_000), 48_000, "mpegts", "ac3"))
    samples, truncated = decoded(data[192 * 100 + 50 :])
    assert not truncated
    assert 5 < len(samples) / SAMPLE_RATE < SECONDS
    assert pitch(samples[16_000:32_000]) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("container", ["ac3", "eac3", "dts"])
def test_a_raw_stream_declares_no_length(container: str) -> None:
    data = dts_tone(2) if container == "dts" else encode(tone(2, 48_000), 48_000, container, container)
    with open_audio(io.BytesIO(data)) as stream:
        assert not stream.declares_length


def test_the_stream_describes_its_source() -> None:
    with open_audio(io.BytesIO(encode(tone(1, 44_100), 44_100, "flac", "flac", channels=2))) as stream:
        assert (stream.container, stream.codec, stream.sample_rate, stream.channels) == ("flac", "flac", 44_100, 2)


def test_chunks_are_a_few_seconds_long() -> None:
    with open_audio(io.BytesIO(wav(PCM16 * 5))) as stream:
        lengths = [len(chunk) / SAMPLE_RATE for chunk in stream]
    assert all(1 <= length <= 10 for length in lengths[:-1])
    assert sum(lengths) == pytest.approx(SECONDS * 5)


def test_sixteen_khz_mono_is_not_altered() -> None:
    samples, _ = decoded(wav(PCM16))
    np.testing.assert_allclose(samples, np.frombuffer(PCM16, "<i2") / 32768, atol=1e-6)


def test_stereo_is_the_mean() -> None:
    left, right = tone(1, 16_000), tone(1, 16_000, 700) * 0.5
    samples, _ = decoded(wav(interleaved([left, right]), channels=2))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-3)


@pytest.mark.parametrize("channels", [3, 5, 6, 8, 9, 24, 64])
def test_many_channels_are_mixed_without_clipping(channels: int) -> None:
    voice = tone(1, 16_000) * 2.4
    samples, _ = decoded(wav(interleaved([voice] * channels), channels=channels))
    np.testing.assert_allclose(samples, voice, atol=2e-3)


@pytest.mark.parametrize("channels", [8, 9, 40])
def test_many_channels_in_planes_are_read_to_their_end_and_not_beyond(channels: int) -> None:
    """A codec that decodes to planes: whoever reads one too many crashes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="ogg") as out:
        track = out.add_stream("libopus", rate=48_000, layout=f"{channels} channels", options={"mapping_family": "255"})
        voice = np.repeat(tone(1, 48_000)[:, None], channels, axis=1).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(voice), "flt", f"{channels} channels")
        frame.sample_rate = 48_000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    samples, _ = decoded(buffer.getvalue())
    assert loudness(samples[4_000:12_000]) == pytest.approx(0.4 / 2**0.5, rel=0.15)


def test_eight_bit_with_many_channels_has_its_silence_at_zero() -> None:
    samples, _ = decoded(wav(b"\x80" * 12 * 16_000, channels=12, bits=8))
    assert len(samples) == 16_000
    assert not samples.any()


def test_float_samples_beyond_full_scale_or_not_a_number_stay_in_range() -> None:
    raw = tone(1, 16_000) * 1000
    raw[100], raw[200], raw[300] = np.nan, np.inf, -np.inf
    samples, _ = decoded(wav(raw.astype("<f4").tobytes(), bits=32, code=3))
    assert np.abs(samples).max() == 1.0
    assert np.isfinite(samples).all()


def test_rf64() -> None:
    plain = wav(PCM16, size=0xFFFFFFFF)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, len(plain) + 28, len(PCM16), len(PCM16) // 2, 0)
    samples, truncated = decoded(b"RF64" + plain[4:12] + ds64 + plain[12:])
    assert (len(samples), truncated) == (len(PCM16) // 2, False)


def test_tags_in_another_encoding_do_no_harm() -> None:
    tags = b"INFOINAM" + struct.pack("<I", 6) + "Müller".encode("latin-1")
    data = wav(PCM16).replace(b"data", b"LIST" + struct.pack("<I", len(tags)) + tags + b"data", 1)
    assert len(decoded(data)[0]) == len(PCM16) // 2


# --- the clock -----------------------------------------------------------------------------------------------------


def test_audio_that_begins_after_the_video_keeps_its_place() -> None:
    samples, _ = decoded(encode(tone(2, 48_000), 48_000, "matroska", "flac", start=1.5, video=True))
    assert len(samples) / SAMPLE_RATE == pytest.approx(3.5, abs=0.01)
    assert not samples[: int(1.49 * SAMPLE_RATE)].any()
    assert loudness(samples[int(1.51 * SAMPLE_RATE) :]) > 0.2


def test_a_late_start_of_mp4_is_silence() -> None:
    samples, truncated = decoded(encode(tone(2, 48_000), 48_000, "ipod", "aac", start=2.0))
    assert len(samples) / SAMPLE_RATE == pytest.approx(4.0, abs=0.03)
    assert loudness(samples[: int(1.9 * SAMPLE_RATE)]) < 1e-3
    assert not truncated


def test_a_hole_in_the_timestamps_becomes_silence() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska") as out:
        track = out.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for start in (0, 5):
            frame = av.AudioFrame.from_ndarray(np.full((1, 16_000), 9000, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 16_000, start * 16_000
            out.mux(track.encode(frame))
        out.mux(track.encode(None))
    samples, _ = decoded(buffer.getvalue())
    loud = np.abs(samples) > 0.1
    assert len(samples) == pytest.approx(6 * 16_000, abs=32)
    assert not loud[16_100:79_900].any()
    assert loud[80_100:95_900].all()


def test_recordings_one_after_the_other_in_one_file_are_all_heard() -> None:
    one = encode(tone(2, 48_000), 48_000, "ogg", "libopus")
    samples, _ = decoded(one + one)
    assert len(samples) / SAMPLE_RATE == pytest.approx(4, abs=0.02)


def test_a_change_of_rate_in_the_middle_is_followed() -> None:
    first, second = (encode(tone(3, rate), rate, "mp3", "libmp3lame") for rate in (44_100, 16_000))
    samples, _ = decoded(first + second)
    assert len(samples) / SAMPLE_RATE == pytest.approx(6, abs=0.25)
    assert pitch(samples[16_000:32_000]) == pytest.approx(440, abs=2)
    assert pitch(samples[-32_000:-16_000]) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(
    ("timestamps", "gaps"),
    [
        ([0.0, 1.0, 2.0], [0, 0, 0]),
        ([0.0, 1.08, 1.95, 3.09], [0, 0, 0, 0]),  # jitter
        ([0.0, 1.5, 2.5], [0, 0.5, 0]),
        ([30.0, 31.0], [30, 0]),
        ([0.0, 0.0, 1.0], [0, 0, 0]),  # overlap: nothing is thrown away
        ([5_000.0, 5_001.0, 5_002.5], [0, 0, 0.5]),  # a cut from a live stream
        ([0.0, 90_000.0, 90_001.0], [0, 0, 0]),  # a broken clock
        ([0.0, 1.0, 2.0, 0.0, 1.0, 2.5], [0, 0, 0, 0, 0, 0.5]),  # the clock begins again
        ([0.0, None, 2.0], [0, 0, 0]),
        ([float("nan"), 0.0, 1.0, 2.5], [0, 0, 0, 0.5]),
    ],
)
def test_the_clock(timestamps: list[float | None], gaps: list[float]) -> None:
    """Frames of one second each."""
    clock = SampleClock(0.0)
    found = []
    for timestamp in timestamps:
        found.append(clock.gap_before(timestamp))
        clock.advance(found[-1] + 1)
    assert found == pytest.approx(gaps)


# --- broken recordings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("name", ["flac", "mp3", "ogg-flac", "opus", "matroska", "aac", "aiff", "au", "wav", "wav-24"])
def test_a_recording_that_breaks_off_gives_what_is_there_and_says_so(name: str, share: float) -> None:
    container, codec, rate, _ = CODED[name]
    data = encode(tone(30, rate), rate, container, codec)
    samples, truncated = decoded(data[: int(len(data) * share)])
    assert truncated
    assert 30 * share - 3 < len(samples) / SAMPLE_RATE < 30 * share + 1


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFFFFF])
def test_a_streamed_wav_is_whole(size: int) -> None:
    samples, truncated = decoded(wav(PCM16, size=size))
    assert (len(samples), truncated) == (len(PCM16) // 2, False)


@pytest.mark.parametrize("trailing", [b"TAG" + b"x" * 125, b"\0" * 999, b"LIST\x04\0\0\0abcd"])
@pytest.mark.parametrize("name", ["flac", "mp3", "opus", "wav", "m4a", "webm"])
def test_trailing_bytes_do_no_harm(name: str, trailing: bytes) -> None:
    container, codec, rate, tolerance = CODED[name]
    samples, truncated = decoded(encode(tone(SECONDS, rate), rate, container, codec) + trailing)
    assert not truncated
    assert abs(len(samples) / SAMPLE_RATE - SECONDS) <= tolerance + 0.001


@pytest.mark.parametrize("name", ["flac", "mp3", "opus", "aac", "ogg-flac"])
def test_damage_in_the_middle_costs_only_the_middle(name: str) -> None:
    container, codec, rate, _ = CODED[name]
    data = bytearray(encode(tone(20, rate), rate, container, codec))
    middle, length = len(data) // 2, len(data) // 20
    data[middle : middle + length] = np.random.default_rng(5).bytes(length)
    samples, _ = decoded(bytes(data))
    assert 17 < len(samples) / SAMPLE_RATE < 21
    assert pitch(samples[-24_000:-8_000]) == pytest.approx(440, abs=2)


# --- what is refused -----------------------------------------------------------------------------------------------


def zip_with_mp3() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.mp3", encode(tone(1, 16_000), 16_000, "mp3", "libmp3lame"))
    return buffer.getvalue()


def caf_with_channels(channels: int) -> bytes:
    description = struct.pack(">d4sIIIII", 48_000, b"lpcm", 0, channels * 2, 1, channels, 16)
    return (
        b"caff\0\1\0\0desc"
        + struct.pack(">q", 32)
        + description
        + b"data"
        + struct.pack(">q", 400_004)
        + bytes(400_004)
    )


def silent_video() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        track = out.add_stream("mpeg4", rate=10)
        track.width = track.height = 32
        out.mux(track.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        out.mux(track.encode(None))
    return buffer.getvalue()


REFUSED: dict[str, tuple[Callable[[], bytes], type[SpeechdError], str]] = {
    "empty": (lambda: b"", InvalidAudio, "The file is empty"),
    "one byte": (lambda: b"\0", UnsupportedAudioFormat, "not audio in an accepted format"),
    "zeros": (lambda: bytes(100_000), UnsupportedAudioFormat, "not audio in an accepted format"),
    "noise": (lambda: np.random.default_rng(1).bytes(50_000), UnsupportedAudioFormat, "not audio"),
    "text": (lambda: b"Dear all,\nplease find attached ...\n", UnsupportedAudioFormat, "looks like plain text"),
    "utf-8": (lambda: "Grüße aus Köln. ".encode() * 90, UnsupportedAudioFormat, "looks like plain text"),
    "utf-16": (lambda: "hello".encode("utf-16"), UnsupportedAudioFormat, "looks like plain text"),
    "json": (lambda: b'{"error": "no such file"}', UnsupportedAudioFormat, "looks like a JSON text"),
    "html": (lambda: b"<!DOCTYPE html><html>404</html>", UnsupportedAudioFormat, "looks like an HTML page"),
    "playlist": (lambda: b"#EXTM3U\nhttp://127.0.0.1/a.ts\n", UnsupportedAudioFormat, "looks like a playlist"),
    "zip": (zip_with_mp3, UnsupportedAudioFormat, "looks like a ZIP archive"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(99), UnsupportedAudioFormat, "looks like a gzip archive"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3", UnsupportedAudioFormat, "looks like a PDF document"),
    "png": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(99), UnsupportedAudioFormat, "looks like a PNG image"),
    "jpeg": (lambda: b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(99), UnsupportedAudioFormat, "looks like a JPEG image"),
    "midi": (lambda: b"MThd\0\0\0\x06\0\1\0\1" + bytes(99), UnsupportedAudioFormat, "looks like a MIDI score"),
    "header of AVI": (lambda: b"RIFF\0\0\0\0AVI LIST" + bytes(99), InvalidAudio, "begins like AVI but is damaged"),
    "header of FLV": (lambda: b"FLV\x01\x05\0\0\0\x09" + bytes(99), InvalidAudio, "FLV|flv"),
    "another container": (
        lambda: encode(tone(1, 16_000), 16_000, "voc", "pcm_u8"),
        UnsupportedAudioFormat,
        "not audio in",
    ),
    "silent video": (silent_video, InvalidAudio, "\\(video\\) has no audio track"),
    "no samples": (lambda: wav(b""), InvalidAudio, "No audio could be decoded"),
    "header only": (lambda: b"RIFF\0\0\0\0WAVE", InvalidAudio, "begins like WAV but is damaged"),
    "mp4 cut before its index": (
        lambda: encode(tone(9, 16_000), 16_000, "mp4", "aac")[:9_000],
        InvalidAudio,
        "begins like MP4 but is damaged or incomplete",
    ),
    "header of AMR": (lambda: b"#!AMR\n<", InvalidAudio, "No audio could be decoded|begins like AMR"),
    "flac of noise": (lambda: b"fLaC" + np.random.default_rng(2).bytes(9_000), InvalidAudio, "FLAC"),
    "65535 channels": (lambda: wav(bytes(400_000), channels=65_535), InvalidAudio, "claims 65535 channels"),
    "100000 channels": (lambda: caf_with_channels(100_000), InvalidAudio, "claims 100000 channels"),
    "no channels": (lambda: wav(bytes(400), channels=0), InvalidAudio, "claims 0 channels"),
    "0 Hz": (lambda: wav(bytes(400), rate=0), InvalidAudio, "claims a sample rate of 0 Hz"),
    "1 Hz": (lambda: wav(bytes(400), rate=1), InvalidAudio, "claims a sample rate of 1 Hz"),
    "4 GHz": (lambda: wav(bytes(400), rate=2**32 - 1), InvalidAudio, "a sample rate of 4294967295 Hz"),
    "unknown codec": (lambda: wav(bytes(400), code=0x7777), UnsupportedAudioFormat, "codec that is not accepted"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_input_is_refused_with_what_was_found(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    make, error, message = REFUSED[name]
    with pytest.raises(error, match=message) as caught:
        decoded(make())
    assert (caught.value.status, caught.value.param) == (400, "file")
    assert type(caught.value) is error
    if error is UnsupportedAudioFormat:
        assert "Accepted: flac, mp3, mp4, mpeg, mpga, m4a, ogg, oga, opus, wav, webm" in caught.value.message
    assert capfd.readouterr() == ("", "")  # FFmpeg does not write to the server's log


def test_mutilated_files_never_escape_the_error_tree() -> None:
    """Three hundred random mutilations of real headers: audio, or one of ours."""
    random = np.random.default_rng(7)
    whole = [
        encode(tone(2, 16_000), 16_000, *CODED[name][:2]) for name in ("flac", "mp3", "m4a", "webm", "aiff", "wav")
    ]
    whole.append(encode(tone(2, 48_000), 48_000, "opus", "libopus"))
    for number in range(300):
        data = bytearray(whole[number % len(whole)])
        for position in random.integers(0, min(len(data), 800), size=12):
            data[position] = random.integers(256)
        try:
            samples, _ = decoded(bytes(data), max_seconds=60)
        except (InvalidAudio, TooLarge):
            continue
        assert np.isfinite(samples).all()


# --- bounds --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clip", "first", "last"),
    [
        (Clip(), 0, 7.31),
        (Clip(2), 2, 7.31),
        (Clip(0, 3), 0, 3),
        (Clip(4.5, 1.25), 4.5, 5.75),
        (Clip(5.5, 100), 5.5, 7.31),
        (Clip(7.3, 0.001), 7.3, 7.301),
    ],
)
def test_a_clip_has_just_its_samples(clip: Clip, first: float, last: float) -> None:
    whole, _ = decoded(wav(PCM16))
    with open_audio(io.BytesIO(wav(PCM16)), clip=clip) as stream:
        assert stream.expected_seconds == pytest.approx(last - first, abs=0.001)
        samples = np.concatenate(list(stream))
    assert np.array_equal(samples, whole[round(first * SAMPLE_RATE) : round(last * SAMPLE_RATE)])


def test_a_clip_ends_the_decoding_and_with_it_what_follows() -> None:
    """Also a recording that is longer than the limit, or broken behind the clip."""
    long = wav(pcm16(tone(20, 16_000)))
    assert len(decoded(long, clip=Clip(1, 2), max_seconds=12)[0]) == 2 * SAMPLE_RATE
    assert decoded(long[:-40_000], clip=Clip(1, 2))[1] is False
    assert decoded(long[:-40_000], clip=Clip(1))[1] is True


@pytest.mark.parametrize("start", [7.31, 8, 1_000_000])
def test_a_clip_behind_the_end_is_refused(start: float) -> None:
    with pytest.raises(InvalidRequest, match=r"7\.31 seconds long") as caught:
        decoded(wav(PCM16), clip=Clip(start, 1))
    assert caught.value.param == "start"


def test_the_duration_limit_is_enforced_while_reading() -> None:
    read = 0

    class Counting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            piece = super().read(size)
            read += len(piece)
            return piece

    file = Counting(wav(bytes(32_000 * 3600)))
    with (
        open_stream(file, DecodeOptions(max_seconds=20)) as stream,
        pytest.raises(TooLarge, match="20 seconds") as caught,
    ):
        list(stream)
    assert (caught.value.status, caught.value.param) == (413, "file")
    assert read < 8_000_000


def test_a_recording_of_exactly_the_limit_passes() -> None:
    samples, _ = decoded(wav(PCM16), max_seconds=SECONDS)
    assert len(samples) == len(PCM16) // 2


def test_silence_inserted_for_a_hole_counts_towards_the_limit() -> None:
    data = encode(tone(1, 48_000), 48_000, "matroska", "flac", start=900, video=True)
    with pytest.raises(TooLarge):
        decoded(data, max_seconds=600)


def test_decoding_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(tone(60, 48_000), 48_000, "opus", "libopus")
    clock = iter(range(0, 10**9, 9))
    monkeypatch.setattr("speechd.audio.ffmpeg.ffmpeg_input.time.thread_time", lambda: float(next(clock)))
    with (
        pytest.raises(InvalidAudio, match="takes too long"),
        open_stream(io.BytesIO(data), DecodeOptions(grace=5)) as s,
    ):
        list(s)


def test_time_that_the_consumer_takes_is_not_counted() -> None:
    def busy(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    with open_audio(io.BytesIO(wav(PCM16)), grace=0.3) as stream:
        for _ in stream:
            busy(1)
        assert stream.seconds == pytest.approx(SECONDS)


def test_memory_stays_flat() -> None:
    """An hour of 48 kHz stereo needs as much as five minutes."""
    script = (
        "import io, resource, sys\n"
        "from speechd.audio.ffmpeg.stream import open_stream\n"
        "from speechd.audio.isolation.protocol import DecodeOptions\n"
        "class Endless(io.RawIOBase):\n"
        "    def __init__(self, head): self.head, self.at = head, 0\n"
        "    def readable(self): return True\n"
        "    def seekable(self): return True\n"
        "    def seek(self, offset, whence=0):\n"
        "        self.at = offset if whence == 0 else self.at + offset if whence == 1 else 1 << 32\n"
        "        return self.at\n"
        "    def tell(self): return self.at\n"
        "    def read(self, size=-1):\n"
        "        piece = self.head[self.at : self.at + size].ljust(size, b'\\1'); self.at += size; return piece\n"
        "from speechd.errors import TooLarge\n"
        "from tests.support.generated_audio import wav\n"
        "peaks = []\n"
        "for limit in (300, 3600):\n"
        "    try:\n"
        "        endless = Endless(wav(b'', rate=48000, channels=2, size=0))\n"
        "        for chunk in open_stream(endless, DecodeOptions(limit)): pass\n"
        "    except TooLarge: peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        "print(peaks[1] / peaks[0])\n"
    )
    ratio = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert float(ratio) < 1.1


# --- the caller's file ---------------------------------------------------------------------------------------------


def test_the_file_is_read_from_its_start_and_left_open() -> None:
    file = io.BytesIO(wav(PCM16))
    file.seek(1000)
    with open_audio(file) as stream:
        list(stream)
    assert not file.closed
    assert stream.seconds == pytest.approx(SECONDS)


class NamedAndFailing(io.BytesIO):
    """A file on a broken disk."""

    name = "/etc/hostname"
    broken = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_error_is_not_blamed_on_the_audio_nor_on_the_next_request() -> None:
    file = NamedAndFailing(wav(PCM16 * 40))
    with open_stream(file, DecodeOptions()) as stream:
        chunks = iter(stream)
        next(chunks)
        file.broken = True
        with pytest.raises(InternalError):
            list(chunks)
    assert len(decoded(wav(PCM16))[0]) == len(PCM16) // 2


# --- FFmpeg opens nothing ------------------------------------------------------------------------------------------


def sdp(port: int) -> bytes:
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    ).encode()


def open_unguarded(file: BinaryIO) -> None:
    """What open_audio would be without its whitelists."""
    with contextlib.suppress(av.FFmpegError), av.open(file, "r", timeout=1.0):
        pass


def open_by_whitelists_alone(file: BinaryIO) -> None:
    """Without the look at the first bytes: FFmpeg gets the file, and must refuse it by itself."""
    with contextlib.suppress(InvalidAudio):
        Track(FFmpegInput(file, CpuBudget(20)), None).close()


def open_guarded(file: BinaryIO) -> None:
    with pytest.raises(InvalidAudio):
        open_stream(file, DecodeOptions())


GUARDS = [(open_unguarded, True), (open_by_whitelists_alone, False), (open_guarded, False)]


@pytest.mark.parametrize(("opening", "touches"), GUARDS, ids=["unguarded", "whitelists", "open_stream"])
def test_a_file_list_reads_no_file_of_the_server(
    opening: Callable[[BinaryIO], None], touches: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A FIFO tells whether somebody opened it: only then does the writer's open succeed."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("canary.wav")
    opened = threading.Event()

    def writer() -> None:
        with contextlib.suppress(BrokenPipeError), Path("canary.wav").open("wb") as fifo:
            opened.set()
            fifo.write(wav(PCM16))

    thread = threading.Thread(target=writer)
    thread.start()
    opening(io.BytesIO(b"ffconcat version 1.0\nfile canary.wav\n"))
    touched = opened.wait(0.2)
    if not touched:
        os.close(os.open("canary.wav", os.O_RDONLY | os.O_NONBLOCK))  # let the writer go
    thread.join(5)
    assert touched is touches


@pytest.mark.parametrize(("opening", "touches"), GUARDS, ids=["unguarded", "whitelists", "open_stream"])
def test_a_session_description_opens_no_socket(opening: Callable[[BinaryIO], None], touches: bool) -> None:
    """While FFmpeg listens on the port, nobody else can."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1] & ~1
    taken = threading.Event()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    taken.set()
            time.sleep(0.002)  # leave the port to FFmpeg for most of the time

    thread = threading.Thread(target=watch)
    thread.start()
    for _ in range(1 if touches else 100):
        opening(io.BytesIO(sdp(port)))
    done.set()
    thread.join(5)
    assert taken.is_set() is touches


DESCRIPTIONS: dict[str, bytes] = {
    "concat": b"ffconcat version 1.0\nfile canary.wav\n",
    "hls": b"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\ncanary.wav\n#EXT-X-ENDLIST\n",
    "sdp": sdp(45_454),
    "dash": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    b'mediaPresentationDuration="PT9S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet '
    b'mimeType="audio/mp4"><Representation id="1" bandwidth="9"><BaseURL>http://127.0.0.1:45455/canary.wav</BaseURL>'
    b"</Representation></AdaptationSet></Period></MPD>",
    "rtsp": b"rtsp://127.0.0.1:45455/canary\n",
}


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize("guarded", [False, True], ids=["unguarded", "whitelists"])
def test_the_kernel_sees_no_file_connection_or_socket(guarded: bool, tmp_path: Path) -> None:
    (tmp_path / "canary.wav").write_bytes(wav(PCM16))
    opening = "open_by_whitelists_alone" if guarded else "open_unguarded"
    script = (
        f"import io, os\nfrom tests.unit.audio.test_decode import DESCRIPTIONS, {opening} as opening, wav\n"
        "opening(io.BytesIO(wav(b'')))\nos.chdir(os.environ['THERE'])\nos.stat('/begin-of-trace')\n"
    ).replace("os.stat('/begin-of-trace')", "os.path.exists('/begin-of-trace')")
    script += "for text in DESCRIPTIONS.values(): opening(io.BytesIO(text))\nos.path.exists('/end-of-trace')\n"
    log = tmp_path / "trace"
    calls = "open,openat,creat,socket,connect,bind,stat,newfstatat,statx"
    command = ["strace", "-f", "-e", f"trace={calls}", "-o", str(log), sys.executable, "-c", script]
    ran = subprocess.run(
        command, env={**os.environ, "THERE": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False
    )
    if ran.returncode and "ptrace" in ran.stderr.lower():
        pytest.skip("tracing is not permitted here")
    assert ran.returncode == 0, ran.stderr
    between = log.read_text().partition("/begin-of-trace")[2].partition("/end-of-trace")[0].splitlines()[1:-1]
    seen = [line for line in between if "stat" not in line]
    assert bool(seen) is not guarded, seen
    if not guarded:
        assert any("canary.wav" in line for line in seen)
        assert any("socket(" in line for line in seen)


def test_the_whitelist_names_no_format_that_refers_to_others() -> None:
    assert not {"hls", "dash", "concat", "sdp", "rtsp", "image2", "lavfi", "mpegtsraw"} & set(
        FORMAT_WHITELIST.split(",")
    )


def mov_referring_to(path: str) -> bytes:
    """A QuickTime file whose samples are in another file: a `dref` atom with an alias record."""
    data = encode(tone(1, 16_000), 16_000, "mov", "pcm_s16le")
    name = path.encode()
    alias = bytes(10) + b"\0" + bytes(27) + bytes(12) + b"\0" + bytes(63) + bytes(16) + bytes(4) + bytes(16)
    alias += struct.pack(">HH", 2, len(name)) + name + b"\0" * (len(name) % 2) + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    dref = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    begin = data.index(b"dref") - 4
    old = int.from_bytes(data[begin : begin + 4], "big")
    changed = bytearray(data[:begin] + dref + data[begin + old :])
    for atom in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):  # each holds the next, and grows with it
        at = data.rindex(atom, 0, begin) - 4
        size = int.from_bytes(data[at : at + 4], "big") + len(dref) - old
        changed[at : at + 4] = size.to_bytes(4, "big")
    return bytes(changed)


@pytest.mark.parametrize("guarded", [False, True], ids=["unguarded", "guarded"])
def test_quicktime_references_to_other_files_are_not_followed(guarded: bool, tmp_path: Path) -> None:
    """Even with FFmpeg's own switches for such references turned on, the protocol whitelist holds."""
    canary = tmp_path / "canary.raw"
    canary.write_bytes(b"\x11\x22" * 400_000)
    options = {"enable_drefs": "1", "use_absolute_path": "1"}
    if guarded:
        options |= CONTAINER_OPTIONS
    with av.open(io.BytesIO(mov_referring_to(str(canary))), "r", container_options=options) as container:
        leaked = any(b"\x11\x22" in bytes(packet) for packet in container.demux(audio=0))
    assert leaked is not guarded
    with contextlib.suppress(InvalidAudio):
        samples, _ = decoded(mov_referring_to(str(canary)))
        assert not np.isclose(samples, 0x2211 / 32768, atol=1e-4).any()
