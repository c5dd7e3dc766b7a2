"""The Files API: uploaded while it is read, listed, downloaded, deleted; each key sees its own."""

import asyncio
from typing import Annotated, BinaryIO, Literal, cast
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from speechd.api.dependencies import get_service, get_store_handle
from speechd.api.middleware.rate_limits import caller_of
from speechd.api.openapi.jobs import MISSING, download_operation, null_members, refusals, upload_operation
from speechd.api.request_body import open_form
from speechd.api.responses.file_stream import FileResponse
from speechd.dialects import Dialect
from speechd.errors import InvalidRequest
from speechd.schemas.batches import FileDeleted, FileForm, FileList, FileObject

NAMELESS = "upload"


def router(dialect: Dialect) -> APIRouter:
    """The file routes, answering in this dialect."""
    routes, nulls = APIRouter(tags=["Files"]), null_members(dialect)

    @routes.post("/files", **upload_operation(dialect), **nulls)
    async def create_file(request: Request) -> FileObject:
        return await store_file(request, dialect)

    routes.get("/files", summary="List files.", responses=refusals(), **nulls)(list_files)
    routes.get("/files/{file_id}", summary="Describe a file.", responses=refusals(MISSING), **nulls)(get_file)
    routes.delete("/files/{file_id}", summary="Delete a file.", responses=refusals(MISSING))(delete_file)
    routes.get("/files/{file_id}/content", **download_operation())(get_content)
    return routes


async def store_file(request: Request, dialect: Dialect) -> FileObject:
    """
    Raises:
        InvalidRequest: there is no file in it, or a field is not valid.
        TooLarge, QuotaExceeded, StorageUnavailable: there is no room for it.
    """
    files = (await get_store_handle(request).open()).files
    owner = caller_of(request)
    await files.check_room(owner)
    with await files.blobs.new_draft(owner) as draft:
        maximum = get_service(request).settings.max_upload_bytes
        async with open_form(request, maximum, into=cast(BinaryIO, draft)) as body:
            form = FileForm.parse(body.fields)
            form.check_purpose(dialect)
            if body.file is None:
                raise InvalidRequest(
                    "`file` is required: send it as a part of a multipart/form-data body.", param="file"
                )
            lifetime = form.expires_after.seconds if form.expires_after else None
            name = body.filename or NAMELESS
            stored = await files.keep(draft, owner, name, form.purpose, lifetime)
    return FileObject.model_validate(stored.as_object())


async def list_files(
    request: Request,
    after: Annotated[str, Query(max_length=100, description="Id of the file after which the page begins.")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000, description="Maximum files of the page.")] = 10_000,
    order: Annotated[Literal["asc", "desc"], Query(description="By age; `desc`: the newest first.")] = "desc",
    purpose: Annotated[str, Query(max_length=32, description="Only files of this purpose.")] = "",
) -> FileList:
    files = (await get_store_handle(request).open()).files
    page = await files.list(caller_of(request), after=after, limit=limit, order=order, purpose=purpose)
    data = [FileObject.model_validate(file.as_object()) for file in page.rows]
    return FileList.of(data, page.has_more)


async def get_file(file_id: str, request: Request) -> FileObject:
    """
    Raises:
        FileNotFound: there is none, or it is another's.
    """
    files = (await get_store_handle(request).open()).files
    return FileObject.model_validate((await files.get(caller_of(request), file_id)).as_object())


async def delete_file(file_id: str, request: Request) -> FileDeleted:
    """A batch that uses it continues.

    Raises:
        FileNotFound: there is none, or it is another's.
    """
    await (await get_store_handle(request).open()).files.delete(caller_of(request), file_id)
    return FileDeleted(id=file_id)


async def get_content(file_id: str, request: Request) -> Response:
    """
    Raises:
        FileNotFound: there is none, or it is another's.
    """
    files = (await get_store_handle(request).open()).files
    stored = await files.get(caller_of(request), file_id)
    content = await asyncio.to_thread(files.blobs.open, stored.blob)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(stored.filename, safe='')}"}
    return FileResponse(content, stored.bytes, "application/octet-stream", headers)
