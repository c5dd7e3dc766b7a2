"""Which models there are, where their files lie, and which one a request means."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from speechd.errors import ModelNotFound, ModelNotInstalled, Unprocessable
from speechd.settings import Settings
from speechd.tts.voice_files import VoiceFiles
from speechd.types import Task, TranscribeOptions

AUTO = "auto"
"""The id that stands for the best installed model that can do what is asked."""


VOICE_CONTEXT = 200_000
"""Characters of text that a voice is given in one request."""
QUALITY_RANKS = {"x_low": 1, "low": 2, "medium": 3, "high": 4}
"""Piper's names for the sizes of its voices."""


def shipped_models() -> Path:
    """The folder of what ships with speechd: inside the installed package, or `models/` of a source checkout."""
    package = Path(__file__).parent
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the catalog and where its files are."""

    id: str
    kind: Literal["asr", "tts"]
    owned_by: str
    created: int
    """Unix seconds."""
    context_window: int
    rank: int
    tasks: tuple[Task, ...]
    languages: tuple[str, ...]
    """Codes it was trained for; empty means all of Whisper's."""
    adaptive_context: bool
    window_seconds: float
    """Longest window it is given."""
    window_gap: float
    """Seconds of silence that end a window."""
    embedded: bool
    """Ships with speechd."""
    hub: str
    """Its repository on a model hub, or ""."""
    path: Path | None
    """Folder of its files, or None while it is not installed."""
    stands_for: str = ""
    """`auto` for a hosted id that means the best installed voice."""

    @property
    def installed(self) -> bool:
        return self.path is not None

    def speaks(self, language: str | None) -> bool:
        return language is None or not self.languages or language in self.languages


class ModelStore:
    """The catalog, held against what is on disk."""

    def __init__(self, settings: Settings) -> None:
        self._pulled = settings.data_dir / "models"
        self._default = settings.default_model
        self._aliases: Mapping[str, str] = settings.model_aliases
        self._rows = tomllib.loads((shipped_models() / "catalog.toml").read_text())

    def list(self, hosted: bool = True) -> tuple[Model, ...]:
        """Every known model, the installed ones first, the best of them first.

        Args:
            hosted: also the hosted ids that stand for one.
        """
        rows = {name: row for name, row in self._known().items() if hosted or "stands_for" not in row}
        models = [self._model(model_id, row) for model_id, row in rows.items()]
        return tuple(sorted(models, key=lambda model: (not model.installed, -model.rank)))

    def get(self, model_id: str) -> Model:
        """The model of that id or alias.

        Raises:
            ModelNotFound: there is none.
        """
        name = self._aliases.get(model_id, model_id)
        known = self._known()
        if name not in known:
            raise ModelNotFound(
                f"The model `{model_id}` does not exist or you do not have access to it.", param="model"
            )
        return self._model(name, known[name])

    def choose(self, model_id: str, options: TranscribeOptions) -> Model:
        """The installed model that shall do this transcription.

        Raises:
            ModelNotFound: no such model.
            ModelNotInstalled: it, or any model that could, is not on disk.
            Unprocessable: the model named cannot do the task or the language.
        """
        name = self._aliases.get(model_id, model_id)
        if name == AUTO:
            name = self._aliases.get(self._default, self._default)
        model = self._best(options) if name == AUTO else self.get(name)
        _check(model, options)
        if not model.installed:
            raise ModelNotInstalled(
                f"The model `{model_id}` is known but not installed here. Installed: {_names(self.list())}."
                f" Put its files (CTranslate2 format) into {self._pulled.name}/{model.id} of the data folder,"
                f" or ask for an installed model.",
                param="model",
            )
        return model

    def _best(self, options: TranscribeOptions) -> Model:
        able = [m for m in self.list() if m.installed and m.kind == "asr" and options.task in m.tasks]
        if not able:
            raise ModelNotInstalled(f"No installed model can {options.task}.", param="model")
        return next((model for model in able if model.speaks(options.language)), able[0])

    def _known(self) -> dict[str, Mapping[str, Any]]:
        """The rows of the catalog, and one for each voice that lies in the data folder without being in it."""
        return {**_found_voices(self._pulled), **self._rows}

    def _folder(self, model_id: str, row: Mapping[str, Any]) -> Path | None:
        """Where the files of a model are; None where they are not."""
        if "stands_for" in row:
            return self._best_voice(row.get("languages"))
        folder = shipped_models() / row["folder"] if "folder" in row else self._pulled / model_id
        there = VoiceFiles.in_folder(folder) if row["kind"] == "tts" else (folder / "model.bin").is_file()
        return folder if there else None

    def _best_voice(self, languages: Sequence[str] | None) -> Path | None:
        voices = [m for m in self.list(hosted=False) if m.kind == "tts" and m.installed]
        able = (m for m in voices if not languages or set(m.languages) & set(languages))
        return next((model.path for model in able), None)

    def _model(self, model_id: str, row: Mapping[str, Any]) -> Model:
        return Model(
            id=model_id,
            kind=row["kind"],
            owned_by=row["owned_by"],
            created=row["created"],
            context_window=row["context_window"],
            rank=row["rank"],
            tasks=tuple(row.get("tasks", ())),
            languages=tuple(row.get("languages", ())),
            adaptive_context=row.get("audio_context") == "adaptive",
            window_seconds=float(row.get("window_seconds", 30)),
            window_gap=float(row.get("window_gap", 2)),
            embedded="folder" in row,
            hub=row.get("hub", ""),
            path=self._folder(model_id, row),
            stands_for=row.get("stands_for", ""),
        )


def _found_voices(folder: Path) -> dict[str, Mapping[str, Any]]:
    """A row for each folder with a Piper voice; a Piper quality in its name makes its rank."""
    rows: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and (files := VoiceFiles.in_folder(path)) is not None:
            rows[path.name] = {
                "kind": "tts",
                "owned_by": "local",
                "created": int(files.model.stat().st_mtime),
                "context_window": VOICE_CONTEXT,
                "rank": QUALITY_RANKS.get(path.name.rpartition("-")[2], 0),
                "languages": (files.info().language,),
            }
    return rows


def _names(models: Iterable[Model]) -> str:
    return ", ".join(model.id for model in models if model.installed)


def _check(model: Model, options: TranscribeOptions) -> None:
    if options.task not in model.tasks:
        raise Unprocessable(f"The model `{model.id}` cannot {options.task}.", param="model", code="task_not_supported")
    unknown = [code for code in (options.language, *options.languages) if code and not model.speaks(code)]
    if unknown:
        raise Unprocessable(
            f"The model `{model.id}` was not trained for the language `{unknown[0]}`;"
            f" it knows {', '.join(model.languages)}.",
            param="language" if unknown[0] == options.language else "languages",
            code="language_not_supported",
        )
