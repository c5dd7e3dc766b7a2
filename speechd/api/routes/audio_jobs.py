"""GET, events, cancel and DELETE of asynchronous audio jobs. Each key sees its own."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Annotated, cast
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request, Response

from speechd.api.dependencies import get_store_handle
from speechd.api.errors import error_response
from speechd.api.lifecycle.draining import Draining
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.openapi.jobs import MISSING, events_operation, input_operation, refusals, result_operation
from speechd.api.responses.file_stream import FileResponse
from speechd.api.responses.job_events import EventPosition, JobEventStream, JobFollower, JobStreams
from speechd.api.responses.ranges import requested_range
from speechd.api.responses.recording_types import UNKNOWN_TYPE
from speechd.errors import FileNotFound, RangeNotSatisfiable, ResultNotReady
from speechd.schemas.audio_jobs import AudioJobDeleted, AudioJobList, AudioJobObject
from speechd.schemas.transcription import ErrorDetail
from speechd.store.audio_jobs.view import to_response
from speechd.store.store import Store

WAITING = ("queued", "running")
ASK_AGAIN = 2.0
"""Seconds after which a job that runs may have ended."""

router = APIRouter(tags=["Audio"])


@router.get("/audio/jobs", summary="List audio jobs.", responses=refusals())
async def list_jobs(
    request: Request,
    after: Annotated[str, Query(max_length=100, description="Id of the job after which the page begins.")] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="Maximum jobs of the page.")] = 20,
) -> AudioJobList:
    store = await _open_store(request)
    page = await store.audio.list(caller_of(request), after=after, limit=limit)
    data = [await to_response(job, store.files.blobs, whole=False) for job in page.rows]
    return AudioJobList.of(data, page.has_more)


@router.get("/audio/jobs/{job_id}", summary="Describe an audio job, with its result.", responses=refusals(MISSING))
async def get_job(job_id: str, request: Request) -> AudioJobObject:
    """
    Raises:
        AudioJobNotFound: there is none, or it is another's.
    """
    store = await _open_store(request)
    job = await to_response(await store.audio.get(caller_of(request), job_id), store.files.blobs)
    faults = get_store_handle(request).faults
    if job.status in WAITING and faults:
        in_the_way = next(iter(faults.values())).envelope()["error"]
        return job.model_copy(update={"waiting_for": ErrorDetail.model_validate(in_the_way)})
    return job


@router.get("/audio/jobs/{job_id}/result", **result_operation())
async def get_result(job_id: str, request: Request) -> Response:
    """The answer of the synchronous request. For a failed job it is the error.

    Raises:
        AudioJobNotFound: there is none, or it is another's.
        ResultNotReady: it has not ended, or has expired.
    """
    store = await _open_store(request)
    job = await store.audio.get(caller_of(request), job_id)
    if job.blob is not None:
        blobs = store.files.blobs
        content = await asyncio.to_thread(blobs.open, job.blob)
        size = (await asyncio.to_thread(blobs.path(job.blob).stat)).st_size
        return FileResponse(content, size, job.media_type or "", json.loads(job.headers or "{}"))
    if job.response is not None and job.status_code is not None:
        return Response(job.response, job.status_code, media_type="application/json")
    waiting = job.status in WAITING
    message = f"The audio job is {job.status}." + (" Its result is available when it is completed." if waiting else "")
    raise ResultNotReady(message, retry_after=ASK_AGAIN if waiting else None)


@router.get("/audio/jobs/{job_id}/events", **events_operation())
async def get_events(
    job_id: str,
    request: Request,
    last_event_id: Annotated[str, Header(max_length=100, description="Id of the last event that was received.")] = "",
) -> Response:
    """
    Raises:
        AudioJobNotFound: there is none, or it is another's.
        Overloaded: too many streams are open.
    """
    store, caller = await _open_store(request), caller_of(request)
    await store.audio.get(caller, job_id)
    draining = cast(Draining, request.app.state.draining)
    follower = JobFollower(
        store, caller, job_id, EventPosition.after(last_event_id), leaves=lambda: draining.state != "serving"
    )
    async with AsyncExitStack() as resources:
        resources.enter_context(cast(JobStreams, request.app.state.job_streams).counted(caller))
        return JobEventStream(follower.events(), resources.pop_all(), {})


@router.get("/audio/jobs/{job_id}/input", **input_operation())
async def get_input(job_id: str, request: Request) -> Response:
    """The recording of a job. It is kept as long as the job.

    Raises:
        AudioJobNotFound: there is none, or it is another's.
        FileNotFound: the job has no recording here.
    """
    store = await _open_store(request)
    job = await store.audio.get(caller_of(request), job_id)
    if job.input_blob is None:
        raise FileNotFound(
            "This job has no recording here: its request named a `url`, or was a text to speak.", param="job_id"
        )
    blobs, etag = store.files.blobs, f'"{job.input_blob}"'
    size = (await asyncio.to_thread(blobs.path(job.input_blob).stat)).st_size
    try:
        part = requested_range(request.headers, size, etag)
    except RangeNotSatisfiable as error:
        reply = error_response(error)
        reply.headers["content-range"] = f"bytes */{size}"
        return reply
    content = await asyncio.to_thread(blobs.open, job.input_blob)
    name = f"; filename*=UTF-8''{quote(job.input_name, safe='')}" if job.input_name else ""
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=3600",
        "content-disposition": f"inline{name}",
        "etag": etag,
        "x-content-type-options": "nosniff",
    }
    return FileResponse(content, size, job.input_type or UNKNOWN_TYPE, headers, part)


@router.post("/audio/jobs/{job_id}/cancel", summary="Cancel an audio job.", responses=refusals(MISSING))
async def cancel_job(job_id: str, request: Request) -> AudioJobObject:
    """A job that has ended does not change.

    Raises:
        AudioJobNotFound: there is none, or it is another's.
    """
    store = await _open_store(request)
    return await to_response(await store.audio.cancel(caller_of(request), job_id), store.files.blobs)


@router.delete("/audio/jobs/{job_id}", summary="Delete an audio job and its result.", responses=refusals(MISSING))
async def delete_job(job_id: str, request: Request) -> AudioJobDeleted:
    """A running job stops. A webhook that is not delivered yet is not sent.

    Raises:
        AudioJobNotFound: there is none, or it is another's.
    """
    await (await _open_store(request)).audio.delete(caller_of(request), job_id)
    return AudioJobDeleted(id=job_id)


async def _open_store(request: Request) -> Store:
    return await get_store_handle(request).open()
