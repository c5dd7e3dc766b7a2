"""A property-based run (schemathesis) over the document that Groq publishes: every answer is in its schemas.

The document is not part of this repository. GROQ_OPENAPI is its path.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tests.conftest import ROOT
from tests.integration.clients.conftest import RECORDING, SuiteResult
from tests.integration.clients.test_sdk_suites import spare_models
from tests.integration.conftest import serving
from tests.integration.test_properties import PROGRAM
from tests.support.llm_backends import backends_file, our_companion
from tests.support.placeholder_proxy import BATCH_INPUT

HERE = Path(__file__).parent
DOCUMENT = Path(os.environ.get("GROQ_OPENAPI", ROOT.parent / "shared" / "reference" / "groq-openapi.yml"))
KNOWN = ("speech: one content type is documented for all formats", "chat: `logprobs` is what the LLM backend gives")
"""What published.toml leaves out, and why."""
SPARE = 20

pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(
        not Path(PROGRAM).exists(), reason="schemathesis is not installed: make test-schema installs it"
    ),
    pytest.mark.skipif(not DOCUMENT.exists(), reason="Groq's document is not here: GROQ_OPENAPI is its path"),
]


def objects(url: str) -> tuple[dict[str, str], list[str]]:
    """The ids of a file and of its batch, which stay, and of files that may be deleted."""
    with httpx2.Client(base_url=f"{url}/v1", timeout=120) as client:
        form = {"data": {"purpose": "batch"}, "files": {"file": ("input.jsonl", BATCH_INPUT)}}
        files = [client.post("/files", **form).json()["id"] for _ in range(SPARE + 1)]  # type: ignore[arg-type]
        asked = {"input_file_id": files[0], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batch = client.post("/batches", json=asked).json()["id"]
    return {"file_id": files[0], "batch_id": batch, "model": "whisper-pocket", "id": "ft_1"}, files[1:]


def test_every_answer_is_in_the_published_schema(tmp_path: Path, report: Callable[[SuiteResult], None]) -> None:
    models = spare_models(tmp_path / "data", SPARE)
    with our_companion() as urls:
        variables = {"SPEECHD_LLM_BACKENDS_FILE": str(backends_file(tmp_path, urls)), "SPEECHD_OFFLINE": "true"}
        with serving(tmp_path / "data", SPEECHD_FETCH_TIMEOUT="1", **variables) as url:
            ids, files = objects(url)
            hooks = {"SCHEMATHESIS_HOOKS": "published_hooks", "PYTHONPATH": str(HERE)}
            hooks |= {"PUBLISHED_IDS": json.dumps(ids), "PUBLISHED_RECORDING": str(RECORDING)}
            hooks |= {"PUBLISHED_SPARE": json.dumps({"model": models, "file_id": files})}
            command = [PROGRAM, "--config-file", str(HERE / "published.toml"), "run", str(DOCUMENT)]
            command += ["--url", url, "--no-color"]
            done = subprocess.run(
                command, cwd=tmp_path, env=os.environ | hooks, capture_output=True, text=True, timeout=1800
            )
    cases = int((re.findall(r"(\d+) generated", done.stdout) or ["0"])[0])
    found = int((re.findall(r"(\d+) unique failures?", done.stdout) or ["0"])[0])
    report(SuiteResult("schemathesis, Groq's document", cases, cases - found, found, KNOWN))
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert cases > 500
