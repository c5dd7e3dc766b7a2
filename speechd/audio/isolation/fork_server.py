"""The process that makes decodings: `python -m speechd.audio.isolation.fork_server DESCRIPTOR SPARES`.

It has FFmpeg loaded and one thread, so that a process for a recording is a fork, of a millisecond, that shares its
memory. It never sees a recording itself. Over the socket it is started with it sends the number of each process with
its end of a socket to it, always some ahead, and is sent orders (see protocol).

It ends, and with it every decoding, when the server's end of the socket is closed: at the latest with the server.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import Final

from speechd.audio.isolation import worker
from speechd.audio.isolation.protocol import END, NEXT, ORDER, PROCESS

RETRY_SECONDS: Final = 1.0
"""After a process could not be made."""


class ForkServer:
    """Its loop."""

    def __init__(self, server: socket.socket, spares: int) -> None:
        """
        Args:
            server: other end of what the server listens to.
            spares: processes that wait for a recording.
        """
        self._server = server
        self._owed = spares
        """Processes that the server is still to get."""
        self._processes: set[int] = set()
        self._received = b""
        self._wakened, waker = socket.socketpair()
        for end in (self._wakened, waker):
            end.setblocking(False)
        self._waker = waker

    def run(self) -> None:
        """Until the server closes its end."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the server tells when it ends
            signal.signal(number, signal.SIG_IGN)
        try:
            with contextlib.suppress(ConnectionError):
                while self._turn():
                    pass
        finally:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # its processes end now too, and nobody reads of it
            signal.set_wakeup_fd(-1)

    def _turn(self) -> bool:
        """Wait for an order or the end of a process, and see to it; False once the server is gone."""
        while self._owed and self._fork():
            self._owed -= 1
        ready, _, _ = select.select([self._server, self._wakened], [], [], RETRY_SECONDS if self._owed else None)
        if self._wakened in ready:
            self._wakened.recv(4096)
            self._reap()
        return self._server not in ready or self._obey()

    def _fork(self) -> bool:
        """One more process, which waits at its end of a socket; the server gets the other. False: not now."""
        theirs, ours = socket.socketpair()
        try:
            process = os.fork()
        except OSError as error:  # too many processes, or too little memory
            theirs.close()
            ours.close()
            print(f"no decoding process can be made: {error.strerror}", file=sys.stderr, flush=True)
            return False
        if not process:
            theirs.close()
            worker.enter_sandbox(ours.fileno())
            os._exit(worker.run(ours))
        self._processes.add(process)
        with theirs, ours:
            socket.send_fds(self._server, [PROCESS.pack(process)], [theirs.fileno()])
        return True

    def _obey(self) -> bool:
        """Do what the server asks; False where it is gone."""
        received = self._server.recv(4096)
        self._received += received
        while len(self._received) >= ORDER.size:
            order, process = ORDER.unpack(self._received[: ORDER.size])
            self._received = self._received[ORDER.size :]
            if order == NEXT:
                self._owed += 1
            elif order == END and process in self._processes:
                os.kill(process, signal.SIGKILL)
        return bool(received)

    def _reap(self) -> None:
        while self._processes:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                return
            self._processes.discard(process)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
                name = signal.Signals(os.WTERMSIG(status)).name
                print(f"decoding process {process} ended by {name}", file=sys.stderr, flush=True)


def check_sandbox() -> None:
    """Say on standard error what the kernel does not hold decodings to."""
    process = os.fork()
    if not process:
        got = worker.enter_sandbox(2)
        os._exit((not got.no_new_privileges) + 2 * (not got.system_calls))
    lacking = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if lacking:
        print("decoding processes: the kernel filters no system calls here", file=sys.stderr, flush=True)


def main(descriptor: int, spares: int) -> None:
    """See the module."""
    worker.warm_up()
    check_sandbox()
    gc.collect()
    gc.freeze()  # what is there now stays shared with every process
    gc.disable()
    with socket.socket(fileno=descriptor) as server:
        ForkServer(server, spares).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
