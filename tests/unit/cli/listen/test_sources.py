"""Where the command gets audio from."""

import asyncio
import io
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from speechd.cli.listen.sources import Audio, Microphone, Recording, StandardInput, list_microphones, with_silence
from speechd.errors import FeatureNotInstalled, InvalidRequest, SpeechdError
from tests.conftest import fixtures


def wav(rate: int, width: int, channels: int, seconds: float = 0.25) -> io.BytesIO:
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setframerate(rate)
        written.setsampwidth(width)
        written.setnchannels(channels)
        written.writeframes(bytes([0] * (width - 1) + [64]) * channels * round(seconds * rate))
    file.seek(0)
    return file


async def all_of(audio: Audio) -> np.ndarray:
    return np.frombuffer(b"".join([piece async for piece in audio]), "<i2")


@pytest.mark.parametrize(("rate", "width", "channels"), [(8000, 2, 1), (44_100, 3, 2), (16_000, 4, 1)])
async def test_a_wav_on_standard_input_comes_in_pieces(rate: int, width: int, channels: int) -> None:
    source = StandardInput(wav(rate, width, channels))
    samples = await all_of(with_silence(source.pieces(), source.rate, 0.1))
    assert source.rate == rate
    assert len(samples) == round(0.25 * rate) + round(0.1 * rate)
    assert abs(int(samples[0]) - 16_384) <= 1
    assert samples[-1] == 0


@pytest.mark.parametrize("data", [b"", b"no wav at all", wav(96_000, 2, 1).getvalue()])
def test_what_is_no_wav_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest, match="WAV"):
        StandardInput(io.BytesIO(data))


async def test_a_recording_is_played_whole() -> None:
    fixture = fixtures()[0]
    samples = await all_of(Recording(fixture.path, 100).pieces())
    assert abs(len(samples) / 16_000 - fixture.duration) < 0.05


@pytest.mark.parametrize("content", [None, b"no audio"])
async def test_a_recording_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.mp3").write_bytes(content)
    with pytest.raises(SpeechdError):
        await all_of(Recording(tmp_path / "a.mp3", 1).pieces())


class PortAudio(SimpleNamespace):
    """The package sounddevice, with one microphone that gives three pieces."""

    PortAudioError = RuntimeError

    def query_devices(self, device: Any = None, kind: str | None = None) -> Any:
        found = {"name": "USB", "max_input_channels": 1, "default_samplerate": 44_100.0}
        if device not in (None, "USB", 0):
            raise ValueError("No input device matching")
        return found if kind else [{"name": "Loudspeaker", "max_input_channels": 0}, found]

    class RawInputStream:
        def __init__(self, rate: float, block: int, device: Any, callback: Callable[..., None], **_: Any) -> None:
            self.block, self.callback = block, callback

        def __enter__(self) -> None:
            for number in range(3):
                self.callback(memoryview(np.full(self.block, number, np.int16)).cast("B"), self.block, None, None)

        def __exit__(self, *_: object) -> None:
            pass


async def test_a_microphone_gives_what_it_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", PortAudio())
    microphone, heard = Microphone("USB"), []
    async with asyncio.timeout(10):
        async for piece in microphone.pieces():
            heard.append(np.frombuffer(piece, "<i2"))
            if len(heard) == 3:
                break
    assert microphone.rate == 44_100
    assert [(len(piece), int(piece[0])) for piece in heard] == [(4410, 0), (4410, 1), (4410, 2)]
    assert list_microphones() == "1  USB"
    with pytest.raises(InvalidRequest, match="no microphone Nobody"):
        Microphone("Nobody")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(FeatureNotInstalled, match=r"speechd\[listen\]"):
        Microphone(None)
