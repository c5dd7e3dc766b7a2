"""Who transcribes for a run over many recordings: this process here, or a service that runs elsewhere (see remote)."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from speechd.operations import TranscriptionRequest, TranscriptionStream, open_transcription
from speechd.registry.files import folder_bytes
from speechd.service import Service
from speechd.types import TranscribeOptions

WINDOWS_AT_ONCE = 128
"""Of all recordings in work: enough for every replica of an engine to have the next batch waiting; up to 2 MB each."""


class Recogniser(Protocol):
    """Who transcribes: this process, or a service that runs elsewhere."""

    @property
    def room(self) -> int:
        """Windows, or uploads, that it takes at once."""
        ...

    @property
    def by_windows(self) -> bool:
        """`room` counts windows: a long recording takes more of it than a short one."""
        ...

    async def warm_up(self, model: str, options: TranscribeOptions) -> None:
        """Makes sure that it can work at all, and need not load anything first.

        Raises:
            SpeechdError: it cannot.
        """
        ...

    def open(self, request: TranscriptionRequest) -> AbstractAsyncContextManager[TranscriptionStream]:
        """See speechd.operations.open_transcription."""
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """This process transcribes."""

    service: Service
    room: int = WINDOWS_AT_ONCE
    by_windows: bool = True

    async def warm_up(self, model: str, options: TranscribeOptions) -> None:
        """Loads the model: one that cannot be loaded would fail every recording.

        Raises:
            SpeechdError: it cannot be loaded.
        """
        await self.service.loaded.load(self.service.models.choose(model, options))

    def open(self, request: TranscriptionRequest) -> AbstractAsyncContextManager[TranscriptionStream]:
        """See speechd.operations.open_transcription."""
        return open_transcription(self.service, request)

    def identity(self, model: str, options: TranscribeOptions) -> str:
        """Which weights will do it.

        Raises:
            SpeechdError: none can; see ModelStore.choose.
        """
        first = self.service.models.choose(model, options)
        second = self.service.models.second(first, options) if self.service.models.means_auto(model) else None
        return " or ".join(f"{row.id} of {folder_bytes(row.path)} bytes" for row in (first, second) if row and row.path)
