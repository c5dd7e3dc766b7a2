"""`speechd transcribe` and `speechd translate`: their options."""

from typing import Annotated

import typer

from speechd.cli import lazy

TAKEN, WRITTEN, COURSE, SERVICE = "What is taken", "What is written", "How the run goes", "By a running service"
HEARD, SUBTITLES = "Tracks, channels and languages", "Subtitles (srt, vtt)"
SPEAKERS, CLUSTER = "Speakers", "By a cluster"

Paths = Annotated[
    list[str],
    typer.Argument(
        help="Recordings, and folders with recordings, also as addresses: s3://bucket/in. - is standard input.",
        show_default=False,
    ),
]
ModelName = Annotated[str, typer.Option("--model", "-m", help="Model id. `auto` is the best installed one.")]
LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language",
        "-l",
        help="Language spoken, e.g. en, es, German, or multi where languages mix. Default: detected.",
    ),
]
TaskName = Annotated[str, typer.Option("--task", help="transcribe, or translate into English.")]
Prompt = Annotated[str, typer.Option(help="Text that precedes the recording: names and spellings to expect.")]

Include = Annotated[
    list[str] | None,
    typer.Option(
        help="In folders only files that match this glob, such as '*.mp3' or 'calls/*'. May be repeated.",
        rich_help_panel=TAKEN,
        show_default=False,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        help="No files or folders that match this glob. May be repeated.",
        rich_help_panel=TAKEN,
        show_default=False,
    ),
]

Formats = Annotated[
    list[str],
    typer.Option(
        "--format",
        "-f",
        help="txt, json, srt, vtt, tsv, lrc, diarized_json, minutes, rttm. Several with commas or repeated.",
        rich_help_panel=WRITTEN,
    ),
]
OutputDirOption = Annotated[
    str | None,
    typer.Option(
        "--output-dir",
        "-o",
        help="Folder or address for the results. - prints them. Default: beside the recordings of a folder."
        " The text of single files is printed.",
        rich_help_panel=WRITTEN,
    ),
]

ChannelsOption = Annotated[
    str, typer.Option(help="mixed, or split, which transcribes each channel separately.", rich_help_panel=HEARD)
]
ChannelLabels = Annotated[
    str, typer.Option(help="Names of the channels, with commas: agent,caller.", rich_help_panel=HEARD)
]
AudioTrack = Annotated[
    str | None,
    typer.Option(
        help="Audio track of a video, by number from 0 or by language (de, German). Default: the default one.",
        rich_help_panel=HEARD,
        show_default=False,
    ),
]
Languages = Annotated[
    str, typer.Option(help="Detection chooses among these only, with commas: en,es.", rich_help_panel=HEARD)
]
LanguageFloor = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="With --language multi: a less probable language is replaced by the main one. Default: 0.5.",
        rich_help_panel=HEARD,
    ),
]

MaxLineWidth = Annotated[
    int | None, typer.Option(min=10, max=200, help="Maximum characters of a line.", rich_help_panel=SUBTITLES)
]
MaxLines = Annotated[int | None, typer.Option(min=1, max=10, help="Maximum lines of a cue.", rich_help_panel=SUBTITLES)]
MaxCueSeconds = Annotated[
    float | None, typer.Option(min=0.5, max=60, help="Maximum seconds of a cue.", rich_help_panel=SUBTITLES)
]
MinGap = Annotated[
    float, typer.Option(min=0, max=5, help="Minimum seconds between two cues.", rich_help_panel=SUBTITLES)
]
Karaoke = Annotated[
    bool, typer.Option("--karaoke", help="vtt: a timestamp before each word.", rich_help_panel=SUBTITLES)
]

Speakers = Annotated[
    bool,
    typer.Option(
        "--speakers",
        help="Tell speakers apart by their voice. diarized_json, minutes and rttm always do.",
        rich_help_panel=SPEAKERS,
    ),
]
NumSpeakers = Annotated[
    int | None,
    typer.Option(min=1, max=10, help="How many speakers there are. Default: found out.", rich_help_panel=SPEAKERS),
]
MinSpeakers = Annotated[
    int | None, typer.Option(min=1, max=10, help="At least so many speakers.", rich_help_panel=SPEAKERS)
]
MaxSpeakers = Annotated[
    int | None, typer.Option(min=1, max=10, help="At most so many speakers.", rich_help_panel=SPEAKERS)
]
KnownSpeakersOption = Annotated[
    str,
    typer.Option(
        "--known-speakers",
        help="Names of enrolled speakers who may be heard, with commas. See speechd speakers.",
        rich_help_panel=SPEAKERS,
    ),
]

RetryFailed = Annotated[
    bool,
    typer.Option("--retry-failed", help="Try recordings again that failed in an earlier run.", rich_help_panel=COURSE),
]
Watch = Annotated[
    bool,
    typer.Option("--watch", help="Follow the folders and transcribe files that come later.", rich_help_panel=COURSE),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only list the recordings and estimate the time.", rich_help_panel=COURSE)
]
JsonProgress = Annotated[
    bool,
    typer.Option("--json-progress", help="Print progress as JSON lines on standard error.", rich_help_panel=COURSE),
]

Url = Annotated[
    str | None,
    typer.Option(help="Address of the server: http://host:8000.", rich_help_panel=SERVICE, show_default=False),
]
ApiKey = Annotated[
    str | None,
    typer.Option(help="API key of the server. Default: SPEECHD_API_KEY.", rich_help_panel=SERVICE, show_default=False),
]
Parallel = Annotated[int, typer.Option(min=1, max=64, help="Number of uploads at once.", rich_help_panel=SERVICE)]
ClusterAddress = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        help="Transcribe on the machines of a cluster of Ray: auto, or HOST:PORT of its head. Extra `cluster`.",
        rich_help_panel=CLUSTER,
        show_default=False,
    ),
]
Replicas = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=10_000,
        help="Number of transcribers there. Default: one for each GPU, or for each machine.",
        rich_help_panel=CLUSTER,
        show_default=False,
    ),
]


def transcribe(
    paths: Paths,
    model: ModelName = "auto",
    language: LanguageOption = None,
    task: TaskName = "transcribe",
    prompt: Prompt = "",
    include: Include = None,
    exclude: Exclude = None,
    format: Formats = ["txt"],  # noqa: B006 - typer reads it
    output_dir: OutputDirOption = None,
    channels: ChannelsOption = "mixed",
    channel_labels: ChannelLabels = "",
    audio_track: AudioTrack = None,
    languages: Languages = "",
    language_floor: LanguageFloor = None,
    max_line_width: MaxLineWidth = None,
    max_lines: MaxLines = None,
    max_cue_seconds: MaxCueSeconds = None,
    min_gap: MinGap = 0.0,
    karaoke: Karaoke = False,
    speakers: Speakers = False,
    num_speakers: NumSpeakers = None,
    min_speakers: MinSpeakers = None,
    max_speakers: MaxSpeakers = None,
    known_speakers: KnownSpeakersOption = "",
    retry_failed: RetryFailed = False,
    watch: Watch = False,
    dry_run: DryRun = False,
    json_progress: JsonProgress = False,
    url: Url = None,
    api_key: ApiKey = None,
    parallel: Parallel = 4,
    cluster: ClusterAddress = None,
    replicas: Replicas = None,
) -> None:
    """Transcribe recordings and whole folders.

    DIR/a/talk.flac becomes OUT/a/talk.srt and so on. A journal in the output folder records what is finished. The same
    command resumes after Ctrl-C or a crash. It transcribes only recordings that are new or changed, or that have other
    options. Files that fail are listed at the end, and the exit status is then 1.

    Examples:

        speechd transcribe talk.mp3

        speechd transcribe recordings/ --format json,srt --output-dir out

        speechd transcribe recordings/ --output-dir out --watch --url http://gpu:8000

        speechd transcribe call.opus --channels split --channel-labels agent,caller

        speechd transcribe meeting.m4a --format minutes

        speechd transcribe film.mkv --audio-track de --format srt --max-line-width 42 --max-lines 2 --min-gap 0.08
    """

    layout = lazy.Layout(max_line_width, max_lines, max_cue_seconds, min_gap, karaoke)
    plan = lazy.TranscribePlan.read(
        [lazy.parse_location(path) for path in paths],
        model=model,
        asked=lazy.TranscribeArgs(
            task,
            language,
            languages,
            language_floor,
            prompt,
            channels,
            channel_labels,
            layout,
            audio_track,
            speakers,
            num_speakers,
            min_speakers,
            max_speakers,
            known_speakers,
        ),
        formats=format,
        output=lazy.parse_location(output_dir) if output_dir is not None else None,
        selection=lazy.Selection(tuple(include or ()), tuple(exclude or ())),
        way=lazy.RunMode(watch, retry_failed, dry_run, json_progress, url, api_key, parallel, cluster, replicas),
    )
    raise typer.Exit(lazy.run_transcribe(plan, lazy.read_settings()))


def translate(
    paths: Paths,
    model: ModelName = "auto",
    language: LanguageOption = None,
    prompt: Prompt = "",
    format: Formats = ["txt"],  # noqa: B006 - typer reads it
    output_dir: OutputDirOption = None,
) -> None:
    """Translate recordings in other languages into English text.

    It is the same as `transcribe --task translate`, which has more options for folders.
    """
    transcribe(paths, model, language, "translate", prompt, format=format, output_dir=output_dir)
