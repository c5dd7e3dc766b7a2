"""The front door over a stand-in service: in process for what HTTP semantics can show, on loopback for the wire."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import httpx2
import pytest
import uvicorn
from pydantic import SecretStr

from speechd.api.app import create_app
from speechd.settings import Settings
from tests.support.fake_service import StandInService
from tests.support.llm_server import FakeLlm, serving_llm


@dataclass
class House:
    """A running application and a client in the same loop."""

    app: Any
    service: StandInService
    client: httpx2.AsyncClient

    async def transcribe(self, audio: bytes = b"speech", prefix: str = "/v1", **fields: Any) -> httpx2.Response:
        return await self.post(f"{prefix}/audio/transcriptions", audio, **fields)

    async def post(self, path: str, audio: bytes = b"speech", **fields: Any) -> httpx2.Response:
        return await self.client.post(path, files={"file": ("a.wav", audio)}, data={"model": "stand-in"} | fields)


@pytest.fixture(autouse=True)
def _urls_stand_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched: a URL's own text is its recording."""

    async def fetch(url: str, limits: object) -> io.BytesIO:
        return io.BytesIO(url.encode())

    monkeypatch.setattr("speechd.operations.recording.fetch_audio", fetch)


Opener = Callable[..., Awaitable[House]]


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[House]:
    services: list[StandInService] = []

    def open_service(given: Settings) -> Any:
        services.append(StandInService(given))
        return services[-1]

    app = create_app(open_service, Settings(**{"worker": False} | settings))
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        yield House(app, services[0], client)


@pytest.fixture
async def open_house() -> AsyncIterator[Opener]:
    """Opens a house with the settings given; it is closed after the test."""
    async with AsyncExitStack() as stack:

        async def open_one(**settings: Any) -> House:
            return await stack.enter_async_context(opened(**settings))

        yield open_one


@pytest.fixture
async def house(open_house: Opener) -> House:
    return await open_house(max_upload_bytes=2_000_000)


@pytest.fixture
async def keyed(open_house: Opener) -> House:
    return await open_house(api_key=SecretStr("sk-right"))


@dataclass
class Server:
    """A real uvicorn on loopback, in the test's own event loop."""

    url: str
    port: int
    service: StandInService

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[Server]:
    services: list[StandInService] = []

    def open_service(given: Settings) -> Any:
        services.append(StandInService(given))
        return services[-1]

    app = create_app(open_service, Settings(**{"max_upload_bytes": 2_000_000, "worker": False} | settings))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = uvicorn.Server(uvicorn.Config(app, log_level="warning", ws="none", timeout_graceful_shutdown=1))
        task = asyncio.create_task(running.serve(sockets=[listener]))
        while not running.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        port = listener.getsockname()[1]
        yield Server(f"http://127.0.0.1:{port}", port, services[0])
        running.should_exit = True
        await task


@pytest.fixture
async def llm() -> AsyncIterator[FakeLlm]:
    """A companion backend of the tests' own."""
    async with serving_llm() as running:
        yield running


@pytest.fixture
async def text_house(open_house: Opener, llm: FakeLlm) -> House:
    return await open_house(llm_base_url=llm.url, llm_api_key=SecretStr("sk-backend"), max_upload_bytes=2_000_000)


@pytest.fixture
async def text_server(llm: FakeLlm) -> AsyncIterator[Server]:
    async with serving(llm_base_url=llm.url) as running:
        yield running


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running


@pytest.fixture
def server_in_thread() -> Iterator[str]:
    """The address of a server with a loop of its own, for clients that block."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with serving() as running:
            end = asyncio.Event()
            started.set_result((running.url, asyncio.get_running_loop(), end))
            await end.wait()

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    url, loop, end = started.result(timeout=10)
    yield url
    loop.call_soon_threadsafe(end.set)
    thread.join()
