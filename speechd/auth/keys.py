"""Who may call: named keys with permissions and limits, kept as hashes in a file that `speechd keys` writes.

A key is 32 random bytes, so one SHA-256 is enough: slow hashes are for passwords that people choose. The server reads
the file again when it changes, so a new or revoked key needs no restart.
"""

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import SecretStr

from speechd.errors import InvalidRequest, Misconfigured, NotFound
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
            return tuple(_key(row) for row in rows)
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
        allowed = tuple(each for each in PERMISSIONS if each in set(may))
        if not _NAME.fullmatch(name) or name == ENVIRONMENT:
            raise InvalidRequest("A key's name is 1 to 64 letters, digits or . _ @ - signs.", param="name")
        secret = KEY_PREFIX + secrets.token_urlsafe(32)
        with self._changing() as keys:
            if any(key.name == name for key in keys):
                raise InvalidRequest(f"There is a key named {name} already.", param="name")
            keys.append(Key(name, digest(secret.encode()), int(time.time()), limits, new_id("key"), allowed))
        return secret

    def revoke(self, name: str) -> None:
        """
        Raises:
            NotFound: there is no such key.
        """
        with self._changing() as keys:
            kept = [key for key in keys if key.name != name]
            if len(kept) == len(keys):
                raise NotFound(f"There is no key named {name}.")
            keys[:] = kept

    def change(
        self, name: str, change_limits: Callable[[KeyLimits], KeyLimits], may: Iterable[Permission] | None = None
    ) -> Key:
        """Gives a key other limits, and other permissions where they are named. It counts from the next request on.

        Raises:
            NotFound: there is no such key.
        """
        with self._changing() as keys:
            place = next((number for number, key in enumerate(keys) if name in (key.name, key.id)), None)
            if place is None:
                raise NotFound(f"There is no key named {name}.")
            found = keys[place]
            allowed = found.may if may is None else tuple(each for each in PERMISSIONS if each in set(may))
            keys[place] = replace(found, limits=change_limits(found.limits), may=allowed)
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
    """The valid keys: the environment's, and those of the file as it is now."""

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
        self._required = bool(self._own or self._named or settings.api_keys_file)

    @property
    def required(self) -> bool:
        """Whether requests need a key. It stays true until a restart, so that revoking the last key does not open the
        server."""
        self._refresh()
        return self._required

    @property
    def has_named(self) -> bool:
        """There are keys that may have limits."""
        self._refresh()
        return bool(self._named)

    @property
    def are_several(self) -> bool:
        """There is more than one key."""
        self._refresh()
        return len(self._own) + len(self._named) > 1

    def find(self, secret: bytes) -> Key | None:
        """The key with this secret. Every key is compared, each in constant time."""
        self._refresh()
        given = digest(secret)
        found = [key for key in (*self._own, *self._named) if hmac.compare_digest(given, key.digest)]
        return found[0] if found else None

    def with_id(self, id: str) -> Key | None:
        """The key with this id, which a client secret names."""
        self._refresh()
        return next((key for key in (*self._own, *self._named) if key.id == id), None)

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


def _key(row: dict[str, Any]) -> Key:
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
