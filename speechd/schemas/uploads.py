"""Schemas of files that arrive in parts."""

from typing import Literal

from pydantic import BaseModel, Field

from speechd.schemas.base import Form
from speechd.schemas.batches import FileForm, FileObject

MAX_NAME = 1000
"""Characters of a file's name."""
MAX_PART_IDS = 10_000


class CreateUploadForm(FileForm):
    """Create an upload, to which the file is added in parts."""

    bytes: int = Field(ge=1, description="Size of the whole file.")
    filename: str = Field(min_length=1, max_length=MAX_NAME, description="Name of the file.")
    mime_type: str = Field(min_length=1, max_length=200, description="Media type of the file; the content decides.")


class CompleteUploadForm(Form):
    """Make a file of the parts."""

    part_ids: list[str] = Field(min_length=1, max_length=MAX_PART_IDS, description="Ids of the parts, in order.")
    md5: str = Field("", pattern=r"^([0-9a-fA-F]{32})?$", description="MD5 of the file, which is then checked.")


class UploadObject(BaseModel):
    """An upload."""

    id: str = Field(description="What other requests name it by.")
    object: Literal["upload"] = Field("upload", description="Always `upload`.")
    bytes: int = Field(description="Intended size of the file.")
    created_at: int = Field(description="Unix time.")
    expires_at: int = Field(description="Unix time at which it expires, an hour after it was created.")
    filename: str = Field(description="Name of the file.")
    purpose: str = Field(description="Purpose of the file.")
    status: Literal["pending", "completed", "cancelled", "expired"] = Field(description="Status of the upload.")
    file: FileObject | None = Field(None, description="The file that a completed upload has become.")


class UploadPartObject(BaseModel):
    """A part of an upload."""

    id: str = Field(description="What the completion names it by.")
    object: Literal["upload.part"] = Field("upload.part", description="Always `upload.part`.")
    created_at: int = Field(description="Unix time.")
    upload_id: str = Field(description="Id of the upload.")
