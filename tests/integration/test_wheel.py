"""The wheel works by itself: it carries the models, and runs on the newest and on the oldest libraries it allows."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import soundfile
from packaging.requirements import Requirement

from tests.conftest import ROOT, Fixture
from tests.integration.conftest import LISTENS, started
from tests.support.wer import normalised

pytestmark = pytest.mark.extra

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("python3.14", "python3.13", "python3.12")
"""Later ones first: on them the newest libraries are newer than on Python 3.11, PyAV for one."""


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
    assert "speechd/store/migrations/env.py" in names
    assert "speechd/api/web/static/index.html" in names
    assert "speechd/api/web/static/js/editor/edits.js" in names
    assert "speechd/api/web/static/vendor/preact/LICENSE" in names
    assert "speechd/store/migrations/versions/v0001_files_and_batches.py" in names
    assert "speechd/models/en_US-pocket-x_low/en_US-pocket-x_low.onnx" in names
    assert not [name for name in names if "training" in name or "checkpoint" in name or name.startswith("tests")]
    assert wheel.stat().st_size < 40_000_000


def test_all_is_every_extra_but_those_of_developers_and_of_clusters(wheel: Path) -> None:
    """Ray is 500 MB, and of use only on several machines."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert Requirement(everything).extras == extras.keys() - {"all", "cluster", "dev", "docs"}


@pytest.mark.parametrize("libraries", ["newest", "lowest"])
def test_installed_from_the_index_it_transcribes_speaks_and_serves(
    libraries: str, wheel: Path, tmp_path: Path, english: Fixture
) -> None:
    python = newest_python() if libraries == "newest" else sys.executable
    command = installed(wheel, tmp_path, python, lowest() if libraries == "lowest" else [])
    assert normalised(run(command, tmp_path, "transcribe", str(english.path))) == normalised(english.text)
    run(command, tmp_path, "speak", "Tea costs two dollars.", "-o", "tea.flac", "--captions", "tea.srt")
    assert soundfile.info(tmp_path / "tea.flac").duration > 1
    assert "dollars" in (tmp_path / "tea.srt").read_text()
    with started(tmp_path / "data", "serve", LISTENS, program=[command]) as server:
        form = ["-F", "model=auto", "-F", "response_format=text", "-F", f"file=@{english.path}"]
        answer = subprocess.run(
            ["curl", "--silent", "--fail", f"{server.found}/v1/audio/transcriptions", *form],
            capture_output=True,
            text=True,
        )
    assert normalised(answer.stdout) == normalised(english.text), "".join(server.log)


def installed(wheel: Path, folder: Path, python: str, constraints: list[str]) -> Path:
    """The command `speechd` of a new environment, into which pip put the wheel with its voices."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder / "env"], check=True)
    limits = folder / "constraints.txt"
    limits.write_text("\n".join(constraints))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "env" / "bin" / "python")]
    package = f"speechd[tts] @ {wheel.as_uri()}"
    install = [*pip, "install", "--quiet", "--disable-pip-version-check", "--constraint", limits, package]
    done = subprocess.run(install, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    subprocess.run([*pip, "check"], check=True, capture_output=True)
    return folder / "env" / "bin" / "speechd"


def lowest() -> list[str]:
    """`numpy>=1.26` -> `numpy==1.26` for whatever speechd and its voices ask for."""
    asked = [Requirement(text) for text in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["tts"])]
    return [f"{one.name}=={bound.version}" for one in asked for bound in one.specifier if bound.operator == ">="]


def newest_python() -> str:
    """The newest Python of this machine that can make an environment."""
    found = filter(None, map(shutil.which, PYTHONS))
    return next((python for python in found if works(python)), sys.executable)


def works(python: str) -> bool:
    """It is more than a name: version managers put commands into the path that only say what is not chosen."""
    return subprocess.run([python, "-c", "import venv"], capture_output=True).returncode == 0


def run(command: Path, folder: Path, *arguments: str) -> str:
    """What it prints, in a home that nobody has used."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run([command, *arguments], cwd=folder, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout
