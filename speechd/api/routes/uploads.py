"""The Uploads API: a file arrives in parts, one after the other or side by side; each key sees its own."""

from typing import TYPE_CHECKING, BinaryIO, cast

from fastapi import APIRouter, Request

from speechd.api.dependencies import get_service, get_store_handle
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.openapi.jobs import MISSING, TOO_LARGE, null_members, part_operation, refusals, with_json
from speechd.api.request_body import open_form
from speechd.api.request_body_json import read_text_request
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest, TooLarge
from speechd.schemas.uploads import CompleteUploadForm, CreateUploadForm, UploadObject, UploadPartObject

if TYPE_CHECKING:
    from speechd.store.uploads.uploads import Uploads

PART_FIELD = "data"
MAX_UPLOAD_BYTES = 8 << 30
"""Of one upload, as OpenAI documents; SPEECHD_MAX_UPLOAD_BYTES may allow less."""
MAX_PART_BYTES = 64 << 20
"""Of one part, as OpenAI documents."""


EXAMPLE_UPLOAD = {"purpose": "batch", "filename": "lines.jsonl", "bytes": 2048, "mime_type": "application/jsonl"}
EXAMPLE_PARTS = {"part_ids": ["part_1", "part_2"]}


def router(dialect: Dialect) -> APIRouter:
    """The upload routes, answering in this dialect."""
    routes, nulls = APIRouter(tags=["Uploads"]), null_members(dialect)

    @routes.post("/uploads", **with_json(CreateUploadForm, EXAMPLE_UPLOAD), responses=refusals(TOO_LARGE), **nulls)
    async def create_upload(request: Request) -> UploadObject:
        return await begin_upload(request, dialect)

    changed = {"responses": refusals(MISSING | TOO_LARGE), **nulls}
    routes.post("/uploads/{upload_id}/parts", **part_operation(PART_FIELD), **changed)(add_part)
    routes.post("/uploads/{upload_id}/complete", **with_json(CompleteUploadForm, EXAMPLE_PARTS), **changed)(
        complete_upload
    )
    routes.post("/uploads/{upload_id}/cancel", summary="Cancel an upload.", **changed)(cancel_upload)
    return routes


async def begin_upload(request: Request, dialect: Dialect) -> UploadObject:
    """
    Raises:
        InvalidRequest: a field is not valid.
        TooLarge, QuotaExceeded: it is announced larger than is accepted.
    """
    from speechd.store.uploads.records import UploadOrder

    settings = get_service(request).settings
    asked = await read_text_request(request, settings.json_limit)
    form = CreateUploadForm.parse(dict(asked.fields))
    form.check_purpose(dialect)
    maximum = min(MAX_UPLOAD_BYTES, settings.max_upload_bytes)
    if form.bytes > maximum:
        raise TooLarge(f"The file is larger than {maximum} bytes (SPEECHD_MAX_UPLOAD_BYTES).", param="bytes")
    lifetime = form.expires_after.seconds if form.expires_after else None
    order = UploadOrder(caller_of(request), form.filename, form.purpose, form.bytes, lifetime)
    return UploadObject.model_validate((await (await _uploads(request)).create(order)).as_object())


async def add_part(upload_id: str, request: Request) -> UploadPartObject:
    """
    Raises:
        UploadNotFound: there is none, or it is another's.
        InvalidRequest: there is no data, or the upload has ended.
        TooLarge, QuotaExceeded, StorageUnavailable: there is no room for it.
    """
    store, owner = await get_store_handle(request).open(), caller_of(request)
    await store.uploads.check_open(owner, upload_id)
    with await store.files.blobs.new_draft(owner) as draft:
        into = cast(BinaryIO, draft)
        async with open_form(request, MAX_PART_BYTES, into=into, file_field=PART_FIELD) as body:
            if body.file is None:
                raise InvalidRequest(
                    f"`{PART_FIELD}` is required: send it as a part of a multipart/form-data body.", param=PART_FIELD
                )
            part = await store.uploads.add(owner, upload_id, draft)
    return UploadPartObject.model_validate(part.as_object())


async def complete_upload(upload_id: str, request: Request) -> UploadObject:
    """
    Raises:
        UploadNotFound: there is none, or it is another's.
        InvalidRequest: the parts are not those of the file that was announced, or the upload has ended.
        QuotaExceeded, StorageUnavailable: there is no room for it.
    """
    asked = await read_text_request(request, get_service(request).settings.json_limit)
    form = CompleteUploadForm.parse(dict(asked.fields))
    completed = await (await _uploads(request)).complete(caller_of(request), upload_id, form.part_ids, form.md5)
    return UploadObject.model_validate(completed.upload.as_object(completed.file))


async def cancel_upload(upload_id: str, request: Request) -> UploadObject:
    """
    Raises:
        UploadNotFound: there is none, or it is another's.
        InvalidRequest: it is completed or has expired.
    """
    upload = await (await _uploads(request)).cancel(caller_of(request), upload_id)
    return UploadObject.model_validate(upload.as_object())


async def _uploads(request: Request) -> "Uploads":
    return (await get_store_handle(request).open()).uploads
