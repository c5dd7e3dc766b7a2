"""Recordings that are made to do harm are refused, in little time and memory."""

import contextlib
import io
import subprocess
import sys

import pytest

from speechd.audio.decode import open_audio
from speechd.audio.ffmpeg.codecs import CODECS
from speechd.audio.ffmpeg.ffmpeg_input import CpuBudget, FFmpegInput
from speechd.audio.ffmpeg.mp4_index import refuse_index_bomb
from speechd.audio.isolation.pool import shared_pool
from speechd.errors import InvalidAudio, TooLarge, UnsupportedAudioFormat
from tests.support import decoder_bombs
from tests.support.container_bombs import TABLE_BOMBS
from tests.support.decoder_bombs import INDEX_BOMBS, flac_silence, mp4, mp4_tables, mp4_track, opus_silence
from tests.support.generated_audio import encode, tone

PEAK = """
import io, resource
from speechd.audio.ffmpeg.stream import open_stream
from speechd.audio.isolation.protocol import DecodeOptions
from speechd.errors import InvalidAudio
from tests.support.decoder_bombs import INDEX_BOMBS
bombs = [INDEX_BOMBS[name]() for name in INDEX_BOMBS if name.startswith("mp4")]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data in bombs:
    try:
        open_stream(io.BytesIO(data), DecodeOptions())
    except InvalidAudio:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("name", INDEX_BOMBS)
def test_an_index_bomb_is_a_broken_recording(name: str) -> None:
    with pytest.raises(InvalidAudio) as caught, open_audio(io.BytesIO(INDEX_BOMBS[name]())) as stream:
        list(stream)
    assert (caught.value.status, caught.value.param) == (400, "file")


@pytest.mark.parametrize("name", TABLE_BOMBS)
def test_a_table_bomb_is_heard_or_refused_within_the_limits(name: str) -> None:
    """What its process takes is limited by the kernel; a process that reached a limit would count as crashed."""
    crashed = shared_pool().counts.crashed
    with contextlib.suppress(InvalidAudio), open_audio(io.BytesIO(TABLE_BOMBS[name]()), grace=5) as stream:
        list(stream)
        assert stream.seconds < 2
    assert shared_pool().counts.crashed == crashed


def test_tables_of_a_few_bytes_take_no_memory() -> None:
    """Without the count of their samples FFmpeg takes 4 GB for the first of them alone."""
    ran = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 100


def counted(data: bytes, max_seconds: float = 43_200) -> None:
    refuse_index_bomb(FFmpegInput(io.BytesIO(data), CpuBudget(20)), max_seconds)


def test_the_longest_honest_index_passes() -> None:
    """Twelve hours of AAC at 48 kHz with a video of 60 pictures a second, each sample of 8 bytes at least."""
    audio, video = mp4_tables(2_025_000, size=8), mp4_tables(2_592_000, size=8, delays=2_592_000)
    counted(mp4(mp4_track(audio), mp4_track(video, 2), after=bytes(8 * 4_617_000)))


def test_an_hour_of_pcm_in_one_chunk_passes() -> None:
    """172 million samples, of which FFmpeg makes entries of 1024."""
    counted(mp4(mp4_track(mp4_tables(48_000 * 3600, delta=1)), after=bytes(3_000_000)))


def test_tracks_add_up() -> None:
    one = mp4(mp4_track(mp4_tables(9_000)))
    counted(one)
    with pytest.raises(InvalidAudio, match="claim 18000 samples, more than"):
        counted(mp4(mp4_track(mp4_tables(9_000)), mp4_track(mp4_tables(9_000), 2)))


def test_more_than_the_longest_recording_can_have_is_refused() -> None:
    data = mp4(mp4_track(mp4_tables(1_500_000, size=4)), after=bytes(6_000_000))
    counted(data)
    with pytest.raises(InvalidAudio, match="60 seconds of audio"):
        counted(data, max_seconds=60)


def test_boxes_that_hold_each_other_end() -> None:
    inner = b""
    for _ in range(200):
        inner = decoder_bombs.box(b"moov", inner)
    counted(decoder_bombs.box(b"ftyp", b"isom") + inner)


def test_boxes_without_a_size_end() -> None:
    counted(decoder_bombs.box(b"ftyp", b"isom") + b"\0\0\0\2moov" * 1000)


def test_an_mp4_behind_other_bytes_is_none() -> None:
    """FFmpeg looks for it there, where nobody counted its samples."""
    with pytest.raises(UnsupportedAudioFormat):
        open_audio(io.BytesIO(bytes(8) + decoder_bombs.mp4_index_bomb()))


@pytest.mark.parametrize("make", [flac_silence, opus_silence], ids=["flac", "opus"])
def test_silence_is_heard_to_its_end_or_to_the_limit(make: object) -> None:
    data = make(600)  # type: ignore[operator]
    with open_audio(io.BytesIO(data)) as stream:
        assert not any(chunk.any() for chunk in stream)
        assert stream.seconds == pytest.approx(600, abs=5)
    with open_audio(io.BytesIO(data), max_seconds=60) as stream, pytest.raises(TooLarge):
        list(stream)


def test_a_codec_that_nobody_records_with_is_not_decoded() -> None:
    assert "adpcm_swf" not in CODECS
    with pytest.raises(UnsupportedAudioFormat, match="codec that is not accepted"):
        open_audio(io.BytesIO(encode(tone(1, 22_050), 22_050, "wav", "adpcm_swf")))
