"""The state and the settings of the server over HTTP."""

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from typing import cast

from fastapi import APIRouter, Depends, Request

from speechd import __version__
from speechd.api.dependencies import get_readiness, get_service, get_store_handle
from speechd.api.diagnosis import installation, machine
from speechd.api.diagnosis.report import Check, run_checks
from speechd.api.lifecycle.readiness import CheckState, Readiness
from speechd.api.openapi.jobs import refusals
from speechd.api.routes.admin.callers import require_admin
from speechd.api.routes.admin.status_schemas import (
    CheckObject,
    DevicesObject,
    DiskObject,
    LoggedFault,
    OpenWorkObject,
    QueueObject,
    SettingList,
    SettingObject,
    StatusObject,
)
from speechd.asr.batcher import Batcher
from speechd.configuration.in_force import settings_in_force
from speechd.configuration.origins import unknown_notes
from speechd.configuration.sources import variable
from speechd.errors import StorageUnavailable
from speechd.registry.loading.manager import ModelStatus
from speechd.settings import Settings
from speechd.store.store import StoreHandle
from speechd.telemetry.recent_faults import RecentFaults
from speechd.tts.synthesizer import LoadedVoice

CHECKS = (
    Check("Installation", "python", installation.python),
    Check("Installation", "packages", installation.packages),
    Check("Installation", "settings", installation.names_of_settings),
    Check("Machine", "devices", machine.devices),
    Check("Machine", "data folder", machine.data_folder),
    Check("Machine", "disk", machine.disk),
    Check("Machine", "access", machine.access),
)
"""The checks of `speechd doctor` that take no time and load nothing."""
STATES: dict[CheckState, str] = {"ok": "ok", "failed": "problem", "pending": "warning"}
"""Status of what was tried at the start."""
STORE_SECONDS = 2.0
"""For the numbers of the database; where it takes longer they are left out."""

router = APIRouter(tags=["Administration"], dependencies=[Depends(require_admin)])


@router.get("/admin/status", summary="The state of the server.", responses=refusals())
async def status(request: Request) -> StatusObject:
    service, readiness, jobs = get_service(request), get_readiness(request), get_store_handle(request)
    started = cast(float, request.app.state.started_at)
    faults = cast(RecentFaults, request.app.state.faults)
    looked = await asyncio.to_thread(_checks, service.settings)
    tried = [*_tried(readiness)]
    return StatusObject(
        version=__version__,
        started_at=int(started),
        uptime_seconds=round(time.time() - started, 1),
        ready=all(check.status == "ok" for check in tried),
        devices=await asyncio.to_thread(_devices, service.settings),
        disk=await asyncio.to_thread(_disk, service.settings),
        queues=[_queue(each) for each in service.loaded.list()],
        work=await _open_work(jobs),
        checks=[*tried, *_stopped(jobs), *looked],
        errors=[
            LoggedFault(at=round(each.at, 3), level=each.level, logger=each.logger, message=each.message)
            for each in faults.newest_first()
        ],
    )


@router.get("/admin/settings", summary="The settings that hold, without secrets.", responses=refusals())
async def settings(request: Request) -> SettingList:
    return await asyncio.to_thread(_settings, get_service(request).settings)


def _settings(settings: Settings) -> SettingList:
    fields = type(settings).model_fields
    data = [
        SettingObject(
            name=name,
            variable=variable(name),
            value=row.value,
            source=row.source,
            description=fields[name].description or "",
        )
        for name, row in settings_in_force(settings).items()
    ]
    return SettingList(data=data, notes=unknown_notes(fields))


def _tried(readiness: Readiness) -> Iterator[CheckObject]:
    for name, each in readiness.checks.items():
        yield CheckObject.model_validate(
            {"group": "Server", "check": name, "status": STATES[each.state], "message": each.message}
        )


def _stopped(jobs: StoreHandle) -> Iterator[CheckObject]:
    """Parts of this process's work that an error stops now."""
    for part, error in jobs.faults.items():
        yield CheckObject(group="Server", check=part, status="problem", message=error.message)


def _checks(settings: Settings) -> list[CheckObject]:
    return [
        CheckObject(
            group=each.check.group,
            check=each.check.name,
            status=each.finding.status,
            message=each.finding.message,
            remedy=each.finding.remedy or None,
        )
        for each in run_checks(CHECKS, settings)
    ]


def _devices(settings: Settings) -> DevicesObject:
    return DevicesObject(setting=settings.device, cpu_cores=os.cpu_count() or 1, gpus=machine.gpu_count())


def _disk(settings: Settings) -> DiskObject:
    place = next(path for path in (settings.data_dir, *settings.data_dir.absolute().parents) if path.exists())
    usage = shutil.disk_usage(place)
    return DiskObject(path=str(settings.data_dir), free_bytes=usage.free, total_bytes=usage.total)


def _queue(status: ModelStatus) -> QueueObject:
    row = QueueObject(model=status.model.id, kind=status.model.kind, users=status.users, bytes=status.bytes)
    if isinstance(status.loaded, Batcher):
        waiting = status.loaded
        return row.model_copy(
            update={
                "queued_seconds": round(waiting.queued_seconds, 3),
                "waiting_windows": waiting.waiting_windows,
                "running_windows": waiting.running_windows,
            }
        )
    if isinstance(status.loaded, LoadedVoice):
        return row.model_copy(update={"queued_characters": status.loaded.admission.waiting})
    return row


async def _open_work(jobs: StoreHandle) -> OpenWorkObject | None:
    """None where there is no store yet, or it does not answer."""
    if (store := jobs.opened) is None:
        return None
    with contextlib.suppress(TimeoutError, StorageUnavailable):
        async with asyncio.timeout(STORE_SECONDS):
            work = await store.counts.read()
        return OpenWorkObject(
            jobs=work.jobs,
            batches=work.batches,
            batch_lines=work.batch_lines,
            webhooks=work.webhooks,
            oldest_waiting_seconds=round(work.oldest_waiting, 3),
        )
    return None
