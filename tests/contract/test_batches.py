"""Files and batches over HTTP: whose they are, what is refused, what the schema promises."""

import json
from typing import Any

import httpx2
import pytest

from speechd.auth.keys import KeyFile, KeyLimits
from speechd.errors import StorageFull
from speechd.schemas.batches import BatchList, BatchObject, FileList, FileObject
from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope
from tests.support.stored_batches import LINES, seed_batch, seed_file

PREFIXES = ("/v1", "/openai/v1")
ORDER = {"input_file_id": "file_1", "endpoint": "/v1/embeddings", "completion_window": "24h"}


@pytest.fixture
async def seeded(house: House) -> House:
    await seed_file(house.app.state.jobs, "file_1")
    await seed_batch(house.app.state.jobs, "batch_1", "file_1")
    return house


async def upload(house: House, content: bytes = LINES, prefix: str = "/v1", **fields: Any) -> httpx2.Response:
    files = {"file": ("in.jsonl", content)}
    return await house.client.post(f"{prefix}/files", files=files, data={"purpose": "batch"} | fields)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_what_is_uploaded_comes_back(house: House, prefix: str) -> None:
    made = FileObject.model_validate((await upload(house, prefix=prefix)).json())
    assert (made.bytes, made.filename, made.purpose) == (len(LINES), "in.jsonl", "batch")
    reply = await house.client.get(f"{prefix}/files/{made.id}/content")
    assert (reply.content, reply.headers["content-type"]) == (LINES, "application/octet-stream")
    assert reply.headers["content-length"] == str(len(LINES))
    head = await house.client.head(f"{prefix}/files/{made.id}/content")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(LINES)))
    listed = FileList.model_validate((await house.client.get(f"{prefix}/files")).json())
    assert (listed.data, listed.has_more, listed.last_id) == ([made], False, made.id)
    gone = (await house.client.delete(f"{prefix}/files/{made.id}")).json()
    assert gone == {"id": made.id, "object": "file", "deleted": True}
    assert_envelope(await house.client.delete(f"{prefix}/files/{made.id}"), 404, "file_not_found", "file_id")


@pytest.mark.parametrize("name", ['a"b.jsonl', "../../etc/passwd", "日本語.jsonl", "x" * 300, "a\x00b"])
async def test_names_are_only_names(house: House, name: str) -> None:
    part = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b\r\nContent-Disposition: form-data;'
    )
    part += b' name="file"; filename="' + name.replace('"', "%22").encode() + b'"\r\n\r\nhello\r\n--b--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=b"}
    reply = await house.client.post("/v1/files", content=part, headers=kind)
    assert reply.status_code == 200, reply.text
    back = await house.client.get(f"/v1/files/{reply.json()['id']}/content")
    assert back.content == b"hello"
    assert "\r" not in back.headers["content-disposition"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "nonsense"}, "purpose"),
        ({"purpose": ""}, "purpose"),
        ({"expires_after[anchor]": "now", "expires_after[seconds]": "3600"}, "expires_after"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "60"}, "expires_after"),
    ],
)
async def test_uploads_that_are_refused(house: House, fields: dict[str, str], param: str) -> None:
    assert_envelope(await upload(house, **fields), 400, param=param)
    assert (await house.client.get("/v1/files")).json()["data"] == []


async def test_an_empty_or_too_large_upload(house: House) -> None:
    assert_envelope(await upload(house, b""), 400, param="file")
    assert_envelope(await upload(house, b"x" * 2_000_001), 413, "request_too_large", "file")
    drafts = house.app.state.jobs.settings.data_dir / "files" / "drafts"
    assert list(drafts.iterdir()) == [], "nothing half-written stays"


@pytest.mark.parametrize(
    ("changes", "status", "param"),
    [
        ({"endpoint": "/v1/models"}, 400, "endpoint"),
        ({"endpoint": 5}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"completion_window": None}, 400, "completion_window"),
        ({"input_file_id": "file_none"}, 404, "file_id"),
        ({"input_file_id": ""}, 400, "input_file_id"),
        ({"input_file_id": "\ud800"}, 400, "input_file_id"),
        ({"input_file_id": "a\0b"}, 404, "file_id"),
        ({"metadata": {"a": "\ud800"}}, 400, "metadata"),
        ({"metadata": {"a": 5}}, 400, "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, 400, "metadata"),
        ({"metadata": {"a": "x" * 513}}, 400, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 1}}, 400, "output_expires_after"),
    ],
)
async def test_orders_that_are_refused(seeded: House, changes: dict[str, Any], status: int, param: str) -> None:
    body = json.dumps(ORDER | changes)  # the client's own encoder refuses half of a surrogate pair
    assert_envelope(await seeded.client.post("/v1/batches", content=body), status, param=param)
    assert len((await seeded.client.get("/v1/batches")).json()["data"]) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"input_file_id": "\\ud800"}'])
async def test_bodies_that_are_none(seeded: House, body: bytes) -> None:
    assert_envelope(await seeded.client.post("/v1/batches", content=body), 400)


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_cancelled_twice(seeded: House, prefix: str) -> None:
    first = await seeded.client.post(f"{prefix}/batches/batch_1/cancel")
    assert BatchObject.model_validate(first.json()).status == "cancelling"
    again = await seeded.client.post(f"{prefix}/batches/batch_1/cancel")
    assert (again.status_code, again.json()) == (200, first.json())


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=100000", "order=up", "after=" + "x" * 200])
async def test_pages_that_are_none(house: House, query: str) -> None:
    assert_envelope(await house.client.get(f"/v1/files?{query}"), 400, param=query.partition("=")[0])
    if not query.startswith("order"):
        assert_envelope(await house.client.get(f"/v1/batches?{query}"), 400)


async def test_pages(house: House) -> None:
    made = sorted([(await upload(house)).json()["id"] for _ in range(3)], reverse=True)
    page = FileList.model_validate((await house.client.get("/v1/files?limit=2")).json())
    assert ([file.id for file in page.data], page.has_more) == (made[:2], True)
    page = FileList.model_validate((await house.client.get(f"/v1/files?limit=2&after={page.last_id}")).json())
    assert ([file.id for file in page.data], page.has_more) == (made[2:], False)


async def test_each_key_sees_its_own(open_house: Opener, tmp_path: Any) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    callers = {name: {"authorization": f"Bearer {keys.add(name, KeyLimits())}"} for name in ("anna", "bert")}
    house = await open_house(api_keys_file=keys.path)
    house.client.headers.update(callers["anna"])
    file = (await upload(house)).json()["id"]
    batch = (await house.client.post("/v1/batches", json=ORDER | {"input_file_id": file})).json()["id"]
    house.client.headers.update(callers["bert"])
    for prefix in PREFIXES:
        for method, path in [
            ("GET", f"/files/{file}"),
            ("GET", f"/files/{file}/content"),
            ("DELETE", f"/files/{file}"),
            ("GET", f"/batches/{batch}"),
            ("POST", f"/batches/{batch}/cancel"),
        ]:
            assert_envelope(await house.client.request(method, prefix + path), 404)
        for kind in ("files", "batches"):
            assert (await house.client.get(f"{prefix}/{kind}?after={file}x")).json()["data"] == []
        assert_envelope(await house.client.post(f"{prefix}/batches", json=ORDER | {"input_file_id": file}), 404)
    house.client.headers.update(callers["anna"])
    assert (await house.client.get(f"/v1/files/{file}")).status_code == 200
    mine = BatchList.model_validate((await house.client.get("/openai/v1/batches")).json())
    assert [row.id for row in mine.data] == [batch]
    assert mine.data[0].status == "validating"


async def test_the_quota(open_house: Opener) -> None:
    house = await open_house(files_quota_bytes=150)
    first = (await upload(house, b"x" * 100)).json()["id"]
    assert_envelope(await upload(house, b"y" * 100), 413, "quota_exceeded", "file")
    assert (await house.client.delete(f"/v1/files/{first}")).status_code == 200
    assert (await upload(house, b"y" * 100)).status_code == 200


async def test_one_key_cannot_take_the_space_of_another(open_house: Opener, tmp_path: Any) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    house = await open_house(files_quota_bytes=200, api_keys_file=keys.path)
    house.client.headers.update({"authorization": f"Bearer {keys.add('anna', KeyLimits())}"})
    first = (await upload(house, b"x" * 150)).json()["id"]  # the only key has all
    ben = {"authorization": f"Bearer {keys.add('ben', KeyLimits())}"}
    refused = await upload(house, b"y")
    assert_envelope(refused, 413, "quota_exceeded", "file")
    assert "your key would take more than 100 bytes" in refused.json()["error"]["message"]
    assert_envelope(await house.client.post("/v1/batches", json=ORDER | {"input_file_id": first}), 413)
    assert (await house.client.delete(f"/v1/files/{first}")).status_code == 200
    assert (await upload(house, b"x" * 100)).status_code == 200
    house.client.headers.update(ben)
    assert_envelope(await upload(house, b"y" * 101), 413, "quota_exceeded", "file")
    assert (await upload(house, b"y" * 100)).status_code == 200


async def test_what_the_work_waits_for_is_told(seeded: House) -> None:
    seeded.app.state.jobs.faults["lines"] = StorageFull()
    (fault,) = (await seeded.client.get("/v1/batches/batch_1")).json()["errors"]["data"]
    assert fault["code"] == "storage_full"
    seeded.app.state.jobs.faults.clear()
    assert (await seeded.client.get("/v1/batches/batch_1")).json()["errors"] is None


async def test_a_database_that_cannot_be_opened_yet(open_house: Opener, tmp_path: Any) -> None:
    (tmp_path / "speechd.db").mkdir()
    house = await open_house(data_dir=tmp_path, worker=True)
    for reply in (await upload(house), await house.client.get("/v1/batches")):
        assert_envelope(reply, 503)
        assert reply.headers["retry-after"]
    assert (await house.transcribe()).status_code == 200
    (tmp_path / "speechd.db").rmdir()
    assert (await upload(house)).status_code == 200
