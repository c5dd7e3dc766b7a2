"""A PostgreSQL of the tests' own, where its programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = next((path.parent for path in sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), reverse=True)), None)


def _missing() -> str:
    """Why there can be no PostgreSQL; "" where there can."""
    if find_spec("asyncpg") is None:
        return "asyncpg is not installed: pip install 'speechd[postgres]'"
    if not (shutil.which("pg_ctl") and shutil.which("initdb")) and PROGRAMS is None:
        return "PostgreSQL is not installed: apt install postgresql"
    if os.getuid() == 0 and not _user():
        return "PostgreSQL does not run as root, and there is no other user"
    return ""


def _user() -> str | None:
    """Whom to run it as: PostgreSQL refuses to be root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


needs_postgres = [pytest.mark.extra, pytest.mark.skipif(bool(_missing()), reason=_missing() or "it is there")]


@contextmanager
def serving_postgres() -> Iterator[str]:
    """A fresh server on loopback; the URL of its empty database."""
    folder = Path(tempfile.mkdtemp(prefix="speechd-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, _user())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = folder / "data"
    _run("initdb", "-D", data, "-U", "speechd", "-A", "trust", "--no-sync", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    _run("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql://speechd@127.0.0.1:{port}/postgres"
    finally:
        _run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _run(program: str, *arguments: Any) -> None:
    path = shutil.which(program) or str(PROGRAMS and PROGRAMS / program)
    user = _user() if os.getuid() == 0 else None
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([path, *map(str, arguments)], check=True, cwd="/", user=user, **quiet)
