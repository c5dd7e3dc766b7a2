"""Keys that all servers on one database know, and the key that signs their client secrets."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from speechd.auth.keys import Key, key_of_row, name_is_taken, no_such_key
from speechd.store.database import Database
from speechd.store.tables import api_keys, shared_secrets

CLIENT_SECRETS = "client_secrets"


class SharedKeys:
    """The keys in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self) -> Sequence[Key]:
        """All keys, in the order in which they were made."""
        everything = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(everything)).mappings().all()
        return [
            key_of_row(
                {
                    "id": row["id"],
                    "name": row["name"],
                    "digest": row["digest"],
                    "created": row["created_at"],
                    "limits": json.loads(row["limits"]),
                    "may": json.loads(row["may"]),
                }
            )
            for row in rows
        ]

    async def add(self, key: Key) -> None:
        """
        Raises:
            InvalidRequest: its name is taken.
        """
        try:
            async with self._database.writing() as connection:
                await connection.execute(insert(api_keys), [_row(key)])
        except IntegrityError:
            raise name_is_taken(key.name) from None

    async def replace(self, key: Key) -> None:
        """
        Raises:
            NotFound: it was revoked meanwhile.
        """
        async with self._database.writing() as connection:
            if not (await connection.execute(update(api_keys).where(api_keys.c.id == key.id), _row(key))).rowcount:
                raise no_such_key(key.name)

    async def remove(self, name: str) -> bool:
        """Whether there was one of that name."""
        async with self._database.writing() as connection:
            return bool((await connection.execute(delete(api_keys).where(api_keys.c.name == name))).rowcount)

    async def signing_key(self) -> bytes:
        """What signs client secrets, made by the first server that needs it."""
        value = {"name": CLIENT_SECRETS, "value": secrets.token_hex(32)}
        kept = select(shared_secrets.c.value).where(shared_secrets.c.name == CLIENT_SECRETS)
        async with self._database.reading() as connection:
            found = await connection.scalar(kept)
        if found is None:
            async with self._database.writing() as connection:
                await connection.execute(_MAKE_SECRET, value)
                found = await connection.scalar(kept)
        return bytes.fromhex(str(found))


def _row(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "digest": key.digest,
        "created_at": key.created,
        "limits": json.dumps(asdict(key.limits)),
        "may": json.dumps(key.may),
    }


_MAKE_SECRET = text("INSERT INTO shared_secrets (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
