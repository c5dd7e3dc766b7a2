"""The transcriber of a run over many recordings: this process, or a remote service (see remote)."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from speechd.operations import RequestContext, TranscriptionRequest, TranscriptionStream, open_transcription
from speechd.operations.known_speakers import KnownSpeakers
from speechd.registry.catalog import Model
from speechd.registry.files import folder_bytes
from speechd.service import Service
from speechd.types import TranscribeOptions

WINDOWS_AT_ONCE = 128
"""Windows of all running recordings: enough to have a batch waiting for every replica of an engine; up to 2 MB each."""


class Recogniser(Protocol):
    """Transcribes for a run: this process, or a remote service."""

    @property
    def room(self) -> int:
        """Windows, or uploads, that it accepts at once."""
        ...

    @property
    def by_windows(self) -> bool:
        """`room` counts windows: a long recording uses more than a short one."""
        ...

    async def warm_up(self, model: str, options: TranscribeOptions) -> None:
        """Checks that it can work, and loads what it needs.

        Raises:
            SpeechdError: it cannot work.
        """
        ...

    def open(self, request: TranscriptionRequest) -> AbstractAsyncContextManager[TranscriptionStream]:
        """See speechd.operations.open_transcription."""
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """Transcribes in this process."""

    service: Service
    room: int = WINDOWS_AT_ONCE
    by_windows: bool = True
    known: KnownSpeakers = field(default_factory=KnownSpeakers)
    """Speakers who may be heard in each recording."""
    context: RequestContext = field(default_factory=RequestContext)

    async def warm_up(self, model: str, options: TranscribeOptions) -> None:
        """Loads the model, because a model that cannot be loaded would fail every recording.

        Raises:
            SpeechdError: it cannot be loaded.
        """
        await self.service.loaded.load(self.service.models.choose(model, options))

    def open(self, request: TranscriptionRequest) -> AbstractAsyncContextManager[TranscriptionStream]:
        """See speechd.operations.open_transcription."""
        return open_transcription(self.service, replace(request, known=self.known, context=self.context))

    def identity(self, model: str, options: TranscribeOptions) -> str:
        """Identifies the weights.

        Raises:
            SpeechdError: no model can do the task; see ModelStore.choose.
        """
        first = self.service.models.choose(model, options)
        second = self.service.models.second(first, options) if self.service.models.means_auto(model) else None
        weights = " or ".join(_weights(row) for row in (first, second) if row)
        return f"{weights} with {_weights(self.service.models.speaker_model())}" if options.speakers else weights


def _weights(model: Model) -> str:
    return f"{model.id} of {folder_bytes(model.path)} bytes" if model.path else model.id
