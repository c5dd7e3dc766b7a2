"""Runs the HTTP API under uvicorn until it is told to stop."""

import contextlib
import logging
import socket

import uvicorn

from speechd.api.access import refuse_unsafe_binding
from speechd.api.app import create_app
from speechd.errors import Misconfigured
from speechd.modelfiles import PULL_COMMAND
from speechd.modelstore import ModelStore
from speechd.service import open_service
from speechd.settings import Settings

SHUTDOWN_SECONDS = 10
"""Requests in hand may finish for this long after the first signal."""

log = logging.getLogger("speechd")


def run(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises:
        Misconfigured: the address is open to the network and nothing guards it, or it cannot be listened on.
    """
    refuse_unsafe_binding(settings)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if settings.log_level.lower() != "debug":
        logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for each request to an LLM backend
    listener = listen(settings.host, settings.port)
    config = uvicorn.Config(
        create_app(open_service, settings),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    host, port = listener.getsockname()[:2]
    log.info("speechd listens on http://%s:%d (API documentation: /docs)", f"[{host}]" if ":" in host else host, port)
    if ModelStore(settings).only_embedded:
        log.warning("Only the embedded models are installed; they do not understand people well: %s", PULL_COMMAND)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; taken before the service opens, so that a port in use is said at once.

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
            f"Cannot listen on {host} port {port}: {error.strerror or error}."
            " Choose another with --port or SPEECHD_PORT."
        ) from error
    return listener
