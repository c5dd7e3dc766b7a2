"""The events of a streamed response, made from the chunks of a streamed chat completion."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from speechd.errors import SpeechdError
from speechd.llm.responses_api import (
    ResponseJson,
    finished,
    frame,
    function_call,
    message,
    new_response_id,
    reasoning,
    reasoning_text,
    text_part,
)
from speechd.llm.sse import payload, split, whole_events


async def stream(fields: Mapping[str, Any], chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The events, as bytes. A failure becomes the last event, with an `error` that both SDKs raise."""
    writer = ResponseWriter(fields)
    yield b"".join(writer.begin())
    try:
        async for events in whole_events(chunks):
            for event in split(events):
                said = payload(event)
                if isinstance(said, dict) and not writer.broken:
                    yield b"".join(writer.take(said))
    except SpeechdError as error:
        yield writer.failed(error.envelope()["error"])
        return
    if not writer.broken:
        yield b"".join(writer.end())


class ResponseWriter:
    """Collects the output items and writes the events. One item is open at a time."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.broken = False
        self._response = frame(fields, str(fields["model"]))
        self._number = -1
        self._output: list[ResponseJson] = []
        self._open: ResponseJson | None = None
        self._text: list[str] = []
        self._call: int | None = None
        """Which of the chat's tool calls is open."""
        self._reason: str | None = None
        self._usage: Any = None

    def begin(self) -> Iterator[bytes]:
        yield self._event("response.created", response=self._response)
        yield self._event("response.in_progress", response=self._response)

    def take(self, chunk: Mapping[str, Any]) -> Iterator[bytes]:
        """The events for a chunk of a chat completion."""
        if chunk.get("error"):
            yield self.failed(chunk["error"])
            return
        self._usage = chunk.get("usage") or self._usage
        choice = (chunk.get("choices") or [{}])[0]
        self._reason = choice.get("finish_reason") or self._reason
        delta = choice.get("delta") or {}
        if thought := reasoning_text(delta):
            yield from self._write("reasoning", thought)
        if text := delta.get("content"):
            yield from self._write("message", text)
        for call in delta.get("tool_calls") or ():
            yield from self._write_call(call)

    def end(self) -> Iterator[bytes]:
        yield from self._close()
        if not self._output:
            yield from self._begin_item("message")
            yield from self._close()
        response = finished(self._response, self._output, self._reason, self._usage)
        yield self._event(f"response.{response['status']}", response=response)

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """The last event. `type`, `code`, `message`, `param` are the API's; `error` is what the SDKs look for."""
        self.broken = True
        plain = {name: error.get(name) for name in ("code", "message", "param")}
        return self._event("error", **plain, error=dict(error))

    def _write(self, kind: str, text: str) -> Iterator[bytes]:
        if self._open is None or self._open["type"] != kind:
            yield from self._begin_item(kind)
        self._text.append(text)
        name = "response.output_text.delta" if kind == "message" else "response.reasoning_text.delta"
        logprobs: ResponseJson = {"logprobs": []} if kind == "message" else {}
        yield self._event(name, **self._place(), content_index=0, delta=text, **logprobs)

    def _write_call(self, call: Mapping[str, Any]) -> Iterator[bytes]:
        function, index = call.get("function") or {}, call.get("index", 0)
        if self._open is None or self._open["type"] != "function_call" or self._call != index:
            yield from self._close()
            self._call = index
            yield from self._add(function_call(call.get("id"), function.get("name") or "", ""))
        if arguments := function.get("arguments"):
            self._text.append(arguments)
            yield self._event("response.function_call_arguments.delta", **self._place(), delta=arguments)

    def _begin_item(self, kind: str) -> Iterator[bytes]:
        yield from self._close()
        if kind == "reasoning":
            yield from self._add(reasoning(""))
            return
        yield from self._add(message("", status="in_progress"))
        yield self._event("response.content_part.added", **self._place(), content_index=0, part=text_part(""))

    def _add(self, item: ResponseJson) -> Iterator[bytes]:
        self._open = item
        shown = {**item, "status": "in_progress"} if "status" in item else item
        yield self._event("response.output_item.added", output_index=len(self._output), item=shown)

    def _close(self) -> Iterator[bytes]:
        """Ends the open item, if there is one."""
        if self._open is None:
            return
        item, text, place = self._open, "".join(self._text), self._place()
        match item["type"]:
            case "message":
                yield self._event("response.output_text.done", **place, content_index=0, text=text, logprobs=[])
                yield self._event("response.content_part.done", **place, content_index=0, part=text_part(text))
                item = message(text, item["id"])
            case "reasoning":
                yield self._event("response.reasoning_text.done", **place, content_index=0, text=text)
                item = reasoning(text, item["id"])
            case _:
                name = item["name"]
                yield self._event("response.function_call_arguments.done", **place, name=name, arguments=text)
                item = function_call(item["call_id"], name, text, item["id"])
        yield self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        self._open, self._text = None, []

    def _place(self) -> ResponseJson:
        identity = self._open["id"] if self._open else new_response_id("item")
        return {"item_id": identity, "output_index": len(self._output)}

    def _event(self, kind: str, **members: Any) -> bytes:
        self._number += 1
        data = json.dumps({"type": kind, "sequence_number": self._number, **members})
        return f"event: {kind}\ndata: {data}\n\n".encode()
