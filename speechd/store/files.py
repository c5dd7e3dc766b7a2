"""Files: contents with a name and an owner. Files of others are not found."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from sqlalchemy import Table, and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from speechd.errors import FileNotFound, InvalidRequest
from speechd.ids import new_id
from speechd.store.blobs.folder import BlobDraft, BlobFolder
from speechd.store.database import Database
from speechd.store.tables import files

SortOrder = Literal["asc", "desc"]
RECORDING_PURPOSES = ("user_data", "audio_output")
"""Of files that can be transcribed: those of callers, and speech that a job made."""
MAX_PER_PAGE = 1000
"""Expired files that are removed in one transaction."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file, as its owner sees it."""

    id: str
    owner: str
    filename: str
    purpose: str
    bytes: int
    created_at: int
    """Unix seconds."""
    expires_at: int | None
    """When it is deleted; None: never."""
    blob: str
    """Digest of its content."""

    def as_object(self) -> dict[str, Any]:
        """The File object of OpenAI's API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
        }


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some rows of a list, and whether more follow."""

    rows: Sequence[Any]
    has_more: bool


class Files:
    """The files of one database."""

    def __init__(self, database: Database, blobs: BlobFolder, lifetime: float) -> None:
        """
        Args:
            lifetime: default retention of a file in seconds; 0: for ever.
        """
        self._database = database
        self.blobs = blobs
        self._lifetime = lifetime

    async def check_room(self, owner: str) -> None:
        """Call it before an upload is read.

        Raises:
            QuotaExceeded: the owner's share of the space is used up.
        """
        async with self._database.reading() as connection:
            await self.blobs.check_room(connection, owner)

    async def keep(
        self, draft: BlobDraft, owner: str, filename: str, purpose: str, lifetime: float | None = None
    ) -> StoredFile:
        """Makes a file of a draft.

        Raises:
            QuotaExceeded, StorageUnavailable: there is no room.
        """
        async with self._database.writing() as connection:
            return await self.enter(connection, draft, owner, filename, purpose, lifetime)

    async def enter(
        self,
        connection: AsyncConnection,
        draft: BlobDraft,
        owner: str,
        filename: str,
        purpose: str,
        lifetime: float | None = None,
        replaced: Collection[str] = (),
    ) -> StoredFile:
        """The same in the caller's transaction.

        Args:
            replaced: see BlobFolder.keep.
        """
        created, kept = int(self._database.now()), self._lifetime if lifetime is None else lifetime
        digest = await self.blobs.keep(connection, draft, replaced)
        file = StoredFile(
            id=new_id("file"),
            owner=owner,
            filename=filename.replace("\0", ""),
            purpose=purpose,
            bytes=draft.bytes,
            created_at=created,
            expires_at=created + int(kept) if kept else None,
            blob=digest,
        )
        await connection.execute(insert(files), [{column.name: getattr(file, column.name) for column in files.columns}])
        return file

    async def get(self, owner: str, id: str) -> StoredFile:
        """
        Raises:
            FileNotFound: there is none of that name for this owner.
        """
        async with self._database.reading() as connection:
            row = (await connection.execute(select(files).where(self._visible(owner), files.c.id == text(id)))).first()
        if row is None:
            raise _not_found(id)
        return StoredFile(**row._mapping)

    async def open_recording(self, owner: str, id: str) -> BinaryIO:
        """The content of a file that may be a recording; the caller closes it.

        Raises:
            FileNotFound: there is none of that name for this owner.
            InvalidRequest: it was uploaded for another purpose.
            StorageUnavailable: it cannot be read.
        """
        file = await self.get(owner, id)
        if file.purpose not in RECORDING_PURPOSES:
            wanted = " or ".join(f"`{purpose}`" for purpose in RECORDING_PURPOSES)
            raise InvalidRequest(f"The purpose of the file is `{file.purpose}`, not {wanted}.", param="file_id")
        return self.blobs.open(file.blob)  # in no thread, which would leave it open if this is cancelled

    async def list(
        self, owner: str, *, after: str = "", limit: int = 1000, order: SortOrder = "desc", purpose: str = ""
    ) -> FilePage:
        """Some of an owner's files, the newest first.

        Args:
            after: id of the file after which the page begins.
        """
        wanted = self._visible(owner) if not purpose else and_(self._visible(owner), files.c.purpose == text(purpose))
        async with self._database.reading() as connection:
            page = await page_of(connection, files, wanted, after, limit, order)
        return FilePage([StoredFile(**row._mapping) for row in page.rows], page.has_more)

    async def delete(self, owner: str, id: str) -> None:
        """Deletes a file. Its content stays for the batches that use it.

        Raises:
            FileNotFound: there is none of that name for this owner.
        """
        async with self._database.writing() as connection:
            gone = delete(files).where(self._visible(owner), files.c.id == text(id)).returning(files.c.blob)
            blob = (await connection.execute(gone)).scalar()
            if blob is None:
                raise _not_found(id)
            await self.blobs.release(connection, {blob})

    async def forget_expired(self) -> int:
        """Removes expired files. Returns their number."""
        over = select(files.c.id).where(files.c.expires_at <= int(self._database.now())).limit(MAX_PER_PAGE)
        async with self._database.reading() as connection:
            ids = [row.id for row in await connection.execute(over)]
        if not ids:
            return 0
        async with self._database.writing() as connection:
            gone = await connection.execute(delete(files).where(files.c.id.in_(ids)).returning(files.c.blob))
            await self.blobs.release(connection, {row.blob for row in gone})
        return len(ids)

    def _visible(self, owner: str) -> Any:
        current = or_(files.c.expires_at.is_(None), files.c.expires_at > int(self._database.now()))
        return and_(files.c.owner == owner, current)


async def page_of(
    connection: AsyncConnection, table: Table, wanted: Any, after: str, limit: int, order: SortOrder
) -> FilePage:
    """Ids sort by time, so a position in the list is an id, also of a deleted row."""
    where = wanted
    if after:
        where = and_(wanted, table.c.id < text(after) if order == "desc" else table.c.id > text(after))
    sorting = table.c.id.desc() if order == "desc" else table.c.id.asc()
    rows = (await connection.execute(select(table).where(where).order_by(sorting).limit(limit + 1))).all()
    return FilePage(rows[:limit], len(rows) > limit)


def text(given: str) -> str:
    """A caller's text in a form that every database can compare: PostgreSQL knows no NUL."""
    return given.replace("\0", "\ufffd")


def _not_found(id: str) -> FileNotFound:
    return FileNotFound(f"There is no file `{id[:100]}`, or you do not have access to it.", param="file_id")
