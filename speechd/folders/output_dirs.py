"""Output folders: the names of outputs, and the entries of earlier runs."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePath

from speechd.folders.discover import FoundRecording, output_names
from speechd.folders.journal import Entry, Journal
from speechd.folders.storage.address import Location
from speechd.folders.storage.targets import OutputTarget, open_target


class OutputDir:
    """One output folder."""

    def __init__(self, target: OutputTarget, journal: Journal) -> None:
        self.target = target
        self.journal = journal
        names = journal.names()
        self._names = {source: name for source, name in names.items() if _may_exist(source)}
        """Names of earlier runs, which do not change."""
        self._gone = {name for source, name in names.items() if source not in self._names}
        """Names of missing files, which may have been moved."""

    def items(self, recordings: Sequence[FoundRecording]) -> "list[WorkItem]":
        """The recordings with the names of their outputs."""
        names = output_names(recordings, self._names)
        return [self._item(recording, name) for recording, name in zip(recordings, names, strict=True)]

    def clean_up(self) -> None:
        """Removes partial files of a killed run."""
        for name in self.journal.half_written():
            self.target.clean_up(name)

    def _item(self, recording: FoundRecording, name: PurePath) -> "WorkItem":
        source = recording.source
        if source not in self._names and name in self._gone:
            self._gone.discard(name)
            self.journal.adopt(source, name)
        self._names[source] = name
        return WorkItem(recording, self, name, self.journal.entry(source))


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One recording and its output folder."""

    recording: FoundRecording
    place: OutputDir
    name: PurePath
    """Path of its outputs, below the output folder and without suffix."""
    entry: Entry | None
    """Its entry from earlier runs."""

    @property
    def source(self) -> Path:
        return self.recording.source

    @property
    def target(self) -> OutputTarget:
        return self.place.target


def _may_exist(source: Path) -> bool:
    """Whether a source of an earlier run is there. An address, which is no absolute path, is not asked for."""
    return not source.is_absolute() or source.exists()


class OutputDirs:
    """The output folders of one run, each opened for its first recording."""

    def __init__(self, output: Location | None, *, only_look: bool, owned: ExitStack) -> None:
        """
        Args:
            output: the output folder; None: the `root` of each recording.
            only_look: nothing is written, and no journal is created.
            owned: closes the journals.
        """
        self._output = output
        self._only_look = only_look
        self._owned = owned
        self._places: dict[Location, OutputDir] = {}

    def items(self, recordings: Iterable[FoundRecording]) -> list[WorkItem]:
        """The recordings with their output folders.

        Raises:
            InvalidRequest: another run uses one of the folders, or it cannot be written.
        """
        groups: dict[Location, list[FoundRecording]] = {}
        for recording in recordings:
            groups.setdefault(self._output or recording.root, []).append(recording)
        return [item for folder, group in groups.items() for item in self.place(folder).items(group)]

    def place(self, folder: Location) -> OutputDir:
        """An output folder, locked for this run and without partial files."""
        if folder not in self._places:
            target = open_target(folder)
            journal = target.peek() if self._only_look else target.journal()
            self._owned.callback(journal.close)
            self._owned.callback(target.close)
            place = OutputDir(target, journal)
            if not self._only_look:
                place.clean_up()
            self._places[folder] = place
        return self._places[folder]

    def speed(self, parameters: str) -> float | None:
        """Seconds of audio per second in the last runs in one of these folders."""
        speeds = (place.journal.speed(parameters) for place in self._places.values())
        return next((speed for speed in speeds if speed), None)
