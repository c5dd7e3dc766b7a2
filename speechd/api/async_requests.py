"""`Prefer: respond-async`: a request is read and validated as a synchronous one, and becomes a job."""

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from fastapi import Request, Response
from starlette.responses import JSONResponse

from speechd.api.dependencies import context_of, get_service, get_store_handle, open_stored_recording
from speechd.api.middleware.rate_limits import caller_of, check_audio, meter_of
from speechd.api.prefer import RESPOND_ASYNC
from speechd.api.request_body import open_form
from speechd.api.responses.recording_types import recording_type
from speechd.auth.meter import Estimate
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest, UrlNotAllowed
from speechd.net.fetch import check_url, is_inline
from speechd.net.webhook_signature import secret_bytes
from speechd.operations.charging import CHARACTERS_PER_SECOND
from speechd.operations.known_speakers import stored_fields
from speechd.operations.recording import fetch, fetch_limits, measure, require_one_source
from speechd.operations.speech import SpeechCall, check_speech
from speechd.operations.transcription import TranscriptionCall, check_transcription
from speechd.schemas.audio_jobs import WebhookForm
from speechd.schemas.recordings.recording import RecordingForm
from speechd.service import Service
from speechd.store.audio_jobs.records import AudioOrder, Webhook
from speechd.store.audio_jobs.view import to_response
from speechd.store.store import Store
from speechd.telemetry.tracing import current_traceparent

if TYPE_CHECKING:
    from speechd.store.blobs.folder import BlobDraft

APART = frozenset({"file", *WebhookForm.model_fields})
"""Parameters that are not stored with the others."""


async def accept_recording(request: Request, form_type: type[RecordingForm], dialect: Dialect) -> Response:
    """
    Raises:
        SpeechdError: whatever is wrong with the request, or too many are open.
    """
    check_audio(request)
    service, store = get_service(request), await get_store_handle(request).open()
    await store.audio.check_room(caller_of(request))
    async with AsyncExitStack() as resources:
        draft = resources.enter_context(await store.files.blobs.new_draft(caller_of(request)))
        limits = service.settings
        into, limit = cast(BinaryIO, draft), limits.max_upload_bytes
        body = await resources.enter_async_context(open_form(request, limit, into, limits.max_json_bytes))
        call = TranscriptionCall.parse(form_type, body.fields, context_of(request, dialect))
        form = call.form
        require_one_source(body.file, form.url, form.file_id)
        name = body.filename
        if form.file_id:
            name = (await store.files.get(caller_of(request), form.file_id)).filename
            with await open_stored_recording(request, form.file_id) as stored:
                await asyncio.to_thread(shutil.copyfileobj, stored, into)
        if call.streams:
            raise _streamed("stream")
        webhook = _webhook(body.fields, service)
        voices = await check_transcription(service, call.request(None))
        is_here, total = await _bring(service, form, draft)
        apart = APART | {"url", "file_id"} if is_here else APART
        order = AudioOrder(
            owner=call.context.caller,
            url=request.url.path,
            request_id=call.context.request_id,
            fields={name: value for name, value in stored_fields(body.fields, voices).items() if name not in apart},
            model=form.model,
            format=form.response_format,
            unit="seconds",
            total=total,
            webhook=webhook,
            traceparent=current_traceparent() or None,
            input_name=name if is_here else "",
            input_type=recording_type(name, body.media_type) if is_here else "",
        )
        return await _accepted(request, store, order, draft if is_here else None, dialect)


async def accept_speech(request: Request, dialect: Dialect, limit: int, headerless: bool) -> Response:
    """
    Args:
        limit: bytes of the longest body.
        headerless: the caller accepts mu-law without a header.

    Raises:
        SpeechdError: whatever is wrong with the request, or too many are open.
    """
    check_audio(request)
    service, store = get_service(request), await get_store_handle(request).open()
    await store.audio.check_room(caller_of(request))
    async with open_form(request, limit) as form:
        call = SpeechCall.parse(form.fields, context_of(request, dialect), headerless=headerless)
        if call.body.stream_format == "sse":
            raise _streamed("stream_format")
        webhook = _webhook(form.fields, service)
        await check_speech(service, call.request)
        order = AudioOrder(
            owner=call.context.caller,
            url=request.url.path,
            request_id=call.context.request_id,
            fields={name: value for name, value in form.fields.items() if name not in APART},
            model=call.body.model,
            format=call.options.format,
            unit="characters",
            total=len(call.body.input),
            webhook=webhook,
            traceparent=current_traceparent() or None,
        )
    return await _accepted(request, store, order, None, dialect)


def refuse_webhook(fields: Mapping[str, Any]) -> None:
    """
    Raises:
        InvalidRequest: a synchronous request has a webhook.
    """
    if fields.get("webhook_url"):
        raise InvalidRequest(
            f"`webhook_url` needs an asynchronous request. Send the header `Prefer: {RESPOND_ASYNC}` too.",
            param="webhook_url",
        )


async def _accepted(
    request: Request, store: Store, order: AudioOrder, recording: "BlobDraft | None", dialect: Dialect
) -> Response:
    with await _reserve(request, store, order):  # until the job is there, and counts as open itself
        job = await store.audio.create(order, recording)
    get_store_handle(request).tasks_available.set()
    told = await to_response(job, store.files.blobs)
    headers = {"location": f"{dialect.prefix}/audio/jobs/{job.id}", "preference-applied": RESPOND_ASYNC}
    return JSONResponse(told.model_dump(mode="json"), 202, headers)


async def _reserve(request: Request, store: Store, order: AudioOrder) -> AbstractContextManager[object]:
    """
    Raises:
        RateLimited: the caller's open jobs will use what is left of its limits on audio.
    """
    meter = meter_of(request)
    if meter is None or not meter.limits_audio:
        return nullcontext()
    amounts = await store.audio.open_amounts(order.owner)
    queued = sum(_seconds(unit, amount) for unit, amount in amounts.items())
    return meter.reserve_audio(Estimate(_seconds(order.unit, order.total or 0.0), exact=False), queued)


def _seconds(unit: str, amount: float) -> float:
    """What a job's length comes to in seconds of audio."""
    return amount if unit == "seconds" else amount / CHARACTERS_PER_SECOND


async def _bring(service: Service, form: RecordingForm, draft: "BlobDraft") -> tuple[bool, float | None]:
    """Whether the draft has the recording, or the job fetches it later, and the seconds to transcribe."""
    url = form.url
    if url is not None and not is_inline(url):
        return False, None
    if url is not None:
        with await fetch(service, url) as inline:
            await asyncio.to_thread(shutil.copyfileobj, inline, cast(BinaryIO, draft))
    await asyncio.to_thread(draft.finish)
    with await asyncio.to_thread(draft.path.open, "rb") as recording:
        return True, await measure(service, recording, form.clip)


def _webhook(fields: Mapping[str, Any], service: Service) -> Webhook | None:
    """
    Raises:
        InvalidRequest: its URL or secret is malformed, or there is no secret.
        UrlNotAllowed: it leads to an address that is not allowed.
    """
    form = WebhookForm.parse(dict(fields))
    own = service.settings.webhook_secret
    secret = form.webhook_secret or (own.get_secret_value() if own else "")
    if form.webhook_url is None:
        return None
    if not secret:
        raise InvalidRequest(
            "`webhook_secret` is required with `webhook_url`, because this server has no SPEECHD_WEBHOOK_SECRET.",
            param="webhook_secret",
        )
    secret_bytes(secret)
    try:
        check_url(form.webhook_url, fetch_limits(service.settings))
    except (InvalidRequest, UrlNotAllowed) as error:
        raise type(error)(error.message.replace("The url", "The `webhook_url`"), param="webhook_url") from None
    return Webhook(form.webhook_url.strip(), secret)


def _streamed(param: str) -> InvalidRequest:
    return InvalidRequest(f"`{param}` cannot be combined with `Prefer: {RESPOND_ASYNC}`.", param=param)
