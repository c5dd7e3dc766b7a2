"""The composition root: creates the parts, and chooses the model of a request. Models load at their first use."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import cast

from speechd.asr.diarization.diarizer import Diarizer
from speechd.asr.engines.engine_monitor import EngineFaults, shared_monitor
from speechd.asr.fallback_transcriber import FallbackTranscriber
from speechd.asr.speakers.transcriber import DiarizationQueue, SpeakerTranscriber
from speechd.asr.streaming.decoder import StreamingDecoder, WindowDecoder
from speechd.audio.isolation.pool import DecodingCounts, shared_pool
from speechd.cache.coalescing import RequestCoalescer
from speechd.cache.ttl_cache import TTLCache
from speechd.errors import EngineFailure, ModelLoading, ModelNotInstalled, SpeechdError
from speechd.executors import LOADS, MODEL_CHECKS, run_in
from speechd.llm.proxy import LLMProxy
from speechd.on_demand import OnDemandSpeaker, OnDemandTranscriber
from speechd.registry.catalog import Model
from speechd.registry.files import SPEAKERS_MODEL, folder_bytes
from speechd.registry.load_check.checker import ModelChecker
from speechd.registry.loading.loaders import ENGINES, LOADERS, EngineLoader, recording_limits
from speechd.registry.loading.manager import LoadedModel, ManagerLimits, ModelManager
from speechd.registry.model_names import AUTO
from speechd.registry.registry import ModelStore
from speechd.registry.transfer.download import pull
from speechd.registry.transfer.downloads import Pull, Pulls
from speechd.registry.voices import Voice, VoiceStore
from speechd.settings import Settings
from speechd.telemetry.metrics import LOAD_FAILURES, LOAD_SECONDS, model_label
from speechd.telemetry.tracing import span
from speechd.types import (
    Segment,
    Speaker,
    TranscribeOptions,
    Transcriber,
    Transcript,
)

RETRY_PULL_SECONDS = 60.0
"""Seconds after a failed pull before a request may start the next one."""

CLOSE_SECONDS = 2.0
"""Seconds that the end of the process waits for work inside libraries."""
MAX_REMEMBERED = 36_000.0
"""Seconds of audio whose transcripts are cached for repeated requests."""

log = logging.getLogger("speechd.models")


class Service:
    """All parts of speechd behind one object. API, worker and CLI hold one each."""

    def __init__(self, settings: Settings, load_engine: EngineLoader | None = None) -> None:
        """
        Args:
            settings: of the process.
            load_engine: loads every model instead of ENGINES; for tests.
        """
        self.settings = settings
        self.models = ModelStore(settings)
        self.llm = LLMProxy.of(settings)
        self.voices = VoiceStore(self.models, settings)
        self._load_engine = load_engine
        limits = ManagerLimits(settings.keep_alive, settings.max_loaded, settings.max_loaded_bytes)
        self.loaded = ModelManager(self._load, limits)
        """The models in memory."""
        self._checker = ModelChecker(settings)
        self.pulls = Pulls(self._pull, settings.max_pulls)
        """The pulls in the background."""
        self._preloading: asyncio.Task[None] | None = None
        self._closed = False
        self.coalescer: RequestCoalescer[Segment | Transcript] = RequestCoalescer(
            keep=settings.result_cache_seconds,
            grace=settings.disconnect_grace,
            weigh=remembered_weight,
            maximum=MAX_REMEMBERED,
        )
        """Transcriptions under way and recent transcripts."""
        self.reference_voices: TTLCache[bytes] = TTLCache(keep=settings.result_cache_seconds)
        """The embeddings of recent references, by the hash of the reference."""
        # Recordings that are diarized alone take turns window by window: no time to wait for is to be bounded.
        self._diarizations = DiarizationQueue(replace(recording_limits(settings), max_wait=0.0))

    @property
    def ready(self) -> bool:
        """Whether requests are accepted. A model that is not loaded yet loads at its first request."""
        preloaded = self._preloading is None or self._preloading.done()
        return preloaded and not self._closed

    @property
    def engine_faults(self) -> dict[str, EngineFaults]:
        """Engines whose processes hung or crashed, and models that are late now."""
        return shared_monitor().faults()

    @property
    def decodings(self) -> DecodingCounts:
        """What became of the recordings that this process has had decoded."""
        return shared_pool().counts

    async def transcriber(self, model_id: str, options: TranscribeOptions) -> tuple[Model, Transcriber]:
        """The model for this transcription, and a transcriber that loads the model when it begins.

        Raises:
            ModelNotFound, ModelNotInstalled, Unprocessable: see ModelStore.choose.
            ModelLoading: it is being pulled.
        """
        if options.task == "diarize":
            model = self._speaker_model(model_id)
            return model, self.transcriber_of(model, options)
        model = self._recogniser(model_id, options)
        if options.speakers is not None:
            self._speaker_model()
        if not self.models.means_auto(model_id):
            return model, self.transcriber_of(model, options)
        first = self.transcriber_of(model, options, partial(self._instead_of, options))
        second = self.models.second(model, options)
        if second is None:
            return model, first
        other = self.transcriber_of(second, options)
        return model, FallbackTranscriber(first, other, second.languages[0], model.trust)

    def transcriber_of(
        self, model: Model, options: TranscribeOptions, instead_of: Callable[[Model], Model | None] | None = None
    ) -> Transcriber:
        """A transcriber that loads this model when it begins.

        Args:
            instead_of: gives another model where the files of one cannot be loaded; None: there is no other.
        """
        longest = self.settings.max_audio_seconds
        if options.task == "diarize":
            return SpeakerTranscriber(model.id, partial(self.diarizer, model), self._diarizations, longest)
        return OnDemandTranscriber(self.loaded, self.diarizer, longest, model, instead_of)

    def speaker_of(self, voice: Voice) -> Speaker:
        """A speaker that loads this voice when it begins."""
        return OnDemandSpeaker(self.loaded, voice, self.settings)

    @asynccontextmanager
    async def decoder_of(
        self, model: Model, instead_of: Callable[[Model], Model | None] | None, caller: str = ""
    ) -> AsyncGenerator[WindowDecoder]:
        """This model, in memory for as long as the context is open.

        Args:
            instead_of: see transcriber_of.
            caller: id of the key that it is for.

        Raises:
            EngineFailure: its files cannot be loaded.
        """
        longest = self.settings.max_audio_seconds
        async with OnDemandTranscriber(self.loaded, self.diarizer, longest, model, instead_of).opened() as found:
            batcher, row = found
            yield StreamingDecoder(batcher, row.window_seconds, caller)

    @asynccontextmanager
    async def streaming_decoder(
        self, model_id: str, options: TranscribeOptions, caller: str = ""
    ) -> AsyncGenerator[WindowDecoder]:
        """The model of a live transcription, in memory for as long as the context is open.

        Raises:
            SpeechdError: see `transcriber`, or its files cannot be loaded.
        """
        model = self._recogniser(model_id, options)
        other = partial(self._instead_of, options) if self.models.means_auto(model_id) else None
        async with self.decoder_of(model, other, caller) as decoder:
            yield decoder

    async def speaker(
        self, model_id: str, voice_name: str, language: str = "", *, required: bool = False
    ) -> tuple[Voice, Speaker]:
        """The voice of a speech request, and a speaker that loads the voice when it begins.

        Args:
            language: ISO 639-1 code of the text; "" where nobody knows.
            required: the caller named the language.

        Raises:
            ModelNotFound, ModelNotInstalled, InvalidRequest: see VoiceStore.choose.
            ModelLoading: it is being pulled.
            EngineFailure: its files cannot be loaded, and it was asked for by name.
        """
        choose = partial(self.voices.choose, model_id, voice_name, language, required=required)
        try:
            choose()
        except ModelNotInstalled as refusal:
            missing = self.voices.missing(model_id, voice_name) or self.voices.lacking(model_id, voice_name, language)
            if missing:
                self._pull_instead(missing.id, refusal)
        voice = await self._usable_voice(choose)
        return voice, self.speaker_of(voice)

    @asynccontextmanager
    async def diarizer(self, model: Model | None = None) -> AsyncGenerator[Diarizer]:
        """The model that tells speakers apart, loaded and held for the duration of the context. It may be held beside a
        recogniser.

        Args:
            model: None takes the best one.

        Raises:
            ModelNotInstalled: none is on disk. The message names the command that pulls it.
            ModelLoading: it is being pulled.
            EngineFailure: its files cannot be loaded.
        """
        async with self.loaded.use(model or self._speaker_model()) as loaded:
            yield cast(Diarizer, loaded)

    def start(self) -> None:
        """Begins to load the models of SPEECHD_PRELOAD. It needs a running event loop."""
        if self.settings.preload:
            self._preloading = asyncio.create_task(self._preload())

    async def remove(self, model_id: str) -> Model:
        """Deletes a model's files for a caller of the API, and frees its memory when it is no longer in use.

        Raises:
            SpeechdError: see ModelStore.remove.
        """
        model = await asyncio.to_thread(self.models.remove, model_id, over_http=True)
        self.pulls.forget(model.id)
        await self.loaded.unload(model.id)
        return model

    async def close(self) -> None:
        """Cancels pulls and unloads every model. What is inside a library for longer than CLOSE_SECONDS is left there:
        a load, a batch, or a source that does not answer."""
        self._closed = True
        await self.coalescer.close()
        await self.llm.close()
        if self._preloading is not None:
            self._preloading.cancel()
        self._checker.close()
        closing = {
            asyncio.create_task(self.pulls.close(), name="pulls"),
            asyncio.create_task(self.loaded.close(), name="models"),
        }
        _, running = await asyncio.wait(closing, timeout=CLOSE_SECONDS)
        for task in running:
            log.warning("%s are still at work and are abandoned", task.get_name())
            task.cancel()
        await asyncio.gather(*closing, *filter(None, [self._preloading]), return_exceptions=True)

    def _recogniser(self, model_id: str, options: TranscribeOptions) -> Model:
        """The model for this transcription. An embedded one stands in only for what is not being pulled."""
        refusal = None
        try:
            model = self.models.choose(model_id, options)
            if not (model.embedded and self.models.stands_in(model_id)):
                return model
        except ModelNotInstalled as error:
            refusal = error
        self._pull_instead(model_id, refusal)
        return self.models.choose(model_id, options)  # its pull may have ended since

    def _speaker_model(self, model_id: str = AUTO) -> Model:
        """
        Raises:
            ModelNotInstalled, ModelLoading: see diarizer.
            ModelNotFound, Unprocessable: see ModelStore.speaker_model.
        """
        try:
            return self.models.speaker_model(model_id)
        except ModelNotInstalled as refusal:
            self._pull_instead(SPEAKERS_MODEL, refusal)
            return self.models.speaker_model(model_id)  # its pull may have ended since

    async def _preload(self) -> None:
        for model_id in self.settings.preload:
            try:
                await self.loaded.load(self.models.installed(model_id))
            except SpeechdError as error:
                log.error("%s was not preloaded: %s", model_id, error.message)

    async def check(self, model: Model) -> None:
        """Tries whether the files of a model can be loaded, in a process of its own; once for the same files.

        Raises:
            EngineFailure, FeatureNotInstalled, Misconfigured: see ModelChecker.check.
        """
        if self._load_engine is None and not await asyncio.to_thread(self._checker.passed, model):
            await run_in(MODEL_CHECKS, self._checker.check, model)

    async def _load(self, model: Model) -> LoadedModel:
        began, megabytes = time.monotonic(), folder_bytes(model.path) / 1e6 if model.path else 0.0
        log.info("loading %s (%.0f MB)", model.id, megabytes)
        try:
            with span("load model", speechd__model=model.id):
                await self.check(model)
                load = self._load_engine or ENGINES[model.engine]
                engine = await run_in(LOADS, load, model, self.settings)
        except SpeechdError:
            LOAD_FAILURES.labels(model_label(model.id)).inc()
            raise
        seconds = time.monotonic() - began
        LOAD_SECONDS.labels(model_label(model.id)).observe(seconds)
        log.info("loaded %s in %.1f s", model.id, seconds)
        return LOADERS[model.kind](engine, model.id, self.settings)

    def _pull(self, model: Model, report: Callable[[int, int], None]) -> Model:
        offline, mirror = self.settings.offline, self.settings.model_mirror
        return pull(model, self.models, report, offline=offline, mirror=mirror, over_http=True)

    def _instead_of(self, options: TranscribeOptions, broken: Model) -> Model | None:
        """The model that `auto` means where one cannot be loaded; None where there is no other."""
        self.models.broken.add(broken)
        try:
            return self.models.choose(AUTO, options)
        except SpeechdError:
            return None

    async def _usable_voice(self, choose: Callable[[], Voice]) -> Voice:
        """The voice of a request, or, where that is broken and the request leaves it open, the next one.

        Raises:
            EngineFailure: the request names a broken one.
        """
        voice = choose()
        while True:
            try:
                await self.check(voice.model)
            except EngineFailure as error:
                self.models.broken.add(voice.model)
                following = choose()
                if following.model.id == voice.model.id:
                    raise
                log.error("the voice is %s instead of %s: %s", following.id, voice.id, error.message)
                voice = following
            else:
                return voice

    def _pull_instead(self, model_id: str, refusal: ModelNotInstalled | None) -> None:
        """Starts the pull of a model that a request needs. Does nothing where the model is installed meanwhile.

        Raises:
            ModelLoading: its pull is running. `retry_after` estimates its time.
            ModelNotInstalled: its last pull failed, with the reason, and nothing else can answer.
        """
        model = self.models.named(model_id)
        if model is None or model.installed:
            return
        pull = self.pulls.get(model.id)
        if (pull is None or pull.may_start_again(RETRY_PULL_SECONDS)) and self._may_pull(model):
            pull = self.pulls.start(model)
        if pull is not None and pull.state == "pulling":
            raise _loading(pull)
        if refusal is not None and pull is not None and pull.state == "failed":
            raise ModelNotInstalled(f"{refusal.message} The last pull failed: {pull.error}", param="model")

    def _may_pull(self, model: Model) -> bool:
        reachable = not self.settings.offline or bool(self.settings.model_mirror)  # a folder needs no network
        return self.settings.auto_pull and reachable and model.pullable


def _loading(pull: Pull) -> ModelLoading:
    progress = f"{pull.done / 1e6:.0f} of {pull.total / 1e6:.0f} MB" if pull.total else "just begun"
    return ModelLoading(
        f"The model `{pull.model.id}` is being pulled ({progress}). Please try again in {pull.seconds_left:.0f}s.",
        param="model",
        retry_after=pull.seconds_left,
    )


def remembered_weight(transcript: Segment | Transcript) -> float:
    """Seconds of audio, and at least 10, so that the shortest are bounded in number."""
    return max(10.0, transcript.duration)


def open_service(settings: Settings) -> Service:
    """The service on the real engines. Call it inside the running event loop."""
    service = Service(settings)
    service.start()
    return service
