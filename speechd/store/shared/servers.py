"""The servers that run on one database, and what they were asked to do with models."""

import json
from collections.abc import Sequence

from sqlalchemy import delete, insert, select, text

from speechd.store.database import Database
from speechd.store.shared.records import ModelAction, ModelRequest, ServerState
from speechd.store.tables import model_requests, servers

LEASE_SECONDS = 6.0
"""After a server's last heartbeat, until it counts as gone."""
REQUEST_SECONDS = 3600.0
"""That a request for all servers is kept: one that was cut off from the database catches up."""

_BEAT = text(
    "INSERT INTO servers (id, name, models, lease_until) VALUES (:id, :name, :models, :until)"
    " ON CONFLICT (id) DO UPDATE SET models = excluded.models, lease_until = excluded.lease_until"
)


class Servers:
    """The servers on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(self, state: ServerState) -> None:
        """This server lives for LEASE_SECONDS more, and this is its state."""
        until = self._database.now() + LEASE_SECONDS
        values = {"id": state.id, "name": state.name, "models": json.dumps(state.models), "until": until}
        async with self._database.writing() as connection:
            await connection.execute(_BEAT, values)

    async def list(self) -> Sequence[ServerState]:
        """Those that live, by name."""
        alive = select(servers).where(servers.c.lease_until > self._database.now()).order_by(servers.c.name)
        async with self._database.reading() as connection:
            rows = (await connection.execute(alive)).all()
        return [ServerState(row.id, row.name, tuple(json.loads(row.models))) for row in rows]

    async def leave(self, id: str) -> None:
        """That server ends now. Its claims are free."""
        async with self._database.writing() as connection:
            await connection.execute(delete(servers).where(servers.c.id == id))

    async def request(self, server: str, action: ModelAction, model: str) -> None:
        """Asks all servers to do what a caller asked this one to do."""
        row = {"server": server, "action": action, "model": model, "requested_at": self._database.now()}
        async with self._database.writing() as connection:
            await connection.execute(insert(model_requests), [row])

    async def requests(self) -> Sequence[ModelRequest]:
        """Those of the last hour, the oldest first."""
        recent = model_requests.c.requested_at > self._database.now() - REQUEST_SECONDS
        async with self._database.reading() as connection:
            rows = await connection.execute(select(model_requests).where(recent).order_by(model_requests.c.number))
            return [ModelRequest(row.number, row.server, row.action, row.model) for row in rows]

    async def forget_over(self) -> None:
        """Removes old requests, and servers that are gone."""
        now = self._database.now()
        async with self._database.writing() as connection:
            old = model_requests.c.requested_at <= now - REQUEST_SECONDS
            await connection.execute(delete(model_requests).where(old))
            await connection.execute(delete(servers).where(servers.c.lease_until <= now))
