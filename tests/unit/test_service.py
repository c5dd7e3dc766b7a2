"""The composition root: loading, sharing and closing."""

import asyncio

import pytest

from speechd.errors import EngineFailure, Misconfigured
from speechd.fakes import FakeAsr
from speechd.modelstore import Model
from speechd.service import Service, _devices, load_whisper
from speechd.settings import Settings
from speechd.types import TranscribeOptions


async def test_many_who_ask_at_once_share_one_load(settings: Settings) -> None:
    loads = []

    def load(model: Model, _: Settings) -> FakeAsr:
        loads.append(model.id)
        return FakeAsr()

    service = Service(settings, load)
    await asyncio.gather(*(service.transcriber("auto", TranscribeOptions()) for _ in range(20)))
    await service.close()
    assert loads == ["whisper-pocket"]


async def test_a_failed_load_is_tried_again(settings: Settings) -> None:
    outcomes = [EngineFailure("disk"), FakeAsr()]

    def load(*_: object) -> FakeAsr:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    service = Service(settings, load)
    with pytest.raises(EngineFailure, match="disk"):
        await service.transcriber("auto", TranscribeOptions())
    await service.transcriber("auto", TranscribeOptions())
    await service.close()


async def test_closing_gives_the_engines_memory_back(settings: Settings) -> None:
    engine = FakeAsr()
    service = Service(settings, lambda *_: engine)
    assert service.ready
    await service.transcriber("auto", TranscribeOptions())
    await service.close()
    assert engine.closed
    assert not service.ready


def test_a_folder_without_a_model_is_an_engine_failure(settings: Settings) -> None:
    from dataclasses import replace

    from speechd.modelstore import ModelStore

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
