"""Pulling from a hub on loopback: whole or not at all, resumed, checked, and said plainly when it cannot be."""

import errno
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from speechd.errors import Offline, PullFailed
from speechd.registry.catalog import Model
from speechd.registry.files import PULLED_FILES, shipped_models
from speechd.registry.registry import ModelStore
from speechd.registry.transfer.download import LICENCE, MANIFEST, pull
from speechd.settings import Settings
from tests.support.model_hub import PIPER_VOICES, Hub, piper_voice, running_hub

NAME = "Systran/faster-whisper-large-v2"
WEIGHTS = bytes(range(256)) * 12_000  # 3 MB
FILES = {
    "config.json": b"{}",
    "model.bin": WEIGHTS,
    "tokenizer.json": b'{"a": 1}',
    "vocabulary.json": b"[]",
    "README.md": b"not needed",
}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with running_hub(Hub({NAME: dict(FILES)})) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", "/nonexistent")
        yield hub


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(Settings(data_dir=tmp_path))


def ignore(done: int, total: int) -> None:
    pass


def pull_it(store: ModelStore, report: Any = ignore, **given: Any) -> Model:
    return pull(store.get("whisper-1"), store, report, pause=0, **given)


def test_a_model_is_pulled_with_what_it_needs_and_no_more(hub: Hub, store: ModelStore) -> None:
    seen: list[tuple[int, int]] = []
    model = pull_it(store, lambda *progress: seen.append(progress))
    assert store.get("whisper-1") == model
    assert {path.name for path in model.path.iterdir()} == {*FILES, MANIFEST, LICENCE} - {"README.md"}
    assert (model.path / "model.bin").read_bytes() == WEIGHTS
    total = sum(len(FILES[name]) for name in FILES if name != "README.md")
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert json.loads((model.path / MANIFEST).read_text())["commit"] == hub.commit
    assert not (store.folder / ".pulling" / "whisper-1").exists()


def test_lost_connections_are_taken_up_where_they_broke(hub: Hub, store: ModelStore) -> None:
    hub.cuts = [10_000_000, 1_000_000, 500_000]  # config.json arrives; model.bin breaks twice
    pull_it(store)
    assert [asked for name, asked in hub.asked if name == "model.bin"] == ["", "bytes=1000000-", "bytes=1500000-"]


def test_an_interrupted_pull_is_not_installed_and_goes_on_later(hub: Hub, store: ModelStore) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        if done > 1_500_000:
            raise Interrupted

    with pytest.raises(Interrupted):
        pull_it(store, interrupt)
    assert not store.get("whisper-1").installed
    hub.asked.clear()
    first: list[int] = []
    pull_it(store, lambda done, total: first.append(done))
    (name, wanted), *_ = hub.asked
    assert name == "model.bin"
    assert int(wanted[6:-1]) > 1_500_000
    assert first[0] >= len(FILES["config.json"])
    assert store.get("whisper-1").installed


def test_a_hub_without_ranges_sends_all_again(hub: Hub, store: ModelStore) -> None:
    hub.knows_ranges = False
    hub.cuts = [10_000_000, 1_000_000]
    assert (pull_it(store).path / "model.bin").read_bytes() == WEIGHTS


def test_a_connection_that_gives_nothing_is_given_up(hub: Hub, store: ModelStore) -> None:
    hub.cuts = [10_000_000, *[0] * 50]
    with pytest.raises(PullFailed, match=r"the connection to http://127.+ was lost"):
        pull_it(store)
    assert not store.get("whisper-1").installed


@pytest.mark.parametrize("name", ["model.bin", "config.json"])
def test_damaged_files_are_thrown_away(hub: Hub, store: ModelStore, name: str) -> None:
    hub.damaged = {name}
    with pytest.raises(PullFailed, match=f"`{name}` arrived damaged"):
        pull_it(store)
    assert not store.get("whisper-1").installed
    hub.damaged = set()
    assert (pull_it(store).path / name).read_bytes() == FILES[name]


def test_a_new_commit_does_not_mix_with_an_old_attempt(hub: Hub, store: ModelStore) -> None:
    hub.cuts = [10_000_000, *[0] * 50]
    with pytest.raises(PullFailed):
        pull_it(store)
    hub.cuts = []
    hub.commit = "f" * 40
    hub.repositories[NAME]["config.json"] = b'{"new": true}'
    assert (pull_it(store).path / "config.json").read_bytes() == b'{"new": true}'


def test_a_token_is_sent_where_it_is_set(hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_secret"
    with pytest.raises(PullFailed, match="HF_TOKEN") as refusal:
        pull_it(store)
    assert refusal.value.error_code == "repository_not_found"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert pull_it(store).installed


@pytest.mark.parametrize(
    ("status", "message"), [(500, "answered 500"), (404, "answered 404|knows no"), (403, "answered 403|knows no")]
)
def test_what_the_hub_refuses(hub: Hub, store: ModelStore, status: int, message: str) -> None:
    hub.status = status
    with pytest.raises(PullFailed, match=message):
        pull_it(store)


def test_no_hub_there(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(PullFailed, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        pull_it(store)


def test_offline_asks_nobody(hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Offline):
        pull_it(store, offline=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Offline):
        pull_it(store)
    assert hub.tokens == []


def test_a_repository_of_something_else(hub: Hub, store: ModelStore) -> None:
    hub.repositories[NAME] = {"pytorch_model.bin": b"x", "config.json": b"{}"}
    with pytest.raises(Exception, match=r"is not a model for whisper|has no such model"):
        pull_it(store)
    assert not store.get("whisper-1").installed


@pytest.mark.parametrize("name", ["../vocabulary.x", "/vocabulary.x", "vocabulary.\\..\\x"])
def test_names_that_lead_elsewhere_are_refused(
    hub: Hub, store: ModelStore, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repositories[NAME][name] = b"evil"
    monkeypatch.setitem(PULLED_FILES, "whisper", ("*",))
    with pytest.raises(PullFailed, match="has no such model"):
        pull_it(store)
    assert not list(tmp_path.rglob("*.x"))


def test_too_little_room_is_said_before_anything_is_fetched(
    hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1_000_000})())
    with pytest.raises(PullFailed, match="The disk is full") as refusal:
        pull_it(store)
    assert refusal.value.error_code == "disk_full"
    assert hub.asked == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_meanwhile(
    hub: Hub, store: ModelStore, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(number, "no room")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(PullFailed, match="the disk is full"):
            pull_it(store)
    assert not store.get("whisper-1").installed
    assert pull_it(store).installed


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_really_full(hub: Hub, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ModelStore(Settings(data_dir=small_disk))
    with pytest.raises(PullFailed, match=r"The disk is full: 1[0-9] MB are missing"):
        pull_it(store)
    # someone else takes the room meanwhile
    monkeypatch.setattr("speechd.registry.transfer.download._require_space", lambda *_: None)
    with pytest.raises(PullFailed, match="the disk is full; what arrived is kept"):
        pull_it(store)
    assert not store.get("whisper-1").installed


def test_two_processes_do_not_pull_the_same(hub: Hub, store: ModelStore) -> None:
    def while_it_runs(done: int, total: int) -> None:
        with pytest.raises(PullFailed, match="by another process"):
            pull_it(store)

    pull_it(store, while_it_runs)


def test_the_pulled_model_transcribes(hub: Hub, store: ModelStore, tmp_path: Path) -> None:
    from speechd.asr.engine import Job
    from speechd.asr.engines.whisper import WhisperEngine
    from speechd.audio.decode import open_audio
    from speechd.types import TranscribeOptions, Window
    from tests.conftest import fixtures

    pocket = shipped_models() / "whisper-pocket"
    hub.repositories[NAME] = {path.name: path.read_bytes() for path in pocket.iterdir() if path.is_file()}
    engine = WhisperEngine(pull_it(store).path)
    with fixtures()[0].path.open("rb") as file:
        samples = next(iter(open_audio(file, max_seconds=30)))
    (decoded,) = engine.decode([Job(Window(0, samples, ((0, len(samples) / 16_000),)), TranscribeOptions())])
    assert decoded.segments
    engine.close()


LESSAC = "en_US-lessac-medium"


@pytest.fixture
def voices(hub: Hub) -> Hub:
    """The hub has Piper's repository too, with two voices in it."""
    hub.repositories[PIPER_VOICES] = {
        "README.md": b"all voices",
        **piper_voice("de_DE-thorsten-low"),
        **piper_voice(LESSAC),
    }
    return hub


@pytest.mark.parametrize("name", [LESSAC, "de_DE-thorsten-low"])
def test_a_piper_voice_is_pulled_by_its_name_and_speaks(voices: Hub, store: ModelStore, name: str) -> None:
    from speechd.registry.loading.loaders import load_piper
    from speechd.tts.engine import SynthesisOptions

    pulled = pull(store.pullable(name), store, ignore, pause=0)
    assert store.get(name).path == pulled.path
    assert {path.name for path in pulled.path.iterdir()} == {
        f"{name}.onnx",
        f"{name}.onnx.json",
        "MODEL_CARD",
        MANIFEST,
    }
    assert json.loads((pulled.path / MANIFEST).read_text())["repository"] == PIPER_VOICES
    engine = load_piper(store.get(name), Settings())
    assert len(engine.synthesize("Hello.", SynthesisOptions()).samples) > 4000
    engine.close()
    assert not store.remove(name).path.exists()


def test_a_voice_is_resumed_and_its_hash_is_checked(voices: Hub, store: ModelStore) -> None:
    voice = store.pullable("de_DE-thorsten-low")
    (path,) = (path for path in voices.repositories[PIPER_VOICES] if path.endswith("thorsten-low.onnx"))
    voices.cuts = [1_000_000]
    voices.damaged = {path}
    with pytest.raises(PullFailed, match="arrived damaged"):
        pull(voice, store, ignore, pause=0)
    assert not store.get("de_DE-thorsten-low").installed
    assert ("bytes=1000000-") in [wanted for name, wanted in voices.asked if name == path]
    voices.damaged = set()
    assert pull(voice, store, ignore, pause=0).installed


def test_a_voice_that_piper_does_not_have(voices: Hub, store: ModelStore) -> None:
    with pytest.raises(PullFailed, match=r"in `xx/xx_XX/nobody/low` has no such model"):
        pull(store.pullable("xx_XX-nobody-low"), store, ignore, pause=0)


def test_a_voice_in_the_hubs_own_cache_is_installed(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "models--rhasspy--piper-voices" / "snapshots" / ("a" * 40)
    for name in (LESSAC, "de_DE-thorsten-low"):
        for file, content in piper_voice(name).items():
            (snapshot / file).parent.mkdir(parents=True, exist_ok=True)
            (snapshot / file).write_bytes(content)
        assert store.get(name).path == (snapshot / file).parent.parent
    assert not store.get("en_US-lessac-high").installed
