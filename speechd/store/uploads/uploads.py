"""Files that arrive in parts: each part is a content of its own until the upload ends.

Uploads of others are not found.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

from sqlalchemy import and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.errors import FileNotFound, InvalidRequest, StorageUnavailable, TooLarge, UploadNotFound
from speechd.ids import new_id
from speechd.store.blobs.folder import BlobDraft
from speechd.store.database import Database
from speechd.store.files import MAX_PER_PAGE, Files, StoredFile, text
from speechd.store.tables import upload_parts, uploads
from speechd.store.uploads.records import (
    MAX_PARTS_BYTES,
    MAX_UPLOAD_PARTS,
    UPLOAD_SECONDS,
    StoredPart,
    StoredUpload,
    UploadOrder,
)

REMEMBERED_SECONDS = 86_400
"""Seconds after its expiry for which an upload is remembered, however it ended."""
PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """An upload that has become a file."""

    upload: StoredUpload
    file: StoredFile | None
    """None where it was deleted since."""


class Uploads:
    """The uploads of one database."""

    def __init__(self, database: Database, files: Files) -> None:
        self._database = database
        self._files = files

    async def create(self, order: UploadOrder) -> StoredUpload:
        """
        Raises:
            QuotaExceeded: there is no room for so many bytes.
        """
        now = int(self._database.now())
        upload = StoredUpload(
            id=new_id("upload"),
            owner=order.owner,
            filename=order.filename.replace("\0", ""),
            purpose=order.purpose,
            bytes=order.bytes,
            status="pending",
            lifetime=order.lifetime,
            created_at=now,
            expires_at=now + UPLOAD_SECONDS,
            part_ids=None,
            file_id=None,
        )
        async with self._database.writing() as connection:
            await self._files.blobs.check_room(connection, order.owner, order.bytes)
            await connection.execute(insert(uploads), [_row(upload)])
        return upload

    async def check_open(self, owner: str, id: str) -> None:
        """Call it before a part is read.

        Raises:
            UploadNotFound: there is none of that name for this owner.
            InvalidRequest: no part can be added to it.
            QuotaExceeded: the owner's share of the space is used up.
        """
        async with self._database.reading() as connection:
            _must_be_pending(await self._find(connection, owner, id))
            await self._files.blobs.check_room(connection, owner)

    async def add(self, owner: str, id: str, draft: BlobDraft) -> StoredPart:
        """Adds a part.

        Raises:
            UploadNotFound: there is none of that name for this owner.
            InvalidRequest: no part can be added to it.
            TooLarge: its parts would take more than an upload may.
            QuotaExceeded, StorageUnavailable: there is no room.
        """
        async with self._database.writing() as connection:
            _must_be_pending(await self._find(connection, owner, id, lock=True))
            await self._check_parts(connection, id, draft.bytes)
            part = StoredPart(
                id=new_id("part"),
                upload=id,
                owner=owner,
                bytes=draft.bytes,
                created_at=int(self._database.now()),
                blob=await self._files.blobs.keep(connection, draft),
            )
            await connection.execute(insert(upload_parts), [_row(part)])
        return part

    async def complete(self, owner: str, id: str, part_ids: Sequence[str], md5: str = "") -> CompletedUpload:
        """Makes a file of the parts, in this order. The same call again gives the same file.

        Args:
            md5: of the file, hexadecimal; "" where it is not to be checked.

        Raises:
            UploadNotFound: there is none of that name for this owner.
            InvalidRequest: it is no longer pending, has no such parts, or they are not what was announced.
            QuotaExceeded, StorageUnavailable: there is no room; nothing has changed.
        """
        async with self._database.reading() as connection:
            upload = await self._find(connection, owner, id)
            if upload.status == "pending":
                parts = await self._chosen(connection, upload, part_ids)
        if upload.status != "pending":
            return await self._again(upload, part_ids)
        replaced = sum({part.blob: part.bytes for part in parts}.values())
        with await self._files.blobs.new_draft(owner, replaced) as draft:
            try:
                await self._join(draft, parts, md5.strip().lower())
            except StorageUnavailable:
                async with self._database.writing() as connection:  # waits for a call that ends it now
                    current = await self._find(connection, owner, id, lock=True)
                if current.status == "pending":
                    raise
                return await self._again(current, part_ids)
            return await self._finish(upload, part_ids, draft)

    async def cancel(self, owner: str, id: str) -> StoredUpload:
        """Ends an upload; its parts are deleted.

        Raises:
            UploadNotFound: there is none of that name for this owner.
            InvalidRequest: it is completed or has expired.
        """
        async with self._database.writing() as connection:
            upload = await self._find(connection, owner, id, lock=True)
            if upload.status == "cancelled":
                return upload
            _must_be_pending(upload)
            await connection.execute(update(uploads).where(uploads.c.id == id).values(status="cancelled"))
            await self._files.blobs.release(connection, await _drop_parts(connection, [id]))
        return replace(upload, status="cancelled")

    async def forget_expired(self) -> int:
        """Deletes the parts of expired uploads, and uploads that ended long ago. Returns how many were changed."""
        now = int(self._database.now())
        expired = and_(uploads.c.status == "pending", uploads.c.expires_at <= now)
        old = and_(uploads.c.status != "pending", uploads.c.expires_at <= now - REMEMBERED_SECONDS)
        async with self._database.reading() as connection:
            over = list(await connection.scalars(select(uploads.c.id).where(expired).limit(MAX_PER_PAGE)))
            forgotten = list(await connection.scalars(select(uploads.c.id).where(old).limit(MAX_PER_PAGE)))
        if not over and not forgotten:
            return 0
        async with self._database.writing() as connection:
            ends = update(uploads).where(uploads.c.id.in_(over), expired).values(status="expired")
            ended = list(await connection.scalars(ends.returning(uploads.c.id)))
            await connection.execute(delete(uploads).where(uploads.c.id.in_(forgotten)))
            await self._files.blobs.release(connection, await _drop_parts(connection, ended))
        return len(over) + len(forgotten)

    async def _find(self, connection: AsyncConnection, owner: str, id: str, *, lock: bool = False) -> StoredUpload:
        wanted = select(uploads).where(uploads.c.owner == owner, uploads.c.id == text(id))
        row = (await connection.execute(wanted.with_for_update() if lock else wanted)).first()
        if row is None:
            raise UploadNotFound(
                f"There is no upload `{id[:100]}`, or you do not have access to it.", param="upload_id"
            )
        upload = StoredUpload(**row._mapping)
        over = upload.status == "pending" and upload.expires_at <= self._database.now()
        return replace(upload, status="expired") if over else upload

    async def _check_parts(self, connection: AsyncConnection, id: str, size: int) -> None:
        totals = select(func.count(), func.sum(upload_parts.c.bytes)).where(upload_parts.c.upload == id)
        count, stored = (await connection.execute(totals)).one()
        if count >= MAX_UPLOAD_PARTS:
            raise InvalidRequest(f"The upload has {count} parts; more are not accepted.", param="upload_id")
        if int(stored or 0) + size > MAX_PARTS_BYTES:
            raise TooLarge(f"The parts of the upload take more than {MAX_PARTS_BYTES} bytes.", param="data")

    async def _chosen(
        self, connection: AsyncConnection, upload: StoredUpload, part_ids: Sequence[str]
    ) -> list[StoredPart]:
        """The parts of the file, in order.

        Raises:
            InvalidRequest: one of them is not there or is named twice, or they are not as long as was announced.
        """
        rows = await connection.execute(select(upload_parts).where(upload_parts.c.upload == upload.id))
        stored = {row.id: StoredPart(**row._mapping) for row in rows}
        unknown = next((id for id in part_ids if id not in stored), None)
        if unknown is not None:
            raise InvalidRequest(f"The upload has no part `{unknown[:100]}`.", param="part_ids")
        if len(set(part_ids)) < len(part_ids):
            raise InvalidRequest("A part is named more than once.", param="part_ids")
        parts = [stored[id] for id in part_ids]
        size = sum(part.bytes for part in parts)
        if size != upload.bytes:
            raise InvalidRequest(
                f"The parts have {size} bytes together, and the upload was created for {upload.bytes}.",
                param="part_ids",
            )
        return parts

    async def _again(self, upload: StoredUpload, part_ids: Sequence[str]) -> CompletedUpload:
        """The answer for a client that has not seen that it is completed.

        Raises:
            InvalidRequest: it ended otherwise.
        """
        if upload.status != "completed" or json.loads(upload.part_ids or "[]") != list(part_ids):
            _must_be_pending(upload)
        try:
            return CompletedUpload(upload, await self._files.get(upload.owner, upload.file_id or ""))
        except FileNotFound:
            return CompletedUpload(upload, None)

    async def _join(self, draft: BlobDraft, parts: Sequence[StoredPart], md5: str) -> None:
        """Writes the parts into a draft.

        Raises:
            InvalidRequest: the file has another checksum.
            StorageUnavailable: a part cannot be read, or there is no room.
        """
        checksum = hashlib.md5(usedforsecurity=False)
        for part in parts:
            await _to_the_end(lambda blob=part.blob: self._copy(blob, draft, checksum.update))  # type: ignore[misc]
        if md5 and checksum.hexdigest() != md5:
            raise InvalidRequest(f"The file has the MD5 {checksum.hexdigest()}, not the given one.", param="md5")

    def _copy(self, blob: str, draft: BlobDraft, note: Callable[[bytes], None]) -> None:
        with self._files.blobs.open(blob) as content:
            while piece := content.read(PIECE_BYTES):
                note(piece)
                draft.write(piece)

    async def _finish(self, upload: StoredUpload, part_ids: Sequence[str], draft: BlobDraft) -> CompletedUpload:
        async with self._database.writing() as connection:
            current = await self._find(connection, upload.owner, upload.id, lock=True)
            if current.status == "pending":
                return await self._enter(connection, upload, part_ids, draft)
        return await self._again(current, part_ids)

    async def _enter(
        self, connection: AsyncConnection, upload: StoredUpload, part_ids: Sequence[str], draft: BlobDraft
    ) -> CompletedUpload:
        freed = await _drop_parts(connection, [upload.id])
        named = (upload.owner, upload.filename, upload.purpose, upload.lifetime)
        file = await self._files.enter(connection, draft, *named, replaced=freed)
        completed = replace(upload, status="completed", part_ids=json.dumps(list(part_ids)), file_id=file.id)
        await connection.execute(update(uploads).where(uploads.c.id == upload.id).values(_row(completed)))
        await self._files.blobs.release(connection, freed)
        return CompletedUpload(completed, file)


def _must_be_pending(upload: StoredUpload) -> None:
    """
    Raises:
        InvalidRequest: it has ended.
    """
    if upload.status != "pending":
        has = "has expired" if upload.status == "expired" else f"is {upload.status} already"
        raise InvalidRequest(f"The upload `{upload.id}` {has}.", param="upload_id", code=f"upload_{upload.status}")


async def _drop_parts(connection: AsyncConnection, ids: Sequence[str]) -> set[str]:
    """Deletes the parts of these uploads; the digests of their contents."""
    gone = delete(upload_parts).where(upload_parts.c.upload.in_(ids)).returning(upload_parts.c.blob)
    return set(await connection.scalars(gone))


def _row(record: StoredUpload | StoredPart) -> dict[str, Any]:
    return dict(zip((field.name for field in fields(record)), astuple(record), strict=True))


async def _to_the_end(work: Callable[[], None]) -> None:
    """Runs in a thread. Who is cancelled waits for it, so that no draft is closed under it."""
    writing = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        raise
