"""Schemas of models: their description, their state in memory, the progress of their pull."""

from typing import Literal

from pydantic import BaseModel, Field


class PullObject(BaseModel):
    """Progress of the pull of a model."""

    state: Literal["pulling", "installed", "failed"] = Field(description="State of the pull.")
    completed_bytes: int = Field(description="Bytes that arrived.")
    total_bytes: int = Field(description="Total bytes; 0 while unknown.")
    error: str | None = Field(None, description="Why it failed.")
    server: str | None = Field(
        None, description="The server that pulls it, where that is another one on the same database."
    )


class LoadedObject(BaseModel):
    """A model in memory."""

    bytes: int = Field(description="Size of its files, which is about the memory of its weights.")
    users: int = Field(description="Requests that use it now.")
    loaded_at: int = Field(description="When it was loaded, in Unix time.")
    expires_in: float | None = Field(None, description="Seconds until it is unloaded if it stays unused.")
    servers: list[str] | None = Field(
        None, description="Names of the servers that have it in memory, where several work on one database."
    )


class ModelObject(BaseModel):
    """One model as GET /models lists it."""

    id: str = Field(description="Value for `model` of a request.")
    object: Literal["model"] = Field("model", description="Always `model`.")
    created: int = Field(description="When the model was made, in Unix time.")
    owned_by: str = Field(description="Maker of the model.")
    active: bool = Field(description="Whether it is installed and can be used now.")
    context_window: int | None = Field(description="Maximum input tokens, with the prompt; null where unknown.")
    public_apps: None = Field(None, description="Always null.")
    max_completion_tokens: int | None = Field(description="Maximum output tokens; null where unknown.")


class ModelDetails(BaseModel):
    """Fields of a model that the hosted services do not have."""

    kind: str = Field(description="`asr` recognises speech, `speakers` tells speakers apart, `tts` speaks.")
    embedded: bool = Field(description="Whether it is part of the installation.")
    languages: tuple[str, ...] = Field(description="Codes it was trained for; none means all of Whisper's.")
    tasks: tuple[str, ...] = Field(description="`transcribe`, `translate`.")
    source: str | None = Field(description="Its repository on a model hub, which is a name of it too.")
    stands_for: str | None = Field(
        None, description="The installed model that answers to this id, where that is another one."
    )
    loaded: LoadedObject | None = Field(None, description="Set while it is in memory.")
    pull: PullObject | None = Field(None, description="Set after a pull of it began on a server of this database.")


class ManagedModel(ModelObject):
    """One model with the fields that only this server has."""

    speechd: ModelDetails | None = Field(None, description="Fields of speechd; null for a model of an LLM backend.")


class ModelDeleted(BaseModel):
    """Reply of DELETE."""

    id: str = Field(description="Id of the removed model.")
    object: Literal["model"] = Field("model", description="Always `model`.")
    deleted: Literal[True] = Field(True, description="Always true.")


class ModelList(BaseModel):
    """All models of this server."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[ManagedModel] = Field(description="The models.")


class SpeechModelList(BaseModel):
    """The models that speak, as chat front ends read them."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    models: list[ManagedModel] = Field(description="Values for `model` of a speech request that can be used now.")
