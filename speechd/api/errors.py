"""Error handlers: an exception becomes the envelope, the headers and the status of its class."""

import logging
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from speechd.dialects import COMPAT_PATHS
from speechd.errors import (
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    Overloaded,
    SpeechdError,
)
from speechd.telemetry import metrics
from speechd.telemetry.request_record import current_record

logger = logging.getLogger("speechd.api")


def error_headers(error: SpeechdError) -> dict[str, str]:
    """The reply headers which tell an SDK whether and when to try again."""
    headers = {}
    if error.should_retry is not None:
        headers["x-should-retry"] = "true" if error.should_retry else "false"
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, round(error.retry_after)))
        headers["retry-after-ms"] = str(round(error.retry_after * 1000))
    return headers


def note_error(error: SpeechdError) -> None:
    """Counts an error that a caller is told. What failed leaves a line in the log, with the traceback of its cause
    where a library raised it."""
    code = error.error_code or str(error.status)
    current_record().error = code
    metrics.ERRORS.labels(metrics.code_label(code)).inc()
    if isinstance(error, Overloaded):
        metrics.OVERLOADED.labels(metrics.code_label(code)).inc()
    if isinstance(error, InternalError) and type(error) is not InternalError:  # that was logged with what it stands for
        logger.error("%s: %s", code, error.message, exc_info=error if error.__cause__ else None)
    elif error.status in (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT):
        logger.warning("%s: %s", code, error.message)


def error_response(error: SpeechdError) -> Response:
    note_error(error)
    headers = error_headers(error)
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(error.envelope(), error.status, headers)


def internal_error(request_id: str) -> InternalError:
    """Logs the current exception with the request's id. The caller gets only the id."""
    logger.exception("%s failed", request_id)
    return InternalError(f"Something went wrong inside the server. Quote {request_id} when you report it.")


def install_handlers(app: FastAPI) -> None:
    app.add_exception_handler(SpeechdError, _on_speechd_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)


def _on_speechd_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, SpeechdError):
        raise error
    return error_response(error)


def _on_validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    fault = error.errors()[0]
    param = str(fault["loc"][-1])
    return error_response(InvalidRequest(f"Invalid value for `{param}`: {fault['msg']}.", param=param))


def _on_http_exception(request: Request, error: Exception) -> Response:
    """Starlette's own errors, which come from routing."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method == "OPTIONS":
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=error.headers)
    reply = error_response(_translated(error, request))
    reply.headers.update(error.headers or {})
    return reply


def _translated(error: HTTPException, request: Request) -> SpeechdError:
    address = f"{request.method} {request.url.path[:200]}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        if name := COMPAT_PATHS.get(request.url.path):
            return NotFound(f"{address} is off on this server. SPEECHD_COMPAT={name} turns it on.", code="unknown_url")
        return NotFound(f"Unknown request URL: {address}.", code="unknown_url")
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return MethodNotAllowed(f"The method is not allowed here: {address}.")
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return InvalidRequest(str(error.detail))
    return InternalError()
