"""Imports only go down the floors of CONTRIBUTING.md, and no heavy library loads before it is needed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "speechd"

FLOORS = (
    ("__init__",),
    ("types", "errors", "settings", "languages", "ids"),
    ("wire",),
    (
        "schemas",
        "schemas_subtitles",
        "schemas_text",
        "schemas_speech",
        "schemas_models",
        "schemas_jobs",
        "schemas_audio_jobs",
        "webhook_signature",
        "download_bar",
        "dialects",
        "formats",
        "pieces",
        "subtitles",
        "audio",
        "asr.engine",
        "asr.sphinx_worker",
        "asr.vocabulary",
        "modelfiles",
        "registry.memory",
        "asr.engines.onnx_asr_files",
        "piper_names",
    ),
    (
        "tts.engine",
        "tts.numerals",
        "tts.english",
        "tts.text",
        "tts.ssml",
        "tts.voice_files",
        "tts.loudness_sentences",
        "tts.captions",
        "tts.backlog",
    ),
    (
        "asr.hypothesis",
        "asr.timestamps",
        "asr.tokens",
        "asr.batcher",
        "asr.listener",
        "asr.merging",
        "asr.recording",
        "asr.whisper",
        "asr.sphinx",
        "asr.engines.onnx_asr",
        "asr.engines.token_words",
        "tts.alignment",
        "tts.piper",
        "tts.loudness",
    ),
    ("fakes", "folders", "joining", "llm", "keys", "usage", "jobs", "remembering", "server_client", "registry.sources"),
    ("room", "progress", "parameters", "lengths", "asking"),
    ("journal", "outputs", "watching", "turns"),
    ("places",),
    ("asr.guard", "catalog", "registry.selection"),
    ("modelstore",),
    ("lifecycle", "pulls", "pulling", "archive", "voices", "registry.defaults", "registry.mirroring"),
    ("asr.seeking",),
    ("asr.mixed_languages",),
    ("asr.pipeline", "asr.relay", "tts.pipeline"),
    ("engines",),
    ("service",),
    ("operations",),
    ("recogniser", "remote"),
    ("folder_run",),
    ("printing", "estimating"),
    ("line_runner", "preflight", "courier"),
    ("audio_runner",),
    ("worker",),
    (
        "api",
        "working",
        "transcribing",
        "speaking",
        "model_commands",
        "key_commands",
        "transcribe_commands",
        "batch_commands",
    ),
    ("doctor", "doctor_command", "serve_command"),
    ("cli", "__main__"),
)
"""From the ground up; a package stands for all its modules."""


def modules() -> dict[str, Path]:
    """Every module of the package, by its name below `speechd`."""
    names = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)] = path
    return names


def floor(module: str) -> int | None:
    """The number of a module's floor; None for what has no floor of its own (a package's docstring)."""
    for number, rooms in enumerate(FLOORS):
        if any(module == room or module.startswith(f"{room}.") for room in rooms):
            return number
    return None


def imports(path: Path) -> set[str]:
    """What a module imports from the package, wherever in it, but not for the type checker alone."""
    found = set()
    for node in ast.walk(_without_type_checking(ast.parse(path.read_text()))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "speechd":
            below = node.module.partition(".")[2]
            found |= {f"{below}.{alias.name}".strip(".") for alias in node.names} | ({below} if below else set())
        elif isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[2] for alias in node.names if alias.name.startswith("speechd.")}
    return found & set(modules())


def _without_type_checking(tree: ast.Module) -> ast.Module:
    tree.body = [
        node
        for node in tree.body
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING")
    ]
    return tree


PACKAGES = {
    "asr",
    "asr.engines",
    "audio",
    "api",
    "doctor",
    "jobs",
    "llm",
    "registry",
    "registry.sources",
    "tts",
}


@pytest.mark.parametrize("module", sorted(set(modules()) - PACKAGES))
def test_every_module_has_a_floor(module: str) -> None:
    assert floor(module) is not None


@pytest.mark.parametrize("module", sorted(set(modules()) - PACKAGES))
def test_imports_only_go_down(module: str) -> None:
    mine = floor(module)
    for other in imports(modules()[module]) - PACKAGES:
        theirs = floor(other)
        assert theirs is not None
        assert mine is not None
        assert theirs <= mine, f"{module} imports {other}, which is above it"


def test_there_is_no_circle() -> None:
    edges = {module: imports(path) - {module} for module, path in modules().items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in done:
            for other in edges[module]:
                visit(other, (*trail, module))
            done.add(module)

    for module in edges:
        visit(module, ())


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("speechd.api.app", ("ctranslate2", "onnxruntime", "faster_whisper", "librosa", "ray", "torch")),
        ("speechd.api.app", ("sqlalchemy", "alembic", "aiosqlite")),
        ("speechd.cli", ("numpy", "fastapi", "av", "httpx2", "ctranslate2", "pydantic")),
    ],
)
def test_heavy_libraries_load_late(module: str, heavy: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
