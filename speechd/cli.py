"""The command line: `speechd serve`, `worker`, `transcribe`, `translate`, `speak`, `batch`, `models`, `keys`."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from speechd import __version__, batch_commands, key_commands, model_commands
from speechd.errors import SpeechdError

app = typer.Typer(
    name="speechd",
    help="Self-hosted speech: transcription, translation and speech behind the APIs of Groq and OpenAI.",
    epilog="Settings are environment variables SPEECHD_*; the README lists them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(model_commands.app, name="models")
app.add_typer(batch_commands.app, name="batch")
app.add_typer(key_commands.app, name="keys")

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
    from speechd.settings import read_settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    run(read_settings(**given))


@app.command()
def worker() -> None:
    """Work on batches beside the servers on the same database and data folder, until stopped.

    Any number of these can run. They give way to other processes of this machine.
    """
    from speechd.settings import read_settings
    from speechd.working import run

    run(read_settings())


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
    from speechd.settings import read_settings
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


@app.command()
def speak(
    text: Annotated[str | None, typer.Argument(help="What to say; `-` or nothing reads standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-i", help="Text file to speak instead.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Audio file to write. Default: standard output, as WAV.")
    ] = None,
    voice: Annotated[str, typer.Option("--voice", help="Voice, or NAME#speaker.")] = "auto",
    speed: Annotated[float, typer.Option("--speed", help="0.25 to 5 times as fast, at the same pitch.")] = 1.0,
    sample_rate: Annotated[int | None, typer.Option("--sample-rate", help="Hz. Default: 24000.")] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="mp3, flac, wav, ogg, opus, aac, mulaw or pcm. Default: by name."),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option("--captions", help="Also write when each word is said: a .json, .srt or .vtt file.")
    ] = None,
) -> None:
    """Speak a text, a text file or standard input; SSML inside <speak> is understood.

    Examples:

        speechd speak "Hello there." -o hello.flac

        speechd speak --file story.txt -o story.mp3 --speed 1.2 --captions story.srt
    """
    from speechd.settings import read_settings
    from speechd.speaking import Plan, read_text, run

    plan = Plan.read(
        read_text(text, file),
        voice=voice,
        speed=speed,
        sample_rate=sample_rate,
        format=format,
        output=output,
        captions=captions,
    )
    raise typer.Exit(asyncio.run(run(plan, read_settings())))
