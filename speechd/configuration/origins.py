"""Where each setting comes from, and names in the environment that are no settings."""

import os
from collections.abc import Collection, Mapping

from speechd.configuration.sources import (
    CONFIG,
    PREFIX,
    SECRETS,
    config_path,
    did_you_mean,
    read_config,
    secret_variable,
    variable,
)
from speechd.errors import InvalidRequest

DEFAULT = "default"


def origin(name: str, known: Collection[str], environment: Mapping[str, str] = os.environ) -> str:
    """The place that a setting comes from: a variable, the TOML file, or `default`.

    Args:
        known: names of all settings.
    """
    given = {each.upper() for each in environment}
    if variable(name) in given:
        return variable(name)
    if name in SECRETS and secret_variable(name) in given:
        return secret_variable(name)
    try:
        in_file = name in read_config(known)
    except InvalidRequest:  # it is told where the settings are read
        in_file = False
    return str(config_path()) if in_file else DEFAULT


def unknown_names(known: Collection[str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables with the prefix of settings that are no settings, each with the question whether a similar one is
    meant, or ""."""
    expected = _variables(known)
    given = sorted(name for name in environment if name.startswith(PREFIX) and name.upper() not in expected)
    return {name: did_you_mean(name.upper(), sorted(expected)) for name in given}


def unknown_notes(known: Collection[str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """A sentence for each of them."""
    unknown = unknown_names(known, environment)
    return [f"{name} is set, but there is no such setting. {hint}".strip() for name, hint in unknown.items()]


def _variables(known: Collection[str]) -> set[str]:
    return {CONFIG, *map(variable, known), *map(secret_variable, SECRETS)}
