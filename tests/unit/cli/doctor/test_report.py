"""Checks are independent: one that breaks or hangs costs its own line only."""

import threading
from collections.abc import Iterator

import pytest

from speechd.api.diagnosis import report
from speechd.api.diagnosis.report import Check, CheckResult, Finding, run_checks, worst
from speechd.cli.doctor.checks import CHECKS
from speechd.errors import Misconfigured
from speechd.settings import Settings


def good(_: Settings) -> Iterator[Finding]:
    yield Finding("ok", "Good.")


def broken(_: Settings) -> Iterator[Finding]:
    yield Finding("ok", "It began well.")
    raise KeyError("x")


def refused(_: Settings) -> Iterator[Finding]:
    yield from ()
    raise Misconfigured("The key file is damaged.")


@pytest.mark.parametrize("network", [False, True])
def test_a_check_that_breaks_is_a_problem_of_its_own(settings: Settings, network: bool) -> None:
    rows = (("a", good), ("b", broken), ("c", refused), ("d", good))
    found = list(run_checks([Check("G", name, run, network) for name, run in rows], settings))
    assert [(each.check.name, each.finding.status) for each in found] == [
        ("a", "ok"),
        ("b", "ok"),
        ("b", "problem"),
        ("c", "problem"),
        ("d", "ok"),
    ]
    assert "KeyError" in found[2].finding.message
    assert found[3].finding == Finding("problem", "The key file is damaged.")


def test_a_source_that_never_answers_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "PROBE_SECONDS", 0.05)
    released = threading.Event()

    def hangs(_: Settings) -> Iterator[Finding]:
        released.wait()
        yield Finding("ok", "Too late.")

    found = list(run_checks([Check("N", "slow", hangs, True), Check("N", "next", good, True)], settings))
    released.set()
    assert [each.finding.status for each in found] == ["warning", "ok"]
    assert "No answer" in found[0].finding.message


def test_sources_are_asked_side_by_side(settings: Settings) -> None:
    together = threading.Barrier(3, timeout=2)

    def meets(_: Settings) -> Iterator[Finding]:
        together.wait()
        yield Finding("ok", "All were there.")

    found: list[CheckResult] = list(run_checks([Check("N", str(n), meets, True) for n in range(3)], settings))
    assert [each.finding.status for each in found] == ["ok"] * 3


def test_the_worst_counts() -> None:
    assert worst(["ok", "warning", "skipped"]) == "warning"
    assert worst(["ok", "problem", "warning"]) == "problem"
    assert worst(["ok", "skipped"]) == "ok"


def test_names_are_unique_in_their_group() -> None:
    names = [(check.group, check.name) for check in CHECKS]
    assert len(set(names)) == len(names)
