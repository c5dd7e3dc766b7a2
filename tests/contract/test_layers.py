"""Imports only go down the layers of pyproject.toml, and no heavy library loads before it is needed."""

import subprocess
import sys

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.conftest import ROOT


def test_imports_only_go_down(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename="pyproject.toml", cache_dir=None)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


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
