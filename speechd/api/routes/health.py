"""Is it alive, is it ready, what is it."""

from fastapi import APIRouter, Request

from speechd import __version__
from speechd.api.dependencies import get_service
from speechd.errors import Unavailable

router = APIRouter(tags=["Status"])


@router.get("/", include_in_schema=False)
async def hint() -> dict[str, str]:
    return {"name": "speechd", "version": __version__, "docs": "/docs", "api": "/v1 and /openai/v1"}


@router.get("/healthz", summary="The process is alive.")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="Requests will be served; models may still load at their first use.")
async def readyz(request: Request) -> dict[str, str]:
    """
    Raises:
        Unavailable: the service is starting or stopping.
    """
    if not get_service(request).ready:
        raise Unavailable("The service is not ready.", code="starting", retry_after=1)
    return {"status": "ready"}
