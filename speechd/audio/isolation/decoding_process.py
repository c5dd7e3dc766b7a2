"""One process that decodes one recording, as this process sees it."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable

from speechd.audio.isolation import protocol
from speechd.audio.isolation.protocol import BrokenOff, DecodeOptions, Ending, Message
from speechd.errors import IndexRefused, InternalError, InvalidAudio, SpeechdError

log = logging.getLogger("speechd.audio")


class DecodingProcess:
    """Ask, receive, end. `end` may be called from any thread, the rest from one at a time."""

    def __init__(
        self,
        asker: socket.socket,
        kill: Callable[[], None],
        count: Callable[[str], None],
        release: Callable[[], None] = lambda: None,
    ) -> None:
        """
        Args:
            asker: our end of the socket to it.
            kill: ends it.
            count: adds one to a field of DecodingCounts.
            release: called once, when it has ended.
        """
        self._asker = asker
        self._kill = kill
        self._count = count
        self._release_place = release
        self._lock = threading.Lock()
        self._busy = False
        self._ended = False
        self._decoding = False
        """It works on, unless it is killed."""

    def ask(self, options: DecodeOptions, descriptor: int) -> None:
        """Send the recording; a header is the answer.

        Raises:
            InvalidAudio: the process is gone.
        """
        self._decoding = True
        self._sending(lambda: protocol.send_request(self._asker, options, descriptor))

    def go_on(self) -> None:
        """Let it decode; pieces of PCM and an ending are the answer.

        Raises:
            InvalidAudio: the process is gone.
        """
        self._decoding = True
        self._sending(lambda: self._asker.sendall(protocol.GO))

    def receive(self) -> Message:
        """The next message; blocking.

        Raises:
            SpeechdError: what the decoding raised.
            InvalidAudio: the process broke off, by a signal or a limit.
            InternalError: it says nothing any more.
        """
        with self._lock:
            if self._ended:
                raise _broken_off()
            self._busy = True
        try:
            message = protocol.receive(self._asker)
        except BrokenOff as error:
            raise self._crashed() from error
        except TimeoutError as error:
            self._count("silent")
            raise InternalError("The decoder does not answer.") from error
        except OSError as error:
            raise self._crashed() from error
        except SpeechdError as error:
            self._decoding = False
            if isinstance(error, IndexRefused):
                self._count("refused")
            raise
        finally:
            self._release()
        self._decoding = not isinstance(message, protocol.Header | Ending)
        return message

    def end(self) -> None:
        """End the process at once, if it still works; a thread in `receive` gets an error."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            self._release_place()
            if self._decoding:
                self._count("abandoned")
                self._kill()
            if self._busy:
                with contextlib.suppress(OSError):
                    self._asker.shutdown(socket.SHUT_RDWR)  # wakes the thread that receives, which then closes it
            else:
                self._asker.close()

    def _release(self) -> None:
        with self._lock:
            self._busy = False
            if self._ended:
                self._asker.close()

    def _sending(self, send: Callable[[], None]) -> None:
        try:
            send()
        except OSError as error:
            raise self._crashed() from error

    def _crashed(self) -> InvalidAudio:
        with self._lock:
            if self._decoding and not self._ended:
                self._count("crashed")
                log.warning("a recording broke off its decoding process")
            self._decoding = False
        return _broken_off()


def _broken_off() -> InvalidAudio:
    return InvalidAudio("The audio broke off its decoder: it is damaged, or made to do harm.", param="file")
