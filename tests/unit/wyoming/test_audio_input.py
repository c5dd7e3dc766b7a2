"""Audio in any format of the protocol becomes 16 kHz mono."""

import io
import wave

import numpy as np
import pytest

from speechd.errors import TooLarge
from speechd.types import SAMPLE_RATE
from speechd.wyoming.audio_input import RecordingInput
from speechd.wyoming.requests import AudioFormatEvent

SECONDS = 0.5


def tone(rate: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * SECONDS)) / rate)


def encoded(samples: np.ndarray, width: int, channels: int) -> bytes:
    """Interleaved integer PCM, the same in each channel."""
    scaled = np.repeat(np.rint(samples * (2 ** (8 * width - 1) - 1)).astype("<i4"), channels)
    if width == 1:
        return (scaled + 128).astype(np.uint8).tobytes()
    return b"".join(int(value).to_bytes(width, "little", signed=True) for value in scaled)


def samples_of(audio: RecordingInput) -> np.ndarray:
    with audio.take_file() as file:
        header = file.read(44)
        assert (header[:4], int.from_bytes(header[24:28], "little")) == (b"RIFF", SAMPLE_RATE)
        return np.frombuffer(file.read(), "<i2") / 32767


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_gives_the_same_sound(rate: int, width: int, channels: int) -> None:
    audio, data = RecordingInput(60), encoded(tone(rate), width, channels)
    for start in range(0, len(data), 1001):  # no multiple of any frame
        audio.feed(AudioFormatEvent(rate=rate, width=width, channels=channels), data[start : start + 1001])
    heard, expected = samples_of(audio), tone(SAMPLE_RATE)
    assert abs(len(heard) - len(expected)) <= 2
    inner = slice(400, min(len(heard), len(expected)) - 400)  # a resampler rings at the ends
    assert np.abs(heard[inner] - expected[inner]).max() < (0.02 if width == 1 else 0.005)


def test_the_format_may_change_between_chunks() -> None:
    audio = RecordingInput(60)
    for rate, width in ((16_000, 2), (48_000, 3), (22_050, 1)):
        audio.feed(AudioFormatEvent(rate=rate, width=width, channels=1), encoded(tone(rate), width, 1))
    assert abs(len(samples_of(audio)) - 3 * SECONDS * SAMPLE_RATE) <= 6


def test_a_recording_without_audio_is_an_empty_wav() -> None:
    with RecordingInput(60).take_file() as recording, wave.open(io.BytesIO(recording.read())) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)


def test_what_is_longer_than_accepted_is_refused() -> None:
    audio = RecordingInput(1)
    with pytest.raises(TooLarge, match="1 seconds"):
        audio.feed(AudioFormatEvent(rate=16_000, width=2, channels=1), bytes(2 * 16_001))
    audio.close()
