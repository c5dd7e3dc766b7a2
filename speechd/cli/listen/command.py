"""`speechd listen`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from speechd.cli import lazy

HEARD, WRITTEN, SERVICE = "What is heard", "What is written", "By a running server"
SPEAKERS = "Speakers"


def listen_live(
    file: Annotated[
        Path | None,
        typer.Argument(help="Recording to play instead. - is a WAV on standard input.", show_default=False),
    ] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="Model id. `auto` is the best installed one.")] = "auto",
    language: Annotated[
        str | None, typer.Option("--language", "-l", help="Language spoken, e.g. en, German. Default: detected.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="Names and spellings to expect.")] = "",
    device: Annotated[
        str | None,
        typer.Option(
            help="Microphone, by number or part of its name. `list` shows them. Default: the system's.",
            rich_help_panel=HEARD,
        ),
    ] = None,
    silence: Annotated[
        float,
        typer.Option(min=0.1, max=10, help="Seconds of silence that end a line.", rich_help_panel=HEARD),
    ] = 0.7,
    speed: Annotated[
        float,
        typer.Option(min=0.1, max=100, help="Play a recording so many times as fast.", rich_help_panel=HEARD),
    ] = 1.0,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            help="At the end: txt, json, srt, vtt, tsv, lrc, or of speakers: minutes, diarized_json, rttm.",
            rich_help_panel=WRITTEN,
        ),
    ] = "txt",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write at the end. Default: standard output.", rich_help_panel=WRITTEN
        ),
    ] = None,
    speakers: Annotated[
        bool,
        typer.Option(
            "--speakers",
            help="Tell speakers apart by their voice. Lines then appear when they are whole.",
            rich_help_panel=SPEAKERS,
        ),
    ] = False,
    max_speakers: Annotated[
        int | None, typer.Option(min=1, max=10, help="At most so many speakers.", rich_help_panel=SPEAKERS)
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            "--url",
            help="Address of a server that listens: http://host:8000. Default: the models of this machine.",
            rich_help_panel=SERVICE,
            show_default=False,
        ),
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(help="API key of the server. Default: SPEECHD_API_KEY.", rich_help_panel=SERVICE),
    ] = None,
) -> None:
    """Transcribe the microphone while people speak.

    Words appear as soon as they are certain, and a line ends with each pause. Ctrl-C ends it; then the whole is written
    in the format that --format names. The microphone needs the extra `listen` of the package.

    A recording, or a WAV on standard input, is heard in the same way. A recording is played at its own speed.

    Examples:

        speechd listen

        speechd listen --language de --format srt --output talk.srt

        speechd listen --format minutes --output meeting.md

        arecord -f S16_LE -r 16000 | speechd listen -

        speechd listen talk.mp3 --server http://gpu:8000
    """
    if device == "list":
        typer.echo(lazy.list_microphones())
        return
    plan = lazy.ListenPlan.read(
        file,
        model=model,
        language=language,
        prompt=prompt,
        device=device,
        silence=silence,
        speed=speed,
        format=format,
        output=output,
        speakers=speakers,
        max_speakers=max_speakers,
        server=server,
        api_key=api_key,
    )
    raise typer.Exit(lazy.run_listen(plan, lazy.read_settings()))
