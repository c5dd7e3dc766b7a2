"""One text request: check -> run on the LLM backend that has the model."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from speechd.llm.client import BackendResponse
from speechd.llm.proxy import LLMProxy, TextRequest
from speechd.llm.rerank import indexed_result
from speechd.operations.context import RequestContext
from speechd.schemas.llm import (
    ChatForm,
    CompletionForm,
    DocumentRerankForm,
    EmbeddingForm,
    RerankForm,
    ResponseForm,
    TextForm,
)
from speechd.service import Service

JSON_CONTENT = "application/json"


@dataclass(frozen=True, slots=True)
class TextOperation:
    """What one text endpoint takes, and who answers it."""

    form: type[TextForm]
    open: Callable[[LLMProxy, TextRequest, RequestContext], AbstractAsyncContextManager[BackendResponse]]


@asynccontextmanager
async def open_text(
    service: Service, url: str, request: TextRequest, context: RequestContext
) -> AsyncGenerator[BackendResponse]:
    """An LLM backend's answer, whole or as a stream; leaving the context closes the connection to the backend.

    Args:
        url: a row of TEXT_OPERATIONS.

    Raises:
        InvalidRequest: a field has a bad value.
        SpeechdError: see speechd.llm.proxy.
    """
    operation = TEXT_OPERATIONS[url]
    operation.form.check(dict(request.fields))
    async with operation.open(service.llm, request, context) as answer:
        yield answer


def _complete(
    path: str, llm: LLMProxy, request: TextRequest, context: RequestContext
) -> AbstractAsyncContextManager[BackendResponse]:
    return llm.complete(path, request, context.signature)


def _respond(
    llm: LLMProxy, request: TextRequest, context: RequestContext
) -> AbstractAsyncContextManager[BackendResponse]:
    return llm.respond(request)


@asynccontextmanager
async def _whole(answering: Awaitable[bytes]) -> AsyncGenerator[BackendResponse]:
    """An answer that comes in one piece."""
    yield BackendResponse({"content-type": JSON_CONTENT}, _one_chunk(await answering))


async def _one_chunk(body: bytes) -> AsyncIterator[bytes]:
    yield body


TEXT_OPERATIONS: Mapping[str, TextOperation] = {
    "/v1/chat/completions": TextOperation(ChatForm, partial(_complete, "/chat/completions")),
    "/v1/completions": TextOperation(CompletionForm, partial(_complete, "/completions")),
    "/v1/responses": TextOperation(ResponseForm, _respond),
    "/v1/embeddings": TextOperation(EmbeddingForm, lambda llm, request, _: _whole(llm.embed(request))),
    "/v1/reranking": TextOperation(RerankForm, lambda llm, request, _: _whole(llm.rerank(request))),
    "/v1/rerank": TextOperation(
        DocumentRerankForm, lambda llm, request, _: _whole(llm.rerank(request, indexed_result))
    ),
}
"""By URL without its dialect."""
