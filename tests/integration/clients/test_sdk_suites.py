"""The tests that the Python SDKs of Groq and OpenAI ship, unchanged, against a running speechd.

The SDKs test themselves against a mock server. Here a proxy puts real ids, models and audio in place of the
placeholders (tests/support/placeholder_proxy.py) and passes the calls on. Tests that mock the transport, those of
speech and of a file's content, reach no server; test_sdk_calls.py makes their calls.
"""

import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from speechd.registry.files import MANIFEST, OVER_HTTP
from tests.conftest import ROOT
from tests.integration.clients.conftest import CLIENTS, RECORDING, SuiteResult, python_of
from tests.integration.conftest import serving
from tests.support.llm_backends import backends_file, our_companion
from tests.support.placeholder_proxy import PlaceholderProxy, placeholder_proxy

pytestmark = pytest.mark.extra

RESOURCES = ("audio", "chat/test_completions.py", "test_files.py", "test_batches.py", "test_models.py")
SUITES = {
    "groq": (*RESOURCES, "test_embeddings.py"),
    "openai": (*RESOURCES, "test_embeddings.py", "test_uploads.py", "uploads"),
}
SPARE_MODELS = 40
"""Each test that deletes a model deletes one of these."""

CUSTOM_VOICES = "custom voices are not built"
STORED_CHATS = "no LLM backend that speechd knows stores chat completions"
SPEAKERS = "known_speaker_references: the word `string` is no `data:` URL"
LIMIT = "limit=0: OpenAI documents 1 to 10,000"
EMPTY = "bytes=0: an upload holds something"
BASE64 = "the SDK asks for base64 and validates before it decodes"
KNOWN = {
    "groq": {},
    "openai": {
        r"audio/test_voice_consents\.py": CUSTOM_VOICES,
        r"audio/test_voices\.py": CUSTOM_VOICES,
        r"chat/test_completions\.py.*_(list|retrieve|update|delete)[_\[]": STORED_CHATS,
        r"audio/test_transcriptions\.py.*create_with_all_params": SPEAKERS,
        r"test_(files|batches)\.py.*list_with_all_params": LIMIT,
        r"test_uploads\.py.*_create[_\[]": EMPTY,
        r"test_embeddings\.py.*\[(strict|aiohttp)": BASE64,
    },
}
"""Which tests of a suite fail, and why that is right."""


@dataclass(frozen=True)
class Outcome:
    """One test of a suite."""

    name: str
    """File and test."""
    failure: str | None
    skipped: bool


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlaceholderProxy]:
    """A server with an LLM backend and models that may be deleted, and the proxy before it."""
    folder = tmp_path_factory.mktemp("suites")
    spare = spare_models(folder / "data", SPARE_MODELS)
    with our_companion() as urls:
        variables = {"SPEECHD_LLM_BACKENDS_FILE": str(backends_file(folder, urls))}
        with serving(folder / "data", **variables) as url:
            proxy = PlaceholderProxy(url, RECORDING.read_bytes(), spare_models=spare)
            with placeholder_proxy(proxy):
                yield proxy


def spare_models(data: Path, number: int) -> list[str]:
    """Puts copies of the embedded voice into a data folder, as if callers had pulled them; their ids."""
    names = [f"spare-{index}" for index in range(number)]
    for name in names:
        shutil.copytree(ROOT / "models" / "en_US-pocket-x_low", data / "models" / name)
        (data / "models" / name / MANIFEST).write_text(json.dumps({OVER_HTTP: True}))
    return names


def run_suite(sdk: str, address: str, folder: Path) -> list[Outcome]:
    """The outcome of each test, with this address as the server's."""
    python = python_of("sdks")
    source = CLIENTS / "sources" / sdk
    command = [python, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "unskip", "-o", "addopts="]
    command += [f"--junitxml={folder / 'outcome.xml'}", *(f"tests/api_resources/{path}" for path in SUITES[sdk])]
    variables = {
        "TEST_API_BASE_URL": address,
        "PYTHONPATH": f"{Path(__file__).parent}:.",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | variables
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode in (0, 1), done.stdout[-5000:] + done.stderr[-5000:]
    return outcomes(folder / "outcome.xml")


def outcomes(path: Path) -> list[Outcome]:
    found = []
    for case in ET.parse(path).iter("testcase"):
        place = case.get("classname", "").replace("tests.api_resources.", "").rpartition(".")
        failure = next((child.get("message") for child in case if child.tag in ("failure", "error")), None)
        name = f"{place[0].replace('.', '/')}.py::{place[2]}::{case.get('name')}"
        found.append(Outcome(name, failure, case.find("skipped") is not None))
    return found


@pytest.mark.parametrize("sdk", SUITES)
def test_the_suite_of_an_sdk(
    proxy: PlaceholderProxy, sdk: str, tmp_path: Path, report: Callable[[SuiteResult], None]
) -> None:
    before = proxy.passed_on
    ran = [
        outcome for outcome in run_suite(sdk, proxy.url + "/v1" * (sdk == "openai"), tmp_path) if not outcome.skipped
    ]
    failed = {outcome.name: outcome.failure for outcome in ran if outcome.failure is not None}
    reasons = {name: why for name in failed for pattern, why in KNOWN[sdk].items() if re.search(pattern, name)}
    counted = {why: list(reasons.values()).count(why) for why in reasons.values()}
    why = tuple(f"{number} {reason}" for reason, number in counted.items())
    report(SuiteResult(f"{sdk}-python", proxy.passed_on - before, len(ran) - len(failed), len(failed), why))
    assert {name: failure for name, failure in failed.items() if name not in reasons} == {}
    assert set(KNOWN[sdk].values()) == set(reasons.values()), "a known failure is none any more"
