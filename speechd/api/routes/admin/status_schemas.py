"""Schemas of the state and the settings of a server."""

from typing import Literal

from pydantic import BaseModel, Field


class CheckObject(BaseModel):
    """A finding of a check, as in `speechd doctor`."""

    group: str = Field(description="`Installation`, `Machine`, or `Server` for what was tried at its start.")
    check: str = Field(description="Name of the check.")
    status: Literal["ok", "skipped", "warning", "problem"] = Field(description="`problem`: a part cannot work.")
    message: str = Field(description="The finding, in one sentence.")
    remedy: str | None = Field(None, description="What helps.")


class QueueObject(BaseModel):
    """A model in memory, and what waits for it."""

    model: str = Field(description="Id of the model.")
    kind: str = Field(description="`asr`, `tts` or `diarization`.")
    users: int = Field(description="Recordings and texts that use it now.")
    bytes: int = Field(description="Bytes of its files, about its weights.")
    queued_seconds: float | None = Field(None, description="Seconds of audio that are not decoded yet.")
    waiting_windows: int | None = Field(None, description="Windows that wait for the engine.")
    running_windows: int | None = Field(None, description="Windows that are being decoded.")
    queued_characters: int | None = Field(None, description="Characters that wait for a voice.")


class DiskObject(BaseModel):
    """The disk of the data folder."""

    path: str = Field(description="The data folder.")
    free_bytes: int = Field(description="Free space.")
    total_bytes: int = Field(description="Size of the disk.")


class DevicesObject(BaseModel):
    """Where models run."""

    setting: str = Field(description="SPEECHD_DEVICE.")
    cpu_cores: int = Field(description="CPU cores that this process may use.")
    gpus: int = Field(description="GPUs that CTranslate2 finds.")


class OpenWorkObject(BaseModel):
    """Work of the database, of all processes together."""

    jobs: dict[str, int] = Field(description="Open audio jobs by state.")
    batches: dict[str, int] = Field(description="Batches by status.")
    batch_lines: dict[str, int] = Field(description="Open lines of batches by state.")
    webhooks: int = Field(description="Webhooks that are still to be delivered.")
    oldest_waiting_seconds: float = Field(description="Seconds that the next task of the queue has waited.")


class LoggedFault(BaseModel):
    """A warning or an error of this process."""

    at: float = Field(description="Unix time.")
    level: str = Field(description="`warning`, `error` or `critical`.")
    logger: str = Field(description="The part of speechd.")
    message: str = Field(description="What was logged.")


class StatusObject(BaseModel):
    """The state of a server."""

    object: Literal["admin.status"] = Field("admin.status", description="Always `admin.status`.")
    version: str = Field(description="Version of speechd.")
    started_at: int = Field(description="Unix time.")
    uptime_seconds: float = Field(description="Seconds since then.")
    ready: bool = Field(description="As `/readyz`.")
    devices: DevicesObject = Field(description="Where models run.")
    disk: DiskObject = Field(description="The disk of the data folder.")
    queues: list[QueueObject] = Field(description="Models in memory of this process.")
    work: OpenWorkObject | None = Field(
        None, description="Jobs and batches; null where the database is not open or does not answer."
    )
    checks: list[CheckObject] = Field(description="What was found.")
    errors: list[LoggedFault] = Field(description="The last warnings and errors of this process, the newest first.")


class SettingObject(BaseModel):
    """A setting."""

    name: str = Field(description="Name in a TOML file.")
    variable: str = Field(description="Name in the environment.")
    value: str = Field(description="The value that holds, as text. A secret is hidden.")
    source: str = Field(description="The variable or file that it comes from, or `default`.")
    description: str = Field(description="What it sets.")


class SettingList(BaseModel):
    """All settings."""

    object: Literal["list"] = Field("list", description="Always `list`.")
    data: list[SettingObject] = Field(description="The settings.")
    notes: list[str] = Field(description="Variables that look like settings and are none.")
