"""`speechd settings`: what holds, and where it comes from."""

import json
from typing import Annotated

import typer

from speechd.cli import lazy


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
    rows = lazy.settings_in_force(lazy.read_settings())
    notes = lazy.unknown_notes(lazy.Settings.model_fields)
    if as_json:
        told = {name: {"value": row.value, "from": row.source} for name, row in rows.items()}
        print(json.dumps({"settings": told, "notes": notes}, indent=2, ensure_ascii=False))
        return
    for name, row in rows.items():
        if everything or not row.is_default:
            print(f"{name} = {row.value}  ({row.source})")
    if not everything:
        kept = sum(row.is_default for row in rows.values())
        print(f"{kept} more have their defaults: --all lists them.")
    for note in notes:
        typer.secho(note, fg=typer.colors.YELLOW, err=True)
