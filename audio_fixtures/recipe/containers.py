"""Writing recordings: WAV and FLAC directly, every other container through ffmpeg."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import soundfile

from recipe.signals import Recording
from recipe.voices import RATE

_VIDEO = "-f lavfi -i testsrc=size=64x48:rate=10 -shortest"
"""A tiny test picture as the video track."""

CONTAINERS = {
    "containers/sentence.flac": "-c:a flac",
    "containers/sentence.mp3": "-c:a libmp3lame -b:a 48k",
    "containers/sentence.mp4": f"{_VIDEO} -c:v libx264 -pix_fmt yuv420p -threads 1 -c:a aac -b:a 48k",
    "containers/sentence.mpeg": f"{_VIDEO} -c:v mpeg1video -r 25 -ar 44100 -c:a mp2 -b:a 96k -f mpeg",
    "containers/sentence.mpga": "-ar 32000 -c:a mp2 -b:a 64k -f mp2",
    "containers/sentence.m4a": "-c:a aac -b:a 48k -f ipod",
    "containers/sentence.ogg": "-c:a libvorbis -q:a 3 -page_duration 100000",
    "containers/sentence.oga": "-c:a flac -f ogg",
    "containers/sentence.opus": "-c:a libopus -b:a 32k",
    "containers/sentence.wav": "-c:a pcm_s16le",
    "containers/sentence.webm": "-c:a libopus -b:a 32k",
    "containers/sentence.aac": "-c:a aac -b:a 48k -f adts",
    "containers/sentence.aiff": "-c:a pcm_s16be",
    "containers/sentence.amr": "-ar 8000 -c:a libopencore_amrnb -b:a 12.2k",
    "containers/sentence.wma": "-c:a wmav2 -b:a 48k",
    "formats/rate_8000.wav": "-ar 8000 -c:a pcm_s16le",
    "formats/rate_22050.wav": "-ar 22050 -c:a pcm_s16le",
    "formats/rate_44100.flac": "-ar 44100 -c:a flac",
    "formats/rate_48000.flac": "-ar 48000 -c:a flac",
    "formats/stereo.wav": "-ac 2 -c:a pcm_s16le",
    "formats/surround_5_1.flac": "-af pan=5.1|FC=c0 -ar 48000 -c:a flac",
    "formats/pcm_24_bit.wav": "-c:a pcm_s24le",
    "formats/pcm_float.wav": "-c:a pcm_f32le",
    "formats/pcm_8_bit.wav": "-c:a pcm_u8",
    "formats/mu_law.wav": "-ar 8000 -c:a pcm_mulaw",
    "formats/video.webm": f"{_VIDEO} -c:v libvpx -threads 1 -c:a libopus -b:a 32k",
}  # fmt: skip
"""File -> ffmpeg's output options, for the one sentence that comes in every container."""

CALL_OPUS = "-c:a libopus -b:a 48k"
"""ffmpeg's output options for the two-channel call."""

LONG_OPUS = "-c:a libopus -b:a 32k"
"""ffmpeg's output options for the 3-minute recording."""


def write(path: Path, recording: Recording) -> None:
    """16-bit WAV or FLAC at `RATE` Hz, by the extension of `path`."""
    soundfile.write(path, recording.samples, RATE, subtype="PCM_16")


def encode(path: Path, recording: Recording, options: str) -> None:
    """Encode with ffmpeg, without dates, random serial numbers or encoder names.

    Raises:
        subprocess.CalledProcessError: ffmpeg lacks the encoder or refuses the options.
    """
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.wav"
        write(source, recording)
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options.split()]
        exact = ["-map_metadata", "-1", "-fflags", "+bitexact"]
        exact += ["-flags:a", "+bitexact", "-flags:v", "+bitexact"]
        subprocess.run([*command, *exact, str(path)], check=True)
