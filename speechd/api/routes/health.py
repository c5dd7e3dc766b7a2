"""Is it alive, is it ready, what is it."""

from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from speechd import __version__
from speechd.api.dependencies import get_readiness, get_service
from speechd.api.errors import error_headers
from speechd.api.lifecycle.readiness import CheckState, Readiness
from speechd.audio.isolation.pool import DecodingCounts
from speechd.errors import Unavailable

router = APIRouter(tags=["Status"])


@router.get("/", include_in_schema=False)
async def hint() -> dict[str, str]:
    return {"name": "speechd", "version": __version__, "docs": "/docs", "api": "/v1 and /openai/v1"}


@router.get("/healthz", summary="The process is alive.")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


class EngineFaultsView(BaseModel):
    """Faults of an engine since the server began. One that is a library has a model's id and can only be overdue."""

    hung: int = Field(description="Processes that were ended because they did not answer in time.")
    crashed: int = Field(description="Processes that ended by themselves.")
    overdue: int = Field(description="Windows that wait now for more than half of their time.")


class DecodingFaultsView(BaseModel):
    """Recordings that were not decoded to their end, since the server began."""

    crashed: int = Field(description="They broke off their process, or took more of the machine than is allowed.")
    abandoned: int = Field(description="Their callers left.")
    silent: int = Field(description="Their processes were ended because nothing came from them for minutes.")
    refused: int = Field(description="Their tables claim more samples than the file can have.")


class CheckView(BaseModel):
    """What a server needs, and how the last try of it ended."""

    status: CheckState
    message: str


class ReadinessView(BaseModel):
    """The server takes requests."""

    status: Literal["ready"] = "ready"
    checks: dict[str, CheckView] | None = Field(None, description="With `?verbose`: what was tried, by name.")
    engines: dict[str, EngineFaultsView] | None = Field(
        None, description="Engines that had faults, by name. Each ended process is replaced by a new one."
    )
    decodings: DecodingFaultsView | None = Field(
        None, description="There where a recording was not decoded to its end."
    )


@router.get(
    "/readyz",
    summary="Requests will be served; models may still load at their first use.",
    response_model=ReadinessView,
    response_model_exclude_none=True,
)
async def readyz(
    request: Request,
    verbose: Annotated[str | None, Query(description="With any value or none: lists what was tried.")] = None,
) -> Response:
    """
    Raises:
        Unavailable: the service is starting or leaving, or what it needs is not there.
    """
    service, readiness = get_service(request), get_readiness(request)
    checks = None if verbose is None else _checks(readiness)
    try:
        readiness.check()
    except Unavailable as error:
        return _with_checks(error, checks)
    faults = {name: EngineFaultsView(**asdict(each)) for name, each in service.engine_faults.items()}
    told = ReadinessView(checks=checks, engines=faults or None, decodings=_decodings(service.decodings))
    return JSONResponse(told.model_dump(exclude_none=True))


def _with_checks(error: Unavailable, checks: dict[str, CheckView] | None) -> Response:
    """The envelope, with the checks beside the error where they are wanted."""
    if checks is None:
        raise error
    listed = {name: each.model_dump() for name, each in checks.items()}
    return JSONResponse({**error.envelope(), "checks": listed}, error.status, error_headers(error))


def _checks(readiness: Readiness) -> dict[str, CheckView]:
    return {name: CheckView(status=each.state, message=each.message) for name, each in readiness.checks.items()}


def _decodings(counts: DecodingCounts) -> DecodingFaultsView | None:
    """Without the number of all recordings, which is nobody's business who has no key."""
    told = {name: count for name, count in asdict(counts).items() if name in DecodingFaultsView.model_fields}
    return DecodingFaultsView(**told) if any(told.values()) else None
