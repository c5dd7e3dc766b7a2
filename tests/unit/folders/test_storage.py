"""Runs from one storage of fsspec's to another, and the lease of an output folder."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import fsspec
import pytest

from speechd.errors import CannotGoOn, FeatureNotInstalled, InvalidRequest
from speechd.folders.discover import Selection, find_recordings
from speechd.folders.output_dirs import OutputDirs, WorkItem
from speechd.folders.run import FolderRun, RunConfig
from speechd.folders.storage import targets
from speechd.folders.storage.address import StorageAddress, parse_location
from speechd.folders.storage.lease import LEASE_SECONDS, FolderLease
from speechd.folders.storage.remote_folder import RemoteFolder
from speechd.folders.transcriber import Local
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.types import Transcript
from tests.support.processes import eventually
from tests.unit.folders.test_run import WANTED, Notes, counts, sound

SOURCE, TARGET = StorageAddress("memory://bucket/in"), StorageAddress("memory://bucket/out")


@pytest.fixture
def files() -> Iterator[Any]:
    """A storage in memory."""
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


@pytest.fixture
def wav(tmp_path: Path) -> bytes:
    return sound(tmp_path / "a.wav", 1).read_bytes()


async def run(settings: Settings, wanted: RunConfig = WANTED, target: StorageAddress | None = TARGET) -> FolderRun:
    service = Service(settings.model_copy(update={"result_cache_seconds": 0.0}), lambda *_: FakeAsr())
    folder_run = FolderRun(wanted, Local(service), Notes())
    with ExitStack() as owned:
        places = OutputDirs(target, only_look=False, owned=owned)
        items = folder_run.sorted_out(places.items(find_recordings([SOURCE])))
        try:
            await folder_run.work(_once(items))
        finally:
            await service.close()
    return folder_run


async def _once(items: Sequence[WorkItem]) -> AsyncIterator[Sequence[WorkItem]]:
    yield items


def outputs(files: Any) -> list[str]:
    return sorted(path.removeprefix("/bucket/out/") for path in files.find("/bucket/out"))


def test_addresses_are_told_from_paths() -> None:
    assert parse_location("s3://bucket/in") == StorageAddress("s3://bucket/in")
    assert parse_location("file:///a/b%20c") == Path("/a/b c")
    assert parse_location("C:/a") == Path("C:/a")
    assert parse_location("-") == Path("-")
    assert StorageAddress("s3://bucket").is_dir()
    assert StorageAddress("s3://bucket.example").is_dir()
    assert not StorageAddress("s3://bucket/talk.mp3").is_dir()


def test_an_address_lists_its_recordings(files: Any, wav: bytes) -> None:
    for name in ("b/talk.wav", "a/talk.wav", "a/notes.txt", ".hidden/talk.wav", "a/.talk.wav"):
        files.pipe_file(f"/bucket/in/{name}", wav)
    assert [str(each) for each in find_recordings([SOURCE])] == [f"{SOURCE}/a/talk.wav", f"{SOURCE}/b/talk.wav"]
    assert [str(each.name) for each in find_recordings([SOURCE], Selection(exclude=("b",)))] == ["a/talk.wav"]
    (one,) = find_recordings([StorageAddress(f"{SOURCE}/a/talk.wav")])
    assert (str(one.name), one.root) == ("talk.wav", StorageAddress(f"{SOURCE}/a"))
    with one.open()[0] as file:
        assert file.read() == wav
    with pytest.raises(InvalidRequest, match="There is no file or folder memory://bucket/nothing"):
        find_recordings([StorageAddress("memory://bucket/nothing")])


async def test_a_run_from_address_to_address_does_nothing_twice(files: Any, wav: bytes, settings: Settings) -> None:
    files.pipe_file("/bucket/in/a/f.wav", wav)
    files.pipe_file("/bucket/in/b/g.wav", wav)
    assert counts(await run(settings)) == (2, 0, 0)
    assert outputs(files) == ["a/f.json", "a/f.txt", "b/g.json", "b/g.txt", "speechd-journal.db"]
    assert json.loads(files.cat_file("/bucket/out/a/f.json"))["duration"] == 1
    assert counts(await run(settings)) == (0, 0, 2)
    files.rm_file("/bucket/out/a/f.txt")
    assert counts(await run(settings)) == (1, 0, 1), "a missing output is made again"


async def test_results_beside_the_recordings_replace_nothing(files: Any, wav: bytes, settings: Settings) -> None:
    files.pipe_file("/bucket/in/f.wav", wav)
    files.pipe_file("/bucket/in/f.txt", b"notes")
    beside = RunConfig(WANTED.model, WANTED.options, WANTED.formats, WANTED.view, "p", beside=True)
    done = await run(settings, beside, target=None)
    assert counts(done) == (0, 1, 0)
    assert "memory://bucket/in/f.txt exists" in done.failures[0][1]
    assert files.cat_file("/bucket/in/f.txt") == b"notes"


async def test_an_object_that_vanished_fails_alone(files: Any, wav: bytes, settings: Settings) -> None:
    for name in "ab":
        files.pipe_file(f"/bucket/in/{name}.wav", wav)
    found = find_recordings([SOURCE])
    files.rm_file("/bucket/in/a.wav")
    service = Service(settings, lambda *_: FakeAsr())
    folder_run = FolderRun(WANTED, Local(service), Notes())
    with ExitStack() as owned:
        await folder_run.work(_once(OutputDirs(TARGET, only_look=False, owned=owned).items(found)))
    await service.close()
    assert counts(folder_run) == (1, 1, 0)
    assert folder_run.failures[0][1] == "The file is not there any more."


def test_a_lease_is_held_by_one(files: Any) -> None:
    folder, now = RemoteFolder.open(TARGET), 1000.0
    lease = FolderLease.take(folder, lambda: now)
    with pytest.raises(InvalidRequest, match=r"Another run \(.*process \d+\) uses memory://bucket/out"):
        FolderLease.take(folder, lambda: now)
    now += LEASE_SECONDS / 2
    lease.renew()
    now += LEASE_SECONDS - 1
    with pytest.raises(InvalidRequest, match="Another run"):
        FolderLease.take(folder, lambda: now)
    lease.release()
    FolderLease.take(folder, lambda: now).release()
    assert outputs(files) == []


def test_a_lease_that_has_ended_is_taken_over(files: Any) -> None:
    folder, now = RemoteFolder.open(TARGET), 1000.0
    dead = FolderLease.take(folder, lambda: now)
    now += LEASE_SECONDS + 1
    FolderLease.take(folder, lambda: now)
    assert outputs(files) == ["speechd-lease-2"]
    with pytest.raises(CannotGoOn, match="Another run has taken over memory://bucket/out"):
        dead.renew()


def test_a_run_whose_folder_was_taken_over_stops(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "SAVE_SECONDS", 0.01)
    target = targets.RemoteTarget(TARGET)
    journal = target.journal()
    files.pipe_file("/bucket/out/speechd-lease-2", b"{}")
    assert eventually(lambda: target._failure is not None)
    with contextlib.closing(journal), pytest.raises(CannotGoOn, match="has taken over"):
        target.write(Path("a"), WANTED.formats, Transcript("transcribe", "en", 1, ()), WANTED.view)
    target.close()
    assert outputs(files) == ["speechd-lease-2"], "the other run's folder stays as it is"


def test_a_missing_package_is_named() -> None:
    with pytest.raises(InvalidRequest, match="cannot be opened"):
        RemoteFolder.open(StorageAddress("nothing://bucket"))
    with pytest.raises(FeatureNotInstalled, match="dropbox://folder needs another package"):
        RemoteFolder.open(StorageAddress("dropbox://folder"))
