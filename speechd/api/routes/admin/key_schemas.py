"""Schemas of the keys of a server."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from speechd.auth.keys import DEFAULT_PERMISSIONS, KeyLimits, Permission
from speechd.schemas.base import Form


class LimitsForm(BaseModel):
    """Limits of a key. Null is no limit. Fields that are left out do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: int | None = Field(None, ge=1, le=10**9, description="Requests in a minute.")
    requests_per_day: int | None = Field(None, ge=1, le=10**9, description="Requests in a day.")
    audio_seconds_per_hour: float | None = Field(
        None, ge=1, le=1e9, allow_inf_nan=False, description="Seconds of audio in an hour."
    )
    audio_seconds_per_day: float | None = Field(
        None, ge=1, le=1e9, allow_inf_nan=False, description="Seconds of audio in a day."
    )

    def applied_to(self, limits: KeyLimits) -> KeyLimits:
        """Other limits with the fields that were given."""
        values = {name: getattr(limits, name) for name in KeyLimits.__slots__}
        return KeyLimits(**values | {name: getattr(self, name) for name in self.model_fields_set})


class NewKeyForm(Form):
    """Make an API key. Its secret is in this answer only."""

    nested = True

    name: str = Field(max_length=64, description="Who the key is for: letters, digits or . _ @ - signs.")
    scopes: tuple[Permission, ...] = Field(
        DEFAULT_PERMISSIONS, min_length=1, max_length=20, description="What the key may do."
    )
    limits: LimitsForm = Field(LimitsForm(), description="What it may use.")


class KeyChangeForm(Form):
    """Change the scopes or the limits of an API key."""

    nested = True

    scopes: tuple[Permission, ...] | None = Field(
        None, min_length=1, max_length=20, description="What the key may do from now on."
    )
    limits: LimitsForm = Field(LimitsForm(), description="Limits that change.")


class UseObject(BaseModel):
    """What a key has used of one limit."""

    used: float = Field(description="Requests, or seconds of audio, in the current window.")
    limit: float | None = Field(description="The limit; null for none.")
    resets_in: float = Field(description="Seconds until the window ends.")


class KeyUse(BaseModel):
    """The use of each window, also of those without a limit."""

    requests_per_minute: UseObject
    requests_per_day: UseObject
    audio_seconds_per_hour: UseObject
    audio_seconds_per_day: UseObject


class LimitsObject(BaseModel):
    """Limits of a key; null is no limit."""

    requests_per_minute: int | None
    requests_per_day: int | None
    audio_seconds_per_hour: float | None
    audio_seconds_per_day: float | None


class AdminKeyObject(BaseModel):
    """An API key, without its secret."""

    object: Literal["admin.key"] = Field("admin.key", description="Always `admin.key`.")
    id: str = Field(description="Id of the key.")
    name: str = Field(description="Its name.")
    scopes: list[Permission] = Field(description="What it may do.")
    limits: LimitsObject = Field(description="What it may use.")
    use: KeyUse = Field(description="What it has used.")
    created_at: int = Field(description="Unix time.")


class NewKeyObject(AdminKeyObject):
    """An API key that was made now."""

    key: str = Field(description="The secret, which is told once.")


class AdminKeyList(BaseModel):
    """All named keys, the oldest first. The key of SPEECHD_API_KEY is not among them."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[AdminKeyObject] = Field(description="The keys.")


class AdminKeyDeleted(BaseModel):
    """Reply of DELETE."""

    object: Literal["admin.key"] = Field("admin.key", description="Always `admin.key`.")
    id: str = Field(description="Id of the revoked key.")
    deleted: Literal[True] = Field(True, description="Always true.")


class CallerObject(BaseModel):
    """What the present caller may do."""

    object: Literal["admin.me"] = Field("admin.me", description="Always `admin.me`.")
    id: str = Field(description="Id of the key; empty without one.")
    name: str = Field(description="Name of the key; empty without one.")
    scopes: list[Permission] = Field(description="What the caller may do.")
    limits: LimitsObject = Field(description="What the key may use.")
    use: KeyUse = Field(description="What the key has used.")
    key_required: bool = Field(description="Whether this server takes calls with a key only.")
