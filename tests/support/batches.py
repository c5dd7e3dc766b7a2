"""What tests of batches share: lines of real recordings, and waiting for a batch."""

import base64
import json
import time
from typing import Any

import openai

from tests.conftest import Fixture, fixtures

CLIPS = [clip for clip in fixtures("clean") if "hard" not in clip.tags and clip.language == "en"]
ENDED = ("completed", "failed", "expired", "cancelled")


def data_url(clip: Fixture) -> str:
    return "data:audio/flac;base64," + base64.b64encode(clip.path.read_bytes()).decode()


def line(custom_id: str, url: str, body: dict[str, Any]) -> str:
    return json.dumps({"custom_id": custom_id, "method": "POST", "url": url, "body": body})


def transcriptions(number: int) -> str:
    """Requests to transcribe the clean English clips, over and over; `custom_id` tells which."""
    urls = [data_url(clip) for clip in CLIPS]
    lines = []
    for place in range(number):
        body = {"model": "whisper-pocket", "language": "en", "url": urls[place % len(urls)]}
        lines.append(line(f"line-{place}", "/v1/audio/transcriptions", body))
    return "\n".join(lines)


def begun(client: openai.OpenAI, text: str, endpoint: str = "/v1/audio/transcriptions") -> str:
    """The id of a batch of these lines."""
    file = client.files.create(file=("in.jsonl", text.encode()), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=endpoint, completion_window="24h").id  # type: ignore[arg-type]


def waited(client: openai.OpenAI, batch: str, until: Any = lambda batch: batch.status in ENDED) -> Any:
    """The batch, once it is as wished; a slow machine only takes longer."""
    for _ in range(3000):
        found = client.batches.retrieve(batch)
        if until(found):
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def results(client: openai.OpenAI, file: str | None) -> list[dict[str, Any]]:
    """The rows of an output or error file."""
    return [json.loads(row) for row in client.files.content(file).text.splitlines()] if file else []


def assert_every_line_once(client: openai.OpenAI, batch: str, number: int) -> None:
    """Each line has its answer once, and it is the right one."""
    done = waited(client, batch)
    assert done.status == "completed"
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (number, number, 0)
    rows = results(client, done.output_file_id)
    assert sorted(row["custom_id"] for row in rows) == sorted(f"line-{place}" for place in range(number))
    assert len({row["id"] for row in rows}) == number
    texts: dict[int, set[str]] = {}
    for row in rows:
        assert row["response"]["status_code"] == 200
        texts.setdefault(int(row["custom_id"][5:]) % len(CLIPS), set()).add(row["response"]["body"]["text"])
    for clip, said in texts.items():
        assert said == {CLIPS[clip].text}
