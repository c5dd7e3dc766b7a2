"""Recordings on actors that are in this process: chunks, and actors that die."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from speechd.cluster import folders
from speechd.cluster.actors import Answer, RemoteRecording, TranscriberActor
from speechd.cluster.folders import CHUNK_FILES, ClusterRecogniser, PendingRecording
from speechd.errors import CannotGoOn, ModelNotInstalled, Overloaded
from speechd.folders.discover import find_recordings
from speechd.folders.output_dirs import OutputDirs
from speechd.folders.run import FolderRun
from speechd.folders.transcriber import Local
from speechd.operations import TranscriptionRequest
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.types import Segment, TranscribeOptions, Transcript
from tests.unit.folders.test_run import OPTIONS, WANTED, Notes, sound


class RayError(Exception):
    """As Ray's: something of the cluster failed."""


class RayTaskError(RayError):
    """As Ray's: the code of the actor raised."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class ActorUnavailableError(RayError):
    """As Ray's: the actor is being started again."""


RAY = SimpleNamespace(
    exceptions=SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, ActorUnavailableError=ActorUnavailableError
    )
)


@dataclass
class LocalHandle:
    """An actor in this process, behind what a handle of Ray's has."""

    actor: TranscriberActor
    chunks: list[list[RemoteRecording]] = field(default_factory=list)
    dies_in: list[int] = field(default_factory=list)
    """Numbers of the chunks, from 0, in which it dies after one answer."""
    busy_in: list[int] = field(default_factory=list)
    """Numbers of the chunks that it refuses."""

    def __getattr__(self, name: str) -> Any:
        if name == "transcribe":
            return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self._transcribe))
        return SimpleNamespace(remote=lambda *words: self._call(name, *words))

    async def _call(self, name: str, *words: Any) -> Any:
        try:
            return await getattr(self.actor, name)(*words)
        except Exception as error:
            raise RayTaskError(error) from error

    async def _transcribe(self, chunk: list[RemoteRecording]) -> AsyncIterator[Any]:
        self.chunks.append(chunk)
        if len(self.chunks) - 1 in self.busy_in:
            busy = Overloaded("The machine is too busy.", retry_after=0)
            yield _done([Answer(number, busy, "whisper-pocket") for number in range(len(chunk))])
            return
        dies = len(self.chunks) - 1 in self.dies_in
        async for answers in self.actor.transcribe(chunk):
            yield _done(answers)
            if dies:
                raise RayError("The actor died.")


def _done(value: Any) -> "asyncio.Future[Any]":
    future = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


@pytest.fixture
def handle(settings: Settings) -> LocalHandle:
    return LocalHandle(TranscriberActor(lambda _: Local(Service(settings, lambda *_: FakeAsr()))))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "RESTART_SECONDS", 0.01)


@asynccontextmanager
async def cluster(*handles: LocalHandle, options: TranscribeOptions = OPTIONS) -> AsyncIterator[ClusterRecogniser]:
    async with ClusterRecogniser(RAY, handles, "whisper-pocket", options).started() as recogniser:
        yield recogniser
    for handle in handles:
        if handle.actor._local is not None:
            await handle.actor._local.service.close()


async def run(tmp_path: Path, recogniser: ClusterRecogniser) -> FolderRun:
    folder_run = FolderRun(WANTED, recogniser, Notes())
    with ExitStack() as owned:
        places = OutputDirs(tmp_path / "out", only_look=False, owned=owned)
        items = folder_run.sorted_out(places.items(find_recordings([tmp_path / "in"])))

        async def once() -> AsyncIterator[Sequence[Any]]:
            yield items

        await asyncio.wait_for(folder_run.work(once()), 60)
    return folder_run


async def test_recordings_that_wait_are_sent_in_chunks(handle: LocalHandle, tmp_path: Path) -> None:
    for number in range(40):
        sound(tmp_path / "in" / f"{number}.wav", 1, seed=number)
    async with cluster(handle) as recogniser:
        done = await run(tmp_path, recogniser)
    assert (done.counter.done, done.failures) == (40, [])
    assert sum(map(len, handle.chunks)) == 40
    assert max(map(len, handle.chunks)) <= CHUNK_FILES
    assert len(list((tmp_path / "out").glob("*.txt"))) == 40


@pytest.mark.parametrize("dies_in", [[0], [0, 1], [1, 2, 3]])
async def test_what_an_actor_dies_with_is_sent_again(handle: LocalHandle, tmp_path: Path, dies_in: list[int]) -> None:
    for number in range(40):
        sound(tmp_path / "in" / f"{number}.wav", 1, seed=number)
    handle.dies_in = dies_in
    async with cluster(handle) as recogniser:
        done = await run(tmp_path, recogniser)
    assert (done.counter.done, done.failures) == (40, [])
    written = [facts["path"] for facts in done.display.of("done")]  # type: ignore[attr-defined]
    assert len(set(written)) == len(written) == 40


async def test_a_machine_that_is_too_busy_is_asked_again(handle: LocalHandle, tmp_path: Path) -> None:
    for number in range(20):
        sound(tmp_path / "in" / f"{number}.wav", 1, seed=number)
    handle.busy_in = [0, 2, 3]
    async with cluster(handle) as recogniser:
        done = await run(tmp_path, recogniser)
    assert (done.counter.done, done.failures) == (20, [])


async def test_a_recording_that_every_actor_dies_with_fails(handle: LocalHandle, tmp_path: Path) -> None:
    sound(tmp_path / "in" / "a.wav", 1)
    handle.dies_in = list(range(100))
    async with cluster(handle) as recogniser:
        done = await run(tmp_path, recogniser)
    # The fake engine's segment and transcript may come in one answer, after which nothing is left to lose.
    assert done.counter.done + len(done.failures) == 1
    assert all("was lost 3 times" in reason for _, reason in done.failures)


async def test_a_machine_without_the_model_stops_the_run(handle: LocalHandle, tmp_path: Path) -> None:
    sound(tmp_path / "in" / "a.wav", 1)

    def refuse(*_: object) -> FakeAsr:
        raise ModelNotInstalled("It is not installed here.")

    handle.actor.open_local = lambda settings: Local(Service(settings, refuse))
    async with cluster(handle) as recogniser:
        with pytest.raises(ModelNotInstalled, match="not installed here"):
            await run(tmp_path, recogniser)


async def test_machines_with_other_weights_stop_the_run(settings: Settings, tmp_path: Path) -> None:
    sound(tmp_path / "in" / "a.wav", 1)

    class Other(Local):
        def identity(self, model: str, options: TranscribeOptions) -> str:
            return "other weights"

    def handle(kind: type[Local]) -> LocalHandle:
        return LocalHandle(TranscriberActor(lambda _: kind(Service(settings, lambda *_: FakeAsr(delay=0.2)))))

    async with cluster(handle(Local), handle(Other)) as recogniser:
        with pytest.raises(CannotGoOn, match="The machines of the cluster differ"):
            await asyncio.wait_for(_until_refused(tmp_path, recogniser), 30)


async def _until_refused(tmp_path: Path, recogniser: ClusterRecogniser) -> None:
    await recogniser.warm_up("whisper-pocket", OPTIONS)
    while True:
        file = (tmp_path / "in" / "a.wav").open("rb")
        async with recogniser.open(TranscriptionRequest("whisper-pocket", OPTIONS, file=file)) as stream:
            async for _ in stream.parts:
                pass


async def test_a_large_recording_is_sent_in_pieces(
    handle: LocalHandle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "CHUNK_BYTES", 10_000)
    sound(tmp_path / "in" / "a.wav", 3)
    async with cluster(handle) as recogniser:
        done = await run(tmp_path, recogniser)
    assert done.counter.done == 1
    assert isinstance(handle.chunks[0][0].audio, str)
    assert not handle.actor._uploads


def segment(start: float, seek: int) -> Segment:
    return Segment(start, start + 1, f" at {start:.0f}", seek=seek, language="en")


def parts_of(pending: PendingRecording) -> Callable[[], list[Any]]:
    return lambda: [pending._parts.get_nowait() for _ in range(pending._parts.qsize())]


def test_a_second_attempt_begins_at_the_last_window_and_repeats_nothing() -> None:
    pending = PendingRecording("auto", replace(OPTIONS, language=None), BytesIO(), 0)
    assert pending.attempt() == pending.options
    for each in (segment(0, 0), segment(5, 0), segment(31, 3000)):
        pending.take(each, "whisper-base")
    again = pending.attempt()
    assert (again.start, again.language) == (30.0, "en")
    for each in (segment(31, 3000), segment(40, 3000), segment(62, 6000)):
        pending.take(each, "whisper-base")
    pending.take(Transcript("transcribe", "en", 70, (segment(31, 3000), segment(40, 3000), segment(62, 6000))), "m")
    *heard, transcript = parts_of(pending)()
    assert [each.start for each in heard] == [0, 5, 31, 40, 62]
    assert [each.start for each in transcript.segments] == [0, 5, 31, 40, 62]


def test_speakers_are_told_apart_in_one_piece() -> None:
    pending = PendingRecording("auto", replace(OPTIONS, channels="split"), BytesIO(), 0)
    pending.attempt()
    pending.take(segment(0, 0), "whisper-base")
    assert pending.attempt() == pending.options
    pending.take(segment(0, 0), "whisper-base")
    assert len(parts_of(pending)()) == 1
