"""Dependencies of handlers: the service, the store, the request id."""

from typing import BinaryIO, cast

from starlette.requests import HTTPConnection, Request

from speechd.api.lifecycle.readiness import Readiness
from speechd.api.middleware.rate_limits import caller_of, meter_of
from speechd.dialects import Dialect
from speechd.errors import Unavailable
from speechd.operations.context import RequestContext
from speechd.peers.peers import Peers
from speechd.service import Service
from speechd.store.store import StoreHandle


def get_service(request: HTTPConnection) -> Service:
    """
    Raises:
        Unavailable: the service is not open.
    """
    service = getattr(request.app.state, "service", None)
    if service is None:
        raise Unavailable("The service is starting.", code="starting", retry_after=1)
    return cast(Service, service)


def get_peers(request: HTTPConnection) -> Peers:
    """The other servers on the same database."""
    return cast(Peers, request.app.state.peers)


def get_readiness(request: Request) -> Readiness:
    """What the server needs, and whether it is there."""
    return cast(Readiness, request.app.state.readiness)


def get_store_handle(request: HTTPConnection) -> StoreHandle:
    """The handle on files, batches and their queue, which may not be open yet."""
    return cast(StoreHandle, request.app.state.jobs)


async def open_stored_recording(request: Request, file_id: str) -> BinaryIO:
    """The caller's stored file as a recording; whoever asks closes it.

    Raises:
        FileNotFound, InvalidRequest, StorageUnavailable: see speechd.store.files.Files.open_recording.
    """
    store = await get_store_handle(request).open()
    return await store.files.open_recording(caller_of(request), file_id)


def get_request_id(request: HTTPConnection) -> str:
    """The `req_...` of this request, as in its `x-request-id`."""
    return cast(str, request.state.request_id)


def context_of(request: HTTPConnection, dialect: Dialect) -> RequestContext:
    """Who asks, and how it is answered."""
    return RequestContext(
        caller=caller_of(request),
        dialect=dialect,
        request_id=get_request_id(request),
        retryable=True,
        meter=meter_of(request),
        find_speakers=get_store_handle(request).find_speakers,
        results=get_peers(request).results,
    )
