"""Runs the HTTP API under uvicorn until it is stopped."""

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from functools import partial

from speechd.api.app import FrontDoorOpener, create_app
from speechd.api.connections import ServerConfig
from speechd.api.lifecycle.draining import Draining
from speechd.api.lifecycle.graceful_server import GracefulServer, LeavingTimes
from speechd.api.middleware.access import refuse_unsafe_binding
from speechd.configuration.origins import unknown_notes
from speechd.configuration.reload import reload_settings
from speechd.errors import Misconfigured
from speechd.registry.files import PULL_PAIR
from speechd.registry.memory import MODEL_MEMORY
from speechd.registry.registry import ModelStore
from speechd.registry.selection import installed_bytes
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.telemetry.logs import start_logging
from speechd.telemetry.tracing import check_tracing

EMBEDDED_ONLY = (
    "`auto` is whisper-pocket, which works offline and understands synthetic voices only."
    f" Install models that understand people and speak like them: {PULL_PAIR}"
)
"""Logged at the start where no other model is installed."""

log = logging.getLogger("speechd")


def run(
    settings: Settings,
    lacking: str = "",
    beside: FrontDoorOpener | None = None,
    open_service: Callable[[Settings], Service] = open_service,
) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        settings: they have the address.
        lacking: why wanted models are missing; logged in the same line.
        beside: another protocol on the same service.
        open_service: called once, inside the running event loop.

    Raises:
        Misconfigured: the address is open to the network without a key, or the server cannot listen on it.
        FeatureNotInstalled: traces are wanted, and the extra is missing.
    """
    refuse_unsafe_binding(settings)
    check_tracing(settings)
    start_logging(settings)
    listener = listen(settings.host, settings.port)
    metrics_listener = listen_for_metrics(settings)
    draining = Draining()
    config = ServerConfig(
        create_app(open_service, settings, draining, beside, metrics_listener),
        settings,
        log_config=None,  # its lines are in the format of all others
        access_log=False,
        server_header=False,
    )
    host, port = listener.getsockname()[:2]
    log.info("speechd listens on http://%s:%d (API documentation: /docs)", f"[{host}]" if ":" in host else host, port)
    for line in unknown_notes(Settings.model_fields):
        log.warning(line)
    for line in startup_notes(ModelStore(settings), lacking):
        log.warning(line)
    with listener:
        reload = partial(reload_settings, settings)
        GracefulServer(config, LeavingTimes.of(settings), draining, reload).run(sockets=[listener])


def startup_notes(store: ModelStore, lacking: str = "") -> Iterator[str]:
    """Notes on the models for the operator before the first request, each in one line."""
    if store.only_embedded:
        lacking = f"{lacking} {EMBEDDED_ONLY}".strip()
    if lacking:
        yield lacking
    for model in store.too_large:
        wanted, there = installed_bytes(model) * MODEL_MEMORY / 1e9, store.memory / 1e9
        yield f"`auto` uses {model.id} last: it may need {wanted:.1f} GB of memory, and {there:.1f} GB are free."


def listen_for_metrics(settings: Settings) -> socket.socket | None:
    """The socket of SPEECHD_METRICS_PORT; None where there is no such port.

    Raises:
        Misconfigured: see listen.
    """
    if settings.metrics_port is None:
        return None
    listener = listen(settings.metrics_host, settings.metrics_port, "SPEECHD_METRICS_PORT")
    host, port = listener.getsockname()[:2]
    log.info("metrics are at http://%s:%d/metrics", f"[{host}]" if ":" in host else host, port)
    return listener


def listen(host: str, port: int, setting: str = "SPEECHD_PORT") -> socket.socket:
    """A listening socket, opened before the service, so that a used port is reported at once.

    Args:
        setting: that chooses the port.

    Raises:
        Misconfigured: there is no such address here, or the port is in use.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as failed:
            listener = failed.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
            failed.pop_all()
    except OSError as error:
        raise Misconfigured(
            f"Cannot listen on {host} port {port}: {error.strerror or error}. Choose another with --port or {setting}."
        ) from error
    return listener
