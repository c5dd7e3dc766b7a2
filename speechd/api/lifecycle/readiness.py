"""Whether requests will be served: what they need was tried at the start, and what failed is tried again.

A check that has passed is not made again: what fails later is told by the requests that need it.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speechd.api.lifecycle.draining import Draining
from speechd.configuration.origins import unknown_names
from speechd.errors import Misconfigured, ModelNotInstalled, SpeechdError, Unavailable
from speechd.registry.loading.loaders import check_device
from speechd.registry.model_names import AUTO
from speechd.service import Service
from speechd.settings import Settings
from speechd.store.store import SQLITE_NAME, StoreHandle
from speechd.types import TranscribeOptions

FIRST_SECONDS = 1.0
"""Of the start, which waits so long for the checks: most servers are ready when they answer their first request."""
AGAIN_SECONDS = 5.0
"""Between two tries of what failed."""
STARTING = "not tried yet"

CheckState = Literal["ok", "failed", "pending"]

log = logging.getLogger("speechd")


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """How the last try of a check ended."""

    state: CheckState
    message: str
    """What was found, in one sentence without a path or an address."""


class Readiness:
    """The checks of one server; belongs to its event loop."""

    def __init__(self, settings: Settings, service: Service, jobs: StoreHandle, draining: Draining) -> None:
        self._settings = settings
        self._service = service
        self._jobs = jobs
        self._draining = draining
        self._status = {name: CheckStatus("pending", STARTING) for name in CHECKS}

    @property
    def checks(self) -> dict[str, CheckStatus]:
        """All checks, by their names."""
        preload = CheckStatus("ok", "Loaded.") if self._service.ready else CheckStatus("pending", "Models are loading.")
        if self._draining.state != "serving":
            return {**self._status, "preload": preload, "serving": CheckStatus("failed", "The server is leaving.")}
        return {**self._status, "preload": preload}

    def check(self) -> None:
        """
        Raises:
            Unavailable: the server is starting or leaving, or a check failed; the message says which.
        """
        if self._draining.state != "serving":
            raise Unavailable("The server is leaving.", code="draining", retry_after=1)
        checks = self.checks
        if failed := [f"{name}: {each.message}" for name, each in checks.items() if each.state == "failed"]:
            raise Unavailable(f"The service is not ready. {' '.join(failed)}", code="not_ready", retry_after=5)
        if pending := [name for name, each in checks.items() if each.state == "pending"]:
            raise Unavailable(f"The service is not ready: {', '.join(pending)}.", code="starting", retry_after=1)

    @asynccontextmanager
    async def tried(self) -> AsyncIterator[None]:
        """Makes the checks. Those that take longer than FIRST_SECONDS, and those that failed, go on in the block."""
        task = asyncio.create_task(self._try_until_ready(), name="readiness")
        await asyncio.wait({task}, timeout=FIRST_SECONDS)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _try_until_ready(self) -> None:
        while True:
            for name, check in CHECKS.items():
                if self._status[name].state != "ok":
                    await self._try(name, check)
            if all(each.state == "ok" for each in self._status.values()):
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _try(self, name: str, check: "ReadinessCheck") -> None:
        """An unforeseen error is a failed check as well: a server that cannot tell is not ready."""
        before = self._status[name]
        try:
            self._status[name] = CheckStatus("ok", await check(self._settings, self._service, self._jobs))
        except SpeechdError as error:
            self._status[name] = CheckStatus("failed", error.message)
        except Exception:
            log.exception("the check %s failed itself", name)
            self._status[name] = CheckStatus("failed", "Something went wrong inside the server.")
        now = self._status[name]
        if now.state == "failed" and now != before:
            log.error("not ready: %s: %s", name, now.message)
        elif before.state == "failed" and now.state == "ok":
            log.info("%s is well again", name)


async def _settings(settings: Settings, service: Service, jobs: StoreHandle) -> str:
    unknown = unknown_names(Settings.model_fields)
    return f"Valid. Unknown: {', '.join(unknown)}." if unknown else "Valid."


async def _data_folder(settings: Settings, service: Service, jobs: StoreHandle) -> str:
    """
    Raises:
        Misconfigured: nothing can be written to it.
    """
    try:
        await asyncio.to_thread(_write_to, settings.data_dir)
    except OSError as error:
        raise Misconfigured(f"The data folder cannot be written: {error.strerror}.") from None
    return "It can be written."


def _write_to(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"speechd")


async def _database(settings: Settings, service: Service, jobs: StoreHandle) -> str:
    """
    Raises:
        StorageUnavailable, Misconfigured, FeatureNotInstalled: it cannot be opened.
    """
    if settings.worker or settings.database_url or (settings.data_dir / SQLITE_NAME).exists():
        await jobs.open()
        return "It is open."
    return "It is made when it is first used."


async def _default_model(settings: Settings, service: Service, jobs: StoreHandle) -> str:
    """
    Raises:
        ModelNotFound, ModelNotInstalled, InvalidRequest, Unprocessable: plain requests would be refused.
    """
    named = settings.default_model
    if named == AUTO:
        return "`auto`."
    try:
        model = await asyncio.to_thread(service.models.choose, named, TranscribeOptions())
    except ModelNotInstalled:
        if settings.auto_pull and not settings.offline:
            return f"`{named}` is pulled at its first request."
        raise
    return f"`{model.id}`."


async def _device(settings: Settings, service: Service, jobs: StoreHandle) -> str:
    """
    Raises:
        Misconfigured: there is no such device here.
    """
    return await asyncio.to_thread(check_device, settings.device)


ReadinessCheck = Callable[[Settings, Service, StoreHandle], Awaitable[str]]

CHECKS: dict[str, ReadinessCheck] = {
    "settings": _settings,
    "data_folder": _data_folder,
    "default_model": _default_model,
    "device": _device,
    "database": _database,
}
"""In this order: the last ones load libraries or wait for other programs."""
