"""Models on the wire: what they are, whether they are in memory, how far their pull is."""

from typing import Literal

from pydantic import BaseModel, Field


class PullObject(BaseModel):
    """How far the pull of a model is."""

    state: Literal["pulling", "installed", "failed"] = Field(description="What became of it.")
    completed_bytes: int = Field(description="Bytes that are here.")
    total_bytes: int = Field(description="Bytes in all; 0 while that is not known.")
    error: str | None = Field(None, description="Why it failed.")


class LoadedObject(BaseModel):
    """A model in memory."""

    bytes: int = Field(description="Size of its files, which is about what its weights take.")
    users: int = Field(description="Recordings that it works on now.")
    loaded_at: int = Field(description="When it was loaded, in Unix time.")
    expires_in: float | None = Field(None, description="Seconds until it is unloaded if nobody uses it.")


class ModelObject(BaseModel):
    """One model as GET /models lists it."""

    id: str = Field(description="What a request's `model` names.")
    object: Literal["model"] = Field("model", description="Always `model`.")
    created: int = Field(description="When the model was made, in Unix time.")
    owned_by: str = Field(description="Who made it.")
    active: bool = Field(description="It is installed and can be used now.")
    context_window: int | None = Field(description="Tokens it takes in, prompt included; null where unknown.")
    public_apps: None = Field(None, description="Always null.")
    max_completion_tokens: int | None = Field(description="Tokens it writes at most; null where unknown.")


class ModelDetails(BaseModel):
    """What the hosted services do not say of a model."""

    kind: str = Field(description="What it does: `asr` recognises speech.")
    embedded: bool = Field(description="It is part of the installation.")
    languages: tuple[str, ...] = Field(description="Codes it was trained for; none means all of Whisper's.")
    tasks: tuple[str, ...] = Field(description="`transcribe`, `translate`.")
    source: str | None = Field(description="Its repository on a model hub.")
    loaded: LoadedObject | None = Field(None, description="Set while it is in memory.")
    pull: PullObject | None = Field(None, description="Set once a pull of it was begun on this server.")


class ManagedModel(ModelObject):
    """One model with what only this server has to say of it."""

    speechd: ModelDetails | None = Field(
        None, description="More of it, under a name that collides with nobody's; null for a model of an LLM backend."
    )


class ModelDeleted(BaseModel):
    """What DELETE answers."""

    id: str = Field(description="What was removed.")
    object: Literal["model"] = Field("model", description="Always `model`.")
    deleted: Literal[True] = Field(True, description="Always true.")


class ModelList(BaseModel):
    """All models of this server."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[ManagedModel] = Field(description="The models.")
