"""A fresh speechd with one real model, and each documented client as its page sets it up, but for the address.

The pages of docs/guides/clients are the configuration. Where the client installs, the code of its page runs. Where it
does not, its calls are made with the settings of its page (client_calls.py).
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.integration.clients import client_calls
from tests.integration.clients.conftest import SuiteResult, node_with_packages, python_of, run_program
from tests.integration.conftest import serving
from tests.real.weights import BASE, model_folder
from tests.support.played_audio import decoded
from tests.support.wer import normalised

pytestmark = pytest.mark.extra

PAGES = ROOT / "docs" / "guides" / "clients"
ADDRESS = "http://HOST:8000"
LIVEKIT = """
import asyncio, wave
from livekit import rtc

async def use():
    with wave.open("recording.wav") as file:
        rate, data = file.getframerate(), file.readframes(file.getnframes())
    event = await stt.recognize([rtc.AudioFrame(data, rate, 1, len(data) // 2)])
    print(event.alternatives[0].text)
    spoken = await tts.synthesize("The kettle is on.").collect()
    open("spoken.wav", "wb").write(spoken.to_wav_bytes())

asyncio.run(use())
"""
PIPECAT = """
import asyncio, wave
from pathlib import Path

async def use():
    recording = Path("recording.wav").read_bytes()
    print(*[frame.text async for frame in stt.run_stt(recording) if hasattr(frame, "text")])
    tts._sample_rate = 24000  # what a pipeline sets when it starts
    with wave.open("spoken.wav", "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        async for frame in tts.run_tts("The kettle is on.", "context"):
            file.writeframes(getattr(frame, "audio", b""))

asyncio.run(use())
"""
USES: Mapping[str, str] = {"livekit": LIVEKIT, "pipecat": PIPECAT, "litellm": "", "langchain": ""}
"""Python clients whose page has code, and what a program does with the objects that this code makes."""
REPLAYED: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "open-webui": client_calls.open_webui,
    "librechat": client_calls.librechat,
    "home-assistant": client_calls.home_assistant,
    "n8n": client_calls.n8n,
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that was started for the first time, with whisper-base and the voice that ships."""
    data = tmp_path_factory.mktemp("fresh")
    shutil.copytree(model_folder(BASE), data / "models" / BASE.name)
    with serving(data) as url:
        yield url


@contextmanager
def counted(name: str, report: Callable[[SuiteResult], None]) -> Iterator[None]:
    """A line of the table, whatever becomes of the test."""
    try:
        yield
    except Exception as fault:
        report(SuiteResult(name, 1, 0, 1, (repr(fault)[:100],)))
        raise
    report(SuiteResult(name, 1, 1, 0))


def block(page: str, kind: str) -> str:
    """The first block of this kind on a page."""
    (found, *_) = re.findall(rf"^```{kind}\n(.*?)^```", (PAGES / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def settings_of(page: str, address: str) -> dict[str, Any]:
    """What the page sets: its block of YAML, or its tables; each heading and column has a dictionary of its own."""
    text = (PAGES / f"{page}.md").read_text().replace(ADDRESS, address)
    if "```yaml" in text:
        return dict(yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]))
    settings: dict[str, Any] = {}
    for section in re.split(r"^##? ", text, flags=re.MULTILINE)[1:]:
        rows = [
            [cell.strip().strip("`") for cell in line.strip("| ").split("|")]
            for line in section.splitlines()
            if "|" in line
        ]
        if rows:
            settings[section.splitlines()[0]] = {
                column: {row[0]: row[number] for row in rows[2:] if len(row) > number and row[number]}
                for number, column in enumerate(rows[0][1:], start=1)
            }
    return settings


def has_run(folder: Path, command: list[object], speaks: bool = True) -> None:
    """The program prints what is said in its recording, and leaves a file with speech."""
    (folder / "recording.wav").write_bytes(client_calls.recording())
    variables = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": "1"}
    printed = run_program(command, folder, variables, limit=300)
    assert normalised(client_calls.SENTENCE) in map(normalised, printed.splitlines()), printed
    spoken = [*folder.glob("*.mp3"), *folder.glob("spoken.wav")]
    assert len(spoken) == speaks
    for file in spoken:
        samples, rate, _ = decoded(file.read_bytes())
        assert 0.5 < len(samples) / rate < 5


@pytest.mark.parametrize("page", USES)
def test_a_python_page(fresh: str, page: str, tmp_path: Path, report: Callable[[SuiteResult], None]) -> None:
    command = [python_of(page), "-c", block(page, "python").replace(ADDRESS, fresh) + USES[page]]
    with counted(f"page of {page}", report):
        has_run(tmp_path, command, speaks=page != "langchain")


def test_the_page_of_the_ai_sdk(fresh: str, tmp_path: Path, report: Callable[[SuiteResult], None]) -> None:
    node = node_with_packages(tmp_path)
    (tmp_path / "page.mjs").write_text(block("ai-sdk", "js").replace(ADDRESS, fresh))
    with counted("page of ai-sdk", report):
        has_run(tmp_path, [node, "page.mjs"])


def test_the_page_of_dify(fresh: str, tmp_path: Path, report: Callable[[SuiteResult], None]) -> None:
    columns = settings_of("dify", fresh)["Dify"]
    given = {name: client_calls.dify_credentials(column) for name, column in columns.items()}
    with counted("page of dify", report):
        has_run(tmp_path, [python_of("dify"), "-c", client_calls.DIFY.format(**given)])


def test_the_page_of_litellms_proxy(fresh: str, tmp_path: Path, report: Callable[[SuiteResult], None]) -> None:
    models = json.dumps(settings_of("litellm", fresh)["model_list"])
    with counted("page of litellm, proxy", report):
        has_run(tmp_path, [python_of("litellm"), "-c", client_calls.LITELLM_PROXY.format(model_list=models)])


@pytest.mark.parametrize("page", REPLAYED)
def test_the_calls_of_a_client(fresh: str, page: str, report: Callable[[SuiteResult], None]) -> None:
    with counted(f"page of {page}", report):
        REPLAYED[page](settings_of(page, fresh))


def test_the_calls_of_bazarr(tmp_path: Path, report: Callable[[SuiteResult], None]) -> None:
    assert "`SPEECHD_COMPAT=asr`" in (PAGES / "bazarr.md").read_text()
    shutil.copytree(model_folder(BASE), tmp_path / "models" / BASE.name)
    with serving(tmp_path, SPEECHD_COMPAT="asr") as url, counted("page of bazarr", report):
        client_calls.bazarr(settings_of("bazarr", url))


def test_every_page_is_tested() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {*USES, *REPLAYED, "ai-sdk", "bazarr", "dify"}
