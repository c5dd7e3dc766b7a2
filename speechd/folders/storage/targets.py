"""Where outputs are written: a folder of this machine, or one in remote storage."""

import logging
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePath
from typing import Protocol

from speechd.errors import SpeechdError
from speechd.folders.discover import display_name
from speechd.folders.journal import FILE_NAME, Journal
from speechd.folders.storage.address import Location, StorageAddress
from speechd.folders.storage.lease import LEASE_SECONDS, FolderLease
from speechd.folders.storage.remote_folder import RemoteFolder
from speechd.folders.storage.write import output_paths, remove_partials, write_outputs
from speechd.formats.transcript import Format, View
from speechd.types import Transcript

SAVE_SECONDS = LEASE_SECONDS / 4
"""Seconds between two copies of the journal in remote storage: the most that a lost machine can lose."""

log = logging.getLogger("speechd.folders")


class OutputTarget(Protocol):
    """An output folder. Names are paths in it, without suffix."""

    def __str__(self) -> str: ...

    def journal(self) -> Journal:
        """Opens the journal, for this run alone.

        Raises:
            InvalidRequest: another run uses the folder, or it cannot be written.
        """
        ...

    def peek(self) -> Journal:
        """The journal for reading; nothing is written."""
        ...

    def existing(self, name: PurePath, formats: Sequence[Format]) -> list[str]:
        """The outputs that exist."""
        ...

    def write(self, name: PurePath, formats: Sequence[Format], transcript: Transcript, view: View) -> list[str]:
        """Writes the outputs, each of which appears complete. Returns their paths.

        Raises:
            OSError, CannotGoOn: one could not be written.
        """
        ...

    def clean_up(self, name: PurePath) -> None:
        """Removes partial files of a killed run."""
        ...

    def close(self) -> None: ...


class LocalTarget:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __str__(self) -> str:
        return str(self._folder)

    def journal(self) -> Journal:
        return Journal.open(self._folder)

    def peek(self) -> Journal:
        return Journal.look(self._folder)

    def existing(self, name: PurePath, formats: Sequence[Format]) -> list[str]:
        return [display_name(path) for path in output_paths(self._folder / name, formats) if path.exists()]

    def write(self, name: PurePath, formats: Sequence[Format], transcript: Transcript, view: View) -> list[str]:
        return [display_name(path) for path in write_outputs(self._folder / name, formats, transcript, view)]

    def clean_up(self, name: PurePath) -> None:
        remove_partials(self._folder / name)

    def close(self) -> None:
        """Does nothing: the journal is in the folder."""


class RemoteTarget:
    """A folder in remote storage. The journal is a temporary file here, and a copy of it is kept there.

    A thread renews the lease of the folder and the copy.
    """

    def __init__(self, address: StorageAddress) -> None:
        self._folder = RemoteFolder.open(address)
        self._names = set(self._folder.files())
        self._owned = ExitStack()
        self._stopped = threading.Event()
        self._failure: SpeechdError | None = None

    def __str__(self) -> str:
        return str(self._folder.address)

    def journal(self) -> Journal:
        lease = FolderLease.take(self._folder)
        self._owned.callback(lease.release)
        try:
            journal = self.peek()
        except BaseException:
            self._owned.close()
            raise
        self._owned.callback(self._save, journal)
        thread = threading.Thread(target=self._renew, args=(lease, journal), name="folder-lease", daemon=True)
        self._owned.callback(thread.join)
        self._owned.callback(self._stopped.set)
        thread.start()
        return journal

    def peek(self) -> Journal:
        folder = Path(self._owned.enter_context(tempfile.TemporaryDirectory(prefix="speechd-")))
        if content := self._folder.content(FILE_NAME):
            (folder / FILE_NAME).write_bytes(content)
        return Journal.open(folder)

    def existing(self, name: PurePath, formats: Sequence[Format]) -> list[str]:
        return [self._shown(path) for path in self._outputs(name, formats) if path in self._names]

    def write(self, name: PurePath, formats: Sequence[Format], transcript: Transcript, view: View) -> list[str]:
        if self._failure is not None:
            raise self._failure
        paths = self._outputs(name, formats)
        for shape, path in zip(formats, paths, strict=True):
            self._folder.write(path, shape.encode(transcript, view))
            self._names.add(path)
        return [self._shown(path) for path in paths]

    def clean_up(self, name: PurePath) -> None:
        """Does nothing: an object appears whole or not at all."""

    def close(self) -> None:
        self._owned.close()

    def _outputs(self, name: PurePath, formats: Sequence[Format]) -> list[str]:
        return [f"{name.as_posix()}{shape.suffix}" for shape in formats]

    def _shown(self, path: str) -> str:
        return f"{self._folder.address.url.rstrip('/')}/{path}"

    def _renew(self, lease: FolderLease, journal: Journal) -> None:
        while not self._stopped.wait(SAVE_SECONDS):
            try:
                lease.renew()
                self._save(journal)
            except SpeechdError as error:
                log.error("%s", error.message)
                self._failure = error
                return

    def _save(self, journal: Journal) -> None:
        """Copies the journal. After a failure it stays as it was: another run may have the folder."""
        if self._failure is None:
            self._folder.write(FILE_NAME, journal.copy())


def open_target(location: Location) -> OutputTarget:
    """
    Raises:
        InvalidRequest, FeatureNotInstalled: the address cannot be opened.
    """
    return RemoteTarget(location) if isinstance(location, StorageAddress) else LocalTarget(location)
