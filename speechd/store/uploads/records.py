"""What is known of a file that arrives in parts."""

from dataclasses import dataclass
from typing import Any

from speechd.store.files import StoredFile

UPLOAD_SECONDS = 3600
"""Seconds after which an upload that is not completed expires, as OpenAI documents."""
MAX_PARTS_BYTES = 8 << 30
"""Of all parts of an upload together, as OpenAI documents; those that were sent again count too."""
MAX_UPLOAD_PARTS = 10_000
"""Of one upload."""


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """What a caller says of a file before it arrives."""

    owner: str
    filename: str
    purpose: str
    bytes: int
    lifetime: int | None = None
    """Seconds that the file is kept; None: the server's retention."""


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """One upload, as its owner sees it."""

    id: str
    owner: str
    filename: str
    purpose: str
    bytes: int
    """Intended size of the file."""
    status: str
    """pending, completed, cancelled or expired."""
    lifetime: int | None
    created_at: int
    """Unix seconds."""
    expires_at: int
    part_ids: str | None
    """Of a completed one: the parts' ids in order, as JSON."""
    file_id: str | None

    def as_object(self, file: StoredFile | None = None) -> dict[str, Any]:
        """The Upload object of OpenAI's API.

        Args:
            file: what a completed one became; None where it is not there (any more).
        """
        return {
            "id": self.id,
            "object": "upload",
            "bytes": self.bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": self.status,
            "file": file.as_object() if file else None,
        }


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part of an upload."""

    id: str
    upload: str
    owner: str
    bytes: int
    created_at: int
    """Unix seconds."""
    blob: str
    """Digest of its content."""

    def as_object(self) -> dict[str, Any]:
        """The UploadPart object of OpenAI's API."""
        return {"id": self.id, "object": "upload.part", "created_at": self.created_at, "upload_id": self.upload}
