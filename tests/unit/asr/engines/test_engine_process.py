"""Engines that are processes: a deadline for each window, and a new process after one that hung or died."""

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from speechd.asr.engines.engine_monitor import EngineFaults, shared_monitor
from speechd.asr.engines.engine_process import EngineProcesses
from speechd.errors import EngineFailure
from tests.support.processes import eventually

ECHO = "import sys; print('ready', flush=True)\nfor line in sys.stdin: print(line.strip(), flush=True)"
MUTE = "import sys; print('ready', flush=True)\nwhile True: sys.stdin.read(1) or sys.exit()"
DRIP = "import sys, time; print('ready', flush=True)\nwhile True: time.sleep(.01); print('.', end='', flush=True)"


@pytest.fixture(autouse=True)
def no_faults() -> Iterator[None]:
    """Each test counts from zero."""
    shared_monitor.cache_clear()
    yield
    shared_monitor.cache_clear()


def engine(script: str, seconds: float = 60) -> EngineProcesses:
    return EngineProcesses("toy", [sys.executable, "-c", script], seconds)


def test_a_process_answers_one_window_after_the_other() -> None:
    toy = engine(ECHO)
    assert [toy.ask(b"a\n"), toy.ask(b"b" * 1_000_000 + b"\n")] == [b"a\n", b"b" * 1_000_000 + b"\n"]
    assert len(toy.idle) == 1
    assert shared_monitor().faults() == {}
    toy.close()


@pytest.mark.parametrize("script", [MUTE, DRIP])
@pytest.mark.parametrize("size", [1, 1_000_000])
def test_one_that_does_not_answer_is_ended_and_counted(script: str, size: int) -> None:
    toy = engine(script, 0.3)
    process = toy.idle[0].process
    with pytest.raises(EngineFailure, match=r"toy did not answer within 0\.3 s") as failure:
        toy.ask(b"x" * size)
    assert failure.value.error_code == "engine_timeout"
    assert process.returncode == -signal.SIGKILL
    assert shared_monitor().faults() == {"toy": EngineFaults(hung=1)}
    toy.close()


def test_a_stopped_process_is_overdue_then_replaced() -> None:
    toy = engine(ECHO, 2)
    os.kill(toy.idle[0].process.pid, signal.SIGSTOP)
    failures: list[EngineFailure] = []

    def ask() -> None:
        try:
            toy.ask(b"a\n")
        except EngineFailure as failure:
            failures.append(failure)

    thread = threading.Thread(target=ask)
    thread.start()
    assert eventually(lambda: shared_monitor().faults() == {"toy": EngineFaults(overdue=1)})
    thread.join()
    assert [failure.error_code for failure in failures] == ["engine_timeout"]
    assert toy.ask(b"b\n") == b"b\n"
    assert shared_monitor().faults() == {"toy": EngineFaults(hung=1)}
    toy.close()


def test_one_that_died_is_replaced_and_counted() -> None:
    toy = engine(ECHO)
    toy.idle[0].kill()
    with pytest.raises(EngineFailure, match="crashed"):
        toy.ask(b"a\n")
    assert toy.ask(b"b\n") == b"b\n"
    assert shared_monitor().faults() == {"toy": EngineFaults(crashed=1)}
    toy.close()


def test_closing_ends_a_window_under_way_and_takes_no_other() -> None:
    toy = engine(MUTE)
    process, failures = toy.idle[0].process, []

    def ask() -> None:
        with pytest.raises(EngineFailure, match="shutting down"):
            toy.ask(b"a\n")
        failures.append(1)

    thread = threading.Thread(target=ask)
    thread.start()
    assert eventually(lambda: toy.idle == ())
    toy.close()
    thread.join()
    assert failures == [1]
    assert process.returncode is not None
    with pytest.raises(EngineFailure, match="shutting down"):
        toy.ask(b"a\n")
    assert shared_monitor().faults() == {}, "nothing was wrong with it"


def test_one_that_does_not_get_ready_is_an_engine_failure() -> None:
    with pytest.raises(EngineFailure, match="could not load"):
        engine("import sys; sys.exit(3)")
