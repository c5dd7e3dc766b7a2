"""Child processes that an engine asks one window at a time: each with a deadline, killed where it does not answer.

A process writes one line when it is ready. Then it reads a request on its standard input and writes one line on its
standard output for each.
"""

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Sequence
from typing import IO, cast

from speechd.asr.engines.engine_monitor import shared_monitor
from speechd.errors import EngineFailure

START_SECONDS = 60.0
"""Deadline until a process has loaded its model."""
PIECE = 1 << 16


class EngineProcess:
    """One process. `kill` may be called from any thread, the rest from one at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        """
        Raises:
            OSError: the system does not start it.
        """
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,  # only this process handles Ctrl-C: the running window then finishes
        )
        self._input, self._output = cast(IO[bytes], self.process.stdin), cast(IO[bytes], self.process.stdout)
        os.set_blocking(self._input.fileno(), False)

    def ask(self, request: bytes, seconds: float) -> bytes:
        """The line with which it answers a request; for an empty one, the line that it writes by itself.

        Raises:
            TimeoutError: no line came in time. It is of no use any more.
            OSError, EOFError: it has died.
        """
        unsent, answer, end = memoryview(request), bytearray(), time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            if unsent:
                selector.register(self._input, selectors.EVENT_WRITE)
            while not answer.endswith(b"\n"):
                for key, _ in _ready(selector, end):
                    if key.fileobj is self._output:
                        answer += self._piece()
                        continue
                    unsent = unsent[os.write(key.fd, unsent[:PIECE]) :]
                    if not unsent:
                        selector.unregister(self._input)
        return bytes(answer)

    def kill(self) -> None:
        """Ends it at once; a thread in `ask` gets an error."""
        self.process.kill()

    def close(self) -> None:
        """Ends it, and closes its pipes."""
        self.process.kill()
        self.process.wait()
        self._input.close()
        self._output.close()

    def _piece(self) -> bytes:
        piece = os.read(self._output.fileno(), PIECE)
        if not piece:
            raise EOFError
        return piece


def _ready(selector: selectors.BaseSelector, end: float) -> list[tuple[selectors.SelectorKey, int]]:
    """
    Raises:
        TimeoutError: it is past the end.
    """
    left = end - time.monotonic()
    ready = selector.select(left) if left > 0 else []
    if not ready:
        raise TimeoutError
    return ready


class EngineProcesses:
    """The processes of one engine: as many as windows are asked at the same time. Any thread may call its methods."""

    def __init__(self, name: str, command: Sequence[str], seconds: float) -> None:
        """Starts the first one.

        Args:
            name: of the engine.
            command: of one process.
            seconds: deadline of a window.

        Raises:
            EngineFailure: it does not start.
        """
        self.name = name
        self._command = command
        self._seconds = seconds
        self._lock = threading.Lock()
        self._idle: list[EngineProcess] = []
        self._busy: set[EngineProcess] = set()
        self._closing = False
        self._give_back(self._started())

    @property
    def idle(self) -> tuple[EngineProcess, ...]:
        """Those that wait for a window."""
        return tuple(self._idle)

    def ask(self, request: bytes) -> bytes:
        """The answer of a process. One that hangs or dies is ended, and not used again.

        Raises:
            EngineFailure: it did, or the engine is being closed.
        """
        with self._lock:
            process = self._idle.pop() if self._idle else None
            if process:
                self._busy.add(process)
        process = process or self._started()
        try:
            with shared_monitor().watch(self.name, self._seconds):
                answer = self._asked(process, request)
        except BaseException:
            self._drop(process)
            raise
        self._give_back(process)
        return answer

    def interrupt(self) -> None:
        """See asr.engine.Interruptible."""
        with self._lock:
            self._closing = True
            for process in self._busy:
                process.kill()

    def close(self) -> None:
        """Ends them."""
        self.interrupt()
        while self._idle:
            self._idle.pop().close()

    def _started(self) -> EngineProcess:
        """One that is ready, and busy.

        Raises:
            EngineFailure: it cannot load its model.
        """
        failure = EngineFailure(f"The engine {self.name} could not load its model.")
        try:
            process = EngineProcess(self._command)
        except OSError as error:
            raise failure from error
        with self._lock:
            self._busy.add(process)
        try:
            self._asked(process, b"", START_SECONDS)
        except (OSError, EOFError) as error:
            self._drop(process)
            raise failure from error
        except BaseException:
            self._drop(process)
            raise
        return process

    def _asked(self, process: EngineProcess, request: bytes, seconds: float | None = None) -> bytes:
        """
        Raises:
            TimeoutError, OSError, EOFError: see EngineProcess.ask.
            EngineFailure: the engine is being closed.
        """
        try:
            if not self._closing:
                return process.ask(request, seconds or self._seconds)
        except (OSError, EOFError):
            if not self._closing:
                raise
        raise EngineFailure("The server is shutting down.")

    def _give_back(self, process: EngineProcess) -> None:
        with self._lock:
            self._busy.discard(process)
            if not self._closing:
                self._idle.append(process)
                return
        process.close()

    def _drop(self, process: EngineProcess) -> None:
        with self._lock:
            self._busy.discard(process)
        process.close()
