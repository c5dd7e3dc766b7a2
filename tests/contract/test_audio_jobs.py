"""`Prefer: respond-async`: checked as if the caller waited, answered later with the very same."""

import asyncio
import io
import json
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from speechd.auth.keys import KeyFile, KeyLimits
from speechd.errors import InvalidAudio, StorageFull
from speechd.schemas.audio_jobs import AudioJobList, AudioJobObject
from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope

PREFIXES = ("/v1", "/openai/v1")
REMAINING = "x-ratelimit-remaining-audio-seconds"
LATER = {"prefer": "respond-async"}
SECRET = "whsec_" + "c2VjcmV0" * 4
HOOK = {"webhook_url": "https://hooks.example/speech?token=1", "webhook_secret": SECRET}


@pytest.fixture(autouse=True)
def _recordings_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in's recordings are words, which last 3.5 s."""

    async def measure(service: object, audio: io.BufferedReader, clip: object) -> float:
        if audio.read() == b"broken":
            raise InvalidAudio(param="file")
        return 3.5

    monkeypatch.setattr("speechd.api.async_requests.measure", measure)
    monkeypatch.setattr("speechd.worker.audio_job.measure", measure)


@pytest.fixture
async def working(open_house: Opener) -> House:
    """A house in which jobs are done."""
    return await open_house(worker=True)


async def order(house: House, audio: bytes = b"speech", prefix: str = "/v1", **fields: Any) -> httpx2.Response:
    form = {"model": "stand-in"} | fields
    path = f"{prefix}/audio/transcriptions"
    return await house.client.post(path, files={"file": ("a.wav", audio)}, data=form, headers=LATER)


async def speak(house: House, prefix: str = "/v1", **fields: Any) -> httpx2.Response:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello there. How are you?"} | fields
    return await house.client.post(f"{prefix}/audio/speech", json=body, headers=LATER)


async def ended(house: House, accepted: httpx2.Response) -> AudioJobObject:
    assert accepted.status_code == 202, accepted.text
    while True:
        job = AudioJobObject.model_validate((await house.client.get(accepted.headers["location"])).json())
        if job.status not in ("queued", "running"):
            return job
        await asyncio.sleep(0.05)


async def until_idle(house: House) -> None:
    """The transcriber has stopped."""
    while house.service.ears.running:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_job_is_taken_in(house: House, prefix: str) -> None:
    reply = await order(house, prefix=prefix)
    job = AudioJobObject.model_validate(reply.json())
    assert reply.status_code == 202
    assert reply.headers["location"] == f"{prefix}/audio/jobs/{job.id}"
    assert reply.headers["preference-applied"] == "respond-async"
    assert (job.status, job.endpoint) == ("queued", f"{prefix}/audio/transcriptions")
    assert job.request_id == reply.headers["x-request-id"]
    assert job.progress.model_dump() == {
        **{"unit": "seconds", "done": 0, "total": 3.5, "ratio": 0},
        "seconds_left": None,
    }
    again = await house.client.get(reply.headers["location"])
    assert again.json() == reply.json()
    early = await house.client.get(f"{prefix}/audio/jobs/{job.id}/result")
    assert_envelope(early, 404, "result_not_ready")
    assert early.headers["retry-after"]


@pytest.mark.parametrize("header", ["Respond-Async", "wait=10, respond-async", 'respond-async=""; x="y"'])
async def test_the_preference_in_every_spelling(house: House, header: str) -> None:
    form: dict[str, Any] = {"files": {"file": ("a.wav", b"speech")}, "data": {"model": "stand-in"}}
    reply = await house.client.post("/v1/audio/translations", **form, headers={"prefer": header})
    assert reply.status_code == 202


@pytest.mark.parametrize("header", ["wait=10", "respond-asynchronously", "return=minimal"])
async def test_other_preferences_change_nothing(house: House, header: str) -> None:
    form: dict[str, Any] = {"files": {"file": ("a.wav", b"speech")}, "data": {"model": "stand-in"}}
    reply = await house.client.post("/v1/audio/transcriptions", **form, headers={"prefer": header})
    assert (reply.status_code, "preference-applied" in reply.headers) == (200, False)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("shape", ["json", "verbose_json", "text", "srt", "vtt"])
async def test_the_result_is_what_a_caller_gets_who_waits(working: House, prefix: str, shape: str) -> None:
    later = await order(working, prefix=prefix, response_format=shape)
    job = await ended(working, later)
    waited = await working.transcribe(prefix=prefix, response_format=shape)
    result = await working.client.get(f"{prefix}/audio/jobs/{job.id}/result")
    mine, its = (reply.headers["x-request-id"] for reply in (later, waited))
    assert result.content == waited.content.replace(its.encode(), mine.encode())
    for name in ("content-type", "content-length", "x-speechd-model", "x-speechd-cache"):
        assert result.headers[name] == waited.headers[name]
    told = job.result if isinstance(job.result, str) else json.dumps(job.result, ensure_ascii=False)
    assert told == result.text
    assert job.result_media_type == waited.headers["content-type"]
    assert (job.status, job.progress.ratio, job.segments) == ("completed", 1, [])
    assert job.created_at <= (job.started_at or 0) <= (job.finished_at or 0)


@pytest.mark.parametrize("shape", ["mp3", "wav", "flac"])
async def test_speech_is_a_file_too(working: House, shape: str) -> None:
    job = await ended(working, await speak(working, response_format=shape))
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello there. How are you?", "response_format": shape}
    waited = await working.client.post("/v1/audio/speech", json=body)
    result = await working.client.get(job.result_url or "")
    assert result.content == waited.content
    for name in ("content-type", "x-speechd-voice", "cache-control"):
        assert result.headers[name] == waited.headers[name]
    file = await working.client.get(f"/v1/files/{job.result['id']}/content")
    assert file.content == waited.content
    assert (job.result["filename"], job.result["voice"]) == (f"speech.{shape}", "stand-in-voice")
    assert job.progress.model_dump(exclude={"seconds_left"}) == {
        "unit": "characters",
        "done": 25,
        "total": 25,
        "ratio": 1,
    }
    await working.client.delete(f"/v1/audio/jobs/{job.id}")
    assert_envelope(await working.client.get(f"/v1/files/{job.result['id']}"), 404, "file_not_found")


async def test_headerless_speech_stays_headerless(working: House) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello there.", "response_format": "mulaw"}
    basic = {"accept": "audio/basic"}
    waited = await working.client.post("/v1/audio/speech", json=body, headers=basic)
    job = await ended(working, await working.client.post("/v1/audio/speech", json=body, headers=basic | LATER))
    result = await working.client.get(job.result_url or "")
    assert (result.content, result.headers["content-type"]) == (waited.content, waited.headers["content-type"])


BAD_RECORDINGS: list[tuple[bytes, dict[str, Any]]] = [
    (b"speech", {"temperature": "7"}),
    (b"speech", {"response_format": "diarized_json", "num_speakers": "12"}),
    (b"speech", {"timestamp_granularities[]": "word"}),
    (b"speech", {"url": "https://a.example/b.wav"}),
    (b"speech", {"model": "nope"}),
    (b"speech", {"model": "whisper-large-v3"}),
    (b"broken", {}),
    (b"x" * 2_000_001, {}),
]


@pytest.mark.parametrize(("audio", "fields"), BAD_RECORDINGS)
async def test_what_is_refused_at_once(house: House, audio: bytes, fields: dict[str, Any]) -> None:
    waited = await house.transcribe(audio, **fields)
    later = await order(house, audio, **fields)
    assert (later.status_code, later.json()) == (waited.status_code, waited.json())
    assert waited.status_code >= 400
    assert (await house.client.get("/v1/audio/jobs")).json()["data"] == []
    drafts = house.app.state.jobs.settings.data_dir / "files" / "drafts"
    assert list(drafts.iterdir()) == [], "nothing half-written stays"


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "nope"},
        {"voice": "nobody"},
        {"input": ""},
        {"input": "<speak><audio/></speak>"},
        {"input": "x" * 200_001},
        {"speed": 9},
        {"response_format": "exe"},
    ],
)
async def test_speech_that_is_refused_at_once(house: House, fields: dict[str, Any]) -> None:
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."} | fields
    waited = await house.client.post("/v1/audio/speech", json=body)
    later = await speak(house, **fields)
    assert (later.status_code, later.json()) == (waited.status_code, waited.json())
    assert waited.status_code >= 400


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"stream": "true"}, 400, "stream"),
        ({"webhook_url": "https://hooks.example/"}, 400, "webhook_secret"),
        (HOOK | {"webhook_secret": "short"}, 400, "webhook_secret"),
        (HOOK | {"webhook_secret": "whsec_no base64!"}, 400, "webhook_secret"),
        (HOOK | {"webhook_url": "hooks.example"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "ftp://hooks.example/"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "http://127.0.0.1:9/"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "http://localhost/"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "http://169.254.169.254/"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "https://me:you@hooks.example/"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "https://hooks.example:25/"}, 403, "webhook_url"),
        (HOOK | {"webhook_url": "https://hooks.example/a b"}, 400, "webhook_url"),
        (HOOK | {"webhook_url": "https://hooks.example/" + "x" * 2048}, 400, "webhook_url"),
    ],
)
async def test_what_only_jobs_can_have_wrong(house: House, fields: dict[str, str], status: int, param: str) -> None:
    assert_envelope(await order(house, **fields), status, param=param)
    spoken = {name: value for name, value in fields.items() if name != "stream"}
    if spoken:
        assert_envelope(await speak(house, **spoken), status, param=param)


async def test_a_url_that_leads_inside_is_refused_at_once(house: House) -> None:
    form = {"model": "stand-in", "url": "http://10.0.0.1/a.wav"}
    reply = await house.client.post("/v1/audio/transcriptions", data=form, headers=LATER)
    assert_envelope(reply, 403, "url_not_allowed", "url")


async def test_fields_left_empty_are_absent(house: House) -> None:
    empty = {"webhook_url": "", "webhook_secret": ""}
    assert (await order(house, **empty)).json()["webhook"] is None
    assert (await house.transcribe(**empty)).status_code == 200


async def test_what_is_in_the_way_is_told(house: House) -> None:
    path = (await order(house)).headers["location"]
    house.app.state.jobs.faults["queue"] = StorageFull()
    assert (await house.client.get(path)).json()["waiting_for"]["code"] == "storage_full"
    house.app.state.jobs.faults.clear()
    assert (await house.client.get(path)).json()["waiting_for"] is None


async def test_a_webhook_needs_the_preference(house: House) -> None:
    assert_envelope(await house.transcribe(**HOOK), 400, param="webhook_url")
    body = {"model": "tts-1", "voice": "alloy", "input": "Hello."} | HOOK
    assert_envelope(await house.client.post("/v1/audio/speech", json=body), 400, param="webhook_url")


async def test_secrets_are_not_told(open_house: Opener) -> None:
    house = await open_house(webhook_secret=SecretStr(SECRET))
    reply = await order(house, webhook_url=HOOK["webhook_url"])
    assert reply.json()["webhook"] == {
        "url": "https://hooks.example/speech",
        "status": "waiting",
        "attempts": 0,
        "last_status": None,
        "last_error": None,
        "delivered_at": None,
    }
    assert SECRET not in reply.text
    assert "token" not in reply.text


async def test_recordings_by_url(working: House) -> None:
    for url in ("https://a.example/speech.wav", "data:audio/wav;base64,c3BlZWNo", "c3BlZWNo"):
        form = {"model": "stand-in", "url": url}
        job = await ended(working, await working.client.post("/v1/audio/transcriptions", data=form, headers=LATER))
        assert (job.status, job.progress.done) == ("completed", 3.5)
    assert working.service.ears.heard[0] == b"https://a.example/speech.wav"


@pytest.mark.parametrize("audio", [b"picture", b"too long", b"crash", b"late refusal"])
async def test_a_failure_is_the_error_that_a_waiting_caller_gets(working: House, audio: bytes) -> None:
    waited = await working.transcribe(audio)
    later = await order(working, audio)
    job = await ended(working, later)
    result = await working.client.get(f"/v1/audio/jobs/{job.id}/result")
    mine, its = (reply.headers["x-request-id"] for reply in (later, waited))
    assert job.status == "failed"
    assert job.error is not None
    assert {"error": job.error.model_dump()} == json.loads(waited.text.replace(its, mine))
    assert_envelope(result, waited.status_code)
    assert result.json() == {"error": job.error.model_dump()}


async def test_cancelling_is_never_a_conflict(working: House) -> None:
    accepted = await order(working, b"slow")
    await working.service.ears.started.wait()
    path = accepted.headers["location"]
    for _ in range(2):
        cancelled = await working.client.post(f"{path}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    await until_idle(working)
    assert (await working.client.get(path)).json()["status"] == "cancelled"
    assert_envelope(await working.client.get(f"{path}/result"), 404, "result_not_ready")
    done = await ended(working, await order(working))
    assert (await working.client.post(f"/v1/audio/jobs/{done.id}/cancel")).json()["status"] == "completed"


async def test_deleting_stops_and_forgets(working: House) -> None:
    path = (await order(working, b"slow")).headers["location"]
    await working.service.ears.started.wait()
    gone = await working.client.delete(path)
    assert gone.json() == {"id": path.rpartition("/")[2], "object": "audio.job", "deleted": True}
    await until_idle(working)
    for method, suffix in (("GET", ""), ("GET", "/result"), ("POST", "/cancel"), ("DELETE", "")):
        reply = await working.client.request(method, path + suffix)
        assert_envelope(reply, 404, "audio_job_not_found", "job_id")
    blobs = working.app.state.jobs.settings.data_dir / "files"
    assert [file for file in blobs.glob("*/*") if file.parent.name != "drafts"] == []


async def test_segments_are_there_before_the_end(working: House) -> None:
    path = (await order(working, b"slow end")).headers["location"]
    job = (await working.client.get(path)).json()
    while not job["segments"]:
        await asyncio.sleep(0.05)
        job = (await working.client.get(path)).json()
    assert job["segments"] == [{"id": 0, "start": 0.52, "end": 1.48, "text": " Hello there.", "speaker": None}]
    assert (job["status"], job["result"]) == ("running", None)
    assert job["progress"].pop("seconds_left") > 0
    assert job["progress"] == {"unit": "seconds", "done": 1.48, "total": 3.5, "ratio": 0.4229}


async def test_lists_go_page_by_page(house: House) -> None:
    made = [(await order(house)).json()["id"] for _ in range(5)]
    after, pages = "", []
    while True:
        reply = await house.client.get("/openai/v1/audio/jobs", params={"limit": 2, "after": after})
        page = AudioJobList.model_validate(reply.json())
        pages.append([job.id for job in page.data])
        if not page.has_more:
            break
        after = page.last_id or ""
    assert pages == [[made[4], made[3]], [made[2], made[1]], [made[0]]]
    assert_envelope(await house.client.get("/v1/audio/jobs", params={"limit": 0}), 400, param="limit")


@pytest.fixture
async def two_callers(open_house: Opener) -> tuple[House, dict[str, str], dict[str, str]]:
    house = await open_house(worker=True, api_key=SecretStr("sk-first"))
    secret = KeyFile(house.service.settings.keys_path).add("anna", KeyLimits(audio_seconds_per_day=6))
    return house, {"authorization": "Bearer sk-first"}, {"authorization": f"Bearer {secret}"}


async def test_jobs_belong_to_their_key(two_callers: tuple[House, dict[str, str], dict[str, str]]) -> None:
    house, first, anna = two_callers
    house.client.headers.update(first)
    path = (await order(house)).headers["location"]
    for method, suffix in (("GET", ""), ("GET", "/result"), ("POST", "/cancel"), ("DELETE", "")):
        reply = await house.client.request(method, path + suffix, headers=anna)
        assert_envelope(reply, 404, "audio_job_not_found")
    assert (await house.client.get("/v1/audio/jobs", headers=anna)).json()["data"] == []
    assert (await house.client.get(path)).status_code == 200


async def test_audio_counts_against_the_limits(two_callers: tuple[House, dict[str, str], dict[str, str]]) -> None:
    house, _, anna = two_callers
    house.client.headers.update(anna)
    for audio in (b"one", b"two"):  # 3.5 s each, of 6
        job = await ended(house, await order(house, audio))
        assert job.status == "completed"
    while (refused := await order(house, b"three")).status_code == 202:  # it is counted just after the end
        await ended(house, refused)
    assert_envelope(refused, 429, "rate_limit_exceeded")
    assert (await house.client.get(f"/v1/audio/jobs/{job.id}")).status_code == 200, "looking is not hearing"


async def test_jobs_in_parallel_do_not_exceed_the_limit(open_house: Opener) -> None:
    """Nobody works on them: what is open counts as if it were used. Each recording has 3.5 s, of 6."""
    house = await open_house()
    secret = KeyFile(house.service.settings.keys_path).add("anna", KeyLimits(audio_seconds_per_day=6))
    house.client.headers.update({"authorization": f"Bearer {secret}"})
    first = await order(house, b"one")
    assert [first.status_code, (await order(house, b"two")).status_code] == [202, 202]
    refused = await order(house, b"three")
    assert_envelope(refused, 429, "rate_limit_exceeded")
    assert "reserved by work under way 7" in refused.json()["error"]["message"]
    assert_envelope(await speak(house), 429, "rate_limit_exceeded")
    await house.client.post(f"{first.headers['location']}/cancel")
    assert (await order(house, b"three")).status_code == 202


async def test_spoken_jobs_count(two_callers: tuple[House, dict[str, str], dict[str, str]]) -> None:
    house, _, anna = two_callers
    house.client.headers.update(anna)
    before = (await house.client.get("/openai/v1/models")).headers[REMAINING]
    job = await ended(house, await speak(house, input="One two. " * 10))
    assert job.status == "completed"
    async with asyncio.timeout(10):
        while (await house.client.get("/openai/v1/models")).headers[REMAINING] == before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_one_key_cannot_have_all_open_jobs(open_house: Opener) -> None:
    house = await open_house(max_audio_jobs=4, key_share=0.5)
    keys = KeyFile(house.service.settings.keys_path)
    anna, ben = ({"authorization": f"Bearer {keys.add(name, KeyLimits())}"} for name in ("anna", "ben"))
    house.client.headers.update(anna)
    assert [(await order(house, b"%d" % number)).status_code for number in range(3)] == [202] * 3
    house.client.headers.update(ben)
    assert [(await speak(house)).status_code, (await order(house)).status_code] == [202, 202]
    for caller in (anna, ben):
        house.client.headers.update(caller)
        for refused in (await order(house), await speak(house)):
            assert_envelope(refused, 503, "overloaded")
            assert "of your key are open. SPEECHD_KEY_SHARE" in refused.json()["error"]["message"]
            assert int(refused.headers["retry-after"]) > 0


async def test_the_queue_is_bounded(open_house: Opener) -> None:
    house = await open_house(max_audio_jobs=2)
    first = await order(house)
    assert (await speak(house)).status_code == 202
    for refused in (await order(house), await speak(house)):
        assert_envelope(refused, 503, "overloaded")
        assert "SPEECHD_MAX_AUDIO_JOBS" in refused.json()["error"]["message"]
        assert int(refused.headers["retry-after"]) > 0
    await house.client.post(f"{first.headers['location']}/cancel")
    assert (await order(house)).status_code == 202
