"""The command line: `speechd serve`, `wyoming`, `worker`, `transcribe`, `translate`, `listen`, `speak`, `batch`,
`models`, `keys`, `speakers`, `doctor`, `settings`, `backup`, `restore`."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from speechd import __version__
from speechd.cli import batch, keys, lazy, models, serve, speakers
from speechd.cli.admin import backup as backup_commands
from speechd.cli.admin import settings as settings_command
from speechd.cli.doctor import command as doctor_command
from speechd.cli.listen import command as listen_command
from speechd.cli.transcribe import command as transcribe_commands
from speechd.errors import SpeechdError

app = typer.Typer(
    name="speechd",
    help="Self-hosted speech: transcription, translation and speech behind the APIs of Groq and OpenAI.",
    epilog="Settings are environment variables SPEECHD_*, or names in a TOML file (--config). The documentation lists"
    " them under Settings; `speechd settings` shows what holds.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(models.app, name="models")
app.add_typer(batch.app, name="batch")
app.add_typer(keys.app, name="keys")
app.add_typer(speakers.app, name="speakers")
app.command()(serve.serve)
app.command()(serve.wyoming)
app.command()(transcribe_commands.transcribe)
app.command()(transcribe_commands.translate)
app.command("listen")(listen_command.listen_live)
app.command()(doctor_command.doctor)
app.command()(settings_command.settings)
app.command()(backup_commands.backup)
app.command()(backup_commands.restore)


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
    config: Annotated[
        Path | None, typer.Option("--config", help="TOML file of settings. Default: SPEECHD_CONFIG, or none.")
    ] = None,
) -> None:
    if config is not None:
        os.environ["SPEECHD_CONFIG"] = str(config)  # for child processes too


@app.command()
def worker() -> None:
    """Process batches and jobs for servers with the same database and data folder, until stopped.

    Any number of workers can run. They have a lower CPU priority than other processes.
    """

    settings = lazy.read_settings()
    lazy.run_worker(settings, serve.service_opener(settings))


@app.command()
def speak(
    text: Annotated[str | None, typer.Argument(help="Text to speak. `-` or no text reads standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-i", help="Text file to speak instead.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Audio file to write. Default: standard output, as WAV.")
    ] = None,
    voice: Annotated[str, typer.Option("--voice", help="Voice, or NAME#speaker.")] = "auto",
    speed: Annotated[float, typer.Option("--speed", help="Speed, 0.25 to 5, at the same pitch.")] = 1.0,
    sample_rate: Annotated[int | None, typer.Option("--sample-rate", help="Sample rate in Hz. Default: 24000.")] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format", "-f", help="mp3, flac, wav, ogg, opus, aac, mulaw or pcm. Default: by the name of the file."
        ),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option("--captions", help="Also write the time of each word to a .json, .srt or .vtt file.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Language of the text, such as de. Default: the voice's.")
    ] = None,
) -> None:
    """Speak a text, a text file or standard input. Text inside <speak> is SSML.

    Examples:

        speechd speak "Hello there." -o hello.flac

        speechd speak --file story.txt -o story.mp3 --speed 1.2 --captions story.srt
    """

    plan = lazy.SpeakPlan.read(
        lazy.read_text(text, file),
        voice=voice,
        speed=speed,
        sample_rate=sample_rate,
        format=format,
        output=output,
        captions=captions,
        language=language,
    )
    raise typer.Exit(asyncio.run(lazy.run_speak(plan, lazy.read_settings())))
