"""A model as the API shows it, with what other servers on the same database have of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from speechd.llm.model_index import RemoteModel
from speechd.registry.catalog import Model
from speechd.registry.loading.manager import ModelStatus
from speechd.registry.transfer.downloads import Pull
from speechd.schemas.models import LoadedObject, ManagedModel, ModelDetails, PullObject
from speechd.service import Service
from speechd.store.shared.records import ServerState

PULL_ORDER = {"pulling": 0, "installed": 1, "failed": 2}
"""Of the pulls of several servers the first is shown."""


def model_object(service: Service, model: Model) -> ManagedModel:
    """A model of this server."""
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


def models_for_peers(service: Service) -> list[dict[str, Any]]:
    """What other servers are told: the models in memory here, and those being pulled."""
    models = {each.model.id: each.model for each in service.loaded.list()}
    models |= {each.model.id: each.model for each in service.pulls.list()}
    return [model_object(service, model).model_dump(mode="json") for model in models.values()]


class PeerModels:
    """The models of other servers."""

    def __init__(self, name: str, others: Sequence[ServerState]) -> None:
        """
        Args:
            name: of this server.
        """
        self._name = name
        self._models = [(each.name, model) for each in others for model in _readable(each.models)]
        self._any = bool(others)

    def loaded(self) -> Iterable[ManagedModel]:
        """Those in memory anywhere else, each once, as they are told of."""
        return {model.id: model for _, model in self._models if model.speechd and model.speechd.loaded}.values()

    def merged(self, model: ManagedModel) -> ManagedModel:
        """A model of this server, with its memory and its pull on the others."""
        if not self._any or model.speechd is None:
            return model
        details = model.speechd.model_copy()
        theirs = [(name, each.speechd) for name, each in self._models if each.id == model.id and each.speechd]
        places = [(self._name, details.loaded)] + [(name, each.loaded) for name, each in theirs]
        details.loaded = _together([(name, loaded) for name, loaded in places if loaded])
        pulls = [each.pull.model_copy(update={"server": name}) for name, each in theirs if each.pull]
        pulls = ([details.pull] if details.pull else []) + pulls
        details.pull = min(pulls, key=lambda pull: PULL_ORDER[pull.state], default=None)
        return model.model_copy(update={"speechd": details})


def _together(places: Sequence[tuple[str, LoadedObject]]) -> LoadedObject | None:
    """One model in the memory of several servers; this server's is the first, if it has it."""
    if not places:
        return None
    _, first = places[0]
    users = sum(loaded.users for _, loaded in places)
    return first.model_copy(update={"users": users, "servers": sorted(name for name, _ in places)})


def _readable(models: Iterable[dict[str, Any]]) -> Iterable[ManagedModel]:
    """What another version of speechd tells otherwise is left out."""
    for each in models:
        try:
            yield ManagedModel.model_validate(each)
        except ValidationError:
            continue


def _loaded(status: ModelStatus) -> LoadedObject:
    expires = None if status.expires_in is None else round(max(0.0, status.expires_in), 1)
    return LoadedObject(bytes=status.bytes, users=status.users, loaded_at=int(status.loaded_at), expires_in=expires)


def _pull(pull: Pull) -> PullObject:
    return PullObject(state=pull.state, completed_bytes=pull.done, total_bytes=pull.total, error=pull.error or None)
