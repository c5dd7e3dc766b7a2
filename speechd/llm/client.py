"""One request to an LLM backend and its answer: bytes as they arrive, or an error of `speechd.errors`.

The caller's key and the headers of one connection are not sent on. The backend's own key is sent instead.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx2

from speechd.errors import BackendFailure, BackendTimeout, SpeechdError
from speechd.llm.backends import Backend
from speechd.llm.errors import refusal
from speechd.settings import Settings
from speechd.telemetry.metrics import LLM_REQUESTS, backend_label
from speechd.telemetry.tracing import span, trace_headers

HOP_BY_HOP = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""RFC 9110, section 7.6.1: they belong to one connection."""
NOT_SENT = HOP_BY_HOP | frozenset(
    [
        "host",
        "content-length",
        "expect",
        "accept-encoding",
        "content-type",
        "authorization",
        "cookie",
        "api-key",
        "x-api-key",
        "origin",
        "referer",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-real-ip",
    ]
)
"""Headers of the caller that are not sent on: credentials, and headers of this connection."""
NOT_RETURNED = HOP_BY_HOP | frozenset(
    [
        "content-length",
        "content-encoding",
        "date",
        "server",
        "set-cookie",
        "strict-transport-security",
        "alt-svc",
        "access-control-allow-origin",
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-expose-headers",
        "x-request-id",
        "www-authenticate",
    ]
)
"""Headers of the backend that are replaced by this server's own, or that have no meaning here."""

MAX_RESPONSE_BYTES = 256 << 20
"""Bytes at most of an answer that is read as a whole."""

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class BackendResponse:
    """The answer of a backend with a status below 300."""

    headers: dict[str, str]
    chunks: AsyncIterator[bytes]
    """The body as it arrives. Raises BackendFailure when the connection breaks."""

    @property
    def is_stream(self) -> bool:
        return self.headers.get("content-type", "").lower().startswith("text/event-stream")

    async def read(self) -> bytes:
        """
        Raises:
            BackendFailure: it broke off, or is longer than MAX_RESPONSE_BYTES.
        """
        parts, size = [], 0
        async for chunk in self.chunks:
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                raise BackendFailure("The LLM backend's answer is too long.")
            parts.append(chunk)
        return b"".join(parts)


class BackendClient:
    """The connections to all backends; belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._first_byte = settings.llm_answer_timeout
        self._silence = settings.llm_silence_timeout
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(None, connect=settings.llm_connect_timeout),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=100),
            trust_env=False,  # a backend is reached as the settings say, never through $HTTP_PROXY
            follow_redirects=False,
        )
        self._http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # callers share this client

    async def close(self) -> None:
        await self._http.aclose()

    @asynccontextmanager
    async def open(
        self, backend: Backend, method: str, path: str, body: bytes = b"", headers: Headers = ()
    ) -> AsyncGenerator[BackendResponse]:
        """Sends a request. Leaving the context closes the connection if the answer was not read to its end.

        Args:
            path: below the backend's base URL, with a leading slash.
            headers: the caller's.

        Raises:
            BackendFailure, BackendTimeout: it cannot be reached, is too slow, or its answer is not valid.
            BackendRefusal, NotSupportedByBackend, ModelNotFound: it answered an error.
        """
        address = backend.base_url + path
        with span(f"{method} {path}", "client", speechd__backend=backend.name), _counted(backend) as counted:
            sent = _outgoing(headers, backend)
            response = await self._send(
                backend, self._http.build_request(method, address, content=body or None, headers=sent)
            )
            counted.append(str(response.status_code))
        try:
            if response.status_code >= HTTPStatus.MULTIPLE_CHOICES:
                raise await self._refused(backend, response)
            yield BackendResponse(_incoming(response.headers), self._chunks(backend, response))
        finally:
            await response.aclose()

    async def _send(self, backend: Backend, request: httpx2.Request) -> httpx2.Response:
        try:
            async with asyncio.timeout(self._first_byte):
                return await self._http.send(request, stream=True)
        except (TimeoutError, httpx2.TimeoutException):
            raise BackendTimeout(f"The LLM backend ({backend.name}) did not answer in time.") from None
        except httpx2.ConnectError:
            raise BackendFailure(
                f"The LLM backend ({backend.name}) cannot be reached.", code="backend_unreachable"
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL):
            raise BackendFailure(f"The LLM backend ({backend.name}) closed the connection.") from None

    async def _refused(self, backend: Backend, response: httpx2.Response) -> SpeechdError:
        answer = BackendResponse({}, self._chunks(backend, response))
        return refusal(backend, response.status_code, await answer.read(), response.headers)

    async def _chunks(self, backend: Backend, response: httpx2.Response) -> AsyncIterator[bytes]:
        chunks = response.aiter_bytes()
        while True:
            try:
                async with asyncio.timeout(self._silence):
                    chunk = await anext(chunks, None)
            except (TimeoutError, httpx2.TimeoutException):
                raise BackendTimeout(f"The LLM backend ({backend.name}) stopped sending data.") from None
            except (httpx2.HTTPError, httpx2.StreamError):
                raise BackendFailure(f"The LLM backend ({backend.name}) ended its answer early.") from None
            if chunk is None:
                return
            yield chunk


@contextmanager
def _counted(backend: Backend) -> Iterator[list[str]]:
    """Counts a request by the status that the block puts into the list."""
    statuses: list[str] = []
    try:
        yield statuses
    finally:
        LLM_REQUESTS.labels(backend_label(backend.name), *(statuses or ["error"])).inc()


def _outgoing(headers: Headers, backend: Backend) -> list[tuple[str, str]]:
    pairs = [(name.lower(), value) for name, value in headers]
    named = {token.strip().lower() for name, value in pairs if name == "connection" for token in value.split(",")}
    kept = [(name, value) for name, value in pairs if name not in NOT_SENT and name not in named]
    if trace := trace_headers():
        kept = [*((name, value) for name, value in kept if name not in trace), *trace.items()]
    kept += [("content-type", "application/json"), ("accept-encoding", "identity")]
    return [*kept, ("authorization", f"Bearer {backend.api_key}")] if backend.api_key else kept


def _incoming(headers: Any) -> dict[str, str]:
    named = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    return {name: value for name, value in headers.items() if name not in NOT_RETURNED and name not in named}
