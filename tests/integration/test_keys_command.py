"""`speechd keys` beside a running server."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from tests.integration.conftest import serving


def keys(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SPEECHD_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "speechd", "keys", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.slow
def test_a_key_from_its_making_to_its_end(tmp_path: Path) -> None:
    made = keys(tmp_path, "add", "anna", "--requests-per-day", "2")
    assert made.returncode == 0
    bearer = {"authorization": f"Bearer {made.stdout.strip()}"}
    with serving(tmp_path) as url:
        assert httpx2.get(f"{url}/v1/models").status_code == 401
        assert httpx2.get(f"{url}/v1/models", headers=bearer).status_code == 200
    assert "requests per day 1 of 2" in keys(tmp_path, "list").stdout
    with serving(tmp_path) as url:  # the counters outlive the process
        reply = httpx2.get(f"{url}/v1/models", headers=bearer)
        assert reply.headers["x-ratelimit-remaining-requests"] == "0"
        assert httpx2.get(f"{url}/v1/models", headers=bearer).status_code == 429
        listed = keys(tmp_path, "list").stdout
        assert listed.startswith("anna  made ")
        assert "  may transcribe,speak,text,batches,metrics  " in listed
        assert httpx2.delete(f"{url}/v1/models/whisper-tiny", headers=bearer).status_code == 403
        assert keys(tmp_path, "revoke", "anna").returncode == 0
        assert httpx2.get(f"{url}/v1/models", headers=bearer).status_code == 401
    assert "requests per day" not in keys(tmp_path, "list").stdout
    again = keys(tmp_path, "revoke", "anna")
    assert again.returncode == 1
    assert "no key named anna" in again.stderr


def test_a_permission_that_does_not_exist(tmp_path: Path) -> None:
    refused = keys(tmp_path, "add", "anna", "--may", "fly")
    assert refused.returncode == 1
    assert "transcribe, speak, text, batches, models, metrics" in refused.stderr
    assert keys(tmp_path, "list").stdout == ""
    assert not (tmp_path / "speechd.db").exists(), "nobody is limited, so nothing is counted"
