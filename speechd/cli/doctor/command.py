"""`speechd doctor`: the report on a terminal, or as JSON."""

import json
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from speechd import __version__
from speechd.cli import lazy
from speechd.errors import InvalidRequest

if TYPE_CHECKING:  # the rest loads when the command runs: --help shall be quick
    from rich.console import Console

    from speechd.api.diagnosis.report import CheckResult

MARKS = {"ok": ("✓", "green"), "skipped": ("-", "dim"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
"""The mark before a line, and its style, by its status."""
PLAIN_MARKS = {"✓": "+", "-": "-", "!": "!", "✗": "x", "→": "->"}
"""The same where the terminal knows ASCII only."""
WORDS = {"problem": ("problem", "problems"), "warning": ("warning", "warnings")}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Check this installation and name a remedy for each problem.

    It checks Python and its packages, the GPUs, the data folder, the disk, the port, the keys, the sources of models
    and the LLM backends. Then it loads every installed model, speaks a sentence with the default voice and transcribes
    it with the default recogniser. It changes nothing. It takes some seconds, more with large models.

    Each line is ok (✓), skipped (-), a warning (!) or a problem (✗). The remedy is after an arrow. The exit status
    is 1 when there is a problem, else 0. The SPEECHD_* variables are those of `speechd serve`: run it as the same
    user with the same environment. With SPEECHD_OFFLINE=true it opens no connection.

    Examples:

        speechd doctor

        SPEECHD_PORT=80 SPEECHD_DEVICE=cuda speechd doctor

        speechd doctor --json | jq '.checks[] | select(.status == "problem")'
    """
    logging.getLogger().addHandler(logging.NullHandler())  # the report has what is logged
    statuses = _print_json() if as_json else _print_report()
    raise typer.Exit("problem" in statuses)


def _findings() -> "Iterator[CheckResult]":
    """All findings; where the settings are not valid, that and what does not depend on them."""

    try:
        settings = lazy.read_settings()
    except InvalidRequest as error:
        yield from lazy.run_checks(lazy.NEEDS_NO_SETTINGS, lazy.Settings.model_construct())
        remedy = (
            "Correct it and run this again. The documentation lists all settings. Other checks depend on the settings."
        )
        wrong = lazy.Check("Installation", "settings", lambda _: iter(()))
        yield lazy.CheckResult(wrong, lazy.Finding("problem", f"{error.message[0].upper()}{error.message[1:]}", remedy))
        return
    yield from lazy.run_checks(lazy.CHECKS, settings)


def _print_json() -> list[str]:

    found = list(_findings())
    rows = [
        {
            "group": each.check.group,
            "check": each.check.name,
            "status": each.finding.status,
            "message": each.finding.message,
            "remedy": each.finding.remedy or None,
        }
        for each in found
    ]
    overall = lazy.worst([each.finding.status for each in found])
    print(json.dumps({"status": overall, "version": __version__, "checks": rows}, indent=2))
    return [each.finding.status for each in found]


def _print_report() -> list[str]:
    from rich.console import Console

    console, group = Console(highlight=False), ""
    statuses: list[str] = []
    with console.status("checking"):
        for each in _findings():
            if each.check.group != group:
                group = each.check.group
                console.print(f"\n[bold]{group}[/bold]" if statuses else f"[bold]{group}[/bold]")
            _print_line(console, each)
            statuses.append(each.finding.status)
    console.print(f"\n{_summary(statuses)}")
    return statuses


def _print_line(console: "Console", each: "CheckResult") -> None:
    from rich.table import Table
    from rich.text import Text

    mark, style = MARKS[each.finding.status]
    arrow = "→"
    if console.options.ascii_only:
        mark, arrow = PLAIN_MARKS[mark], PLAIN_MARKS[arrow]
    said = Text(each.finding.message, style="dim" if each.finding.status == "skipped" else "")
    if each.finding.remedy:
        said.append(f"\n{arrow} {each.finding.remedy}", style="yellow" if each.finding.status == "warning" else "red")
    line = Table.grid(padding=(0, 1))
    line.add_column(width=1)
    line.add_column(width=13)
    line.add_column(overflow="fold")
    line.add_row(Text(mark, style=style), each.check.name, said)
    console.print(line)


def _summary(statuses: list[str]) -> str:
    """`2 problems, 1 warning.`"""
    counts = {status: statuses.count(status) for status in WORDS}
    told = [f"{count} {WORDS[status][count > 1]}" for status, count in counts.items() if count]
    return f"{', '.join(told)}." if told else "Everything is in order."
