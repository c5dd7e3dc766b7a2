"""The package as others take it: by uvx, and as a list of what is in it."""

import json
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.integration.deploy.conftest import tool

pytestmark = pytest.mark.extra


def test_uvx_runs_it_from_a_checkout(tmp_path: Path) -> None:
    done = tool("uvx", "--cache-dir", tmp_path, "--from", ROOT, "speechd", "--help")
    if done.returncode and "error sending request" in done.stderr:
        pytest.skip("uv reaches no package index")
    assert done.returncode == 0, done.stderr
    assert "Self-hosted speech" in done.stdout


def test_the_list_of_packages_has_versions_and_licences() -> None:
    done = tool("cyclonedx-py", "environment", ROOT / ".deploy/bin/python", "--output-reproducible")
    assert done.returncode == 0, done.stderr
    components = json.loads(done.stdout)["components"]
    assert components
    assert all(each["version"] for each in components)
