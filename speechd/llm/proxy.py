"""The text endpoints, served by the backend that has the model."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from speechd.errors import BackendFailure, BackendNotConfigured, NotSupportedByBackend
from speechd.llm import embeddings, rerank, responses_api, responses_stream
from speechd.llm.backends import Backend, read_backends
from speechd.llm.client import BackendClient, BackendResponse, Headers
from speechd.llm.model_index import ModelIndex, RemoteModel
from speechd.llm.sse import CompletionEvents, response_events, with_member
from speechd.settings import Settings

LLAMA_REASONING = {"raw": "none", "parsed": "auto", "hidden": "auto"}
"""Groq's `reasoning_format` as llama.cpp names it: it fails on Groq's values. Hidden reasoning is in a separate
field."""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A request to a text endpoint, as it came."""

    fields: Mapping[str, Any]
    """Its JSON body, parsed."""
    body: bytes
    """The same, unparsed: an unchanged body is sent on byte for byte."""
    headers: Headers = ()
    """The caller's."""

    @property
    def model(self) -> str:
        return str(self.fields["model"])

    def to(self, model: RemoteModel) -> bytes:
        """The body for the backend: unchanged, except for names that differ on this backend."""
        changes: dict[str, Any] = {"model": model.name} if model.name != self.model else {}
        form = self.fields.get("reasoning_format")
        if model.is_llama_cpp and isinstance(form, str) and form in LLAMA_REASONING:
            changes["reasoning_format"] = LLAMA_REASONING[form]
        return _dump({**self.fields, **changes}) if changes else self.body


class LLMProxy:
    """All LLM backends behind one object. It belongs to one event loop."""

    def __init__(self, backends: tuple[Backend, ...], settings: Settings) -> None:
        self._backends = backends
        self._client = BackendClient(settings)
        self._directory = ModelIndex(backends, self._client)
        self._without_responses = {backend.name for backend in backends if backend.responses is False}
        self._give_logits: set[str] = set()

    @classmethod
    def of(cls, settings: Settings) -> "LLMProxy":
        """
        Raises:
            Misconfigured: the settings name backends in a way that is not valid.
        """
        return cls(read_backends(settings), settings)

    @property
    def configured(self) -> bool:
        return bool(self._backends)

    async def close(self) -> None:
        await self._client.close()

    async def models(self) -> tuple[RemoteModel, ...]:
        """Every model of every backend that can be reached."""
        return await self._directory.models()

    async def find(self, model_id: str) -> RemoteModel:
        """
        Raises:
            BackendNotConfigured: there is no backend.
            ModelNotFound: none has the model.
            BackendFailure: one that may have it cannot be reached.
        """
        if not self._backends:
            raise BackendNotConfigured
        return await self._directory.find(model_id)

    @asynccontextmanager
    async def complete(self, path: str, request: TextRequest, sign_as: str | None) -> AsyncGenerator[BackendResponse]:
        """`/chat/completions` or `/completions`, whole or as a stream.

        Args:
            sign_as: the request id that `x_groq` shall carry; None leaves it out.

        Raises:
            SpeechdError: see `find` and BackendClient.open.
        """
        model = await self.find(request.model)
        async with self._client.open(model.backend, "POST", path, request.to(model), request.headers) as answer:
            chunks = (
                CompletionEvents(sign_as).relay(answer.chunks) if answer.is_stream else _whole_signed(answer, sign_as)
            )
            yield replace(answer, chunks=_renamed(chunks, model))

    @asynccontextmanager
    async def respond(self, request: TextRequest) -> AsyncGenerator[BackendResponse]:
        """`/responses`: by the backend itself, or through its chat completions where it has none.

        Raises:
            InvalidRequest: the request needs what chat completions cannot do.
            SpeechdError: see `complete`.
        """
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._respond_itself(request))
            except NotSupportedByBackend:
                answer = await stack.enter_async_context(self._respond_by_chat(request))
            yield answer

    async def embed(self, request: TextRequest) -> bytes:
        """`/embeddings`, in the encoding asked for."""
        model = await self.find(request.model)
        async with self._client.open(
            model.backend, "POST", "/embeddings", request.to(model), request.headers
        ) as answer:
            body = await answer.read()
        if request.fields.get("encoding_format") == "base64":
            body = embeddings.in_base64(body, _object(body))
        else:
            _object(body)
        return _renaming(body, model)

    async def rerank(self, request: TextRequest, answer_of: rerank.RankingFormat = rerank.result) -> bytes:
        """`/reranking` and `/rerank`, by the backend's `/rerank`.

        Args:
            answer_of: the shape of the answer.

        Raises:
            SpeechdError: see `find` and BackendClient.open.
        """
        model = await self.find(request.model)
        body = _dump(rerank.rerank_request(request.fields, model.name))
        async with self._client.open(model.backend, "POST", "/rerank", body, request.headers) as answer:
            said = _object(await answer.read())
        scores = rerank.scores(said, len(rerank.documents_of(request.fields)))
        backend = model.backend
        if backend.rerank_scores == "auto" and any(not 0 <= score <= 1 for score in scores.values()):
            self._give_logits.add(backend.name)
        logits = model.ranks_by_logits or backend.name in self._give_logits
        return _dump(answer_of(request.fields, scores, logits))

    async def fine_tune(self, method: str, path: str, request: TextRequest) -> bytes:
        """`/fine_tunings` and what lies below, on the backend that the settings name for it, else on the first."""
        if not self._backends:
            raise BackendNotConfigured
        backend = next((backend for backend in self._backends if backend.fine_tunings), self._backends[0])
        async with self._client.open(backend, method, path, request.body, request.headers) as answer:
            body = await answer.read()
        _object(body)
        return body

    @asynccontextmanager
    async def _respond_itself(self, request: TextRequest) -> AsyncGenerator[BackendResponse]:
        model = await self.find(request.model)
        if model.backend.name in self._without_responses:
            raise NotSupportedByBackend
        body = request.to(model)
        try:
            async with self._client.open(model.backend, "POST", "/responses", body, request.headers) as answer:
                chunks = (
                    response_events(answer.chunks) if answer.is_stream else _whole_completed(request.fields, answer)
                )
                yield replace(answer, chunks=_renamed(chunks, model))
        except NotSupportedByBackend:
            self._without_responses.add(model.backend.name)
            raise

    @asynccontextmanager
    async def _respond_by_chat(self, request: TextRequest) -> AsyncGenerator[BackendResponse]:
        chat = responses_api.to_chat(request.fields)
        asked = TextRequest(chat, _dump(chat), request.headers)
        async with self.complete("/chat/completions", asked, None) as answer:
            if answer.is_stream:
                yield replace(answer, chunks=responses_stream.stream(request.fields, answer.chunks))
            else:
                yield replace(answer, chunks=_whole_response(request.fields, answer))


async def _whole_response(fields: Mapping[str, Any], answer: BackendResponse) -> AsyncIterator[bytes]:
    yield _dump(responses_api.from_chat(fields, _object(await answer.read())))


async def _whole_completed(fields: Mapping[str, Any], answer: BackendResponse) -> AsyncIterator[bytes]:
    """A backend's own response, completed with missing fields of the API (llama.cpp: most of them)."""
    body = await answer.read()
    said = _object(body)
    frame = responses_api.frame(fields, str(fields["model"]))
    whole = responses_api.with_usage(frame | said, responses_api.complete_usage(said.get("usage")))
    yield body if whole == said else _dump(whole)


async def _whole_signed(answer: BackendResponse, request_id: str | None) -> AsyncIterator[bytes]:
    body = await answer.read()
    _object(body)
    yield with_member(body, "x_groq", {"id": request_id}) if request_id else body


async def _renamed(chunks: AsyncIterator[bytes], model: RemoteModel) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        yield _renaming(chunk, model)


def _renaming(body: bytes, model: RemoteModel) -> bytes:
    """Replaces a path of the backend's disk by the id of the model for callers."""
    if model.id == model.name:
        return body
    return body.replace(json.dumps(model.name).encode(), json.dumps(model.id).encode())


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BackendFailure("The LLM backend's answer is not a JSON object.", code="backend_bad_answer")
    if value.get("error") and "choices" not in value and value.get("object") != "response":
        raise BackendFailure("The LLM backend failed.", code="backend_failed")
    return value


def _dump(value: Any) -> bytes:
    return json.dumps(value).encode()
