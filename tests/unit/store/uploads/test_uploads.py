import asyncio
import hashlib
from pathlib import Path

import pytest

from speechd.errors import InvalidRequest, QuotaExceeded, StorageUnavailable, TooLarge, UploadNotFound
from speechd.store.blobs.folder import BlobFolder
from speechd.store.blobs.quota import StorageLimits
from speechd.store.database import Database
from speechd.store.files import Files
from speechd.store.tables import blobs, upload_parts, uploads
from speechd.store.uploads import uploads as module
from speechd.store.uploads.records import UPLOAD_SECONDS, StoredUpload, UploadOrder
from speechd.store.uploads.uploads import REMEMBERED_SECONDS, CompletedUpload, Uploads
from tests.unit.store.conftest import Clock, Rows

QUOTA = 1000


class Store:
    """Files and uploads with a quota of 1000 bytes, of which each owner may have all."""

    def __init__(self, database: Database, folder: Path, share: float = 1.0) -> None:
        self.files = Files(database, BlobFolder(folder, StorageLimits(QUOTA, share=lambda: share)), lifetime=3600)
        self.uploads = Uploads(database, self.files)
        self.folder = folder

    async def begin(self, size: int, owner: str = "anna", lifetime: int | None = None) -> StoredUpload:
        return await self.uploads.create(UploadOrder(owner, "a.jsonl", "batch", size, lifetime))

    async def add(self, upload: StoredUpload, content: bytes, owner: str = "anna") -> str:
        await self.uploads.check_open(owner, upload.id)
        with self.files.blobs.draft(owner) as draft:
            draft.write(content)
            return (await self.uploads.add(owner, upload.id, draft)).id

    async def upload(self, *contents: bytes) -> CompletedUpload:
        begun = await self.begin(sum(map(len, contents)))
        ids = [await self.add(begun, content) for content in contents]
        return await self.uploads.complete("anna", begun.id, ids)

    def content(self, completed: CompletedUpload) -> bytes:
        assert completed.file is not None
        with self.files.blobs.open(completed.file.blob) as stored:
            return stored.read()

    def contents(self) -> list[bytes]:
        return sorted(path.read_bytes() for path in self.folder.glob("*/*"))


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return Store(database, tmp_path / "files")


async def test_the_parts_become_a_file_in_the_order_of_the_completion(store: Store, rows: Rows) -> None:
    begun = await store.begin(9, lifetime=7200)
    ends, starts = await store.add(begun, b" world"), await store.add(begun, b"bye")
    completed = await store.uploads.complete("anna", begun.id, [starts, ends], hashlib.md5(b"bye world").hexdigest())
    assert (completed.upload.status, completed.upload.id) == ("completed", begun.id)
    assert completed.file is not None
    assert completed.file == await store.files.get("anna", completed.file.id)
    assert (completed.file.bytes, completed.file.filename, completed.file.purpose) == (9, "a.jsonl", "batch")
    assert completed.file.expires_at == completed.file.created_at + 7200
    assert store.content(completed) == b"bye world"
    assert store.contents() == [b"bye world"]
    assert await rows(upload_parts) == []
    assert [row["digest"] for row in await rows(blobs)] == [completed.file.blob]


async def test_a_part_that_was_sent_twice_may_stay_out(store: Store) -> None:
    begun = await store.begin(3)
    await store.add(begun, b"half")
    completed = await store.uploads.complete("anna", begun.id, [await store.add(begun, b"all")])
    assert store.content(completed) == b"all"
    assert store.contents() == [b"all"]


async def test_equal_parts(store: Store) -> None:
    assert store.content(await store.upload(b"ab", b"ab", b"ab")) == b"ababab"
    assert store.content(await store.upload(b"ab")) == b"ab"
    assert store.contents() == [b"ab", b"ababab"]


@pytest.mark.parametrize(
    ("part_ids", "md5", "param"),
    [
        (["first"], "", "part_ids"),
        (["first", "second", "third"], "", "part_ids"),
        (["first", "part_unknown"], "", "part_ids"),
        (["first", "first"], "", "part_ids"),
        (["first", "another's"], "", "part_ids"),
        (["first", "\0"], "", "part_ids"),
        (["first", "second"], "0" * 32, "md5"),
    ],
)
async def test_a_file_that_was_not_announced_is_refused(
    store: Store, part_ids: list[str], md5: str, param: str
) -> None:
    begun, other = await store.begin(4), await store.begin(4)
    known = {"first": await store.add(begun, b"12"), "second": await store.add(begun, b"34")}
    known |= {"third": await store.add(begun, b"5"), "another's": await store.add(other, b"34")}
    with pytest.raises(InvalidRequest) as refused:
        await store.uploads.complete("anna", begun.id, [known.get(id, id) for id in part_ids], md5)
    assert refused.value.param == param
    right = await store.uploads.complete("anna", begun.id, [known["first"], known["second"]])
    assert store.content(right) == b"1234"


@pytest.mark.parametrize("end", ["completed", "cancelled", "expired"])
async def test_after_its_end_nothing_can_be_added(store: Store, clock: Clock, end: str) -> None:
    begun = await store.begin(2)
    part = await store.add(begun, b"12")
    if end == "completed":
        await store.uploads.complete("anna", begun.id, [part])
    elif end == "cancelled":
        assert (await store.uploads.cancel("anna", begun.id)).status == "cancelled"
    else:
        clock.now += UPLOAD_SECONDS
    with store.files.blobs.draft("anna") as draft:
        draft.write(b"34")
        for attempt in (
            store.uploads.check_open("anna", begun.id),
            store.uploads.add("anna", begun.id, draft),
            store.uploads.complete("anna", begun.id, ["part_other"]),
        ):
            with pytest.raises(InvalidRequest) as refused:
                await attempt
            assert refused.value.error_code == f"upload_{end}"
    if end != "cancelled":
        with pytest.raises(InvalidRequest, match=end):
            await store.uploads.cancel("anna", begun.id)
    assert store.contents() == {"completed": [b"12"], "cancelled": [], "expired": [b"12"]}[end]


async def test_others_do_not_see_it(store: Store) -> None:
    begun = await store.begin(2)
    part = await store.add(begun, b"12")
    for attempt in (
        store.uploads.check_open("bert", begun.id),
        store.uploads.complete("bert", begun.id, [part]),
        store.uploads.cancel("bert", begun.id),
        store.uploads.cancel("anna", "upload_\0"),
    ):
        with pytest.raises(UploadNotFound):
            await attempt


async def test_a_completion_that_is_repeated_gives_the_same_file(store: Store) -> None:
    """A client whose connection broke asks again."""
    first = await store.upload(b"12", b"34")
    ids = module.json.loads(first.upload.part_ids or "")
    again = await store.uploads.complete("anna", first.upload.id, ids)
    assert (again.upload, again.file) == (first.upload, first.file)
    assert first.file is not None
    await store.files.delete("anna", first.file.id)
    assert (await store.uploads.complete("anna", first.upload.id, ids)).file is None


async def test_two_completions_at_once_make_one_file(store: Store, rows: Rows) -> None:
    begun = await store.begin(4)
    ids = [await store.add(begun, b"12"), await store.add(begun, b"34")]
    one, two = await asyncio.gather(*(store.uploads.complete("anna", begun.id, ids) for _ in range(2)))
    assert one == two
    assert len((await store.files.list("anna")).rows) == 1
    assert store.contents() == [b"1234"]
    assert len(await rows(uploads)) == 1


async def test_a_completion_beside_a_cancellation(store: Store) -> None:
    for _ in range(5):
        begun = await store.begin(4)
        ids = [await store.add(begun, b"12"), await store.add(begun, b"34")]
        results = await asyncio.gather(
            store.uploads.complete("anna", begun.id, ids),
            store.uploads.cancel("anna", begun.id),
            return_exceptions=True,
        )
        assert sum(isinstance(result, InvalidRequest) for result in results) == 1
        files = (await store.files.list("anna")).rows
        assert store.contents() == [b"1234"] * len(files)
        for file in files:
            await store.files.delete("anna", file.id)
    assert store.contents() == []


async def test_parts_side_by_side(store: Store) -> None:
    begun = await store.begin(300)
    ids = await asyncio.gather(*(store.add(begun, bytes([number]) * 10) for number in range(30)))
    completed = await store.uploads.complete("anna", begun.id, ids)
    assert store.content(completed) == b"".join(bytes([number]) * 10 for number in range(30))


async def test_parts_count_in_the_quota_and_the_whole_takes_their_place(store: Store) -> None:
    with pytest.raises(QuotaExceeded):
        await store.begin(QUOTA + 1)
    other, begun = await store.begin(1), await store.begin(QUOTA)
    ids = [await store.add(begun, bytes([number]) * 250) for number in range(4)]
    with pytest.raises(QuotaExceeded):
        await store.add(other, b"x")
    completed = await store.uploads.complete("anna", begun.id, ids)  # 1000 bytes beside 1000 of parts
    assert len(store.content(completed)) == QUOTA
    assert completed.file is not None
    await store.files.delete("anna", completed.file.id)
    await store.add(other, b"x")


async def test_equal_parts_do_not_pass_the_quota(store: Store) -> None:
    """They are stored once, and the file is as long as all of them."""
    begun = await store.begin(900)
    ids = [await store.add(begun, b"x" * 300) for _ in range(3)]
    kept = await store.begin(200)
    await store.uploads.complete("anna", kept.id, [await store.add(kept, b"y" * 200)])
    with pytest.raises(QuotaExceeded):
        await store.uploads.complete("anna", begun.id, ids)
    assert store.contents() == [b"x" * 300, b"y" * 200]
    await store.uploads.cancel("anna", begun.id)
    assert store.contents() == [b"y" * 200]


async def test_the_share_of_a_key(database: Database, tmp_path: Path) -> None:
    store = Store(database, tmp_path / "shared", share=0.5)
    with pytest.raises(QuotaExceeded, match="your key"):
        await store.begin(501)
    begun = await store.begin(500)
    ids = [await store.add(begun, b"1" * 250), await store.add(begun, b"2" * 250)]
    with pytest.raises(QuotaExceeded, match="your key"):
        await store.add(begun, b"3")
    assert len(store.content(await store.uploads.complete("anna", begun.id, ids))) == 500
    theirs = await store.begin(10, "bert")
    await store.add(theirs, b"4" * 10, "bert")


async def test_what_expires_is_cleaned(store: Store, clock: Clock, rows: Rows) -> None:
    begun = await store.begin(4)
    await store.add(begun, b"12")
    assert await store.uploads.forget_expired() == 0
    clock.now += UPLOAD_SECONDS
    assert await store.uploads.forget_expired() == 1
    assert store.contents() == []
    assert [row["status"] for row in await rows(uploads)] == ["expired"]
    assert await rows(upload_parts) == []
    clock.now += REMEMBERED_SECONDS
    assert await store.uploads.forget_expired() == 1
    assert await rows(uploads) == []
    assert await store.uploads.forget_expired() == 0


async def test_a_completed_upload_is_forgotten_and_its_file_stays(store: Store, clock: Clock, rows: Rows) -> None:
    completed = await store.upload(b"1234")
    clock.now += UPLOAD_SECONDS
    assert await store.uploads.forget_expired() == 0
    assert completed.file is not None
    clock.now += REMEMBERED_SECONDS
    assert await store.uploads.forget_expired() == 1
    assert await rows(uploads) == []
    assert store.contents() == [b"1234"]


async def test_a_part_that_cannot_be_read_changes_nothing(store: Store) -> None:
    begun = await store.begin(4)
    ids = [await store.add(begun, b"12"), await store.add(begun, b"34")]
    (path,) = (path for path in store.folder.glob("*/*") if path.read_bytes() == b"34")
    path.rename(store.folder / "aside")
    with pytest.raises(StorageUnavailable):
        await store.uploads.complete("anna", begun.id, ids)
    (store.folder / "aside").rename(path)
    assert store.content(await store.uploads.complete("anna", begun.id, ids)) == b"1234"


async def test_who_is_cancelled_while_it_is_joined_leaves_nothing(store: Store) -> None:
    begun = await store.begin(4)
    ids = [await store.add(begun, b"12"), await store.add(begun, b"34")]
    for pause in (0, 0.001, 0.005, 0.02):
        joining = asyncio.create_task(store.uploads.complete("anna", begun.id, ids))
        await asyncio.sleep(pause)
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        assert not list((store.folder / "drafts").iterdir())
    await store.uploads.complete("anna", begun.id, ids)
    assert store.contents() == [b"1234"]


async def test_the_number_and_size_of_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UPLOAD_PARTS", 2)
    monkeypatch.setattr(module, "MAX_PARTS_BYTES", 10)
    begun = await store.begin(4)
    await store.add(begun, b"12")
    with pytest.raises(TooLarge):
        await store.add(begun, b"x" * 9)
    await store.add(begun, b"34")
    with pytest.raises(InvalidRequest, match="2 parts"):
        await store.add(begun, b"56")
