"""A server for realtime sessions on loopback, as `speechd serve` runs it, and audio as a client sends it."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from speechd.api.app import create_app
from speechd.api.connections import ServerConfig
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from tests.conftest import FIXTURES

SENTENCE = FIXTURES / "en_television.flac"
RATE = 24_000


@dataclass
class LiveServer:
    """A running server of the test's own event loop."""

    port: int
    service: Service
    server: uvicorn.Server
    app: Any

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, path: str = "/v1/realtime?intent=transcription", **options: Any) -> Any:
        """A WebSocket of the `websockets` package."""
        return connect(
            f"ws://127.0.0.1:{self.port}{path}", **{"max_size": None, "proxy": None, "open_timeout": 60} | options
        )


@asynccontextmanager
async def serving_live(
    data_dir: Path, engine: Callable[..., Any] | None = lambda *_: FakeAsr(), **settings: Any
) -> AsyncIterator[LiveServer]:
    """A real service whose models are all `engine`; None: whatever is installed."""
    services: list[Service] = []

    def open_service(given: Settings) -> Service:
        services.append(Service(given, engine))
        return services[-1]

    given = Settings(**{"data_dir": data_dir, "worker": False, "decoders": 1, "offline": True} | settings)
    app = create_app(open_service, given)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(ServerConfig(app, given, log_level="warning", timeout_graceful_shutdown=8))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        try:
            yield LiveServer(listener.getsockname()[1], services[0], server, app)
        finally:
            stop(server)
            await task


def stop(server: uvicorn.Server) -> None:
    """As a signal would, without the watchdog that ends the process."""
    server.should_exit = True


def pcm(path: Path = SENTENCE, rate: int = RATE, silence: float = 1.0) -> bytes:
    """A recording as 16-bit samples, with so many seconds of silence after it."""
    samples, given = soundfile.read(path, dtype="float32", always_2d=True)
    resampled = soxr.resample(samples.mean(axis=1), given, rate)
    spoken = (np.clip(resampled, -1, 1) * 32_767).astype("<i2").tobytes()
    return spoken + bytes(2 * round(silence * rate))


def append(audio: bytes) -> str:
    """The message that carries audio."""
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})


def update(**session: Any) -> str:
    """The message that changes a session."""
    return json.dumps({"type": "session.update", "session": {"type": "transcription", **session}})


async def until(socket: ClientConnection, *ends: str) -> list[dict[str, Any]]:
    """The server's events up to the first whose type ends so."""
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(30):
        while not events or not events[-1]["type"].endswith(ends):
            events.append(json.loads(await socket.recv()))
    return events


def texts(events: list[dict[str, Any]]) -> list[str]:
    """The whole texts of turns."""
    return [event["transcript"] for event in events if event["type"].endswith(".completed")]
