"""Does with models what callers asked other servers to do with them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from speechd.errors import ModelNotInstalled, SpeechdError
from speechd.registry.over_http import offered
from speechd.service import Service
from speechd.store.shared.records import ModelAction, ModelRequest

PULLING_ELSEWHERE = "pull_running"
"""Code of a pull that another process does in the same folder."""
AGAIN_SECONDS = 2.0
"""Between two looks at such a pull."""

log = logging.getLogger("speechd.peers")


class Follower:
    """Follows the requests of other servers, each once and in their order; belongs to one event loop."""

    def __init__(self, service: Service, server: str, changed: Callable[[], None]) -> None:
        """
        Args:
            server: id of this one: what it was asked itself is done.
            changed: called when a model has come or gone.
        """
        self._service = service
        self._server = server
        self._changed = changed
        self._seen: set[int] | None = None
        self._todo: asyncio.Queue[ModelRequest] = asyncio.Queue()
        self._pulls: set[asyncio.Task[None]] = set()

    def take(self, requests: Sequence[ModelRequest]) -> None:
        """Plans what is new. What was asked before this server began is not for it.

        Args:
            requests: the recent ones of all servers, the oldest first.
        """
        numbers = {each.number for each in requests}
        if self._seen is not None:
            for each in requests:
                if each.number not in self._seen and each.server != self._server:
                    self._todo.put_nowait(each)
        self._seen = numbers

    async def run(self) -> None:
        """Does what is planned, one after the other, until it is cancelled."""
        try:
            while True:
                request = await self._todo.get()
                try:
                    await ACTIONS[request.action](self, request.model)
                except SpeechdError as error:
                    log.warning("another server was asked to %s %s: %s", request.action, request.model, error.message)
                except Exception:
                    log.exception("another server was asked to %s %s", request.action, request.model)
                self._changed()
        finally:
            for task in self._pulls:
                task.cancel()

    async def _load(self, model: str) -> None:
        await self._service.loaded.load(self._service.models.installed(model))

    async def _unload(self, model: str) -> None:
        await self._service.loaded.unload(model)

    async def _remove(self, model: str) -> None:
        try:
            await self._service.remove(model)
        except ModelNotInstalled:  # the other server has the same folder
            self._service.pulls.forget(model)
            await self._service.loaded.unload(model)

    async def _pull(self, model: str) -> None:
        """Begins it; other requests do not wait for its end."""
        task = asyncio.create_task(self._pulled(model), name=f"pull {model}")
        self._pulls.add(task)
        task.add_done_callback(self._pulls.discard)

    async def _pulled(self, model: str) -> None:
        """Pulls a model, or waits while another process pulls it into the same folder."""
        allowed = self._service.settings.allow_any_model
        try:
            while not (found := offered(self._service.models, model, any_model=allowed)).installed:
                pull = self._service.pulls.start(found)
                await self._service.pulls.ended(pull)
                if pull.code != PULLING_ELSEWHERE:
                    return
                self._service.pulls.forget(found.id)
                await asyncio.sleep(AGAIN_SECONDS)
        except SpeechdError as error:
            log.warning("another server was asked to pull %s: %s", model, error.message)
        finally:
            self._changed()


ACTIONS: dict[ModelAction, Callable[[Follower, str], Awaitable[None]]] = {
    "load": Follower._load,
    "unload": Follower._unload,
    "pull": Follower._pull,
    "remove": Follower._remove,
}
