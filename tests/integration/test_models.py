"""Models by command and in a running server: pulled from a hub on loopback, killed, resumed, served offline."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from speechd.registry.files import shipped_models
from tests.conftest import ROOT, Fixture
from tests.integration.conftest import serving
from tests.support.command_line import speechd_in_process
from tests.support.model_hub import Hub, running_hub
from tests.support.wer import word_errors

LARGE = "Systran/faster-whisper-large-v2"
NO_HUB = {"HF_ENDPOINT": "http://127.0.0.1:1", "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    pocket = shipped_models() / "whisper-pocket"
    files = {path.name: path.read_bytes() for path in sorted(pocket.iterdir()) if path.suffix in (".json", ".bin")}
    with running_hub(Hub({LARGE: files})) as hub:
        yield hub


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "speechd", *arguments]


def environment(data: Path, **variables: str) -> dict[str, str]:
    return os.environ | {"SPEECHD_DATA_DIR": str(data), "HF_HOME": str(data / "hf")} | variables


def run(data: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    settings = environment(data, **variables)
    return subprocess.run(command(*arguments), env=settings, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
def test_a_killed_pull_goes_on_and_the_model_works_offline(tmp_path: Path, hub: Hub, english: Fixture) -> None:
    hub.chunk_delay = 0.1
    settings = environment(tmp_path, HF_ENDPOINT=hub.url)
    pulling = subprocess.Popen(command("models", "pull", "whisper-1"), env=settings, cwd=ROOT)
    while not (parts := list(tmp_path.rglob("model.bin.part"))) or parts[0].stat().st_size < 1_000_000:
        assert pulling.poll() is None
        time.sleep(0.02)
    pulling.send_signal(signal.SIGKILL)
    pulling.wait()
    assert _installed(tmp_path, "whisper-1") is False
    hub.chunk_delay = 0
    hub.asked.clear()
    pulled = run(tmp_path, "models", "pull", "whisper-1", HF_ENDPOINT=hub.url)
    assert pulled.returncode == 0, pulled.stderr
    (wanted,) = [wanted for name, wanted in hub.asked if name == "model.bin"]
    assert int(wanted.removeprefix("bytes=").removesuffix("-")) >= 1_000_000
    assert _installed(tmp_path, "whisper-1") is True
    said = run(tmp_path, "transcribe", str(english.path), "--model", "whisper-1", SPEECHD_OFFLINE="true", **NO_HUB)
    errors, words = word_errors(english.text, said.stdout)
    assert errors <= words / 4, said.stdout + said.stderr


def _installed(data: Path, model: str) -> bool:
    listed = json.loads(run(data, "models", "list", "--json").stdout)
    return bool(next(each for each in listed if each["id"] == model)["installed"])


def test_a_model_of_the_hubs_own_cache_is_installed(tmp_path: Path, english: Fixture) -> None:
    snapshot = tmp_path / "hf" / "hub" / "models--Systran--faster-whisper-base" / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    for path in (shipped_models() / "whisper-pocket").iterdir():
        (snapshot / path.name).symlink_to(path)
    assert _installed(tmp_path, "whisper-base")
    (snapshot / "model.bin").unlink()  # the cache links a file when it is whole
    assert not _installed(tmp_path, "whisper-base")


def test_the_list_for_people(tmp_path: Path) -> None:
    done = speechd_in_process("models", "list", SPEECHD_DATA_DIR=str(tmp_path))
    rows = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert (done.returncode, rows["MODEL"], rows["whisper-pocket"]) == (0, "INSTALLED", "yes")
    assert rows["whisper-base"] == "no"


def test_sets_of_models_travel_in_one_file(tmp_path: Path, hub: Hub) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", str(tmp_path / "set.tar")
    assert run(here, "models", "pull", LARGE, HF_ENDPOINT=hub.url).returncode == 0
    assert run(here, "models", "export", file, LARGE).returncode == 0
    imported = run(there, "models", "import", file, **NO_HUB)
    assert "whisper-1 is installed" in imported.stdout, imported.stderr
    assert json.loads(run(there, "models", "show", LARGE).stdout)["installed"]
    assert run(there, "models", "remove", LARGE).returncode == 0
    assert not json.loads(run(there, "models", "show", LARGE).stdout)["installed"]


def test_show_says_what_a_model_is_and_where_it_comes_from(tmp_path: Path, hub: Hub) -> None:
    pinned = json.loads(run(tmp_path, "models", "show", "whisper-base").stdout)
    assert (pinned["pinned"], pinned["licence"], pinned["installed"]) == (True, "MIT", False)
    assert [source["name"].split()[0] for source in pinned["sources"]] == ["hub", "Python"]
    assert len(pinned["files"]["model.bin"]["sha256"]) == 64
    pulled = run(tmp_path, "models", "pull", LARGE, HF_ENDPOINT=hub.url)
    assert "is not pinned" in pulled.stderr
    assert f"MB) from hub {LARGE}" in pulled.stderr
    shown = json.loads(run(tmp_path, "models", "show", LARGE).stdout)
    assert (shown["pinned"], shown["revision"]) == (False, hub.commit)
    assert len(shown["files"]["model.bin"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mirror", "mirror", "whisper-1"), "is not pinned"),
        (("mirror", "mirror", "whisper-base"), "is not installed"),
        (("pull",), "SPEECHD_OFFLINE forbids it"),
        (("pull", "gpt-9"), "does not exist"),
        (("pull", "whisper-pocket"), "does not come from a hub"),
        (("pull", "whisper-1"), "SPEECHD_OFFLINE forbids it"),
        (("remove", "whisper-pocket"), "part of the installation"),
        (("remove", "whisper-1"), "not installed"),
        (("ps", "--url", "http://127.0.0.1:1"), "No speechd answers at http://127.0.0.1:1"),
    ],
)
def test_refusals_are_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = speechd_in_process("models", *arguments, SPEECHD_DATA_DIR=str(tmp_path), SPEECHD_OFFLINE="true")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_running_server_loads_and_unloads_on_command(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        assert "whisper-pocket" not in run(tmp_path, "models", "ps", "--url", url).stdout
        assert run(tmp_path, "models", "load", "whisper-pocket", "--url", url).returncode == 0
        assert "whisper-pocket" in run(tmp_path, "models", "ps", "--url", url).stdout
        assert run(tmp_path, "models", "unload", "whisper-pocket", "--url", url).returncode == 0
        assert "whisper-pocket" not in run(tmp_path, "models", "ps", "--url", url).stdout
        refused = run(tmp_path, "models", "load", "whisper-large-v3", "--url", url)
        assert (refused.returncode, "models pull whisper-large-v3" in refused.stderr) == (1, True)


def test_speech_outside_the_small_models_domain_goes_to_pocketsphinx(server: str, tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    speech = tmp_path / "speech.wav"
    text = "The museum is closed on Mondays but open every other day. We need to find a better way."
    try:
        subprocess.run(["flite", "-voice", "awb", "-t", text, "-o", speech], check=True)  # never heard in training
    except FileNotFoundError:
        pytest.skip("flite is not installed")
    replies = {}
    for path, data in {
        "transcriptions": {"model": "auto"},
        "translations": {"model": "pocketsphinx-en-us"},
    }.items():
        with speech.open("rb") as file:
            replies[path] = httpx2.post(f"{server}/v1/audio/{path}", data=data, files={"file": file}, timeout=120)
    assert replies["transcriptions"].headers["x-speechd-model"] == "pocketsphinx-en-us"
    errors, words = word_errors(text, replies["transcriptions"].json()["text"])
    assert errors <= words / 3, replies["transcriptions"].text
    assert replies["translations"].status_code == 422
    assert replies["translations"].json()["error"]["code"] == "task_not_supported"


@pytest.mark.slow
def test_a_server_answers_while_pocketsphinx_works(server: str, english: Fixture) -> None:
    pytest.importorskip("pocketsphinx")

    def transcribe() -> httpx2.Response:
        form = {"model": "pocketsphinx-en-us", "response_format": "verbose_json", "timestamp_granularities[]": "word"}
        with english.path.open("rb") as file:
            return httpx2.post(f"{server}/v1/audio/transcriptions", data=form, files={"file": file}, timeout=300)

    alive = 0
    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(transcribe)
        while not reply.done():
            alive += httpx2.get(f"{server}/healthz").status_code == 200
            time.sleep(0.02)
    assert alive > 10
    body = reply.result().json()
    assert body["language"] == "english"
    assert all(word["end"] > word["start"] for word in body["words"])
