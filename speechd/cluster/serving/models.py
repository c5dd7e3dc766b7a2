"""The models of the cluster as an API process sees them: where they are deployed, and how many replicas answer."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from speechd.cluster.serving.calls import ReplicaLost, stream_items, translated
from speechd.cluster.serving.deployer import get_deployer, start_serve
from speechd.cluster.serving.placement import ReplicaPlan, app_name
from speechd.cluster.serving.wire import Failed
from speechd.errors import SpeechdError, Unavailable
from speechd.registry.catalog import Model
from speechd.registry.files import folder_bytes
from speechd.registry.loading.manager import LoadedModel, ManagerLimits, ModelManager, ModelStatus
from speechd.settings import Settings

LOOK_SECONDS = 2.0
"""Between two looks at the cluster."""
SILENT_SECONDS = 30.0
"""Without a sign of life after which a replica counts as lost: it hangs, or the network is cut."""
AGAIN_SECONDS = 10.0
"""After which a caller is asked to come again whose model has no replica yet."""

log = logging.getLogger("speechd.cluster")


@dataclass(frozen=True, slots=True)
class AppStatus:
    """One application of Ray Serve, as it was when the cluster was last looked at."""

    replicas: int
    """That answer requests."""
    state: str
    """As Ray Serve calls it: RUNNING, DEPLOYING, DEPLOY_FAILED ..."""
    message: str = ""
    """What Ray Serve says of it."""
    since: float = 0.0
    """Unix seconds at which its first replica was seen here."""


class ClusterModels(ModelManager):
    """The models in the cluster's memory. The models of this process, which only tell the voices of references apart,
    are in the manager that it is."""

    def __init__(
        self,
        load: Callable[[Model], Awaitable[LoadedModel]],
        limits: ManagerLimits,
        settings: Settings,
        installed: Callable[[], Iterable[Model]],
    ) -> None:
        """
        Args:
            installed: the models that this server knows.
        """
        super().__init__(load, limits)
        self._settings = settings
        self._installed = installed
        self._handles: dict[str, asyncio.Task[Any]] = {}
        self._apps: dict[str, AppStatus] = {}
        self._serving: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look at the cluster, and starts Ray Serve where it does not run."""
        self._looking = asyncio.create_task(self._look(), name="cluster")

    def list(self) -> tuple[ModelStatus, ...]:
        """Models in memory, here and in the cluster; see ModelManager.list."""
        answering = {app: status for app, status in self._apps.items() if status.replicas}
        if not answering:
            return super().list()
        there = [(model, answering.get(app_name(model.id))) for model in self._installed() if model.path]
        found = [
            ModelStatus(model, folder_bytes(model.path), 0, status.since, None)
            for model, status in there
            if status and model.path
        ]
        return (*super().list(), *found)

    async def load(self, model: Model) -> None:
        """Loads a model in the cluster ahead of its first use, and replaces replicas of other files or settings.

        Raises:
            SpeechdError: it cannot be loaded.
        """
        self._handles.pop(app_name(model.id), None)
        failed: Failed | None = await self.ask(model, "warm_up")
        if failed is not None:
            raise failed.error

    async def unload(self, model_id: str) -> bool:
        """Ends the replicas of a model when they have answered their requests; see ModelManager.unload."""
        app = app_name(model_id)
        self._handles.pop(app, None)
        with translated():
            there: bool = await get_deployer().remove.remote(app)
        self._apps.pop(app, None)
        return await super().unload(model_id) or there

    async def close(self) -> None:
        """Leaves the replicas as they are: other servers use them."""
        running = [task for task in (self._looking, self._serving) if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await super().close()

    async def stream(self, model: Model, method: str, *call: object) -> AsyncGenerator[Any, None]:
        """What a method of one of its replicas yields.

        Raises:
            ReplicaLost, SpeechdError: see speechd.cluster.serving.calls.
            Unavailable: no replica has started in SPEECHD_CLUSTER_START_SECONDS.
        """
        handle = await self._handle(model)
        async with contextlib.aclosing(stream_items(handle, method, call, partial(self._next_item, model))) as items:
            async for item in items:
                yield item

    async def ask(self, model: Model, method: str, *call: object) -> Any:
        """The one thing that a method of one of its replicas yields.

        Raises:
            ReplicaLost, SpeechdError: see `stream`.
        """
        async with contextlib.aclosing(self.stream(model, method, *call)) as items:
            async for item in items:
                return item
        raise ReplicaLost("it ended without an answer")

    async def _handle(self, model: Model) -> Any:
        """Of its deployment, which is made where there is none."""
        app = app_name(model.id)
        if app not in self._handles:
            self._handles[app] = asyncio.create_task(self._deploy(model))
        try:
            return await asyncio.shield(self._handles[app])
        except BaseException:
            task = self._handles.get(app)
            if task is not None and task.done() and (task.cancelled() or task.exception() is not None):
                del self._handles[app]
            raise

    async def _deploy(self, model: Model) -> Any:
        """
        Raises:
            SpeechdError: the cluster does not answer, or refuses.
        """
        import ray
        from ray import serve

        with translated():
            await self._serve()
            resources = await asyncio.to_thread(ray.cluster_resources)
            plan = await asyncio.to_thread(ReplicaPlan.of, model, self._settings, gpus=resources.get("GPU", 0) > 0)
            await get_deployer().deploy.remote(plan)
            handle = await asyncio.to_thread(serve.get_app_handle, plan.app)
        return handle

    async def _serve(self) -> None:
        """Ray Serve runs. Where it could not be started, that is tried again."""
        tried = self._serving
        if tried is None or (tried.done() and (tried.cancelled() or tried.exception() is not None)):
            self._serving = tried = asyncio.create_task(asyncio.to_thread(start_serve), name="ray serve")
        await asyncio.shield(tried)

    async def _next_item(self, model: Model, item: Awaitable[Any]) -> Any:
        """The next thing that a replica sends. It sends something every SIGN_SECONDS, however long it works.

        Raises:
            ReplicaLost: nothing has come for SILENT_SECONDS, although there are replicas.
            Unavailable: there is no replica after SPEECHD_CLUSTER_START_SECONDS.
        """
        app, waiting = app_name(model.id), asyncio.ensure_future(item)
        began = changed = time.monotonic()
        there = bool(self._status(app).replicas)
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=1.0)
                now = time.monotonic()
                if there != bool(self._status(app).replicas):
                    there, changed = not there, now
                if waiting.done():
                    break
                if there and now - changed >= SILENT_SECONDS:
                    raise ReplicaLost("nothing comes from it")
                if not there and now - began >= self._settings.cluster_start_seconds:
                    self._handles.pop(app, None)  # it may have been removed: the next request looks
                    raise await self._no_replica(model)
            return waiting.result()
        finally:
            waiting.cancel()

    async def _no_replica(self, model: Model) -> SpeechdError:
        import ray

        plan = await asyncio.to_thread(ReplicaPlan.of, model, self._settings, gpus=_has_gpus(ray.nodes()))
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(plan.resources.fits(machine) for machine in machines):
            why = f"no machine of the cluster has {plan.resources}"
        else:
            why = self._status(plan.app).message.partition("\n")[0] or "all machines are in use"
        log.error("no replica of %s has started: %s", model.id, why)
        return Unavailable(
            f"No replica of `{model.id}` has started: {why}.", code="no_replica", retry_after=AGAIN_SECONDS
        )

    def _status(self, app: str) -> AppStatus:
        return self._apps.get(app, AppStatus(0, ""))

    async def _look(self) -> None:
        """Looks at the cluster again and again. While it does not answer, what was seen last holds."""
        while True:
            try:
                await self._serve()
                now = await asyncio.to_thread(read_apps)
                self._apps = {app: seen_again(status, self._apps.get(app)) for app, status in now.items()}
            except Exception as error:  # noqa: BLE001 - Ray raises what its controller's death looks like at the moment
                log.warning("the cluster does not tell its state: %s", str(error).partition("\n")[0])
            await asyncio.sleep(LOOK_SECONDS)


def read_apps() -> dict[str, AppStatus]:
    """The applications of Ray Serve; blocking."""
    from ray import serve

    found = {}
    for name, app in serve.status().applications.items():
        replicas = sum(each.replica_states.get("RUNNING", 0) for each in app.deployments.values())
        messages = [app.message, *(each.message for each in app.deployments.values())]
        found[name] = AppStatus(replicas, str(app.status), next(filter(None, messages), ""))
    return found


def seen_again(status: AppStatus, before: AppStatus | None) -> AppStatus:
    """The status with the time of its first replica.

    Args:
        before: what was seen last.
    """
    known = before.since if before else 0.0
    return replace(status, since=(known or time.time()) if status.replicas else 0.0)


def _has_gpus(machines: "list[dict[str, Any]]") -> bool:
    return any(machine["Alive"] and machine["Resources"].get("GPU", 0) > 0 for machine in machines)
