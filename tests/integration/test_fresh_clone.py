"""What a new user does, word for word: the README's first blocks in a fresh clone, an empty home and a plain PATH."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import FIXTURES, ROOT, fixtures
from tests.support.wer import word_errors

pytestmark = pytest.mark.extra

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def block(text: str) -> str:
    """The first block with this text."""
    return next(block for block in BLOCKS if text in block)


INSTALL, TRANSCRIBE, SPEAK, COMMANDS = map(block, ("git clone", "audio/transcriptions", "audio/speech", "activate"))
ADDRESS = "http://127.0.0.1:8000"
START_SECONDS = 900
"""A slow line may need this long for the packages."""


@dataclass(frozen=True)
class Clone:
    """A checkout of nothing but what git would bring, with a server that `make run` started in it."""

    folder: Path
    environment: Mapping[str, str]
    address: str
    log: str
    """What `make run` said until the server listened."""

    def sh(self, block: str) -> subprocess.CompletedProcess[str]:
        """Runs a block as it stands, but for the port."""
        command = ["bash", "-e", "-c", block.replace(ADDRESS, self.address)]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("clone")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    environment = {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "SPEECHD_PORT": free_port()}
    settings = ("PIP_", "SSL_", "REQUESTS_CA")  # how this machine reaches its package index
    environment |= {name: value for name, value in os.environ.items() if name.startswith(settings)}
    clone_line, command = INSTALL.strip().splitlines()
    assert clone_line.startswith("git clone --depth 1 ")
    log = home / "make.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            command.split(),
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            address = wait_for_address(process, log)
            yield Clone(folder, environment, address, log.read_text())
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def tracked() -> list[str]:
    """Files that git keeps, and new ones that it would."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).exists()]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def wait_for_address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(START_SECONDS * 2):
        if found := re.search(r"listens on (http://\S+)", log.read_text()):
            return found[1]
        assert process.poll() is None, log.read_text()
        time.sleep(0.5)
    raise AssertionError(log.read_text())


def test_it_says_what_it_does(clone: Clone) -> None:
    assert "Installing speechd into .venv" in clone.log
    assert f"curl {clone.address}/v1/audio/transcriptions" in clone.log
    assert "whisper-base is installed" in clone.log
    assert "en_US-joe-medium is installed" in clone.log
    assert "synthetic voices only" not in clone.log


def test_only_what_runs_is_installed(clone: Clone) -> None:
    listed = clone.sh(".venv/bin/python -m pip list").stdout.lower()
    assert "piper-tts" in listed
    assert not [name for name in ("mypy", "ruff", "pytest", "openai", "groq") if f"\n{name} " in listed]


def test_it_transcribes_and_speaks_over_http(clone: Clone) -> None:
    reply = clone.sh(TRANSCRIBE.replace("curl ", "curl -i "))
    assert spoken("en_television.flac") in reply.stdout
    assert "x-speechd-model: whisper-base" in reply.stdout
    done = clone.sh(SPEAK.replace("curl ", "curl -D headers "))
    assert done.returncode == 0, done.stderr
    assert "x-speechd-voice: en_US-joe-medium" in (clone.folder / "headers").read_text()
    assert (clone.folder / "tea.mp3").stat().st_size > 5_000


def test_the_command_lines_are_found_and_none_fails(clone: Clone) -> None:
    done = clone.sh(COMMANDS)
    assert done.returncode == 0, done.stderr
    assert "command not found" not in done.stderr
    assert "failed" not in done.stderr
    lines = done.stdout.splitlines()
    assert word_errors(spoken("en_television.flac"), lines[0])[0] == 0
    assert (clone.folder / "out" / "en_television.srt").exists()
    assert (clone.folder / "tea.srt").exists()


def spoken(name: str) -> str:
    return next(fixture.text for fixture in fixtures() if fixture.path == FIXTURES / name)
