"""Requests of every kind at once in a server's first moments, while it still loads what it works with."""

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.conftest import Fixture
from tests.integration.conftest import LISTENS, started

LATER = {"prefer": "respond-async"}
HOOK = {"webhook_url": "http://127.0.0.1:9/", "webhook_secret": "whsec_a25vd24gdG8gdGhlIHR3byBvZiB1cywgb25seQ=="}
SPEECH = {"input": "Good morning.", "model": "auto", "voice": "auto"}


@pytest.mark.slow
async def test_all_are_answered(tmp_path: Path, english: Fixture) -> None:
    pytest.importorskip("piper")
    recording = english.path.read_bytes()
    form = {"model": "whisper-pocket", "language": "en"}
    variables = {"SPEECHD_FETCH_ALLOW_HOSTS": "127.0.0.1"}
    with started(tmp_path, "serve", LISTENS, **variables) as server:
        async with httpx2.AsyncClient(base_url=f"{server.found}/v1", timeout=120) as client:

            def upload(data: dict[str, str], headers: dict[str, str] | None = None) -> Any:
                return client.post("/audio/transcriptions", data=data, files={"file": recording}, headers=headers)

            replies = await asyncio.gather(
                upload(form | HOOK, LATER),
                upload(form),
                client.post("/audio/speech", json=SPEECH),
                client.post("/audio/speech", json=SPEECH | HOOK, headers=LATER),
                client.get("/audio/jobs"),
                client.get("/batches"),
                client.get("/files"),
                client.get("/models"),
                client.get("/chat/completions"),
                client.post("/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", b"{}\n")}),
            )
    statuses = [reply.status_code for reply in replies]
    missing = [line for line in server.log if "understands synthetic voices only" in line]
    assert [line.rstrip().endswith(": speechd models pull") for line in missing] == [True], "one line, with what helps"
    assert statuses == [202, 200, 200, 202, 200, 200, 200, 200, 405, 200], "".join(server.log)
