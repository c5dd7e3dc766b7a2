"""The composition root: the one place that knows which engine runs a model, and loads it when it is first needed."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from speechd.asr.batcher import Batcher
from speechd.asr.engine import AsrEngine
from speechd.asr.pipeline import LocalTranscriber
from speechd.audio.windows import Packing
from speechd.joining import Flights
from speechd.modelstore import Model, ModelStore
from speechd.settings import Settings
from speechd.tts.engine import TtsEngine
from speechd.tts.pipeline import LocalSpeaker
from speechd.types import Speaker, TranscribeOptions, Transcriber, Transcript
from speechd.voices import Voice, VoiceStore

SMALL_MODEL_BYTES = 50_000_000
"""Below this, one CPU thread is faster than two: the matrices are too small to share (measured on whisper-pocket)."""

MOST_THREADS = 8
"""More OpenMP threads than this hardly speed up one batch of Whisper on a CPU, and take cores from decoding."""

EngineLoader = Callable[[Model, Settings], AsrEngine]
VoiceLoader = Callable[[Voice], TtsEngine]

T = TypeVar("T")


class LoadedOnce(Generic[T]):
    """Things by name; all who ask while one loads wait for one and the same load, and a failed load is tried again."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[T]] = {}

    async def get(self, name: str, load: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = self._tasks.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._tasks[name] = asyncio.create_task(load())
        return await asyncio.shield(task)

    async def take_all(self) -> list[T]:
        """Everything that is loaded or loading, which is forgotten here."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


class Service:
    """Everything speechd can be asked, behind one object; API, worker and CLI hold one each."""

    def __init__(self, settings: Settings, load_engine: EngineLoader, load_voice: VoiceLoader | None = None) -> None:
        self.settings = settings
        self.models = ModelStore(settings)
        self.voices = VoiceStore(self.models, settings)
        self._load_engine = load_engine
        self._load_voice = load_voice or load_piper
        self._batchers = LoadedOnce[Batcher]()
        self._speaking = LoadedOnce[TtsEngine]()
        self._speech_threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="speech")
        self._closed = False
        self.flights: Flights[Transcript] = Flights(keep=settings.result_cache_seconds, grace=settings.disconnect_grace)
        """Transcriptions under way and of late."""

    @property
    def ready(self) -> bool:
        """Requests are taken; a model that is not loaded yet loads when it is first asked for."""
        return not self._closed

    async def transcriber(self, model_id: str, options: TranscribeOptions) -> tuple[Model, Transcriber]:
        """The model that shall do this transcription and a transcriber on it; loads the model at its first use.

        Raises:
            ModelNotFound, ModelNotInstalled, Unprocessable: see ModelStore.choose.
            EngineFailure: its files cannot be loaded.
        """
        model = self.models.choose(model_id, options)
        batcher = await self._batchers.get(model.id, lambda: self._load(model))
        packing = Packing(model.window_seconds, model.window_gap)
        return model, LocalTranscriber(model.id, batcher, packing, self.settings.max_audio_seconds)

    async def speaker(self, model_id: str, voice_name: str) -> tuple[Voice, Speaker]:
        """The voice that a speech request means and a speaker with it; loads the voice at its first use.

        Raises:
            ModelNotFound, ModelNotInstalled, InvalidRequest: see VoiceStore.choose.
            FeatureNotInstalled: the optional part that speaks is not installed.
            EngineFailure: its files cannot be loaded.
        """
        voice = self.voices.choose(model_id, voice_name)
        engine = await self._speaking.get(voice.model.id, lambda: asyncio.to_thread(self._load_voice, voice))
        limit, lexicon = self.settings.max_speech_characters, self.settings.lexicon
        return voice, LocalSpeaker(voice.id, engine, voice.speaker, self._speech_threads, limit, lexicon)

    async def close(self) -> None:
        """Lets the batches and sentences in hand finish and unloads every model."""
        self._closed = True
        await self.flights.close()
        for batcher in await self._batchers.take_all():
            await batcher.close()
        await asyncio.to_thread(self._speech_threads.shutdown)
        for engine in await self._speaking.take_all():
            engine.close()

    async def _load(self, model: Model) -> Batcher:
        engine = await asyncio.to_thread(self._load_engine, model, self.settings)
        return Batcher(engine, max_queue_seconds=self.settings.max_queue_seconds)


def open_service(settings: Settings) -> Service:
    """The service on the real engines."""
    return Service(settings, load_whisper, load_piper)


def load_whisper(model: Model, settings: Settings) -> AsrEngine:
    """Loads a Whisper model's files into an engine."""
    from speechd.asr.whisper import WhisperEngine

    if model.path is None:
        raise ValueError(f"{model.id} is not installed")
    device = _device(settings.device)
    return WhisperEngine(
        model.path,
        device=device,
        compute_type=_compute_type(settings.compute_type, device),
        threads=settings.cpu_threads or _threads(model.path),
        adaptive_context=model.adaptive_context,
        languages=model.languages,
        batch_size=8 if device == "cpu" else 16,
    )


def load_piper(voice: Voice) -> TtsEngine:
    """Loads a Piper voice's files into an engine."""
    from speechd.tts.piper import PiperEngine

    return PiperEngine(voice.files)


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() > 0 else "cpu"


def _compute_type(wanted: str, device: str) -> str:
    return wanted if wanted != "auto" else {"cpu": "int8", "cuda": "float16"}.get(device, "default")


def _threads(path: Path) -> int:
    small = (path / "model.bin").stat().st_size < SMALL_MODEL_BYTES
    return 1 if small else min(MOST_THREADS, os.cpu_count() or 1)
