"""The composition root: loading, sharing and closing."""

import asyncio

import pytest

from speechd.errors import EngineFailure
from speechd.fakes import FakeAsr
from speechd.modelstore import Model
from speechd.service import Service, load_whisper
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
