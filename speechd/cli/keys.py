"""`speechd keys ...`: who may call, and how much."""

from typing import Annotated

import typer

from speechd.cli import lazy

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who the key is for.", show_default=False)],
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Requests in a minute.")] = None,
    requests_per_day: Annotated[int | None, typer.Option(min=1, help="Requests in a day.")] = None,
    audio_seconds_per_hour: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in an hour.")] = None,
    audio_seconds_per_day: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in a day.")] = None,
) -> None:
    """Make a key and print it, once: only its hash is kept. A running server takes it at once."""

    limits = lazy.KeyLimits(requests_per_minute, requests_per_day, audio_seconds_per_hour, audio_seconds_per_day)
    typer.echo(lazy.KeyFile(lazy.read_settings().keys_path).add(name, limits))


@app.command("list")
def list_keys() -> None:
    """List the keys, with what each has used of its limits."""

    settings = lazy.read_settings()
    usage = lazy.SqliteUsage(settings.data_dir / "usage.db")
    for key in lazy.KeyFile(settings.keys_path).read():
        typer.echo(lazy.format_usage(key, usage))
    usage.close()


@app.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Whose key.", show_default=False)]) -> None:
    """Take a key away. A running server refuses it at once."""

    lazy.KeyFile(lazy.read_settings().keys_path).revoke(name)
    typer.echo(f"{name} is revoked.")
