"""Imports only go down the layers of pyproject.toml, and no heavy library loads before it is needed."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


def test_imports_only_go_down() -> None:
    program = (
        "from importlinter.cli import lint_imports_command; lint_imports_command()"  # it changes this process's logs
    )
    found = subprocess.run([sys.executable, "-c", program, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("speechd.api.app", ("ctranslate2", "onnxruntime", "faster_whisper", "librosa", "ray", "torch")),
        ("speechd.api.app", ("sqlalchemy", "alembic", "aiosqlite")),
        ("speechd.api.app", ("av",)),  # recordings are decoded elsewhere
        ("speechd.cli.main", ("numpy", "fastapi", "av", "httpx2", "ctranslate2", "pydantic")),
    ],
)
def test_heavy_libraries_load_late(module: str, heavy: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
