"""The reference pages, written from the code: settings, errors, metrics, command line, HTTP API.

    python docs/generate.py [FOLDER]

writes them into a folder. `make docs` needs no such step: mkdocs calls `on_files` and takes the pages from memory.
"""

import ast
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # mkdocs loads this file by its path

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from pydantic.fields import FieldInfo

Row = tuple[str, ...]
Schema = Mapping[str, Any]

SETTINGS_INTRO = """\
# Settings

Every setting is an environment variable, or a name in a [TOML file](../guides/operations.md#settings-in-a-file) in
lower case without `SPEECHD_`. None is needed on your own machine. `speechd settings` shows what holds. A variable whose
name is not a setting is logged at the start. This page is generated from `speechd/settings.py`.
"""
ERRORS_INTRO = """\
# Errors

Every failed request has the body `{"error": {"message", "type", "param", "code"}}`. `param` names the request parameter
at fault. Where `retry-after` and `retry-after-ms` are in the reply, the same request can succeed after that time. Where
this page says "no" under "retry", the reply has `x-should-retry: false`: the SDKs of OpenAI and Groq then do not try
again. `BackendRefusal` carries the status, the type and the code that the LLM backend gave. This page is generated from
the class tree in `speechd/errors.py`.
"""
CODES_INTRO = """\
## More precise codes

A class can be raised with a more precise code. The status and the type are those of the class.
"""
CLI_INTRO = """\
# Command line

Exit statuses: 0 is success, 1 is a failure, 2 is a wrong use of an option, 130 is an interruption. Commands with more
statuses name them. This page is generated from the `--help` texts.
"""
HTTP_INTRO = """\
# HTTP API

Each path exists under two prefixes. `/openai/v1` answers like Groq. `/v1` answers like OpenAI. The parameters are the
same. `/healthz` and `/readyz` have no prefix. A running server has this description at `/openapi.json`, and a page to
try it at `/docs`. Failed requests are described under [Errors](errors.md). This page is generated from the schema.
"""
METRICS_INTRO = """\
# Metrics

`GET /metrics` answers these in Prometheus' text format, or in OpenMetrics. [Monitoring](../guides/monitoring.md) tells
how to read them. Besides there are `process_*` metrics: CPU seconds, memory, open files, start time. A label has at
most 100 values; what comes later is `other`. This page is generated from `speechd/telemetry/metrics.py` and
`speechd/api/metrics/snapshot.py`.
"""
PREFIXES = ("/openai/v1", "/v1")


def pages() -> dict[str, str]:
    """Markdown of each generated page, by its path below `docs/`."""
    return {f"reference/{name}.md": write() for name, write in WRITERS.items()}


def settings_page() -> str:
    from speechd.settings import Settings

    rows = [
        (f"`{_variable(name)}`", _default(field), _sentence(field)) for name, field in Settings.model_fields.items()
    ]
    return SETTINGS_INTRO + "\n" + _table(("variable", "default", "meaning"), rows)


def errors_page() -> str:
    from speechd.errors import SpeechdError

    rows = [_error_row(kind) for kind in _tree(SpeechdError)]
    table = _table(("code", "status", "type", "default message", "class", "is a", "retry"), rows)
    codes = [(f"`{code}`", f"`{kind}`") for code, kind in sorted(set(raised_codes()))]
    return "\n".join((ERRORS_INTRO, table, CODES_INTRO, _table(("code", "class"), codes)))


def cli_page() -> str:
    import typer

    from speechd.cli.main import app

    return CLI_INTRO + "".join(_command(typer.main.get_command(app), ("speechd",)))


def http_page() -> str:
    schema = openapi()
    by_tag: dict[str, list[str]] = {}
    for path, methods in schema["paths"].items():
        if path.startswith("/openai/v1/"):
            continue  # the same operation is written once, with both paths
        for method, operation in methods.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method, path, operation, schema))
    return HTTP_INTRO + "".join(f"\n## {tag}\n{''.join(parts)}" for tag, parts in by_tag.items())


def metrics_page() -> str:
    from speechd.api.metrics.snapshot import all_descriptions

    rows = [
        (f"`{each.name}`", each.kind, ", ".join(f"`{label}`" for label in each.labels), each.meaning)
        for each in all_descriptions()
    ]
    return METRICS_INTRO + "\n" + _table(("metric", "type", "labels", "meaning"), rows)


WRITERS: Mapping[str, Callable[[], str]] = {
    "http-api": http_page,
    "cli": cli_page,
    "settings": settings_page,
    "errors": errors_page,
    "metrics": metrics_page,
}


def on_files(files: "Files", config: "MkDocsConfig") -> "Files":
    """Hook of mkdocs: adds the generated pages to the files of the site."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def openapi() -> dict[str, Any]:
    """The schema that a server without an LLM backend has at `/openapi.json`."""
    from speechd.api.app import create_app
    from speechd.service import Service
    from speechd.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        return create_app(Service, Settings(data_dir=Path(folder))).openapi()


def raised_codes() -> Iterator[tuple[str, str]]:
    """Each code that a call names as `code="..."`, with the class that is called."""
    for path in sorted((ROOT / "speechd").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                for keyword in node.keywords:
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                        yield str(keyword.value.value), node.func.id


def _variable(name: str) -> str:
    return f"SPEECHD_{name.upper()}"


def _default(field: "FieldInfo") -> str:
    if field.default_factory is not None:
        return "`~/.local/share/speechd`" if field.annotation is Path else "`{}`"
    if field.default in (None, "", ()):
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _sentence(field: "FieldInfo") -> str:
    bounds = (
        f"{words} {getattr(item, kind)}"
        for item in field.metadata
        for kind, words in BOUNDS.items()
        if hasattr(item, kind)
    )
    listed = ", ".join(bounds)
    return f"{field.description} It is {listed}." if listed else str(field.description)


BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
"""Names of the bounds of a field in words."""


def _tree(kind: type) -> Iterator[Any]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def _error_row(kind: Any) -> Row:
    message = (kind.__doc__ or "").partition("\n")[0]
    retry = {True: "yes", False: "no", None: ""}[kind.should_retry]
    code, parent = kind.code or "", kind.__bases__[0].__name__
    return (
        f"`{code}`" if code else "",
        str(kind.status),
        kind.type,
        message,
        f"`{kind.__name__}`",
        f"`{parent}`",
        retry,
    )


def _command(command: Any, names: Row) -> Iterator[str]:
    """A command and its subcommands, each under a heading."""
    context = command.context_class(command, info_name=" ".join(names))
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n## `{' '.join(names)}`\n\n```text\n{' '.join(names)} {usage}\n```\n\n{command.help or ''}\n\n"
    records = [param.get_help_record(context) for param in command.params]
    rows = [(f"`{record[0]}`", record[1].replace("<", "&lt;")) for record in records if record]
    if rows:
        yield _table(("argument or option", "meaning"), rows)
    for name, child in getattr(command, "commands", {}).items():
        yield from _command(child, (*names, name))


def _operation(method: str, path: str, operation: Schema, schema: Schema) -> str:
    common = path.removeprefix("/v1")
    paths = [f"{prefix}{common}" for prefix in PREFIXES] if common != path else [path]
    title = f"\n### `{method.upper()} {common}`\n\n{operation['summary']}\n\n"
    listed = "".join(f"- `{method.upper()} {each}`\n" for each in paths) + "\n"
    return title + listed + _parameters(operation, schema) + _body(operation, schema) + _replies(operation)


def _parameters(operation: Schema, schema: Schema) -> str:
    rows = [
        (f"`{each['name']}`", each["in"], _type(each["schema"], schema), each.get("description", ""))
        for each in operation.get("parameters", ())
    ]
    return _table(("parameter", "in", "type", "meaning"), rows) + "\n" if rows else ""


def _body(operation: Schema, schema: Schema) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    media = ", ".join(f"`{kind}`" for kind in content)
    form = _resolved(next(iter(content.values())).get("schema", {}), schema)
    required = form.get("required", ())
    rows = [
        (f"`{name}`", _type(field, schema), _field_default(name, field, required), _meaning(field, schema))
        for name, field in form.get("properties", {}).items()
    ]
    return f"Body: {media}\n\n" + (_table(("field", "type", "default", "meaning"), rows) + "\n" if rows else "")


def _replies(operation: Schema) -> str:
    rows = [(status, reply.get("description", "")) for status, reply in sorted(operation["responses"].items())]
    return _table(("status", "reply"), rows)


def _resolved(part: Schema, schema: Schema) -> Schema:
    """What a `$ref` of the schema points to."""
    while "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rpartition("/")[2]]
    return part


def _type(part: Schema, schema: Schema) -> str:
    part = _resolved(part, schema)
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if kinds := part.get("anyOf") or part.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(kind, schema) for kind in kinds if kind.get("type") != "null"))
    if part.get("type") == "array":
        return f"list of {_type(part.get('items', {}), schema)}"
    return str(part.get("format") or part.get("type") or "any")


def _field_default(name: str, field: Schema, required: Iterable[str]) -> str:
    if name in required:
        return "required"
    value = field.get("default")
    return "" if value in (None, "", []) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(field: Schema, schema: Schema) -> str:
    return str(field.get("description") or _resolved(field, schema).get("description", "")).partition("\n")[0]


def _table(heads: Row, rows: Iterable[Row]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(_cell(cell) for cell in line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "site-reference")
    for path, text in pages().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


if __name__ == "__main__":
    main()
