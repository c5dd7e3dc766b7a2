"""What the documentation says exists, and what exists it says."""

import hashlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from docs.generate import WRITERS, openapi, raised_codes
from speechd.cli.main import app
from speechd.configuration.sources import CONFIG, SECRETS, secret_variable
from speechd.errors import SpeechdError
from speechd.llm.backends import read_backends
from speechd.settings import Settings, read_settings
from tests.conftest import ROOT

SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
}
GENERATED = {f"docs/reference/{name}.md": write for name, write in WRITERS.items()}
SHELL = re.findall(r"^```sh\n(.*?)^```", "".join(SOURCES.values()), re.M | re.S)
COMMAND_LINES = sorted({line for block in SHELL for line in block.splitlines() if line.startswith("speechd ")})
MAX_README_BYTES = 7_000
NO_SETTINGS = {"SPEECHD_TEST_CACHE", "SPEECHD_NAME", "SPEECHD_NAME_FILE", "SPEECHD_KEY"}
"""Of the tests, and names in examples."""
IDIOMS = ("companion", "in hand", "of late", "makes way", "nobody waits", "who asks")
"""What the field has words for: see docs/contributing/glossary.md."""


@cache
def text_of(document: str) -> str:
    """A page as it is written, or generated: once, and only where a test reads it."""
    return SOURCES[document] if document in SOURCES else GENERATED[document]()


def reference(name: str) -> str:
    return text_of(f"docs/reference/{name}.md")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_reference(name: str) -> None:
    assert f"| `SPEECHD_{name.upper()}` |" in reference("settings")


def test_no_page_names_another_setting() -> None:
    named = {name for page in (*SOURCES, *GENERATED) for name in re.findall(r"SPEECHD_[A-Z_]+[A-Z]", text_of(page))}
    of_files = {CONFIG, *map(secret_variable, SECRETS)}
    assert named - NO_SETTINGS - of_files == {f"SPEECHD_{name.upper()}" for name in Settings.model_fields}


def test_every_test_that_a_page_names_exists() -> None:
    named = {path for page in SOURCES for path in re.findall(r"tests/[\w/]+\.py", text_of(page))}
    assert len(named) > 20
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_every_error_code_is_in_the_reference() -> None:
    codes = {kind.code for kind in descendants(SpeechdError) if kind.code} | {code for code, _ in raised_codes()}
    assert len(codes) > 40
    assert [code for code in sorted(codes) if f"| `{code}` |" not in reference("errors")] == []


def test_every_command_and_option_is_in_the_reference() -> None:
    found = list(commands(typer.main.get_command(app), "speechd"))
    assert len(found) > 20
    for name, command in found:
        _, _, section = reference("cli").partition(f"\n## `{name}`\n")
        assert section, name
        listed = section.partition("\n## ")[0]
        assert [option for param in command.params for option in param.opts if option not in listed] == []


def test_every_path_and_field_is_in_the_reference() -> None:
    schema = openapi()
    for path, operations in schema["paths"].items():
        for method in operations:
            assert f"- `{method.upper()} {path}`\n" in reference("http-api")
    for field in ("timestamp_granularities", "language_floor", "captions", "completion_window"):
        assert f"| `{field}` |" in reference("http-api")


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_line_can_be_parsed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("requests.jsonl").touch()
    command, (_, *words) = typer.main.get_command(app), shlex.split(line)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("speechd", words).close()


TOML = [block for text in SOURCES.values() for block in re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S)]


@pytest.mark.parametrize("block", [block for block in TOML if "[[backend]]" in block])
def test_a_file_of_backends_can_be_read(block: str, tmp_path: Path) -> None:
    (tmp_path / "backends.toml").write_text(block)
    read = read_backends(Settings(llm_backends_file=tmp_path / "backends.toml"))
    assert len(read) == len(tomllib.loads(block)["backend"])


@pytest.mark.parametrize("block", [block for block in TOML if "[[backend]]" not in block])
def test_a_file_of_settings_can_be_read(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "speechd.toml").write_text(block)
    monkeypatch.setenv(CONFIG, str(tmp_path / "speechd.toml"))
    assert read_settings().default_model == tomllib.loads(block)["default_model"]


@pytest.mark.parametrize("document", sorted(SOURCES))
def test_links_lead_somewhere(document: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", SOURCES[document]):
        if "://" not in target:
            path = (ROOT / document).parent.joinpath(target).resolve()
            assert path.exists() or path.relative_to(ROOT).as_posix() in GENERATED, target


@pytest.mark.parametrize("document", sorted([*SOURCES, *GENERATED]))
def test_the_words_are_those_of_the_field(document: str) -> None:
    """The reference is written from messages and help texts, so these are held too."""
    assert [idiom for idiom in IDIOMS if re.search(rf"\b{idiom}\b", text_of(document), re.I)] == []


@pytest.mark.parametrize("document", [*SOURCES, "mkdocs.yml"])
def test_no_page_keeps_both_sides_of_a_merge(document: str) -> None:
    assert not re.search(r"^(<{7}|>{7}|={7}$)", (ROOT / document).read_text(), re.M)


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").stat().st_size < MAX_README_BYTES


@pytest.mark.parametrize("card", sorted(ROOT.glob("models/*/MODEL_CARD.md")), ids=lambda path: path.parent.name)
def test_a_card_names_the_hash_of_its_weights(card: Path) -> None:
    (weights,) = [*card.parent.glob("model.bin"), *card.parent.glob("*.onnx")]
    assert hashlib.sha256(weights.read_bytes()).hexdigest() in card.read_text()


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    yield name, command
    for child, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {child}")


def descendants(kind: type[SpeechdError]) -> Iterator[type[SpeechdError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)
