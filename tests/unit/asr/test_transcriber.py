"""One transcription from bytes to transcript, with the fake engine: order, language, memory, cancelling."""

import asyncio
import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechd.asr.batcher import Batcher
from speechd.asr.engine import Decoded, Job
from speechd.asr.scheduling.scheduler import WINDOWS_IN_FLIGHT, QueuedRecording
from speechd.asr.transcriber import LocalTranscriber
from speechd.audio.isolation.pool import shared_pool
from speechd.audio.windows import Packing
from speechd.errors import EngineFailure, InvalidAudio, InvalidRequest, TooLarge
from speechd.testing.fake_engines import FakeAsr
from speechd.types import SAMPLE_RATE, Clip, Segment, TranscribeOptions, Transcript, VadOptions
from tests.support.decoder_bombs import flac_silence
from tests.support.processes import eventually

NO_VAD = TranscribeOptions(language="en", vad=None)


def wav(seconds: float) -> io.BytesIO:
    file = io.BytesIO()
    samples = np.random.default_rng(0).normal(0, 0.1, int(seconds * SAMPLE_RATE))
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV")
    file.seek(0)
    return file


class Hears(FakeAsr):
    """Hears one segment that fills each window, in the languages of a script."""

    def __init__(self, *scripted: dict[str, float], delay: float = 0) -> None:
        super().__init__(delay=delay)
        self.scripted = list(scripted)

    def _decode(self, job: Job) -> Decoded:
        chances = {job.options.language: 1.0} if job.options.language else self.scripted.pop(0)
        language = max(chances, key=lambda code: chances[code])
        segment = Segment(0, job.window.duration, f" {language}{job.window.start:.0f}")
        return Decoded((segment,), language, chances, encoded=("encoded", job.window.start))


def transcriber(engine: FakeAsr, *, window: float = 2, longest: float = 1000) -> LocalTranscriber:
    return LocalTranscriber("fake", Batcher(engine), Packing(max_seconds=window), longest)


async def run(
    pipeline: LocalTranscriber, audio: io.BytesIO, options: TranscribeOptions
) -> tuple[list[Segment], Transcript]:
    segments: list[Segment] = []
    async with contextlib.aclosing(pipeline.stream(audio, options)) as parts:
        async for part in parts:
            if isinstance(part, Transcript):
                await pipeline.batcher.close()
                return segments, part
            segments.append(part)
    raise AssertionError("no transcript")


async def test_segments_come_in_order_on_the_recordings_clock_and_then_the_transcript() -> None:
    segments, transcript = await run(transcriber(Hears()), wav(21), NO_VAD)
    assert transcript.segments == tuple(segments)
    assert segments[0].start == 0
    assert [s.start for s in segments] == sorted(s.start for s in segments)
    assert segments[-1].end == pytest.approx(21, abs=0.05)
    assert transcript.duration == pytest.approx(21, abs=0.01)
    assert (transcript.model, transcript.language, transcript.warnings) == ("fake", "en", ())
    assert [s.seek for s in segments] == [round(s.start * 100) for s in segments]


async def test_a_clip_is_transcribed_on_the_clock_of_the_recording() -> None:
    clip = replace(NO_VAD, clip=Clip(6, 5))
    segments, transcript = await run(transcriber(Hears()), wav(21), clip)
    assert segments[0].start == pytest.approx(6, abs=0.01)
    assert segments[0].text == " en6"
    assert segments[-1].end == pytest.approx(11, abs=0.05)
    assert transcript.duration == pytest.approx(5)
    assert [s.seek for s in segments] == [round(s.start * 100) for s in segments]


async def test_windows_of_one_recording_share_batches() -> None:
    engine = Hears(delay=0.01)
    segments, _ = await run(transcriber(engine), wav(40), NO_VAD)
    assert len(engine.batches) < len(segments) / 2


async def test_a_sure_first_window_decides_the_language() -> None:
    engine = Hears({"en": 0.2, "es": 0.8})
    _, transcript = await run(transcriber(engine), wav(10), replace(NO_VAD, language=None))
    assert transcript.language == "es"
    assert transcript.language_probability == pytest.approx(0.8)
    assert {s.text[:3] for s in transcript.segments} == {" es"}


async def test_an_unsure_language_is_settled_by_several_windows_without_encoding_twice() -> None:
    unsure = ({"en": 0.45, "es": 0.3, "de": 0.25}, {"es": 0.48, "de": 0.42, "en": 0.1}, {"es": 0.9, "en": 0.1})
    engine = Hears(*unsure)
    _, transcript = await run(transcriber(engine), wav(20), replace(NO_VAD, language=None))
    assert transcript.language == "es"
    assert {s.text[:3] for s in transcript.segments} == {" es"}
    (again,) = [job for batch in engine.batches for job in batch if job.encoded is not None]
    assert again.encoded == ("encoded", again.window.start)
    assert again.window.start == 0


async def test_going_on_from_a_boundary_gives_the_rest_of_the_same_windows() -> None:
    whole, _ = await run(transcriber(Hears()), wav(21), NO_VAD)
    engine = Hears()
    boundary = whole[4].seek / 100
    rest, transcript = await run(transcriber(engine), wav(21), replace(NO_VAD, start=boundary))
    assert rest == whole[4:]
    assert transcript.duration == pytest.approx(21, abs=0.01)
    assert sum(len(batch) for batch in engine.batches) == len(whole) - 4, "what came before is not decoded again"


async def test_silence_has_no_text_no_language_and_reaches_no_engine() -> None:
    engine = FakeAsr()
    file = io.BytesIO()
    soundfile.write(file, np.zeros(5 * SAMPLE_RATE), SAMPLE_RATE, format="WAV")
    _, transcript = await run(transcriber(engine), file, TranscribeOptions())
    assert (transcript.text, transcript.segments, transcript.language) == ("", (), "")
    assert transcript.duration == pytest.approx(5)
    assert engine.batches == []


async def test_a_cut_recording_is_transcribed_and_marked() -> None:
    file = wav(10)
    _, transcript = await run(transcriber(Hears()), io.BytesIO(file.getvalue()[:200_000]), NO_VAD)
    assert transcript.warnings == ("truncated-audio",)
    assert transcript.duration == pytest.approx(6.25, abs=0.05)


async def test_audio_behind_the_end_that_a_header_tells_is_marked() -> None:
    _, transcript = await run(transcriber(Hears()), io.BytesIO(wav(10).getvalue() + b"\x81\x92" * 9_000), NO_VAD)
    assert transcript.warnings == ("trailing-data",)
    assert transcript.duration == pytest.approx(10)


async def test_an_audio_track_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no audio track 'fr'"):
        await run(transcriber(FakeAsr()), wav(1), TranscribeOptions(audio_track="fr"))


async def test_what_is_no_audio_is_refused_before_anything_is_queued() -> None:
    pipeline = transcriber(FakeAsr())
    with pytest.raises(InvalidAudio):
        await run(pipeline, io.BytesIO(b"hello" * 100), NO_VAD)
    assert pipeline.batcher.queued_seconds == 0


async def test_a_recording_over_the_limit_is_refused_and_leaves_the_queue() -> None:
    pipeline = transcriber(Hears(), longest=5)
    with pytest.raises(TooLarge, match="5 seconds"):
        await run(pipeline, wav(12), NO_VAD)
    assert pipeline.batcher.queued_seconds == 0
    await pipeline.batcher.close()


async def test_giving_up_stops_the_work() -> None:
    engine = Hears(delay=0.05)
    engine.batch_size = 1
    pipeline = transcriber(engine)
    async with contextlib.aclosing(pipeline.stream(wav(120), NO_VAD)) as parts:
        await anext(parts)
    done = len(engine.batches)
    await asyncio.sleep(0.2)
    assert len(engine.batches) <= done + 1
    assert pipeline.batcher.queued_seconds == 0
    assert not [task for task in asyncio.all_tasks() if "_decode" in repr(task)]
    await pipeline.batcher.close()


class Watched(Hears):
    """Notes how many windows waited at most."""

    maximum = 0
    pipeline: LocalTranscriber

    def decode(self, jobs: Sequence[Job]) -> list[Decoded]:
        self.maximum = max(self.maximum, len(self.pipeline.batcher._scheduler.waiting) + len(jobs))
        return super().decode(jobs)


async def test_a_long_recording_holds_few_windows_at_once() -> None:
    engine = Watched(delay=0.001)
    engine.pipeline = transcriber(engine)
    segments, _ = await run(engine.pipeline, wav(300), NO_VAD)
    assert len(segments) > 10 * WINDOWS_IN_FLIGHT
    assert engine.maximum <= WINDOWS_IN_FLIGHT


async def test_each_window_can_be_told_the_text_before_it() -> None:
    engine = Hears()
    options = replace(NO_VAD, condition_on_previous_text=True, prompt="Hello.")
    await run(transcriber(engine), wav(6), options)
    jobs = [job for batch in engine.batches for job in batch]
    texts = [[segment.text for segment in job.before] for job in jobs]
    assert texts[:3] == [[], [" en0"], [" en0", f" en{jobs[1].window.start:.0f}"]]
    assert {job.options.prompt for job in jobs} == {"Hello."}
    assert all(len(batch) == 1 for batch in engine.batches)


class Loops(FakeAsr):
    """Is caught in a loop unless it is told to be warmer."""

    def _decode(self, job: Job) -> Decoded:
        text = " and so and so and so and so" if not job.options.temperature else " and so it goes"
        return Decoded((Segment(0, job.window.duration, text),), "en", {"en": 1.0})


@pytest.mark.parametrize(
    ("policy", "texts", "marks"),
    [
        ("keep", [" and so and so and so and so"], [()]),
        ("mark", [" and so and so and so and so"], [("repetition",)]),
        ("drop", [], []),
        ("redecode", [" and so it goes"], [()]),
    ],
)
async def test_what_becomes_of_a_loop(policy: str, texts: list[str], marks: list[tuple[str, ...]]) -> None:
    segments, _ = await run(transcriber(Loops()), wav(1.5), replace(NO_VAD, guard=policy))
    assert [segment.text for segment in segments] == texts
    assert [segment.evidence for segment in segments] == marks


def channels(*voices: Sequence[tuple[float, float]], seconds: float = 30) -> io.BytesIO:
    """Each channel sounds (differently) from start to end of its turns, and is silent else."""
    samples = np.zeros((int(seconds * SAMPLE_RATE), len(voices)))
    for number, turns in enumerate(voices):
        for start, end in turns:
            noise = np.random.default_rng(number).normal(0, 0.1, int((end - start) * SAMPLE_RATE))
            samples[int(start * SAMPLE_RATE) :, number][: len(noise)] = noise
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV")
    file.seek(0)
    return file


class Loud:
    """Takes what is loud for speech."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        return (np.abs(samples.reshape(-1, 512)).max(axis=1) > 0.05).astype(np.float32)


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("speechd.asr.recording.SpeechDetector", Loud)


SPLIT = TranscribeOptions(language="en", channels="split")


@pytest.mark.usefixtures("loud")
async def test_channels_are_heard_apart_and_merged_by_time() -> None:
    call = channels([(1, 4), (9, 11), (20, 24)], [(3, 6), (10, 13)], [])
    segments, transcript = await run(transcriber(FakeAsr(), window=10), call, SPLIT)
    assert [(s.channel, round(s.start)) for s in segments] == [(1, 1), (2, 3), (1, 9), (2, 10), (1, 20)]
    assert transcript.segments == tuple(segments)
    assert (transcript.duration, transcript.channels, transcript.audio_seconds) == (30, 3, 90)
    assert transcript.text == "speech at 1. speech at 3. speech at 9. speech at 10. speech at 20."


@pytest.mark.usefixtures("loud")
async def test_segments_of_a_call_come_while_it_is_still_being_heard() -> None:
    call = channels([(at, at + 2) for at in range(1, 590, 6)], [(at, at + 2) for at in range(3, 590, 6)], seconds=600)
    engine = Watched(delay=0.001)
    engine.pipeline = transcriber(engine, window=4)
    segments: list[Segment] = []
    async with contextlib.aclosing(engine.pipeline.stream(call, SPLIT)) as parts:
        async for part in parts:
            if isinstance(part, Segment):
                segments.append(part)
                done = sum(map(len, engine.batches))
                assert done <= len(segments) + 2 * WINDOWS_IN_FLIGHT
    await engine.pipeline.batcher.close()
    assert len(segments) > 190
    assert [s.start for s in segments] == sorted(s.start for s in segments)
    assert engine.maximum <= WINDOWS_IN_FLIGHT


@pytest.mark.usefixtures("loud")
async def test_one_voice_on_both_channels_is_heard_once_and_counts_once() -> None:
    file = channels([(1, 4), (9, 11)])
    mono = soundfile.read(file)[0]
    both = io.BytesIO()
    soundfile.write(both, np.stack([mono, 0.8 * mono], axis=1), SAMPLE_RATE, format="WAV")
    for recording in (file, both):
        recording.seek(0)
        segments, transcript = await run(transcriber(FakeAsr()), recording, SPLIT)
        assert {s.channel for s in segments} == {1}
        assert [round(s.start) for s in segments if s.text.endswith(("1.", "9."))] == [1, 9]
        assert transcript.channels == 1


@pytest.mark.usefixtures("loud")
async def test_mixed_channels_have_no_number() -> None:
    segments, transcript = await run(
        transcriber(FakeAsr(), window=10), channels([(1, 4)], [(8, 9)]), replace(SPLIT, channels="mixed")
    )
    assert {s.channel for s in segments} == {0}
    assert (len(segments), transcript.channels) == (2, 1)


class Bilingual(FakeAsr):
    """Hears English in what is quieter, Spanish in what is louder."""

    def _decode(self, job: Job) -> Decoded:
        if job.options.language:
            return super()._decode(job)
        spanish = float(np.abs(job.window.samples).max() > 0.7)
        chances = {"es": 0.05 + 0.9 * spanish, "en": 0.95 - 0.9 * spanish}
        language = max(chances, key=lambda code: chances[code])
        return replace(super()._decode(job), language=language, language_probabilities=chances, encoded="encoded")


def louder(file: io.BytesIO, factor: np.ndarray) -> io.BytesIO:
    samples, _ = soundfile.read(file, always_2d=True)
    made = io.BytesIO()
    soundfile.write(made, np.clip(samples * factor, -1, 1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
    made.seek(0)
    return made


@pytest.mark.usefixtures("loud")
async def test_each_channel_has_its_own_language_and_the_recording_the_main_one() -> None:
    call = louder(channels([(1, 3), (9, 11)], [(5, 8), (12, 20)]), np.array([1.0, 9.0]))
    segments, transcript = await run(transcriber(Bilingual(), window=10), call, replace(SPLIT, language=None))
    assert [(s.channel, s.language) for s in segments] == [(1, "en"), (2, "es"), (1, "en"), (2, "es")]
    assert transcript.language == "es"


@pytest.mark.usefixtures("loud")
async def test_where_languages_mix_neighbours_of_one_language_are_decoded_together() -> None:
    talk = channels([(1, 4), (4.5, 7), (7.5, 9)])
    mixed = louder(talk, np.where((np.arange(30 * SAMPLE_RATE) / SAMPLE_RATE > 4.2)[:, None], 9.0, 1.0))
    options = TranscribeOptions(multilingual=True)
    engine = Bilingual()
    segments, transcript = await run(transcriber(engine, window=30), mixed, options)
    assert [s.language for s in segments] == ["en", "es", "es"]
    assert transcript.language == "es"
    jobs = [job for batch in engine.batches for job in batch]
    assert [job.options.language for job in jobs if not job.detect] == ["en", "es"]
    assert sum(job.detect for job in jobs) == 3
    mixed.seek(0)
    engine = Bilingual()
    segments, _ = await run(transcriber(engine, window=30), mixed, replace(options, multilingual=False))
    assert len({s.language for s in segments}) == 1
    assert sum(map(len, engine.batches)) == 1


@pytest.mark.usefixtures("loud")
async def test_a_call_takes_the_place_of_both_its_sides_in_the_queue() -> None:
    pipeline = transcriber(FakeAsr(delay=0.01), window=4)
    async with contextlib.aclosing(pipeline.stream(channels([(1, 4)], [(5, 8)]), SPLIT)) as parts:
        await anext(parts)
        assert pipeline.batcher.queued_seconds > 50
    await pipeline.batcher.close()


@pytest.mark.usefixtures("loud")
async def test_a_click_that_comes_to_nothing_loses_no_segment() -> None:
    """While it may still become speech, the other channel's segment waits for it; no window comes after."""
    call = channels([(0.96, 1.08)], [(1.12, 1.17)], seconds=6)
    patient = replace(SPLIT, vad=VadOptions(min_silence=3))
    segments, _ = await run(transcriber(FakeAsr(), window=10), call, patient)
    assert [(s.channel, round(s.start)) for s in segments] == [(1, 1)]


@pytest.mark.usefixtures("loud")
@pytest.mark.parametrize("options", [{}, {"word_timestamps": True}, {"condition_on_previous_text": True}])
async def test_an_engine_that_ends_its_windows_early_loses_nothing(options: dict[str, bool]) -> None:
    talk = channels([(1, 3), (4, 6), (7, 8), (11, 14), (14.8, 17), (18, 19)])
    asked = TranscribeOptions(language="en", **options)
    whole, _ = await run(transcriber(FakeAsr(), window=30), talk, asked)
    talk.seek(0)
    pipeline = transcriber(FakeAsr(regions_heard=1), window=30)
    early, transcript = await run(pipeline, talk, asked)
    assert [segment.text for segment in early] == [segment.text for segment in whole]
    assert [round(segment.start, 2) for segment in early] == [round(segment.start, 2) for segment in whole]
    assert {segment.seek for segment in early} == {segment.seek for segment in whole}
    assert transcript.uncovered == ()
    assert pipeline.batcher.queued_seconds == 0


@pytest.mark.usefixtures("loud")
async def test_a_ticket_counts_what_was_heard() -> None:
    pipeline = transcriber(FakeAsr(regions_heard=1), window=30)
    left = []
    decode = pipeline.batcher.decode

    async def watched(job: Job, queued: QueuedRecording) -> Decoded:
        before = queued.remaining
        decoded = await decode(job, queued)
        left.append(before - queued.remaining)
        return decoded

    pipeline.batcher.decode = watched  # type: ignore[method-assign]
    await run(pipeline, channels([(1, 3), (4, 6), (7, 8)], seconds=10), TranscribeOptions(language="en"))
    assert len(left) == 3
    assert sum(left) <= 10


async def test_windows_of_a_row_are_told_what_was_said_and_rows_are_decoded_side_by_side() -> None:
    engine = Hears(delay=0.05)
    linked = replace(transcriber(engine), linked_windows=3)
    segments, _ = await run(linked, wav(18), NO_VAD)
    jobs = sorted((job for batch in engine.batches for job in batch), key=lambda job: job.window.start)
    texts = [segment.text for segment in segments]
    for number, job in enumerate(jobs):
        assert [segment.text for segment in job.before] == texts[number // 3 * 3 : number]
    assert max(len(batch) for batch in engine.batches) > 1


async def test_linked_windows_of_an_unsure_language_wait_for_no_one_for_ever() -> None:
    engine = Hears(*[{"en": 0.4, "es": 0.35, "de": 0.25}] * 8)
    async with asyncio.timeout(10):
        linked = replace(transcriber(engine), linked_windows=4)
        _, transcript = await run(linked, wav(20), replace(NO_VAD, language=None))
    assert transcript.language == "en"


async def test_a_linked_window_that_fails_fails_the_recording_at_once() -> None:
    class Fails(Hears):
        def _decode(self, job: Job) -> Decoded:
            if job.window.start > 3:
                raise EngineFailure("broken")
            return super()._decode(job)

    pipeline = replace(transcriber(Fails()), linked_windows=4)
    async with asyncio.timeout(10):
        with pytest.raises(EngineFailure):
            await run(pipeline, wav(60), NO_VAD)
    assert pipeline.batcher.queued_seconds == 0
    await pipeline.batcher.close()


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
async def test_an_abandoned_recording_is_not_decoded_on() -> None:
    """Twelve hours of silence in 155 kB have no window that anybody could wait for."""
    pool = shared_pool()
    abandoned = pool.counts.abandoned
    transcriber = LocalTranscriber("m", Batcher(FakeAsr()), Packing(), 43_200)
    stream = transcriber.stream(io.BytesIO(flac_silence(11.9 * 3600)), TranscribeOptions(language="en"))
    task = asyncio.ensure_future(anext(stream))
    finalize = pool.counts.started + 1
    assert await asyncio.to_thread(eventually, lambda: pool.counts.started >= finalize)
    await asyncio.sleep(0.5)
    assert not task.done()
    task.cancel()
    await asyncio.wait([task], timeout=20)
    assert task.cancelled()
    await stream.aclose()
    assert pool.counts.abandoned == abandoned + 1
