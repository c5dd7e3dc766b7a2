"""What a decoding is given of the caller's file."""

import io
import os
import tempfile
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from speechd.audio.isolation.descriptors import read_only

BYTES = b"recording" * 1000


def content(descriptor: int) -> bytes:
    return os.pread(descriptor, 1 << 20, 0)


def test_a_file_on_disk_is_read_not_written_and_its_position_stays(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w+b") as file:
        file.write(BYTES)  # still in Python's buffer
        with read_only(file) as descriptor:
            assert content(descriptor) == BYTES
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(descriptor, b"x")
            os.lseek(descriptor, 0, os.SEEK_SET)
        assert file.tell() == len(BYTES)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_deleted_file_is_still_there() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(BYTES)
        with read_only(cast(BinaryIO, file)) as descriptor:
            assert content(descriptor) == BYTES


def test_a_file_in_memory_is_copied() -> None:
    file = io.BytesIO(BYTES)
    file.seek(100)
    with read_only(file) as descriptor:
        assert content(descriptor) == BYTES


def test_a_small_upload_does_not_go_to_the_disk() -> None:
    with tempfile.SpooledTemporaryFile(max_size=1 << 20) as file:
        file.write(BYTES)
        with read_only(cast(BinaryIO, file)) as descriptor:
            assert content(descriptor) == BYTES
        assert file.name is None


def test_a_large_upload_is_read_from_the_disk() -> None:
    with tempfile.SpooledTemporaryFile(max_size=1) as file:
        file.write(BYTES)
        with read_only(cast(BinaryIO, file)) as descriptor:
            assert content(descriptor) == BYTES
