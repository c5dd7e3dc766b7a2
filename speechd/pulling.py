"""Brings a model's files from a hub: resumable, every hash checked, visible only when it is whole.

`huggingface_hub` says where the hub is, with which token, and what a repository holds (HF_ENDPOINT, HF_TOKEN, HF_HOME,
HF_HUB_OFFLINE). Its own download starts anew after an interruption and checks sizes only, so the bytes are fetched
here: with Range requests into a hidden folder, which becomes the model's folder in one step at the end.
"""

import contextlib
import errno
import fcntl
import fnmatch
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path, PurePosixPath

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.utils import build_hf_headers, get_session

from speechd.catalog import Model
from speechd.errors import Offline, PullFailed
from speechd.modelfiles import PULLED_FILES
from speechd.modelstore import ModelStore
from speechd.pulls import Report

MANIFEST = "speechd.json"
"""Lies beside a pulled model's files: where they came from, their sizes and SHA-256."""
CHUNK = 1 << 20
PATIENCE = 30.0
"""Seconds without a byte after which a connection counts as lost."""
TRIES = 5
"""Lost connections in a row, without a byte gained, before a pull gives up."""
SPARE_BYTES = 16 << 20
"""Left free on the disk."""

log = logging.getLogger("speechd.models")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository."""

    path: str
    """Where it lies in the repository."""
    name: str
    """Where it goes in the model's folder."""
    size: int
    sha256: str
    """Of large files (Git LFS); else ""."""
    blob: str
    """Git's SHA-1 of `blob <size>\\0` and the content; of the pointer for large files."""


@dataclass(frozen=True, slots=True)
class Repository:
    """One commit of a repository, and the files of it that a model needs."""

    id: str
    commit: str
    files: tuple[RemoteFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)


def pull(model: Model, store: ModelStore, report: Report, *, offline: bool = False, pause: float = 1.0) -> Model:
    """Pulls a model, going on where an earlier attempt broke off.

    Args:
        model: names its repository.
        store: where it goes.
        report: told of the progress.
        offline: refuse to reach a hub.
        pause: seconds before the first new try after a lost connection; doubled each time.

    Raises:
        Offline: the hub may not be reached.
        PullFailed: whatever went wrong; nothing of it looks installed.
    """
    if offline or constants.is_offline_mode():
        raise Offline("This machine may not reach a model hub (SPEECHD_OFFLINE or HF_HUB_OFFLINE).")
    try:
        repository = _inspect(model)
        with _workshop(store.folder, model.id, repository.commit) as folder:
            _require_space(folder, repository)
            _fetch_all(repository, folder, report, pause)
            _write_manifest(repository, folder)
            return store.install(folder, model)
    except (OSError, httpx2.HTTPError, ValueError) as error:
        raise _translated(error, model) from error


def _inspect(model: Model) -> Repository:
    """What the hub has of the model."""
    info = HfApi().model_info(model.hub, files_metadata=True, timeout=PATIENCE)
    prefix = f"{model.hub_folder}/" if model.hub_folder else ""
    patterns = model.files or PULLED_FILES.get(model.engine, ("*",))
    files = [
        RemoteFile(each.rfilename, name, each.size or 0, each.lfs.sha256 if each.lfs else "", each.blob_id or "")
        for each in info.siblings or ()
        if each.rfilename.startswith(prefix)
        for name in (each.rfilename.removeprefix(prefix),)
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]
    bad = [file.name for file in files if not _is_plain(file.name)]
    if bad or not files or not info.sha:
        place = f"`{model.hub}`" + (f" in `{model.hub_folder}`" if model.hub_folder else "")
        raise PullFailed(f"The hub's {place} holds no model for {model.engine}.")
    return Repository(model.hub, info.sha, tuple(files))


def _is_plain(name: str) -> bool:
    """A relative path that stays where it is put."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


@contextlib.contextmanager
def _workshop(root: Path, model_id: str, commit: str) -> Iterator[Path]:
    """The hidden folder in which a model is put together, kept after a failure, for one process at a time."""
    place = root / ".pulling" / model_id.replace("/", "--")
    folder = place / commit
    folder.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PullFailed(f"`{model_id}` is being pulled by another process.", code="pull_running") from None
        for other in place.iterdir():
            if other.is_dir() and other != folder:
                shutil.rmtree(other)  # of an older commit
        yield folder
        shutil.rmtree(place)


def _require_space(folder: Path, repository: Repository) -> None:
    here = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    missing = repository.bytes - here + SPARE_BYTES - shutil.disk_usage(folder).free
    if missing > 0:
        raise _disk_full(f"{missing / 1e6:.0f} MB are missing for `{repository.id}`")


def _fetch_all(repository: Repository, folder: Path, report: Report, pause: float) -> None:
    done = 0
    for file in repository.files:
        target = folder / file.name
        before = done
        if not target.is_file():  # it gets its name when its hash is right
            part = target.with_name(target.name + ".part")
            part.parent.mkdir(parents=True, exist_ok=True)
            _fetch(repository, file, part, _offset(report, before, repository.bytes), pause)
            _verify(file, part)
            _settle(part)
            part.rename(target)
        done += file.size
        report(done, repository.bytes)


def _offset(report: Report, before: int, total: int) -> Callable[[int], None]:
    return lambda done: report(before + done, total)


def _fetch(repository: Repository, file: RemoteFile, part: Path, report: Callable[[int], None], pause: float) -> None:
    """Fetches one file to its end, through lost connections."""
    failures = 0
    while True:
        before = _size(part)
        try:
            if before != file.size:
                _stream(repository, file, part, report)
            if _size(part) >= file.size:
                return
            raise httpx2.RemoteProtocolError("the connection was closed early")
        except httpx2.TransportError as error:
            failures = 0 if _size(part) > before else failures + 1
            if failures >= TRIES:
                raise PullFailed(f"The connection to the hub was lost: {error}. Pull again to go on.") from error
            log.info("connection lost at %d of %d bytes of %s: %s", _size(part), file.size, file.name, error)
            time.sleep(pause * 2**failures)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _stream(repository: Repository, file: RemoteFile, part: Path, report: Callable[[int], None]) -> None:
    """One request for what is missing, appended to what is there; the whole, if the hub sends that, replaces it."""
    url = hf_hub_url(repository.id, file.path, revision=repository.commit, endpoint=constants.ENDPOINT)
    here = _size(part)
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if here:
        headers["Range"] = f"bytes={here}-"
    with get_session().stream("GET", url, headers=headers, timeout=PATIENCE) as reply:
        if reply.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink()
            return
        if reply.status_code >= HTTPStatus.BAD_REQUEST:
            raise PullFailed(f"The hub answered {reply.status_code} for `{file.name}` of `{repository.id}`.")
        resumed = reply.status_code == HTTPStatus.PARTIAL_CONTENT
        with part.open("ab" if resumed else "wb") as output:
            for chunk in reply.iter_bytes():
                output.write(chunk)
                report(output.tell())
                if output.tell() > file.size:
                    return  # the hash will not be right


def _verify(file: RemoteFile, part: Path) -> None:
    """Removes what is not what the hub promised.

    Raises:
        PullFailed: its size or hash is wrong.
    """
    wanted = file.sha256 or file.blob
    found = sha256(part) if file.sha256 else git_blob(part)
    if _size(part) != file.size or (wanted and found != wanted):
        part.unlink()
        raise PullFailed(f"`{file.name}` arrived damaged (its size or hash is wrong) and was thrown away. Pull again.")


def _settle(path: Path) -> None:
    """Waits until a file is on the disk, so that its name never outlives its content."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_blob(path: Path) -> str:
    """Git's name of a content: SHA-1 of `blob <size>\\0` and the content (gitformat-loose)."""
    digest = hashlib.sha1(f"blob {_size(path)}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _write_manifest(repository: Repository, folder: Path) -> None:
    files = {file.name: {"size": file.size, "sha256": sha256(folder / file.name)} for file in repository.files}
    content = {"repository": repository.id, "commit": repository.commit, "files": files}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n")


def _translated(error: Exception, model: Model) -> Exception:
    """The hub's and the system's exceptions in our words."""
    if isinstance(error, OfflineModeIsEnabled):
        return Offline("This machine may not reach a model hub (HF_HUB_OFFLINE).")
    if isinstance(error, GatedRepoError | RepositoryNotFoundError):
        return PullFailed(
            f"The hub knows no `{model.hub}`, or it wants a token with access to it: set HF_TOKEN.",
            code="repository_not_found",
        )
    if isinstance(error, HfHubHTTPError):
        return PullFailed(f"The hub answered {error.response.status_code} for `{model.hub}`.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _disk_full(f"there was no room for `{model.id}`; what arrived is kept")
    if isinstance(error, OSError):
        return PullFailed(f"Files of `{model.id}` could not be written: {error.strerror or error}.")
    return PullFailed(f"The hub {constants.ENDPOINT} cannot be reached or is none: {error}.")


def _disk_full(what: str) -> PullFailed:
    return PullFailed(f"The disk is full: {what}. Make room and pull again.", code="disk_full")
