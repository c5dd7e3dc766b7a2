"""Sources of settings beside the environment: a TOML file, and files that hold one secret each.

SPEECHD_CONFIG names the TOML file. Docker and Kubernetes mount a secret as a file: SPEECHD_API_KEY_FILE names that of
SPEECHD_API_KEY.
"""

import difflib
import os
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from speechd.errors import InvalidRequest

PREFIX = "SPEECHD_"
CONFIG = "SPEECHD_CONFIG"
"""Names the TOML file."""
SECRETS = ("api_key", "database_url", "llm_api_key", "webhook_secret")
"""Settings that a file of their own can hold."""
MAX_BYTES = 1_000_000
"""Of a file of settings."""


def variable(name: str) -> str:
    """`api_key` -> `SPEECHD_API_KEY`."""
    return PREFIX + name.upper()


def secret_variable(name: str) -> str:
    """`api_key` -> `SPEECHD_API_KEY_FILE`."""
    return f"{variable(name)}_FILE"


def config_path() -> Path | None:
    """The TOML file, where one is named."""
    named = os.environ.get(CONFIG, "")
    return Path(named) if named else None


def read_config(known: Collection[str]) -> dict[str, Any]:
    """The settings of the TOML file; empty where none is named.

    Args:
        known: names of all settings.

    Raises:
        InvalidRequest: it cannot be read, is not TOML, or has a name that is no setting.
    """
    path = config_path()
    if path is None:
        return {}
    try:
        table = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise InvalidRequest(f"{path} is not TOML: {error}.") from None
    for name in table:
        if name not in known:
            raise InvalidRequest(f"{path}: there is no setting `{name}`. {did_you_mean(name, known)}".strip())
    return table


def read_secrets() -> dict[str, str]:
    """The settings whose files the environment names, without the line break at their end.

    Raises:
        InvalidRequest: one of the files cannot be read, or the setting is also given itself.
    """
    found = {}
    for name in SECRETS:
        if named := os.environ.get(secret_variable(name), ""):
            if os.environ.get(variable(name)):
                raise InvalidRequest(f"Set {variable(name)} or {secret_variable(name)}, not both.")
            found[name] = _read(Path(named)).strip()
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`Did you mean ...?`, or "" where nothing is similar."""
    similar = difflib.get_close_matches(name, list(known), 1)
    return f"Did you mean {similar[0]}?" if similar else ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from None
    if len(content) > MAX_BYTES:
        raise InvalidRequest(f"{path} is larger than {MAX_BYTES // 1000} kB.")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InvalidRequest(f"{path} is not text in UTF-8.") from None
