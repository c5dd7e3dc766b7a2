"""The third rule of docs/contributing/layout.md: public names are words of the field, and one name has one meaning."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

GLOSSARY = (ROOT / "docs/contributing/glossary.md").read_text()
SOURCES = {
    path.relative_to(ROOT / "speechd").with_suffix("").as_posix(): path.read_text()
    for path in sorted((ROOT / "speechd").rglob("*.py"))
    if path.name != "__init__.py" and "migrations" not in path.parts
}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}
PAGES = {path: path.read_text() for path in (ROOT / "docs").rglob("*.md") if path.name != "glossary.md"}

METAPHOR = re.compile(
    "flights|residents?|booth|ticket|ledger|chores?|presence|bury|shift|courier|sight|companions?"
    "|reception|wishes|hurry|tally|troubles|most|judged"
)
"""Words that no public name may contain: the field has others (see the glossary)."""

REPLACED = re.compile(
    "How|Memory|Place|Room|Later|Relay|Asked|Way|Wanted|Print|Kept|Copies|Held|Schedule"
    "|get_ready|shown|told|described|view_of|headers_of|service_of"
)
"""Names of classes and functions that were replaced by terms of the field."""

CONVENTIONAL = {
    "main": "the entry point of a script",
    "run": "the entry point of a command or server, which its module names",
    "router": "FastAPI's name for the routes of a module",
    "app": "Typer's name for the commands of a module",
    "log": "the logger of a module",
    "logger": "the logger of a module",
    "T": "a type variable",
    "transcribe": "a command, and the operation it calls",
}
"""Names that may stand in several modules, and why."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def words_of(name: str) -> list[str]:
    """`MAX_QueueSeconds2` -> `["max", "queue", "seconds"]`."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def is_public(name: str) -> bool:
    return not name.startswith("_")


def definitions(tree: ast.Module) -> Iterator[Definition]:
    """The public classes and functions of a module, without routes and commands, whose URL or command is the name."""
    for node in tree.body:
        if isinstance(node, Definition) and is_public(node.name) and not _is_registered(node):
            yield node


def constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name) and is_public(target.id))


def members(tree: ast.Module) -> Iterator[str]:
    """Public methods, fields and parameters of public definitions."""
    for definition in definitions(tree):
        for node in ast.walk(definition):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_public(node.name):
                yield node.name
                yield from (arg.arg for arg in (*node.args.args, *node.args.kwonlyargs))
            elif isinstance(node, ast.ClassDef):
                yield from (
                    field.target.id
                    for field in node.body
                    if isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and is_public(field.target.id)
                )


def shared_names() -> set[tuple[str, str]]:
    """(module, name) of what another module imports; other constants are details of their module."""
    return {
        (node.module.removeprefix("speechd.").replace(".", "/"), alias.name)
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _is_registered(node: Definition) -> bool:
    """`@app.command(...)`, `@router.get(...)`."""
    calls = (part.func for part in node.decorator_list if isinstance(part, ast.Call))
    return any(
        isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name) and call.value.id in ("app", "router")
        for call in calls
    )


def public_names(tree: ast.Module) -> set[str]:
    return {node.name for node in definitions(tree)} | set(constants(tree))


@pytest.mark.parametrize("module", sorted(TREES))
def test_public_names_are_no_metaphors(module: str) -> None:
    tree = TREES[module]
    names = public_names(tree) | set(members(tree))
    assert sorted(name for name in names if any(map(METAPHOR.fullmatch, words_of(name)))) == []
    assert sorted(filter(REPLACED.fullmatch, public_names(tree))) == []


def test_one_name_has_one_meaning() -> None:
    shared, places = shared_names(), defaultdict(list)
    for module, tree in TREES.items():
        names = {node.name for node in definitions(tree)}
        names |= {name for name in constants(tree) if (module, name) in shared}
        for name in sorted(names - CONVENTIONAL.keys()):
            places[name].append(module)
    assert {name: found for name, found in sorted(places.items()) if len(found) > 1} == {}


def test_the_exceptions_are_needed() -> None:
    everywhere = set().union(*(public_names(tree) for tree in TREES.values()))
    assert CONVENTIONAL.keys() - everywhere == set()


def terms() -> list[str]:
    return re.findall(r"^\| ([\w -]+) \| ", GLOSSARY.split("## Names in the code")[0], re.MULTILINE)[1:]


def code_names() -> list[str]:
    return re.findall(r"^\| `(\w+)` \| ", GLOSSARY.split("## Names in the code")[1], re.MULTILINE)


@pytest.mark.parametrize("term", terms())
def test_a_term_of_the_glossary_is_used(term: str) -> None:
    texts = (*SOURCES.values(), *PAGES.values())
    pattern = re.compile(rf"\b{re.escape(term)}(s|es)?\b".replace(r"\ ", r"[\s_-]+"), re.IGNORECASE)
    assert any(pattern.search(text) for text in texts)


@pytest.mark.parametrize("name", code_names())
def test_a_name_of_the_glossary_is_in_the_code(name: str) -> None:
    assert name in set().union(*(public_names(tree) for tree in TREES.values()))


def test_the_glossary_is_sorted_and_has_no_term_twice() -> None:
    assert len(terms()) > 40
    assert len(code_names()) > 20
    for listed in (terms(), code_names()):
        assert listed == sorted(set(listed), key=str.lower)


@pytest.mark.parametrize(
    ("name", "words"),
    [("MOST_BYTES", ["most", "bytes"]), ("LLMProxy", ["llm", "proxy"]), ("asr_2jobs", ["asr", "jobs"])],
)
def test_a_name_is_read_word_by_word(name: str, words: list[str]) -> None:
    assert words_of(name) == words
