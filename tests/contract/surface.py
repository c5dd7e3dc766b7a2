"""The public surface as text: the OpenAPI schema, and what every command answers to `--help`.

After a change that is meant, `python -m tests.contract.surface` writes the snapshots anew. `git diff` shows the change.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command
from typer.testing import CliRunner

from speechd.cli.main import app
from tests.contract.conftest import opened

FOLDER = Path(__file__).with_name("snapshots")
OPENAPI = FOLDER / "openapi.json"
HELP = FOLDER / "help.txt"
TERMINAL = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1", "TERM": "dumb"}
STYLE = re.compile(r"\x1b\[[0-9;]*m")


async def openapi(data: Path) -> str:
    """What `/openapi.json` answers, indented, without speechd's own version.

    Args:
        data: the data folder of the server.
    """
    async with opened(data_dir=data) as house:
        document = (await house.client.get("/openapi.json")).json()
    del document["info"]["version"]
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def command_help() -> str:
    """The help of `speechd` and of every command below it, as a terminal of 100 columns shows it."""
    return "\n".join(_help(path) for path in _paths(get_command(app)))


def _paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from _paths(below, (*path, name))


def _help(path: tuple[str, ...]) -> str:
    done = CliRunner().invoke(app, [*path, "--help"], env=TERMINAL, prog_name="speechd")
    assert done.exit_code == 0, done.output
    lines = (line.rstrip() for line in STYLE.sub("", done.output).strip().splitlines())
    return "\n".join([f"$ {' '.join(('speechd', *path))} --help", *lines, ""])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    HELP.write_text(command_help())
    with tempfile.TemporaryDirectory() as folder:
        OPENAPI.write_text(asyncio.run(openapi(Path(folder))))
