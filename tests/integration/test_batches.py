"""Files and batches as the real SDKs drive them, sync and async, over real recordings and a companion."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import groq
import httpx2
import openai
import pytest
import soundfile

from tests.contract.test_reference import llm  # noqa: F401 - a fixture
from tests.integration.conftest import serving
from tests.support.batches import CLIPS, begun, data_url, line, results, transcriptions, waited
from tests.support.llm_backends import backends_file
from tests.support.llm_server import CHAT, EMBED

TRANSCRIPTIONS = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def live(llm: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811 - the fixture
    """The address of a speechd process over the companion."""
    folder = tmp_path_factory.mktemp("live")
    with serving(folder / "data", SPEECHD_LLM_BACKENDS_FILE=str(backends_file(folder, llm[1]))) as url:
        yield url


@pytest.fixture(scope="module")
def client(live: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="unused", base_url=f"{live}/v1", max_retries=0) as blocking:
        yield blocking


def test_openai_blocking(client: openai.OpenAI, tmp_path: Path) -> None:
    source = tmp_path / "requests.jsonl"
    source.write_text(transcriptions(3))
    file = client.files.create(file=source, purpose="batch", expires_after={"anchor": "created_at", "seconds": 7200})
    assert (file.filename, file.bytes, file.purpose) == ("requests.jsonl", source.stat().st_size, "batch")
    assert file.expires_at == file.created_at + 7200
    assert client.files.retrieve(file.id) == file
    assert client.files.content(file.id).read() == source.read_bytes()
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint=TRANSCRIPTIONS,
        completion_window="24h",
        metadata={"for": "a test"},  # type: ignore[arg-type]
    )
    assert (batch.status, batch.metadata) == ("validating", {"for": "a test"})
    batch = waited(client, batch.id)
    assert batch.status == "completed"
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at <= batch.expires_at
    rows = results(client, batch.output_file_id)
    assert [row["custom_id"] for row in rows] == ["line-0", "line-1", "line-2"]
    assert [row["response"]["body"]["text"] for row in rows] == [clip.text for clip in CLIPS[:3]]
    assert rows[0]["response"]["body"]["usage"]["type"] == "duration", "OpenAI's answer"
    assert rows[0]["response"]["request_id"].startswith("req_")
    assert client.batches.cancel(batch.id) == batch
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
    assert client.batches.retrieve(batch.id) == batch


async def test_openai_async(live: str) -> None:
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{live}/v1", max_retries=0) as client:
        files = await asyncio.gather(
            *(client.files.create(file=(f"{n}.jsonl", b"x" * (n + 1)), purpose="batch") for n in range(5))
        )
        listed = [file.id async for file in client.files.list(limit=2)]
        assert set(listed) >= {file.id for file in files}
        assert listed == sorted(listed, reverse=True)
        assert [file.id async for file in client.files.list(order="asc", limit=3)] == listed[::-1]
        assert not [file async for file in client.files.list(purpose="user_data")]
        made = [
            await client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
            for file in files
        ]
        seen = [batch.id async for batch in client.batches.list(limit=2)]
        assert set(seen) >= {batch.id for batch in made}
        assert len(seen) == len(set(seen))
        for file in files:
            assert (await client.files.delete(file.id)).deleted


def test_groq_blocking(live: str) -> None:
    with groq.Groq(api_key="unused", base_url=live, max_retries=0) as client:
        file = client.files.create(file=("in.jsonl", transcriptions(2).encode()), purpose="batch")
        assert client.files.info(file.id).filename == "in.jsonl"
        assert file.id in {row.id for row in client.files.list().data}
        batch = client.batches.create(input_file_id=file.id, endpoint=TRANSCRIPTIONS, completion_window="7d")  # type: ignore[arg-type]
        assert batch.expires_at == batch.created_at + 7 * 86_400
        while batch.status not in ("completed", "failed"):
            batch = client.batches.retrieve(batch.id)
        assert batch.request_counts.completed == 2
        assert batch.id in {row.id for row in client.batches.list().data}
        rows = [json.loads(row) for row in client.files.content(batch.output_file_id).text().splitlines()]
        assert all(row["response"]["body"]["x_groq"]["id"] == row["response"]["request_id"] for row in rows)
        assert client.batches.cancel(batch.id).status == "completed"
        assert client.files.delete(file.id).deleted
        with pytest.raises(groq.NotFoundError):
            client.files.content(file.id)


async def test_groq_async(live: str) -> None:
    async with groq.AsyncGroq(api_key="unused", base_url=live, max_retries=0) as client:
        text = transcriptions(30)
        file = await client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
        batch = await client.batches.create(input_file_id=file.id, endpoint=TRANSCRIPTIONS, completion_window="24h")  # type: ignore[arg-type]
        assert (await client.batches.cancel(batch.id)).status == "cancelling"
        assert (await client.batches.cancel(batch.id)).status in ("cancelling", "cancelled")
        while batch.status != "cancelled":
            batch = await client.batches.retrieve(batch.id)
        counts = batch.request_counts
        assert counts.completed + counts.failed == counts.total
        assert (await client.files.info(file.id)).id == file.id


LINES = {
    "/v1/chat/completions": {"model": CHAT, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 8},
    "/v1/responses": {"model": CHAT, "input": "hi", "max_output_tokens": 8},
    "/v1/embeddings": {"model": EMBED, "input": ["hi", "ho"]},
    "/v1/audio/transcriptions": {"model": "whisper-pocket", "url": data_url(CLIPS[0]), "response_format": "srt"},
    "/v1/audio/translations": {"model": "whisper-pocket", "url": data_url(CLIPS[0])},
}


@pytest.mark.parametrize("endpoint", LINES)
def test_every_operation(client: openai.OpenAI, endpoint: str) -> None:
    """Lines say either prefix; what is wrong with one is in the error file, and the others are done."""
    good = LINES[endpoint]
    text = [line("a", endpoint, good), line("b", f"/openai{endpoint}", good), line("c", endpoint, {"model": "no-such"})]
    text.append(line("d", endpoint, good | {"stream": True}))
    batch = waited(client, begun(client, "\n".join(text), endpoint))
    assert (batch.status, batch.request_counts.completed, batch.request_counts.failed) == ("completed", 2, 2)
    rows = {row["custom_id"]: row["response"]["body"] for row in results(client, batch.output_file_id)}
    assert set(rows) == {"a", "b"}
    said = json.dumps(rows["a"])
    assert {
        "/v1/chat/completions": '"choices"',
        "/v1/responses": '"output"',
        "/v1/embeddings": '"embedding"',
        "/v1/audio/transcriptions": "00:00:00,",
        "/v1/audio/translations": CLIPS[0].text,
    }[endpoint] in said
    bad = {row["custom_id"]: row["response"] for row in results(client, batch.error_file_id)}
    assert bad["c"]["status_code"] in (400, 404)
    assert set(bad["c"]["body"]["error"]) >= {"message", "type", "param", "code"}
    assert (bad["d"]["status_code"], bad["d"]["body"]["error"]["param"]) == (400, "stream")


def test_speech_becomes_files(client: openai.OpenAI) -> None:
    text = "\n".join(
        [
            line("flac", "/v1/audio/speech", {"model": "tts-1", "input": "Hello there.", "response_format": "flac"}),
            line("bad", "/v1/audio/speech", {"model": "tts-1", "input": "Hello there.", "voice": "nobody at all"}),
        ]
    )
    batch = waited(client, begun(client, text, "/v1/audio/speech"))
    (row,) = results(client, batch.output_file_id)
    body = row["response"]["body"]
    assert (body["object"], body["purpose"], body["filename"]) == ("file", "batch_output", "speech.flac")
    audio = soundfile.info(io.BytesIO(client.files.content(body["id"]).read()))
    assert abs(audio.duration - body["duration"]) < 0.01
    assert [row["custom_id"] for row in results(client, batch.error_file_id)] == ["bad"]


def test_urls_that_lead_nowhere(client: openai.OpenAI) -> None:
    urls = {"inside": "http://127.0.0.1:9/a.wav", "no audio": "data:audio/wav;base64,AAAA"}
    text = [line(name, TRANSCRIPTIONS, {"model": "auto", "url": url}) for name, url in urls.items()]
    text.append(line("file", TRANSCRIPTIONS, {"model": "auto", "file": "a.wav"}))
    batch = waited(client, begun(client, "\n".join(text)))
    codes = {row["custom_id"]: row["response"]["body"]["error"] for row in results(client, batch.error_file_id)}
    assert codes["inside"]["code"] == "url_not_allowed"
    assert codes["no audio"]["code"] in ("invalid_audio", "unsupported_audio_format")
    assert codes["file"]["param"] == "url"


def test_a_bad_input_is_told_line_by_line(client: openai.OpenAI) -> None:
    good = line("a", TRANSCRIPTIONS, {"model": "auto"})
    bad = "\n".join([good, "{", good, good.replace("POST", "GET"), "", line("b", "/v1/embeddings", {})])
    batch = waited(client, begun(client, bad))
    assert (batch.status, batch.output_file_id, batch.request_counts.total) == ("failed", None, 0)
    assert [(fault.line, fault.code) for fault in batch.errors.data] == [
        (2, "invalid_json_line"),
        (3, "duplicate_custom_id"),
        (4, "duplicate_custom_id"),
        (6, "mismatched_endpoint"),
    ]


def test_a_line_of_60_megabytes(client: openai.OpenAI) -> None:
    """Half of it is garbage; the server lives on, and the other line is done."""
    huge = line("huge", TRANSCRIPTIONS, {"model": "whisper-pocket", "url": "A" * 60_000_000})
    batch = waited(client, begun(client, huge + "\n" + transcriptions(1)))
    assert [row["custom_id"] for row in results(client, batch.output_file_id)] == ["line-0"]
    (refused,) = results(client, batch.error_file_id)
    assert refused["response"]["status_code"] == 400
    assert client.files.delete(batch.input_file_id).deleted


def test_uploads_over_the_limit(live: str, client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        client.files.create(file=("big.jsonl", b"x" * 100_000_001), purpose="batch")
    assert (refused.value.status_code, refused.value.body["code"]) == (413, "request_too_large")  # type: ignore[index]

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(200):
            yield b"x" * 1_000_000

    kind = {"content-type": "multipart/form-data; boundary=b"}
    reply = httpx2.post(f"{live}/v1/files", content=endless(), headers=kind, timeout=60)
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")


def test_a_file_deleted_in_use(client: openai.OpenAI) -> None:
    batch = client.batches.retrieve(begun(client, transcriptions(40)))
    assert client.files.delete(batch.input_file_id).deleted
    assert waited(client, batch.id).request_counts.completed == 40
