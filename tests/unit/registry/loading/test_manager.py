"""What is in memory: shared loads, nothing unloaded in use, idle and least recently used go first."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from speechd.registry.catalog import UNKNOWN, Model
from speechd.registry.loading import manager as manager_module
from speechd.registry.loading.manager import ManagerLimits, ModelManager


@dataclass
class Toy:
    """A loaded model that remembers whether it was closed."""

    model: Model
    closed: bool = False

    async def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


@dataclass
class Shelf:
    """Models of sizes given, and everything that was ever loaded."""

    folder: Path
    loads: list[Toy] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    def model(self, name: str, size: int = 10) -> Model:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        (path / "model.bin").write_bytes(bytes(size))
        return replace(UNKNOWN, id=name, path=path)

    async def load(self, model: Model) -> Toy:
        await asyncio.sleep(0.01)
        if model.id in self.failing:
            raise RuntimeError("broken")
        self.loads.append(Toy(model))
        return self.loads[-1]

    def manager(self, **limits: float) -> ModelManager:
        return ModelManager(self.load, ManagerLimits(**limits))

    @property
    def open(self) -> list[str]:
        return sorted(toy.model.id for toy in self.loads if not toy.closed)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_all_who_ask_at_once_share_one_load(shelf: Shelf) -> None:
    manager, model = shelf.manager(), shelf.model("a")

    async def use() -> object:
        async with manager.use(model) as loaded:
            return loaded

    assert len(set(map(id, await asyncio.gather(*(use() for _ in range(20)))))) == 1
    await manager.close()
    assert len(shelf.loads) == 1
    assert shelf.open == []


async def test_a_failed_load_is_told_and_tried_again(shelf: Shelf) -> None:
    manager, model = shelf.manager(), shelf.model("a")
    shelf.failing = {"a"}
    with pytest.raises(RuntimeError, match="broken"):
        await manager.load(model)
    assert manager.list() == ()
    shelf.failing = set()
    await manager.load(model)
    assert shelf.open == ["a"]


async def test_an_idle_model_is_unloaded_after_its_keep_alive(shelf: Shelf) -> None:
    manager, model = shelf.manager(keep_alive=0.05), shelf.model("a")
    async with manager.use(model):
        await asyncio.sleep(0.1)
        assert shelf.open == ["a"], "it was in use"
        assert manager.list()[0].expires_in is None
    assert 0 < manager.list()[0].expires_in <= 0.05
    await until(lambda: shelf.open == [])
    assert manager.list() == ()


async def test_using_it_again_starts_the_keep_alive_anew(shelf: Shelf) -> None:
    manager, model = shelf.manager(keep_alive=0.2), shelf.model("a")
    for _ in range(6):
        await manager.load(model)
        await asyncio.sleep(0.05)
    assert len(shelf.loads) == 1


async def test_zero_unloads_at_once_and_minus_one_never(shelf: Shelf) -> None:
    at_once = shelf.manager(keep_alive=0)
    await at_once.load(shelf.model("a"))
    await until(lambda: shelf.open == [])
    never = shelf.manager(keep_alive=-1)
    await never.load(shelf.model("b"))
    await asyncio.sleep(0.05)
    assert shelf.open == ["b"]
    assert never.list()[0].expires_in is None


async def test_unloading_waits_for_who_uses_it(shelf: Shelf) -> None:
    manager, model = shelf.manager(), shelf.model("a")
    async with manager.use(model):
        unloading = asyncio.create_task(manager.unload("a"))
        await asyncio.sleep(0.05)
        assert not unloading.done()
        assert shelf.open == ["a"]
        async with manager.use(model):  # who comes meanwhile gets it anew
            assert len(shelf.loads) == 2
    assert await unloading
    assert shelf.open == ["a"]
    assert await manager.unload("a")
    assert shelf.open == []
    assert not await manager.unload("a")


async def test_the_least_recently_used_makes_room(shelf: Shelf) -> None:
    manager = shelf.manager(models=2)
    for name in ("a", "b", "a", "c"):
        await manager.load(shelf.model(name))
    assert shelf.open == ["a", "c"]


async def test_bytes_bound_too_but_one_model_always_fits(shelf: Shelf) -> None:
    manager = shelf.manager(bytes=100)
    for name, size in (("a", 60), ("b", 30), ("c", 40)):
        await manager.load(shelf.model(name, size))
    assert shelf.open == ["b", "c"]
    await manager.load(shelf.model("huge", 5000))
    assert shelf.open == ["huge"]


async def test_a_model_in_use_is_never_pushed_out(shelf: Shelf) -> None:
    manager = shelf.manager(models=1)
    async with manager.use(shelf.model("a")):
        other = asyncio.create_task(manager.load(shelf.model("b")))
        await asyncio.sleep(0.05)
        assert not other.done()
        assert shelf.open == ["a"]
    await asyncio.wait_for(other, 5)
    assert shelf.open == ["b"]


async def test_many_models_in_turn_through_little_room(shelf: Shelf) -> None:
    manager = shelf.manager(models=2, keep_alive=0)
    maximum = 0

    async def use(name: str) -> None:
        nonlocal maximum
        async with manager.use(shelf.model(name)) as toy:
            maximum = max(maximum, len({status.model.id for status in manager.list()}))
            await asyncio.sleep(0.002)
            assert not toy.closed

    await asyncio.wait_for(asyncio.gather(*(use(name) for name in "abcdabcdabcdaabb")), 20)
    await until(lambda: shelf.open == [])
    assert maximum <= 2


async def test_who_gives_up_while_it_loads_leaves_no_trace(shelf: Shelf) -> None:
    manager = shelf.manager(keep_alive=0.02)
    task = asyncio.create_task(manager.load(shelf.model("a")))
    await asyncio.sleep(0.002)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: manager.list() == () and shelf.open == [])


async def test_memory_is_given_back_when_all_are_idle(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    trims: list[int] = []
    monkeypatch.setattr(manager_module, "TRIM_SECONDS", 0.02)
    monkeypatch.setattr(manager_module, "trim_memory", lambda: trims.append(1))
    manager = shelf.manager()
    async with manager.use(shelf.model("a")):
        async with manager.use(shelf.model("b")):
            pass
        await asyncio.sleep(0.1)
        assert not trims, "another is in use"
    await until(lambda: trims == [1])
    await manager.close()


async def test_a_model_for_speakers_is_held_beside_the_only_recogniser_that_fits(shelf: Shelf) -> None:
    manager = shelf.manager(models=1)
    speakers = replace(shelf.model("campplus"), kind="speakers")
    async with asyncio.timeout(10), manager.use(speakers), manager.use(shelf.model("a")):
        assert shelf.open == ["a", "campplus"]
    await manager.load(shelf.model("b"))
    await until(lambda: shelf.open == ["b", "campplus"])
    await manager.close()
