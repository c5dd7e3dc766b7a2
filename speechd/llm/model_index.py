"""The models of the backends. Their own lists decide, because some servers answer under any name."""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from speechd.errors import BackendFailure, BackendTimeout, ModelNotFound, SpeechdError
from speechd.llm.backends import Backend
from speechd.llm.client import BackendClient

FRESH_SECONDS = 60.0
"""Seconds that a listed model counts as available."""
RETRY_SECONDS = 1.0
"""Seconds between two reads of a list at least. An unknown model causes a read."""
LIST_SECONDS = 10.0
"""Seconds that reading a list may take."""


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model of a backend."""

    id: str
    """The id for callers. Where a server uses the path of a file, it is the name of the file."""
    name: str
    """The id of the backend."""
    backend: Backend
    row: Mapping[str, Any]
    """The backend's own description of it."""

    @property
    def created(self) -> int:
        """Unix seconds; 0 when the backend does not say."""
        created = self.row.get("created")
        return int(created) if isinstance(created, int | float) and 0 <= created < 1e11 else 0

    @property
    def owned_by(self) -> str:
        return str(self.row.get("owned_by") or "unknown")

    @property
    def context_window(self) -> int | None:
        """Tokens, by whichever name the backend has for it (Groq, vLLM, llama.cpp)."""
        meta = self.row.get("meta")
        known = (
            self.row.get("context_window"),
            self.row.get("max_model_len"),
            meta.get("n_ctx_train") if isinstance(meta, dict) else None,
        )
        return next((value for value in known if isinstance(value, int) and value > 0), None)

    @property
    def max_completion_tokens(self) -> int | None:
        limit = self.row.get("max_completion_tokens")
        return limit if isinstance(limit, int) and limit > 0 else self.context_window

    @property
    def is_llama_cpp(self) -> bool:
        return self.owned_by == "llamacpp"

    @property
    def ranks_by_logits(self) -> bool:
        """llama.cpp's `/rerank` gives the model's raw output; others give probabilities."""
        return self.backend.rerank_scores == "logit" or (self.backend.rerank_scores == "auto" and self.is_llama_cpp)


@dataclass(slots=True)
class _Listing:
    """The last known list of one backend's models."""

    backend: Backend
    models: tuple[RemoteModel, ...] = ()
    failure: SpeechdError | None = None
    read_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class ModelIndex:
    """The backends' lists, cached for a short time."""

    def __init__(self, backends: tuple[Backend, ...], client: BackendClient) -> None:
        self._client = client
        self._listings = tuple(_Listing(backend) for backend in backends)

    async def models(self) -> tuple[RemoteModel, ...]:
        """Every model of every backend that can be reached, each id once."""
        await asyncio.gather(*(self._read(listing, RETRY_SECONDS) for listing in self._listings))
        found: dict[str, RemoteModel] = {}
        for listing in self._listings:
            for model in listing.models if listing.failure is None else ():
                found.setdefault(model.id, model)
        return tuple(found.values())

    async def find(self, model_id: str) -> RemoteModel:
        """The model of that id, on the first backend that has it.

        Raises:
            ModelNotFound: no backend has it.
            BackendFailure: a backend that may have it cannot be reached.
        """
        failure: SpeechdError | None = None
        for listing in self._listings:
            if not listing.backend.may_serve(model_id):
                continue
            await self._read(listing, FRESH_SECONDS if _find(listing, model_id) else RETRY_SECONDS)
            if model := _find(listing, model_id):
                return model
            failure = failure or listing.failure
        if failure is not None:
            raise _again(failure)
        raise ModelNotFound(f"The model `{model_id}` does not exist or you do not have access to it.", param="model")

    async def _read(self, listing: _Listing, max_age: float) -> None:
        """Updates a listing. Concurrent calls share one request."""
        async with listing.lock:
            if time.monotonic() - listing.read_at < max_age:
                return
            try:
                async with asyncio.timeout(LIST_SECONDS):
                    listing.models = tuple(await self._fetch(listing.backend))
                listing.failure = None
            except TimeoutError:
                listing.failure = BackendTimeout()
            except SpeechdError as error:
                listing.failure = error
            if listing.failure is not None:
                listing.models = ()
            listing.read_at = time.monotonic()

    async def _fetch(self, backend: Backend) -> Iterator[RemoteModel]:
        if not backend.list_models:
            return (RemoteModel(name, name, backend, {}) for name in backend.exact_models)
        async with self._client.open(backend, "GET", "/models") as answer:
            body = await answer.read()
        return iter(list(_rows(backend, body)))


def _find(listing: _Listing, model_id: str) -> RemoteModel | None:
    return next((model for model in listing.models if model.id == model_id), None) or (
        RemoteModel(model_id, model_id, listing.backend, {}) if not listing.backend.list_models else None
    )


def _rows(backend: Backend, body: bytes) -> Iterator[RemoteModel]:
    try:
        rows = json.loads(body)["data"]
        names = [(str(row["id"]), row) for row in rows]
    except (ValueError, TypeError, LookupError, RecursionError):
        raise BackendFailure(f"The LLM backend ({backend.name}) lists no models. Check its base URL.") from None
    for name, row in names:
        model = RemoteModel(public_id(name), name, backend, row)
        if backend.may_serve(model.id):
            yield model


def public_id(name: str) -> str:
    """`/home/x/models/tiny.gguf` -> `tiny.gguf`; other names, such as `org/model`, are unchanged."""
    path = PureWindowsPath(name)  # knows both kinds of slash
    return path.name if path.name and (path.root or path.suffix.lower() == ".gguf") else name


def _again(failure: SpeechdError) -> SpeechdError:
    """A copy: one exception object must not be raised in two tasks."""
    copy = type(failure).__new__(type(failure))
    copy.__dict__.update(failure.__dict__)
    copy.args = failure.args
    return copy
