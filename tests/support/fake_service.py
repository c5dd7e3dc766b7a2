"""A deterministic service for tests of the front door: what a recording's bytes say decides what happens to it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import BinaryIO

from speechd.asr.engines.engine_monitor import EngineFaults
from speechd.audio.isolation.pool import DecodingCounts
from speechd.cache.coalescing import RequestCoalescer
from speechd.errors import (
    EngineFailure,
    FailedDependency,
    InvalidAudio,
    InvalidRequest,
    ModelNotFound,
    ModelNotInstalled,
    Overloaded,
    TooLarge,
    Unprocessable,
    UnsupportedAudioFormat,
    UrlNotAllowed,
)
from speechd.llm.proxy import LLMProxy
from speechd.priority import PrioritySource, interactive
from speechd.registry.catalog import Model
from speechd.registry.loading.loaders import text_limits
from speechd.registry.voices import Voice
from speechd.settings import Settings
from speechd.testing.fake_engines import FakeTts
from speechd.tts.admission import AdmissionQueue, SentenceThreads
from speechd.tts.engine import Spoken, SynthesisOptions
from speechd.tts.synthesizer import LocalSpeaker
from speechd.types import Segment, TokenLogprob, TranscribeOptions, Transcript, Word

SEGMENTS = (
    Segment(
        start=0.52,
        end=1.48,
        text=" Hello there.",
        tokens=(50364, 2425, 456, 13),
        avg_logprob=-0.25,
        compression_ratio=1.1,
        no_speech_prob=0.01,
        seek=52,
        words=(Word(" Hello", 0.52, 0.9), Word("there.", 0.9, 1.48)),
        logprobs=(TokenLogprob(" Hello", -0.1, tuple(b" Hello")), TokenLogprob(" there.", -0.2, tuple(b" there."))),
    ),
    Segment(
        start=2.0,
        end=3.2504,
        text=" General <Kenobi> & co --> here.",
        tokens=(50364, 3434),
        seek=52,
        words=(Word("General", 2.0, 2.4), Word("<Kenobi>", 2.4, 3.2504)),
        logprobs=(TokenLogprob(" General", -0.3, tuple(b" General")),),
    ),
)
TEXT = "Hello there. General <Kenobi> & co --> here."

FAILURES = {
    b"broken": InvalidAudio(param="file"),
    b"picture": UnsupportedAudioFormat("This is a PNG image.", param="file"),
    b"too long": TooLarge("The recording is longer than this server accepts.", param="file"),
    b"busy": Overloaded(retry_after=2.5),
    b"crash": RuntimeError("a secret of the inside"),
    b"http://169.254.169.254/": UrlNotAllowed(param="url"),
    b"http://unreachable.example/": FailedDependency(param="url"),
}

STAND_IN = Model(
    id="stand-in",
    kind="asr",
    owned_by="speechd",
    created=1_760_000_000,
    context_window=448,
    rank=0,
    tasks=("transcribe", "translate"),
    languages=("en", "de"),
    context_margin=None,
    window_seconds=30,
    window_gap=2,
    linked_windows=1,
    embedded=True,
    hub="",
    path=Path("stand-in"),
)
MODELS = (
    STAND_IN,
    replace(STAND_IN, id="org/stand-in-en", tasks=("transcribe",)),
    replace(STAND_IN, id="whisper-large-v3", owned_by="OpenAI", created=1_693_721_698, path=None),
)


class StandInResidents:
    """Nothing is in memory, and loading does nothing."""

    def list(self) -> tuple[()]:
        return ()

    async def load(self, model: Model) -> None:
        pass

    async def unload(self, model_id: str) -> bool:
        return False


class StandInPulls:
    """No pull was ever begun."""

    def get(self, model_id: str) -> None:
        return None

    def list(self) -> tuple[()]:
        return ()


class StandInModels:
    def list(self) -> tuple[Model, ...]:
        return MODELS

    def get(self, id: str) -> Model:
        for model in MODELS:
            if model.id == id:
                return model
        raise ModelNotFound(f"The model `{id}` does not exist or you do not have access to it.", param="model")

    installed = pullable = get

    def stands_in(self, id: str) -> bool:
        return False

    def answering(self, id: str) -> Model | None:
        return next((model for model in MODELS if model.id == id and model.installed), None)

    def names(self, id: str) -> bool:
        return True


@dataclass
class StandInTranscriber:
    """Answers SEGMENTS, unless the recording is one of FAILURES or says `silence`, `cut`, `slow` or `late crash`.

    Of `gated` the second segment waits for the gate.
    """

    asked: list[TranscribeOptions] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    files: list[BinaryIO] = field(default_factory=list)
    running: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    priority: PrioritySource = interactive
    """Of the newest request."""

    model: str = "stand-in"

    async def stream(
        self, audio: BinaryIO, options: TranscribeOptions, priority: PrioritySource = interactive, caller: str = ""
    ) -> AsyncGenerator[Segment | Transcript, None]:
        self.asked.append(options)
        self.priority = priority
        self.files.append(audio)
        content = audio.read()
        self.heard.append(content[:100])
        self.running += 1
        try:
            async for part in self._parts(content, options):
                yield part
        finally:
            self.running -= 1

    async def _parts(self, content: bytes, options: TranscribeOptions) -> AsyncGenerator[Segment | Transcript, None]:
        if content in FAILURES:
            raise FAILURES[content]
        segments = () if content == b"silence" else _as_asked(options)
        self.started.set()
        for number, segment in enumerate(segments):
            if number == 1 and content == b"late crash":
                raise RuntimeError("a secret of the inside")
            if number == 1 and content == b"late refusal":
                raise InvalidAudio("It broke off.")
            if content == b"slow" or (content == b"slow end" and number == 1):
                await asyncio.Event().wait()
            if content == b"gated" and number == 1:
                await self.gate.wait()
            yield segment
        warnings = ("truncated-audio",) if content == b"cut" else ()
        language = "" if content == b"silence" else options.language or "en"
        channels = 2 if options.channels == "split" else 1
        yield Transcript(options.task, language, 3.5, segments, "stand-in", warnings=warnings, channels=channels)


def _as_asked(options: TranscribeOptions) -> tuple[Segment, ...]:
    """One segment a channel where they are apart, and a language each where they mix."""
    first, second = SEGMENTS
    if options.channels == "split":
        first, second = replace(first, channel=1), replace(second, channel=2)
    if options.multilingual:
        first, second = replace(first, language="en"), replace(second, language="de")
    return first, second


VOICE = Voice("stand-in-voice", replace(STAND_IN, kind="tts"), FakeTts().info)


class StandInVoices:
    def list(self) -> tuple[Voice, ...]:
        return (VOICE,)

    def choose(self, model: str, voice: str) -> Voice:
        if model not in ("auto", "tts-1", "playai-tts"):
            raise ModelNotFound(f"The model `{model}` does not exist or you do not have access to it.", param="model")
        if voice == "nobody":
            raise InvalidRequest("There is no voice `nobody`.", param="voice")
        return VOICE


class StandInTts(FakeTts):
    """Chokes on the words `crash` and `refuse`, and waits at its gate."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.gate = Event(), Event()
        self.gate.set()

    def synthesize(self, sentence: str, options: SynthesisOptions) -> Spoken:
        self.begun.set()
        self.gate.wait()
        if "crash" in sentence:
            raise RuntimeError("a secret of the inside")
        if "refuse" in sentence:
            raise EngineFailure
        return super().synthesize(sentence, options)


class StandInService:
    """Has a Service's attributes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.models = StandInModels()
        self.llm = LLMProxy.of(settings)
        self.ready = True
        self.closed = False
        self.coalescer: RequestCoalescer[Segment | Transcript] = RequestCoalescer()
        self.ears = StandInTranscriber()
        self.voices = StandInVoices()
        self.mouth = StandInTts()
        self.threads = SentenceThreads(2)
        self.admission = AdmissionQueue(text_limits(settings))
        self.loaded = StandInResidents()
        self.pulls = StandInPulls()
        self.engine_faults: dict[str, EngineFaults] = {}
        self.decodings = DecodingCounts()

    async def remove(self, model: str) -> Model:
        return self.models.get(model)

    async def transcriber(self, model: str, options: TranscribeOptions) -> tuple[Model, StandInTranscriber]:
        found = self.models.get("stand-in" if model == "auto" else model)
        if not found.installed:
            raise ModelNotInstalled(f"The model `{model}` is not installed here.", param="model")
        if options.task not in found.tasks:
            raise Unprocessable(f"The model `{model}` cannot {options.task}.", param="model")
        return found, self.ears

    async def speaker(
        self, model: str, voice: str, language: str = "", *, required: bool = False
    ) -> tuple[Voice, LocalSpeaker]:
        found = self.voices.choose(model, voice)
        longest = self.settings.max_speech_characters
        longest_audio, queue = self.settings.max_speech_seconds, self.admission
        speaker = LocalSpeaker(
            found.id, self.mouth, None, self.threads, longest, admission=queue, max_seconds=longest_audio
        )
        return found, speaker

    async def close(self) -> None:
        self.closed = True
        await self.llm.close()
        self.threads.close()
