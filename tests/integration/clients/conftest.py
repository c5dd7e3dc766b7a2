"""What the suites of other people's clients share: where they are installed, and the table of what came of them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, ROOT

CLIENTS = Path(os.environ.get("CLIENTS_DIR", ROOT / ".clients"))
NOT_INSTALLED = "{} is not installed: make test-clients installs it into .clients"
RECORDING = FIXTURES / "en_going_to_the_library.wav"


@dataclass(frozen=True)
class SuiteResult:
    """One line of the table."""

    suite: str
    calls: int
    """Requests that reached the server, or calls of the client where nobody counts the requests."""
    passed: int
    failed: int
    why: tuple[str, ...] = ()
    """The reasons of the failures, each once."""


RESULTS = pytest.StashKey[list[SuiteResult]]()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[SuiteResult], None]:
    """Adds a line to the table that is printed at the end of the run."""
    return request.config.stash.setdefault(RESULTS, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if results := config.stash.get(RESULTS, []):
        terminalreporter.section("suites of clients")
        terminalreporter.write_line(table(results))


def table(results: Iterable[SuiteResult]) -> str:
    """The results in columns; the second reason of a suite stands below the first."""
    lines = [f"{'suite':<34}{'calls':>6}{'passed':>8}{'failed':>8}  why"]
    for row in results:
        first, *rest = row.why or ("",)
        lines.append(f"{row.suite:<34}{row.calls:>6}{row.passed:>8}{row.failed:>8}  {first}".rstrip())
        lines += [f"{'':<58}{reason}" for reason in rest]
    return "\n".join(lines)


def python_of(client: str) -> Path:
    """The interpreter of a client's environment; the test is skipped where it is not there."""
    path = CLIENTS / client / "bin" / "python"
    if not (CLIENTS / client / "installed.txt").exists():
        pytest.skip(NOT_INSTALLED.format(client))
    return path


def node_with_packages(folder: Path) -> Path:
    """Node, with the packages of the AI SDK in a folder; the test is skipped where one is not there."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (CLIENTS / "node" / "node_modules").exists():
        pytest.skip(NOT_INSTALLED.format("the AI SDK"))
    (folder / "node_modules").symlink_to(CLIENTS / "node" / "node_modules")
    return Path(node)


def run_program(command: list[object], folder: Path, variables: Mapping[str, str], limit: int) -> str:
    """What a program printed; it must end well. It finds the commands of its own environment first."""
    words = [str(word) for word in command]
    path = f"{Path(words[0]).parent}:{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SPEECHD_", "PYTHON"))}
    environment = inherited | {"PATH": path} | variables
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout
