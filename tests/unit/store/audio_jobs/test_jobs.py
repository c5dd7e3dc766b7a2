import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from speechd.errors import AudioJobNotFound, Overloaded
from speechd.fairness.shared_bound import SharedBound
from speechd.store.audio_jobs.jobs import AudioJobs
from speechd.store.audio_jobs.live_segments import KEPT_SECONDS
from speechd.store.audio_jobs.records import AudioOrder, JobResult, NewSegments, Progress, Webhook
from speechd.store.audio_jobs.view import to_response
from speechd.store.blobs.folder import BlobFolder
from speechd.store.database import Database
from speechd.store.files import Files
from speechd.store.queue import Outcome, Queue
from speechd.store.tables import audio_jobs, blobs, deliveries, files, lines, live_segments
from tests.unit.store.conftest import Clock, Rows

ORDER = AudioOrder(
    owner="anna",
    url="/openai/v1/audio/transcriptions",
    request_id="req_1",
    fields={"model": "auto"},
    model="auto",
    format="json",
    unit="seconds",
    total=60.0,
)
HOOK = Webhook("https://hooks.example/a?token=1", "a secret of the caller")


@pytest.fixture
def folder(tmp_path: Path) -> BlobFolder:
    return BlobFolder(tmp_path / "files")


@pytest.fixture
def jobs(database: Database, folder: BlobFolder) -> AudioJobs:
    return AudioJobs(database, Files(database, folder, 0), SharedBound(3), window=3600)


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database, "worker_1")


async def ordered(jobs: AudioJobs, folder: BlobFolder, **changes: Any) -> str:
    with folder.draft() as draft:
        draft.write(b"a recording")
        return (await jobs.create(replace(ORDER, **changes), draft)).id


async def finished(jobs: AudioJobs, queue: Queue, folder: BlobFolder, filename: str = "") -> bool:
    """Claims a job and answers it."""
    (line,) = await queue.claim(1)
    with folder.draft() as draft:
        draft.write(b'{"text": "Hello."}')
        answer = JobResult(draft, "application/json", {"x-speechd-model": "m"}, 61.0, filename, {"voice": "v"})

        async def enter(connection: Any) -> Outcome:
            return Outcome("completed", 200, "req_1", await jobs.enter(connection, line.owner, line.id, answer))

        return await queue.finish(line, enter)


async def test_a_job_is_a_line_before_those_of_batches(jobs: AudioJobs, folder: BlobFolder, queue: Queue) -> None:
    async with queue._database.writing() as connection:
        await queue.add(connection, [{"owner": "", "url": "/v1/embeddings", "body": "{}"}], 100)
    id = await ordered(jobs, folder)
    line, _ = await queue.claim(2)
    assert (line.id, line.batch, line.request_id) == (id, None, "req_1")
    assert json.loads(line.body or "") == {"model": "auto"}
    with folder.open(line.blob or "") as recording:
        assert recording.read() == b"a recording"


async def test_from_its_order_to_its_answer(jobs: AudioJobs, folder: BlobFolder, queue: Queue, rows: Rows) -> None:
    id = await ordered(jobs, folder)
    assert (await jobs.get("anna", id)).status == "queued"
    assert await finished(jobs, queue, folder)
    job = await to_response(await jobs.get("anna", id), folder)
    assert (job.status, job.result, job.progress.total) == ("completed", {"text": "Hello."}, 61.0)
    assert job.result_url == f"/openai/v1/audio/jobs/{id}/result"
    assert (await to_response(await jobs.get("anna", id), folder, whole=False)).result is None
    assert len(await rows(blobs)) == 2
    await jobs.tend()
    job_now = await jobs.look(id)
    assert {row["digest"] for row in await rows(blobs)} == {job_now.blob, job_now.input_blob}, "both stay with the job"


async def test_an_answer_that_could_not_be_written_down_is_kept_later(
    jobs: AudioJobs, folder: BlobFolder, queue: Queue
) -> None:
    id = await ordered(jobs, folder)
    (line,) = await queue.claim(1)
    with folder.draft() as draft:
        draft.write(b"Hello.")
        answer = JobResult(draft, "text/plain; charset=utf-8", {}, 1.0)

        async def fail(connection: Any) -> Outcome:
            await jobs.enter(connection, "anna", id, answer)
            raise LookupError

        async def enter(connection: Any) -> Outcome:
            return Outcome("completed", 200, "req_1", await jobs.enter(connection, "anna", id, answer))

        with pytest.raises(LookupError):
            await queue.finish(line, fail)
        assert await queue.finish(line, enter)
    assert (await to_response(await jobs.look(id), folder)).result == "Hello."


async def test_the_owners_only(jobs: AudioJobs, folder: BlobFolder) -> None:
    id = await ordered(jobs, folder)
    for asked in (jobs.get, jobs.cancel, jobs.delete):
        for owner, name in (("bert", id), ("anna", "audio_job_\0"), ("anna", "")):
            with pytest.raises(AudioJobNotFound):
                await asked(owner, name)
    assert (await jobs.list("bert")).rows == []
    assert [job.id for job in (await jobs.list("anna")).rows] == [id]


async def test_cancelled_while_it_waits_and_while_it_runs(
    jobs: AudioJobs, folder: BlobFolder, queue: Queue, rows: Rows
) -> None:
    waiting = await ordered(jobs, folder)
    assert (await jobs.cancel("anna", waiting)).status == "cancelled"
    assert await queue.claim(1) == []
    running = await ordered(jobs, folder)
    (line,) = await queue.claim(1)
    assert await jobs.goes_on(running)
    assert (await jobs.cancel("anna", running)).status == "cancelled"
    assert not await jobs.goes_on(running)
    assert not await queue.finish(line, Outcome("completed", 200, "req_1", "{}")), "the end stays as it was told"
    assert (await jobs.cancel("anna", running)).status == "cancelled"
    await jobs.tend()
    assert len(await rows(blobs)) == 1, "it can still be heard"
    for id in (waiting, running):
        await jobs.delete("anna", id)
    assert await rows(blobs) == []


async def test_segments_are_kept_while_somebody_may_read_them(
    jobs: AudioJobs, folder: BlobFolder, queue: Queue, clock: Clock, rows: Rows
) -> None:
    id = await ordered(jobs, folder)
    await queue.claim(1)
    attempt = (await jobs.look(id)).started_at or 0
    new = NewSegments(attempt, 0, ({"id": 0, "text": "One."}, {"id": 1, "text": "Two."}))
    for _ in range(2):  # a report whose commit was not confirmed comes again
        await jobs.report(id, Progress(1.0, 60.0, new=new))
    assert [each.segment["text"] for each in (await jobs.follow("anna", id, attempt, 0, 10))[1]] == ["One.", "Two."]
    assert [each.number for each in (await jobs.follow("anna", id, attempt, 1, 10))[1]] == [1]
    assert [each.number for each in (await jobs.follow("anna", id, 0.0, 1, 1))[1]] == [0], "another attempt's position"
    with pytest.raises(AudioJobNotFound):
        await jobs.follow("bert", id, attempt, 0, 10)
    await jobs.cancel("anna", id)
    clock.now += KEPT_SECONDS
    await jobs.tend()
    assert len(await rows(live_segments)) == 2
    clock.now += 1
    await jobs.tend()
    assert await rows(live_segments) == []


async def test_live_segments_are_bounded(
    jobs: AudioJobs, folder: BlobFolder, queue: Queue, monkeypatch: pytest.MonkeyPatch, rows: Rows
) -> None:
    monkeypatch.setattr("speechd.store.audio_jobs.live_segments.MAX_LIVE_SEGMENTS", 3)
    id = await ordered(jobs, folder)
    await queue.claim(1)
    new = NewSegments((await jobs.look(id)).started_at or 0, 2, ({"id": 2}, {"id": 3}))
    await jobs.report(id, Progress(1.0, 60.0, new=new))
    assert [row["number"] for row in await rows(live_segments)] == [2]


async def test_the_window(jobs: AudioJobs, folder: BlobFolder, queue: Queue, clock: Clock) -> None:
    running, waiting = await ordered(jobs, folder), await ordered(jobs, folder)
    assert [line.id for line in await queue.claim(1)] == [running]
    clock.now += 3599
    await jobs.tend()
    assert {(await jobs.look(id)).status for id in (running, waiting)} == {"running", "queued"}
    clock.now += 1
    await jobs.tend()
    for id in (running, waiting):
        job = await to_response(await jobs.look(id), folder)
        assert job.status == "expired"
        assert job.error is not None
        assert (job.error.code, "SPEECHD_AUDIO_JOB_HOURS" in job.error.message) == ("job_expired", True)


async def test_what_is_deleted_is_gone(jobs: AudioJobs, folder: BlobFolder, queue: Queue, rows: Rows) -> None:
    id = await ordered(jobs, folder, webhook=HOOK, url="/v1/audio/speech")
    assert await finished(jobs, queue, folder, "speech.mp3")
    job = await to_response(await jobs.look(id), folder)
    assert (job.result["filename"], job.result["voice"]) == ("speech.mp3", "v")
    await jobs.delete("anna", id)
    for table in (deliveries, live_segments, audio_jobs, lines, files, blobs):
        assert await rows(table) == [], table.name
    assert [path for path in folder.path("00").parent.parent.glob("*/*") if path.parent.name != "drafts"] == []


async def test_what_ended_long_ago_is_forgotten(
    jobs: AudioJobs, folder: BlobFolder, queue: Queue, clock: Clock, rows: Rows
) -> None:
    await ordered(jobs, folder)
    await finished(jobs, queue, folder)
    clock.now += 100
    open_one = await ordered(jobs, folder)
    await jobs.forget_ended(0)
    await jobs.forget_ended(101)
    assert len(await rows(audio_jobs)) == 2
    await jobs.forget_ended(99)
    assert [row["id"] for row in await rows(audio_jobs)] == [open_one]


async def test_a_bound(jobs: AudioJobs, folder: BlobFolder) -> None:
    first = await ordered(jobs, folder)
    for _ in range(2):
        await ordered(jobs, folder)
    with pytest.raises(Overloaded, match="SPEECHD_MAX_AUDIO_JOBS"):
        await jobs.check_room("anna")
    with pytest.raises(Overloaded):
        await ordered(jobs, folder)
    await jobs.cancel("anna", first)
    await jobs.check_room("anna")


async def test_one_owner_cannot_have_all_open_jobs(database: Database, folder: BlobFolder) -> None:
    jobs = AudioJobs(database, Files(database, folder, 0), SharedBound(4, 0.5), window=3600)
    first = [await ordered(jobs, folder) for _ in range(3)]
    await jobs.check_room("anna")
    for _ in range(2):
        await ordered(jobs, folder, owner="ben")
    with pytest.raises(Overloaded, match="2 audio jobs of your key are open"):
        await jobs.check_room("ben")
    with pytest.raises(Overloaded, match="SPEECHD_KEY_SHARE"):
        await ordered(jobs, folder)
    for id in first[:2]:
        await jobs.cancel("anna", id)
    await ordered(jobs, folder)


@pytest.mark.parametrize(
    ("progress", "total", "ratio"),
    [
        (Progress(15.0, 60.0), 60.0, 0.25),
        (Progress(61.0, 60.0), None, None),
        (Progress(5.0, None), None, None),
    ],
)
async def test_progress_that_was_guessed_wrong_is_not_told(
    jobs: AudioJobs,
    folder: BlobFolder,
    queue: Queue,
    progress: Progress,
    total: float | None,
    ratio: float | None,
) -> None:
    id = await ordered(jobs, folder)
    await queue.claim(1)
    await jobs.report(id, progress)
    told = (await to_response(await jobs.look(id), folder)).progress
    assert (told.done, told.total, told.ratio) == (progress.done, total, ratio)


async def test_lost_for_good(jobs: AudioJobs, folder: BlobFolder, queue: Queue) -> None:
    id = await ordered(jobs, folder)
    for _ in range(5):
        assert await queue.claim(1)
        await queue.release({"worker_1"})
    job = await to_response(await jobs.look(id), folder)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.code == "worker_lost"


async def test_what_is_open_adds_up_for_each_owner(jobs: AudioJobs, folder: BlobFolder, queue: Queue) -> None:
    assert await jobs.open_amounts("anna") == {}
    await ordered(jobs, folder)
    await ordered(jobs, folder, total=None)
    await ordered(jobs, folder, unit="characters", total=140.0)
    assert await jobs.open_amounts("anna") == {"seconds": 60.0, "characters": 140.0}
    assert await jobs.open_amounts("ben") == {}
    assert await finished(jobs, queue, folder)
    assert (await jobs.open_amounts("anna"))["seconds"] == 0
