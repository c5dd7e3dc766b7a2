"""What callers of the API may do to models: they name ids, never a path, and leave alone what the operator put here."""

from pathlib import Path
from typing import Protocol

from speechd.errors import Forbidden, ModelNotFound, PullFailed
from speechd.registry.catalog import REPOSITORY, Model
from speechd.registry.files import manifest_in


class PullableModels(Protocol):
    """What is needed of a ModelStore; see there."""

    def names(self, model_id: str) -> bool: ...

    def get(self, model_id: str) -> Model: ...

    def pullable(self, model_id: str) -> Model: ...


def offered(store: PullableModels, model_id: str, *, any_model: bool) -> Model:
    """The model of that id which a caller may have pulled.

    Args:
        store: knows the catalog.
        model_id: as the caller wrote it.
        any_model: a repository that neither the catalog nor the operator names is one too.

    Raises:
        ModelNotFound: there is none, and it is not the name of a repository.
        Forbidden: it is a repository that only the operator may pull.
        EmbeddedModel, InvalidRequest: see ModelStore.pullable.
    """
    if store.names(model_id):
        return store.pullable(model_id)
    try:
        return store.pullable(store.get(model_id).id)  # a folder of ours, or a voice of Piper's
    except ModelNotFound:
        if not REPOSITORY.fullmatch(model_id):
            raise
    if not any_model:
        raise Forbidden(
            f"Only models of the catalog can be pulled over HTTP. The operator can pull `{model_id}` with"
            f" `speechd models pull {model_id}`, or set SPEECHD_ALLOW_ANY_MODEL=true.",
            param="model",
            code="model_not_offered",
        )
    return store.pullable(model_id)


def check_removable(model: Model, folder: Path) -> None:
    """
    Args:
        model: is installed.
        folder: of all models.

    Raises:
        Forbidden: no pull brought it, or a link leads to it.
    """
    if model.path is None or not _is_at_home(model.path, folder) or not manifest_in(model.path):
        raise Forbidden(
            f"The model `{model.id}` was put there by the operator, who can remove it with"
            f" `speechd models remove {model.id}`.",
            code="model_protected",
        )


def check_place(model: Model, place: Path, folder: Path) -> None:
    """
    Args:
        model: shall be pulled.
        place: where its files would go.
        folder: of all models.

    Raises:
        PullFailed: files of the operator are there, or a link.
    """
    if not _is_at_home(place, folder) or (place.exists() and not manifest_in(place)):
        raise PullFailed(
            f"`{model.id}` was not pulled: the operator's own files are where it would go.", code="place_taken"
        )


def _is_at_home(path: Path, folder: Path) -> bool:
    """It stands below the models folder without a link between the data folder and it."""
    data = folder.parent
    return path.is_relative_to(folder) and path.resolve() == data.resolve() / path.relative_to(data)
