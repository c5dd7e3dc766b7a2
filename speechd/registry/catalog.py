"""The description of a model, from a row of the catalog, a folder or a name on a hub."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from speechd.asr.engines.onnx_asr_files import OnnxAsrFiles
from speechd.asr.engines.whisper_vocabulary import languages_of, tasks_of
from speechd.errors import SpeechdError
from speechd.registry import piper_voices
from speechd.registry.files import engine_of, hub_snapshot
from speechd.registry.sources.base import ModelFile, Source
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.rows import read_files, read_sources
from speechd.tts.engines.kokoro_files import KokoroFiles
from speechd.tts.engines.piper_files import VoiceFiles
from speechd.types import Task, TranscribeOptions

log = logging.getLogger("speechd.models")

VOICE_CONTEXT = 200_000
"""Characters of text for one speech request."""
REPOSITORY = re.compile(r"(?!.*(\.\.|--))[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
"""Name of a repository on a model hub: `org/name`."""


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalog and where its files are."""

    id: str
    kind: Literal["asr", "speakers", "tts"]
    owned_by: str
    created: int
    """Unix seconds."""
    context_window: int
    rank: int
    tasks: tuple[Task, ...]
    languages: tuple[str, ...]
    """Codes it was trained for; empty, all of Whisper's, only while it is not installed."""
    context_margin: float | None
    """Seconds of silence after a short window at least, which is then not padded to 30 s; None: not measured."""
    window_seconds: float
    """Longest window, in seconds."""
    window_gap: float
    """Seconds of silence that end a window."""
    linked_windows: int
    """Windows in a row, each with the end of the previous text as its prompt; 1: none has one."""
    embedded: bool
    """Ships with speechd, or in a package that speechd installs."""
    hub: str
    """Its repository on a model hub, or ""."""
    path: Path | None
    """Folder of its files, or None while it is not installed."""
    engine: str = "whisper"
    """Name of its engine."""
    hub_folder: str = ""
    """Folder of the repository that holds its files, or "" for the whole."""
    extra: str = ""
    """The extra of speechd whose package carries it, or ""."""
    patterns: tuple[str, ...] = ()
    """Of the files to pull where it is not pinned; empty: those that its engine reads."""
    files: tuple[ModelFile, ...] = ()
    """Its pinned files; empty for a model that is not pinned: then the hub lists the files at the time of the pull."""
    sources: tuple[Source, ...] = ()
    """Where the pinned files come from, in the order in which they are tried."""
    licence: str = ""
    """SPDX identifier of the licence of its weights, or "" where only its own card says it."""
    copyright: str = ""
    """The notice that the licence requires, or ""."""
    second: str = ""
    """The model that `auto` uses where this one does not understand the recording."""
    trust: float = 0.0
    """Mean log-probability from which this model's text is accepted; 0 where it was not measured."""
    stands_for: str = ""
    """`auto` for a hosted id that stands for the best installed recogniser, or voice of its languages."""

    @property
    def installed(self) -> bool:
        return self.path is not None

    @property
    def pinned(self) -> bool:
        """A pull compares the files with hashes of the catalog, whatever the source."""
        return bool(self.files)

    @property
    def pullable(self) -> bool:
        """A source of its files is known."""
        return bool(self.hub or self.sources)

    @property
    def how_to_install(self) -> str:
        """The command that installs it."""
        return f"pip install 'speechd[{self.extra}]'" if self.extra else f"speechd models pull {self.id}"

    def speaks(self, language: str | None) -> bool:
        return language is None or not self.languages or language in self.languages

    def suits(self, options: TranscribeOptions) -> bool:
        """It knows the language asked for; where languages mix, it can tell them apart."""
        tells_languages = self.engine == "whisper" and len(self.languages) != 1
        return self.speaks(options.language) and (tells_languages or not options.multilingual)


UNKNOWN = Model(
    id="",
    kind="asr",
    owned_by="local",
    created=0,
    context_window=448,
    rank=10,
    tasks=("transcribe", "translate"),
    languages=(),
    context_margin=None,
    window_seconds=30,
    window_gap=5,
    linked_windows=4,
    embedded=False,
    hub="",
    path=None,
)
"""Defaults of a model without a row in the catalog: a Whisper, preferred only to the embedded models."""


def hub_repository(row: Mapping[str, Any]) -> str:
    """The repository of a row: its own, or that of the hub among its sources; "" where it has none."""
    named = (source.repository for source in read_sources(row) if isinstance(source, HubSource))
    return str(row.get("hub") or next(named, ""))


def from_row(model_id: str, row: Mapping[str, Any], path: Path | None) -> Model:
    """A row of the catalog.

    Args:
        path: folder of its files, or None.
    """
    engine = row.get("engine", "whisper")
    return Model(
        id=model_id,
        kind=row["kind"],
        owned_by=row["owned_by"],
        created=row["created"],
        context_window=row["context_window"],
        rank=row["rank"],
        tasks=tuple(row.get("tasks", ())),
        languages=tuple(row.get("languages", ())),
        context_margin=row.get("context_margin"),
        window_seconds=float(row.get("window_seconds", 30)),
        window_gap=float(row.get("window_gap", 5)),
        linked_windows=row.get("linked_windows", 4 if engine == "whisper" else 1),
        embedded="folder" in row or "stands_for" in row,
        hub=hub_repository(row),
        path=path,
        engine=engine,
        extra=row.get("extra", ""),
        patterns=tuple(row.get("patterns", ())),
        files=read_files(row),
        sources=read_sources(row),
        licence=row.get("licence", ""),
        copyright=row.get("copyright", ""),
        second=row.get("second", ""),
        trust=row.get("trust", 0.0),
        stands_for=row.get("stands_for", ""),
    )


def local(name: str, path: Path) -> Model:
    """A folder that an operator or a pull made."""
    created = int((path / "config.json").stat().st_mtime) if (path / "config.json").exists() else 0
    hub = name if REPOSITORY.fullmatch(name) else ""
    if engine_of(path) == "piper":
        return local_voice(name, path)
    if engine_of(path) == "onnx-asr":
        return local_onnx_asr(name, path)
    if engine_of(path) == "campplus":
        return replace(UNKNOWN, id=name, kind="speakers", engine="campplus", context_window=0, tasks=(), path=path)
    if engine_of(path) == "kokoro":
        return local_kokoro(name, path)
    model = replace(UNKNOWN, id=name, created=created, hub=hub, engine=engine_of(path) or "whisper", path=path)
    return with_vocabulary(model)


def readable(name: str, path: Path) -> Model | None:
    """What a folder holds; None where its files cannot be read, which is said."""
    try:
        return local(name, path)
    except (SpeechdError, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        log.warning("the model %s cannot be read: %s", name, error)
        return None


def with_vocabulary(model: Model) -> Model:
    """A Whisper model with the languages and tasks that its vocabulary has, where the catalog names none."""
    if model.engine != "whisper" or model.kind != "asr" or model.languages or model.path is None:
        return model
    languages = languages_of(model.path)
    able = tasks_of(languages)
    return replace(model, languages=languages, tasks=tuple(task for task in model.tasks if task in able))


def local_onnx_asr(name: str, path: Path) -> Model:
    """A folder with a model for onnx-asr; its files say which languages it knows."""
    return replace(
        UNKNOWN,
        id=name,
        created=int(path.stat().st_mtime),
        hub=name if REPOSITORY.fullmatch(name) else "",
        engine="onnx-asr",
        tasks=("transcribe",),
        languages=OnnxAsrFiles(path).languages,
        path=path,
    )


def local_kokoro(name: str, path: Path) -> Model:
    """A folder with Kokoro; the names of its speakers say which languages they read."""
    info = KokoroFiles(path).info()
    return replace(
        UNKNOWN,
        id=name,
        kind="tts",
        created=int(path.stat().st_mtime),
        engine="kokoro",
        context_window=VOICE_CONTEXT,
        rank=1,
        tasks=(),
        languages=tuple(sorted({language for language, _ in info.accents.values()})),
        path=path,
    )


def local_voice(name: str, path: Path) -> Model:
    """A folder with a Piper voice; a Piper quality in its name makes its rank."""
    files = VoiceFiles.in_folder(path)
    return replace(
        hub_voice(path.name),
        id=name,
        created=int(files.model.stat().st_mtime) if files else 0,
        languages=(files.info().language,) if files else (),
        path=path if files else None,
    )


def hub_voice(name: str) -> Model:
    """The description of a Piper voice by its name, wherever its files are."""
    folder = piper_voices.hub_folder(name)
    return replace(
        UNKNOWN,
        id=name,
        kind="tts",
        engine="piper",
        owned_by="rhasspy" if folder else "local",
        context_window=VOICE_CONTEXT,
        rank=piper_voices.rank(name),
        tasks=(),
        languages=(piper_voices.language(name),),
        hub=piper_voices.HUB if folder else "",
        hub_folder=folder,
        path=hub_snapshot(piper_voices.HUB, "piper", folder) if folder else None,
    )
