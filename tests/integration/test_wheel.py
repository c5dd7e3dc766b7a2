"""The wheel serves by itself: it carries the models, and nothing that only made them."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, Fixture
from tests.wer import normalised

pytestmark = pytest.mark.extra


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (path,) = folder.glob("speechd-*.whl")
    return path


def test_it_carries_the_models_and_no_recipe(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "speechd/models/catalog.toml" in names
    assert "speechd/models/licences/MIT.txt" in names
    assert "speechd/models/whisper-pocket/model.bin" in names
    assert "speechd/jobs/migrations/env.py" in names
    assert "speechd/jobs/migrations/versions/v0001_files_and_batches.py" in names
    assert "speechd/models/en_US-pocket-x_low/en_US-pocket-x_low.onnx" in names
    assert not [name for name in names if "training" in name or "checkpoint" in name or name.startswith("tests")]
    assert wheel.stat().st_size < 40_000_000


def test_installed_without_the_checkout_it_transcribes(wheel: Path, tmp_path: Path, english: Fixture) -> None:
    """The dependencies come from this environment; the package itself comes from the wheel alone."""
    venv.create(tmp_path / "env", with_pip=False)
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{dependencies}\n")
    done = subprocess.run(
        [tmp_path / "env" / "bin" / "python", "-m", "speechd", "transcribe", english.path],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )
    assert normalised(done.stdout) == normalised(english.text), done.stderr
