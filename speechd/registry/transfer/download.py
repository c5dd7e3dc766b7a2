"""Pulls a model's files from the first source that has them: resumed, every hash checked, visible when complete.

The catalog has the size and SHA-256 of each file of a pinned model, so any source can deliver it. The hub lists the
files of a model that is not pinned. The files are collected in a hidden folder, which becomes the model's folder in one
step at the end.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechd.errors import Offline, PullFailed, SourceFailed
from speechd.registry.catalog import Model
from speechd.registry.files import MANIFEST, OVER_HTTP, PULLED_FILES, manifest_in, shipped_models
from speechd.registry.over_http import check_place
from speechd.registry.registry import ModelStore
from speechd.registry.sources.base import SPARE_BYTES, ModelFile, ProgressCallback, Source, Staging, sha256, total_bytes
from speechd.registry.sources.hub import HubSource
from speechd.registry.sources.mirror import mirror_at

LICENCE = "LICENSE"
"""File beside them where the catalog knows the licence."""

log = logging.getLogger("speechd.models")


@dataclass(frozen=True, slots=True)
class PullPlan:
    """The files and sources of one pull."""

    model: Model
    files: tuple[ModelFile, ...]
    sources: tuple[Source, ...]
    """In the order in which they are tried."""

    @property
    def key(self) -> str:
        """Hash of the files, so that attempts for different files never mix."""
        names = [part for file in self.files for part in (file.path, file.sha256, file.blob)]
        commits = [] if self.model.pinned else [source.name for source in self.sources]
        return hashlib.sha256("\0".join(names + commits).encode()).hexdigest()[:16]


def pull(
    model: Model,
    store: ModelStore,
    report: ProgressCallback,
    *,
    offline: bool = False,
    mirror: str = "",
    pause: float = 1.0,
    over_http: bool = False,
    tell: Callable[[str], None] = log.info,
) -> Model:
    """Pulls a model, and resumes an earlier attempt.

    Args:
        model: names its files and sources.
        store: the store that gets it.
        report: called with the progress, which begins again with each source.
        offline: leave out every source that needs the network.
        mirror: address or folder that is tried first, or "".
        pause: seconds before the first new try after a lost connection; doubled each time.
        over_http: a caller of the API asks for it, not the operator.
        tell: called with a sentence for each source that is tried or failed.

    Raises:
        Offline: all sources need the network, which is not allowed.
        PullFailed: every source failed. The message has the reason of each. The model is not installed.
    """
    plan = _plan(model, offline, mirror)
    if over_http:
        check_place(model, store.place(model), store.folder)
    if not model.pinned:
        tell(f"{model.id} is not pinned: the hub lists its files")
    with _staging(store.folder, plan, report, pause) as staging:
        _require_space(staging.folder, plan)
        source = _fetch_from_first(plan, staging, offline, tell)
        try:
            _write_licence(model, staging.folder)
            _write_manifest(plan, source, staging.folder, over_http)
            return store.install(staging.folder, model)
        except OSError as error:
            raise _given_up(model, error) from error


def _plan(model: Model, offline: bool, mirror: str) -> PullPlan:
    if model.pinned:
        first = (mirror_at(mirror),) if mirror else ()
        return PullPlan(model, model.files, first + model.sources)
    source = HubSource(model.hub, folder=model.hub_folder)
    try:
        _permit(source, offline)
        source, files = source.list_files(model.patterns or PULLED_FILES.get(model.engine, ("*",)))
    except SourceFailed as failure:
        raise _all_failed(model, [(source, failure)]) from failure
    return PullPlan(model, files, (source,))


def _permit(source: Source, offline: bool) -> None:
    if offline and source.needs_network:
        raise SourceFailed("SPEECHD_OFFLINE forbids it", code="offline")


@contextlib.contextmanager
def _staging(root: Path, plan: PullPlan, report: ProgressCallback, pause: float) -> Iterator[Staging]:
    """The hidden folder of a pull, kept after a failure, for one process at a time."""
    place = root / ".pulling" / plan.model.id.replace("/", "--")
    here = place / plan.key
    staging = Staging(here / "files", here / "archives", report, pause)
    try:
        staging.folder.mkdir(parents=True, exist_ok=True)
        staging.archives.mkdir(exist_ok=True)
        lock = (place / "lock").open("w")
    except OSError as error:
        raise _given_up(plan.model, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PullFailed(f"`{plan.model.id}` is being pulled by another process.", code="pull_running") from None
        for other in place.iterdir():
            if other.is_dir() and other != here:
                shutil.rmtree(other)  # left by a pull of other files
        yield staging
        shutil.rmtree(place, ignore_errors=True)  # a client of a killed pull may still write there


def _require_space(folder: Path, plan: PullPlan) -> None:
    here = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    missing = total_bytes(plan.files) - here + SPARE_BYTES - shutil.disk_usage(folder).free
    if missing > 0:
        raise PullFailed(
            f"The disk is full: {missing / 1e6:.0f} MB are missing for `{plan.model.id}`. Free space and pull again.",
            code="disk_full",
        )


def _fetch_from_first(plan: PullPlan, staging: Staging, offline: bool, tell: Callable[[str], None]) -> Source:
    """Fetches all files from the first source that has them, and returns that source."""
    failures: list[tuple[Source, SourceFailed]] = []
    for source in plan.sources:
        try:
            _permit(source, offline)
            for failed, failure in failures[-1:]:
                tell(f"{failed.name}: {failure.message}")
            tell(f"{plan.model.id} ({total_bytes(plan.files) / 1e6:.1f} MB) from {source.name}")
            source.fetch(plan.files, staging)
        except SourceFailed as failure:
            failures.append((source, failure))
        except OSError as error:
            failures.append((source, _unwritten(error)))
        else:
            return source
    raise _all_failed(plan.model, failures)


def _unwritten(error: OSError) -> SourceFailed:
    """Translates exceptions of the system."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SourceFailed("the disk is full; what arrived is kept", code="disk_full")
    return SourceFailed(f"the files could not be written: {error.strerror or error}")


def _given_up(model: Model, error: OSError) -> PullFailed:
    """An error that would occur with every source."""
    reason = _unwritten(error)
    return PullFailed(f"`{model.id}` could not be pulled: {reason.message}.", code=reason.error_code)


def _all_failed(model: Model, failures: Sequence[tuple[Source, SourceFailed]]) -> PullFailed | Offline:
    """One error that names each source and its reason."""
    reasons = "; ".join(f"{source.name}: {failure.message}" for source, failure in failures)
    message = f"`{model.id}` could not be pulled. {reasons}."
    codes = {failure.error_code for _, failure in failures}
    if codes == {"offline"}:
        return Offline(message)
    if "disk_full" in codes:
        return PullFailed(message, code="disk_full")
    return PullFailed(message, code=codes.pop() if len(codes) == 1 else None)


def _write_licence(model: Model, folder: Path) -> None:
    text = shipped_models() / "licences" / f"{model.licence}.txt"
    if model.licence and text.is_file():
        heading = f"{model.licence}\n\n" + (f"{model.copyright}\n\n" if model.copyright else "")
        (folder / LICENCE).write_text(heading + text.read_text())


def _write_manifest(plan: PullPlan, source: Source, folder: Path, over_http: bool) -> None:
    files = {file.path: {"size": file.size, "sha256": sha256(folder / file.path)} for file in plan.files}
    hub = source if isinstance(source, HubSource) else None
    content = {
        "source": source.name,
        "repository": hub.repository if hub else None,
        "commit": hub.revision if hub else None,
        "pinned": plan.model.pinned,
        "licence": plan.model.licence or None,
        "files": files,
    } | ({OVER_HTTP: True} if over_http else {})
    _write(content, folder)


def adopt(model: Model) -> None:
    """What a caller had pulled is the operator's choice from now on, and `auto` may mean it."""
    content = manifest_in(model.path) if model.path else {}
    if model.path and content.pop(OVER_HTTP, False):
        _write(content, model.path)


def _write(manifest: dict[str, Any], folder: Path) -> None:
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def read_manifest(model: Model) -> dict[str, Any]:
    """The record that a pull wrote beside a model's files; empty where the model was not pulled."""
    return manifest_in(model.path) if model.path else {}
