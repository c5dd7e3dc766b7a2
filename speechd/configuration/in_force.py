"""The settings that hold, as text and with their origin. Secrets are hidden."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from speechd.configuration.origins import DEFAULT, origin
from speechd.configuration.sources import SECRETS

if TYPE_CHECKING:
    from speechd.settings import Settings

HIDDEN = "**********"

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
"""Those of an address."""


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting."""

    value: str
    """As text; HIDDEN for a secret, `none` where there is none."""
    source: str
    """The variable or file that it comes from, or `default`."""

    @property
    def is_default(self) -> bool:
        return self.source == DEFAULT


def settings_in_force(settings: "Settings") -> Mapping[str, SettingInForce]:
    """All settings, by name. It reads the configuration file: call it in a thread."""
    known = type(settings).model_fields
    return {name: SettingInForce(_value(name, settings), origin(name, known)) for name in known}


def _value(name: str, settings: "Settings") -> str:
    value = getattr(settings, name)
    if not value and value != 0:
        return '""' if value == "" else "none"
    if name in SECRETS and name != "database_url":
        return HIDDEN
    if isinstance(value, tuple):
        return _CREDENTIALS.sub("", ",".join(value))
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | bool) else str(value)
    return _CREDENTIALS.sub("", text)
