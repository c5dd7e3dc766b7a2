"""Files that arrive in parts: what OpenAI's SDK does, and what is refused."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from speechd.api.routes import uploads as module
from speechd.auth.keys import KeyFile, KeyLimits
from tests.contract.conftest import House, Opener, serving
from tests.contract.test_error_shape import assert_envelope
from tests.support.fake_service import TEXT
from tests.support.generated_audio import wav
from tests.support.llm_server import EMBED, FakeLlm
from tests.support.stored_batches import LINES

ANNOUNCED = {"filename": "in.jsonl", "purpose": "batch", "mime_type": "application/jsonl"}


async def begin(house: House, size: int, prefix: str = "/v1", **more: Any) -> str:
    reply = await house.client.post(f"{prefix}/uploads", json=ANNOUNCED | {"bytes": size} | more)
    assert reply.status_code == 200, reply.text
    id: str = reply.json()["id"]
    return id


async def add(house: House, upload: str, data: bytes) -> httpx2.Response:
    return await house.client.post(f"/v1/uploads/{upload}/parts", files={"data": ("part", data)})


async def complete(house: House, upload: str, *part_ids: str, **more: str) -> httpx2.Response:
    return await house.client.post(f"/v1/uploads/{upload}/complete", json={"part_ids": part_ids} | more)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
async def test_a_file_in_two_parts(house: House, prefix: str) -> None:
    begun = (await house.client.post(f"{prefix}/uploads", json=ANNOUNCED | {"bytes": len(LINES)})).json()
    assert (begun["object"], begun["status"], begun["bytes"]) == ("upload", "pending", len(LINES))
    assert (begun["filename"], begun["purpose"]) == ("in.jsonl", "batch")
    assert begun["expires_at"] == begun["created_at"] + 3600
    parts = [(await add(house, begun["id"], data)).json() for data in (LINES[:7], LINES[7:])]
    assert {(part["object"], part["upload_id"]) for part in parts} == {("upload.part", begun["id"])}
    body = {"part_ids": [part["id"] for part in parts], "md5": hashlib.md5(LINES).hexdigest()}
    done = (await house.client.post(f"{prefix}/uploads/{begun['id']}/complete", json=body)).json()
    assert (done["status"], done["id"]) == ("completed", begun["id"])
    assert done["file"] == (await house.client.get(f"{prefix}/files/{done['file']['id']}")).json()
    assert (await house.client.get(f"{prefix}/files/{done['file']['id']}/content")).content == LINES


async def test_the_sdk_uploads_in_chunks_and_a_batch_runs_on_the_file(tmp_path: Path, llm: FakeLlm) -> None:
    rows = [
        {"custom_id": str(number), "method": "POST", "url": "/v1/embeddings", "body": {"model": EMBED, "input": "one"}}
        for number in range(30)
    ]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    async with (
        serving(data_dir=tmp_path / "data", worker=True, llm_base_url=llm.url) as server,
        openai.AsyncOpenAI(api_key="unused", base_url=f"{server.url}/v1") as client,
    ):
        checksum = hashlib.md5(path.read_bytes()).hexdigest()
        upload = await client.uploads.upload_file_chunked(
            file=path, mime_type="application/jsonl", purpose="batch", part_size=1000, md5=checksum
        )
        assert (upload.status, upload.bytes) == ("completed", path.stat().st_size)
        assert upload.file is not None
        batch = await client.batches.create(
            input_file_id=upload.file.id, endpoint="/v1/embeddings", completion_window="24h"
        )
        async with asyncio.timeout(60):
            while batch.status not in ("completed", "failed"):
                await asyncio.sleep(0.05)
                batch = await client.batches.retrieve(batch.id)
        assert batch.request_counts is not None
        assert (batch.status, batch.request_counts.completed) == ("completed", 30)


async def test_the_sdk_cancels(tmp_path: Path) -> None:
    async with (
        serving(data_dir=tmp_path) as server,
        openai.AsyncOpenAI(api_key="unused", base_url=f"{server.url}/v1") as client,
    ):
        upload = await client.uploads.create(bytes=5, filename="a.wav", mime_type="audio/wav", purpose="user_data")
        await client.uploads.parts.create(upload.id, data=b"12345")
        assert (await client.uploads.cancel(upload.id)).status == "cancelled"
        with pytest.raises(openai.BadRequestError, match="is cancelled already"):
            await client.uploads.parts.create(upload.id, data=b"12345")
        with pytest.raises(openai.NotFoundError):
            await client.uploads.cancel("upload_none")
    assert not list((tmp_path / "files").glob("*/*"))


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"bytes": None}, 400, "bytes"),
        ({"bytes": 0}, 400, "bytes"),
        ({"bytes": "many"}, 400, "bytes"),
        ({"bytes": 2_000_001}, 413, "bytes"),
        ({"bytes": 1 << 70}, 413, "bytes"),
        ({"filename": ""}, 400, "filename"),
        ({"filename": "a" * 5000}, 400, "filename"),
        ({"mime_type": None}, 400, "mime_type"),
        ({"purpose": "fun"}, 400, "purpose"),
        ({"expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "expires_after"),
    ],
)
async def test_what_cannot_be_announced(house: House, fields: dict[str, Any], status: int, param: str) -> None:
    reply = await house.client.post("/v1/uploads", json=ANNOUNCED | {"bytes": 5} | fields)
    assert_envelope(reply, status, param=param)
    if status == 413:
        assert "SPEECHD_MAX_UPLOAD_BYTES" in reply.json()["error"]["message"]


async def test_groqs_prefix_has_groqs_purposes(house: House) -> None:
    body = ANNOUNCED | {"bytes": 5, "purpose": "user_data"}
    assert (await house.client.post("/v1/uploads", json=body)).status_code == 200
    assert_envelope(await house.client.post("/openai/v1/uploads", json=body), 400, param="purpose")


async def test_what_is_no_part(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = await begin(house, 5)
    url = f"/v1/uploads/{upload}/parts"
    assert_envelope(await house.client.post(url, data={"data": "text"}), 400, param="data")
    assert_envelope(await house.client.post(url, files={"file": ("a", b"12345")}), 400, param="data")
    assert_envelope(await house.client.post(url, content=b"12345"), 400, param="content-type")
    assert_envelope(await add(house, upload, b""), 400, param="data")
    monkeypatch.setattr(module, "MAX_PART_BYTES", 4)
    assert_envelope(await add(house, upload, b"12345"), 413, param="data")
    assert_envelope(await add(house, "upload_none", b"12345"), 404, "upload_not_found")


async def test_what_does_not_add_up(house: House) -> None:
    upload = await begin(house, 5)
    part = (await add(house, upload, b"1234")).json()["id"]
    assert_envelope(await complete(house, upload, part), 400, param="part_ids")
    assert_envelope(await complete(house, upload), 400, param="part_ids")
    assert_envelope(await complete(house, upload, part, "part_none"), 400, param="part_ids")
    rest = (await add(house, upload, b"5")).json()["id"]
    assert_envelope(await complete(house, upload, part, rest, md5="no"), 400, param="md5")
    assert_envelope(await complete(house, upload, part, rest, md5="0" * 32), 400, param="md5")
    assert (await complete(house, upload, part, rest)).json()["file"]["bytes"] == 5
    assert_envelope(await complete(house, upload, rest, part), 400, "upload_completed")
    assert_envelope(await house.client.post(f"/v1/uploads/{upload}/cancel"), 400, "upload_completed")


# What becomes of a recording


RECORDING = wav(bytes(6400))


async def recording(house: House, purpose: str = "user_data", content: bytes = RECORDING) -> str:
    upload = await begin(house, len(content), purpose=purpose, filename="talk.wav", mime_type="audio/wav")
    half = len(content) // 2
    ids = [(await add(house, upload, data)).json()["id"] for data in (content[:half], content[half:])]
    id: str = (await complete(house, upload, *ids)).json()["file"]["id"]
    return id


async def test_a_recording_is_transcribed_by_its_id(house: House) -> None:
    body = {"model": "stand-in", "file_id": await recording(house)}
    for dialect in ("/v1", "/openai/v1"):
        reply = await house.client.post(f"{dialect}/audio/transcriptions", json=body)
        assert (reply.status_code, reply.json()["text"]) == (200, TEXT), reply.text
    form = await house.client.post("/v1/audio/translations", data=body)
    assert form.json()["text"] == TEXT
    stream = await house.client.post("/v1/audio/transcriptions", json=body | {"stream": True})
    assert "transcript.text.done" in stream.text
    assert set(house.service.ears.heard) == {RECORDING[:100]}
    assert all(file.closed for file in house.service.ears.files)


async def test_a_job_and_a_batch_take_it_by_its_id(open_house: Opener) -> None:
    house = await open_house(worker=True)
    file = await recording(house)
    body = {"model": "stand-in", "file_id": file}
    job = await house.client.post("/v1/audio/transcriptions", json=body, headers={"prefer": "respond-async"})
    assert job.status_code == 202, job.text
    line = {"custom_id": "1", "method": "POST", "url": "/v1/audio/transcriptions", "body": body}
    wrong = line | {"custom_id": "2", "body": body | {"file_id": "file_none"}}
    lines = "\n".join(map(json.dumps, (line, wrong))).encode()
    order = {
        "endpoint": line["url"],
        "completion_window": "24h",
        "input_file_id": await recording(house, "batch", lines),
    }
    batch = (await house.client.post("/v1/batches", json=order)).json()["id"]
    done = await ended(house, job.headers["location"])
    assert (done["status"], done["result"]["text"]) == ("completed", TEXT)
    finished = await ended(house, f"/v1/batches/{batch}")
    assert finished["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
    output = (await house.client.get(f"/v1/files/{finished['output_file_id']}/content")).json()
    assert output["response"]["body"]["text"] == TEXT
    failed = (await house.client.get(f"/v1/files/{finished['error_file_id']}/content")).json()
    assert failed["response"]["body"]["error"]["code"] == "file_not_found"


async def ended(house: House, path: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            state: dict[str, Any] = (await house.client.get(path)).json()
            if state["status"] in ("completed", "failed"):
                return state
            await asyncio.sleep(0.05)


async def test_what_cannot_be_transcribed_by_its_id(house: House) -> None:
    body = {"model": "stand-in", "file_id": await recording(house)}
    for later in ({}, {"prefer": "respond-async"}):

        async def refused(fields: dict[str, str], status: int, code: str | None = None, param: str = "file_id") -> None:
            reply = await house.client.post("/v1/audio/transcriptions", json=body | fields, headers=later)  # noqa: B023
            assert_envelope(reply, status, code, param)

        await refused({"file_id": "file_none"}, 404, "file_not_found")
        await refused({"file_id": await recording(house, "batch")}, 400)
        await refused({"url": "speech"}, 400)
    both = {"files": {"file": ("a.wav", b"speech")}, "data": body}
    assert_envelope(await house.client.post("/v1/audio/transcriptions", **both), 400, param="file_id")


async def test_each_key_has_its_own(open_house: Opener, tmp_path: Path) -> None:
    house = await open_house(data_dir=tmp_path)
    anna, ben, eve = (
        {"authorization": f"Bearer {KeyFile(tmp_path / 'keys.json').add(name, KeyLimits(), may)}"}
        for name, may in (("anna", ("batches",)), ("ben", ("batches",)), ("eve", ("transcribe",)))
    )
    house.client.headers.update(anna)
    upload = await begin(house, 5)
    part = (await add(house, upload, b"12345")).json()["id"]
    house.client.headers.update(ben)
    assert_envelope(await add(house, upload, b"12345"), 404, "upload_not_found")
    assert_envelope(await complete(house, upload, part), 404, "upload_not_found")
    house.client.headers.update(eve)
    assert_envelope(await add(house, upload, b"12345"), 403, "permission_denied")
    house.client.headers.update(anna)
    file = (await complete(house, upload, part)).json()["file"]["id"]
    assert (await house.client.get(f"/v1/files/{file}")).status_code == 200
    talk = await recording(house)
    house.client.headers.update(ben)
    asked = await house.client.post("/v1/audio/transcriptions", json={"model": "stand-in", "file_id": talk})
    assert_envelope(asked, 403, "permission_denied")
    ben_may = KeyFile(tmp_path / "keys.json").add("ben2", KeyLimits(), ("transcribe",))
    asked = await house.client.post(
        "/v1/audio/transcriptions",
        json={"model": "stand-in", "file_id": talk},
        headers={"authorization": f"Bearer {ben_may}"},
    )
    assert_envelope(asked, 404, "file_not_found", "file_id")
    assert_envelope(await house.client.get(f"/v1/files/{file}"), 404)
