"""Findings of checks, and how checks run: one after the other, those of the network in parallel."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from speechd.errors import SpeechdError
from speechd.settings import Settings

FindingStatus = Literal["ok", "skipped", "warning", "problem"]

PROBE_SECONDS = 3.0
"""Seconds that a check of the network may take. Later it is reported as not reached."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    status: FindingStatus
    """`problem`: a configured part cannot work. `warning`: it works, but worse, or not for every caller."""
    message: str
    """The finding, in one sentence."""
    remedy: str = ""
    """The remedy, in one sentence; "" where none is needed."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check."""

    group: str
    """Heading in the report."""
    name: str
    """Two or three words, unique in the group."""
    run: Callable[[Settings], Iterator[Finding]]
    """Yields at least one finding. An exception is a problem of this check only."""
    network: bool = False
    """Whether it only contacts other machines: it runs in parallel and ends after PROBE_SECONDS."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check and one of its findings."""

    check: Check
    finding: Finding


def run_checks(checks: Sequence[Check], settings: Settings) -> Iterator[CheckResult]:
    """All findings, in the order of the checks, each when it is known."""
    probes = {check.name: _Probe(check, settings) for check in checks if check.network}
    for check in checks:
        found = probes[check.name].findings() if check.network else _guarded(check, settings)
        for finding in found:
            yield CheckResult(check, finding)


def worst(statuses: Sequence[FindingStatus]) -> FindingStatus:
    """The most serious of them; `ok` where nothing is a warning or a problem."""
    serious: tuple[FindingStatus, ...] = ("problem", "warning")
    return next((status for status in serious if status in statuses), "ok")


def _guarded(check: Check, settings: Settings) -> Iterator[Finding]:
    """The findings of a check, with an exception of the check as the last one."""
    try:
        yield from check.run(settings)
    except SpeechdError as error:
        yield Finding("problem", error.message)
    except Exception as error:  # noqa: BLE001 - a check that breaks must not take the report with it
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        yield Finding("problem", f"This check itself failed: {reason}.", "Report it with this line.")


class _Probe:
    """Runs a check on a thread of its own, which may be abandoned: a name lookup cannot be interrupted."""

    def __init__(self, check: Check, settings: Settings) -> None:
        self._found: list[Finding] = []
        self._done = threading.Event()
        threading.Thread(target=self._run, args=(check, settings), daemon=True).start()
        self._check = check

    def findings(self) -> list[Finding]:
        if self._done.wait(PROBE_SECONDS):
            return self._found
        return [Finding("warning", f"No answer within {PROBE_SECONDS:g} seconds.", "Check the network and the proxy.")]

    def _run(self, check: Check, settings: Settings) -> None:
        self._found = list(_guarded(check, settings))
        self._done.set()
