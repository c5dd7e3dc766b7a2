"""The two rules of CONTRIBUTING.md that can be counted: folders stay small, and a file lives with its only importer."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

from tests.conftest import ROOT

MAX_MODULES = 12
"""In one folder, without its `__init__.py` and without the folders in it."""

LOADED_LATE = "only registry/loading/loaders names engines; each is imported when its first model is loaded"
WIRED_BY_THE_COMMAND = "a part of folder runs, which the command puts together"
LIVE_ELSEWHERE = {
    "asr.diarization.campplus": LOADED_LATE,
    "asr.engines.onnx_asr": LOADED_LATE,
    "asr.engines.pocketsphinx": LOADED_LATE,
    "asr.engines.whisper": LOADED_LATE,
    "tts.engines.kokoro": LOADED_LATE,
    "tts.engines.piper": LOADED_LATE,
    "tts.loudness.speaker_gain": LOADED_LATE,
    "cluster.serving.service": "`speechd serve` opens it through cli/lazy",
    "cluster.actor_pool": WIRED_BY_THE_COMMAND,
    "cluster.folders": WIRED_BY_THE_COMMAND,
    "folders.fingerprint": WIRED_BY_THE_COMMAND,
    "folders.remote": WIRED_BY_THE_COMMAND,
    "folders.watch": WIRED_BY_THE_COMMAND,
    "registry.defaults": "two commands use it, both through cli/lazy",
    "registry.transfer.bundle": "it changes what is in the model folder, which the registry alone does",
    "registry.transfer.mirroring": "it writes what registry/sources/mirror reads",
    "audio.duplicate_channels": "it compares samples and knows nothing of recognition",
    "asr.streaming.turn": "it decodes, and knows nothing of limits and events",
    "tts.sentence_stream": "it knows where sentences end, and nothing of requests",
    "wyoming.run": "two commands use it, both through cli/lazy",
    "audio.ffmpeg.stream": "it decodes, in whichever process; isolation gives it one",
    "operations.formatting": "it parses and renders, and knows nothing of HTTP",
    "schemas.uploads": "what is on the wire is in schemas",
}
"""Modules whose only importer is in another package, and why."""


def modules() -> dict[str, Path]:
    """Every module by its name below `speechd`, but for packages and what alembic loads by path."""
    found = (ROOT / "speechd").rglob("*.py")
    paths = [path for path in found if path.name != "__init__.py" and "migrations" not in path.parts]
    return {".".join(path.relative_to(ROOT / "speechd").with_suffix("").parts): path for path in paths}


MODULES = modules()


def imports(path: Path) -> set[str]:
    """The modules of speechd that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name.removeprefix("speechd.") for name in found} & MODULES.keys()


def strangers() -> dict[str, str]:
    """Modules with one importer that is in another package, not above them, and that importer."""
    importers = defaultdict(set)
    for module, path in MODULES.items():
        for other in imports(path) - {module}:
            importers[other].add(module)
    alone = {module: next(iter(those)) for module, those in importers.items() if len(those) == 1}
    return {module: by for module, by in alone.items() if not _lives_with(MODULES[module], MODULES[by])}


def _lives_with(module: Path, importer: Path) -> bool:
    return module.is_relative_to(importer.parent)


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES.values()}), ids=lambda path: path.name)
def test_a_folder_holds_few_modules(folder: Path) -> None:
    assert len([path for path in MODULES.values() if path.parent == folder]) <= MAX_MODULES


def test_a_module_with_one_importer_lives_in_its_package() -> None:
    assert {module: by for module, by in strangers().items() if module not in LIVE_ELSEWHERE} == {}


def test_every_exception_is_still_one() -> None:
    assert LIVE_ELSEWHERE.keys() <= strangers().keys()
