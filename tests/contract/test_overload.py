"""Requests that would wait too long, over HTTP: which are refused, what they are told, and whom it does not concern."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2
import numpy as np

from speechd.asr.batcher import Batcher
from speechd.asr.engine import Decoded, Job
from speechd.asr.transcriber import LocalTranscriber
from speechd.audio.windows import Packing
from speechd.auth.keys import KeyFile
from speechd.registry.loading.loaders import recording_limits, text_limits
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeAsr
from speechd.tts.admission import AdmissionQueue
from speechd.types import SAMPLE_RATE, TranscribeOptions, Window
from tests.contract.conftest import House, Opener, serving
from tests.contract.test_error_shape import assert_envelope
from tests.contract.test_limits import make_key, tone


class Steady(FakeAsr):
    """Decodes ten seconds of audio in a second of the clock's time, four windows at once."""

    def __init__(self) -> None:
        super().__init__(batch_size=4)
        self.now = 0.0

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.now += sum(job.window.duration for job in jobs) / 10
        return super().decode(jobs)


async def recogniser(house: House, **settings: Any) -> Batcher:
    """Gives the house a recogniser that knows its speed."""
    engine = Steady()
    batcher = Batcher(engine, limits=recording_limits(Settings(**settings)), clock=lambda: engine.now)
    house.service.ears = LocalTranscriber("stand-in", batcher, Packing(), 3600)  # type: ignore[assignment]
    window = Window(0.0, np.zeros(30 * SAMPLE_RATE, np.float32), ((0.0, 30.0),))
    with batcher.reserve(120) as queued:
        job = Job(window, TranscribeOptions(language="en"))
        await asyncio.gather(*(batcher.decode(job, queued) for _ in range(4)))
    return batcher


@contextmanager
def waiting(batcher: Batcher, caller: str = "", recordings: int = 21) -> Iterator[ExitStack]:
    """Recordings of half a minute in the queue: 3 s each."""
    with ExitStack() as places:
        for _ in range(recordings):
            places.enter_context(batcher.reserve(30, caller=caller))
        yield places


async def test_a_recording_that_would_wait_too_long_is_refused(open_house: Opener) -> None:
    house = await open_house()
    batcher = await recogniser(house, max_wait=60)
    with waiting(batcher):
        for stream in ("false", "true"):
            refused = await house.transcribe(tone(30.0), stream=stream)
            assert_envelope(refused, 503, "overloaded")
            assert "wait about 63 s. SPEECHD_MAX_WAIT allows 60 s" in refused.json()["error"]["message"]
            assert refused.headers["retry-after"] == "3"
            assert "x-should-retry" not in refused.headers
        assert (await house.transcribe(tone(5.0))).status_code == 200, "short recordings go first"
    with waiting(batcher, recordings=20):
        assert (await house.transcribe(tone(30.0))).status_code == 200, "3 s later"
    await batcher.close()


async def test_without_a_bound_nobody_is_refused(open_house: Opener) -> None:
    house = await open_house()
    batcher = await recogniser(house, max_wait=0)
    with waiting(batcher, recordings=500):
        assert (await house.transcribe(tone(30.0))).status_code == 200
    await batcher.close()


async def test_what_one_key_has_waiting_does_not_keep_another_out(open_house: Opener, tmp_path: Any) -> None:
    house = await open_house(data_dir=tmp_path)
    batcher = await recogniser(house, max_wait=60)
    anna, ben = make_key(tmp_path), make_key(tmp_path, "ben")
    ids = {key.name: key.id for key in KeyFile(tmp_path / "keys.json").read()}
    with waiting(batcher, ids["anna"]):
        house.client.headers.update(ben)
        assert (await house.transcribe(tone(30.0))).status_code == 200
        house.client.headers.update(anna)
        assert_envelope(await house.transcribe(tone(30.0)), 503, "overloaded")
    await batcher.close()


async def test_one_key_cannot_take_the_queue(open_house: Opener, tmp_path: Any) -> None:
    house = await open_house(data_dir=tmp_path)
    batcher = await recogniser(house, max_wait=0, max_queue_seconds=600, key_share=0.5)
    house.client.headers.update(make_key(tmp_path))
    (anna,) = KeyFile(tmp_path / "keys.json").read()
    with waiting(batcher, anna.id, recordings=10), waiting(batcher, "ben", recordings=1):
        refused = await house.transcribe(tone(30.0))
        assert_envelope(refused, 503, "overloaded")
        assert "its share of 300 s of audio" in refused.json()["error"]["message"]
        assert "SPEECHD_KEY_SHARE" in refused.json()["error"]["message"]
        assert refused.headers["retry-after"] == "6"
    await batcher.close()


async def test_a_text_that_would_wait_too_long_is_refused(tmp_path: Any) -> None:
    """A voice that has said 90 characters in 9 seconds needs 90 s for what waits."""
    async with serving(data_dir=tmp_path) as server:
        now = 0.0
        admission = server.service.admission = AdmissionQueue(text_limits(Settings(max_wait=60)), lambda: now)
        with admission.reserve(90) as spoken:
            now = 9.0
            admission.spoken(spoken, 90)
        server.service.mouth.gate.clear()
        body = {"model": "tts-1", "voice": "alloy", "input": "One two. " * 100, "response_format": "pcm"}
        async with httpx2.AsyncClient(base_url=f"{server.url}/v1", timeout=30) as client:
            first = asyncio.create_task(client.post("/audio/speech", json=body))
            await asyncio.to_thread(server.service.mouth.begun.wait)
            refused = await client.post("/audio/speech", json=body)
            assert_envelope(refused, 503, "overloaded")
            assert "wait about 90 s. SPEECHD_MAX_WAIT allows 60 s" in refused.json()["error"]["message"]
            assert refused.headers["retry-after"] == "30"
            short = asyncio.create_task(client.post("/audio/speech", json=body | {"input": "One."}))
            server.service.mouth.gate.set()
            assert [(await task).status_code for task in (first, short)] == [200, 200]
