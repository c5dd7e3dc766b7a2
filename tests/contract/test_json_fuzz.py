"""A bounded mutational fuzz of every JSON body: whatever arrives, the answer is an answer or the documented error."""

import json
import random
from typing import Any

import httpx2
import pytest

from tests.contract.conftest import House
from tests.contract.test_error_shape import assert_envelope

ROUNDS = 400
BODIES: dict[str, dict[str, Any]] = {
    "audio/transcriptions": {
        "model": "stand-in",
        "url": "data:audio/wav;base64,c3BlZWNo",
        "prompt": "Names: Ada.",
        "keywords": ["Ada", "Grace"],
        "language": "en",
        "languages[]": ["en", "de"],
        "temperature": 0.2,
        "response_format": "verbose_json",
        "timestamp_granularities": ["word", "segment"],
        "chunking_strategy": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 100},
        "channels": "split",
        "channel_labels": ["a", "b"],
        "max_line_width": 40,
    },
    "audio/translations": {"model": "stand-in", "url": "data:,speech", "response_format": "srt", "guard": "drop"},
    "audio/speech": {
        "model": "auto",
        "input": "<speak>Hello.<break time='10ms'/></speak>",
        "voice": {"id": "alloy"},
        "response_format": "wav",
        "sample_rate": 16_000,
        "speed": 1.5,
        "captions": "srt",
    },
    "chat/completions": {
        "model": "tiny-chat",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "temperature": 1,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    },
    "completions": {"model": "tiny-chat", "prompt": "Once", "max_tokens": 5},
    "responses": {"model": "tiny-chat", "input": [{"role": "user", "content": "Hi"}], "text": {"format": {}}},
    "embeddings": {"model": "tiny-embed", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 4},
    "reranking": {"model": "tiny-rerank", "query": "q", "docs": ["a", "b"], "instruction": "i"},
    "fine_tunings": {"base_model": "m", "input_file_id": "file_1", "name": "n", "type": "lora"},
    "batches": {
        "input_file_id": "file_1",
        "endpoint": "/v1/audio/transcriptions",
        "completion_window": "24h",
        "metadata": {"a": "b"},
    },
}
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    "",
    "\x00",
    "\ud800",
    "a" * 70_000,
    "../../etc/passwd",
    [],
    {},
    [[[[]]]],
    {"\ud800": 1},
    ["a"] * 3000,
    {"id": None},
    "NaN",
    "<speak>" * 20,
)
BYTES = (
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b'"',
    b"\\",
    b"\\ud800",
    b"{",
    b"[",
    b"]",
    b",",
    b":",
    b"1e999",
    b"NaN",
    b"//",
)


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with one place in it replaced, removed or said twice."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        match chance.randrange(8):
            case 0:
                return {key: item for key, item in value.items() if key != name}
            case 1:
                return value | {chance.choice(["\ud800", "", f"{name}[]", "file", "__proto__"]): value[name]}
            case _:
                return value | {name: mutated(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.5:
        place = chance.randrange(len(value))
        return [*value[:place], mutated(value[place], chance), *value[place:]]
    return chance.choice(HOSTILE)


def damaged(body: bytes, chance: random.Random) -> bytes:
    """The bytes with some of them lost, said twice or replaced."""
    for _ in range(chance.randrange(1, 4)):
        start = chance.randrange(len(body) + 1)
        end = min(len(body), start + chance.randrange(8))
        body = body[:start] + chance.choice((b"", body[start:end] * 2, chance.choice(BYTES))) + body[end:]
    return body


@pytest.mark.extra
@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
@pytest.mark.parametrize("path", BODIES)
async def test_json_bodies(text_house: House, path: str, prefix: str) -> None:
    chance = random.Random(f"{prefix}/{path}")
    for number in range(ROUNDS):
        changed = BODIES[path]
        for _ in range(chance.randrange(3)):
            changed = mutated(changed, chance)
            changed = changed if isinstance(changed, dict) else {"model": changed}
        body = json.dumps(changed).encode()
        body = damaged(body, chance) if chance.random() < 0.4 else body
        headers = {"content-type": "application/json"}
        if path.startswith("audio/") and chance.random() < 0.1:
            headers["prefer"] = "respond-async"
        reply = await text_house.client.post(f"{prefix}/{path}", content=body, headers=headers)
        assert_answered(reply, f"round {number}: {body[:2000]!r}")


def assert_answered(reply: httpx2.Response, what: str) -> None:
    assert reply.status_code != 500, what
    if reply.status_code >= 400:
        assert_envelope(reply, reply.status_code)
