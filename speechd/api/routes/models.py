"""The models of this server: list, describe, pull, load, unload, remove."""

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Query, Request, Response

from speechd.api.dependencies import get_peers, get_service
from speechd.api.responses.model_object import PeerModels, model_object, remote_object
from speechd.errors import ModelNotFound
from speechd.registry.catalog import Model
from speechd.registry.model_names import AUTO
from speechd.registry.over_http import offered
from speechd.schemas.models import ManagedModel, ModelDeleted, ModelList, SpeechModelList
from speechd.schemas.transcription import ErrorEnvelope
from speechd.service import Service

router = APIRouter(tags=["Models"])

OTHERS_UNKNOWN = "other-servers-unknown"
"""Warning: the database is away, so what other servers have in memory is old or left out."""
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope}}


@router.get("/models", summary="List all models.", responses={400: {"model": ErrorEnvelope}})
async def list_models(
    request: Request, response: Response, loaded: bool = Query(False, description="Only models in memory.")
) -> ModelList:
    service = get_service(request)
    if loaded:
        return ModelList(data=await _in_memory(request, response))
    peers = _peer_models(request)
    ours = [peers.merged(row) for row in await _list(service)]
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
    await get_peers(request).look()
    found = _peer_models(request).merged(_described(service, row))
    if not found.active and not (found.speechd and found.speechd.pull):  # some clients only look at the status
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
        StorageUnavailable: other servers on the database cannot be asked to do the same, and nothing was done.
    """
    service = get_service(request)
    found = _loadable(service, model, service.models.installed(model))
    await get_peers(request).request("load", found.id)
    await service.loaded.load(found)
    return await _announced(request, found)


@router.post("/models/{model:path}/unload", summary="Unload a model as soon as it is not in use.", responses=NOT_FOUND)
async def unload_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound: there is no such model.
        StorageUnavailable: see load_model.
    """
    service = get_service(request)
    found = _loadable(service, model, service.models.get(model))
    await get_peers(request).request("unload", found.id)
    await service.loaded.unload(found.id)
    return await _announced(request, found)


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
        StorageUnavailable: see load_model.
    """
    service = get_service(request)
    found = offered(service.models, model, any_model=service.settings.allow_any_model)
    await get_peers(request).request("pull", model)
    if found.installed:
        response.status_code = 200
    else:
        service.pulls.start(found)
    return await _announced(request, found)


@router.delete("/models/{model:path}", summary="Remove a model's files.", responses=NOT_FOUND)
async def remove_model(model: str, request: Request) -> ModelDeleted:
    """Running requests finish first.

    Raises:
        ModelNotFound, ModelNotInstalled: there is nothing to remove.
        EmbeddedModel: it is part of the installation.
        Forbidden: it was put there by the operator.
        StorageUnavailable: it is removed here, and other servers on the database could not be told.
    """
    removed = await get_service(request).remove(model)
    await get_peers(request).request("remove", removed.id)
    await get_peers(request).announce()
    return ModelDeleted(id=removed.id)


async def _in_memory(request: Request, response: Response) -> list[ManagedModel]:
    """The models in the memory of this server and of the others."""
    service, peers = get_service(request), get_peers(request)
    if not await peers.look():
        response.headers["x-speechd-warning"] = OTHERS_UNKNOWN
    theirs = _peer_models(request)
    ours = [model_object(service, status.model) for status in service.loaded.list()]
    ids = {model.id for model in ours}
    return [theirs.merged(model) for model in (*ours, *_known_here(service, theirs.loaded(), ids))]


def _known_here(service: Service, models: Iterable[ManagedModel], but: Collection[str]) -> Iterator[ManagedModel]:
    """Models of other servers, described as they are here, where they are known here."""
    for model in models:
        if model.id not in but:
            known = _model_named(service, model.id)
            yield model_object(service, known) if known and known.id == model.id else _elsewhere(model)


def _elsewhere(model: ManagedModel) -> ManagedModel:
    """A model that only another server has."""
    details = model.speechd.model_copy(update={"loaded": None, "pull": None}) if model.speechd else None
    return model.model_copy(update={"active": False, "speechd": details})


def _peer_models(request: Request) -> PeerModels:
    peers = get_peers(request)
    return PeerModels(peers.name, peers.others)


async def _announced(request: Request, model: Model) -> ManagedModel:
    """The model after its change, of which the other servers are told."""
    await get_peers(request).announce()
    return _peer_models(request).merged(model_object(get_service(request), model))


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
    found = model_object(service, row.model).model_copy(update={"id": row.name, "active": target is not None})
    if found.speechd is not None and target is not None and target.id != row.name:
        able = {"stands_for": target.id, "languages": target.languages, "tasks": target.tasks}
        found.speechd = found.speechd.model_copy(update=able)
    return found


def _not_here(row: _Named) -> str:
    if row.model.stands_for:
        return f"No installed model can stand for `{row.name}`."
    return f"The model `{row.name}` is not installed here. Install it with: {row.model.how_to_install}"
