"""A live transcription holds no more than it needs, and ends all of its work."""

import asyncio
from pathlib import Path

from speechd.operations.context import RequestContext
from speechd.operations.live import LiveConfig, LiveEvent, LiveTranscription, TurnCommitted
from speechd.service import Service
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from tests.support.realtime import pcm

QUIET = bytes(2 * 24_000)
"""A second at 24 kHz."""


async def test_hours_of_audio_are_not_kept(tmp_path: Path) -> None:
    async def ignore(event: LiveEvent) -> None:
        pass

    service = Service(Settings(data_dir=tmp_path), lambda *_: FakeAsr())
    for config in (LiveConfig(), LiveConfig(detection=None, transcribes=False)):
        live = LiveTranscription(service, RequestContext(), ignore, config, max_turn=5)
        for _ in range(60):
            await live.append(QUIET)
        assert len(live._audio._recent) < 100
        assert len(live._audio._raw) < 6 * len(QUIET)
        await live.close()
    await service.close()


async def test_a_turn_that_is_given_up_as_it_ends_leaves_no_task(tmp_path: Path) -> None:
    happened: list[LiveEvent] = []

    async def note(event: LiveEvent) -> None:
        happened.append(event)

    before = asyncio.all_tasks()
    service = Service(Settings(data_dir=tmp_path), lambda *_: FakeAsr(delay=0.1))
    live = LiveTranscription(service, RequestContext(), note, LiveConfig(detection=None))
    await live.append(pcm(silence=0))
    await live.commit()
    await live.close()  # before the task that makes its text has begun
    assert isinstance(happened[-1], TurnCommitted)
    await service.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
