"""Files by HTTP: resumed with Range requests, limited to the announced size, ended when the server is silent."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoResult
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import TypeVar

import httpx2

from speechd.errors import SourceFailed
from speechd.net.retries import RetryingCaller
from speechd.registry.sources import base
from speechd.registry.sources.base import ModelFile, Staging, byte_count, total_bytes

TRIES = 5
"""Lost connections in a row, without a new byte, before the source fails."""
IDENTITY = {"Accept-Encoding": "identity"}
"""A compressed answer has no ranges, and its length bounds nothing."""

RequestFactory = Callable[[ModelFile, dict[str, str]], httpx2.Response]
"""Requests one file with these headers, and returns when the headers of the answer arrive."""
HttpResponse = TypeVar("HttpResponse")

log = logging.getLogger("speechd.models")


def timeout() -> httpx2.Timeout:
    """For one step of a request; a download as a whole may take as long as bytes come."""
    return httpx2.Timeout(base.MAX_SILENCE)


def client() -> httpx2.Client:
    """With the proxies and certificates of the environment."""
    return httpx2.Client(follow_redirects=True, timeout=timeout())


def get(client: httpx2.Client, url: str, headers: dict[str, str]) -> httpx2.Response:
    """The answer to a GET, whose body is not read yet."""
    return client.send(client.build_request("GET", url, headers=headers), stream=True)


def in_time(ask: Callable[[], HttpResponse], place: str) -> HttpResponse:
    """The result of a call to a server.

    A thread waits for it, because the timeouts of an HTTP client hold for each address of a host and not for the name
    lookup. An abandoned thread ends later.

    Raises:
        SourceFailed: nothing came within SILENCE.
        Exception: whatever the call raised.
    """
    future: Future[HttpResponse] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except BaseException as error:  # noqa: BLE001  (handed to the thread that waits)
            future.set_exception(error)

    Thread(target=run, daemon=True, name="first-answer").start()
    try:
        return future.result(base.MAX_SILENCE)
    except NoResult:
        if future.done():
            raise  # the call's own
        future.add_done_callback(_close)
        raise _unanswered(place) from None


def _unanswered(place: str) -> SourceFailed:
    return SourceFailed(f"{place} did not answer within {base.MAX_SILENCE:g} s")


def _close(future: Future[HttpResponse]) -> None:
    """An answer that came too late is not kept open."""
    if future.exception() is None and isinstance(answer := future.result(), httpx2.Response):
        answer.close()


@dataclass(slots=True)
class _Losses:
    """Lost connections in a row without a byte gained."""

    part: Path
    in_a_row: int = field(default=0, init=False)
    _size: int = field(init=False)

    def __post_init__(self) -> None:
        self._size = byte_count(self.part)

    def count(self) -> int:
        """One more is lost; returns how many there are now."""
        before, self._size = self._size, byte_count(self.part)
        self.in_a_row = 0 if self._size > before else self.in_a_row + 1
        return self.in_a_row


@dataclass(slots=True)
class Download:
    """All files of one model from one server."""

    ask: RequestFactory
    place: str
    """Name of the server in messages."""
    staging: Staging
    _answered: bool = field(default=False, init=False)

    def fetch(self, files: tuple[ModelFile, ...]) -> None:
        """
        Raises:
            SourceFailed: see Source.fetch.
        """
        done, total = 0, total_bytes(files)
        for file in files:
            if not self.staging.has(file):
                self._fetch_checked(file, _offset(self.staging.report, done, total))
            done += file.size
            self.staging.report(done, total)

    def _fetch_checked(self, file: ModelFile, report: Callable[[int], None]) -> None:
        resumed = byte_count(self.staging.part(file)) > 0
        self._fetch_whole(file, report)
        try:
            self.staging.accept(file)
        except SourceFailed:
            if not resumed:
                raise
            self._fetch_whole(file, report)  # the beginning, from another source, may be wrong
            self.staging.accept(file)

    def _fetch_whole(self, file: ModelFile, report: Callable[[int], None]) -> None:
        """Fetches one file to its end, through lost connections."""
        part = self.staging.part(file)
        losses = _Losses(part)

        def pause(error: Exception) -> float | bool:
            if not isinstance(error, httpx2.HTTPError):
                return False
            self._judge(error, losses.count())
            log.info("connection lost at %d of %d bytes of %s: %s", byte_count(part), file.size, file.path, error)
            return self.staging.pause * 2.0**losses.in_a_row

        RetryingCaller(attempts=None, timeout=None)(pause, self._fetch_rest, file, part, report)

    def _fetch_rest(self, file: ModelFile, part: Path, report: Callable[[int], None]) -> None:
        if byte_count(part) != file.size:
            self._stream(file, part, report)
        if byte_count(part) < file.size:
            raise httpx2.RemoteProtocolError("the connection was closed early")

    def _judge(self, error: httpx2.HTTPError, failures: int) -> None:
        """Fails for a server that never answered, that is silent, or whose connections break without a byte."""
        if not self._answered and isinstance(error, httpx2.TimeoutException):
            raise _unanswered(self.place) from error
        if not self._answered or not isinstance(error, httpx2.TransportError):
            raise SourceFailed(f"{self.place} cannot be reached: {error}") from error
        if failures and isinstance(error, httpx2.TimeoutException):
            raise SourceFailed(f"{self.place} sent nothing for {base.MAX_SILENCE:g} s; what arrived is kept") from error
        if failures >= TRIES:
            raise SourceFailed(f"the connection to {self.place} was lost: {error}; what arrived is kept") from error

    def _stream(self, file: ModelFile, part: Path, report: Callable[[int], None]) -> None:
        """Requests the missing bytes and appends them. A complete answer replaces the file."""
        here = byte_count(part)
        headers = IDENTITY | ({"Range": f"bytes={here}-"} if here else {})
        reply = in_time(lambda: self.ask(file, headers), self.place)
        try:
            self._answered = True
            if reply.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                part.unlink()
                return
            if reply.status_code >= HTTPStatus.BAD_REQUEST:
                raise _refused(reply, file, self.place)
            resumed = reply.status_code == HTTPStatus.PARTIAL_CONTENT
            with part.open("ab" if resumed else "wb") as output:
                for chunk in reply.iter_raw():
                    output.write(chunk[: file.size + 1 - output.tell()])
                    report(output.tell())
                    if output.tell() > file.size:
                        return  # longer than announced: the hash will be wrong
        finally:
            reply.close()


def fetch_below(
    address: str, path_of: Callable[[ModelFile], str], files: tuple[ModelFile, ...], staging: Staging
) -> None:
    """Fetches files that lie below one address.

    Args:
        address: with or without a slash at its end.
        path_of: returns the path of a file below it.
        files, staging: see Source.fetch.

    Raises:
        SourceFailed: see Source.fetch.
    """
    with client() as asking:
        Download(
            lambda file, headers: get(asking, f"{address.rstrip('/')}/{path_of(file)}", headers),
            base.without_password(address),
            staging,
        ).fetch(files)


def _offset(report: base.ProgressCallback, before: int, total: int) -> Callable[[int], None]:
    return lambda done: report(before + done, total)


def _refused(reply: httpx2.Response, file: ModelFile, place: str) -> SourceFailed:
    wants_key = reply.status_code in (
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    )
    hint = ": it requires a password or a token" if wants_key else ""
    return SourceFailed(f"{place} answered {reply.status_code} for `{file.path}`{hint}")
