"""The command line: `speechd serve`, `speechd transcribe`, `speechd translate`, `speechd keys`."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from speechd import __version__
from speechd.errors import SpeechdError

if TYPE_CHECKING:
    from speechd.settings import Settings

app = typer.Typer(
    name="speechd",
    help="Self-hosted speech: transcription and translation behind the APIs of Groq and OpenAI.",
    epilog="Settings are environment variables SPEECHD_*; the README lists them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

keys = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)
app.add_typer(keys, name="keys")

Paths = Annotated[
    list[Path], typer.Argument(help="Recordings, and folders whose recordings are taken.", show_default=False)
]
ModelName = Annotated[str, typer.Option("--model", "-m", help="Model id; `auto` takes the best installed one.")]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language spoken, e.g. en, es, German. Default: detected.")
]
Formats = Annotated[
    str, typer.Option("--format", "-f", help="One or several of txt, json, srt, vtt, tsv, separated by commas.")
]
OutputDir = Annotated[
    Path | None,
    typer.Option("--output-dir", "-o", help="Folder for the results, mirroring the input. Default: print them."),
]
Prompt = Annotated[str, typer.Option(help="Text that precedes the recording: names and spellings to expect.")]


def main() -> None:
    """Entry point of the console script."""
    try:
        app()
    except SpeechdError as error:
        fail(error.message)


def fail(message: str) -> NoReturn:
    """Ends the command with one line on standard error."""
    typer.secho(f"speechd: {message}", fg=typer.colors.RED, err=True)
    sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"speechd {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: SPEECHD_HOST or 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 takes a free one. Default: SPEECHD_PORT or 8000.")] = None,
) -> None:
    """Serve the HTTP API.

    Clients use it by their base URL: http://HOST:PORT for the groq SDK, http://HOST:PORT/v1 for the openai SDK.
    An address other than loopback needs SPEECHD_API_KEY (or SPEECHD_ALLOW_ANONYMOUS=true).
    """
    from speechd.api.server import run

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    run(read_settings(**given))


@app.command()
def transcribe(
    paths: Paths,
    model: ModelName = "auto",
    language: Language = None,
    task: Annotated[str, typer.Option(help="transcribe, or translate into English.")] = "transcribe",
    format: Formats = "txt",
    output_dir: OutputDir = None,
    prompt: Prompt = "",
) -> None:
    """Transcribe recordings and whole folders.

    With --output-dir, DIR/a/talk.flac becomes OUT/a/talk.srt and so on; files that fail are listed at the end and
    the exit status is 1. Without it the text is printed.

    Examples:

        speechd transcribe talk.mp3

        speechd transcribe recordings/ --format json,srt --output-dir out
    """
    from speechd.transcribing import Plan, run

    plan = Plan.read(paths, model=model, language=language, task=task, formats=format, output=output_dir, prompt=prompt)
    raise typer.Exit(asyncio.run(run(plan, read_settings())))


@app.command()
def translate(
    paths: Paths,
    model: ModelName = "auto",
    language: Language = None,
    format: Formats = "txt",
    output_dir: OutputDir = None,
    prompt: Prompt = "",
) -> None:
    """Write down in English what recordings say in another language: `transcribe --task translate`."""
    transcribe(paths, model, language, "translate", format, output_dir, prompt)


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="Who the key is for.", show_default=False)],
    requests_per_minute: Annotated[int | None, typer.Option(min=1, help="Requests in a minute.")] = None,
    requests_per_day: Annotated[int | None, typer.Option(min=1, help="Requests in a day.")] = None,
    audio_seconds_per_hour: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in an hour.")] = None,
    audio_seconds_per_day: Annotated[float | None, typer.Option(min=1, help="Seconds of audio in a day.")] = None,
) -> None:
    """Make a key and print it, once: only its hash is kept. A running server takes it at once."""
    from speechd.keys import KeyFile, Limits

    limits = Limits(requests_per_minute, requests_per_day, audio_seconds_per_hour, audio_seconds_per_day)
    typer.echo(KeyFile(read_settings().keys_path).add(name, limits))


@keys.command("list")
def list_keys() -> None:
    """List the keys, with what each has used of its limits."""
    from speechd.keys import KeyFile
    from speechd.usage import SqliteUsage, described

    settings = read_settings()
    usage = SqliteUsage(settings.data_dir / "usage.db")
    for key in KeyFile(settings.keys_path).read():
        typer.echo(described(key, usage))
    usage.close()


@keys.command("revoke")
def revoke_key(name: Annotated[str, typer.Argument(help="Whose key.", show_default=False)]) -> None:
    """Take a key away. A running server refuses it at once."""
    from speechd.keys import KeyFile

    KeyFile(read_settings().keys_path).revoke(name)
    typer.echo(f"{name} is revoked.")


def read_settings(**given: object) -> "Settings":
    """The settings of the environment, with what the command line gives on top; a bad one ends the command."""
    from pydantic import ValidationError

    from speechd.settings import Settings

    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        fail(f"the setting SPEECHD_{name} is not valid: {first['msg']}.")
