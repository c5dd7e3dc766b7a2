"""`speechd settings`: what holds, and where it comes from."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from speechd.cli import lazy

if TYPE_CHECKING:  # the rest loads when the command runs: --help shall be quick
    from speechd.settings import Settings

HIDDEN = "**********"


def settings(
    everything: Annotated[bool, typer.Option("--all", help="Also list settings that have their defaults.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with all settings.")] = False,
) -> None:
    """Show the settings that hold and where each comes from. Secrets are hidden.

    A setting comes from a variable SPEECHD_NAME, from a file that SPEECHD_NAME_FILE names (secrets only), from the TOML
    file of --config or SPEECHD_CONFIG, or is a default. The first of these wins.

    Examples:

        speechd settings

        speechd --config /etc/speechd.toml settings --all
    """
    rows = settings_in_force(lazy.read_settings())
    notes = lazy.unknown_notes(lazy.Settings.model_fields)
    if as_json:
        print(json.dumps({"settings": rows, "notes": notes}, indent=2, ensure_ascii=False))
        return
    for name, row in rows.items():
        if everything or row["from"] != lazy.DEFAULT:
            print(f"{name} = {row['value']}  ({row['from']})")
    if not everything:
        kept = sum(row["from"] == lazy.DEFAULT for row in rows.values())
        print(f"{kept} more have their defaults: --all lists them.")
    for note in notes:
        typer.secho(note, fg=typer.colors.YELLOW, err=True)


def settings_in_force(settings: "Settings") -> dict[str, dict[str, str]]:
    """Value as text and origin of each setting, by name."""
    known = lazy.Settings.model_fields
    return {name: {"value": _value(name, settings), "from": lazy.origin(name, known)} for name in known}


def _value(name: str, settings: "Settings") -> str:
    value = getattr(settings, name)
    if not value and value != 0:
        return '""' if value == "" else "none"
    if name == "database_url":
        return lazy.without_password(str(value))
    if name in lazy.SECRETS:
        return HIDDEN
    if isinstance(value, tuple):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | bool) else str(value)
