"""Tools that read what is in deploy/: `make test-deploy` installs them into .deploy."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
TOOLS = ROOT / ".deploy" / "bin"


def tool(name: str, *words: object, **options: object) -> "subprocess.CompletedProcess[str]":
    """Runs a tool of .deploy, which sees nothing of this environment's packages."""
    if not (TOOLS / name).exists():
        pytest.skip(f"{name} is not in .deploy: make test-deploy")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(TOOLS / name), *map(str, words)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=Path("/"), **options
    )  # type: ignore[call-overload, no-any-return]
