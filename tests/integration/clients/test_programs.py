"""Other people's libraries against a running speechd: every call transcribes the recording or speaks."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FIXTURES, fixtures
from tests.integration.clients.conftest import (
    RECORDING,
    SuiteResult,
    node_with_packages,
    python_of,
    run_program,
)
from tests.integration.conftest import serving
from tests.support.llm_backends import backends_file, our_companion
from tests.support.llm_server import TEXT
from tests.support.played_audio import decoded
from tests.support.wer import normalised

pytestmark = pytest.mark.extra

PROGRAMS = Path(__file__).parent / "programs"
VARIABLES = {"PYTHONDONTWRITEBYTECODE": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
SPOKEN_SECONDS = (1.0, 6.0)
"""The sentence of programs/calls.py, at the speeds that are asked for."""
TEXT_CALLS = {
    "ChatOpenAI": TEXT,
    "ChatOpenAI stream": TEXT,
    "OpenAIEmbeddings": "2 vectors",
    "tts validate_credentials": "valid",
    "openai-compatible generateText": TEXT,
    "openai generateText (responses)": TEXT,
    "groq generateText": TEXT,
    "openai-compatible embed": "8 numbers",
}
"""Calls that do not transcribe, and what they must give."""
CALLS = {
    "ai_sdk": 31,
    "dify": 9,
    "langchain": 13,
    "litellm": 26,
    "livekit": 28,
    "openai_js": 3,
    "pipecat": 15,
}
"""How many calls each program makes: one that ends early is noticed."""
ON_NODE = {"ai_sdk", "openai_js"}


@dataclass(frozen=True)
class Call:
    """What came of one call."""

    name: str
    text: str | None = None
    audio: Path | None = None
    failure: str = ""

    def fault(self) -> str:
        """What is wrong with it; "" where nothing is."""
        if self.failure:
            return self.failure
        if self.audio:
            samples, rate, _ = decoded(self.audio.read_bytes())
            shortest, longest = SPOKEN_SECONDS
            seconds = len(samples) / rate
            return "" if shortest < seconds < longest and abs(samples).max() > 0.1 else f"{seconds:.2f} s"
        if self.name in TEXT_CALLS:
            return "" if self.text == TEXT_CALLS[self.name] else f"{self.text!r}"
        return "" if said() in " ".join(normalised(self.text or "")) else f"{self.text!r}"


def said() -> str:
    """The words of the recording."""
    return " ".join(normalised(next(fixture.text for fixture in fixtures() if fixture.path == RECORDING)))


@pytest.fixture(scope="module")
def server_with_chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("programs")
    with our_companion() as urls:
        variables = {"SPEECHD_LLM_BACKENDS_FILE": str(backends_file(folder, urls))}
        with serving(folder / "data", **variables) as url:
            yield url


def program(client: str, folder: Path) -> list[object]:
    """The command that runs the program of a client."""
    if client not in ON_NODE:
        return [python_of(client), PROGRAMS / f"{client}_calls.py"]
    node = node_with_packages(folder)
    shutil.copy(PROGRAMS / f"{client}_calls.mjs", folder)  # node looks for packages beside a program
    return [node, folder / f"{client}_calls.mjs"]


def read_calls(printed: str) -> list[Call]:
    rows: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines() if line.startswith('{"call"')]
    return [
        Call(row["call"], row.get("text"), Path(row["audio"]) if "audio" in row else None, row.get("failure", ""))
        for row in rows
    ]


@pytest.mark.parametrize("client", CALLS)
def test_every_call_of_a_client(
    server_with_chat: str, client: str, tmp_path: Path, report: Callable[[SuiteResult], None]
) -> None:
    (made := tmp_path / "made").mkdir()
    command = [*program(client, tmp_path), server_with_chat, FIXTURES / RECORDING.name, made]
    calls = read_calls(run_program(command, tmp_path, VARIABLES, limit=600))
    faults = {call.name: fault for call in calls if (fault := call.fault())}
    why = tuple(f"{name}: {fault[:100]}" for name, fault in faults.items())
    report(SuiteResult(client, len(calls), len(calls) - len(faults), len(faults), why))
    assert faults == {}
    assert len(calls) == CALLS[client]
