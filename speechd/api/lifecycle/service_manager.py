"""What a service manager is told of this process: systemd's protocol for `Type=notify` (sd_notify(3))."""

import os
import socket
from contextlib import suppress
from typing import Literal

ServiceState = Literal["READY=1", "STOPPING=1"]


def notify(state: ServiceState) -> None:
    """Sends a state to the socket that NOTIFY_SOCKET names. Without one nobody wants to know, which is no error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.connect("\0" + address[1:] if address.startswith("@") else address)
        manager.send(state.encode())
