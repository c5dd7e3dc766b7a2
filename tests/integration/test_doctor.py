"""`speechd doctor` as a person or a script runs it."""

import json
import socket
from pathlib import Path

import pytest

from tests.support.command_line import speechd


def doctor(tmp_path: Path, *words: str, **variables: str) -> tuple[int, str]:
    usual = {"SPEECHD_DATA_DIR": str(tmp_path / "data"), "SPEECHD_PORT": "0", "SPEECHD_OFFLINE": "true"}
    done = speechd("doctor", *words, **(usual | variables))
    assert "Traceback" not in done.stderr + done.stdout
    return done.returncode, done.stdout


def test_a_machine_in_order(tmp_path: Path) -> None:
    status, told = doctor(tmp_path)
    assert status == 0, told
    assert all(heading in told for heading in ("Installation", "Machine", "Network", "Models"))
    assert "✓ port" in told
    assert "television" in told
    assert not (tmp_path / "data").exists(), "it changes nothing"


@pytest.mark.slow
def test_a_port_in_use_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, told = doctor(tmp_path, SPEECHD_PORT=port)
    assert status == 1
    assert "✗ port" in told
    assert "→ Stop the program that listens there" in told
    assert "1 problem" in told


def test_json_for_programs(tmp_path: Path) -> None:
    (tmp_path / "data" / "models" / "broken").mkdir(parents=True)
    status, told = doctor(tmp_path, "--json", SPEECHD_PROT="1")
    report = json.loads(told)
    assert (status, report["status"]) == (1, "problem")
    by_name = {(row["check"], row["status"]): row for row in report["checks"]}
    assert "broken" in by_name["folders", "problem"]["message"]
    assert by_name["settings", "warning"]["remedy"] == "Did you mean SPEECHD_PORT?"
    assert by_name["end to end", "ok"]["remedy"] is None


def test_settings_that_are_not_valid_are_one_problem(tmp_path: Path) -> None:
    status, told = doctor(tmp_path, "--json", SPEECHD_PORT="eighty")
    problems = [row for row in json.loads(told)["checks"] if row["status"] == "problem"]
    assert status == 1
    assert [row["check"] for row in problems] == ["settings"]
    assert "SPEECHD_PORT" in problems[0]["message"]


def test_a_terminal_that_knows_ascii_only(tmp_path: Path) -> None:
    status, told = doctor(tmp_path, PYTHONIOENCODING="ascii")
    assert status == 0
    assert "+ port" in told
