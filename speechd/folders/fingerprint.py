"""Fingerprint of the options of a run."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any

from speechd.formats.transcript import Format, View
from speechd.types import TranscribeOptions


def parameters_of(identity: str, formats: Iterable[Format], view: View, options: TranscribeOptions) -> str:
    """A hash of everything that determines the outputs.

    Default values are left out, so that a new option of a later version changes nothing for runs that do not use it.

    Args:
        identity: of the model's weights.
        formats: formats of the outputs.
        view: layout of the outputs.
        options: options of the recogniser.
    """
    said = {
        "model": identity,
        "formats": sorted(row.name for row in formats),
        "view": _changed(view),
        "options": _changed(options),
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _changed(options: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not at their defaults, also within dataclasses that it holds."""
    values = {each.name: (getattr(options, each.name), _default(each)) for each in fields(options)}
    return {
        name: _changed(value) if is_dataclass(value) else repr(value)
        for name, (value, default) in values.items()
        if value != default
    }


def _default(each: "Field[Any]") -> Any:
    return each.default if each.default_factory is MISSING else each.default_factory()
