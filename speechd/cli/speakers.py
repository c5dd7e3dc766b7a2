"""`speechd speakers ...`: voices that are known by name."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from speechd.cli import lazy
from speechd.errors import NotFound

if TYPE_CHECKING:
    from speechd.settings import Settings
    from speechd.store.store import Store

app = typer.Typer(help="Enrol, list and remove voices that are known by name.", no_args_is_help=True)
T = TypeVar("T")

Name = Annotated[str, typer.Argument(help="Name of the speaker.", show_default=False)]
KeyName = Annotated[
    str,
    typer.Option(
        "--key",
        help="Whose: the name of an API key, or SPEECHD_API_KEY. Default: of who calls without a key, and of commands.",
        show_default=False,
    ),
]


@app.command("enrol")
def enrol_speaker(
    name: Name,
    recording: Annotated[Path, typer.Argument(help="A recording of this speaker alone.", show_default=False)],
    key: KeyName = "",
) -> None:
    """Keep a voice under a name. Only numbers that describe the voice are kept, not the recording.

    Transcriptions find it with known_speaker_names[] or --known-speakers. An earlier voice of that name is replaced.
    """

    settings = lazy.read_settings()
    owner = _owner(settings, key)

    async def enrol(store: "Store") -> None:
        service = lazy.open_service(settings)
        try:
            await lazy.enrol(service, store, owner, name, recording)
        finally:
            await service.close()

    asyncio.run(_in_store(settings, enrol))
    typer.echo(f"{name} is enrolled.")


@app.command("list")
def list_speakers() -> None:
    """List the enrolled voices of all keys."""

    settings = lazy.read_settings()
    keys = {each.id: each.name for each in asyncio.run(lazy.list_keys(settings))}
    for each in asyncio.run(_in_store(settings, lambda store: store.speakers.list())):
        since = datetime.fromtimestamp(each.created_at, UTC).date()
        whose = f", of {keys.get(each.owner, each.owner)}" if each.owner else ""
        typer.echo(f"{each.voice.name}: enrolled {since} with {each.model}{whose}")


@app.command("remove")
def remove_speaker(name: Name, key: KeyName = "") -> None:
    """Forget a voice."""

    settings = lazy.read_settings()
    owner = _owner(settings, key)
    asyncio.run(_in_store(settings, lambda store: store.speakers.remove(owner, name)))
    typer.echo(f"{name} is removed.")


def _owner(settings: "Settings", key: str) -> str:
    """The id of a key, which may be revoked, by its name or id.

    Raises:
        NotFound: there is none of that name.
    """
    if not key or key == lazy.ENVIRONMENT or key.startswith("key_"):
        return key
    found = [each.id for each in asyncio.run(lazy.list_keys(settings)) if each.name == key]
    if not found:
        raise NotFound(f"There is no key named {key}.")
    return found[0]


async def _in_store(settings: "Settings", work: "Callable[[Store], Awaitable[T]]") -> T:
    jobs = lazy.StoreHandle(settings)
    try:
        return await work(await jobs.open())
    finally:
        await jobs.close()
