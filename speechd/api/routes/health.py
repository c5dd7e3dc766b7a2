"""Is it alive, is it ready, what is it."""

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from speechd import __version__
from speechd.api.dependencies import get_service
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


class Readiness(BaseModel):
    """The server takes requests."""

    status: Literal["ready"] = "ready"
    engines: dict[str, EngineFaultsView] | None = Field(
        None, description="Engines that had faults, by name. Each ended process is replaced by a new one."
    )
    decodings: DecodingFaultsView | None = Field(
        None, description="There where a recording was not decoded to its end."
    )


@router.get(
    "/readyz",
    summary="Requests will be served; models may still load at their first use.",
    response_model_exclude_none=True,
)
async def readyz(request: Request) -> Readiness:
    """
    Raises:
        Unavailable: the service is starting or stopping.
    """
    service = get_service(request)
    if not service.ready:
        raise Unavailable("The service is not ready.", code="starting", retry_after=1)
    faults = {name: EngineFaultsView(**asdict(each)) for name, each in service.engine_faults.items()}
    return Readiness(engines=faults or None, decodings=_decodings(service.decodings))


def _decodings(counts: DecodingCounts) -> DecodingFaultsView | None:
    """Without the number of all recordings, which is nobody's business who has no key."""
    told = {name: count for name, count in asdict(counts).items() if name in DecodingFaultsView.model_fields}
    return DecodingFaultsView(**told) if any(told.values()) else None
