import asyncio
from typing import Any

import pytest

from speechd.api.middleware.in_flight import InFlightMiddleware, InFlightRequests


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("/v1/audio/transcriptions", True),
        ("/openai/v1/audio/speech", True),
        ("/v1/chat/completions", True),
        ("/v1/batches", False),
        ("/v1/files", False),
        ("/healthz", False),
    ],
)
async def test_callers_of_models_are_counted_while_they_wait(path: str, counts: bool) -> None:
    answered = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answered.wait()
        raise LookupError

    traffic = InFlightRequests()
    call = asyncio.create_task(InFlightMiddleware(app, traffic)({"type": "http", "path": path}, None, None))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert traffic.busy() == counts
    answered.set()
    await asyncio.gather(call, return_exceptions=True)
    assert not traffic.busy()
