"""A property-based run (schemathesis) over our own schema: no 5xx but 501 and 503, no answer outside the schema."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.conftest import serving
from tests.support.llm_backends import backends_file, our_companion

CONFIG = Path(__file__).with_name("schemathesis.toml")
PROGRAM = os.environ.get("SCHEMATHESIS") or shutil.which("schemathesis") or str(ROOT / ".schema/bin/schemathesis")


@pytest.mark.extra
@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="schemathesis is not installed: make test-schema installs it")
@pytest.mark.parametrize("configured", [True, False], ids=["with a companion", "alone"])
def test_every_answer_is_in_the_schema(tmp_path: Path, configured: bool) -> None:
    with our_companion() as urls:
        variables = {"SPEECHD_LLM_BACKENDS_FILE": str(backends_file(tmp_path, urls))} if configured else {}
        variables |= {"SPEECHD_API_KEY": "sk-operator"}  # else the first key that it makes would close the server
        with serving(tmp_path / "data", SPEECHD_FETCH_TIMEOUT="1", SPEECHD_OFFLINE="true", **variables) as url:
            command = [PROGRAM, "--config-file", str(CONFIG), "run", f"{url}/openapi.json", "--no-color"]
            command += ["--header", "Authorization: Bearer sk-operator"]
            hooks = os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(CONFIG.parent)}
            done = subprocess.run(command, cwd=tmp_path, env=hooks, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
