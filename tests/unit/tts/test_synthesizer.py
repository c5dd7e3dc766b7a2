"""The story of a speech with a fake voice: what leaves when, how long it is, and what stops it."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest

from speechd.errors import InvalidRequest, TooLarge
from speechd.testing.fake_engines import FakeTts
from speechd.tts.admission import SentenceThreads
from speechd.tts.engine import Spoken, SynthesisOptions, TtsEngine, VoiceInfo
from speechd.tts.engines.piper import PiperEngine
from speechd.tts.engines.piper_files import VoiceFiles
from speechd.tts.synthesizer import LocalSpeaker, faded
from speechd.types import Samples, Speech, SpeechOptions, SpeechPart
from tests.support.tiny_piper_voice import write_tiny_voice

PCM = SpeechOptions(format="pcm", sample_rate=16_000)


@pytest.fixture
def engine() -> FakeTts:
    return FakeTts()


def speaker(engine: TtsEngine, limit: int = 1_000_000, threads: int = 2, **lexicon: str) -> LocalSpeaker:
    return LocalSpeaker("fake", engine, None, SentenceThreads(threads), limit, lexicon)


async def spoken(voice: LocalSpeaker, text: str, options: SpeechOptions = PCM) -> tuple[list[SpeechPart], Speech]:
    *parts, speech = [part async for part in voice.stream(text, options)]
    assert isinstance(speech, Speech)
    assert all(isinstance(part, SpeechPart) for part in parts)
    voice.threads.close()
    return parts, speech


def samples(parts: list[SpeechPart]) -> Samples:
    return (np.frombuffer(b"".join(part.audio for part in parts), "<i2") / 32767).astype(np.float32)


async def test_sentences_leave_one_by_one_in_order(engine: FakeTts) -> None:
    parts, speech = await spoken(speaker(engine), "One two. Three four five. Six.")
    assert engine.said == ["One two.", "Three four five.", "Six."]
    assert [len(part.audio) / 32_000 for part in parts[:3]] == pytest.approx([0.6, 0.8, 0.4])
    assert speech == Speech("fake", 30, pytest.approx(1.8))


async def test_the_first_sentence_leaves_before_the_second_is_spoken(engine: FakeTts) -> None:
    voice = speaker(engine)
    async with aclosing(voice.stream("One. " * 5000, PCM)) as stream:
        await anext(stream)
        assert len(engine.said) <= 2, "at most one sentence is spoken ahead"
    await asyncio.sleep(0.05)
    assert len(engine.said) <= 2, "closing it stopped the work"


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.9, 1.0, 1.3, 1.5, 2.0, 3.3, 5.0])
@pytest.mark.parametrize("text", ["Hi", "One two three. Four five. Six seven eight nine."])
async def test_speed_is_exact_from_one_word_up(engine: FakeTts, text: str, speed: float) -> None:
    _, plain = await spoken(speaker(engine), text)
    _, fast = await spoken(speaker(engine), text, SpeechOptions(format="pcm", sample_rate=16_000, speed=speed))
    assert fast.duration == pytest.approx(plain.duration / speed, rel=0.003)


class Recorded:
    """A voice that knows how many samples it gave."""

    def __init__(self, engine: TtsEngine) -> None:
        self.engine, self.info, self.given = engine, engine.info, 0

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        spoken = self.engine.synthesize(sentence, options)
        self.given += len(spoken.samples)
        return spoken

    def close(self) -> None:
        self.engine.close()


@pytest.mark.parametrize("speed", [0.25, 0.7, 1.0, 1.4, 5.0])
@pytest.mark.parametrize("text", ["Hi", "One two three. Four five. Six seven eight nine."])
async def test_a_voice_that_lasts_by_chance_is_sped_up_by_what_it_really_spoke(
    tmp_path: Path, text: str, speed: float
) -> None:
    """Voices of Piper's draw their durations anew each time; so the factor holds for what was drawn."""
    files = VoiceFiles.in_folder(write_tiny_voice(tmp_path, "en_US-chance-low", noise_w=0.8))
    assert files
    engine, lengths = PiperEngine(files), set()
    for _ in range(3):
        voice = Recorded(engine)
        options = SpeechOptions("pcm", 16_000, speed=speed, captions=True)
        parts, speech = await spoken(speaker(voice), text, options)
        assert len(samples(parts)) == round(voice.given / speed)
        assert 0 < max(word.end for part in parts for word in part.words) <= speech.duration
        lengths.add(voice.given)
    assert len(lengths) > 1, "it was not by chance"


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
async def test_any_rate_keeps_length_and_pitch(engine: FakeTts, rate: int) -> None:
    parts, speech = await spoken(speaker(engine), "One two three four five.", SpeechOptions("pcm", rate))
    found = samples(parts)
    assert len(found) / rate == pytest.approx(1.2, abs=0.001)
    assert speech.duration == pytest.approx(1.2, abs=0.001)
    spectrum = np.abs(np.fft.rfft(found))
    assert np.argmax(spectrum) * rate / len(found) == pytest.approx(220, abs=1)


async def test_a_voice_of_a_high_rate_does_not_alias_at_a_low_one() -> None:
    class Whistle(FakeTts):
        def synthesize(self, sentence, options):  # type: ignore[no-untyped-def]
            said = super().synthesize(sentence, options)
            clock = np.arange(len(said.samples)) / self.info.sample_rate
            return type(said)((0.5 * np.sin(2 * np.pi * 6000 * clock)).astype(np.float32))

    voice = speaker(Whistle(VoiceInfo(22_050, "en")))
    parts, _ = await spoken(voice, "one two three four", SpeechOptions("pcm", 8000))
    assert np.abs(samples(parts)[800:-800]).max() < 0.01


async def test_captions_are_on_the_clock_of_the_finished_audio(engine: FakeTts) -> None:
    options = SpeechOptions("pcm", 16_000, speed=2.0, captions=True)
    parts, speech = await spoken(speaker(engine), "One two. Three.", options)
    words = [word for part in parts for word in part.words]
    assert [word.word for word in words] == ["One", "two.", "Three."]
    assert [round(word.start, 3) for word in words] == [0.05, 0.15, 0.35]
    assert words[-1].end <= speech.duration
    heard = samples(parts)
    onset = int(words[2].start * 16_000)
    assert np.abs(heard[onset + 200 : onset + 1000]).max() > 0.3


async def test_no_captions_unless_asked(engine: FakeTts) -> None:
    parts, _ = await spoken(speaker(engine), "One two.")
    assert not any(part.words for part in parts)


async def test_ssml_breaks_and_rates_change_the_length(engine: FakeTts) -> None:
    text = '<speak>One<break time="500ms"/><prosody rate="50%">two</prosody></speak>'
    _, speech = await spoken(speaker(engine), text)
    assert speech.duration == pytest.approx(0.4 + 0.5 + 0.8, abs=0.01)
    _, fast = await spoken(speaker(engine), text, SpeechOptions("pcm", 16_000, speed=2.0))
    assert fast.duration == pytest.approx(speech.duration / 2, abs=0.01)


async def test_the_lexicon_is_used(engine: FakeTts) -> None:
    await spoken(speaker(engine, nginx="engine x"), "Start nginx.")
    assert engine.said == ["Start engine x."]


@pytest.mark.parametrize("text", ["", "  ", "<speak></speak>", '<speak><break time="1s"/></speak>', "\x00"])
async def test_nothing_to_say_is_refused_before_anything_leaves(engine: FakeTts, text: str) -> None:
    with pytest.raises(InvalidRequest, match="nothing"):
        await spoken(speaker(engine), text)


async def test_silence_is_never_passed_off_as_speech(engine: FakeTts) -> None:
    engine.synthesize = lambda *_: type(FakeTts().synthesize("a", SynthesisOptions()))(np.zeros(4000, np.float32))  # type: ignore[method-assign]
    for text in ("Word.", "Word. Word. Word."):
        with pytest.raises(InvalidRequest, match="can speak"):
            await spoken(speaker(engine), text, SpeechOptions("wav"))


async def test_a_text_over_the_limit_is_refused_with_the_limit(engine: FakeTts) -> None:
    with pytest.raises(TooLarge, match="accepts 100"):
        await spoken(speaker(engine, limit=100), "word " * 21)


@pytest.mark.parametrize("speed", [0, -1, 0.2, 5.1, 99, float("nan")])
async def test_an_impossible_speed_is_refused(engine: FakeTts, speed: float) -> None:
    with pytest.raises(InvalidRequest, match="speed"):
        await spoken(speaker(engine), "Word.", SpeechOptions("pcm", 16_000, speed=speed))


async def test_two_speeches_share_the_threads_fairly() -> None:
    engine = FakeTts(delay=0.002)
    voice = speaker(engine, threads=1)
    order: list[str] = []

    async def say(name: str, count: int) -> None:
        async for part in voice.stream(f"{name}. " * count, PCM):
            if isinstance(part, SpeechPart):
                order.append(name)

    await asyncio.gather(say("long", 100), say("short", 3))
    voice.threads.close()
    assert len(order) - order[::-1].index("short") < 15, "the short one was over long before the long one"


async def test_memory_stays_flat_over_a_long_text(engine: FakeTts) -> None:
    import tracemalloc

    voice, peak = speaker(engine), 0
    tracemalloc.start()
    async for part in voice.stream("Ten words are in this one sentence of the text. " * 500, PCM):
        peak = max(peak, len(getattr(part, "audio", b"")))
    _, maximum = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    voice.threads.close()
    assert peak < 100_000
    assert maximum < 8_000_000, "the whole speech would be 35 MB"


def test_joins_begin_and_end_at_zero() -> None:
    edges = faded(np.ones(1000, np.float32), 16_000)
    assert (edges[0], edges[-1], edges[500]) == (0, 0, 1)
    assert np.abs(np.diff(edges)).max() < 0.05
