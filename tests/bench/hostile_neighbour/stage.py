"""The server of the show: a real one, with a key for each client and one for the hostile caller."""

import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from speechd.auth.keys import PERMISSIONS, KeyFile, KeyLimits
from speechd.registry.files import shipped_models
from tests.integration.conftest import LISTENS, started
from tests.support.processes import eventually

DESCRIPTORS = 512
"""Files that the server may have open: 224 connections, which are soon used up."""
QUOTA = 300_000_000
"""Bytes of all files."""
ENGINE_SECONDS = 4
"""Deadline of a window of PocketSphinx, which the hostile caller has stopped."""
CHARGED_SECONDS = 60
"""Seconds of audio a day that one of the hostile keys may have."""


@dataclass(frozen=True)
class Stage:
    """Where the server is and who may call it. It can be pickled."""

    url: str
    pid: int
    data: Path
    model: str
    keys: Mapping[str, str] = field(repr=False)
    """Secrets by name: `client-0` and so on, `hostile`, `limited` and `manager`."""

    def headers(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[name]}"}


@contextmanager
def staged(model: Path, clients: int) -> Iterator[Stage]:
    """A server on a copy of the model's folder, which is named after it."""
    with tempfile.TemporaryDirectory(prefix="hostile-neighbour-") as folder, _silent_hub() as hub:
        data = Path(folder) / "data"
        shutil.copytree(model, data / "models" / model.name)
        operators = Path(folder) / "operator"
        shutil.copytree(shipped_models() / "whisper-pocket", operators / "linked")
        (data / "models" / "linked").symlink_to(operators / "linked")
        keys = _keys(KeyFile(data / "keys.json"), clients)
        script = f'ulimit -n {DESCRIPTORS}; exec "{sys.executable}" -m speechd "$@"'
        program = ("sh", "-c", script, "speechd")
        with started(data, "serve", LISTENS, program=program, **_variables(hub)) as server:
            if not eventually(lambda: httpx2.get(f"{server.found}/readyz", timeout=60).is_success, 60):
                raise RuntimeError("the server is not ready")
            yield Stage(server.found, server.process.pid, data, model.name, keys)


def _keys(file: KeyFile, clients: int) -> dict[str, str]:
    keys = {f"client-{number}": file.add(f"client-{number}", KeyLimits()) for number in range(clients)}
    keys["hostile"] = file.add("hostile", KeyLimits())
    keys["limited"] = file.add("limited", KeyLimits(audio_seconds_per_day=CHARGED_SECONDS))
    keys["manager"] = file.add("manager", KeyLimits(), PERMISSIONS)
    return keys


def _variables(hub: str) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub,
        "HF_HUB_OFFLINE": "0",
        "SPEECHD_ALLOW_ANY_MODEL": "true",
        "SPEECHD_RESULT_CACHE_SECONDS": "0",  # every request is computed
        "SPEECHD_FILES_QUOTA_BYTES": str(QUOTA),
        "SPEECHD_ENGINE_TIMEOUT": str(ENGINE_SECONDS),
    }


@contextmanager
def _silent_hub() -> Iterator[str]:
    """Takes connections, as far as its queue goes, and says nothing."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0), backlog=200)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
