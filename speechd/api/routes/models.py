"""The models of this server: list, describe, pull, load, unload, remove."""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Query, Request, Response

from speechd.api.dependencies import get_service
from speechd.errors import ModelNotFound
from speechd.llm.model_index import RemoteModel
from speechd.registry.catalog import Model
from speechd.registry.loading.manager import ModelStatus
from speechd.registry.model_names import AUTO
from speechd.registry.over_http import offered
from speechd.registry.transfer.downloads import Pull
from speechd.schemas.models import (
    LoadedObject,
    ManagedModel,
    ModelDeleted,
    ModelDetails,
    ModelList,
    PullObject,
    SpeechModelList,
)
from speechd.schemas.transcription import ErrorEnvelope
from speechd.service import Service

router = APIRouter(tags=["Models"])

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope}}


@router.get("/models", summary="List all models.", responses={400: {"model": ErrorEnvelope}})
async def list_models(request: Request, loaded: bool = Query(False, description="Only models in memory.")) -> ModelList:
    service = get_service(request)
    if loaded:
        return ModelList(data=[_object(service, status.model) for status in service.loaded.list()])
    ours = await _list(service)
    known = {model.id for model in ours}
    remote = [remote_object(model) for model in await service.llm.models() if model.id not in known]
    return ModelList(data=ours + remote)


@router.get("/models/{model:path}", summary="Describe one model, and its pull if there is one.", responses=NOT_FOUND)
async def get_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound: there is no such model, or it is neither installed nor being pulled.
    """
    service = get_service(request)
    row = await asyncio.to_thread(_named, service, model)
    if row is None:
        return remote_object(await service.llm.find(model))
    if not row.model.installed and (pull := service.pulls.get(row.model.id)) and pull.state == "installed":
        row = await asyncio.to_thread(_named, service, model) or row  # the pull ended after the first look
    found = _described(service, row)
    if not found.active and service.pulls.get(row.model.id) is None:  # some clients only look at the status
        raise ModelNotFound(_not_here(row), param="model")
    return found


@router.get("/audio/models", summary="List the models that speak.")
async def list_speech_models(request: Request) -> SpeechModelList:
    rows = await _list(get_service(request))
    return SpeechModelList(models=[row for row in rows if row.active and row.speechd and row.speechd.kind == "tts"])


@router.post("/models/{model:path}/load", summary="Load an installed model into memory.", responses=NOT_FOUND)
async def load_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound, ModelNotInstalled: there is nothing to load.
        EngineFailure: its files cannot be loaded.
    """
    service = get_service(request)
    found = _loadable(service, model, service.models.installed(model))
    await service.loaded.load(found)
    return _object(service, found)


@router.post("/models/{model:path}/unload", summary="Unload a model as soon as it is not in use.", responses=NOT_FOUND)
async def unload_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound: there is no such model.
    """
    service = get_service(request)
    found = _loadable(service, model, service.models.get(model))
    await service.loaded.unload(found.id)
    return _object(service, found)


@router.post(
    "/models/{model:path}",
    summary="Pull a model, by its id or its hub repository; GET shows the progress.",
    status_code=202,
    responses={**NOT_FOUND, 200: {"model": ManagedModel, "description": "It is installed already."}},
)
async def pull_model(model: str, request: Request, response: Response) -> ManagedModel:
    """
    Raises:
        ModelNotFound: there is no such model.
        EmbeddedModel: it does not come from a hub.
        Forbidden: it is no model of the catalog.
        Overloaded: too many pulls wait.
    """
    service = get_service(request)
    found = offered(service.models, model, any_model=service.settings.allow_any_model)
    if found.installed:
        response.status_code = 200
    else:
        service.pulls.start(found)
    return _object(service, found)


@router.delete("/models/{model:path}", summary="Remove a model's files.", responses=NOT_FOUND)
async def remove_model(model: str, request: Request) -> ModelDeleted:
    """Running requests finish first.

    Raises:
        ModelNotFound, ModelNotInstalled: there is nothing to remove.
        EmbeddedModel: it is part of the installation.
        Forbidden: it was put there by the operator.
    """
    removed = await get_service(request).remove(model)
    return ModelDeleted(id=removed.id)


@dataclass(frozen=True, slots=True)
class _Named:
    """A name, the model that has it, and the model that answers to it."""

    name: str
    model: Model
    target: Model | None
    """None where a request of that name is refused."""


async def _list(service: Service) -> list[ManagedModel]:
    """Every model, and every name that stands for one: those that can be used come first."""
    rows = await asyncio.to_thread(lambda: list(_all_names(service)))
    return sorted((_described(service, row) for row in rows), key=lambda row: not row.active)


def _all_names(service: Service) -> Iterator[_Named]:
    aliases, targets = service.settings.model_aliases, _Targets(service)
    models = {model.id: model for model in service.models.list()}
    for name in (*models, *sorted(aliases.keys() - models.keys())):
        model = _model_named(service, name) if name in aliases else models[name]
        if model is not None:
            yield _Named(name, model, targets.find(name, model))


def _named(service: Service, name: str) -> _Named | None:
    """What is known of a name; None where an LLM backend may know it.

    Raises:
        ModelNotFound: nobody can.
    """
    model = _model_named(service, name)
    if model is not None:
        return _Named(name, model, _Targets(service).find(name, model))
    if not service.llm.configured:
        raise ModelNotFound(f"The model `{name}` does not exist or you do not have access to it.", param="model")
    return None


def _model_named(service: Service, name: str) -> Model | None:
    """The model of any kind of name; one that is only known by its pull counts too."""
    try:
        return service.models.get(name)
    except ModelNotFound:
        pull = service.pulls.get(name)
        return pull.model if pull else service.models.answering(name)  # a name of `auto` is no model's own


@dataclass(frozen=True, slots=True)
class _Targets:
    """Finds the models that answer to names, each once."""

    service: Service
    _found: dict[Hashable, Model | None] = field(default_factory=dict)

    def find(self, name: str, model: Model) -> Model | None:
        """
        Args:
            model: that the name means.
        """
        if model.installed and not model.stands_for:
            return model
        if not model.stands_for and not self.service.models.stands_in(name):
            return None
        if model.kind == "asr":
            return self._once(AUTO, lambda: self.service.models.answering(AUTO))
        return self._once(model.languages, lambda: self._voice(model.languages))

    def _voice(self, languages: tuple[str, ...]) -> Model | None:
        voice = self.service.voices.answering(languages)
        return voice.model if voice else None

    def _once(self, key: Hashable, find: Callable[[], Model | None]) -> Model | None:
        if key not in self._found:
            self._found[key] = find()
        return self._found[key]


def _loadable(service: Service, name: str, model: Model) -> Model:
    """What is in memory under another id where this one stands for it."""
    return _Targets(service).find(name, model) or model if model.stands_for else model


def _described(service: Service, row: _Named) -> ManagedModel:
    """A row of the list, with what its target can do where the name stands for another model."""
    target, pull = row.target, service.pulls.get(row.model.id)
    if target is not None and target.embedded and pull is not None and pull.state == "pulling":
        target = None  # requests wait for the pull
    found = _object(service, row.model).model_copy(update={"id": row.name, "active": target is not None})
    if found.speechd is not None and target is not None and target.id != row.name:
        able = {"stands_for": target.id, "languages": target.languages, "tasks": target.tasks}
        found.speechd = found.speechd.model_copy(update=able)
    return found


def _not_here(row: _Named) -> str:
    if row.model.stands_for:
        return f"No installed model can stand for `{row.name}`."
    return f"The model `{row.name}` is not installed here. Install it with: {row.model.how_to_install}"


def _object(service: Service, model: Model) -> ManagedModel:
    status = next((each for each in service.loaded.list() if each.model.id == model.id), None)
    pull = service.pulls.get(model.id)
    return ManagedModel(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        active=model.installed,
        context_window=model.context_window,
        max_completion_tokens=model.context_window,
        speechd=ModelDetails(
            kind=model.kind,
            embedded=model.embedded,
            languages=model.languages,
            tasks=model.tasks,
            source=model.hub or None,
            loaded=_loaded(status) if status else None,
            pull=_pull(pull) if pull else None,
        ),
    )


def remote_object(model: RemoteModel) -> ManagedModel:
    """A backend's model; what the backend does not tell is null."""
    return ManagedModel(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        active=True,
        context_window=model.context_window,
        max_completion_tokens=model.max_completion_tokens,
    )


def _loaded(status: ModelStatus) -> LoadedObject:
    expires = None if status.expires_in is None else round(max(0.0, status.expires_in), 1)
    return LoadedObject(bytes=status.bytes, users=status.users, loaded_at=int(status.loaded_at), expires_in=expires)


def _pull(pull: Pull) -> PullObject:
    return PullObject(state=pull.state, completed_bytes=pull.done, total_bytes=pull.total, error=pull.error or None)
