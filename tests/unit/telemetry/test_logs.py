"""The log: lines for people and for machines, with the request that they belong to, and what happens without room."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from queue import SimpleQueue
from typing import Any

import pytest

from speechd.telemetry import logs
from speechd.telemetry.logs import JsonFormatter, TextFormatter
from speechd.telemetry.metrics import REGISTRY
from speechd.telemetry.request_record import current_record, recorded, sane_request_id


def record(message: str, name: str = "speechd.models", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "", 0, message, None, None)
    vars(made).update(extra)
    return made


def test_a_line_for_people_names_its_request() -> None:
    with recorded("req_1"):
        assert TextFormatter().format(record("loading x")).endswith(" INFO speechd.models: loading x [req_1]")
    assert TextFormatter().format(record("loading x")).endswith(" INFO speechd.models: loading x")


def test_a_line_of_a_request_has_no_logger_and_its_id_once() -> None:
    with recorded("req_1"):
        assert TextFormatter().format(record("GET / 200, req_1", logs.ACCESS)).endswith(" INFO GET / 200, req_1")


def test_a_line_for_machines_is_one_object() -> None:
    with recorded("req_1"):
        current_record().trace_id = "0af7651916cd43dd8448eb211c80319c"
        line = JsonFormatter().format(record('two\nlines "quoted"', status=200, audio_seconds=5.5))
    assert "\n" not in line
    told = json.loads(line)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "info",
        "logger": "speechd.models",
        "message": 'two\nlines "quoted"',
        "request_id": "req_1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "status": 200,
        "audio_seconds": 5.5,
    }


def test_a_traceback_is_in_the_object() -> None:
    try:
        raise RuntimeError("the cause")
    except RuntimeError:
        failed = record("it failed", exc_info=sys.exc_info())
    told = json.loads(JsonFormatter().format(failed))
    assert told["message"] == "it failed"
    assert told["exception"].endswith("RuntimeError: the cause")


@pytest.mark.parametrize("given", ["req_1", "0af7651916cd43dd8448eb211c80319c", "A-b_9", "a" * 64])
def test_ids_that_are_taken(given: str) -> None:
    assert sane_request_id(given) == given


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\nb", "../a", "-a", "ä", 'a"', "a.b", "%0a"])
def test_ids_that_are_not_taken(given: str) -> None:
    assert sane_request_id(given) is None


def dropped() -> float:
    return REGISTRY.get_sample_value("speechd_log_lines_dropped_total") or 0.0


class Stuck(StringIO):
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def write(self, text: str) -> int:
        self.gate.wait()
        return super().write(text)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stream = Stuck()
    yield stream
    stream.gate.set()


def test_a_pipe_that_nobody_reads_holds_up_nothing(stuck: Stuck) -> None:
    lines: SimpleQueue[Any] = SimpleQueue()
    handler, writer = logs._Enqueue(lines, TextFormatter(), 10), logs._Writer(lines, stuck)
    writer.start()
    before = dropped()
    for number in range(100):
        handler.handle(record(f"line {number}"))
    assert dropped() - before >= 89  # ten wait, one is being written
    stuck.gate.set()
    writer.stop()
    assert "line 0" in stuck.getvalue()


ON_A_FULL_DISK = """
import logging, sys
from speechd.telemetry import logs
from speechd.settings import Settings
logs.start_logging(Settings(log_format="json"), open("/dev/full", "w"))
for number in range(1000):
    logging.getLogger("speechd").info("line %d", number)
logs.write_out()
print("alive")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/dev/full is Linux's")
def test_a_full_disk_ends_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", ON_A_FULL_DISK], capture_output=True, text=True, timeout=60)
    assert done.stdout == "alive\n", done.stderr
    assert done.returncode == 0


EVERY_LIBRARY = """
import logging, warnings
from speechd.telemetry import logs
from speechd.settings import Settings
logs.start_logging(Settings(log_format="json"))
logging.getLogger("uvicorn.error").info("started")
logging.getLogger("httpx2").info("GET http://secret")
warnings.warn("an old way")
logs.write_out()
"""


def test_every_library_and_every_warning_is_in_the_same_format() -> None:
    done = subprocess.run([sys.executable, "-c", EVERY_LIBRARY], capture_output=True, text=True, timeout=60)
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["logger"] for line in told] == ["uvicorn.error", "py.warnings"]
