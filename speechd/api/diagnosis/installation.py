"""Checks Python, the packages that speechd needs, and its settings."""

import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator, Mapping

from packaging.requirements import Requirement

from speechd import __version__
from speechd.api.diagnosis.report import Finding
from speechd.configuration.origins import unknown_names
from speechd.settings import Settings

MIN_PYTHON = (3, 11)
IMPORTED = {
    "ctranslate2": "ctranslate2",
    "faster-whisper": "faster_whisper",
    "av": "av",
    "onnxruntime": "onnxruntime",
    "soundfile": "soundfile",
    "soxr": "soxr",
    "tokenizers": "tokenizers",
    "sqlalchemy": "sqlalchemy",
}
"""Packages with compiled parts, by their name on the index: a wheel for the wrong platform fails at its import."""
EXTRAS = {
    "tts": ("piper-tts", "piper", "speech"),
    "sphinx": ("pocketsphinx", "pocketsphinx", "the recogniser pocketsphinx-en-us"),
    "onnx-asr": ("onnx-asr", "onnx_asr", "the recognisers Parakeet, Canary and GigaAM"),
    "postgres": ("asyncpg", "asyncpg", "PostgreSQL as database"),
}
"""By name: package, module, and purpose."""


def python(_: Settings) -> Iterator[Finding]:
    """Python's version and location."""
    version = platform.python_version()
    if sys.version_info < MIN_PYTHON:
        wanted = ".".join(map(str, MIN_PYTHON))
        yield Finding("problem", f"Python {version} is too old.", f"Install speechd with Python {wanted} or later.")
        return
    yield Finding("ok", f"Python {version} in {sys.prefix}, {platform.system()} on {platform.machine()}.")


def packages(_: Settings) -> Iterator[Finding]:
    """The versions of the packages against the requirements of speechd."""
    try:
        requirements = importlib.metadata.requires("speechd") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("warning", f"speechd {__version__} runs without being installed.", "Install it: pip install .")
        return
    wrong = list(filter(None, map(_unmet, requirements)))
    for line in wrong:
        yield Finding("problem", line, "Install speechd again: pip install --upgrade --force-reinstall speechd")
    if not wrong:
        yield Finding("ok", f"speechd {__version__} with every package that it requires.")


def wheels(_: Settings) -> Iterator[Finding]:
    """Every compiled package can be imported here."""
    broken = {name: error for name, module in IMPORTED.items() if (error := _import_error(module))}
    for name, error in broken.items():
        yield Finding(
            "problem",
            f"{name} cannot be imported: {error}.",
            f"Install its wheel for this platform: pip install --force-reinstall {name}",
        )
    if not broken:
        yield Finding("ok", ", ".join(f"{name} {_version(name)}" for name in IMPORTED) + ".")


def extras(settings: Settings) -> Iterator[Finding]:
    """The installed extras. Only an extra that the settings need is a problem."""
    for extra, (package, module, purpose) in EXTRAS.items():
        error = _import_error(module)
        if not error:
            yield Finding("ok", f"{extra}: {package} {_version(package)}, for {purpose}.")
        elif extra == "postgres" and settings.database_url.startswith("postgres"):
            yield Finding("problem", f"SPEECHD_DATABASE_URL needs {package}.", "pip install 'speechd[postgres]'")
        elif extra == "tts":
            yield Finding("warning", f"No speech: {package} is not installed.", "pip install 'speechd[tts]'")
        else:
            yield Finding("skipped", f"{extra}: not installed. It is for {purpose}.")


def names_of_settings(_: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Variables with the prefix of settings that are no settings."""
    unknown = unknown_names(Settings.model_fields, environment)
    for name, hint in unknown.items():
        told = f"{name} is set, but there is no such setting."
        yield Finding("warning", told, hint or "The documentation lists all settings.")
    if not unknown:
        given = sorted(name for name in environment if name.startswith("SPEECHD_"))
        yield Finding("ok", f"Valid. Set: {', '.join(given) or 'none, all have their defaults'}.")


def _unmet(line: str) -> str:
    """The problem of the package of a requirement (PEP 508); "" where there is none, or it is optional."""
    requirement = Requirement(line)
    if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
        return ""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed."
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} {version} is installed, but speechd requires {requirement.specifier}."


def _import_error(module: str) -> str:
    """Why a module cannot be imported; "" where it can."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a compiled module may raise anything while it loads
        return f"{type(error).__name__}: {error}".splitlines()[0].rstrip(".")
    return ""


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
