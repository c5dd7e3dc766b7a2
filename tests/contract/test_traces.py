"""Traces through the application: the caller's trace goes on, to the collector and to LLM backends."""

import asyncio
import socket
import sys
from collections.abc import Iterator

import httpx2
import pytest

from speechd.errors import FeatureNotInstalled
from speechd.settings import Settings
from speechd.telemetry import tracing
from tests.contract.conftest import House, Opener
from tests.support.llm_server import CHAT, FakeLlm
from tests.support.otlp_receiver import CLIENT, SERVER, OtlpReceiver, collecting

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    with collecting() as receiver:
        yield receiver


async def chat(house: House, **headers: str) -> httpx2.Response:
    body = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
    return await house.client.post("/v1/chat/completions", json=body, headers=headers)


async def test_a_backend_is_told_the_trace(open_house: Opener, llm: FakeLlm, collector: OtlpReceiver) -> None:
    house = await open_house(llm_base_url=llm.url, otlp_endpoint=collector.url)
    assert (await chat(house, traceparent=TRACEPARENT)).status_code == 200
    root = await asyncio.to_thread(collector.wait_for, "POST /chat/completions", kind=SERVER)
    asked = await asyncio.to_thread(collector.wait_for, "POST /chat/completions", kind=CLIENT)
    assert (root.trace_id, root.parent) == (TRACE, PARENT)
    assert (asked.trace_id, asked.parent) == (TRACE, root.id)
    told = next(seen for seen in llm.seen if seen.path.endswith("/chat/completions"))
    assert told.headers["traceparent"] == f"00-{TRACE}-{asked.id}-01"


async def test_without_traces_the_callers_own_goes_on(open_house: Opener, llm: FakeLlm) -> None:
    house = await open_house(llm_base_url=llm.url)
    await chat(house, traceparent=TRACEPARENT)
    assert llm.seen[-1].headers["traceparent"] == TRACEPARENT


@pytest.mark.parametrize("given", ["", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "x" * 5000, TRACEPARENT.upper()])
async def test_a_malformed_trace_is_not_taken(given: str, open_house: Opener, collector: OtlpReceiver) -> None:
    house = await open_house(otlp_endpoint=collector.url)
    assert (await house.client.get("/v1/models", headers={"traceparent": given})).status_code == 200
    root = await asyncio.to_thread(collector.wait_for, "GET /models")
    assert root.parent == ""


async def test_a_failure_marks_its_span(open_house: Opener, collector: OtlpReceiver) -> None:
    house = await open_house(otlp_endpoint=collector.url)
    assert (await house.transcribe(b"crash", prefix="/openai/v1")).status_code == 500
    root = await asyncio.to_thread(collector.wait_for, "POST /audio/transcriptions")
    assert root.failed
    assert root.attributes["http.response.status_code"] == 500
    assert collector.tree(root.trace_id) == ["POST /audio/transcriptions", "  upload", "  transcribe"]


async def test_a_collector_that_does_not_answer_costs_nothing(open_house: Opener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        house = await open_house(otlp_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        for number in range(20):
            assert (await house.transcribe(b"request %d" % number)).status_code == 200


def test_without_the_extra_the_setting_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    tracing.check_tracing(Settings())
    with pytest.raises(FeatureNotInstalled, match=r"speechd\[otel\]"):
        tracing.check_tracing(Settings(otlp_endpoint="http://127.0.0.1:4318"))
