"""Writing to a watched file is noticed, and nothing else is."""

import asyncio
import sys
from pathlib import Path

import pytest

from speechd.worker.file_changes import FileChanges

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is of Linux")


async def test_a_write_is_noticed_also_to_a_file_that_is_new(tmp_path: Path) -> None:
    changes = FileChanges(tmp_path, "speechd.db")
    with changes.watching() as watches:
        assert watches
        (tmp_path / "speechd.db-wal").write_text("1")
        async with asyncio.timeout(10):
            await changes.happened.wait()


async def test_other_files_are_not(tmp_path: Path) -> None:
    changes = FileChanges(tmp_path, "speechd.db")
    with changes.watching():
        (tmp_path / "keys.json").write_text("1")
        (tmp_path / "the.speechd.db").write_text("1")
        await asyncio.sleep(0.05)
        assert not changes.happened.is_set()


async def test_a_folder_that_is_not_there_is_not_watched(tmp_path: Path) -> None:
    with FileChanges(tmp_path / "gone", "speechd.db").watching() as watches:
        assert not watches
