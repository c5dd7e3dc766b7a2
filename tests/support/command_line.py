"""The command line: as a process of its own, or called in this one where only its words and exit status matter."""

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

from speechd.cli.main import main

PLAIN = {"NO_COLOR": "1", "COLUMNS": "100"}
"""Output without colours, in lines of one width."""

Done = subprocess.CompletedProcess[str]
PATIENCE = 400
"""Seconds until a command is taken to hang. On a busy machine a transcriber of a Ray cluster takes minutes to start."""


def speechd(*words: object, **variables: str) -> Done:
    """Runs `speechd WORDS` as a process that has only these SPEECHD_* variables."""
    command = [sys.executable, "-m", "speechd", *map(str, words)]
    environment = _environment(variables)
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=PATIENCE)


def speechd_in_process(*words: object, **variables: str) -> Done:
    """The same without a new process: for commands that end before they load a model."""
    command = ["speechd", *map(str, words)]
    status, out, err = 0, io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, _environment(variables), clear=True),
        mock.patch.object(sys, "argv", command),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Done(command, status, out.getvalue(), err.getvalue())


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("SPEECHD_")}
    return others | PLAIN | variables
