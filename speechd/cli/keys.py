"""`speechd keys ...`: who may call, for what, and how much."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from speechd.cli import lazy
from speechd.errors import StorageUnavailable

if TYPE_CHECKING:
    from speechd.auth.usage import UsageRow
    from speechd.settings import Settings

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who the key is for.", show_default=False)],
    may: Annotated[
        str,
        typer.Option(
            metavar="PERMISSIONS",
            help="Comma-separated: transcribe, speak, text, batches, models, metrics, admin. models is to pull, load,"
            " unload and remove models. admin is to see the server's state and to make, change and revoke keys.",
        ),
    ] = "transcribe,speak,text,batches,metrics",
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Requests in a minute.")] = None,
    requests_per_day: Annotated[int | None, typer.Option(min=1, help="Requests in a day.")] = None,
    audio_seconds_per_hour: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in an hour.")] = None,
    audio_seconds_per_day: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in a day.")] = None,
) -> None:
    """Make a key and print it, once: only its hash is kept. A running server takes it at once."""

    limits = lazy.KeyLimits(requests_per_minute, requests_per_day, audio_seconds_per_hour, audio_seconds_per_day)
    typer.echo(lazy.KeyFile(lazy.read_settings().keys_path).add(name, limits, lazy.parse_permissions(may)))


@app.command("list")
def list_keys() -> None:
    """List the keys, with what each may do and has used of its limits."""

    settings = lazy.read_settings()
    counters = lazy.UsageCounters()
    if keys := lazy.KeyFile(settings.keys_path).read():
        try:
            counters.refresh(asyncio.run(_stored_usage(settings)))
        except StorageUnavailable as error:
            typer.echo(f"What the keys have used cannot be read: {error.message}", err=True)
    for key in keys:
        typer.echo(lazy.format_usage(key, counters))


@app.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Whose key.", show_default=False)]) -> None:
    """Take a key away. A running server refuses it at once."""

    lazy.KeyFile(lazy.read_settings().keys_path).revoke(name)
    typer.echo(f"{name} is revoked.")


async def _stored_usage(settings: "Settings") -> "Sequence[UsageRow]":

    jobs = lazy.StoreHandle(settings)
    try:
        return await (await jobs.open()).usage.read()
    finally:
        await jobs.close()
