"""The text endpoints, in both dialects: requests are checked, an LLM backend's answers relayed."""

import re
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request, Response

from speechd.api.dependencies import context_of, get_service
from speechd.api.disconnect import cancelled_on_disconnect
from speechd.api.openapi.llm import text_operation
from speechd.api.request_body_json import read_text_request
from speechd.api.responses.sse import ServerSentEvents
from speechd.dialects import Dialect
from speechd.errors import NotFound
from speechd.llm.client import BackendResponse
from speechd.llm.proxy import TextRequest
from speechd.operations.text import JSON_CONTENT, TEXT_OPERATIONS, open_text
from speechd.schemas.llm import FineTuningForm

_IDENTITY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,200}")
"""Ids that can go into a backend's path as they are."""


def router(dialect: Dialect) -> APIRouter:
    """The text routes, answering in this dialect."""
    routes = APIRouter(tags=["Text"])

    @routes.post("/chat/completions", **text_operation("chat"))
    async def chat(request: Request) -> Response:
        return await answer(request, "/v1/chat/completions", dialect)

    @routes.post("/completions", **text_operation("completions"))
    async def completions(request: Request) -> Response:
        return await answer(request, "/v1/completions", dialect)

    @routes.post("/responses", **text_operation("responses"))
    async def responses(request: Request) -> Response:
        return await answer(request, "/v1/responses", dialect)

    @routes.post("/embeddings", **text_operation("embeddings"))
    async def embeddings(request: Request) -> Response:
        return await answer(request, "/v1/embeddings", dialect)

    @routes.post("/reranking", **text_operation("reranking"))
    async def reranking(request: Request) -> Response:
        return await answer(request, "/v1/reranking", dialect)

    @routes.post("/rerank", **text_operation("rerank"))
    async def rerank(request: Request) -> Response:
        return await answer(request, "/v1/rerank", dialect)

    _add_fine_tunings(routes)
    return routes


async def answer(request: Request, url: str, dialect: Dialect) -> Response:
    """A stream as it comes, or a whole answer; hanging up closes the connection to the backend.

    Args:
        url: a row of TEXT_OPERATIONS.

    Raises:
        SpeechdError: whatever is wrong with the request.
        ClientDisconnect: the caller left.
    """
    service = get_service(request)
    asked = await read_text_request(request, service.settings.json_limit, TEXT_OPERATIONS[url].form.max_values)
    opening = open_text(service, url, asked, context_of(request, dialect))
    async with AsyncExitStack() as resources:
        async with cancelled_on_disconnect(request.receive):
            answer = await resources.enter_async_context(opening)
            if not answer.is_stream:
                return Response(await answer.read(), media_type=JSON_CONTENT, headers=_kept(answer))
        return ServerSentEvents(answer.chunks, resources.pop_all(), answer.headers)


def _add_fine_tunings(routes: APIRouter) -> None:
    @routes.get("/fine_tunings", **text_operation("list_fine_tunings"))
    async def list_fine_tunings(request: Request) -> Response:
        return await _fine_tune(request, "")

    @routes.post("/fine_tunings", **text_operation("create_fine_tuning"))
    async def create_fine_tuning(request: Request) -> Response:
        asked = await read_text_request(request, get_service(request).settings.json_limit)
        FineTuningForm.check(dict(asked.fields))
        return await _fine_tune(request, "", asked)

    @routes.get("/fine_tunings/{id}", **text_operation("get_fine_tuning"))
    async def get_fine_tuning(request: Request, id: str) -> Response:
        return await _fine_tune(request, id)

    @routes.delete("/fine_tunings/{id}", **text_operation("delete_fine_tuning"))
    async def delete_fine_tuning(request: Request, id: str) -> Response:
        return await _fine_tune(request, id)


async def _fine_tune(request: Request, identity: str, asked: TextRequest | None = None) -> Response:
    if identity and not _IDENTITY.fullmatch(identity):
        raise NotFound(f"The fine tuning `{identity[:100]!a}` does not exist.", param="id")
    path = f"/fine_tunings/{identity}" if identity else "/fine_tunings"
    asked = asked or TextRequest({}, b"", request.headers.items())
    async with cancelled_on_disconnect(request.receive):
        body = await get_service(request).llm.fine_tune(request.method, path, asked)
    return Response(body, media_type=JSON_CONTENT)


def _kept(answer: BackendResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "content-type"}
