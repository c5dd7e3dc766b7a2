"""The HTTP application: middleware, routes and error handlers in one place."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from speechd import __version__
from speechd.api.errors import install_handlers
from speechd.api.lifecycle.draining import Draining, DrainMiddleware
from speechd.api.lifecycle.readiness import Readiness
from speechd.api.metrics.metrics_server import serving_metrics
from speechd.api.metrics.snapshot import Snapshots
from speechd.api.middleware.access import Access
from speechd.api.middleware.in_flight import InFlightMiddleware, InFlightRequests
from speechd.api.middleware.rate_limits import RateLimits
from speechd.api.middleware.request import AccessMiddleware, RequestMiddleware
from speechd.api.realtime import router as realtime
from speechd.api.realtime import speech_router as speech_stream
from speechd.api.realtime.limits import SessionLimiter
from speechd.api.responses.job_events import JobStreams
from speechd.api.routes import (
    audio_jobs,
    batches,
    captions,
    docs,
    files,
    health,
    llm,
    metrics,
    models,
    speech,
    transcriptions,
    uploads,
)
from speechd.api.routes.admin import keys as admin_keys
from speechd.api.routes.admin import status as admin_status
from speechd.api.routes.compat import whisper_asr, whisper_cpp
from speechd.api.web import router as web
from speechd.audio.isolation.pool import shared_pool
from speechd.auth.usage import UsageCounters
from speechd.auth.usage_writer import UsageWriter
from speechd.dialects import DIALECTS
from speechd.operations.voice_samples import VoiceSamples
from speechd.service import Service
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from speechd.telemetry.recent_faults import RecentFaults
from speechd.telemetry.tracing import tracing
from speechd.worker.worker import Worker

COMPAT_ROUTERS = {"asr": whisper_asr.router, "inference": whisper_cpp.router}
"""Calls of other servers, by their names in SPEECHD_COMPAT."""

FrontDoorOpener = Callable[[Service, InFlightRequests], AbstractAsyncContextManager[None]]
"""Serves another protocol beside HTTP, on the same service, while it is open."""


def create_app(
    open_service: Callable[[Settings], Service],
    settings: Settings,
    draining: Draining | None = None,
    beside: FrontDoorOpener | None = None,
    metrics_listener: socket.socket | None = None,
) -> FastAPI:
    """The application; its service is opened when the server starts and closed when it stops.

    Args:
        open_service: called once, inside the running event loop.
        settings: passed to it.
        draining: what the server tells when it leaves.
        beside: opened after the service, and closed before it.
        metrics_listener: takes connections that ask for metrics and nothing else.
    """

    leaving = draining or Draining()
    usage, access = UsageCounters(), Access.of(settings)
    traffic = InFlightRequests()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(shared_pool().start, settings.decoders)  # before any engine takes its memory
        async with AsyncExitStack() as stack:
            stack.enter_context(tracing(settings))
            stack.enter_context(app.state.faults.recording())
            app.state.service = service = open_service(settings)
            stack.push_async_callback(service.close)
            app.state.jobs = jobs = StoreHandle(settings)
            stack.push_async_callback(jobs.close)
            writer = UsageWriter(usage, jobs.open_usage, needed=lambda: access.keys.has_named)
            await stack.enter_async_context(writer.running())
            app.state.metrics = snapshots = Snapshots(service, jobs)
            if metrics_listener is not None:
                await stack.enter_async_context(serving_metrics(snapshots, metrics_listener))
            if beside is not None:
                await stack.enter_async_context(beside(service, traffic))
            if settings.worker:
                worker = Worker(service, jobs, usage, traffic.busy)
                leaving.on_begin.append(worker.stop)
                await stack.enter_async_context(worker.running())
            app.state.readiness = readiness = Readiness(settings, service, jobs, leaving)
            await stack.enter_async_context(readiness.tried())
            yield
            leaving.close()
            app.state.service = None

    app = FastAPI(
        title="speechd",
        version=__version__,
        summary="Speech to text and text to speech, answering like Groq's and OpenAI's audio APIs.",
        lifespan=lifespan,
        routes=_routes(settings.compat, settings.page),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.captions = captions.caption_cache()
    app.state.realtime = SessionLimiter.of(settings)
    app.state.draining = leaving
    app.state.job_streams = JobStreams()
    app.state.samples = VoiceSamples()
    app.state.access, app.state.usage = access, usage
    app.state.started_at, app.state.faults = time.time(), RecentFaults()
    app.state.client_secrets = access.secrets
    install_handlers(app)
    app.add_middleware(InFlightMiddleware, traffic=traffic)
    app.add_middleware(RateLimits, usage=usage)
    app.add_middleware(AccessMiddleware, access=access)
    app.add_middleware(DrainMiddleware, draining=leaving)
    app.add_middleware(RequestMiddleware)  # added last: outermost
    return app


@cache
def _routes(compat: tuple[str, ...], page: bool) -> list[BaseRoute]:
    """All routes. They hold no state, so that a process makes them once: their schemas take 0.2 s of CPU.

    Args:
        compat: other servers whose calls are answered too.
        page: whether there is a page for browsers.
    """
    routes = APIRouter()
    if page:
        routes.include_router(web.router)  # first: it answers / for browsers
    routes.include_router(health.router)
    routes.include_router(metrics.router)
    routes.include_router(docs.router)
    for dialect in DIALECTS:
        routes.include_router(transcriptions.router(dialect), prefix=dialect.prefix)
        routes.include_router(audio_jobs.router, prefix=dialect.prefix)
        routes.include_router(speech.router(dialect), prefix=dialect.prefix)
        routes.include_router(captions.router(dialect), prefix=dialect.prefix)
        routes.include_router(models.router, prefix=dialect.prefix)
        routes.include_router(llm.router(dialect), prefix=dialect.prefix)
        routes.include_router(files.router(dialect), prefix=dialect.prefix)
        routes.include_router(uploads.router(dialect), prefix=dialect.prefix)
        routes.include_router(batches.router(dialect), prefix=dialect.prefix)
        routes.include_router(realtime.router(dialect), prefix=dialect.prefix)
        routes.include_router(speech_stream.router(dialect), prefix=dialect.prefix)
        routes.include_router(admin_keys.router, prefix=dialect.prefix)
        routes.include_router(admin_status.router, prefix=dialect.prefix)
    for name in compat:
        routes.include_router(COMPAT_ROUTERS[name])
    routes.add_api_websocket_route("/{path:path}", realtime.refuse_unknown)
    return routes.routes
