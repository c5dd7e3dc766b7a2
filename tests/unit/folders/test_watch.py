"""Which files are complete, with a clock of our own; and real folders being followed."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path, PurePath

import pytest

from speechd.errors import CannotGoOn, InvalidRequest
from speechd.folders import watch
from speechd.folders.discover import FoundRecording, Selection
from speechd.folders.watch import PendingFiles, follow


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def recording(folder: Path, name: str, content: bytes = b"abc") -> FoundRecording:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return FoundRecording(path, PurePath(name))


def ready(waiting: PendingFiles, *busy: Path) -> list[str]:
    return [str(found.name) for found in waiting.ready(busy)]


def test_a_file_is_waited_for_until_it_is_still(tmp_path: Path) -> None:
    clock = Clock()
    waiting = PendingFiles(settle=2, clock=clock)
    growing = recording(tmp_path, "a.wav")
    os.utime(growing.path, (time.time() + 60,) * 2)  # whatever its time says
    waiting.note([growing])
    clock.now += 1.9
    assert ready(waiting) == []
    growing.path.write_bytes(b"abcdef")
    clock.now += 1.9
    assert ready(waiting) == [], "it has grown"
    clock.now += 1.9
    assert ready(waiting) == []
    clock.now += 0.2
    assert ready(waiting) == ["a.wav"]
    waiting.note([growing])
    clock.now += 10
    assert ready(waiting) == [], "it was given out as it is"


def test_what_was_written_long_ago_is_ready_at_once(tmp_path: Path) -> None:
    old = recording(tmp_path, "a.wav")
    os.utime(old.path, (1_000_000_000,) * 2)
    waiting = PendingFiles()
    waiting.note([old])
    assert ready(waiting) == ["a.wav"]


def test_a_changed_file_comes_again_but_not_while_it_is_in_work(tmp_path: Path) -> None:
    clock = Clock()
    waiting = PendingFiles(settle=0, clock=clock)
    changed = recording(tmp_path, "a.wav")
    waiting.note([changed])
    assert ready(waiting) == ["a.wav"]
    recording(tmp_path, "a.wav", b"other")
    waiting.note([changed])
    assert ready(waiting, changed.source) == []
    assert ready(waiting) == ["a.wav"]


def test_a_file_that_goes_away_is_forgotten(tmp_path: Path) -> None:
    waiting = PendingFiles(settle=0)
    gone = recording(tmp_path, "a.wav")
    waiting.note([gone])
    gone.path.unlink()
    assert ready(waiting) == []


async def test_a_folder_is_followed_from_what_is_there_to_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "TICK_MILLISECONDS", 50)
    followed, outside = tmp_path / "in", tmp_path / "out"
    recording(followed, "old.wav")
    recording(outside, "moved/b/c.flac")
    recording(outside, "moved/.hidden/d.flac")
    found: list[str] = []
    async with asyncio.timeout(60), aclosing(follow([followed], Selection(exclude=("no*",)), set())) as batches:
        async for batch in batches:
            new = [str(each.name) for each in batch]
            found += new
            if new == ["old.wav"]:
                recording(followed, "notes.txt")
                recording(followed, "no.wav")
                recording(followed, "sub/new.wav")
                (outside / "moved").rename(followed / "moved")
            if len(found) == 3:
                break
    assert sorted(found) == ["moved/b/c.flac", "old.wav", "sub/new.wav"]


async def test_only_folders_are_followed(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="--watch follows folders"):
        await anext(follow([recording(tmp_path, "a.wav").path], Selection(), set()))


async def test_a_system_that_cannot_watch_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refusing(*_: object, **__: object) -> AsyncIterator[set[object]]:
        raise OSError("OS file watch limit reached.")
        yield set()

    monkeypatch.setattr(watch, "awatch", refusing)
    with pytest.raises(CannotGoOn, match=r"limit reached.*WATCHFILES_FORCE_POLLING"):
        await anext(follow([tmp_path], Selection(), set()))
