"""Mutations of every format, through the decoder in its own process: audio, or an error of ours; never a 500.

Run by make test-all. The seed is printed, and SPEECHD_FUZZ_SEED repeats a run.
"""

import io
import os
import struct
from collections.abc import Callable

import numpy as np
import pytest

from speechd.audio.decode import open_audio
from speechd.audio.isolation.pool import shared_pool
from speechd.errors import InvalidAudio, InvalidRequest, TooLarge
from tests.support.container_bombs import (
    avi_circle_bomb,
    avi_super_index_bomb,
    flv_keyframes,
    ts_open_streams_bomb,
    ts_programs_bomb,
)
from tests.support.decoder_bombs import INDEX_BOMBS, flac_silence, opus_silence
from tests.support.dts_core import dts_tone
from tests.support.generated_audio import encode, m2ts, tone

ROUNDS = 100
"""Of each format."""
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

FORMATS: dict[str, tuple[str, str, int]] = {
    "flac": ("flac", "flac", 16_000),
    "mp3": ("mp3", "libmp3lame", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "mp4 in fragments": ("ismv", "aac", 16_000),
    "alac": ("ipod", "alac", 16_000),
    "mov": ("mov", "pcm_s16le", 16_000),
    "webm": ("webm", "libopus", 48_000),
    "matroska": ("matroska", "flac", 16_000),
    "ogg": ("ogg", "libopus", 48_000),
    "aac": ("adts", "aac", 16_000),
    "wma": ("asf", "wmav2", 16_000),
    "aiff": ("aiff", "pcm_s16be", 16_000),
    "caf": ("caf", "pcm_s16be", 16_000),
    "wav": ("wav", "pcm_s16le", 16_000),
    "adpcm": ("wav", "adpcm_ms", 16_000),
    "mpegts": ("mpegts", "mp2", 16_000),
    "mpegts aac": ("mpegts", "aac", 48_000),
    "mpegts ac3": ("mpegts", "ac3", 48_000),
    "avi": ("avi", "libmp3lame", 16_000),
    "avi pcm": ("avi", "pcm_s16le", 16_000),
    "avi adpcm": ("avi", "adpcm_ms", 16_000),
    "flv": ("flv", "aac", 44_100),
    "flv mp3": ("flv", "libmp3lame", 22_050),
    "flv nellymoser": ("flv", "nellymoser", 22_050),
    "ac3": ("ac3", "ac3", 48_000),
    "eac3": ("eac3", "eac3", 48_000),
}


def recording(name: str) -> bytes:
    container, codec, rate = FORMATS[name]
    return encode(tone(2, rate), rate, container, codec)


SEEDS: dict[str, Callable[[], bytes]] = {
    **{name: (lambda name=name: recording(name)) for name in FORMATS},  # type: ignore[misc]
    **{name: make for name, make in INDEX_BOMBS.items() if name.startswith("mp4")},
    "flac silence": lambda: flac_silence(600),
    "opus silence": lambda: opus_silence(60),
    "dts": lambda: dts_tone(2),
    "m2ts": lambda: m2ts(recording("mpegts")),
    "avi super index": lambda: avi_super_index_bomb(50, 50),
    "avi circle": lambda: avi_circle_bomb(20),
    "flv key frames": lambda: flv_keyframes(100),
    "ts programs": lambda: ts_programs_bomb(20, 20),
    "ts open streams": lambda: ts_open_streams_bomb(20, 20),
}


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """A few of: bytes changed, a number set to an extreme, a stretch cut, doubled or moved; mostly near the start."""
    out = bytearray(data)
    for _ in range(random.integers(1, 6)):
        at = int(random.integers(0, min(len(out), 4096 if random.random() < 0.8 else len(out))))
        match int(random.integers(0, 5)):
            case 0:
                out[at] = int(random.integers(256))
            case 1:
                out[at : at + 4] = struct.pack(">I", INTERESTING[random.integers(len(INTERESTING))])
            case 2:
                out[at : at + 4] = struct.pack("<I", INTERESTING[random.integers(len(INTERESTING))])
            case 3:
                del out[at : at + int(random.integers(1, 64))]
            case _:
                stretch = out[at : at + int(random.integers(1, 256))]
                out[at:at] = stretch
        out = out or bytearray(b"\0")
    return bytes(out)


@pytest.mark.extra
@pytest.mark.parametrize("name", SEEDS)
def test_mutations_are_heard_or_refused(name: str) -> None:
    seed = int(os.environ.get("SPEECHD_FUZZ_SEED", "0")) or int.from_bytes(os.urandom(4), "big")
    print(f"SPEECHD_FUZZ_SEED={seed}")
    random, data = np.random.default_rng(seed), SEEDS[name]()
    silent = shared_pool().counts.silent
    for _ in range(ROUNDS):
        try:
            with open_audio(io.BytesIO(mutated(data, random)), max_seconds=700, grace=5) as stream:
                for chunk in stream:
                    assert np.isfinite(chunk).all()
                    assert np.abs(chunk).max() <= 1
        except (InvalidAudio, InvalidRequest, TooLarge):
            continue
    assert shared_pool().counts.silent == silent
