"""The decoding processes as this process sees them: some wait, one is taken for each recording, none is used twice."""

import atexit
import contextlib
import functools
import logging
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from typing import Final

from speechd.audio.isolation.decoding_process import DecodingProcess
from speechd.audio.isolation.protocol import END, NEXT, ORDER, PROCESS
from speechd.errors import InternalError, Overloaded

MAX_SPARES: Final = 4
"""So many processes wait by default, or as many as there are CPUs."""
MAX_DECODINGS: Final = 256
"""At once. Each has about 5 MB of memory of its own, and one descriptor of this process."""
START_SECONDS: Final = 30.0
"""For a process to be made."""
ANSWER_SECONDS: Final = 300.0
"""For the next piece of a recording. Its CPU time is bounded by far less; this is for a process that was stopped."""
CHILD_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONHASHSEED")
"""What the decoding processes see of the environment: no key, no address."""

log = logging.getLogger("speechd.audio")


@dataclass(frozen=True, slots=True)
class DecodingCounts:
    """What became of the decodings of this process so far."""

    started: int = 0
    crashed: int = 0
    """Ended by a signal or by a limit of the kernel."""
    abandoned: int = 0
    """Killed, because nobody wanted the rest."""
    silent: int = 0
    """Killed, because nothing came for ANSWER_SECONDS."""
    refused: int = 0
    """Recordings that were not opened, because their tables claim too many samples."""


class DecoderPool:
    """Starts and ends decoding processes, through a server that forks them; its methods may be called by any thread."""

    def __init__(self, spares: int = 0) -> None:
        """
        Args:
            spares: processes that wait for the next recordings; 0 chooses.
        """
        self._spares = spares or min(MAX_SPARES, os.cpu_count() or 1)
        self._lock = threading.Lock()
        self._count_lock = threading.Lock()
        self._places = threading.BoundedSemaphore(MAX_DECODINGS)
        self._server: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self.counts = DecodingCounts()

    @property
    def server_pid(self) -> int | None:
        """Of the process that forks, while there is one."""
        return None if self._server is None else self._server.pid

    def start(self, spares: int = 0) -> None:
        """Have processes wait; else the first recording does it, and waits for them.

        Args:
            spares: how many, where it is not started yet; 0 leaves that.
        """
        with self._lock:
            self._spares = spares or self._spares
            self._started()

    def acquire(self) -> DecodingProcess:
        """A process for one recording.

        Raises:
            Overloaded: as many as may be are at work.
            InternalError: none can be started.
        """
        if not self._places.acquire(blocking=False):
            raise _overloaded()
        with contextlib.ExitStack() as failed:
            failed.callback(self._places.release)
            process, asker = self._waiting()
            failed.pop_all()
        asker.settimeout(ANSWER_SECONDS)
        self._count("started")
        return DecodingProcess(asker, functools.partial(self._kill, process), self._count, self._places.release)

    def close(self) -> None:
        """End every process."""
        with self._lock:
            self._stopped()

    def _started(self) -> socket.socket:
        if self._control is None:
            self._server, self._control = _start(self._spares)
        return self._control

    def _stopped(self) -> None:
        if self._control is not None and self._server is not None:
            self._control.close()
            self._server.kill()
            self._server.wait()
        self._control = self._server = None

    def _waiting(self) -> tuple[int, socket.socket]:
        """
        Raises:
            Overloaded: the machine is too busy to make one in time.
            InternalError: none can be started.
        """
        if not self._lock.acquire(timeout=START_SECONDS):
            raise _overloaded()
        try:
            return self._taken() or self._taken_anew()
        except TimeoutError as error:
            raise _overloaded() from error
        finally:
            self._lock.release()

    def _taken(self) -> tuple[int, socket.socket] | None:
        """One that waits, and an order for the next; None where the server has ended."""
        control = self._started()
        try:
            head, descriptors, _, _ = socket.recv_fds(control, PROCESS.size, 1)
        except ConnectionError:
            return None
        if not descriptors:
            return None
        asker = socket.socket(fileno=descriptors[0])
        try:
            control.sendall(ORDER.pack(NEXT, 0))
        except OSError:
            asker.close()
            return None
        return PROCESS.unpack(head)[0], asker

    def _taken_anew(self) -> tuple[int, socket.socket]:
        """With a new server, in place of one that has ended."""
        log.warning("the server of decoding processes has ended; starting another")
        self._stopped()
        taken = self._taken()
        if taken is None:
            self._stopped()
            raise InternalError("No decoding process can be started.")
        return taken

    def _kill(self, process: int) -> None:
        control = self._control
        with contextlib.suppress(OSError):  # where the server has ended, so have its processes
            if control is not None:
                control.sendall(ORDER.pack(END, process))

    def _count(self, name: str) -> None:
        with self._count_lock:
            self.counts = replace(self.counts, **{name: getattr(self.counts, name) + 1})


@functools.cache
def shared_pool() -> DecoderPool:
    """The pool of this process; it ends with it."""
    pool = DecoderPool()
    atexit.register(pool.close)
    return pool


def _start(spares: int) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """
    Raises:
        InternalError: the system starts no process.
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(START_SECONDS)
    module = "speechd.audio.isolation.fork_server"
    command = [sys.executable, "-P", "-m", module, str(theirs.fileno()), str(spares)]
    environment = {name: os.environ[name] for name in CHILD_ENVIRONMENT if name in os.environ}
    environment |= {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"}
    with theirs:
        try:
            server = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C is for this process to obey
                env=environment,
            )
        except OSError as error:
            ours.close()
            raise InternalError("No decoding process can be started.") from error
    return server, ours


def _overloaded() -> Overloaded:
    return Overloaded("Too many recordings are being decoded. Please try again later.", retry_after=10)
