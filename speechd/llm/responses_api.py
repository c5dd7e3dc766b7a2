"""The Responses API through chat completions: the request, the whole answer, and the fields of a response.

The stream of events is written by `response_stream`. No response is stored, so a request that refers to an
earlier response is refused.
"""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from speechd.errors import InvalidRequest, Unsupported

ResponseJson = dict[str, Any]

RESPONSES_FIELDS = frozenset(
    [
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "max_output_tokens",
        "stream",
        "store",
        "truncation",
        "include",
        "previous_response_id",
        "conversation",
        "background",
        "prompt",
        "stream_options",
        "max_tool_calls",
        "service_tier",
    ]
)
"""Fields that chat completions do not have, or have in another form; every other field is sent on unchanged."""
USAGE_DETAILS = {
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens_details": {"cached_tokens": 0, "reasoning_tokens": 0},
}
REFUSED_FIELDS = ("previous_response_id", "conversation", "background", "prompt")


def to_chat(fields: Mapping[str, Any]) -> ResponseJson:
    """The equivalent request for chat completions.

    Raises:
        Unsupported: it needs a stored response, a hosted tool or an input that is neither text nor image.
        InvalidRequest: it is malformed.
    """
    for name in REFUSED_FIELDS:
        if fields.get(name):
            raise Unsupported(f"`{name}` is not supported, because this server stores no responses.", param=name)
    chat: ResponseJson = {name: value for name, value in fields.items() if name not in RESPONSES_FIELDS}
    chat["messages"] = [*_system(fields.get("instructions")), *_messages(fields["input"])]
    if tools := fields.get("tools"):
        chat["tools"] = [_tool(tool) for tool in tools]
        chat["tool_choice"] = _tool_choice(fields.get("tool_choice"))
    if (limit := fields.get("max_output_tokens")) is not None:
        chat["max_tokens"] = limit
    if effort := (fields.get("reasoning") or {}).get("effort"):
        chat["reasoning_effort"] = effort
    if form := _format((fields.get("text") or {}).get("format")):
        chat["response_format"] = form
    if fields.get("stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    return chat


def from_chat(fields: Mapping[str, Any], chat: Mapping[str, Any]) -> ResponseJson:
    """The response for a complete chat completion."""
    choice = (chat.get("choices") or [{}])[0]
    message = choice.get("message") or {}
    output = [*_reasoning(message), *_spoken(message)]
    output += [
        function_call(call.get("id"), call["function"]["name"], call["function"].get("arguments") or "")
        for call in message.get("tool_calls") or ()
    ]
    response = frame(fields, str(chat.get("model") or fields["model"]))
    return finished(response, output, choice.get("finish_reason"), chat.get("usage"))


def frame(fields: Mapping[str, Any], model: str) -> ResponseJson:
    """A response before its output: the fields of the request, and the fields that are always present."""
    text = fields.get("text") or {}
    return {
        "id": new_response_id("resp"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": fields.get("instructions"),
        "max_output_tokens": fields.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": model,
        "output": [],
        "parallel_tool_calls": fields.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None} | (fields.get("reasoning") or {}),
        "service_tier": fields.get("service_tier") or "default",
        "store": False,
        "temperature": _given(fields.get("temperature"), 1),
        "text": {"format": {"type": "text"}} | text,
        "tool_choice": _given(fields.get("tool_choice"), "auto"),
        "tools": fields.get("tools") or [],
        "top_logprobs": _given(fields.get("top_logprobs"), 0),
        "top_p": _given(fields.get("top_p"), 1),
        "truncation": fields.get("truncation") or "disabled",
        "usage": None,
        "user": fields.get("user"),
        "metadata": fields.get("metadata") or {},
    }


def finished(response: ResponseJson, output: list[ResponseJson], reason: str | None, usage: Any) -> ResponseJson:
    """The response with its output; one that ran out of tokens is incomplete."""
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reason or "")
    ended = response | {
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": cut} if cut else None,
        "output": output,
    }
    return with_usage(ended, _usage(usage))


def with_usage(response: ResponseJson, usage: ResponseJson | None) -> ResponseJson:
    """The response with this usage, or without the member: Groq's has no null there."""
    others = {name: value for name, value in response.items() if name != "usage"}
    return others | {"usage": usage} if usage else others


def message(text: str, identity: str | None = None, status: str = "completed") -> ResponseJson:
    """An output item: a message."""
    return {
        "type": "message",
        "id": identity or new_response_id("msg"),
        "status": status,
        "role": "assistant",
        "content": [text_part(text)] if status == "completed" else [],
    }


def text_part(text: str) -> ResponseJson:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def function_call(call_id: str | None, name: str, arguments: str, identity: str | None = None) -> ResponseJson:
    """An output item: a function call."""
    return {
        "type": "function_call",
        "id": identity or new_response_id("fc"),
        "call_id": call_id or new_response_id("call"),
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def reasoning(text: str, identity: str | None = None) -> ResponseJson:
    """An output item: reasoning."""
    return {
        "type": "reasoning",
        "id": identity or new_response_id("rs"),
        "summary": [],
        "content": [{"type": "reasoning_text", "text": text}] if text else [],
    }


def new_response_id(kind: str) -> str:
    return f"{kind}_{uuid4().hex}"


def reasoning_text(said: Mapping[str, Any]) -> str:
    """A message's or delta's reasoning, by Groq's name or DeepSeek's (vLLM, llama.cpp)."""
    return said.get("reasoning") or said.get("reasoning_content") or ""


def _reasoning(said: Mapping[str, Any]) -> Iterable[ResponseJson]:
    return [reasoning(text)] if (text := reasoning_text(said)) else []


def _spoken(said: Mapping[str, Any]) -> Iterable[ResponseJson]:
    if said.get("content") or not said.get("tool_calls"):
        return [message(said.get("content") or said.get("refusal") or "")]
    return []


def _usage(usage: Any) -> ResponseJson | None:
    if not isinstance(usage, dict):
        return None
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    given, written = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    return complete_usage(
        {
            "input_tokens": given,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": thought},
            "total_tokens": usage.get("total_tokens") or given + written,
        }
    )


def complete_usage(usage: Any) -> ResponseJson | None:
    """A usage with the details that one of the two services requires; None where there is no usage."""
    if not isinstance(usage, dict):
        return None
    details = {name: defaults | (usage.get(name) or {}) for name, defaults in USAGE_DETAILS.items()}
    return usage | details


def _system(instructions: Any) -> list[ResponseJson]:
    return [{"role": "system", "content": instructions}] if instructions else []


def _messages(given: Any) -> list[ResponseJson]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    messages: list[ResponseJson] = []
    for item in given:
        _add(messages, item)
    return messages


def _add(messages: list[ResponseJson], item: Any) -> None:
    """Appends an input item; calls that follow one another belong to one message of the assistant."""
    kind = item.get("type", "message") if isinstance(item, dict) else None
    match kind:
        case "message":
            role = "system" if item.get("role") == "developer" else item.get("role", "user")
            messages.append({"role": role, "content": _content(item.get("content"))})
        case "function_call":
            call = {"name": item.get("name"), "arguments": item.get("arguments")}
            if not (messages and messages[-1].get("tool_calls")):
                messages.append({"role": "assistant", "content": None, "tool_calls": []})
            messages[-1]["tool_calls"].append({"id": item.get("call_id"), "type": "function", "function": call})
        case "function_call_output":
            output = _content(item.get("output"))
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": output})
        case "reasoning":
            pass  # earlier reasoning is not sent to the model
        case _:
            raise Unsupported(f"Input items of type {str(kind)[:60]!a} are not supported here.", param="input")


def _content(content: Any) -> Any:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise InvalidRequest("`content` of an input item must be a string or a list.", param="input")
    parts = [_part(part) for part in content]
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _part(part: Any) -> ResponseJson:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("input_text", "output_text", "text"):
        return {"type": "text", "text": part.get("text", "")}
    if kind == "input_image" and part.get("image_url"):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    raise Unsupported(f"Content of type {str(kind)[:60]!a} is not supported here.", param="input")


def _tool(tool: Any) -> ResponseJson:
    if not isinstance(tool, dict) or tool.get("type") != "function":
        raise Unsupported("Only tools of type `function` are supported here.", param="tools")
    names = ("name", "description", "parameters", "strict")
    return {"type": "function", "function": {name: tool[name] for name in names if tool.get(name) is not None}}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice if choice is not None else "auto"


def _format(form: Any) -> ResponseJson | None:
    if not isinstance(form, dict) or form.get("type") in (None, "text"):
        return None
    if form["type"] != "json_schema":
        return dict(form)
    names = ("name", "description", "schema", "strict")
    return {"type": "json_schema", "json_schema": {name: form[name] for name in names if form.get(name) is not None}}


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value
