"""A caller's file as a descriptor that a decoding process may be given: to read, and nothing else."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

COPIED: Final = 1 << 20
"""Bytes at once."""


@contextlib.contextmanager
def read_only(file: BinaryIO) -> Iterator[int]:
    """A descriptor of the file's bytes; closed afterwards.

    Args:
        file: seekable. One that is in memory is copied, and its position moves; every other one stays as it is.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with contextlib.ExitStack() as stack:
        descriptor = _descriptor_of(file)
        if descriptor is None:
            descriptor = stack.enter_context(_copied(file)).fileno()
        reopened = _reopened(descriptor)
        try:
            yield reopened
        finally:
            os.close(reopened)


def _descriptor_of(file: BinaryIO) -> int | None:
    """None for a file in memory."""
    if isinstance(file, tempfile.SpooledTemporaryFile) and file.name is None:
        return None  # its fileno() would write it to the disk
    try:
        descriptor = file.fileno()
    except (OSError, AttributeError):
        return None
    if file.writable():
        file.flush()
    return descriptor


def _copied(file: BinaryIO) -> BinaryIO:
    copy = open(os.memfd_create("recording"), "wb") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()  # noqa: SIM115, PTH123
    try:
        file.seek(0)
        shutil.copyfileobj(file, copy, COPIED)
        copy.flush()
    except BaseException:
        copy.close()
        raise
    return cast(BinaryIO, copy)


def _reopened(descriptor: int) -> int:
    """The same file without the right to write, where the system has such names for descriptors."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    except OSError:
        return os.dup(descriptor)
