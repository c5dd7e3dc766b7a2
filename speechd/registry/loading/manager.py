"""The models in memory: loaded at their first use, shared, unloaded when idle and never while in use.

A loaded model can be any object that `load` returns and that can be closed.
"""

import asyncio
import contextlib
import ctypes
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from speechd.registry.catalog import Model
from speechd.registry.files import folder_bytes
from speechd.telemetry.metrics import EVICTIONS, model_label

TRIM_SECONDS = 5.0
"""After the last use of any model, until what its work took is given back. Work that goes on takes it again."""

log = logging.getLogger("speechd.models")


class LoadedModel(Protocol):
    """A model in memory."""

    async def close(self) -> None:
        """Waits for running work and frees the memory."""
        ...


@dataclass(frozen=True, slots=True)
class ManagerLimits:
    """Limits on models in memory; 0 sets no bound."""

    keep_alive: float = -1
    """Seconds that an unused model stays; -1 for ever."""
    models: int = 0
    bytes: int = 0
    """Of model files, which is about what their weights take."""

    def allow(self, sizes: list[int]) -> bool:
        """Whether models of these sizes may be in memory together. A single one always may."""
        if len(sizes) <= 1:
            return True
        return (not self.models or len(sizes) <= self.models) and (not self.bytes or sum(sizes) <= self.bytes)


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model in memory."""

    model: Model
    bytes: int
    users: int
    """Recordings that use it now."""
    loaded_at: float
    """Unix seconds."""
    expires_in: float | None
    """Seconds until it is unloaded if it stays unused; None while it is in use or has no such limit."""
    loaded: LoadedModel | None = None
    """None while it is being loaded."""


@dataclass(eq=False, slots=True)
class _ManagedModel:
    model: Model
    bytes: int
    loading: "asyncio.Task[LoadedModel]"
    loaded_at: float
    used_at: float
    users: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None


class ModelManager:
    """The models in memory."""

    def __init__(self, load: Callable[[Model], Awaitable[LoadedModel]], limits: ManagerLimits) -> None:
        self._load = load
        self._limits = limits
        self._table: dict[str, _ManagedModel] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._trimming: asyncio.TimerHandle | None = None

    def list(self) -> tuple[ModelStatus, ...]:
        """Models in memory or being loaded, the longest unused first."""
        now = asyncio.get_running_loop().time()
        return tuple(
            ModelStatus(
                each.model,
                each.bytes,
                each.users,
                each.loaded_at,
                each.timer.when() - now if each.timer else None,
                each.loading.result() if each.loading.done() and not _failed(each.loading) else None,
            )
            for each in sorted(self._table.values(), key=lambda each: each.used_at)
        )

    @contextlib.asynccontextmanager
    async def use(self, model: Model) -> AsyncGenerator[LoadedModel]:
        """The loaded model, held for the duration of the context. Concurrent calls wait for one load.

        A caller must not hold one model while it waits for another: with room for one only, that is a deadlock. One for
        speakers may be held beside another.

        Raises:
            EngineFailure: its files cannot be loaded.
        """
        resident = await self._admit(model)
        try:
            yield await asyncio.shield(resident.loading)
        except BaseException:
            if _failed(resident.loading):
                self._forget(resident)
            raise
        finally:
            self._leave(resident)

    async def load(self, model: Model) -> None:
        """Loads a model ahead of its first use."""
        async with self.use(model):
            pass

    async def unload(self, model_id: str) -> bool:
        """Unloads a model when it is no longer in use, and returns then; False if it was not loaded.

        A request that arrives meanwhile loads it again.
        """
        resident = self._table.get(model_id)
        if resident is None:
            return False
        await asyncio.shield(self._retire(resident))
        return True

    async def close(self) -> None:
        """Waits for running work and unloads all models."""
        for resident in list(self._table.values()):
            self._retire(resident, wait=False)
        await asyncio.gather(*self._leaving, return_exceptions=True)
        self._trim_later(wanted=False)

    async def _admit(self, model: Model) -> _ManagedModel:
        """Reserves memory for a model, as soon as there is room."""
        size = folder_bytes(model.path) if model.path else 0
        while model.id not in self._table:
            if not _counts(model) or self._limits.allow([size, *(each.bytes for each in self._counted())]):
                self._table[model.id] = self._resident(model, size)
            else:
                await self._make_room(model)
        resident = self._table[model.id]
        resident.users += 1
        resident.idle.clear()
        _stop_timer(resident)
        self._trim_later(wanted=False)
        return resident

    async def _make_room(self, model: Model) -> None:
        """Unloads the least recently used idle model; where none is idle, waits until something changes."""
        idle = [each for each in self._counted() if not each.users and each.loading.done()]
        if not idle:
            await self._changed.wait()
            return
        victim = min(idle, key=lambda each: each.used_at)
        log.info("unloading %s to make room for %s", victim.model.id, model.id)
        EVICTIONS.labels(model_label(victim.model.id)).inc()
        await asyncio.shield(self._retire(victim))

    def _counted(self) -> Iterator[_ManagedModel]:
        return (each for each in self._table.values() if _counts(each.model))

    def _resident(self, model: Model, size: int) -> _ManagedModel:
        async def load() -> LoadedModel:
            return await self._load(model)

        now = asyncio.get_running_loop().time()
        return _ManagedModel(model, size, asyncio.create_task(load()), loaded_at=time.time(), used_at=now)

    def _leave(self, resident: _ManagedModel) -> None:
        loop = asyncio.get_running_loop()
        resident.users -= 1
        resident.used_at = loop.time()
        if not resident.users:
            resident.idle.set()
            if self._table.get(resident.model.id) is resident and self._limits.keep_alive >= 0:
                resident.timer = loop.call_later(self._limits.keep_alive, self._retire, resident)
            self._trim_later(wanted=not any(each.users for each in self._table.values()))
        self._tell()

    def _trim_later(self, *, wanted: bool) -> None:
        """Gives memory back once all models have been idle for TRIM_SECONDS, or no longer wants to."""
        if self._trimming is not None:
            self._trimming.cancel()
            self._trimming = None
        if wanted:
            loop = asyncio.get_running_loop()
            self._trimming = loop.call_later(TRIM_SECONDS, loop.run_in_executor, None, trim_memory)

    def _tell(self) -> None:
        """Wakes loads that wait for memory."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _forget(self, resident: _ManagedModel) -> None:
        """Removes it from the table, so that no new request gets it."""
        if self._table.get(resident.model.id) is resident:
            del self._table[resident.model.id]
        _stop_timer(resident)

    def _retire(self, resident: _ManagedModel, *, wait: bool = True) -> "asyncio.Task[None]":
        """Begins to unload; with `wait`, after the last use."""
        self._forget(resident)
        task = asyncio.create_task(self._unload(resident, wait))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return task

    async def _unload(self, resident: _ManagedModel, wait: bool) -> None:
        await asyncio.wait([resident.loading])
        if not _failed(resident.loading):  # else the caller got the error
            if wait and resident.users:
                await resident.idle.wait()
            await resident.loading.result().close()
            await asyncio.to_thread(trim_memory)
            log.info("unloaded %s", resident.model.id)
        self._tell()


def _counts(model: Model) -> bool:
    """Whether the limits are for it. A model for speakers is small, and held beside the recogniser of its recording:
    one of them would wait for the other to leave."""
    return model.kind != "speakers"


def _stop_timer(resident: _ManagedModel) -> None:
    if resident.timer:
        resident.timer.cancel()
        resident.timer = None


def _failed(task: "asyncio.Task[LoadedModel]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def trim_memory() -> None:
    """Returns freed memory to the system: glibc keeps it for reuse otherwise (malloc_trim(3)); elsewhere nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
