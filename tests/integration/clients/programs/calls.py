"""Makes the calls of one client and prints what came of each, as one JSON object a line.

The programs beside this file run in the environments of their clients, where nothing of speechd is installed:

    python NAME.py ADDRESS RECORDING FOLDER
"""

import asyncio
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ADDRESS, RECORDING, FOLDER = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
OPENAI, GROQ = f"{ADDRESS}/v1", f"{ADDRESS}/openai/v1"
SENTENCE = "The weather in Lisbon is warm today."


def call(name: str, make: Callable[[], Any]) -> None:
    """Makes one call. It returns a text, or the bytes of a recording; what it raises is its failure."""
    try:
        made = make()
        result = asyncio.run(made) if inspect.iscoroutine(made) else made
    except Exception as fault:  # noqa: BLE001 - whatever the client raises is the finding
        print(json.dumps({"call": name, "failure": f"{type(fault).__name__}: {fault}"}), flush=True)
        return
    if isinstance(result, bytes):
        path = FOLDER / f"{len(list(FOLDER.iterdir()))}.audio"
        path.write_bytes(result)
        result = {"audio": str(path)}
    else:
        result = {"text": result}
    print(json.dumps({"call": name} | result), flush=True)
