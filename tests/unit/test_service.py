"""The composition root: loading, sharing and closing."""

import asyncio
import contextlib
import shutil
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from speechd.api.errors import error_headers
from speechd.asr.engine import Decoded, Job
from speechd.asr.engines.engine_monitor import EngineFaults
from speechd.errors import EngineFailure, Misconfigured, ModelLoading, ModelNotFound, ModelNotInstalled, PullFailed
from speechd.registry.catalog import Model
from speechd.registry.loading.loaders import _devices, load_whisper
from speechd.registry.transfer.downloads import ProgressCallback, Pulls
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr, FakeSpeakers
from speechd.types import TranscribeOptions, Transcript
from tests.conftest import ROOT, Fixture, fixtures
from tests.support.processes import eventually


async def hear(service: Service, fixture: Fixture, model: str = "auto", **options: Any) -> Transcript:
    _, transcriber = await service.transcriber(model, TranscribeOptions(**options))
    with fixture.path.open("rb") as audio:
        async with contextlib.aclosing(transcriber.stream(audio, TranscribeOptions(**options))) as parts:
            return [part async for part in parts][-1]


async def test_many_who_ask_at_once_share_one_load(settings: Settings, english: Fixture) -> None:
    loads = []

    def load(model: Model, _: Settings) -> FakeAsr:
        loads.append(model.id)
        return FakeAsr()

    service = Service(settings, load)
    await asyncio.gather(*(hear(service, english) for _ in range(20)))
    await service.close()
    assert loads == ["whisper-pocket"]


async def test_a_failed_load_is_tried_again(settings: Settings, english: Fixture) -> None:
    outcomes = [EngineFailure("disk"), FakeAsr()]

    def load(*_: object) -> FakeAsr:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    service = Service(settings, load)
    with pytest.raises(EngineFailure, match="disk"):
        await hear(service, english, "whisper-pocket")
    await hear(service, english, "whisper-pocket")
    await service.close()


async def test_closing_gives_the_engines_memory_back(settings: Settings, english: Fixture) -> None:
    engine = FakeAsr()
    service = Service(settings, lambda *_: engine)
    assert service.ready
    await hear(service, english)
    assert not engine.closed
    await service.close()
    assert engine.closed
    assert not service.ready


async def test_a_model_is_loaded_while_it_works_and_gone_after_its_keep_alive(
    settings: Settings, english: Fixture
) -> None:
    engine = FakeAsr()
    service = Service(settings.model_copy(update={"keep_alive": 0.0}), lambda *_: engine)
    _, transcriber = await service.transcriber("whisper-pocket", TranscribeOptions())
    assert service.loaded.list() == ()
    with english.path.open("rb") as audio:
        stream = transcriber.stream(audio, TranscribeOptions())
        await anext(stream)
        assert [(status.model.id, status.users) for status in service.loaded.list()] == [("whisper-pocket", 1)]
        assert not engine.closed
        await stream.aclose()
    async with asyncio.timeout(60):
        while not engine.closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert service.loaded.list() == ()


async def test_preloaded_models_are_there_before_the_service_is_ready(settings: Settings) -> None:
    service = Service(settings.model_copy(update={"preload": ("whisper-pocket", "whisper-large-v3")}), _fake)
    service.start()
    assert not service.ready
    async with asyncio.timeout(60):
        while not service.ready:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [status.model.id for status in service.loaded.list()] == ["whisper-pocket"]
    await service.close()


class Stuck(FakeAsr):
    """A library that does not come back until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.gate.wait()
        return super().decode(jobs)


async def test_a_library_that_is_late_is_told_of(settings: Settings, english: Fixture) -> None:
    engine = Stuck()
    service = Service(settings.model_copy(update={"engine_timeout": 0.02}), lambda *_: engine)
    hearing = asyncio.create_task(hear(service, english, "whisper-pocket"))
    late = {"whisper-pocket": EngineFaults(overdue=1)}
    assert await asyncio.to_thread(eventually, lambda: service.engine_faults == late)
    engine.gate.set()
    assert (await hearing).model == "whisper-pocket"
    assert service.engine_faults == {}
    await service.close()


class Sure(FakeAsr):
    """Hears with the certainty that its model has in a script."""

    def __init__(self, logprob: float, language: str = "en") -> None:
        super().__init__((language,))
        self.logprob = logprob

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        return [
            replace(one, segments=tuple(replace(segment, avg_logprob=self.logprob) for segment in one.segments))
            for one in super().decode(jobs)
        ]


@pytest.mark.parametrize(
    ("logprob", "language", "options", "chosen"),
    [
        (-0.2, "en", {}, "whisper-pocket"),
        (-0.7, "en", {}, "pocketsphinx-en-us"),
        (-0.7, "en", {"language": "en"}, "pocketsphinx-en-us"),
        (-0.7, "de", {}, "whisper-pocket"),
        (-0.7, "de", {"language": "de"}, "whisper-pocket"),
        (-0.7, "en", {"task": "translate"}, "whisper-pocket"),
    ],
)
async def test_auto_hands_english_over_that_the_small_model_does_not_understand(
    settings: Settings, english: Fixture, logprob: float, language: str, options: dict[str, Any], chosen: str
) -> None:
    pytest.importorskip("pocketsphinx")
    service = Service(settings, lambda model, _: Sure(logprob, language))
    transcript = await hear(service, english, **options)
    assert transcript.model == chosen
    assert (await hear(service, english, "whisper-pocket", **options)).model == "whisper-pocket"
    await service.close()


async def test_silence_is_not_handed_over(settings: Settings) -> None:
    (silence,) = [fixture for fixture in fixtures() if fixture.path.name == "silence_5s.flac"]
    service = Service(settings, lambda *_: Sure(-0.7))
    transcript = await hear(service, silence)
    assert (transcript.text, transcript.model) == ("", "whisper-pocket")
    await service.close()


async def test_auto_pull_starts_one_pull_and_says_when_to_come_back(settings: Settings) -> None:
    service = Service(settings.model_copy(update={"auto_pull": True}), _fake)
    go, started = threading.Event(), []

    def pull(model: Model, report: ProgressCallback) -> None:
        started.append(model.id)
        report(1_000_000, 4_000_000)
        go.wait(60)
        raise PullFailed("The disk is full.")

    service.pulls = Pulls(pull)
    for _ in range(3):
        with pytest.raises(ModelLoading) as loading:
            await service.transcriber("whisper-small", TranscribeOptions())
        assert error_headers(loading.value)["x-should-retry"] == "true"
        assert int(error_headers(loading.value)["retry-after"]) >= 1
        await asyncio.sleep(0.01)
    go.set()
    async with asyncio.timeout(60):
        while service.pulls.get("whisper-small").state == "pulling":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with pytest.raises(ModelNotInstalled, match="The last pull failed: The disk is full"):
        await service.transcriber("whisper-small", TranscribeOptions())
    assert started == ["whisper-small"]
    with pytest.raises(ModelNotFound):
        await service.transcriber("stranger/model", TranscribeOptions())
    await service.close()


@pytest.mark.parametrize(
    ("store", "like", "name", "asks"),
    [
        ("models", "whisper-pocket", "whisper-small", lambda s: s.transcriber("whisper-small", TranscribeOptions())),
        ("voices", "en_US-pocket-x_low", "en_US-lessac-medium", lambda s: s.speaker("auto", "en_US-lessac-medium")),
    ],
)
async def test_what_is_installed_while_a_request_is_being_refused_is_found(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
    like: str,
    name: str,
    asks: Callable[[Service], Awaitable[tuple[Any, object]]],
) -> None:
    service = Service(settings.model_copy(update={"auto_pull": True}), _fake)
    service.pulls = Pulls(lambda model, report: pytest.fail("pulled what is there"))
    chooser = getattr(service, store)
    choose = chooser.choose

    def choose_too_early(*args: Any, **options: Any) -> Any:
        try:
            return choose(*args, **options)
        except ModelNotInstalled:
            shutil.copytree(ROOT / "models" / like, service.models.folder / name)
            raise

    monkeypatch.setattr(chooser, "choose", choose_too_early)
    found, _ = await asks(service)
    assert found.id == name
    await service.close()


async def test_without_auto_pull_a_request_pulls_nothing(settings: Settings) -> None:
    service = Service(settings, _fake)
    with pytest.raises(ModelNotInstalled, match="speechd models pull whisper-small"):
        await service.transcriber("whisper-small", TranscribeOptions())
    assert service.pulls.get("whisper-small") is None
    await service.close()


def _fake(*_: object) -> FakeAsr:
    return FakeAsr()


def test_a_folder_without_a_model_is_an_engine_failure(settings: Settings) -> None:
    from speechd.registry.registry import ModelStore

    model = ModelStore(settings).get("whisper-pocket")
    settings.data_dir.mkdir()
    (settings.data_dir / "model.bin").write_bytes(b"not a model")
    with pytest.raises(EngineFailure, match="could not be loaded"):
        load_whisper(replace(model, path=settings.data_dir), settings)


@pytest.mark.parametrize(
    ("wanted", "device", "indices"), [("cpu", "cpu", (0,)), ("cuda:0,1", "cuda", (0, 1)), ("cuda:2", "cuda", (2,))]
)
def test_devices_are_chosen_by_name_and_number(wanted: str, device: str, indices: tuple[int, ...]) -> None:
    assert _devices(wanted) == (device, indices)


@pytest.mark.parametrize("wanted", ["tpu", "cuda:x", "cpu,cuda"])
def test_an_unknown_device_is_refused(wanted: str) -> None:
    with pytest.raises(Misconfigured, match="SPEECHD_DEVICE"):
        _devices(wanted)


def test_the_operator_can_have_every_whisper_encode_short_windows_as_they_are(settings: Settings) -> None:
    from dataclasses import replace

    from speechd.asr.engine import Job
    from speechd.registry.registry import ModelStore
    from speechd.types import Window

    padded = replace(ModelStore(settings).get("whisper-pocket"), context_margin=None)
    job = Job(Window(0, np.zeros(32_000, np.float32)), TranscribeOptions(language="en"))
    plain, opted = (
        load_whisper(padded, given) for given in (settings, settings.model_copy(update={"adaptive_context": "always"}))
    )
    assert plain.group(job) != opted.group(job)


async def test_speakers_are_told_apart_by_an_installed_model_only(settings: Settings) -> None:
    service = Service(settings, lambda model, _: FakeSpeakers())
    with pytest.raises(ModelNotInstalled, match="speechd models pull campplus"):
        async with service.diarizer():
            pass
    folder = settings.data_dir / "models" / "campplus"
    folder.mkdir(parents=True)
    (folder / "campplus.onnx").write_bytes(b"weights")
    async with service.diarizer() as first, service.diarizer() as second:
        assert first is second
    await service.close()
