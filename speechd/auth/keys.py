"""Who may call: named keys with permissions and limits, kept as hashes in a file that `speechd keys` writes.

A key is 32 random bytes, so one SHA-256 is enough: slow hashes are for passwords that people choose. The server reads
the file again when it changes, so a new or revoked key needs no restart. Servers that share a PostgreSQL have keys in
it besides, see speechd.peers.key_watch.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import SecretStr

from speechd.errors import InvalidRequest, Misconfigured, NotFound, StorageUnavailable
from speechd.ids import new_id
from speechd.settings import Settings

KEY_PREFIX = "sk-speechd-"
ENVIRONMENT = "SPEECHD_API_KEY"
"""Name of the one key that the environment gives. It has no limits and every permission."""

Permission = Literal["transcribe", "speak", "text", "batches", "models", "metrics", "admin"]
"""What a key may be allowed to do. `models` is to pull, load, unload and remove them: every key may list them. `admin`
is to see the server's state and settings, and to make, change and revoke keys."""
ADMIN: Permission = "admin"
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
DEFAULT_PERMISSIONS: tuple[Permission, ...] = tuple(each for each in PERMISSIONS if each not in ("models", ADMIN))
"""Of a key for which nobody said what it may."""

_NAME = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may use; None is no limit."""

    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    audio_seconds_per_hour: float | None = None
    audio_seconds_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A caller."""

    name: str
    digest: str
    """SHA-256 of the secret, in hexadecimal."""
    created: int = 0
    """Unix seconds."""
    limits: KeyLimits = field(default_factory=KeyLimits)
    id: str = ""
    """Whose files, batches, jobs and counters are whose. Random, so a name that is given again inherits nothing. A key
    that was made before there were ids has its name as its id: what it owns is kept under that."""
    may: tuple[Permission, ...] = DEFAULT_PERMISSIONS


class KeyFile:
    """The keys on disk: a JSON list that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[Key, ...]:
        """
        Raises:
            Misconfigured: the file cannot be read, or is not what `speechd keys` writes.
        """
        try:
            rows = json.loads(self.path.read_text("utf-8"))
            return tuple(key_of_row(row) for row in rows)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise Misconfigured(f"The keys file {self.path.name} cannot be read: {error.strerror}.") from None
        except (ValueError, TypeError, LookupError):
            raise Misconfigured(f"The keys file {self.path.name} is not what `speechd keys` writes.") from None

    def add(self, name: str, limits: KeyLimits, may: Iterable[Permission] = DEFAULT_PERMISSIONS) -> str:
        """Makes a key and gives its secret, which is not kept anywhere.

        Raises:
            InvalidRequest: the name is taken or not a name.
        """
        key, secret = make_key(name, limits, may)
        self.add_key(key)
        return secret

    def add_key(self, key: Key) -> None:
        """
        Raises:
            InvalidRequest: its name is taken.
        """
        with self._changing() as keys:
            if any(each.name == key.name for each in keys):
                raise name_is_taken(key.name)
            keys.append(key)

    def revoke(self, name: str) -> None:
        """
        Raises:
            NotFound: there is no such key.
        """
        with self._changing() as keys:
            kept = [key for key in keys if key.name != name]
            if len(kept) == len(keys):
                raise no_such_key(name)
            keys[:] = kept

    def change(
        self, name: str, change_limits: Callable[[KeyLimits], KeyLimits], may: Iterable[Permission] | None = None
    ) -> Key:
        """Gives a key other limits, and other permissions where they are named. It counts from the next request on.

        Raises:
            NotFound: there is no such key.
        """
        with self._changing() as keys:
            place = next((number for number, key in enumerate(keys) if key.name == name), None)
            if place is None:
                raise no_such_key(name)
            keys[place] = changed_key(keys[place], change_limits, may)
            return keys[place]

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """One change at a time, written completely or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = list(self.read())
            yield keys
            draft = self.path.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps([asdict(key) for key in keys], indent=1))
            draft.replace(self.path)


class KeyRing:
    """The valid keys: the environment's, those of the file as it is now, and those that servers share."""

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            Misconfigured: see KeyFile.read.
        """
        self._file = KeyFile(settings.keys_path)
        self._settings = settings
        self._secret = settings.api_key
        self._own = _own_key(self._secret)
        self._stamp = self._stamped()
        self._named = self._file.read()
        self._shared: tuple[Key, ...] = ()
        self.awaits_shared = settings.shares_state
        """The keys that servers share were not read yet: there may be more keys than are known."""
        self.read_again: Callable[[], Awaitable[bool]] | None = None
        """Reads the shared keys now; tells whether they were read."""
        self._required = bool(self._own or self._named or settings.api_keys_file)

    @property
    def required(self) -> bool:
        """Whether requests need a key. It stays true until a restart, so that revoking the last key does not open the
        server."""
        self._refresh()
        return self._required or self.awaits_shared

    @property
    def has_named(self) -> bool:
        """There are keys that may have limits."""
        self._refresh()
        return bool(self._named or self._shared)

    @property
    def are_several(self) -> bool:
        """There is more than one key."""
        self._refresh()
        return len(self._own) + len(self._named) + len(self._shared) > 1

    def adopt(self, shared: Sequence[Key]) -> None:
        """Takes over the keys that servers share, as they are now."""
        self._shared = tuple(shared)
        self.awaits_shared = False
        self._required = self._required or bool(shared)

    async def look_again(self) -> bool:
        """Whether an unknown key may be known now, because it was made a moment ago through another server."""
        return self.read_again is not None and await self.read_again()

    def find(self, secret: bytes) -> Key | None:
        """The key with this secret. Every key is compared, each in constant time."""
        self._refresh()
        given = digest(secret)
        found = [key for key in self._all() if hmac.compare_digest(given, key.digest)]
        return found[0] if found else None

    def with_id(self, id: str) -> Key | None:
        """The key with this id, which a client secret names."""
        self._refresh()
        return next((key for key in self._all() if key.id == id), None)

    def _all(self) -> tuple[Key, ...]:
        return *self._own, *self._named, *self._shared

    def _refresh(self) -> None:
        """No named key is valid while the file cannot be read. The settings' own key can change on SIGHUP."""
        if self._settings.api_key is not self._secret:
            self._secret = self._settings.api_key
            self._own = _own_key(self._secret)
        stamp = self._stamped()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._named = self._file.read()
        except Misconfigured:
            self._named = ()
            self._required = True
        self._required = self._required or bool(self._named)

    def _stamped(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._file.path)  # noqa: PTH116 - once a request
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino


def _own_key(secret: SecretStr | None) -> tuple[Key, ...]:
    """The key of the settings, where they have one."""
    if secret is None:
        return ()
    return (Key(ENVIRONMENT, digest(secret.get_secret_value().encode()), id=ENVIRONMENT, may=PERMISSIONS),)


def make_key(name: str, limits: KeyLimits, may: Iterable[Permission] = DEFAULT_PERMISSIONS) -> tuple[Key, str]:
    """A new key, and its secret.

    Raises:
        InvalidRequest: it is not a name.
    """
    allowed = tuple(each for each in PERMISSIONS if each in set(may))
    if not _NAME.fullmatch(name) or name == ENVIRONMENT:
        raise InvalidRequest("A key's name is 1 to 64 letters, digits or . _ @ - signs.", param="name")
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    return Key(name, digest(secret.encode()), int(time.time()), limits, new_id("key"), allowed), secret


def changed_key(
    key: Key, change_limits: Callable[[KeyLimits], KeyLimits], may: Iterable[Permission] | None = None
) -> Key:
    """The key with other limits, and with other permissions where they are named."""
    allowed = key.may if may is None else tuple(each for each in PERMISSIONS if each in set(may))
    return replace(key, limits=change_limits(key.limits), may=allowed)


def name_is_taken(name: str) -> InvalidRequest:
    return InvalidRequest(f"There is a key named {name} already.", param="name")


def no_such_key(name: str) -> NotFound:
    return NotFound(f"There is no key named {name[:100]}.", param="key")


def keys_unavailable() -> StorageUnavailable:
    """Of a server that has not read the shared keys since it began."""
    return StorageUnavailable("The keys are in the database, which cannot be reached now.", retry_after=2)


def digest(secret: bytes) -> str:
    return hashlib.sha256(secret).hexdigest()


def parse_permissions(given: str) -> tuple[Permission, ...]:
    """`transcribe,speak` -> its permissions, in the order of PERMISSIONS.

    Raises:
        InvalidRequest: one of them does not exist, or there is none.
    """
    names = {name.strip() for name in given.split(",")} - {""}
    if not names or not names <= set(PERMISSIONS):
        raise InvalidRequest(f"A key may {', '.join(PERMISSIONS)}: name one or more of these.", param="may")
    return tuple(each for each in PERMISSIONS if each in names)


def key_of_row(row: dict[str, Any]) -> Key:
    """
    Raises:
        ValueError, TypeError, LookupError: it is not what a key was written as.
    """
    if not isinstance(row["name"], str) or len(bytes.fromhex(row["digest"])) != 32:
        raise ValueError(row)
    limits = {name: value for name, value in row.get("limits", {}).items() if value is not None}
    if not all(isinstance(value, int | float) and value >= 0 for value in limits.values()):
        raise ValueError(row)
    may = tuple(row.get("may", DEFAULT_PERMISSIONS))
    id = row.get("id", row["name"])
    if not isinstance(id, str) or not id or not set(may) <= set(PERMISSIONS):
        raise ValueError(row)
    return Key(row["name"], row["digest"].lower(), int(row.get("created", 0)), KeyLimits(**limits), id, may)
