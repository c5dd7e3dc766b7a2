"""The composition root: the one place that knows which engine runs a model, and loads it when it is first needed."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from speechd.asr.batcher import Batcher
from speechd.asr.engine import AsrEngine
from speechd.asr.pipeline import LocalTranscriber
from speechd.audio.windows import Packing
from speechd.joining import Flights
from speechd.llm.companion import Companion
from speechd.modelstore import Model, ModelStore
from speechd.settings import Settings
from speechd.types import TranscribeOptions, Transcriber, Transcript

SMALL_MODEL_BYTES = 50_000_000
"""Below this, one CPU thread is faster than two: the matrices are too small to share (measured on whisper-pocket)."""

MOST_THREADS = 8
"""More OpenMP threads than this hardly speed up one batch of Whisper on a CPU, and take cores from decoding."""

EngineLoader = Callable[[Model, Settings], AsrEngine]


class Service:
    """Everything speechd can be asked, behind one object; API, worker and CLI hold one each."""

    def __init__(self, settings: Settings, load_engine: EngineLoader) -> None:
        self.settings = settings
        self.models = ModelStore(settings)
        self.companion = Companion.of(settings)
        self._load_engine = load_engine
        self._batchers: dict[str, asyncio.Task[Batcher]] = {}
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
        batcher = await self._batcher(model)
        packing = Packing(model.window_seconds, model.window_gap)
        return model, LocalTranscriber(model.id, batcher, packing, self.settings.max_audio_seconds)

    async def close(self) -> None:
        """Lets the batches in hand finish and unloads every model."""
        self._closed = True
        await self.flights.close()
        await self.companion.close()
        loading = list(self._batchers.values())
        self._batchers.clear()
        for outcome in await asyncio.gather(*loading, return_exceptions=True):
            if isinstance(outcome, Batcher):
                await outcome.close()

    async def _batcher(self, model: Model) -> Batcher:
        """The batcher of a model; all who ask while it loads wait for one and the same load."""
        task = self._batchers.get(model.id)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._batchers[model.id] = asyncio.create_task(self._load(model))
        return await asyncio.shield(task)

    async def _load(self, model: Model) -> Batcher:
        engine = await asyncio.to_thread(self._load_engine, model, self.settings)
        return Batcher(engine, max_queue_seconds=self.settings.max_queue_seconds)


def open_service(settings: Settings) -> Service:
    """The service on the real engines."""
    return Service(settings, load_whisper)


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
