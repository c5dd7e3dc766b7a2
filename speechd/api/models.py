"""GET /models: what this server knows, and whether it is installed."""

from fastapi import APIRouter, Request

from speechd.api.deps import service_of
from speechd.errors import ModelNotFound
from speechd.llm.directory import RemoteModel
from speechd.modelstore import Model
from speechd.schemas import ErrorEnvelope, ModelList, ModelObject

router = APIRouter(tags=["Models"])


@router.get("/models", summary="List all models.")
async def list_models(request: Request) -> ModelList:
    service = service_of(request)
    ours = [as_object(model) for model in service.models.list()]
    known = {model.id for model in ours}
    remote = [remote_object(model) for model in await service.companion.models() if model.id not in known]
    return ModelList(data=ours + remote)


@router.get("/models/{model:path}", summary="Describe one model.", responses={404: {"model": ErrorEnvelope}})
async def get_model(model: str, request: Request) -> ModelObject:
    """
    Raises:
        ModelNotFound: there is no such model.
    """
    service = service_of(request)
    try:
        return as_object(service.models.get(model))
    except ModelNotFound:
        if not service.companion.configured:
            raise
    return remote_object(await service.companion.find(model))


def as_object(model: Model) -> ModelObject:
    return ModelObject(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        active=model.installed,
        context_window=model.context_window,
        max_completion_tokens=model.context_window,
    )


def remote_object(model: RemoteModel) -> ModelObject:
    """A backend's model; what the backend does not tell is null."""
    return ModelObject(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        active=True,
        context_window=model.context_window,
        max_completion_tokens=model.max_completion_tokens,
    )
