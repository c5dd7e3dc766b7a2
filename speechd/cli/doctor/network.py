"""Checks whether the sources of models and the LLM backends answer."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from speechd.api.diagnosis.report import PROBE_SECONDS, Finding
from speechd.errors import Misconfigured
from speechd.llm.backends import Backend, read_backends
from speechd.settings import Settings

PYPI = "https://pypi.org/simple"
"""pip's default index."""
INDEX_LINE = re.compile(r"^(?:global|user|site|install|download|env|:env:)\.index-url='(.*)'$", re.MULTILINE)
"""A line of `pip config list`."""
SEARCHED_PACKAGE = "pip"
"""Every index has this package, and its page is small."""
NOTHING_FETCHED = "SPEECHD_OFFLINE is set: nothing is fetched."


def package_index(settings: Settings) -> Iterator[Finding]:
    """The index of packages with models."""
    if settings.offline:
        yield Finding("skipped", NOTHING_FETCHED)
        return
    address = index_address()
    yield _reached(
        address, f"{address.rstrip('/')}/{SEARCHED_PACKAGE}/", "Set it with: pip config set global.index-url"
    )


def hub(settings: Settings) -> Iterator[Finding]:
    """The hub of most models."""
    from huggingface_hub import constants

    if settings.offline or constants.HF_HUB_OFFLINE:
        yield Finding("skipped", NOTHING_FETCHED if settings.offline else "HF_HUB_OFFLINE is set: nothing is fetched.")
        return
    page = f"{constants.ENDPOINT}/Systran/faster-whisper-tiny/resolve/main/config.json"
    yield _reached(constants.ENDPOINT, page, "HF_ENDPOINT can name another hub. Installed models need none.")


def mirror_findings(settings: Settings) -> Iterator[Finding]:
    """The operator's mirror, where one is set."""
    address = str(settings.model_mirror or "")
    if not address:
        yield Finding("skipped", "SPEECHD_MODEL_MIRROR is not set.")
    elif settings.offline:
        yield Finding("skipped", NOTHING_FETCHED)
    else:
        yield _reached(address, address, "Correct SPEECHD_MODEL_MIRROR.")


def text_servers(settings: Settings) -> Iterator[Finding]:
    """The LLM backends."""
    try:
        backends = read_backends(settings)
    except Misconfigured as error:
        yield Finding("problem", error.message)
        return
    if not backends:
        yield Finding("skipped", "None is set (SPEECHD_LLM_BASE_URL): text endpoints answer 501.")
    for backend in backends:
        yield _text_server(backend)


def index_address(environment: Mapping[str, str] = os.environ) -> str:
    """The package index of this user: from the environment, else from pip's configuration, else PyPI."""
    if given := environment.get("PIP_INDEX_URL"):
        return given
    command = [sys.executable, "-m", "pip", "config", "list"]
    try:
        listed = subprocess.run(  # noqa: S603 - our own interpreter
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False, env=dict(environment)
        )
    except (OSError, subprocess.TimeoutExpired):
        return PYPI
    found = INDEX_LINE.findall(listed.stdout)
    return str(found[-1]) if found else PYPI


def _text_server(backend: Backend) -> Finding:
    headers = {"authorization": f"Bearer {backend.api_key}"} if backend.api_key else {}
    status, reason = _asked(f"{backend.base_url}/models", headers)
    where = display_address(backend.base_url)
    if status in (401, 403):
        return Finding("problem", f"{where} refuses the key ({status}).", "Correct SPEECHD_LLM_API_KEY.")
    if status == 0 or status >= 500:
        remedy = "Start that server, or correct SPEECHD_LLM_BASE_URL. Until then text endpoints answer 502."
        return Finding("problem", f"{where}: {reason}.", remedy)
    return Finding("ok", f"{where} answers.")


def _reached(address: str, page: str, remedy: str) -> Finding:
    """Whether a source answers. A failure is a warning, because other sources may answer."""
    if _is_folder(address):
        folder = Path(unquote(urlsplit(address).path) if address.startswith("file:") else address)
        there = folder.is_dir()
        return Finding("ok", f"{folder} exists.") if there else Finding("warning", f"{folder} is not a folder.", remedy)
    status, reason = _asked(page, {})
    if status in (401, 403, 407):
        return Finding("warning", f"{display_address(address)} requires a password ({status}).", remedy)
    if status == 0 or status >= 400:
        return Finding("warning", f"{display_address(address)}: {reason}.", remedy)
    return Finding("ok", f"{display_address(address)} answers.")


def _is_folder(address: str) -> bool:
    return address.startswith("file:") or Path(address).is_absolute()


def _asked(url: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """The status of the answer, 0 for none, and the error in words. The body is not read."""
    import httpx2

    try:
        with (
            httpx2.Client(timeout=PROBE_SECONDS, follow_redirects=True) as client,
            client.stream("GET", url, headers=dict(headers)) as reply,
        ):
            return reply.status_code, f"the answer is {reply.status_code}"
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        return 0, f"not reached ({type(error).__name__})"


def display_address(url: str) -> str:
    """An address without its password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
