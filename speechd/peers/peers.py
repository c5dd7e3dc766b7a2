"""The other servers on the same database, as this one sees them: its heartbeat, their models, their callers' requests.

With SQLite there is one server, and `Alone` stands for the others: nothing is written or asked.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

from speechd.cache.result_exchange import ResultExchange
from speechd.errors import SpeechdError
from speechd.ids import new_id
from speechd.peers.follower import Follower
from speechd.peers.key_watch import KeyWatch
from speechd.peers.results import PeerResults
from speechd.service import Service
from speechd.store.shared.records import ModelAction, ServerState
from speechd.store.store import StoreHandle

BEAT_SECONDS = 1.0
"""Between two heartbeats, and so what a key that was revoked through another server is still good for."""
STALE_SECONDS = 6.0
"""After which the others count as gone where the database is away."""
LOOK_SECONDS = 0.5
"""That a request waits to hear of other servers' models."""
START_SECONDS = 5.0
"""That the start waits for the keys."""
LEAVE_SECONDS = 2.0
"""For the last word to the database."""
BEAT_PATIENCE_SECONDS = 5.0
TIDY_SECONDS = 60.0
"""Between two rounds of removing what is over."""

log = logging.getLogger("speechd.peers")


class Peers(Protocol):
    """The other servers, for the routes."""

    name: str
    """Of this server, for people."""

    @property
    def results(self) -> ResultExchange | None:
        """Where servers give each other results."""
        ...

    @property
    def others(self) -> Sequence[ServerState]:
        """Those that live, as they said a moment ago."""
        ...

    async def look(self) -> bool:
        """Asks the database for what the others say now; False where it does not answer."""
        ...

    async def request(self, action: ModelAction, model: str) -> None:
        """Asks the others to do what a caller asks this server to do.

        Raises:
            StorageUnavailable: they cannot be told.
        """
        ...

    async def announce(self) -> None:
        """Tells the others what models are here now, if the database answers."""
        ...


class Alone:
    """There is no other server."""

    name = ""
    results = None
    others: tuple[ServerState, ...] = ()

    async def look(self) -> bool:
        return True

    async def request(self, action: ModelAction, model: str) -> None:
        pass

    async def announce(self) -> None:
        pass


class DatabasePeers:
    """The other servers on one database; belongs to one event loop."""

    def __init__(
        self, service: Service, jobs: StoreHandle, watch: KeyWatch, describe: Callable[[], Sequence[dict[str, Any]]]
    ) -> None:
        """
        Args:
            watch: reads the keys with each heartbeat.
            describe: the models of this server that are in memory or being pulled.
        """
        self.id = new_id("server")
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._jobs = jobs
        self._watch = watch
        self._describe = describe
        self._others: tuple[ServerState, ...] = ()
        self._heard_at = -STALE_SECONDS
        self._soon = asyncio.Event()
        self._tidied_at = time.monotonic()
        self._failing = False
        self._follower = Follower(service, self.id, self._soon.set)
        self.results = PeerResults(jobs, self.id, service.settings.result_cache_seconds, lambda: not self.others)

    @property
    def others(self) -> tuple[ServerState, ...]:
        return self._others if time.monotonic() < self._heard_at + STALE_SECONDS else ()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beats in the background of the block. At its end the others learn that this server has gone."""
        first = asyncio.Event()
        tasks = [
            asyncio.create_task(self._run(first), name="peers"),
            asyncio.create_task(self._follower.run(), name="model requests"),
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await first.wait()
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.results.close()
            with suppress(SpeechdError, TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await (await self._jobs.open()).shared.servers.leave(self.id)

    async def look(self) -> bool:
        return await self._quietly(self._hear)

    async def request(self, action: ModelAction, model: str) -> None:
        await (await self._jobs.open()).shared.servers.request(self.id, action, model)

    async def announce(self) -> None:
        await self._quietly(self._say)

    async def _run(self, first: asyncio.Event) -> None:
        while True:
            await self._beat()
            first.set()
            self._soon.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._soon.wait()

    async def _beat(self) -> None:
        """One round, whatever happens."""
        try:
            async with asyncio.timeout(BEAT_PATIENCE_SECONDS):
                await self._watch.read()
                await self._say()
                await self._hear()
                self._follower.take(await (await self._jobs.open()).shared.servers.requests())
                await self._tidy()
        except SpeechdError as error:
            self._report(error.message)
        except TimeoutError:
            self._report("It does not answer.")
        except Exception:
            log.exception("the heartbeat failed; it is tried again")
        else:
            self._report(None)

    async def _say(self) -> None:
        state = ServerState(self.id, self.name, tuple(self._describe()))
        await (await self._jobs.open()).shared.servers.beat(state)

    async def _hear(self) -> None:
        alive = await (await self._jobs.open()).shared.servers.list()
        self._others = tuple(each for each in alive if each.id != self.id)
        self._heard_at = time.monotonic()

    async def _tidy(self) -> None:
        if time.monotonic() >= self._tidied_at + TIDY_SECONDS:
            self._tidied_at = time.monotonic()
            await (await self._jobs.open()).shared.forget_over()

    async def _quietly(self, action: Callable[[], Awaitable[None]]) -> bool:
        """Whether the database did it in the time that a request can wait."""
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await action()
        except (SpeechdError, TimeoutError):
            return False
        return True

    def _report(self, trouble: str | None) -> None:
        """Logged when it begins and when it is over."""
        if trouble and not self._failing:
            log.warning("other servers are out of reach, and keys stay as they are: %s", trouble)
        elif not trouble and self._failing:
            log.info("other servers are in reach again")
        self._failing = bool(trouble)
