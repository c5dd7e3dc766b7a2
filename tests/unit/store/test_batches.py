import json
from pathlib import Path
from typing import Any

import pytest

from speechd.errors import BatchNotFound, FileNotFound, InvalidRequest, QuotaExceeded
from speechd.store.batch_maintenance import BatchMaintenance
from speechd.store.batch_order import BatchOrder
from speechd.store.batches import Batch, Batches, window_seconds
from speechd.store.blobs.folder import BlobFolder
from speechd.store.blobs.quota import StorageLimits
from speechd.store.database import Database
from speechd.store.files import Files
from speechd.store.queue import TASK_LEASE_SECONDS, Outcome, Queue
from speechd.store.tables import batches, lines
from tests.unit.store.conftest import Clock, Rows

DAY = 86_400


class Desk:
    """A batch API's parts around one database, and one worker's."""

    def __init__(self, database: Database, folder: Path, worker: str = "worker") -> None:
        self.database = database
        self.files = Files(database, BlobFolder(folder), lifetime=0)
        self.batches = Batches(database, self.files)
        self.queue = Queue(database, worker)
        self.maintenance = BatchMaintenance(database, self.files, self.queue, retention=30 * DAY)

    async def upload(self, text: bytes, purpose: str = "batch", owner: str = "anna") -> str:
        with self.files.blobs.draft() as draft:
            draft.write(text)
            return (await self.files.keep(draft, owner, "in.jsonl", purpose)).id

    async def begin(self, *custom_ids: str, **order: Any) -> Batch:
        """A batch of these lines, whose input has been looked through."""
        request = {"method": "POST", "url": "/v1/embeddings", "body": {"input": "x"}}
        text = b"".join(json.dumps({"custom_id": id} | request).encode() + b"\n" for id in custom_ids)
        batch = await self.batches.create(self.order(await self.upload(text), **order))
        await self.tend()
        return await self.batches.get("anna", batch.id)

    def order(self, file: str, **changes: Any) -> BatchOrder:
        return BatchOrder(
            **{"owner": "anna", "dialect": "openai", "endpoint": "/v1/embeddings", "completion_window": "24h"}
            | changes,
            input_file_id=file,
        )

    async def tend(self) -> None:
        while task := await self.maintenance.claim():
            await self.maintenance.do(task)

    async def answer(self, number: int) -> None:
        for line in await self.queue.claim(number):
            outcome = Outcome("completed", 200, "req_1", json.dumps({"said": line.custom_id}))
            assert await self.queue.finish(line, outcome)

    async def read(self, file: str | None) -> list[dict[str, Any]]:
        assert file is not None
        with self.files.blobs.open((await self.files.get("anna", file)).blob) as content:
            return [json.loads(row) for row in content]


@pytest.fixture
def desk(database: Database, tmp_path: Path) -> Desk:
    return Desk(database, tmp_path / "files")


@pytest.mark.parametrize(("window", "hours"), [("24h", 24), ("36h", 36), ("168h", 168), ("1d", 24), ("7d", 168)])
def test_windows(window: str, hours: int) -> None:
    assert window_seconds(window) == hours * 3600


@pytest.mark.parametrize("window", ["", "23h", "169h", "8d", "0d", "24", "24m", "24h ", "1.5d", "-7d", "٢٤h\n"])
def test_windows_that_are_none(window: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        window_seconds(window)
    assert refused.value.param == "completion_window"


async def test_from_the_order_to_the_files(desk: Desk, clock: Clock, rows: Rows) -> None:
    file = await desk.upload(b'{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {}}\n')
    batch = await desk.batches.create(desk.order(file, metadata={"for": "you"}, completion_window="2d"))
    assert (batch.status, batch.total, batch.expires_at) == ("validating", 0, int(clock.now) + 2 * DAY)
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.total, batch.in_progress_at) == ("in_progress", 1, int(clock.now))
    clock.now += 5
    (line,) = await desk.queue.claim(9)
    assert await desk.queue.finish(line, Outcome("completed", 200, "req_1", '{"text": "Grüße \\ud83d"}'))
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.completed, batch.output_file_id) == ("finalizing", 1, None)
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.completed_at, batch.error_file_id) == ("completed", int(clock.now), None)
    assert json.loads(batch.metadata or "") == {"for": "you"}
    (result,) = await desk.read(batch.output_file_id)
    assert result == {
        "id": line.id,
        "custom_id": "a",
        "response": {"status_code": 200, "request_id": "req_1", "body": {"text": "Grüße \ud83d"}},
        "error": None,
    }
    assert await rows(lines) == []


async def test_failures_go_to_the_error_file(desk: Desk) -> None:
    batch = await desk.begin("good", "bad")
    envelope = '{"error": {"message": "No.", "type": "invalid_request_error", "param": null, "code": null}}'
    for line in await desk.queue.claim(2):
        ended = ("completed", 200) if line.custom_id == "good" else ("failed", 400)
        await desk.queue.finish(line, Outcome(*ended, "req_1", envelope if ended[1] == 400 else "{}"))  # type: ignore[arg-type]
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.total, batch.completed, batch.failed) == ("completed", 2, 1, 1)
    assert [row["custom_id"] for row in await desk.read(batch.output_file_id)] == ["good"]
    (error,) = await desk.read(batch.error_file_id)
    assert (error["custom_id"], error["response"]["status_code"], error["error"]) == ("bad", 400, None)


async def test_a_bad_input_fails_as_a_whole(desk: Desk, rows: Rows) -> None:
    batch = await desk.batches.create(desk.order(await desk.upload(b"{}\nnonsense\n")))
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.total, batch.failed_at is None) == ("failed", 0, False)
    assert [fault["line"] for fault in json.loads(batch.errors or "")["data"]] == [1, 2]
    assert await rows(lines) == []


async def test_what_cannot_be_ordered(desk: Desk) -> None:
    with pytest.raises(FileNotFound):
        await desk.batches.create(desk.order("file_none"))
    with pytest.raises(FileNotFound):
        await desk.batches.create(desk.order(await desk.upload(b"x", owner="bert")))
    with pytest.raises(InvalidRequest, match="batch_output") as refused:
        await desk.batches.create(desk.order(await desk.upload(b"x", "batch_output")))
    assert refused.value.param == "input_file_id"


async def test_others_do_not_see_it(desk: Desk) -> None:
    batch = await desk.begin("a")
    for attempt in (desk.batches.get, desk.batches.cancel):
        with pytest.raises(BatchNotFound):
            await attempt("bert", batch.id)
    assert (await desk.batches.list("bert")).rows == []
    assert (await desk.batches.get("anna", batch.id)).status == "in_progress"


async def test_pages(desk: Desk) -> None:
    made = sorted([(await desk.begin("a")).id for _ in range(3)], reverse=True)
    page = await desk.batches.list("anna", limit=2)
    assert ([batch.id for batch in page.rows], page.has_more) == (made[:2], True)
    page = await desk.batches.list("anna", after=made[1], limit=2)
    assert ([batch.id for batch in page.rows], page.has_more) == (made[2:], False)


async def test_cancelling(desk: Desk, clock: Clock) -> None:
    batch = await desk.begin("done", "running", "waiting", "too")
    await desk.answer(1)
    (running,) = await desk.queue.claim(1)
    batch = await desk.batches.cancel("anna", batch.id)
    assert (batch.status, batch.cancelling_at) == ("cancelling", int(clock.now))
    assert await desk.batches.cancel("anna", batch.id) == batch
    assert await desk.queue.claim(9) == []
    assert dict((await desk.queue.renew({running.id})).stopped) == {running.id: "cancelled"}
    await desk.tend()
    assert (await desk.batches.get("anna", batch.id)).status == "cancelling", "one line is still running"
    assert await desk.queue.finish(running, Outcome("cancelled", error='{"code": "batch_cancelled", "message": "."}'))
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.completed, batch.failed) == ("cancelled", 1, 3)
    assert [row["custom_id"] for row in await desk.read(batch.output_file_id)] == ["done"]
    errors = await desk.read(batch.error_file_id)
    assert [row["custom_id"] for row in errors] == ["running", "waiting", "too"]
    assert {row["error"]["code"] for row in errors} == {"batch_cancelled"}
    assert await desk.batches.cancel("anna", batch.id) == batch


async def test_cancelled_before_anybody_looked(desk: Desk) -> None:
    batch = await desk.batches.create(desk.order(await desk.upload(b"{}")))
    task = await desk.maintenance.claim()
    assert task is not None
    assert (await desk.batches.cancel("anna", batch.id)).status == "cancelling"
    await desk.maintenance.do(task)
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("cancelled", None, None)


async def test_the_window_ends(desk: Desk, clock: Clock) -> None:
    batch = await desk.begin("done", "running", "waiting")
    await desk.answer(1)
    (running,) = await desk.queue.claim(1)
    assert await desk.maintenance.end_overdue() == 0
    clock.now += DAY
    assert await desk.maintenance.end_overdue() == 1
    assert await desk.maintenance.end_overdue() == 0
    await desk.queue.release({"worker"})  # it died instead of stopping
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.expired_at, batch.completed, batch.failed) == ("expired", int(clock.now), 1, 2)
    assert {row["error"]["code"] for row in await desk.read(batch.error_file_id)} == {"batch_expired"}
    assert not await desk.queue.finish(running, Outcome("completed", 200, "req_1", "{}"))


async def test_an_input_that_is_deleted_meanwhile(desk: Desk) -> None:
    batch = await desk.begin("a")
    await desk.files.delete("anna", batch.input_file_id)
    (line,) = await desk.queue.claim(1)
    with desk.files.blobs.open(line.source or "") as text:
        text.seek(line.offset)
        assert json.loads(text.read(line.length))["custom_id"] == "a"
    await desk.queue.put_back(line)
    await desk.answer(1)
    await desk.tend()
    assert (await desk.batches.get("anna", batch.id)).status == "completed"
    stored = list(desk.files.blobs._folder.glob("??/*"))
    assert len(stored) == 1, "the input's content went with its last user; the output is there"


async def test_a_worker_that_dies_over_the_results(
    desk: Desk, database: Database, tmp_path: Path, clock: Clock
) -> None:
    batch = await desk.begin("a", "b")
    await desk.answer(2)
    assert (await desk.maintenance.claim()) is not None
    other = Desk(database, tmp_path / "files", "other")
    assert await other.maintenance.claim() is None
    clock.now += TASK_LEASE_SECONDS + 1
    await other.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, len(await desk.read(batch.output_file_id))) == ("completed", 2)


async def test_no_room_for_the_results(desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = await desk.begin("a")
    await desk.answer(1)
    monkeypatch.setattr(desk.files.blobs._quota, "_limits", StorageLimits(quota=1))
    task = await desk.maintenance.claim()
    assert task is not None
    with pytest.raises(QuotaExceeded) as full:
        await desk.maintenance.do(task)
    await desk.maintenance.postpone(task, full.value)
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.output_file_id) == ("finalizing", None)
    assert json.loads(batch.errors or "")["data"][0]["code"] == "quota_exceeded"
    monkeypatch.setattr(desk.files.blobs._quota, "_limits", StorageLimits())
    clock.now += 60
    await desk.tend()
    batch = await desk.batches.get("anna", batch.id)
    assert (batch.status, batch.errors) == ("completed", None)


async def test_old_batches_are_forgotten(desk: Desk, clock: Clock, rows: Rows) -> None:
    await desk.begin("a")
    await desk.answer(1)
    await desk.tend()
    clock.now += 20 * DAY
    young = await desk.begin("b")
    clock.now += 11 * DAY
    await desk.maintenance.forget_ended()
    assert [row["id"] for row in await rows(batches)] == [young.id]
