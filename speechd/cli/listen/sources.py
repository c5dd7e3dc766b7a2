"""Where the audio comes from: a microphone, a recording that is played, or a WAV on standard input."""

import asyncio
import os
import threading
import wave
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing, closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

from speechd.audio.decode import open_audio
from speechd.audio.encode import pcm16
from speechd.audio.pcm import mono_from_pcm
from speechd.errors import FeatureNotInstalled, InvalidRequest, SpeechdError
from speechd.executors import DECODING, run_in
from speechd.types import SAMPLE_RATE, Samples

PIECE_SECONDS = 0.1
"""Of audio that is handed on at once."""
READ_AHEAD = 10
"""Pieces of standard input that wait at most."""
MAX_BEHIND = 600
"""Pieces of a microphone that may wait: a minute, in which a model loads."""

Audio = AsyncGenerator[bytes, None]
"""16-bit mono samples at the rate of the source."""


class Recording:
    """A recording in any accepted format, played at a speed."""

    rate = SAMPLE_RATE

    def __init__(self, path: Path, speed: float) -> None:
        """
        Args:
            speed: times its own speed.
        """
        self._path = path
        self._speed = speed

    async def pieces(self) -> Audio:
        """
        Raises:
            SpeechdError: it cannot be read.
        """
        loop = asyncio.get_running_loop()
        with _opened(self._path) as file:
            started, played = loop.time(), 0.0
            with await run_in(DECODING, open_audio, file) as stream, closing(_cut(iter(stream))) as pieces:
                while piece := await run_in(DECODING, next, pieces, b""):
                    yield piece
                    played += len(piece) / (2 * self.rate)
                    await asyncio.sleep(max(0.0, started + played / self._speed - loop.time()))


class StandardInput:
    """A WAV that another program writes while it records."""

    def __init__(self, stream: BinaryIO | None = None) -> None:
        """
        Raises:
            InvalidRequest: it is no WAV with integer PCM.
        """
        try:
            # A descriptor of its own: at the end of the process Python would wait for who reads `sys.stdin`.
            self._wav = wave.open(stream or os.fdopen(os.dup(0), "rb"), "rb")  # noqa: SIM115 - as long as the command
        except (wave.Error, EOFError) as error:
            raise InvalidRequest(f"Standard input is not a WAV with PCM samples ({error}).") from error
        self.rate = self._wav.getframerate()
        if not 8000 <= self.rate <= 48_000:
            raise InvalidRequest(f"The WAV has a rate of {self.rate} Hz; 8000 to 48000 are accepted.")

    async def pieces(self) -> Audio:
        """As they come. The thread that reads may wait for ever: it does not hold up the end of the process."""
        loop, waiting, room = asyncio.get_running_loop(), asyncio.Queue[bytes](), threading.Semaphore(READ_AHEAD)

        def read() -> None:
            data = b"-"
            while data:
                room.acquire()
                data = self._wav.readframes(round(PIECE_SECONDS * self.rate))
                with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                    loop.call_soon_threadsafe(waiting.put_nowait, data)

        threading.Thread(target=read, name="stdin", daemon=True).start()
        while data := await waiting.get():
            room.release()
            yield self._mono(data)

    def _mono(self, data: bytes) -> bytes:
        width, channels = self._wav.getsampwidth(), self._wav.getnchannels()
        whole = len(data) - len(data) % (width * channels)
        return pcm16(mono_from_pcm(data[:whole], width, channels)).tobytes()


class Microphone:
    """A microphone, through PortAudio."""

    def __init__(self, device: str | None) -> None:
        """
        Args:
            device: its number or a part of its name; None is the system's.

        Raises:
            FeatureNotInstalled: the package sounddevice or PortAudio is missing.
            InvalidRequest: there is no such microphone.
        """
        self._sounddevice = load_sounddevice()
        self._device = int(device) if device and device.isdecimal() else device
        try:
            found = self._sounddevice.query_devices(self._device, "input")
        except (ValueError, self._sounddevice.PortAudioError) as error:
            raise InvalidRequest(f"There is no microphone {device or ''}: {error}".replace(" :", ":")) from error
        self.rate = min(48_000, max(8000, round(found["default_samplerate"])))

    async def pieces(self) -> Audio:
        """Until it is closed.

        Raises:
            SpeechdError: it fails, or the audio is not taken fast enough.
        """
        loop, waiting = asyncio.get_running_loop(), asyncio.Queue[bytes]()

        def take(data: Any, *_: object) -> None:
            loop.call_soon_threadsafe(waiting.put_nowait, bytes(data))

        block = round(PIECE_SECONDS * self.rate)
        stream = self._sounddevice.RawInputStream(
            self.rate, block, self._device, channels=1, dtype="int16", callback=take
        )
        with stream:
            while waiting.qsize() <= MAX_BEHIND:
                yield await waiting.get()
        raise SpeechdError("This machine does not keep up with the microphone. A smaller model is faster: --model.")


AudioSource = Recording | StandardInput | Microphone


def load_sounddevice() -> Any:
    """
    Raises:
        FeatureNotInstalled: the package sounddevice or PortAudio is missing.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise FeatureNotInstalled("The microphone needs its package: pip install 'speechd[listen]'") from error
    except OSError as error:  # the package is there and the library is not
        raise FeatureNotInstalled(f"The microphone needs PortAudio: apt install libportaudio2 ({error})") from error
    except Exception as error:  # PortAudio's own class cannot be had where PortAudio does not start
        raise SpeechdError(f"This machine's sound system cannot be used: {error}") from error
    return sounddevice


def list_microphones() -> str:
    """The microphones of this machine, one a line.

    Raises:
        FeatureNotInstalled: the package sounddevice or PortAudio is missing.
    """
    devices = enumerate(load_sounddevice().query_devices())
    found = [f"{number}  {device['name']}" for number, device in devices if device["max_input_channels"]]
    return "\n".join(found) or "There is no microphone."


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error


def _cut(chunks: Iterator[Samples]) -> Generator[bytes, None, None]:
    size = 2 * round(PIECE_SECONDS * SAMPLE_RATE)
    for chunk in chunks:
        data = pcm16(chunk).tobytes()
        yield from (data[start : start + size] for start in range(0, len(data), size))


async def with_silence(pieces: Audio, rate: int, seconds: float) -> Audio:
    """The audio, and silence that ends the last line."""
    async with aclosing(pieces):
        async for piece in pieces:
            yield piece
    yield bytes(2 * round(seconds * rate))
