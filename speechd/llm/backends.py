"""The LLM backends, from the settings or from a TOML file.

    [[backend]]
    name = "llama"                              # in logs and errors; default: its place in the file
    base_url = "http://127.0.0.1:8080/v1"
    api_key_env = "LLAMA_KEY"                   # or api_key = "..."
    models = ["llama-*", "qwen*"]               # globs of the ids it may serve; default: all
    list_models = true                          # false: it has no /models, and every id a glob names exists
    responses = true                            # it has /responses; default: tried once, then known
    rerank_scores = "auto"                      # "probability" (0..1), "logit", or "auto"
    fine_tunings = false                        # fine_tunings go here; default: to the first backend

The first backend in the file that has a model serves it.
"""

import os
import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from speechd.errors import Misconfigured
from speechd.settings import Settings

SETTING = "SPEECHD_LLM_BASE_URL"


@dataclass(frozen=True, slots=True)
class Backend:
    """One OpenAI-compatible server."""

    name: str
    base_url: str
    """With the version, without a slash at the end: `http://127.0.0.1:8080/v1`."""
    api_key: str = ""
    """Sent to it as a bearer token; "" sends none."""
    models: tuple[str, ...] = ("*",)
    """Globs of the model ids that it may serve."""
    list_models: bool = True
    """Its `/models` lists the models that exist; else the globs name them."""
    responses: bool | None = None
    """It has `/responses`; None: unknown until it is tried."""
    rerank_scores: Literal["auto", "probability", "logit"] = "auto"
    """The kind of relevance score that its `/rerank` returns."""
    fine_tunings: bool = False
    """Requests for `/fine_tunings` go here."""

    def may_serve(self, model: str) -> bool:
        return any(fnmatchcase(model, glob) for glob in self.models)

    @property
    def exact_models(self) -> tuple[str, ...]:
        """The globs which are plain ids."""
        return tuple(glob for glob in self.models if not set(glob) & set("*?["))


def read_backends(settings: Settings) -> tuple[Backend, ...]:
    """The backends of the file, else the one of the environment, else none.

    Raises:
        Misconfigured: the file cannot be read or a backend in it is not valid.
    """
    if settings.llm_backends_file is not None:
        return _from_file(settings.llm_backends_file)
    if not settings.llm_base_url.strip():
        return ()
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    return (Backend(SETTING, _checked_url(settings.llm_base_url, SETTING), key.strip()),)


def _from_file(path: Path) -> tuple[Backend, ...]:
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("backend", [])
    except OSError as error:
        raise Misconfigured(f"SPEECHD_LLM_BACKENDS_FILE cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise Misconfigured(f"{path.name} is not valid TOML: {error}") from None
    if not isinstance(rows, list) or not rows:
        raise Misconfigured(f"{path.name} lists no [[backend]].")
    return tuple(_backend(row, f"backend {number} of {path.name}") for number, row in enumerate(rows, 1))


def _backend(row: dict[str, Any], where: str) -> Backend:
    row = {"name": where, **row}
    if variable := row.pop("api_key_env", None):
        row["api_key"] = os.environ.get(variable, "")
    if unknown := set(row) - {field.name for field in fields(Backend)}:
        raise Misconfigured(f"Unknown setting `{min(unknown)}` in {where}.")
    for name, wanted in (("api_key", str), ("list_models", bool), ("responses", bool), ("fine_tunings", bool)):
        if not isinstance(row.get(name, wanted()), wanted):
            raise Misconfigured(f"`{name}` of {where} must be a {wanted.__name__}.")
    if row.get("rerank_scores", "auto") not in ("auto", "probability", "logit"):
        raise Misconfigured(f"`rerank_scores` of {where} must be auto, probability or logit.")
    globs = row.get("models", ["*"])
    if not isinstance(globs, list) or not globs or not all(isinstance(glob, str) for glob in globs):
        raise Misconfigured(f"`models` of {where} must be a list of names or globs.")
    return Backend(**row | {"models": tuple(globs), "base_url": _checked_url(row.get("base_url"), where)})


def _checked_url(url: object, where: str) -> str:
    """An http(s) URL; one without a path gets `/v1`, where every such server listens."""
    text = str(url or "").strip().rstrip("/")
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid or parts.query or parts.fragment:
        raise Misconfigured(f"{where}: the base URL must look like http://127.0.0.1:8080/v1.")
    return text if parts.path else f"{text}/v1"
