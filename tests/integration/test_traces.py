"""The tree of spans of real requests, as a collector on loopback receives it over OTLP."""

import time
from pathlib import Path

import httpx2
import pytest

from tests.conftest import Fixture
from tests.integration.conftest import serving
from tests.integration.test_audio_jobs import ALLOWED, LATER, SECRET, receiving
from tests.support.otlp_receiver import collecting

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"
WINDOW = ["window", "  queue", "  batch"]


def indented(lines: list[str], depth: int) -> list[str]:
    return ["  " * depth + line for line in lines]


@pytest.mark.slow
def test_a_request_and_a_job_are_one_tree_each(tmp_path: Path, english: Fixture) -> None:
    with collecting() as collector, receiving() as webhook:
        with serving(tmp_path, SPEECHD_OTLP_ENDPOINT=collector.url, **ALLOWED) as url:
            form = {"model": "whisper-pocket", "language": "en"}
            with english.path.open("rb") as file, httpx2.Client(base_url=url, timeout=60) as client:
                at_once = client.post("/v1/audio/transcriptions", files={"file": file}, data=form)
                assert at_once.status_code == 200
                file.seek(0)
                later = form | {"webhook_url": webhook.url, "webhook_secret": SECRET}
                headers = LATER | {"traceparent": TRACEPARENT}
                job = client.post("/v1/audio/transcriptions", files={"file": file}, data=later, headers=headers)
                assert job.status_code == 202
            told, _ = webhook.wait()
            delivery = collector.wait_for("webhook")
        root = next(span for span in collector.spans if not span.parent)
        time.sleep(0.1)
        print("\n".join(collector.tree(root.trace_id)))
        print("\n".join(collector.tree(TRACE)))

    tree = collector.tree(root.trace_id)
    assert root.attributes["http.route"] == "/audio/transcriptions"
    assert root.attributes["speechd.request_id"] == at_once.headers["x-request-id"]
    assert tree[:3] == ["POST /audio/transcriptions", "  upload", "  transcribe"]
    assert tree[-1] == "  format"
    assert "    load model" in tree
    assert "    read" in tree
    first = tree.index("    window")
    assert tree[first : first + 3] == indented(WINDOW, 2)
    batch = next(span for span in collector.of(root.trace_id) if span.name == "batch")
    assert batch.attributes["speechd.windows"] == 1
    assert batch.attributes["speechd.generate_ms"] > 0

    ordered = collector.tree(TRACE)
    assert ordered[0] == "POST /audio/transcriptions"
    assert "  job" in ordered
    assert indented(WINDOW, 3)[0] in ordered
    assert delivery.trace_id == TRACE
    assert told["traceparent"] == f"00-{TRACE}-{delivery.id}-01"
