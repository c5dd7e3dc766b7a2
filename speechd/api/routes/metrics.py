"""GET /metrics, for Prometheus. With keys it needs one that may `metrics`; without, only this machine may ask."""

from typing import cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from speechd.api.metrics.metrics_server import metrics_response
from speechd.api.metrics.snapshot import Snapshots
from speechd.api.middleware.access import is_this_machine
from speechd.errors import PermissionDenied

router = APIRouter(tags=["Status"])


@router.get(
    "/metrics",
    summary="Counters, gauges and histograms of this process, for Prometheus.",
    response_class=Response,
    responses={200: {"description": "Prometheus' text format, or OpenMetrics.", "content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """
    Raises:
        PermissionDenied: without keys, the caller is not this machine.
    """
    if request.state.key is None and not is_this_machine(request):
        raise PermissionDenied(
            "Without API keys only this machine may read /metrics. Make a key with `speechd keys add NAME --may"
            " metrics`, or set SPEECHD_METRICS_PORT and SPEECHD_METRICS_HOST."
        )
    return await metrics_response(cast(Snapshots, request.app.state.metrics), request)
