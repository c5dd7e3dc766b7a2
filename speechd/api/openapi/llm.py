"""OpenAPI descriptions of the text endpoints, with a working example for each."""

from typing import Any

from fastapi import Response
from pydantic import BaseModel

from speechd.api.openapi.audio import EVENT, inlined
from speechd.schemas import llm as wire
from speechd.schemas.transcription import ErrorEnvelope

TEXT_FAILURES = {
    400: "A parameter is not valid.",
    401: "The API key is missing or wrong.",
    403: "The caller is not allowed.",
    404: "No backend has the model.",
    413: "The request is over a limit.",
    422: "The backend cannot do this.",
    429: "A rate limit is reached. `retry-after` gives the time of the next try.",
    501: "No LLM backend is configured, or it does not offer this.",
    502: "The LLM backend failed or cannot be reached.",
    503: "The service is starting or stopping.",
    504: "The LLM backend was too slow.",
}

PLACEHOLDER = "your-model"
"""Placeholder in examples for a model of an LLM backend."""
QUESTION = [{"role": "user", "content": "Say hello in one word."}]
TEXT_OPERATIONS: dict[str, tuple[type[BaseModel] | None, type[BaseModel] | None, str, dict[str, Any]]] = {
    "chat": (
        wire.ChatForm,
        wire.ChatCompletion,
        "Continue a conversation.",
        {"model": PLACEHOLDER, "messages": QUESTION},
    ),
    "completions": (
        wire.CompletionForm,
        wire.ChatCompletion,
        "Continue a text.",
        {"model": PLACEHOLDER, "prompt": "Once upon a time", "max_tokens": 16},
    ),
    "responses": (
        wire.ResponseForm,
        wire.Response,
        "Answer an input.",
        {"model": PLACEHOLDER, "input": "Say hello in one word."},
    ),
    "embeddings": (
        wire.EmbeddingForm,
        wire.Embeddings,
        "Turn texts into vectors.",
        {"model": PLACEHOLDER, "input": ["hello", "world"]},
    ),
    "reranking": (
        wire.RerankForm,
        wire.Ranking,
        "Order documents by relevance.",
        {"model": PLACEHOLDER, "query": "What barks?", "docs": ["A cat meows.", "A dog barks."]},
    ),
    "rerank": (
        wire.DocumentRerankForm,
        wire.DocumentRanking,
        "Order documents by relevance, as Jina and Cohere name it.",
        {"model": PLACEHOLDER, "query": "What barks?", "documents": ["A cat meows.", "A dog barks."], "top_n": 1},
    ),
    "list_fine_tunings": (None, None, "List fine tunings.", {}),
    "create_fine_tuning": (
        wire.FineTuningForm,
        None,
        "Register a fine tuning.",
        {"base_model": PLACEHOLDER, "input_file_id": "file_01", "name": "mine", "type": "lora"},
    ),
    "get_fine_tuning": (None, None, "Describe a fine tuning.", {}),
    "delete_fine_tuning": (None, None, "Delete a fine tuning.", {}),
}
"""By operation: the request's form, the reply's, a summary, and an example request."""
STREAMED = ("chat", "completions", "responses")


def text_operation(name: str) -> dict[str, Any]:
    """Arguments of a route: summary, request body with an example, and replies, taken from the schemas."""
    form, reply, summary, example = TEXT_OPERATIONS[name]
    failures = {status: {"model": ErrorEnvelope, "description": text} for status, text in TEXT_FAILURES.items()}
    operation: dict[str, Any] = {
        "summary": summary,
        "response_class": Response,
        "responses": {200: _success(reply, name in STREAMED), **failures},
    }
    if form is not None:
        body = {"schema": inlined(form.model_json_schema()), "example": example}
        operation["openapi_extra"] = {"requestBody": {"required": True, "content": {"application/json": body}}}
    return operation


def _success(reply: type[BaseModel] | None, streamed: bool) -> dict[str, Any]:
    schema = inlined(reply.model_json_schema()) if reply else {"type": "object"}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    if streamed:
        content["text/event-stream"] = {"schema": EVENT}
    return {"description": "The answer.", "content": content}
