"""Schema and commands are what they were: whoever changes them on purpose writes the snapshots anew."""

from pathlib import Path

from tests.contract.surface import HELP, OPENAPI, command_help, openapi

ANEW = "if this change is meant: python -m tests.contract.surface"


async def test_the_schema_is_as_it_was(tmp_path: Path) -> None:
    assert await openapi(tmp_path) == OPENAPI.read_text(), ANEW


def test_the_help_of_every_command_is_as_it_was() -> None:
    assert command_help() == HELP.read_text(), ANEW
