"""`Prefer: respond-async`: a request is read and checked as if its caller waited, and answered later."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fastapi import Request, Response
from starlette.responses import JSONResponse

from speechd import operations
from speechd.api.dependencies import get_request_id, get_service, get_store_handle
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.prefer import RESPOND_ASYNC
from speechd.api.request_body import open_form, require_one_source
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest, UrlNotAllowed
from speechd.net.fetch import check_url, is_inline
from speechd.net.webhook_signature import secret_bytes
from speechd.operations import SpeechRequest, TranscriptionRequest
from speechd.schemas.audio_jobs import WebhookForm
from speechd.schemas.speech import SpeechBody
from speechd.schemas.transcription import AudioForm
from speechd.service import Service
from speechd.validation import check_speech, check_transcription, measure

if TYPE_CHECKING:
    from speechd.store.audio_jobs.records import AudioOrder
    from speechd.store.audio_jobs.webhooks import Webhook
    from speechd.store.blobs import BlobDraft
    from speechd.store.store import Store

APART = frozenset({"file", *WebhookForm.model_fields})
"""Parameters that are not kept with the others."""


async def accept_recording(request: Request, form_type: type[AudioForm], dialect: Dialect) -> Response:
    """
    Raises:
        SpeechdError: whatever is wrong with the request, or too many are open.
    """
    service, store = get_service(request), await get_store_handle(request).open()
    from speechd.store.audio_jobs.records import AudioOrder  # only now: `open` loads the libraries

    await store.audio.check_room()
    async with AsyncExitStack() as resources:
        draft = resources.enter_context(await asyncio.to_thread(store.files.blobs.draft))
        limits = service.settings
        into, limit = cast(BinaryIO, draft), limits.max_upload_bytes
        body = await resources.enter_async_context(open_form(request, limit, into, limits.max_json_bytes))
        form = form_type.parse(body.fields)
        require_one_source(body.file, form.url)
        if form.stream:
            raise _streamed("stream")
        webhook = _webhook(body.fields, service)
        await check_transcription(service, TranscriptionRequest(form.model, form.to_options(), url=form.url))
        is_here, total = await _bring(service, form.url, draft)
        apart = APART | {"url"} if is_here else APART
        order = AudioOrder(
            owner=caller_of(request),
            url=request.url.path,
            request_id=get_request_id(request),
            fields={name: value for name, value in body.fields.items() if name not in apart},
            model=form.model,
            format=form.response_format,
            unit="seconds",
            total=total,
            webhook=webhook,
        )
        return await _accepted(request, store, order, draft if is_here else None, dialect)


async def accept_speech(request: Request, dialect: Dialect, limit: int, headerless: bool) -> Response:
    """
    Args:
        limit: bytes of the longest body.
        headerless: the caller takes mu-law without a header.

    Raises:
        SpeechdError: whatever is wrong with the request, or too many are open.
    """
    service, store = get_service(request), await get_store_handle(request).open()
    from speechd.store.audio_jobs.records import AudioOrder  # only now: `open` loads the libraries

    await store.audio.check_room()
    async with open_form(request, limit) as form:
        body = SpeechBody.parse(form.fields)
        if body.stream_format == "sse":
            raise _streamed("stream_format")
        webhook = _webhook(form.fields, service)
        options = body.to_options(dialect.speech_sample_rate, headerless)
        await check_speech(service, SpeechRequest(body.input, body.model, body.voice_name, options))
        order = AudioOrder(
            owner=caller_of(request),
            url=request.url.path,
            request_id=get_request_id(request),
            fields={name: value for name, value in form.fields.items() if name not in APART},
            model=body.model,
            format=options.format,
            unit="characters",
            total=len(body.input),
            webhook=webhook,
        )
    return await _accepted(request, store, order, None, dialect)


def refuse_webhook(fields: Mapping[str, Any]) -> None:
    """
    Raises:
        InvalidRequest: a webhook is asked for where the caller waits.
    """
    if fields.get("webhook_url"):
        raise InvalidRequest(
            f"`webhook_url` is for requests that are answered later: send the header `Prefer: {RESPOND_ASYNC}` too.",
            param="webhook_url",
        )


async def _accepted(
    request: Request, store: "Store", order: "AudioOrder", recording: "BlobDraft | None", dialect: Dialect
) -> Response:
    from speechd.store.audio_jobs.view import to_response

    job = await store.audio.create(order, recording)
    get_store_handle(request).tasks_available.set()
    told = await to_response(job, store.files.blobs)
    headers = {"location": f"{dialect.prefix}/audio/jobs/{job.id}", "preference-applied": RESPOND_ASYNC}
    return JSONResponse(told.model_dump(mode="json"), 202, headers)


async def _bring(service: Service, url: str | None, draft: "BlobDraft") -> tuple[bool, float | None]:
    """Whether the recording is in the draft by then, or is to be fetched when its turn comes; and its seconds."""
    if url is not None and not is_inline(url):
        return False, None
    if url is not None:
        with await operations.fetch(service, url) as inline:
            await asyncio.to_thread(shutil.copyfileobj, inline, cast(BinaryIO, draft))
    await asyncio.to_thread(draft.finish)
    with await asyncio.to_thread(draft.path.open, "rb") as recording:
        return True, await measure(service, recording)


def _webhook(fields: Mapping[str, Any], service: Service) -> "Webhook | None":
    """
    Raises:
        InvalidRequest: its URL or secret is malformed, or there is no secret.
        UrlNotAllowed: it leads to where this server does not go.
    """
    from speechd.store.audio_jobs.webhooks import Webhook

    form = WebhookForm.parse(dict(fields))
    own = service.settings.webhook_secret
    secret = form.webhook_secret or (own.get_secret_value() if own else "")
    if form.webhook_url is None:
        return None
    if not secret:
        raise InvalidRequest(
            "`webhook_secret` is required with `webhook_url`: this server has no SPEECHD_WEBHOOK_SECRET.",
            param="webhook_secret",
        )
    secret_bytes(secret)
    try:
        check_url(form.webhook_url, operations.fetch_limits(service.settings))
    except (InvalidRequest, UrlNotAllowed) as error:
        raise type(error)(error.message.replace("The url", "The `webhook_url`"), param="webhook_url") from None
    return Webhook(form.webhook_url.strip(), secret)


def _streamed(param: str) -> InvalidRequest:
    return InvalidRequest(f"`{param}` cannot be combined with `Prefer: {RESPOND_ASYNC}`.", param=param)
