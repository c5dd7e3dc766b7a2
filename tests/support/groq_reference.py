"""The 23 operations of Groq's published reference, restated: paths, methods, fields that are required, enumerations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from tests.conftest import ROOT
from tests.support.llm_server import CHAT, EMBED, RERANK

DOCUMENT = ROOT.parent / "shared" / "reference" / "groq-openapi.yml"
"""The reference itself, where it is at hand."""
AS_RECORDED = {"duration"}
"""Members that the hosted service answers with another type than its reference says: a number of seconds."""
QUESTION = [{"role": "user", "content": "hi"}]


@dataclass(frozen=True)
class Operation:
    """One operation of the reference."""

    method: str
    path: str
    """Below the prefix."""
    good: dict[str, Any] = field(default_factory=dict)
    """A request that must succeed; the required fields alone, and what keeps it short."""
    required: tuple[str, ...] = ()
    enums: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    """Every value of the reference is accepted."""
    closed: tuple[str, ...] = ()
    """Enumerations where another value is a 400; a companion may know more values of the others."""
    replies: tuple[str, ...] = ()
    """Fields that the reply must have."""
    model: str = CHAT
    """The one that the path names."""
    multipart: bool = False
    media_type: str = "application/json"
    llama: int = 200
    """What it answers over llama.cpp."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def address(self) -> str:
        """The path with its parameters filled in."""
        filled = {"{model}": self.model, "{id}": "ft_1", "{file_id}": "file_1", "{batch_id}": "batch_1"}
        path = self.path
        for name, value in filled.items():
            path = path.replace(name, value)
        return path


TRANSCRIPTION_ENUMS = {
    "response_format": ("json", "text", "verbose_json"),
    "timestamp_granularities[]": ("word", "segment"),
}
MODEL_FIELDS = ("id", "object", "created", "owned_by")
FILE_FIELDS = ("id", "object", "bytes", "created_at", "filename", "purpose")
BATCH_FIELDS = (
    *("id", "object", "endpoint", "input_file_id", "completion_window", "status", "created_at"),
    *("request_counts", "expires_at"),
)
RESPONSE_FIELDS = (
    *("id", "object", "status", "created_at", "output", "model", "tools", "tool_choice", "truncation", "metadata"),
    *("temperature", "top_p", "service_tier", "error", "incomplete_details", "parallel_tool_calls", "store"),
)

OPERATIONS = (
    Operation(
        "POST",
        "/audio/speech",
        good={"model": "auto", "input": "Hello."},
        required=("input",),  # here voice and model have a default
        enums={
            "response_format": ("flac", "mp3", "mulaw", "ogg", "wav"),
            "sample_rate": (8000, 16000, 22050, 24000, 32000, 44100, 48000),
        },
        closed=("response_format", "sample_rate"),
        media_type="audio/mpeg",
    ),
    Operation(
        "POST",
        "/audio/transcriptions",
        good={"model": "stand-in"},
        required=("file",),  # here model has a default
        enums=TRANSCRIPTION_ENUMS,
        closed=("response_format",),
        replies=("text",),
        multipart=True,
    ),
    Operation(
        "POST",
        "/audio/translations",
        good={"model": "stand-in"},
        required=("file",),  # here model has a default
        enums={"response_format": TRANSCRIPTION_ENUMS["response_format"]},
        closed=("response_format",),
        replies=("text",),
        multipart=True,
    ),
    Operation(
        "POST",
        "/batches",
        good={"completion_window": "24h", "endpoint": "/v1/chat/completions", "input_file_id": "file_1"},
        required=("completion_window", "endpoint", "input_file_id"),
        closed=("endpoint",),
        replies=BATCH_FIELDS,
    ),
    Operation("GET", "/batches", replies=("object", "data")),
    Operation("GET", "/batches/{batch_id}", replies=BATCH_FIELDS),
    Operation("POST", "/batches/{batch_id}/cancel", replies=BATCH_FIELDS),
    Operation(
        "POST",
        "/chat/completions",
        good={"model": CHAT, "messages": QUESTION, "max_tokens": 8},
        required=("model", "messages"),
        enums={
            "service_tier": ("auto", "on_demand", "flex", "performance", None),
            "reasoning_effort": ("none", "default", "low", "medium", "high"),
            "reasoning_format": ("hidden", "raw", "parsed"),
            "citation_options": ("enabled", "disabled"),
        },
        closed=("citation_options",),
        replies=("id", "object", "created", "model", "choices", "usage"),
    ),
    Operation(
        "POST",
        "/embeddings",
        good={"model": EMBED, "input": "hi"},
        required=("model", "input"),
        enums={"encoding_format": ("float", "base64")},
        closed=("encoding_format",),
        replies=("object", "data", "model", "usage"),
    ),
    Operation("GET", "/files", replies=("object", "data")),
    Operation(
        "POST",
        "/files",
        good={"purpose": "batch"},
        required=("file", "purpose"),
        enums={"purpose": ("batch",)},
        closed=("purpose",),
        replies=FILE_FIELDS,
        multipart=True,
    ),
    Operation("DELETE", "/files/{file_id}", replies=("id", "object", "deleted")),
    Operation("GET", "/files/{file_id}", replies=FILE_FIELDS),
    Operation("GET", "/files/{file_id}/content", media_type="application/octet-stream"),
    Operation("GET", "/fine_tunings", replies=("object", "data"), llama=501),
    Operation(
        "POST",
        "/fine_tunings",
        good={"base_model": CHAT, "input_file_id": "file_1", "name": "mine", "type": "lora"},
        replies=("id", "object", "data"),
        llama=501,
    ),
    Operation("DELETE", "/fine_tunings/{id}", replies=("id", "object", "deleted"), llama=501),
    Operation("GET", "/fine_tunings/{id}", replies=("id", "object", "data"), llama=501),
    Operation("GET", "/models", replies=("object", "data")),
    Operation("GET", "/models/{model}", replies=MODEL_FIELDS),
    Operation("DELETE", "/models/{model}", replies=("id", "object", "deleted"), model="stand-in"),
    Operation(
        "POST",
        "/reranking",
        good={"model": RERANK, "query": "hi", "docs": ["a", "b"]},
        required=("model", "query", "docs"),
        replies=("results",),
    ),
    Operation(
        "POST",
        "/responses",
        good={"model": CHAT, "input": "hi", "max_output_tokens": 8},
        required=("model", "input"),
        enums={"service_tier": ("auto", "default", "flex"), "truncation": ("auto", "disabled")},
        closed=("truncation",),
        replies=RESPONSE_FIELDS,
    ),
)


@cache
def document() -> dict[str, Any]:
    """The reference, parsed; empty where it is not at hand."""
    return yaml.safe_load(DOCUMENT.read_text()) if DOCUMENT.exists() else {}


def faults(operation: Operation, body: Any) -> list[str]:
    """Where an answer is not what the reference says; nothing where the reference is not at hand."""
    if not document():
        return []
    paths = document()["paths"]
    path = next(path for path in (f"/openai/v1{operation.path}", f"/v1{operation.path}") if path in paths)
    described = paths[path][operation.method.lower()]["responses"]["200"]
    return list(_faults(described["content"]["application/json"]["schema"], body, "answer"))


def _faults(schema: dict[str, Any], value: Any, at: str) -> Iterator[str]:
    if "$ref" in schema:
        schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if value is None:
        if not schema.get("nullable"):
            yield f"{at} is null"
        return
    for alternatives in (schema.get("oneOf"), schema.get("anyOf")):
        if alternatives and all(list(_faults(one, value, at)) for one in alternatives):
            yield f"{at} is none of the alternatives"
    kind = schema.get("type")
    if kind in TYPES and (not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{at} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at} is {value!r}"
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _faults(schema.get("items", {}), item, f"{at}[{number}]")
    if isinstance(value, dict):
        yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, inner in schema.get("properties", {}).items():
            if name in value and name not in AS_RECORDED:
                yield from _faults(inner, value[name], f"{at}.{name}")


TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}
