"""GET /models: what this server knows, and whether it is installed."""

from fastapi import APIRouter, Request

from speechd.api.deps import service_of
from speechd.modelstore import Model
from speechd.schemas import ErrorEnvelope, ModelList, ModelObject

router = APIRouter(tags=["Models"])


@router.get("/models", summary="List all models.")
async def list_models(request: Request) -> ModelList:
    return ModelList(data=[as_object(model) for model in service_of(request).models.list()])


@router.get("/models/{model:path}", summary="Describe one model.", responses={404: {"model": ErrorEnvelope}})
async def get_model(model: str, request: Request) -> ModelObject:
    """
    Raises:
        ModelNotFound: there is no such model.
    """
    return as_object(service_of(request).models.get(model))


def as_object(model: Model) -> ModelObject:
    return ModelObject(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        active=model.installed,
        context_window=model.context_window,
        max_completion_tokens=model.context_window,
    )
