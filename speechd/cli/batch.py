"""`speechd batch ...`: sends a file of requests to a running server and downloads the answers."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from speechd.cli.models import print_wide
from speechd.cli.server_client import ServerClient
from speechd.errors import InvalidRequest, SpeechdError

app = typer.Typer(help="Send a file of requests to a running server and get a file of answers.", no_args_is_help=True)

Url = Annotated[
    str | None, typer.Option(help="Address of the server. Default: SPEECHD_URL, else SPEECHD_HOST and SPEECHD_PORT.")
]
ApiKey = Annotated[
    str | None, typer.Option(help="API key of the server. Default: SPEECHD_API_KEY.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the batch as JSON on standard output.")]
OutputDirOption = Annotated[Path, typer.Option("--output", "-o", help="Folder for the answers.")]

ENDED_STATUSES = ("completed", "failed", "expired", "cancelled")
SOME_FAILED, UNFINISHED, INTERRUPTED = 3, 4, 130
"""Exit statuses: lines failed; the batch failed, expired or was cancelled; the command was interrupted."""
FIRST_POLL, MAX_POLL = 0.3, 3.0
"""Seconds between two polls of a batch: at first, and at most."""

said = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(help="JSON Lines: one request on each line.", exists=True, dir_okay=False)],
    endpoint: Annotated[
        str | None, typer.Option(help="Endpoint of all lines. Default: that of the first line.")
    ] = None,
    window: Annotated[str, typer.Option(help="Completion window: 24h to 7d.")] = "24h",
    output: OutputDirOption = Path(),
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Upload a file of requests, follow its batch, and download the answers.

    After an interruption the batch continues. `speechd batch status ID --wait` follows it again. The exit status is
    0 when every line was answered, 3 when lines failed, 4 when the batch failed, expired or was cancelled, 130 when
    interrupted.

    Examples:

        speechd batch run requests.jsonl

        speechd batch run requests.jsonl --url http://gpu:8000 --window 2d --output answers
    """
    server = ServerClient(url, api_key)
    asked = endpoint or _endpoint(file)
    prefix = "/openai/v1" if asked.startswith("/openai/") else "/v1"
    with _interruptible("No batch was created."):
        with file.open("rb") as content:
            parts = {"file": (file.name, content)}
            stored = server.ask("POST", f"{prefix}/files", data={"purpose": "batch"}, files=parts)
        order = {"input_file_id": stored["id"], "endpoint": asked, "completion_window": window}
        batch = server.ask("POST", f"{prefix}/batches", json=order)
    said.print(f"{batch['id']} was created.")
    _follow(server, batch, output, as_json)


@app.command()
def status(
    batch: Annotated[
        str | None, typer.Argument(help="Id of the batch. Default: the newest one.", show_default=False)
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end of the batch, and download the answers.")
    ] = False,
    output: OutputDirOption = Path(),
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Show the progress of a batch. --wait continues like `run`, with the same exit status."""
    server = ServerClient(url, api_key)
    found = _newest(server) if batch is None else server.ask("GET", f"/v1/batches/{batch}")
    if wait:
        _follow(server, found, output, as_json)
    elif as_json:
        print(json.dumps(found, indent=2))
    else:
        _print([found])
        _print_faults(found)


@app.command()
def cancel(
    batch: Annotated[str, typer.Argument(help="Its id.")],
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Cancel a batch. Answers that exist are kept."""
    found = ServerClient(url, api_key).ask("POST", f"/v1/batches/{batch}/cancel")
    print(json.dumps(found, indent=2) if as_json else f"{found['id']} is {found['status']}")


@app.command("list")
def list_batches(
    limit: Annotated[int, typer.Option(min=1, max=100, help="Most batches.")] = 20,
    url: Url = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List batches, the newest first."""
    found = ServerClient(url, api_key).ask("GET", f"/v1/batches?limit={limit}")["data"]
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        _print(found)


def _endpoint(file: Path) -> str:
    """The endpoint of the first request.

    Raises:
        InvalidRequest: it is not a request.
    """
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = next((line for line in lines if line.strip()), "")
        return str(json.loads(first)["url"])
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, LookupError, TypeError):
        raise InvalidRequest(
            f"The first line of {file} is not a request. A line is a JSON object with custom_id, method, url and"
            " body. Correct it or use --endpoint."
        ) from None


def _newest(server: ServerClient) -> dict[str, Any]:
    newest: list[dict[str, Any]] = server.ask("GET", "/v1/batches?limit=1")["data"]
    if not newest:
        raise SpeechdError("There is no batch yet. `speechd batch run FILE.jsonl` creates one.")
    return newest[0]


def _follow(server: ServerClient, batch: dict[str, Any], output: Path, as_json: bool) -> NoReturn:
    """Waits for a batch's end, downloads its answers, and ends the command with its status."""
    id = batch["id"]
    with _interruptible(f"The batch continues. Follow it again with: speechd batch status {id} --wait"):
        batch = _waited(server, batch)
        brought = {kind: _brought(server, batch, kind, output) for kind in ("output", "error")}
    if as_json:
        paths = {f"{kind}_path": str(path) if path else None for kind, path in brought.items()}
        print(json.dumps(batch | paths, indent=2))
    counts = batch["request_counts"]
    said.print(f"{id} is {batch['status']}: {counts['completed']} answered, {counts['failed']} failed.")
    _print_faults(batch)
    for kind, path in brought.items():
        if path is not None:
            said.print(f"{'answers' if kind == 'output' else 'failures'}: {path}", markup=False)
    raise typer.Exit(UNFINISHED if batch["status"] != "completed" else SOME_FAILED if counts["failed"] else 0)


def _waited(server: ServerClient, batch: dict[str, Any]) -> dict[str, Any]:
    pause = FIRST_POLL
    with _bar() as (progress, task):
        while True:
            counts = batch["request_counts"]
            total, done = counts["total"] or None, counts["completed"] + counts["failed"]
            failed = f"[red]{counts['failed']} failed[/red]" if counts["failed"] else ""
            progress.update(task, description=batch["status"], total=total, completed=done, failed=failed)
            if batch["status"] in ENDED_STATUSES:
                return batch
            time.sleep(pause)
            pause = min(MAX_POLL, pause * 1.3)
            batch = server.ask("GET", f"/v1/batches/{batch['id']}", patient=True)


def _brought(server: ServerClient, batch: dict[str, Any], kind: str, folder: Path) -> Path | None:
    """The file of answers or of failures, downloaded."""
    file = batch[f"{kind}_file_id"]
    if file is None:
        return None
    target = folder / f"{batch['id']}_{kind}.jsonl"
    server.download(f"/v1/files/{file}/content", target)
    return target


@contextmanager
def _interruptible(how_to_go_on: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        said.print(how_to_go_on)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _bar() -> Iterator[tuple[Progress, TaskID]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"))
    hidden = not said.is_terminal
    with Progress(*columns, TimeElapsedColumn(), console=said, transient=True, disable=hidden) as progress:
        yield progress, progress.add_task("validating", total=None, failed="")


def _print(batches: list[dict[str, Any]]) -> None:
    table = Table("BATCH", "STATUS", "ENDPOINT", "DONE", "FAILED", "CREATED", box=None, pad_edge=False)
    for batch in batches:
        counts = batch["request_counts"]
        table.add_row(
            batch["id"],
            batch["status"],
            batch["endpoint"],
            f"{counts['completed'] + counts['failed']} of {counts['total']}",
            str(counts["failed"]),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(batch["created_at"])),
        )
    print_wide(table)


def _print_faults(batch: dict[str, Any]) -> None:
    for fault in (batch["errors"] or {"data": []})["data"]:
        where = f"line {fault['line']}: " if fault.get("line") else ""
        said.print(f"{where}{fault['message']}", markup=False)
