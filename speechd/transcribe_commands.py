"""`speechd transcribe` and `speechd translate`: their options."""

from pathlib import Path
from typing import Annotated

import typer

TAKEN, WRITTEN, COURSE, SERVICE = "What is taken", "What is written", "How the run goes", "By a running service"

Paths = Annotated[
    list[Path],
    typer.Argument(help="Recordings, and folders whose recordings are taken; - is standard input.", show_default=False),
]
ModelName = Annotated[str, typer.Option("--model", "-m", help="Model id; `auto` takes the best installed one.")]
Language = Annotated[
    str | None, typer.Option("--language", "-l", help="Language spoken, e.g. en, es, German. Default: detected.")
]
TaskName = Annotated[str, typer.Option("--task", help="transcribe, or translate into English.")]
Prompt = Annotated[str, typer.Option(help="Text that precedes the recording: names and spellings to expect.")]

Include = Annotated[
    list[str] | None,
    typer.Option(
        help="Of folders only files that match this glob, such as '*.mp3' or 'calls/*'; may be given several times.",
        rich_help_panel=TAKEN,
        show_default=False,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        help="No files, or folders, that match this glob; may be given several times.",
        rich_help_panel=TAKEN,
        show_default=False,
    ),
]

Formats = Annotated[
    list[str],
    typer.Option(
        "--format", "-f", help="txt, json, srt, vtt, tsv; several with commas or repeated.", rich_help_panel=WRITTEN
    ),
]
OutputDir = Annotated[
    Path | None,
    typer.Option(
        "--output-dir",
        "-o",
        help="Folder for the results, mirroring the input; - prints them. Default: beside the recordings of a folder;"
        " the text of single files is printed.",
        rich_help_panel=WRITTEN,
    ),
]

RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try again what failed in an earlier run.", rich_help_panel=COURSE)
]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Go on following the folders: files that come later too.", rich_help_panel=COURSE),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would be done, and how long it takes.", rich_help_panel=COURSE)
]
JsonProgress = Annotated[
    bool,
    typer.Option("--json-progress", help="Progress as lines of JSON on standard error.", rich_help_panel=COURSE),
]

Url = Annotated[
    str | None,
    typer.Option(help="Have this service do it: http://host:8000.", rich_help_panel=SERVICE, show_default=False),
]
ApiKey = Annotated[
    str | None,
    typer.Option(help="Its key. Default: SPEECHD_API_KEY.", rich_help_panel=SERVICE, show_default=False),
]
Parallel = Annotated[int, typer.Option(min=1, max=64, help="Uploads at once.", rich_help_panel=SERVICE)]


def transcribe(
    paths: Paths,
    model: ModelName = "auto",
    language: Language = None,
    task: TaskName = "transcribe",
    prompt: Prompt = "",
    include: Include = None,
    exclude: Exclude = None,
    format: Formats = ["txt"],  # noqa: B006 - typer reads it
    output_dir: OutputDir = None,
    retry_failed: RetryFailed = False,
    watch: Watch = False,
    dry_run: DryRun = False,
    json_progress: JsonProgress = False,
    url: Url = None,
    api_key: ApiKey = None,
    parallel: Parallel = 4,
) -> None:
    """Transcribe recordings and whole folders.

    DIR/a/talk.flac becomes OUT/a/talk.srt and so on. A journal in the output folder knows what is finished: the same
    command goes on after Ctrl-C or a crash, and does only what is new, changed, or asked for otherwise. Files that fail
    are listed at the end, and the exit status is 1.

    Examples:

        speechd transcribe talk.mp3

        speechd transcribe recordings/ --format json,srt --output-dir out

        speechd transcribe recordings/ --output-dir out --watch --url http://gpu:8000
    """
    from speechd.folders import Selection
    from speechd.settings import read_settings
    from speechd.transcribing import Plan, Way, run

    plan = Plan.read(
        paths,
        model=model,
        language=language,
        task=task,
        formats=format,
        output=output_dir,
        prompt=prompt,
        selection=Selection(tuple(include or ()), tuple(exclude or ())),
        way=Way(watch, retry_failed, dry_run, json_progress, url, api_key, parallel),
    )
    raise typer.Exit(run(plan, read_settings()))


def translate(
    paths: Paths,
    model: ModelName = "auto",
    language: Language = None,
    prompt: Prompt = "",
    format: Formats = ["txt"],  # noqa: B006 - typer reads it
    output_dir: OutputDir = None,
) -> None:
    """Write down in English what recordings say in another language.

    It is `transcribe --task translate`, which has more options for folders.
    """
    transcribe(paths, model, language, "translate", prompt, format=format, output_dir=output_dir)
