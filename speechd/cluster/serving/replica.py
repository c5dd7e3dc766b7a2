"""One copy of a model, in a process of its own on a machine of the cluster, opened with speechd's own loaders."""

import asyncio
import io
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from speechd import __version__
from speechd.asr.batcher import Batcher
from speechd.asr.engine import Decoded
from speechd.audio.isolation.pool import shared_pool
from speechd.cluster.serving.signs import with_signs
from speechd.cluster.serving.wire import (
    CallContext,
    DecodeCall,
    Failed,
    SignOfLife,
    SpeakCall,
    TranscribeCall,
)
from speechd.configuration.sources import variable
from speechd.errors import EngineFailure, Misconfigured, SpeechdError
from speechd.operations.charging import CHARACTERS_PER_SECOND
from speechd.registry.catalog import Model
from speechd.registry.loading.manager import LoadedModel
from speechd.service import Service, open_service
from speechd.settings import Settings
from speechd.telemetry.tracing import request_span
from speechd.tts.synthesizer import LoadedVoice
from speechd.types import Segment, Speech, SpeechPart, Transcript

QUEUE_SECONDS = "queue_seconds"
"""What a replica tells of itself: seconds of audio that it has taken on and not finished."""

T = TypeVar("T")
log = logging.getLogger("speechd.cluster")


class ModelReplica:
    """Transcribes or speaks with one model. Its methods are called by stubs of speechd.cluster.serving.stubs."""

    def __init__(self, model: str, given: Mapping[str, Any], version: str) -> None:
        """
        Args:
            model: its id, or the operator's name of its folder.
            given: settings of the API process. The environment of this machine goes before.
            version: of speechd in the API process.

        Raises:
            Misconfigured: this machine has another version of speechd.
        """
        check_version(version)
        self._model = model
        self._settings = replica_settings(given)
        self._service: Service | None = None
        self._loaded: LoadedModel | None = None
        self._taken: dict[object, float] = {}
        """Seconds of audio of each call that is not answered yet."""
        self._opening = asyncio.Lock()

    async def transcribe(self, call: TranscribeCall) -> AsyncIterator[Segment | Transcript | Failed | SignOfLife]:
        """Segments as they are final, then the transcript; a Failed instead of an error."""

        def parts(service: Service, context: CallContext) -> AsyncGenerator[Segment | Transcript, None]:
            transcriber = service.transcriber_of(self._installed(service), call.options)
            return transcriber.stream(io.BytesIO(call.audio), call.options, lambda: context.priority, context.caller)

        async with aclosing(with_signs(self._answered("transcribe", call, parts))) as items:
            async for item in items:
                yield item

    async def speak(self, call: SpeakCall) -> AsyncIterator[SpeechPart | Speech | Failed | SignOfLife]:
        """Audio as it is ready, then the speech; a Failed instead of an error."""

        def parts(service: Service, context: CallContext) -> AsyncGenerator[SpeechPart | Speech, None]:
            voice = replace(call.voice, model=self._installed(service))
            return service.speaker_of(voice).stream(call.text, call.options, context.priority, context.caller)

        async with aclosing(with_signs(self._answered("speak", call, parts))) as items:
            async for item in items:
                yield item

    async def decode(self, call: DecodeCall) -> AsyncIterator[Decoded | Failed | SignOfLife]:
        """One window of a live session, ahead of recordings that come later."""
        async with aclosing(with_signs(self._decoded(call))) as items:
            async for item in items:
                yield item

    async def warm_up(self) -> AsyncIterator[Failed | SignOfLife | None]:
        """Loads the model; None when it is loaded."""
        async with aclosing(with_signs(self._warmed_up())) as items:
            async for item in items:
                yield item

    def record_routing_stats(self) -> dict[str, float]:
        """What routers in API processes choose by."""
        return {QUEUE_SECONDS: self._queue_seconds()}

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What the number of replicas is chosen by."""
        return {QUEUE_SECONDS: self._queue_seconds()}

    async def __del__(self) -> None:
        """Ray Serve awaits it when the replica has answered its last request."""
        if self._service is not None:
            await self._service.close()

    async def _decoded(self, call: DecodeCall) -> AsyncGenerator[Decoded | Failed, None]:
        try:
            service = await self._opened()
            async with service.decoder_of(self._installed(service), None, call.context.caller) as decoder:
                yield replace(await decoder.decode(call.job), encoded=None)  # it stays on its device
        except SpeechdError as error:
            yield Failed.of(error)

    async def _warmed_up(self) -> AsyncGenerator[Failed | None, None]:
        try:
            service = await self._opened()
            await service.loaded.load(self._installed(service))
            yield None
        except SpeechdError as error:
            yield Failed.of(error, loading=True)

    async def _answered(
        self,
        name: str,
        call: TranscribeCall | SpeakCall,
        parts: Callable[[Service, CallContext], AsyncGenerator[T, None]],
    ) -> AsyncGenerator[T | Failed, None]:
        loading, context = True, call.context
        try:
            with self._counted(call.seconds), request_span(name, "server", context.traceparent):
                service = await self._opened()
                async with service.loaded.use(self._installed(service)) as self._loaded:
                    loading = False
                    async with aclosing(parts(service, context)) as made:
                        async for part in made:
                            yield part
        except SpeechdError as error:
            yield Failed.of(error, loading=loading and isinstance(error, EngineFailure))

    @contextmanager
    def _counted(self, seconds: float) -> Iterator[None]:
        mark = object()
        self._taken[mark] = seconds
        try:
            yield
        finally:
            del self._taken[mark]

    def _installed(self, service: Service) -> Model:
        """
        Raises:
            ModelNotInstalled: its files are not on this machine.
        """
        return service.models.installed(self._model)

    async def _opened(self) -> Service:
        async with self._opening:
            if self._service is None:
                await asyncio.to_thread(shared_pool().start, self._settings.decoders)  # before any engine takes memory
                self._service = open_service(self._settings)
            return self._service

    def _queue_seconds(self) -> float:
        if isinstance(self._loaded, Batcher):
            return self._loaded.queued_seconds
        if isinstance(self._loaded, LoadedVoice):
            return self._loaded.admission.waiting / CHARACTERS_PER_SECOND
        return sum(self._taken.values())


def check_version(version: str) -> None:
    """
    Args:
        version: of speechd in the API process.

    Raises:
        Misconfigured: this machine has another one.
    """
    if version != __version__:
        raise Misconfigured(f"A machine of the cluster has speechd {__version__}, and the server speechd {version}.")


def replica_settings(given: Mapping[str, Any]) -> Settings:
    """The settings of an API process for a replica: what the environment of this machine sets goes before. A loaded
    model stays, because the number of replicas follows the load. Ray chooses the GPU, and shows no other one."""
    kept = {name: value for name, value in given.items() if variable(name) not in os.environ}
    settings = Settings(**kept | {"keep_alive": -1, "preload": (), "worker": False})
    return settings.model_copy(update={"device": settings.device.partition(":")[0]})
