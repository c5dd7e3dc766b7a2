"""What a model's name means: an operator's alias, an id of a hosted service, or what others call the model."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechd.registry import piper_voices
from speechd.registry.catalog import hub_repository
from speechd.settings import Settings

AUTO = "auto"
"""The id that stands for the best installed model that can do the request and that fits into memory."""

Rows = Mapping[str, Mapping[str, Any]]
"""The tables of the catalog by their id."""


@dataclass(frozen=True, slots=True)
class ModelNames:
    """The names of models, before anybody looks whether a model is installed."""

    rows: Rows
    aliases: Mapping[str, str]
    """Of SPEECHD_MODEL_ALIASES."""
    default: str
    """SPEECHD_DEFAULT_MODEL."""
    others: Mapping[str, str]
    """Hub repositories and Whisper's own names of sizes -> id of the catalog."""
    stand_in: bool
    """SPEECHD_HOSTED_NAMES is `auto`."""

    @classmethod
    def read(cls, catalog: Path, settings: Settings) -> "ModelNames":
        """
        Args:
            catalog: the TOML file.
            settings: the names that the operator gives.
        """
        stand_in = settings.hosted_names == "auto"
        tables = tomllib.loads(catalog.read_text())
        rows = {name: row for name, row in tables.items() if stand_in or not _is_hosted_recogniser(row)}
        return cls(rows, settings.model_aliases, settings.default_model, _other_names(rows), stand_in)

    def known(self, name: str) -> bool:
        """The catalog or the operator has given this name a meaning."""
        return name in self.rows or name in self.others or self.trusted(name)

    def trusted(self, name: str) -> bool:
        """The operator has given it, so that it may mean what callers must not name: a folder, a repository."""
        return name in self.aliases or name == self.default

    def target(self, name: str) -> str:
        """The id that an alias stands for; another name is returned as it is."""
        return self.aliases.get(name, name)

    def meant(self, name: str) -> str:
        """The id, with an alias and `auto` replaced by what the operator means by them."""
        found = self._chosen(name)
        return self._chosen(self.default) if found == AUTO else found

    def may_stand_in(self, name: str) -> bool:
        """A hosted service has a recogniser of this name, and the operator has given it no meaning."""
        return self.stand_in and bool(self.rows.get(name, {}).get("hosted")) and not self.trusted(name)

    def _chosen(self, name: str) -> str:
        target = self.target(name)
        return AUTO if _is_hosted_recogniser(self.rows.get(target, {})) else target


def _is_hosted_recogniser(row: Mapping[str, Any]) -> bool:
    """Nobody can install it: it is one of the installed recognisers, or nothing."""
    return "stands_for" in row and row["kind"] == "asr"


def _other_names(rows: Rows) -> dict[str, str]:
    found: dict[str, str] = {}
    for model_id, row in rows.items():
        repository = hub_repository(row)
        names = [*row.get("names", ()), *([repository] if repository not in ("", piper_voices.HUB) else [])]
        found |= {name: model_id for name in names if name not in rows}
    return found
