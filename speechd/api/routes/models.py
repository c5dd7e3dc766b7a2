"""The models of this server: list, describe, pull, load, unload, remove."""

from typing import Any

from fastapi import APIRouter, Query, Request, Response

from speechd.api.dependencies import get_service
from speechd.errors import ModelNotFound
from speechd.llm.model_index import RemoteModel
from speechd.registry.catalog import Model
from speechd.registry.manager import ModelStatus
from speechd.registry.over_http import offered
from speechd.registry.transfer.downloads import Pull
from speechd.schemas.models import LoadedObject, ManagedModel, ModelDeleted, ModelDetails, ModelList, PullObject
from speechd.schemas.transcription import ErrorEnvelope
from speechd.service import Service

router = APIRouter(tags=["Models"])

NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope}}


@router.get("/models", summary="List all models.", responses={400: {"model": ErrorEnvelope}})
async def list_models(request: Request, loaded: bool = Query(False, description="Only models in memory.")) -> ModelList:
    service = get_service(request)
    if loaded:
        return ModelList(data=[_object(service, status.model) for status in service.loaded.list()])
    ours = [_object(service, model) for model in service.models.list()]
    known = {model.id for model in ours}
    remote = [remote_object(model) for model in await service.llm.models() if model.id not in known]
    return ModelList(data=ours + remote)


@router.get("/models/{model:path}", summary="Describe one model, and its pull if there is one.", responses=NOT_FOUND)
async def get_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound: there is no such model.
    """
    service = get_service(request)
    try:
        return _object(service, _named(service, model))
    except ModelNotFound:
        if not service.llm.configured:
            raise
    return remote_object(await service.llm.find(model))


@router.post("/models/{model:path}/load", summary="Load an installed model into memory.", responses=NOT_FOUND)
async def load_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound, ModelNotInstalled: there is nothing to load.
        EngineFailure: its files cannot be loaded.
    """
    service = get_service(request)
    found = service.models.installed(model)
    await service.loaded.load(found)
    return _object(service, found)


@router.post("/models/{model:path}/unload", summary="Unload a model as soon as it is not in use.", responses=NOT_FOUND)
async def unload_model(model: str, request: Request) -> ManagedModel:
    """
    Raises:
        ModelNotFound: there is no such model.
    """
    service = get_service(request)
    found = service.models.get(model)
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


def _named(service: Service, model_id: str) -> Model:
    """The model; one that is only known by its pull counts too."""
    try:
        return service.models.get(model_id)
    except ModelNotFound:
        pull = service.pulls.get(model_id)
        if pull is None:
            raise
        return pull.model


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
