import asyncio
import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import insert

from speechd.errors import FileNotFound, QuotaExceeded, StorageFull
from speechd.store.blobs.folder import ABANDONED_SECONDS, BlobFolder
from speechd.store.blobs.quota import StorageLimits
from speechd.store.database import Database
from speechd.store.files import Files, StoredFile
from speechd.store.tables import blobs
from tests.unit.store.conftest import Clock, Rows


@pytest.fixture
def files(database: Database, tmp_path: Path) -> Files:
    return Files(database, BlobFolder(tmp_path / "files", StorageLimits(quota=1000)), lifetime=3600)


async def keep(files: Files, content: bytes, owner: str = "anna", **more: float) -> StoredFile:
    with files.blobs.draft() as draft:
        draft.write(content)
        return await files.keep(draft, owner, "a.jsonl", "batch", **more)


def contents(files: Files) -> list[bytes]:
    return sorted(path.read_bytes() for path in files.blobs._folder.glob("*/*"))


async def test_what_is_kept_is_there(files: Files) -> None:
    kept = await keep(files, b"hello")
    assert await files.get("anna", kept.id) == kept
    assert (kept.bytes, kept.filename, kept.purpose) == (5, "a.jsonl", "batch")
    with files.blobs.open(kept.blob) as stored:
        assert stored.read() == b"hello"


async def test_others_do_not_see_it(files: Files) -> None:
    kept = await keep(files, b"hello")
    for attempt in (files.get, files.delete):
        with pytest.raises(FileNotFound):
            await attempt("bert", kept.id)
    assert (await files.list("bert")).rows == []
    assert (await files.get("anna", kept.id)).id == kept.id


@pytest.mark.parametrize("id", ["", "x" * 5000, "file_\0", "\ufffd", "' OR 1=1 --"])
async def test_ids_that_are_none(files: Files, id: str) -> None:
    await keep(files, b"hello")
    for attempt in (files.get, files.delete):
        with pytest.raises(FileNotFound):
            await attempt("anna", id)
    assert len((await files.list("anna", after=id, order="asc")).rows) <= 1
    assert (await files.list("anna", purpose=id or "x")).rows == []


async def test_equal_contents_are_stored_once_until_the_last_goes(files: Files) -> None:
    first, second = await asyncio.gather(keep(files, b"same"), keep(files, b"same", owner="bert"))
    assert first.blob == second.blob
    assert contents(files) == [b"same"]
    await files.delete("anna", first.id)
    assert contents(files) == [b"same"]
    await files.delete("bert", second.id)
    assert contents(files) == []
    with pytest.raises(FileNotFound):
        await files.delete("bert", second.id)


async def test_an_upload_beside_the_deletion_of_its_twin_is_whole(files: Files) -> None:
    for _ in range(10):
        old = await keep(files, b"same")
        _, new = await asyncio.gather(files.delete("anna", old.id), keep(files, b"same"))
        assert contents(files) == [b"same"]
        await files.delete("anna", new.id)


async def test_a_draft_that_is_not_kept_leaves_nothing(files: Files, rows: Rows) -> None:
    with files.blobs.draft() as draft:
        draft.write(b"half")
    assert contents(files) == []
    assert await rows(blobs) == []


async def test_the_quota(files: Files, rows: Rows) -> None:
    kept = await keep(files, b"x" * 450)
    await keep(files, b"x" * 450)  # the same content takes no more room
    with pytest.raises(QuotaExceeded, match="1000 bytes"):
        await keep(files, b"y" * 551)
    assert contents(files) == [b"x" * 450]
    for file in (await files.list("anna")).rows:
        await files.delete("anna", file.id)
    assert (await keep(files, b"y" * 551)).id != kept.id


async def test_drafts_count_in_the_quota_while_they_grow(files: Files) -> None:
    await keep(files, b"x" * 450)
    with files.blobs.draft() as first, files.blobs.draft() as second:
        first.write(b"y" * 300)
        second.write(b"z" * 250)
        with pytest.raises(QuotaExceeded, match="1000 bytes"):
            second.write(b"z")
    with files.blobs.draft() as third:
        third.write(b"y" * 550)  # what was given up counts no more


async def test_a_folder_that_was_filled_before_counts(files: Files, database: Database, tmp_path: Path) -> None:
    await keep(files, b"x" * 450)
    with BlobFolder(tmp_path / "files", StorageLimits(quota=1000)).draft() as draft, pytest.raises(QuotaExceeded):
        draft.write(b"y" * 551)


@pytest.fixture
def shared(database: Database, tmp_path: Path) -> Files:
    """Each owner may have half of 1000 bytes."""
    return Files(database, BlobFolder(tmp_path / "files", StorageLimits(1000, share=lambda: 0.5)), lifetime=3600)


async def upload(files: Files, content: bytes, owner: str) -> StoredFile:
    """As the API takes one in."""
    await files.check_room(owner)
    with files.blobs.draft(owner) as draft:
        draft.write(content)
        return await files.keep(draft, owner, "a.jsonl", "batch")


async def test_one_owner_cannot_take_the_space_of_another(shared: Files) -> None:
    first = await upload(shared, b"x" * 300, "anna")
    with pytest.raises(QuotaExceeded, match=r"your key would take more than 500 bytes.*SPEECHD_KEY_SHARE"):
        await upload(shared, b"y" * 201, "anna")
    await upload(shared, b"y" * 200, "anna")
    with pytest.raises(QuotaExceeded, match="your key"):
        await shared.check_room("anna")
    await upload(shared, b"z" * 500, "ben")
    with pytest.raises(QuotaExceeded, match="your key"):
        await upload(shared, b"z", "ben")
    with pytest.raises(QuotaExceeded, match="more than 1000 bytes"):
        await upload(shared, b"!", "carl")
    await shared.delete("anna", first.id)
    await upload(shared, b"w" * 300, "anna")


async def test_drafts_of_one_owner_count_in_its_share_while_they_grow(shared: Files) -> None:
    await upload(shared, b"x" * 300, "anna")
    with shared.blobs.draft("anna") as first, shared.blobs.draft("anna") as second, shared.blobs.draft("ben") as other:
        first.write(b"y" * 100)
        second.write(b"z" * 100)
        with pytest.raises(QuotaExceeded, match="your key"):
            second.write(b"z")
        other.write(b"w" * 500)


async def test_equal_contents_count_once_in_a_share_and_for_each_owner(shared: Files) -> None:
    for owner in ("anna", "anna", "ben"):
        await upload(shared, b"x" * 250, owner)
    await upload(shared, b"y" * 250, "anna")
    with pytest.raises(QuotaExceeded, match="your key"):
        await upload(shared, b"z" * 251, "ben")


async def test_results_are_kept_beyond_the_share_and_count_in_it(shared: Files) -> None:
    """A result that waited for room would hold up those of others. Nothing more is taken in instead."""
    await upload(shared, b"x" * 300, "anna")
    await keep(shared, b"result" * 50)
    with pytest.raises(QuotaExceeded, match="your key"):
        await shared.check_room("anna")


async def test_without_keys_there_are_no_shares(shared: Files) -> None:
    await upload(shared, b"x" * 1000, "")


async def test_some_of_the_disk_stays_free(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    with BlobFolder(tmp_path / "files", StorageLimits(min_free=free * 2)).draft() as draft, pytest.raises(StorageFull):
        draft.write(b"x")
    assert not list((tmp_path / "files" / "drafts").iterdir())


async def test_pages(files: Files) -> None:
    kept = [(await keep(files, b"%d" % number)).id for number in range(5)]
    await keep(files, b"other", owner="bert")
    newest = sorted(kept, reverse=True)
    page = await files.list("anna", limit=2)
    assert ([file.id for file in page.rows], page.has_more) == (newest[:2], True)
    await files.delete("anna", newest[1])
    page = await files.list("anna", after=newest[1], limit=3)
    assert ([file.id for file in page.rows], page.has_more) == (newest[2:], False)
    assert [file.id for file in (await files.list("anna", order="asc", limit=1)).rows] == [newest[-1]]
    assert (await files.list("anna", purpose="batch_output")).rows == []


async def test_retention(files: Files, clock: Clock) -> None:
    short, usual, kept = [await keep(files, b"%d" % span, lifetime=span) for span in (60, 3600, 0)]
    clock.now += 60
    with pytest.raises(FileNotFound):
        await files.get("anna", short.id)
    assert await files.forget_expired() == 1
    assert contents(files) == [b"0", b"3600"]
    clock.now += 1e9
    assert await files.forget_expired() == 1
    assert [file.id for file in (await files.list("anna")).rows] == [kept.id]
    assert usual.expires_at == usual.created_at + 3600


async def test_what_a_dead_process_left_is_swept(files: Files, database: Database) -> None:
    kept = await keep(files, b"kept")
    folder = files.blobs._folder
    left = [folder / "drafts" / "half", folder / "ab" / ("ab" + "0" * 62), folder / "drafts" / "young"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"left")
    old = left[0].stat().st_mtime - ABANDONED_SECONDS - 1
    for path in (*left[:2], files.blobs.path(kept.blob)):
        os.utime(path, (old, old))
    async with database.writing() as connection:
        assert await files.blobs.sweep(connection) == 2
    assert contents(files) == [b"kept", b"left"]
    assert left[2].exists()


async def test_a_content_that_a_batch_needs_stays(files: Files, database: Database, running_batch) -> None:
    kept = await keep(files, b"lines")
    await running_batch("b", 1, blob=kept.blob)
    await files.delete("anna", kept.id)
    assert contents(files) == [b"lines"]
    with pytest.raises(FileNotFound):
        await files.get("anna", kept.id)


async def test_a_refused_row_leaves_no_trace(files: Files, database: Database, rows: Rows) -> None:
    """The content is placed inside the transaction: what fails afterwards is swept, not served."""

    async def keep_and_fail() -> None:
        with files.blobs.draft() as draft:
            draft.write(b"lost")
            async with database.writing() as connection:
                await files.enter(connection, draft, "anna", "a", "batch")
                await connection.execute(insert(blobs), [{"digest": "0" * 64, "bytes": 1}])
                raise LookupError

    with pytest.raises(LookupError):
        await keep_and_fail()
    assert await rows(blobs) == []
    assert (await files.list("anna")).rows == []
