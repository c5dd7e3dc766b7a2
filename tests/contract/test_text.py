"""The text endpoints over a companion backend: what goes out, what comes back, in both dialects."""

import base64
import json
import struct
from typing import Any

import pytest

from tests.contract.conftest import House, Opener
from tests.contract.test_error_shape import assert_envelope
from tests.support.llm_server import (
    CHAT,
    EMBED,
    FAILURES,
    PATH_MODEL,
    RERANK,
    TEXT,
    THOUGHT,
    USAGE,
    WORDS,
    FakeLlm,
    event,
    serving_llm,
    vector,
)

PREFIXES = ("/v1", "/openai/v1")
HELLO = {"model": CHAT, "messages": [{"role": "user", "content": "hi"}]}
REQUESTS: dict[str, dict[str, Any]] = {
    "chat/completions": HELLO,
    "completions": {"model": CHAT, "prompt": "Once"},
    "responses": {"model": CHAT, "input": "hi"},
    "embeddings": {"model": EMBED, "input": ["a", "b"]},
    "reranking": {"model": RERANK, "query": "ab", "docs": ["xx", "ab", "a"]},
    "rerank": {"model": RERANK, "query": "ab", "documents": ["xx", {"text": "ab"}, "a"]},
}
STREAMED = ("chat/completions", "completions", "responses")


def data_of(stream: str) -> list[Any]:
    """The JSON of every event but `[DONE]`."""
    lines = [line[6:] for line in stream.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_chat(text_house: House, llm: FakeLlm, prefix: str) -> None:
    body = b'{ "model": "tiny-chat","messages":[{"role":"user","content":"hi"}],"vendor":{"x":[1, 2.50]},"seed":1e3}'
    reply = await text_house.client.post(f"{prefix}/chat/completions", content=body)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    answer = reply.json()
    signature = answer.pop("x_groq", None)
    assert signature == ({"id": reply.headers["x-request-id"]} if prefix == "/openai/v1" else None)
    assert answer["choices"][0]["message"]["content"] == TEXT
    assert answer["timings"] == {"vendor": 1.5}
    assert llm.asked("/chat/completions")[0].body == body


async def test_the_answer_is_otherwise_unchanged(text_house: House) -> None:
    """The same bytes as from the backend, with `x_groq` in front in one dialect."""
    plain = await text_house.client.post("/v1/chat/completions", json=HELLO)
    signed = await text_house.client.post("/openai/v1/chat/completions", json=HELLO)
    signature = f'"x_groq": {{"id": "{signed.headers["x-request-id"]}"}},'.encode()
    assert signed.content == plain.content.replace(b"{", b"{" + signature, 1)


@pytest.mark.parametrize("path", sorted(REQUESTS))
async def test_headers(text_house: House, llm: FakeLlm, path: str) -> None:
    sent = {
        "authorization": "Bearer sk-callers-own",
        "x-api-key": "sk-callers-own",
        "cookie": "a=sk-callers-own",
        "connection": "close, x-hop",
        "x-hop": "1",
        "te": "trailers",
        "groq-model-version": "2025-01-01",
    }
    reply = await text_house.client.post(f"/v1/{path}", json=REQUESTS[path], headers=sent)
    got = llm.seen[-1].headers
    assert got["authorization"] == "Bearer sk-backend"
    assert "sk-callers-own" not in str(got)
    assert not {"x-hop", "te", "cookie"} & set(got)
    assert got["groq-model-version"] == "2025-01-01"
    assert got["content-type"] == "application/json"
    assert "set-cookie" not in reply.headers
    assert "x-hop" not in reply.headers
    if path in STREAMED:
        assert reply.headers["x-vendor"] == "kept"


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_chat_stream(text_house: House, llm: FakeLlm, prefix: str) -> None:
    asked = HELLO | {"stream": True, "stream_options": {"include_usage": True}}
    reply = await text_house.client.post(f"{prefix}/chat/completions", json=asked)
    assert reply.headers["content-type"] == "text/event-stream"
    chunks = data_of(reply.text)
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == TEXT
    assert reply.text.endswith("data: [DONE]\n\n")
    signatures = [chunk.get("x_groq") for chunk in chunks]
    if prefix == "/v1":
        assert set(signatures) == {None}
    else:
        identity = reply.headers["x-request-id"]
        assert signatures[0] == {"id": identity}
        assert signatures[-1] == {"id": identity, "usage": USAGE}
        assert set(map(str, signatures[1:-1])) == {"None"}


async def test_only_two_events_are_touched(text_house: House) -> None:
    asked = HELLO | {"stream": True, "stream_options": {"include_usage": True}}
    plain = (await text_house.client.post("/v1/chat/completions", json=asked)).content.split(b"\n\n")
    signed = (await text_house.client.post("/openai/v1/chat/completions", json=asked)).content.split(b"\n\n")
    assert len(plain) == len(signed) == len(WORDS) + 5
    changed = [number for number, (a, b) in enumerate(zip(plain, signed, strict=True)) if a != b]
    assert changed == [0, len(WORDS) + 2]


async def test_completions_stream(text_house: House) -> None:
    reply = await text_house.client.post("/openai/v1/completions", json=REQUESTS["completions"] | {"stream": True})
    assert "".join(chunk["choices"][0]["text"] for chunk in data_of(reply.text)) == TEXT
    whole = await text_house.client.post("/v1/completions", json=REQUESTS["completions"])
    assert whole.json()["choices"][0]["text"] == TEXT


async def test_responses_are_the_backends_own_where_it_has_them(text_house: House, llm: FakeLlm) -> None:
    whole = (await text_house.client.post("/v1/responses", json=REQUESTS["responses"])).json()
    assert whole["id"] == "resp_native"
    stream = await text_house.client.post("/v1/responses", json=REQUESTS["responses"] | {"stream": True})
    assert [e["type"] for e in data_of(stream.text)] == ["response.output_text.delta"] * 5 + ["response.completed"]
    assert llm.asked("/chat/completions") == []


async def test_responses_through_chat(text_house: House, llm: FakeLlm) -> None:
    llm.lacks = {"/responses"}
    asked = {
        "model": CHAT,
        "instructions": "Be brief.",
        "input": [
            {"role": "developer", "content": "In English."},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "Look:"},
                    {"type": "input_image", "image_url": "data:image/png;base64,AA"},
                ],
            },
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "42"},
        ],
        "max_output_tokens": 50,
        "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": True}},
        "temperature": 0.5,
        "metadata": {"a": "b"},
        "vendor": 1,
    }
    answer = (await text_house.client.post("/v1/responses", json=asked)).json()
    assert (answer["object"], answer["status"]) == ("response", "completed")
    assert answer["output"][0]["content"][0]["text"] == TEXT
    assert answer["usage"]["input_tokens"] == USAGE["prompt_tokens"]
    assert answer["usage"]["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert answer["usage"]["output_tokens_details"] == {"cached_tokens": 0, "reasoning_tokens": 0}
    assert (answer["temperature"], answer["metadata"], answer["store"]) == (0.5, {"a": "b"}, False)
    sent = llm.asked("/chat/completions")[0].json
    assert [m["role"] for m in sent["messages"]] == ["system", "system", "user", "assistant", "tool"]
    assert sent["messages"][2]["content"][1] == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    assert sent["messages"][3]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert sent["response_format"]["json_schema"] == {"name": "s", "schema": {"type": "object"}, "strict": True}
    assert (sent["max_tokens"], sent["vendor"]) == (50, 1)
    await text_house.client.post("/v1/responses", json=asked)
    assert len(llm.asked("/responses")) == 1, "what a backend lacks is not tried twice"


async def test_response_events_through_chat(text_house: House, llm: FakeLlm) -> None:
    llm.lacks = {"/responses"}
    asked = REQUESTS["responses"] | {"stream": True, "reasoning": {"effort": "low"}}
    events = data_of((await text_house.client.post("/v1/responses", json=asked)).text)
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert [e["type"] for e in events[:3]] == ["response.created", "response.in_progress", "response.output_item.added"]
    assert "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta") == TEXT
    assert "".join(e["delta"] for e in events if e["type"] == "response.reasoning_text.delta") == THOUGHT
    final = events[-1]
    assert final["type"] == "response.completed"
    assert [item["type"] for item in final["response"]["output"]] == ["reasoning", "message"]
    assert final["response"]["output"][1]["content"][0]["text"] == TEXT
    assert final["response"]["usage"]["total_tokens"] == USAGE["total_tokens"]
    added = [e["item"]["id"] for e in events if e["type"] == "response.output_item.added"]
    assert added == [item["id"] for item in final["response"]["output"]]


@pytest.mark.parametrize("stream", [False, True])
async def test_function_calls_through_chat(text_house: House, llm: FakeLlm, stream: bool) -> None:
    llm.lacks = {"/responses"}
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
    choice = {"type": "function", "name": "weather"}
    asked = REQUESTS["responses"] | {"tools": [tool], "tool_choice": choice, "stream": stream}
    reply = await text_house.client.post("/v1/responses", json=asked)
    response = data_of(reply.text)[-1]["response"] if stream else reply.json()
    (call,) = response["output"]
    assert (call["type"], call["call_id"], call["name"]) == ("function_call", "call_1", "weather")
    assert json.loads(call["arguments"]) == {"city": "Oslo"}
    sent = llm.asked("/chat/completions")[0].json
    assert sent["tools"] == [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


async def test_a_response_cut_short_is_incomplete(text_house: House, llm: FakeLlm) -> None:
    llm.lacks = {"/responses"}
    asked = REQUESTS["responses"] | {"max_output_tokens": 1}
    answer = (await text_house.client.post("/v1/responses", json=asked)).json()
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"background": True},
        {"tools": [{"type": "web_search"}]},
        {"input": [{"type": "item_reference", "id": "x"}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "x"}]}]},
    ],
)
async def test_what_chat_cannot_do_is_refused(text_house: House, llm: FakeLlm, fields: dict[str, Any]) -> None:
    llm.lacks = {"/responses"}
    reply = await text_house.client.post("/v1/responses", json=REQUESTS["responses"] | fields)
    assert_envelope(reply, 400, "unsupported", next(iter(fields)))


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("encoding", [None, "float", "base64"])
@pytest.mark.parametrize("ignores", [True, False])
async def test_embeddings(text_house: House, llm: FakeLlm, prefix: str, encoding: str | None, ignores: bool) -> None:
    llm.ignores_base64 = ignores
    asked = REQUESTS["embeddings"] | ({"encoding_format": encoding} if encoding else {})
    answer = (await text_house.client.post(f"{prefix}/embeddings", json=asked)).json()
    assert [row["index"] for row in answer["data"]] == [0, 1]
    first = answer["data"][0]["embedding"]
    if encoding != "base64":
        assert first == vector("a")
    elif ignores:
        assert list(struct.unpack("<8f", base64.b64decode(first))) == vector("a")
    else:
        assert first == "AACAPwAAAEA="


@pytest.mark.parametrize("logits", [True, False])
@pytest.mark.parametrize("prefix", PREFIXES)
async def test_reranking(text_house: House, llm: FakeLlm, prefix: str, logits: bool) -> None:
    llm.logits = logits
    asked = REQUESTS["reranking"] | {"instruction": "Find letters."}
    answer = (await text_house.client.post(f"{prefix}/reranking", json=asked)).json()
    scores = [row["score"] for row in answer["results"]]
    assert sorted(row["doc"] for row in answer["results"]) == ["a", "ab", "xx"]
    assert answer["results"][0]["doc"] == "ab"
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    sent = llm.asked("/rerank")[0].json
    assert sent["query"] == "Find letters.\nab"
    assert sent["documents"] == ["xx", "ab", "a"]
    assert "docs" not in sent


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_rerank_as_others_name_it(text_house: House, llm: FakeLlm, prefix: str) -> None:
    answer = (await text_house.client.post(f"{prefix}/rerank", json=REQUESTS["rerank"] | {"top_n": 2})).json()
    assert [row["index"] for row in answer["results"]] == [1, 2]
    assert answer["results"][0]["document"] == {"text": "ab"}
    assert all(0 <= row["relevance_score"] <= 1 for row in answer["results"])
    assert llm.asked("/rerank")[0].json["documents"] == ["xx", "ab", "a"]


async def test_fine_tunings(text_house: House, llm: FakeLlm) -> None:
    listed = (await text_house.client.get("/v1/fine_tunings")).json()
    assert listed["data"][0]["id"] == "ft_1"
    new = {"base_model": CHAT, "input_file_id": "file_1", "name": "mine", "type": "lora"}
    created = await text_house.client.post("/v1/fine_tunings", json=new)
    assert created.json()["data"]["name"] == "mine"
    assert llm.asked("/fine_tunings")[-1].json == new
    assert (await text_house.client.get("/openai/v1/fine_tunings/ft_1")).json()["id"] == "ft_1"
    deleted = (await text_house.client.delete("/v1/fine_tunings/ft_1")).json()
    assert deleted == {"id": "ft_1", "object": "fine_tuning", "deleted": True}
    assert_envelope(await text_house.client.get("/v1/fine_tunings/.."), 404)
    llm.lacks = {"/fine_tunings"}
    assert_envelope(await text_house.client.get("/v1/fine_tunings"), 501, "not_supported_by_backend")


async def test_models_are_merged(text_house: House) -> None:
    for prefix in PREFIXES:
        rows = {row["id"]: row for row in (await text_house.client.get(f"{prefix}/models")).json()["data"]}
        assert {"stand-in", CHAT, EMBED, RERANK} <= set(rows)
        assert rows[CHAT]["active"] is True
        one = (await text_house.client.get(f"{prefix}/models/{RERANK}")).json()
        assert one == rows[RERANK]
        assert_envelope(await text_house.client.get(f"{prefix}/models/none"), 404, "model_not_found")


async def test_a_model_named_by_its_file(open_house: Opener, llm: FakeLlm) -> None:
    llm.models = [{"id": PATH_MODEL, "object": "model"}]
    house = await open_house(llm_base_url=llm.url)
    listed = (await house.client.get("/v1/models")).text
    assert "tiny.gguf" in listed
    for stream in (False, True):
        asked = HELLO | {"model": "tiny.gguf", "stream": stream}
        reply = await house.client.post("/v1/chat/completions", json=asked)
        assert '"model":"tiny.gguf"' in reply.text.replace('": "', '":"')
        assert llm.seen[-1].json["model"] == PATH_MODEL
        assert "someone" not in listed + reply.text


@pytest.mark.parametrize("path", sorted(REQUESTS))
@pytest.mark.parametrize("prefix", PREFIXES)
async def test_not_configured(house: House, path: str, prefix: str) -> None:
    reply = await house.client.post(f"{prefix}/{path}", json=REQUESTS[path])
    assert_envelope(reply, 501, "backend_not_configured")
    assert reply.headers["x-should-retry"] == "false"
    assert "SPEECHD_LLM_BASE_URL" in reply.json()["error"]["message"]
    assert_envelope(await house.client.get(f"{prefix}/fine_tunings"), 501, "backend_not_configured")


@pytest.mark.parametrize("path", sorted(REQUESTS))
async def test_a_model_no_backend_has(text_house: House, llm: FakeLlm, path: str) -> None:
    reply = await text_house.client.post(f"/v1/{path}", json=REQUESTS[path] | {"model": "any-name"})
    assert_envelope(reply, 404, "model_not_found", "model")
    assert llm.asked(f"/{path}") == []


@pytest.mark.parametrize("path", ["chat/completions", "completions", "embeddings", "reranking"])
async def test_an_endpoint_the_backend_lacks(text_house: House, llm: FakeLlm, path: str) -> None:
    llm.lacks = {f"/{path}", "/rerank"}
    reply = await text_house.client.post(f"/v1/{path}", json=REQUESTS[path])
    assert_envelope(reply, 501, "not_supported_by_backend")
    assert reply.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("chat/completions", {"messages": []}, "messages"),
        ("chat/completions", {"messages": None}, "messages"),
        ("chat/completions", {"temperature": 3}, "temperature"),
        ("chat/completions", {"stream": "yes"}, "stream"),
        ("chat/completions", {"model": ""}, "model"),
        ("chat/completions", {"model": "\ud800"}, "model"),
        ("chat/completions", {"top_logprobs": 21}, "top_logprobs"),
        ("completions", {"prompt": None}, "prompt"),
        ("responses", {"input": ""}, "input"),
        ("responses", {"truncation": "x"}, "truncation"),
        ("embeddings", {"input": []}, "input"),
        ("embeddings", {"encoding_format": "int8"}, "encoding_format"),
        ("reranking", {"docs": []}, "docs"),
        ("reranking", {"docs": ["a", ""]}, "docs"),
        ("reranking", {"docs": ["a"] * 101}, "docs"),
        ("reranking", {"query": ""}, "query"),
        ("rerank", {"documents": []}, "documents"),
        ("rerank", {"documents": ["a", ""]}, "documents"),
        ("rerank", {"documents": [{"title": "a"}]}, "documents"),
        ("rerank", {"documents": ["a"] * 1001}, "documents"),
        ("rerank", {"top_n": 0}, "top_n"),
    ],
)
async def test_bad_parameters(text_house: House, llm: FakeLlm, path: str, fields: Any, param: str) -> None:
    body = json.dumps(REQUESTS[path] | fields)
    reply = await text_house.client.post(f"/openai/v1/{path}", content=body)
    assert_envelope(reply, 400, param=param)
    assert llm.seen == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model": NaN}', b"[" * 100_000, b"\xff"])
async def test_bodies_that_are_not_json_objects(text_house: House, body: bytes) -> None:
    assert_envelope(await text_house.client.post("/v1/chat/completions", content=body), 400)


async def test_a_body_over_the_limit(text_house: House, llm: FakeLlm) -> None:
    reply = await text_house.client.post("/v1/chat/completions", json=HELLO | {"user": "x" * 2_000_000})
    assert_envelope(reply, 413, "request_too_large")


EXPECTED = {
    "int-code": (400, "400"),
    "text-500": (500, None),
    "html-502": (502, None),
    "detail-422": (422, None),
    "message-400": (400, "40301"),
    "string-400": (400, None),
    "path-500": (500, None),
    "key-401": (502, "backend_rejected_key"),
    "busy-429": (429, None),
    "model-404": (404, "model_not_found"),
    "loading-503": (503, "503"),
    "redirect": (502, "backend_failed"),
    "html-200": (502, "backend_bad_answer"),
    "list-200": (502, "backend_bad_answer"),
    "error-200": (502, "backend_failed"),
}


@pytest.mark.parametrize("fault", sorted(set(FAILURES) - {"envelope-400"}))
@pytest.mark.parametrize("path", sorted(REQUESTS))
async def test_every_failure_of_a_backend_is_enveloped(text_house: House, path: str, fault: str) -> None:
    status, code = EXPECTED[fault]
    extra = {"query": f"fail:{fault}"} if path == "reranking" else {"user": f"fail:{fault}"}
    reply = await text_house.client.post(f"/v1/{path}", json=REQUESTS[path] | extra)
    assert_envelope(reply, status, code)
    assert not any(secret in reply.text for secret in ("someone", "/srv", "<html", "sk-backend"))
    assert reply.headers.get("retry-after") == ("7" if fault == "busy-429" else None)


async def test_a_refusal_keeps_what_the_backend_said(text_house: House) -> None:
    reply = await text_house.client.post("/v1/chat/completions", json=HELLO | {"user": "fail:envelope-400"})
    assert reply.json()["error"] == {
        "message": "bad temperature",
        "type": "invalid_request_error",
        "param": "temperature",
        "code": "bad",
        "failed_generation": "xyz",
    }


async def test_a_backend_that_is_not_there(open_house: Opener) -> None:
    async with serving_llm() as gone:
        url = gone.url
    house = await open_house(llm_base_url=url)
    for path, asked in REQUESTS.items():
        assert_envelope(await house.client.post(f"/v1/{path}", json=asked), 502, "backend_unreachable")
    ours = (await house.client.get("/v1/models")).json()["data"]
    assert ours[0]["id"] == "stand-in"
    assert_envelope(await house.client.get("/v1/models/none"), 502, "backend_unreachable")


@pytest.mark.parametrize("path", sorted(REQUESTS))
async def test_a_backend_that_is_too_slow(open_house: Opener, llm: FakeLlm, path: str) -> None:
    house = await open_house(llm_base_url=llm.url, llm_answer_timeout=0.2)
    extra = {"query": "fail:slow"} if path == "reranking" else {"user": "fail:slow"}
    assert_envelope(await house.client.post(f"/v1/{path}", json=REQUESTS[path] | extra), 504, "backend_timeout")


@pytest.mark.parametrize("fault", ["cut", "cut-inside", "no-done", "stall", "error-event", "old-error-event"])
@pytest.mark.parametrize("through", ["chat/completions", "responses"])
async def test_a_stream_that_breaks(open_house: Opener, llm: FakeLlm, fault: str, through: str) -> None:
    """What came is delivered; the last event says what happened."""
    llm.lacks = {"/responses"}
    house = await open_house(llm_base_url=llm.url, llm_silence_timeout=0.3)
    asked = REQUESTS[through] | {"stream": True, "user": f"fail:{fault}"}
    reply = await house.client.post(f"/openai/v1/{through}", json=asked)
    assert reply.status_code == 200
    *events, last = data_of(reply.text)
    assert "Hel" in str(events)
    assert "half" not in reply.text
    assert "[DONE]" not in reply.text
    assert set(last["error"]) >= {"message", "type", "param", "code"}
    assert isinstance(last["error"]["code"], str)
    assert "someone" not in reply.text
    if through == "responses":
        assert (last["type"], last["message"]) == ("error", last["error"]["message"])


async def test_several_backends(open_house: Opener, llm: FakeLlm, tmp_path: Any) -> None:
    async with serving_llm(
        FakeLlm(key="sk-second", models=[{"id": "other"}, {"id": CHAT}, {"id": "hidden"}])
    ) as second:
        file = tmp_path / "backends.toml"
        file.write_text(
            f'[[backend]]\nname = "one"\nbase_url = "{llm.url}"\nresponses = false\n'
            f'[[backend]]\nname = "two"\nbase_url = "{second.url}"\napi_key = "sk-second"\nmodels = ["o*", "{CHAT}"]\n'
        )
        house = await open_house(llm_backends_file=file)
        ids = [row["id"] for row in (await house.client.get("/v1/models")).json()["data"]]
        assert ids.count(CHAT) == 1
        assert "other" in ids
        assert "hidden" not in ids
        for model in (CHAT, "other"):
            reply = await house.client.post("/v1/chat/completions", json=HELLO | {"model": model})
            assert reply.json()["model"] == model
        assert [seen.json["model"] for seen in llm.asked("/chat/completions")] == [CHAT]
        assert [seen.json["model"] for seen in second.asked("/chat/completions")] == ["other"]
        hidden = await house.client.post("/v1/chat/completions", json=HELLO | {"model": "hidden"})
        assert_envelope(hidden, 404, "model_not_found")
        await house.client.post("/v1/responses", json=REQUESTS["responses"])
        assert llm.asked("/responses") == []


def test_the_server_writes_events_as_we_read_them() -> None:
    assert data_of(event({"a": "ö"}).decode()) == [{"a": "ö"}]
