"""Each of the reference's 23 operations answers rightly, over our own companion and over llama.cpp."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest

from tests.contract.conftest import House, opened
from tests.contract.test_error_shape import assert_envelope
from tests.support.groq_reference import OPERATIONS, Operation, faults
from tests.support.llm_backends import LLAMA_SERVER, backends_file, llama_companion, our_companion
from tests.support.stored_batches import seed_batch, seed_file

PREFIXES = ("/openai/v1", "/v1")
COMPANIONS = [
    "ours",
    pytest.param(
        "llama.cpp",
        marks=[
            pytest.mark.extra,
            pytest.mark.skipif(not LLAMA_SERVER.exists(), reason="llama.cpp is not built: make test-llm builds it"),
        ],
    ),
]


@pytest.fixture(scope="module", params=COMPANIONS)
def llm(request: pytest.FixtureRequest) -> Iterator[tuple[str, dict[str, str]]]:
    start = our_companion if request.param == "ours" else llama_companion
    with start() as urls:
        yield request.param, urls


@pytest.fixture
async def contract_house(llm: tuple[str, dict[str, str]], tmp_path: Any) -> AsyncIterator[House]:
    async with opened(llm_backends_file=backends_file(tmp_path, llm[1])) as house:
        house.client.timeout = httpx2.Timeout(60)
        yield house


OURS = {("ours", row.path) for row in OPERATIONS if row.path != "/chat/completions"}
"""Answers that are this server's own; a chat is relayed as it is."""


def expected(row: Operation, llm: tuple[str, dict[str, str]]) -> int:
    return 200 if llm[0] == "ours" else row.llama


async def send(house: House, prefix: str, row: Operation, fields: dict[str, Any]) -> httpx2.Response:
    if row.path.startswith(("/files", "/batches")):
        await seed_file(house.app.state.jobs, "file_1")
        await seed_batch(house.app.state.jobs, "batch_1", "file_1")
    if row.multipart:
        files = {} if fields.get("file", "") is None else {"file": ("a.wav", b"speech")}
        data = {name: value for name, value in fields.items() if name != "file" and value is not None}
        return await house.client.post(f"{prefix}{row.address}", files=files, data=data)
    body = {"json": fields} if row.method == "POST" else {}
    return await house.client.request(row.method, f"{prefix}{row.address}", **body)


def test_there_are_23() -> None:
    assert len({row.name for row in OPERATIONS}) == 23


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
async def test_a_right_request(
    contract_house: House, llm: tuple[str, dict[str, str]], prefix: str, row: Operation
) -> None:
    reply = await send(contract_house, prefix, row, row.good)
    assert reply.status_code == expected(row, llm), reply.text
    assert reply.headers["content-type"].startswith(row.media_type)
    assert reply.headers["x-request-id"]
    if reply.status_code == 200:
        assert not row.replies or set(row.replies) <= set(reply.json()), reply.text
        if prefix == "/openai/v1" and row.replies and (llm[0], row.path) in OURS:
            assert faults(row, reply.json()) == []
    else:
        assert_envelope(reply, expected(row, llm), "not_supported_by_backend")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    ("row", "name"),
    [(row, name) for row in OPERATIONS for name in row.required],
    ids=lambda part: getattr(part, "name", part),
)
async def test_a_required_field(contract_house: House, prefix: str, row: Operation, name: str) -> None:
    fields = {key: value for key, value in row.good.items() if key != name} | ({"file": None} if name == "file" else {})
    assert_envelope(await send(contract_house, prefix, row, fields), 400, param=name)


VALUES = [(row, name, value) for row in OPERATIONS for name, values in row.enums.items() for value in values]


@pytest.mark.parametrize(("row", "name", "value"), VALUES, ids=lambda part: str(getattr(part, "name", part)))
async def test_every_value_of_an_enumeration(contract_house: House, row: Operation, name: str, value: Any) -> None:
    verbose = {"response_format": "verbose_json"} if name.startswith("timestamp") else {}
    reply = await send(contract_house, "/openai/v1", row, row.good | verbose | {name: value})
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize(
    ("row", "name"),
    [(row, name) for row in OPERATIONS for name in row.closed],
    ids=lambda part: getattr(part, "name", part),
)
async def test_a_value_outside_a_closed_enumeration(contract_house: House, row: Operation, name: str) -> None:
    assert_envelope(await send(contract_house, "/v1", row, row.good | {name: "no-such"}), 400, param=name)


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_the_documentation_lists_it(row: Operation) -> None:
    from speechd.api.app import create_app
    from speechd.settings import Settings
    from tests.support.fake_service import StandInService

    paths = create_app(StandInService, Settings()).openapi()["paths"]  # type: ignore[arg-type]
    for prefix in PREFIXES:
        operation = paths[f"{prefix}{row.path}"][row.method.lower()]
        assert operation["summary"]
        assert "200" in operation["responses"]


async def test_streams(contract_house: House) -> None:
    """Every piece is an event, in both dialects; the deltas are the text."""
    from tests.contract.test_text import CHAT, data_of

    asked = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 6, "stream": True}
    asked |= {"stream_options": {"include_usage": True}, "seed": 1}
    for prefix in PREFIXES:
        reply = await contract_house.client.post(f"{prefix}/chat/completions", json=asked)
        assert reply.text.endswith("data: [DONE]\n\n")
        chunks = data_of(reply.text)
        assert any(c["choices"][0]["delta"].get("content") for c in chunks if c["choices"])
        assert ("x_groq" in chunks[0]) == (prefix == "/openai/v1")
    response = await contract_house.client.post(
        "/v1/responses", json={"model": CHAT, "input": "hi", "max_output_tokens": 6, "stream": True}
    )
    events = data_of(response.text)
    assert events[-1]["type"] in ("response.completed", "response.incomplete")
    assert [event for event in events if event["type"] == "response.output_text.delta"]


async def test_scores_and_vectors(contract_house: House) -> None:
    from tests.contract.test_text import EMBED, RERANK

    asked = {"model": RERANK, "query": "hello", "docs": ["a", "hello", "world", "b"], "instruction": "Rank."}
    results = (await contract_house.client.post("/openai/v1/reranking", json=asked)).json()["results"]
    scores = [row["score"] for row in results]
    assert sorted(row["doc"] for row in results) == sorted(asked["docs"])
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    made = await contract_house.client.post(
        "/v1/embeddings", json={"model": EMBED, "input": ["a", "b"], "encoding_format": "base64"}
    )
    assert [type(row["embedding"]) for row in made.json()["data"]] == [str, str]
