"""What servers tell each other; light, for those who do not open the database."""

from dataclasses import dataclass
from typing import Any, Literal

ModelAction = Literal["load", "unload", "pull", "remove"]


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server and its models."""

    id: str
    """Random, of this process."""
    name: str
    """For people: host and process."""
    models: tuple[dict[str, Any], ...] = ()
    """Those in memory or being pulled, as GET /models describes them."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What a caller asked a server to do with a model."""

    number: int
    server: str
    """Id of the server that was asked. It has done it."""
    action: ModelAction
    model: str
    """As the caller named it."""
