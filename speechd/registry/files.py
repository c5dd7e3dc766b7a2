"""Where the files of models are, and whether they are complete: embedded, placed by the operator, pulled, or in the
hub's own cache."""

import importlib.util
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

LAYOUTS = {
    "whisper": ("config.json", "model.bin", "tokenizer.json"),
    "sphinx": ("cmudict-en-us.dict", "en-us.lm.bin", "en-us/mdef"),
    "piper": ("*.onnx", "*.onnx.json"),
    "onnx-asr": ("*.onnx", "*vocab.txt"),
    "campplus": ("campplus.onnx",),
}
"""Patterns of the files without which an engine cannot load a model."""

PULLED_FILES = {
    "whisper": (
        "config.json",
        "generation_config.json",
        "model.bin",
        "preprocessor_config.json",
        "tokenizer.json",
        "vocabulary.*",
    ),
    "piper": ("*.onnx", "*.onnx.json", "MODEL_CARD"),
    "onnx-asr": ("config.json", "*vocab.txt", "*.int8.onnx"),
    "campplus": ("campplus.onnx",),
}
"""Patterns of what is pulled from a hub for an engine; a repository often has other files too."""

MANIFEST = "speechd.json"
"""Lies beside a pulled model's files: where they came from, under which licence, their sizes and SHA-256."""
OVER_HTTP = "over_http"
"""Its member that is true where a caller of the API had the model pulled, not the operator."""

PULL_COMMAND = "speechd models pull whisper-base"
"""Pulls the smallest Whisper that understands people in many languages."""
SPEAKERS_MODEL = "campplus"
"""Id of the model of the catalog that tells speakers apart."""
PULL_SPEAKERS = f"speechd models pull {SPEAKERS_MODEL}"
"""Pulls it."""
PULL_PAIR = "speechd models pull"
"""Pulls that model and a voice."""


def shipped_models() -> Path:
    """The folder of the embedded models: inside the installed package, or `models/` of a source checkout."""
    package = Path(str(resources.files("speechd")))
    installed = package / "models"
    return installed if installed.is_dir() else package.parent / "models"


def is_complete(folder: Path, engine: str) -> bool:
    """Whether all files are there that the engine needs."""
    patterns = LAYOUTS.get(engine, ())
    return bool(patterns) and all(any(found.is_file() for found in folder.glob(pattern)) for pattern in patterns)


def engine_of(folder: Path) -> str | None:
    """The engine that can load the files of a folder, or None."""
    return next((engine for engine in LAYOUTS if is_complete(folder, engine)), None)


def model_folders(root: Path) -> Iterator[tuple[str, Path]]:
    """Complete models below a folder, by their id: `name` or `org/name`; hidden folders are skipped."""
    for folder in _subfolders(root):
        if engine_of(folder):
            yield folder.name, folder
        else:
            yield from ((f"{folder.name}/{inner.name}", inner) for inner in _subfolders(folder) if engine_of(inner))


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError:  # there is none, or it cannot be read
        return []


def hub_snapshot(repository: str, engine: str, folder: str = "") -> Path | None:
    """The complete snapshot of a repository, or of a folder of it, in the hub's cache (HF_HOME, HF_HUB_CACHE), of its
    main branch if it can.

    The cache links a file into a snapshot only when it is whole (huggingface_hub, "Understand caching").
    """
    from huggingface_hub import constants

    cached = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    snapshots = cached / "snapshots"
    reference = cached / "refs" / "main"
    names = [reference.read_text().strip()] if reference.is_file() else []
    names += [snapshot.name for snapshot in _subfolders(snapshots)]
    places = (snapshots / name / folder for name in names)
    return next((place for place in places if is_complete(place, engine)), None)


def package_folder(package: str, folder: str) -> Path | None:
    """A folder inside an installed Python package, found without importing it; None where it is not installed."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / folder


def manifest_in(folder: Path) -> dict[str, Any]:
    """What a pull wrote beside a model's files; empty where the model was put there by hand."""
    try:
        content = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def came_over_http(folder: Path) -> bool:
    """A caller of the API had the model pulled: whoever names it gets it, and `auto` never means it."""
    return manifest_in(folder).get(OVER_HTTP) is True


def folder_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
