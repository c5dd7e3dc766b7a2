"""The service of an API process whose models are in a cluster."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

from speechd.asr.streaming.decoder import WindowDecoder
from speechd.cluster.connect import join_cluster
from speechd.cluster.serving.models import ClusterModels
from speechd.cluster.serving.stubs import RemoteDecoder, RemoteSpeaker, RemoteTranscriber
from speechd.registry.catalog import Model
from speechd.registry.loading.manager import ManagerLimits
from speechd.registry.voices import Voice
from speechd.service import Service
from speechd.settings import Settings
from speechd.types import Speaker, TranscribeOptions, Transcriber


class ClusterService(Service):
    """Chooses models as every Service does, and has replicas do their work."""

    loaded: ClusterModels

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        limits = ManagerLimits(settings.keep_alive, settings.max_loaded, settings.max_loaded_bytes)
        self.loaded = ClusterModels(self._load, limits, settings, partial(self.models.list, hosted=False))

    def start(self) -> None:
        """Begins to look at the cluster, and see Service.start."""
        self.loaded.start()
        super().start()

    def transcriber_of(
        self, model: Model, options: TranscribeOptions, instead_of: Callable[[Model], Model | None] | None = None
    ) -> Transcriber:
        """See Service.transcriber_of."""
        return RemoteTranscriber(self.loaded, model, instead_of)

    def speaker_of(self, voice: Voice) -> Speaker:
        """See Service.speaker_of."""
        return RemoteSpeaker(self.loaded, voice)

    @asynccontextmanager
    async def decoder_of(
        self, model: Model, instead_of: Callable[[Model], Model | None] | None, caller: str = ""
    ) -> AsyncGenerator[WindowDecoder]:
        """See Service.decoder_of."""
        yield RemoteDecoder(self.loaded, model, caller)

    async def check(self, model: Model) -> None:
        """Each replica checks the files of its own machine."""


def join_and_open(settings: Settings) -> Callable[[Settings], Service]:
    """Joins the cluster of the settings, and returns what opens the service on it.

    Raises:
        FeatureNotInstalled, Misconfigured: see join_cluster.
    """
    join_cluster(settings.cluster)

    def open_service(settings: Settings) -> Service:
        service = ClusterService(settings)
        service.start()
        return service

    return open_service
