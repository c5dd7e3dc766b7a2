"""`speechd keys ...`: API keys and their limits."""

from typing import Annotated

import typer

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Name of the key.", show_default=False)],
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Maximum requests in a minute.")] = None,
    requests_per_day: Annotated[int | None, typer.Option(min=1, help="Maximum requests in a day.")] = None,
    audio_seconds_per_hour: Annotated[
        float | None, typer.Option(min=1, help="Maximum seconds of audio in an hour.")
    ] = None,
    audio_seconds_per_day: Annotated[
        float | None, typer.Option(min=1, help="Maximum seconds of audio in a day.")
    ] = None,
) -> None:
    """Make a key and print it once. Only its hash is stored. A running server accepts it at once."""
    from speechd.auth.keys import KeyFile, KeyLimits
    from speechd.settings import read_settings

    limits = KeyLimits(requests_per_minute, requests_per_day, audio_seconds_per_hour, audio_seconds_per_day)
    typer.echo(KeyFile(read_settings().keys_path).add(name, limits))


@app.command("list")
def list_keys() -> None:
    """List the keys with their limits and use."""
    from speechd.auth.keys import KeyFile
    from speechd.auth.usage import SqliteUsage, format_usage
    from speechd.settings import read_settings

    settings = read_settings()
    usage = SqliteUsage(settings.data_dir / "usage.db")
    for key in KeyFile(settings.keys_path).read():
        typer.echo(format_usage(key, usage))
    usage.close()


@app.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Name of the key.", show_default=False)]) -> None:
    """Revoke a key. A running server refuses it at once."""
    from speechd.auth.keys import KeyFile
    from speechd.settings import read_settings

    KeyFile(read_settings().keys_path).revoke(name)
    typer.echo(f"{name} is revoked.")
