"""Contents in the data folder, each stored once under its SHA-256, as long as something refers to it."""

import asyncio
import hashlib
import os
import secrets
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from sqlalchemy import delete, exists, func, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.errors import StorageUnavailable
from speechd.store.blobs.quota import StorageLimits, StorageQuota
from speechd.store.errors import storage_errors
from speechd.store.tables import audio_jobs, batches, blobs, files, lines, upload_parts

REFERRING = (files, batches, lines, audio_jobs, upload_parts)
"""The tables whose `blob` keeps a content."""
UNLIMITED = StorageLimits()
ABANDONED_SECONDS = 3600.0
"""Seconds without a change after which a draft, or a content without a row, belongs to a dead process."""

# Locks the row also where it exists: a process that deletes the content waits, or has finished before.
_ENTER = text(
    "INSERT INTO blobs (digest, bytes) VALUES (:digest, :bytes)"
    " ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes"
)


_UNUSED = [~exists().where(table.c.blob == blobs.c.digest) for table in REFERRING]
"""Nothing refers to a content."""


class BlobDraft:
    """A content that is being written. It is deleted at the end of the context if it was not kept."""

    def __init__(self, folder: Path, quota: StorageQuota, owner: str, replaced: int) -> None:
        """
        Args:
            replaced: see BlobFolder.draft.

        Raises:
            StorageUnavailable: no file can be written to the folder.
        """
        self.bytes = 0
        self.owner = owner
        self._quota = quota
        self._reserved = 0
        self._replaced = replaced
        self._hash = hashlib.sha256()
        self.path = folder / secrets.token_hex(16)
        with storage_errors():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self.path.open("xb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the disk may have no room for the buffer
            self._file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.settle()

    def write(self, data: bytes) -> int:
        """
        Raises:
            QuotaExceeded: there is no room for it by the settings.
            StorageUnavailable: there is none on the disk.
        """
        with storage_errors():
            replaced = min(len(data), self._replaced)
            self._quota.reserve(len(data) - replaced, self.owner, replaced)
            self._replaced -= replaced
            self._reserved += len(data) - replaced
            self._hash.update(data)
            self.bytes += len(data)
            return self._file.write(data)

    def settle(self) -> None:
        """It counts as a draft no more: it is a content by now, or gone."""
        self._quota.release(self._reserved, self.owner)
        self._reserved = 0

    def seek(self, position: int) -> int:
        """Does nothing: a draft is only written."""
        return position

    def finish(self) -> str:
        """Syncs it to the disk and returns its digest.

        Raises:
            StorageUnavailable: there is no room for it.
        """
        with storage_errors():
            self._file.flush()
            os.fsync(self._file.fileno())
        return self._hash.hexdigest()


class BlobFolder:
    """The contents on the disk, and their rows in the database."""

    def __init__(self, folder: Path, limits: StorageLimits = UNLIMITED) -> None:
        """
        Args:
            folder: made when it is first needed.
        """
        self._folder = folder
        self._drafts = folder / "drafts"
        self._quota = StorageQuota(folder, limits)

    def draft(self, owner: str = "", replaced: int = 0) -> BlobDraft:
        """
        Args:
            owner: who must have room for it in its share. What this server makes has none: a result that has to wait
                for room would hold up those of others.
            replaced: bytes of contents in whose place it comes, and which count as long as it is a draft.

        Raises:
            StorageUnavailable: no file can be written to the folder.
        """
        return BlobDraft(self._drafts, self._quota, owner, replaced)

    async def new_draft(self, owner: str = "", replaced: int = 0) -> BlobDraft:
        """See draft; made in a thread. Who is cancelled meanwhile leaves none behind."""
        making = asyncio.ensure_future(asyncio.to_thread(self.draft, owner, replaced))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            with suppress(StorageUnavailable), await making:
                pass
            raise

    async def check_room(self, connection: AsyncConnection, owner: str, size: int = 1) -> None:
        """Looks up how much an owner keeps; its next draft is refused as soon as it is too large beside that.

        Args:
            size: bytes that will come at least.

        Raises:
            QuotaExceeded: they are more than is left of the owner's share, or than all files may take.
        """
        stored = await _bytes_of(connection, owner)
        self._quota.know_owner(owner, stored)
        if not self._quota.allows(size):
            raise self._quota.exceeded()
        if not self._quota.allows_owner(owner, stored + size):
            raise self._quota.share_exceeded()

    def path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def open(self, digest: str) -> BinaryIO:
        """
        Raises:
            StorageUnavailable: it cannot be read.
        """
        with storage_errors():
            return self.path(digest).open("rb")

    async def keep(self, connection: AsyncConnection, draft: BlobDraft, replaced: Collection[str] = ()) -> str:
        """Makes a draft a content and returns its digest. A row must refer to it by the end of the transaction.

        Args:
            replaced: contents that are released in the same transaction, and to which no row refers now.

        Raises:
            QuotaExceeded: there is no room for it by the settings.
            StorageUnavailable: there is none on the disk.
        """
        digest = await asyncio.to_thread(draft.finish)
        await connection.execute(_ENTER, {"digest": digest, "bytes": draft.bytes})
        taken = int(await connection.scalar(select(func.sum(blobs.c.bytes))) or 0)
        if not self._quota.allows(taken - await _unused_bytes(connection, set(replaced) - {digest})):
            raise self._quota.exceeded()
        if draft.owner:
            await self._check_share(connection, draft.owner, digest)
        self._quota.know(taken)
        draft.settle()
        await asyncio.to_thread(self._place, draft.path, digest)
        return digest

    async def _check_share(self, connection: AsyncConnection, owner: str, new: str) -> None:
        stored = await _bytes_of(connection, owner, new)
        if not self._quota.allows_owner(owner, stored):
            raise self._quota.share_exceeded()
        self._quota.know_owner(owner, stored)

    async def release(self, connection: AsyncConnection, digests: Collection[str]) -> None:
        """Removes those of the contents to which nothing refers any more."""
        for digest in sorted(digests):  # in one order, to prevent a deadlock
            await connection.execute(select(blobs.c.digest).where(blobs.c.digest == digest).with_for_update())
            unused = delete(blobs).where(blobs.c.digest == digest, *_UNUSED)
            gone = (await connection.execute(unused.returning(blobs.c.bytes))).scalar()
            if gone is not None:
                self._quota.forget(gone)
                await asyncio.to_thread(self.path(digest).unlink, missing_ok=True)

    async def sweep(self, connection: AsyncConnection) -> int:
        """Removes files of processes that died. Returns their number."""
        stale = await asyncio.to_thread(self._untouched)
        names = [path.name for path in stale if path.parent != self._drafts]
        known = set((await connection.scalars(select(blobs.c.digest).where(blobs.c.digest.in_(names)))).all())
        abandoned = [path for path in stale if path.name not in known]
        for path in abandoned:
            await asyncio.to_thread(path.unlink, missing_ok=True)
        return len(abandoned)

    def _place(self, draft: Path, digest: str) -> None:
        path = self.path(digest)
        with storage_errors():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            if draft.exists() or not path.exists():  # else its transaction failed after this, and is tried again
                draft.replace(path)
            _sync(path.parent)

    def _untouched(self) -> list[Path]:
        before = time.time() - ABANDONED_SECONDS
        return [path for path in self._folder.glob("*/*") if _modified(path) < before]


async def _bytes_of(connection: AsyncConnection, owner: str, new: str = "") -> int:
    """Bytes of the contents that an owner keeps, each counted once.

    Args:
        new: digest of a content to which the owner is about to refer.
    """
    own = (select(each.c.blob).where(each.c.owner == owner, each.c.blob.is_not(None)) for each in REFERRING)
    kept = or_(blobs.c.digest.in_(union(*own)), blobs.c.digest == new)
    return int(await connection.scalar(select(func.sum(blobs.c.bytes)).where(kept)) or 0)


async def _unused_bytes(connection: AsyncConnection, digests: Collection[str]) -> int:
    """Bytes of those of the contents to which nothing refers."""
    if not digests:
        return 0
    unused = select(func.sum(blobs.c.bytes)).where(blobs.c.digest.in_(digests), *_UNUSED)
    return int(await connection.scalar(unused) or 0)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _sync(folder: Path) -> None:
    """The new name survives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
