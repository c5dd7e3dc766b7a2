"""`speechd backup` and `speechd restore`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from speechd.cli import lazy
from speechd.errors import InvalidRequest

if TYPE_CHECKING:  # the rest loads when the command runs: --help shall be quick
    from speechd.cli.admin.archive import Manifest
    from speechd.settings import Settings

POSTGRES = (
    "The database is PostgreSQL's and is not in the backup: use pg_dump before `speechd backup`, and pg_restore before"
    " `speechd restore`."
)


def backup(
    file: Annotated[Path, typer.Argument(help="File to write: a tar archive, compressed if it ends with .gz or .tgz.")],
) -> None:
    """Write the database, the files, the keys and what was measured into one file, also while servers run.

    Models are not in it: they can be pulled again. Run it as the user of the server, with the same settings. The backup
    holds callers' files and hashes of keys. Only its owner can read it.

    Examples:

        speechd backup /backups/speechd-$(date +%F).tar
    """
    settings = lazy.read_settings()
    database = _sqlite_file(settings)
    with lazy.snapshot(settings, database) as taken:
        manifest = lazy.write_archive(taken, file)
    if database is None:
        typer.secho(POSTGRES, fg=typer.colors.YELLOW, err=True)
    typer.echo(f"{file}: {_told(manifest)}")


def restore(file: Annotated[Path, typer.Argument(help="File that `speechd backup` has written.")]) -> None:
    """Put a backup into a data folder that is empty but for models, and check each file.

    The next start brings the database to its own version. A backup of a newer speechd is refused.

    Examples:

        SPEECHD_DATA_DIR=/srv/speechd speechd restore /backups/speechd-2026-11-30.tar
    """
    settings = lazy.read_settings()
    database = _sqlite_file(settings)
    place = database or settings.data_dir / "no database"
    for path in (place, settings.data_dir / "files", settings.keys_path):
        if path.exists():
            raise InvalidRequest(f"{path} is there already: restore into an empty data folder (SPEECHD_DATA_DIR).")
    with lazy.unpacked(file, settings.data_dir) as (manifest, folder):
        if manifest.migration and database is None:
            raise InvalidRequest("The backup has a database of SQLite, and SPEECHD_DATABASE_URL is PostgreSQL's.")
        if manifest.migration > (newest := lazy.newest_migration()):
            raise InvalidRequest(
                f"The backup is of speechd {manifest.speechd} (migration {manifest.migration}), and this one knows"
                f" migrations up to {newest}: install that version."
            )
        lazy.place(folder, settings.data_dir, settings.keys_path, place)
    if not manifest.migration:
        typer.secho(POSTGRES, fg=typer.colors.YELLOW, err=True)
    typer.echo(f"{settings.data_dir}: {_told(manifest)}")


def _sqlite_file(settings: "Settings") -> Path | None:
    """
    Raises:
        Misconfigured: see speechd.store.database.database_url.
    """
    url = lazy.database_url(settings)
    return Path(url.database or "") if url.drivername.startswith("sqlite") else None


def _told(manifest: "Manifest") -> str:
    made = time.strftime("%Y-%m-%d %H:%M", time.localtime(manifest.created))
    database = f"database at migration {manifest.migration}" if manifest.migration else "no database"
    files = f"{len(manifest.files)} files, {manifest.bytes / 1e6:.1f} MB"
    return f"{files}, {database}, of {made} by speechd {manifest.speechd}"
