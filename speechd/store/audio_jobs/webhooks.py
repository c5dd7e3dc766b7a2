"""Webhooks: due when their job has ended, tried at growing intervals, delivered at least once."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select, update

from speechd.store.database import Database
from speechd.store.tables import deliveries, lines

DELIVERY_LEASE_SECONDS = 40.0
"""An attempt takes less. After it the attempt of a dead worker is repeated."""
FIRST_PAUSE, MAX_DELIVERY_PAUSE = 2.0, 4 * 3600.0
MAX_ATTEMPTS = 12
"""2 s, 8 s, 32 s ... up to 4 hours between two: 19 hours in all."""
ENDED_DELIVERIES = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook that is due."""

    job: str
    message: str
    url: str
    secret: str
    attempts: int
    """Those before."""


@dataclass(frozen=True, slots=True)
class DeliveryAttempt:
    """How an attempt ended."""

    status: int | None = None
    """HTTP status of the receiver's answer; None: it gave none."""
    error: str | None = None
    final: bool = False
    """The receiver answered 410: no further attempt."""

    @property
    def delivered(self) -> bool:
        return self.error is None


class Deliveries:
    """The webhooks of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, worker: str, maximum: int) -> list[Delivery]:
        """Claims webhooks that are due. Each goes to one worker for LEASE_SECONDS."""
        now = self._database.now()
        async with self._database.reading() as connection:
            if not (await connection.execute(_due(now, 1))).first():
                return []
        columns = [deliveries.c[name] for name in Delivery.__slots__]
        held = {"worker": worker, "lease_until": now + DELIVERY_LEASE_SECONDS}
        async with self._database.writing() as connection:
            due = await connection.scalars(_due(now, maximum).with_for_update(of=deliveries, skip_locked=True))
            taken = update(deliveries).where(deliveries.c.job.in_(due.all())).values(held).returning(*columns)
            rows = (await connection.execute(taken)).all()
        return [Delivery(**row._mapping) for row in rows]

    async def record(self, worker: str, delivery: Delivery, attempt: DeliveryAttempt) -> None:
        """Records an attempt and the time of the next one. A webhook that has ended keeps no secret."""
        mine = and_(deliveries.c.job == delivery.job, deliveries.c.worker == worker)
        async with self._database.writing() as connection:
            changed = _outcome(delivery, attempt, self._database.now())
            await connection.execute(update(deliveries).where(mine).values(changed))

    async def release(self, workers: Collection[str]) -> None:
        """Releases the webhooks that dead workers had claimed."""
        left = and_(deliveries.c.worker.in_(workers), deliveries.c.lease_until.is_not(None))
        async with self._database.writing() as connection:
            await connection.execute(update(deliveries).where(left).values(worker=None, lease_until=None))


def pause_before(attempt: int) -> float:
    """Seconds before the next attempt, with jitter, so that a receiver does not get all webhooks at once."""
    pause: float = min(MAX_DELIVERY_PAUSE, FIRST_PAUSE * 4.0 ** (attempt - 1))
    return pause * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret


def _outcome(delivery: Delivery, attempt: DeliveryAttempt, now: float) -> dict[str, Any]:
    attempts = delivery.attempts + 1
    told = {"attempts": attempts, "last_status": attempt.status, "last_error": attempt.error}
    free = {"worker": None, "lease_until": None}
    if attempt.delivered:
        return told | free | {"state": "delivered", "delivered_at": int(now), "secret": None}
    if attempt.final or attempts >= MAX_ATTEMPTS:
        return told | free | {"state": "failed", "secret": None}
    return told | free | {"next_at": now + pause_before(attempts)}


def _due(now: float, maximum: int) -> Select[tuple[str]]:
    free = or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until < now)
    return (
        select(deliveries.c.job)
        .join(lines, lines.c.id == deliveries.c.job)
        .where(deliveries.c.state == "open", deliveries.c.next_at <= now, free, lines.c.state.in_(ENDED_DELIVERIES))
        .order_by(deliveries.c.next_at, deliveries.c.job)
        .limit(maximum)
    )
