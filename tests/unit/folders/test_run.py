"""Runs over folders on the fake engine: what is done again and what is not."""

import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechd.errors import CannotGoOn, EngineFailure, Overloaded
from speechd.folders import run as folder_run
from speechd.folders.discover import find_recordings
from speechd.folders.output_dirs import OutputDirs, WorkItem
from speechd.folders.progress import Plain
from speechd.folders.run import FolderRun, RunConfig
from speechd.folders.transcriber import Local
from speechd.formats.transcript import TRANSCRIPT_FORMATS, View
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, TranscribeOptions

OPTIONS = TranscribeOptions(language="en", vad=None)
WANTED = RunConfig(
    "whisper-pocket", OPTIONS, (TRANSCRIPT_FORMATS["verbose_json"], TRANSCRIPT_FORMATS["txt"]), View(), "p"
)


class Notes(Plain):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def tell(self, event: str, **facts: object) -> None:
        self.events.append((event, facts))

    def of(self, event: str) -> list[dict[str, object]]:
        return [facts for name, facts in self.events if name == event]


def sound(path: Path, seconds: float = 2, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(0, 0.1, int(seconds * SAMPLE_RATE))
    soundfile.write(path, samples, SAMPLE_RATE, format="WAV")
    return path


class Workbench:
    """Folders `in` and `out`, and runs from one to the other."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.source, self.output = folder / "in", folder / "out"
        self.settings = settings.model_copy(update={"result_cache_seconds": 0.0})
        self.engine = FakeAsr()
        self.load: Callable[..., FakeAsr] = lambda *_: self.engine

    async def run(self, wanted: RunConfig = WANTED, *, beside: bool = False) -> FolderRun:
        service = Service(self.settings, self.load)
        self.engine.batches.clear()
        run = FolderRun(wanted, Local(service), Notes())
        with ExitStack() as owned:
            places = OutputDirs(None if beside else self.output, only_look=False, owned=owned)
            items = run.sorted_out(places.items(find_recordings([self.source])))
            try:
                await run.work(_once(items))
            finally:
                await service.close()
        return run

    @property
    def decoded(self) -> int:
        """Windows that the last run decoded."""
        return sum(len(batch) for batch in self.engine.batches)

    def outputs(self) -> list[str]:
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())


async def _once(items: Sequence[WorkItem]) -> AsyncIterator[Sequence[WorkItem]]:
    yield items


@pytest.fixture
def bench(tmp_path: Path, settings: Settings) -> Workbench:
    return Workbench(tmp_path, settings)


def counts(run: FolderRun) -> tuple[int, int, int]:
    """Files done, failed, finished before."""
    return run.counter.done, len(run.failures), run.counter.finished_before


async def test_outputs_mirror_the_folder_and_nothing_is_done_twice(bench: Workbench) -> None:
    for name in ("a/f.wav", "a/f.w64", "b/g.wav"):
        sound(bench.source / name)
    assert counts(await bench.run()) == (3, 0, 0)
    names = [f"{name}{suffix}" for name in ("a/f.w64", "a/f.wav", "b/g") for suffix in (".json", ".txt")]
    assert bench.outputs() == sorted([*names, "speechd-journal.db"])
    assert counts(await bench.run()) == (0, 0, 3)
    assert bench.decoded == 0


async def test_content_decides_not_the_time(bench: Workbench) -> None:
    sound(bench.source / "a.wav")
    sound(bench.source / "b.wav")
    await bench.run()
    (bench.source / "a.wav").touch()
    sound(bench.source / "b.wav", 3, seed=1)
    run = await bench.run()
    assert counts(run) == (1, 0, 1)
    assert run.counter.files == 1
    assert json.loads((bench.output / "b.json").read_text())["duration"] == 3


async def test_other_parameters_and_missing_outputs_are_done_again(bench: Workbench) -> None:
    sound(bench.source / "a.wav")
    sound(bench.source / "b.wav")
    await bench.run()
    assert counts(await bench.run(replace(WANTED, parameters="q"))) == (2, 0, 0)
    (bench.output / "a.txt").unlink()
    assert counts(await bench.run(replace(WANTED, parameters="q"))) == (1, 0, 1)


async def test_a_moved_folder_is_known_by_its_content(bench: Workbench) -> None:
    sound(bench.source / "a/f.wav")
    await bench.run()
    moved = bench.source.rename(bench.source.with_name("elsewhere"))
    bench.source = moved
    assert counts(await bench.run()) == (0, 0, 1)
    assert bench.decoded == 0


async def test_a_failure_waits_for_retry_failed_or_for_another_content(bench: Workbench) -> None:
    (bench.source / "sub").mkdir(parents=True)
    (bench.source / "a.wav").write_bytes(b"")
    (bench.source / "sub" / "b.mp3").write_text("not a recording")
    sound(bench.source / "c.wav")
    run = await bench.run()
    assert counts(run) == (1, 2, 0)
    assert {(str(each.name), reason) for each, reason in run.failures} >= {("a.wav", "The file is empty.")}
    run = await bench.run()
    assert counts(run) == (0, 2, 1)
    assert run.failures[0][1] == "The file is empty. (in an earlier run; --retry-failed tries again)"
    assert run.counter.failed == 0
    sound(bench.source / "a.wav")
    assert counts(await bench.run()) == (1, 1, 1)
    run = await bench.run(replace(WANTED, retry_failed=True))
    assert counts(run) == (0, 1, 2)
    assert run.counter.failed == 1, "it was tried"


class Failing(FakeAsr):
    """Breaks after some windows, as a killed process would."""

    def __init__(self, windows: int) -> None:
        super().__init__()
        self.batch_size = 1
        self.left = windows

    def decode(self, jobs: Sequence[object]) -> list[object]:  # type: ignore[override]
        self.left -= 1
        if self.left < 0:
            raise CannotGoOn("killed")
        return super().decode(jobs)  # type: ignore[arg-type, return-value]


async def test_a_long_recording_goes_on_after_its_last_finished_window(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_run, "KEEP_EVERY", 20.0)
    sound(bench.source / "long.wav", 200)
    await bench.run()
    whole, windows = json.loads((bench.output / "long.json").read_text()), bench.decoded
    (bench.output / "long.json").unlink()
    bench.engine = Failing(windows - 2)
    with contextlib.suppress(CannotGoOn):
        await bench.run()
    assert not (bench.output / "long.json").exists()
    bench.engine = FakeAsr()
    run = await bench.run()
    assert isinstance(run.display, Notes)
    (begun,) = run.display.of("begin")
    assert float(str(begun["start"])) > 60
    assert 0 < bench.decoded < windows / 2
    assert json.loads((bench.output / "long.json").read_text()) == whole


async def test_a_call_is_begun_anew_because_its_sides_overlap(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_run, "KEEP_EVERY", 20.0)
    split = replace(WANTED, options=replace(OPTIONS, channels="split"))
    sound(bench.source / "long.wav", 200)
    await bench.run(split)
    whole, windows = json.loads((bench.output / "long.json").read_text()), bench.decoded
    (bench.output / "long.json").unlink()
    bench.engine = Failing(windows - 2)
    with contextlib.suppress(CannotGoOn):
        await bench.run(split)
    bench.engine = FakeAsr()
    run = await bench.run(split)
    assert isinstance(run.display, Notes)
    assert [begun["start"] for begun in run.display.of("begin")] == [0.0]
    assert json.loads((bench.output / "long.json").read_text()) == whole


class Busy(FakeAsr):
    """Refuses some windows, and says after how many seconds it may be asked again."""

    def __init__(self, after: int, refusals: int) -> None:
        super().__init__()
        self.batch_size = 1
        self.after, self.refusals = after, refusals

    def decode(self, jobs: Sequence[object]) -> list[object]:  # type: ignore[override]
        self.after -= 1
        if self.after < 0 and self.refusals:
            self.refusals -= 1
            raise Overloaded("Too many recordings are being decoded.", retry_after=0)
        return super().decode(jobs)  # type: ignore[arg-type, return-value]


async def test_a_machine_that_is_too_busy_is_waited_for(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_run, "KEEP_EVERY", 20.0)
    sound(bench.source / "long.wav", 200)
    await bench.run()
    whole, windows = json.loads((bench.output / "long.json").read_text()), bench.decoded
    (bench.output / "long.json").unlink()
    bench.engine = Busy(windows - 2, refusals=3)
    run = await bench.run()
    assert counts(run) == (1, 0, 0)
    assert isinstance(run.display, Notes)
    assert run.display.of("waiting")
    assert len(run.display.of("begin")) == 1
    assert bench.decoded < 1.5 * windows, "what was saved is not done again"
    assert run.counter.audio_done == pytest.approx(200)
    assert json.loads((bench.output / "long.json").read_text()) == whole


async def test_a_machine_that_stays_too_busy_fails_a_recording(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_run, "MAX_REFUSALS", 3)
    sound(bench.source / "a.wav")
    bench.engine = Busy(0, refusals=4)
    run = await bench.run()
    assert run.failures[0][1] == "Too many recordings are being decoded."


async def test_what_stops_everything_is_held_against_no_recording(bench: Workbench) -> None:
    sound(bench.source / "a.wav")
    bench.engine = Failing(0)
    with pytest.raises(CannotGoOn, match="killed"):
        await bench.run()
    bench.engine = FakeAsr()
    assert counts(await bench.run()) == (1, 0, 0)


async def test_beside_the_recordings_nobodys_own_file_is_written_over(bench: Workbench) -> None:
    wanted = replace(WANTED, beside=True)
    sound(bench.source / "a.wav")
    sound(bench.source / "sub/b.wav")
    (bench.source / "a.txt").write_text("my notes")
    run = await bench.run(wanted, beside=True)
    assert counts(run) == (1, 1, 0)
    assert "a.txt exists and is not from an earlier run" in run.failures[0][1]
    assert (bench.source / "a.txt").read_text() == "my notes"
    assert (bench.source / "sub/b.txt").exists()
    sound(bench.source / "sub/b.wav", 3)
    assert counts(await bench.run(wanted, beside=True)) == (1, 1, 0), "what we wrote we may write again"


async def test_a_recording_that_changes_while_it_is_read_is_not_taken_for_done(bench: Workbench) -> None:
    path = sound(bench.source / "a.wav")

    class Appends(FakeAsr):
        def decode(self, jobs: Sequence[object]) -> list[object]:  # type: ignore[override]
            with path.open("ab") as file:
                file.write(b"more")
            return super().decode(jobs)  # type: ignore[arg-type, return-value]

    bench.engine = Appends()
    run = await bench.run()
    assert counts(run) == (0, 1, 0)
    assert "changed while it was read" in run.failures[0][1]
    bench.engine = FakeAsr()
    assert counts(await bench.run()) == (1, 0, 0)


async def test_short_recordings_share_batches(bench: Workbench) -> None:
    for number in range(40):
        sound(bench.source / f"{number}.wav", 1, seed=number)
    bench.engine = FakeAsr(delay=0.01)
    assert counts(await bench.run()) == (40, 0, 0)
    assert len(bench.engine.batches) <= 20


async def test_a_name_that_is_not_utf8_is_no_obstacle(bench: Workbench) -> None:
    sound(bench.source / "a.wav").rename(bench.source / os.fsdecode(b"\xe4.wav"))
    run = await bench.run()
    assert counts(run) == (1, 0, 0)
    assert isinstance(run.display, Notes)
    assert json.dumps(run.display.events).encode().decode()
    assert (bench.output / os.fsdecode(b"\xe4.txt")).exists()
    assert counts(await bench.run()) == (0, 0, 1)


async def test_a_model_that_cannot_be_loaded_is_held_against_no_recording(bench: Workbench) -> None:
    sound(bench.source / "a.wav")
    loads = bench.load

    def fails(*_: object) -> FakeAsr:
        raise EngineFailure("no such device")

    bench.load = fails
    with pytest.raises(EngineFailure, match="no such device"):
        await bench.run()
    bench.load = loads
    assert counts(await bench.run()) == (1, 0, 0)
