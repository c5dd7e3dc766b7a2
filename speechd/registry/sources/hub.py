"""A model hub that speaks Hugging Face's protocol.

`huggingface_hub` gives the address, the token and the files of a repository (HF_ENDPOINT, HF_TOKEN, HF_HOME,
HF_HUB_OFFLINE). Its own download restarts after an interruption and checks sizes only. So `http.Download` fetches the
bytes.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from speechd.errors import SourceFailed
from speechd.registry.sources import base
from speechd.registry.sources.base import ModelFile, Staging, is_plain

if TYPE_CHECKING:  # it loads when something is pulled
    import httpx2
    from huggingface_hub import ModelInfo

OFFLINE_MESSAGE = "HF_HUB_OFFLINE forbids it"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository, or a folder of it."""

    repository: str
    """`org/name`."""
    revision: str = ""
    """Commit, branch or tag; "" for the default branch."""
    folder: str = ""
    """Folder of the repository that holds the files, or "" for the whole."""

    @property
    def name(self) -> str:
        return f"hub {self.repository}" + (f" at {self.revision[:8]}" if self.revision else "")

    @property
    def needs_network(self) -> bool:
        return True

    def fetch(self, files: tuple[ModelFile, ...], staging: Staging) -> None:
        """See Source.fetch."""
        from huggingface_hub import constants
        from huggingface_hub.utils import build_hf_headers, get_session

        from speechd.registry.sources import http

        _require_online()

        def ask(file: ModelFile, headers: dict[str, str]) -> "httpx2.Response":
            session, url = get_session(), self._address(file)
            request = session.build_request("GET", url, headers=build_hf_headers() | headers, timeout=http.timeout())
            return _known(session.send(request, stream=True), self.repository)

        http.Download(ask, constants.ENDPOINT, staging).fetch(files)

    def _address(self, file: ModelFile) -> str:
        from huggingface_hub import constants, hf_hub_url

        path = f"{self.folder}/{file.path}" if self.folder else file.path
        return hf_hub_url(self.repository, path, revision=self.revision or None, endpoint=constants.ENDPOINT)

    def list_files(self, patterns: Sequence[str]) -> tuple["HubSource", tuple[ModelFile, ...]]:
        """The current state of the hub: the source at its commit, and the files with their hashes.

        Args:
            patterns: of the files that are wanted; a repository often has other files too.

        Raises:
            SourceFailed: it is unreachable, or has no such files.
        """
        info = _inspect(self)
        prefix = f"{self.folder}/" if self.folder else ""
        files = tuple(
            ModelFile(name, each.size or 0, each.lfs.sha256 if each.lfs else "", each.blob_id or "")
            for each in info.siblings or ()
            if each.rfilename.startswith(prefix)
            for name in (each.rfilename.removeprefix(prefix),)
            if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        )
        if not files or not info.sha or not all(is_plain(file.path) for file in files):
            place = f"`{self.repository}`" + (f" in `{self.folder}`" if self.folder else "")
            raise SourceFailed(f"the hub's {place} has no such model")
        return replace(self, revision=info.sha), files


def _require_online() -> None:
    from huggingface_hub import constants

    if constants.is_offline_mode():
        raise SourceFailed(OFFLINE_MESSAGE, code="offline")


def _inspect(source: HubSource) -> "ModelInfo":
    """The hub's description of the repository."""
    import httpx2
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import HfHubHTTPError

    from speechd.registry.sources import http

    _require_online()
    try:
        return http.in_time(
            lambda: HfApi().model_info(
                source.repository, revision=source.revision or None, files_metadata=True, timeout=base.MAX_SILENCE
            ),
            constants.ENDPOINT,
        )
    except HfHubHTTPError as error:
        _known(error.response, source.repository)
        raise SourceFailed(f"{constants.ENDPOINT} answered {error.response.status_code}") from error
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise SourceFailed(f"{constants.ENDPOINT} cannot be reached or is no hub: {error}") from error


def _known(reply: "httpx2.Response", repository: str) -> "httpx2.Response":
    """The reply, unless the repository does not exist for this caller.

    Raises:
        SourceFailed: it does not exist; hubs answer 401 for this too.
    """
    hidden = reply.headers.get("X-Error-Code") in ("RepoNotFound", "GatedRepo")
    if reply.status_code == 401 or (hidden and reply.status_code >= 400):
        reply.close()
        raise SourceFailed(
            f"the hub knows no `{repository}`, or it requires a token: set HF_TOKEN",
            code="repository_not_found",
        )
    return reply
