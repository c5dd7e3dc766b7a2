"""The text endpoints over real sockets: pieces arrive as they are made, and hanging up reaches the backend."""

import asyncio
import json
from typing import Any

import groq
import httpx2
import openai
import pytest

from tests.contract.conftest import Server, serving
from tests.support.llm_server import CHAT, EMBED, RERANK, TEXT, THOUGHT, FakeLlm, vector

HELLO: dict[str, Any] = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
async def groq_client(text_server: Server):
    async with groq.AsyncGroq(api_key="unused", base_url=text_server.url, max_retries=0) as client:
        yield client


@pytest.fixture
async def openai_client(text_server: Server):
    async with openai.AsyncOpenAI(api_key="unused", base_url=f"{text_server.url}/v1", max_retries=0) as client:
        yield client


async def test_pieces_arrive_as_they_are_made(text_server: Server, llm: FakeLlm) -> None:
    llm.pause = 0.05
    pieces = []
    async with (
        httpx2.AsyncClient(base_url=text_server.url) as client,
        client.stream("POST", "/v1/chat/completions", json=HELLO | {"stream": True}) as reply,
    ):
        async for piece in reply.aiter_raw():
            pieces.append((piece, llm.streaming))
    assert len(pieces) >= 5
    assert pieces[0][1] == 1, "the first piece is here while the backend still writes"


@pytest.mark.parametrize("asked", [{"stream": True, "user": "fail:stall"}, {"user": "fail:slow"}])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/openai/v1/chat/completions", "/v1/responses"])
async def test_hanging_up_reaches_the_backend(
    text_server: Server, llm: FakeLlm, asked: dict[str, Any], path: str
) -> None:
    llm.lacks = {"/responses"}
    fields = {"model": CHAT, "input": "hi"} if "responses" in path else HELLO
    body = json.dumps(fields | asked).encode()
    reader, writer = await text_server.connect()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    async with asyncio.timeout(10):
        if asked.get("stream"):
            await reader.readuntil(b"Hel")
        while not llm.asked("/chat/completions"):  # noqa: ASYNC110 - the request arrives some time
            await asyncio.sleep(0.01)
        writer.close()
        await llm.abandoned.wait()


async def test_two_hundred_streams_at_once(text_server: Server, llm: FakeLlm) -> None:
    """None of them ends before all have begun."""
    llm.meeting = 200
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=text_server.url, limits=limits, timeout=60) as client:
        asked = HELLO | {"stream": True}
        replies = await asyncio.gather(*(client.post("/openai/v1/chat/completions", json=asked) for _ in range(200)))
    assert all(reply.text.endswith("data: [DONE]\n\n") and "Hel" in reply.text for reply in replies)
    assert llm.streaming == 0


async def test_groq_chat(groq_client: groq.AsyncGroq) -> None:
    raw = await groq_client.chat.completions.with_raw_response.create(**HELLO)
    answer = await raw.parse()
    assert answer.choices[0].message.content == TEXT
    assert answer.x_groq.id == raw.headers["x-request-id"]
    stream = await groq_client.chat.completions.create(
        **HELLO, stream=True, extra_body={"stream_options": {"include_usage": True}}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert chunks[0].x_groq.id
    assert chunks[-1].x_groq.usage.total_tokens == 12


async def test_groq_tools_and_embeddings(groq_client: groq.AsyncGroq) -> None:
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    answer = await groq_client.chat.completions.create(**HELLO, tools=[tool], tool_choice="auto")
    assert answer.choices[0].message.tool_calls[0].function.name == "weather"
    made = await groq_client.embeddings.create(model=EMBED, input="a")
    assert made.data[0].embedding == vector("a")
    ranked = await groq_client.post(
        "/openai/v1/reranking", cast_to=object, body={"model": RERANK, "query": "ab", "docs": ["x", "ab"]}
    )
    assert ranked["results"][0]["doc"] == "ab"
    assert (await groq_client.models.retrieve(RERANK)).id == RERANK


async def test_openai_chat_and_completions(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(**HELLO)
    assert answer.choices[0].message.content == TEXT
    stream = await openai_client.chat.completions.create(**HELLO, stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage.total_tokens == 12
    async with openai_client.chat.completions.stream(**HELLO) as helper:
        final = await helper.get_final_completion()
    assert final.choices[0].message.content == TEXT
    assert (await openai_client.completions.create(model=CHAT, prompt="x")).choices[0].text == TEXT
    pieces = [
        c.choices[0].text async for c in await openai_client.completions.create(model=CHAT, prompt="x", stream=True)
    ]
    assert "".join(pieces) == TEXT


@pytest.mark.parametrize("native", [True, False])
async def test_openai_responses(openai_client: openai.AsyncOpenAI, llm: FakeLlm, native: bool) -> None:
    llm.lacks = set() if native else {"/responses"}
    answer = await openai_client.responses.create(model=CHAT, input="hi")
    assert answer.output_text == TEXT
    events = [event async for event in await openai_client.responses.create(model=CHAT, input="hi", stream=True)]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == TEXT
    assert events[-1].response.output_text == TEXT


async def test_openai_response_helper(openai_client: openai.AsyncOpenAI, llm: FakeLlm) -> None:
    """The SDK's own accumulator, which is strict about the order of events."""
    llm.lacks = {"/responses"}
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": False}
    for extra, kinds in (
        ({}, ["message"]),
        ({"reasoning": {"effort": "low"}, "tools": [tool]}, ["reasoning", "function_call"]),
    ):
        async with openai_client.responses.stream(model=CHAT, input="hi", **extra) as stream:
            async for _ in stream:
                pass
            final = await stream.get_final_response()
        assert [item.type for item in final.output] == kinds
    assert final.output[0].content[0].text == THOUGHT
    assert final.output[1].arguments == '{"city": "Oslo"}'


@pytest.mark.parametrize("ignores", [True, False])
async def test_openai_embeddings(openai_client: openai.AsyncOpenAI, llm: FakeLlm, ignores: bool) -> None:
    """This SDK asks for base64 by itself and decodes it."""
    llm.ignores_base64 = ignores
    made = await openai_client.embeddings.create(model=EMBED, input=["a", "b"])
    assert made.data[0].embedding == (vector("a") if ignores else [1.0, 2.0])


@pytest.mark.parametrize("fault", ["cut", "cut-inside", "no-done", "error-event"])
async def test_both_sdks_raise_when_a_stream_breaks(
    groq_client: groq.AsyncGroq, openai_client: openai.AsyncOpenAI, llm: FakeLlm, fault: str
) -> None:
    llm.lacks = {"/responses"}
    asked = HELLO | {"stream": True, "user": f"fail:{fault}"}
    for client, error in ((groq_client, groq.APIError), (openai_client, openai.APIError)):
        with pytest.raises(error, match=r"ended its answer early|closed the connection|lost"):
            async for _ in await client.chat.completions.create(**asked):
                pass
    with pytest.raises(openai.APIError, match=r"ended its answer early|closed the connection|lost"):
        async for _ in await openai_client.responses.create(model=CHAT, input="x", stream=True, user=asked["user"]):
            pass


async def test_the_sdks_errors(server: Server, text_server: Server) -> None:
    async with openai.AsyncOpenAI(api_key="x", base_url=f"{server.url}/v1") as client:
        with pytest.raises(openai.InternalServerError) as refused:
            await client.chat.completions.create(**HELLO)
        assert (refused.value.status_code, refused.value.code) == (501, "backend_not_configured")
    async with groq.AsyncGroq(api_key="x", base_url=text_server.url) as client:
        with pytest.raises(groq.NotFoundError, match="does not exist"):
            await client.chat.completions.create(model="none", messages=HELLO["messages"])


async def test_a_backend_that_comes_later(llm: FakeLlm) -> None:
    """speechd starts before its backend, and finds it when it is there."""
    llm.models = []
    async with serving(llm_base_url=llm.url) as server, httpx2.AsyncClient(base_url=server.url) as client:
        assert (await client.post("/v1/chat/completions", json=HELLO)).status_code == 404
        llm.models = [{"id": CHAT}]
        await asyncio.sleep(1.1)
        assert (await client.post("/v1/chat/completions", json=HELLO)).status_code == 200
