"""`speechd backup` and `restore`: what comes back is what was there, also from under a server at work."""

import hashlib
import io
import json
import sqlite3
import tarfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import httpx2
import pytest

from tests.integration.conftest import serving
from tests.support.command_line import Done, speechd, speechd_in_process

TABLES = ("files", "blobs", "batches", "lines", "audio_jobs", "uploads", "usage")


def rows(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a database, by table."""
    with closing(sqlite3.connect(data / "speechd.db")) as database:
        return {table: sorted(database.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def contents(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (data / "files").glob("??/*")}


def command(name: str, data: Path, file: Path) -> Done:
    return speechd_in_process(name, str(file), SPEECHD_DATA_DIR=str(data))


def upload(url: str, number: int) -> str:
    content = f"file {number} ".encode() * 50_000
    form = {"data": {"purpose": "user_data"}, "files": {"file": (f"{number}.txt", content)}}
    return str(httpx2.post(f"{url}/v1/files", timeout=60, **form).raise_for_status().json()["id"])


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data folder in which a server has been at work, and a backup that was taken meanwhile."""
    data, file = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("backup") / "speechd.tar"
    assert speechd_in_process("keys", "add", "anna", SPEECHD_DATA_DIR=str(data)).returncode == 0
    (data / "keys.json").rename(data / "mine.json")
    with serving(data) as url, ThreadPoolExecutor(2) as pool:
        kept = [upload(url, number) for number in range(5)]
        stop = Event()

        def work() -> None:
            number = 100
            while not stop.is_set():
                httpx2.delete(f"{url}/v1/files/{upload(url, number)}", timeout=60).raise_for_status()
                number += 1

        busy = pool.submit(work)
        done = speechd("backup", str(file), SPEECHD_DATA_DIR=str(data))
        stop.set()
        busy.result()
        assert done.returncode == 0, done.stderr
        assert len(httpx2.get(f"{url}/v1/files", timeout=60).json()["data"]) == len(kept)
    return data, file


def test_a_backup_under_load_is_whole(stored: tuple[Path, Path], tmp_path: Path) -> None:
    _, file = stored
    assert file.stat().st_mode & 0o077 == 0, "it holds files of callers"
    done = command("restore", tmp_path / "new", file)
    assert done.returncode == 0, done.stderr
    found, kept = rows(tmp_path / "new"), contents(tmp_path / "new")
    assert len(found["files"]) in (5, 6)
    assert {digest for digest, _ in found["blobs"]} <= kept.keys(), "each row has its content"
    assert all(hashlib.sha256(content).hexdigest() == digest for digest, content in kept.items())
    assert (tmp_path / "new" / "mine.json").read_bytes() == (stored[0] / "mine.json").read_bytes()
    assert not list((tmp_path / "new").glob(".*"))


def test_a_backup_at_rest_is_equal_and_a_server_works_on_it(stored: tuple[Path, Path], tmp_path: Path) -> None:
    data, _ = stored
    file, new = tmp_path / "speechd.tar.gz", tmp_path / "new"
    assert command("backup", data, file).returncode == 0
    assert not list(data.glob(".backup*"))
    assert command("restore", new, file).returncode == 0
    assert (rows(new), contents(new)) == (rows(data), contents(data))
    with serving(new) as url:
        listed = httpx2.get(f"{url}/v1/files", timeout=60).json()["data"]
        (first,) = [each for each in listed if each["filename"] == "0.txt"]
        assert httpx2.get(f"{url}/v1/files/{first['id']}/content", timeout=60).content == b"file 0 " * 50_000


def test_a_folder_with_something_in_it_is_left_alone(stored: tuple[Path, Path]) -> None:
    data, file = stored
    before = rows(data)
    done = command("restore", data, file)
    assert (done.returncode, "is there already" in done.stderr) == (1, True)
    assert rows(data) == before


def changed(file: Path, target: Path, path: str | None = None, content: bytes | None = None, **fields: object) -> Path:
    """A backup of which the manifest, the name or the content of the first file is another."""
    with tarfile.open(file) as old, tarfile.open(target, "w") as new:
        for number, info in enumerate(old.getmembers()):
            opened = old.extractfile(info)
            assert opened is not None
            body = opened.read()
            if number == 0:
                manifest = json.loads(body) | fields
                manifest["files"][0]["path"] = path or manifest["files"][0]["path"]
                body = json.dumps(manifest).encode()
            if number == 1:
                info.name, body = path or info.name, content if content is not None else body
            info.size = len(body)
            new.addfile(info, io.BytesIO(body))
    return target


def cut(file: Path, target: Path) -> Path:
    target.write_bytes(file.read_bytes()[:-700_000])
    return target


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (cut, "not a whole backup"),
        (lambda file, target: changed(file, target, path="../../outside"), "does not belong into a data folder"),
        (lambda file, target: changed(file, target, path="/tmp/outside"), "does not belong into a data folder"),
        (lambda file, target: changed(file, target, migration="9999"), "install that version"),
        (lambda file, target: changed(file, target, format=2), "of format 2"),
        (lambda file, target: changed(file, target, content=b"short"), "damaged"),
        (lambda file, target: target, "cannot be read"),
        (lambda file, target: Path(__file__), "not a whole backup"),
    ],
)
def test_what_is_no_whole_backup_leaves_nothing(
    stored: tuple[Path, Path], tmp_path: Path, make: object, told: str
) -> None:
    assert callable(make)
    done = command("restore", tmp_path / "new", make(stored[1], tmp_path / "changed.tar"))
    assert (done.returncode, told in done.stderr, len(done.stderr.splitlines())) == (1, True, 1), done.stderr
    assert not list((tmp_path / "new").iterdir())
    assert not (tmp_path / "outside").exists()


def test_a_backup_that_cannot_be_written_is_told(stored: tuple[Path, Path], tmp_path: Path) -> None:
    done = command("backup", stored[0], tmp_path / "no folder" / "speechd.tar")
    assert (done.returncode, "cannot be written" in done.stderr) == (1, True)
    done = command("backup", tmp_path / "nowhere", tmp_path / "speechd.tar")
    assert (done.returncode, "There is no data folder" in done.stderr) == (1, True)
