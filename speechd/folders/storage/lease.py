"""The lease of an output folder in remote storage: one run at a time, and none waits for one that was killed.

It is a small object that names its holder and its end. It needs nothing of the storage but that of two who create an
object of one name only one succeeds, which S3 has as conditional writes. Each new holder of a lease that has ended
creates the next number, so two cannot both take it over.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from speechd.errors import CannotGoOn, InvalidRequest
from speechd.folders.storage.remote_folder import RemoteFolder

PREFIX = "speechd-lease-"
LEASE_SECONDS = 120.0
"""Seconds after which the folder of a killed run is free. Clocks of machines may differ by a part of it."""
ATTEMPTS = 3


@dataclass(slots=True)
class FolderLease:
    """A lease that this run holds; see `take`."""

    folder: RemoteFolder
    number: int
    clock: Callable[[], float] = time.time

    @classmethod
    def take(cls, folder: RemoteFolder, clock: Callable[[], float] = time.time) -> Self:
        """
        Raises:
            InvalidRequest: another run holds it.
            CannotGoOn: the folder cannot be written.
        """
        for _ in range(ATTEMPTS):
            last = max(_numbers(folder), default=0)
            if last and (holder := _holder(folder, last, clock())):
                raise InvalidRequest(
                    f"Another run ({holder}) uses {folder.address}."
                    f" Wait until it has finished, or {LEASE_SECONDS:.0f} s where it was killed,"
                    " or choose another --output-dir."
                )
            lease = cls(folder, last + 1, clock)
            if folder.create(lease._name, lease._content()):
                for number in range(1, last + 1):
                    folder.remove(f"{PREFIX}{number}")
                return lease
        raise InvalidRequest(f"Other runs begin in {folder.address} at this moment. Try again.")

    def renew(self) -> None:
        """
        Raises:
            CannotGoOn: another run has taken it over, because this one did not renew it in time.
        """
        if max(_numbers(self.folder), default=0) > self.number:
            raise CannotGoOn(f"Another run has taken over {self.folder.address}.")
        self.folder.write(self._name, self._content())

    def release(self) -> None:
        """The folder is free."""
        self.folder.remove(self._name)

    @property
    def _name(self) -> str:
        return f"{PREFIX}{self.number}"

    def _content(self) -> bytes:
        holder = f"{platform.node()}, process {os.getpid()}"
        return json.dumps({"holder": holder, "until": self.clock() + LEASE_SECONDS}).encode()


def _numbers(folder: RemoteFolder) -> list[int]:
    numbers = (name.removeprefix(PREFIX) for name in folder.names(PREFIX))
    return [int(number) for number in numbers if number.isdecimal()]


def _holder(folder: RemoteFolder, number: int, now: float) -> str:
    """Who holds a lease; "" where it has ended."""
    content = folder.content(f"{PREFIX}{number}")
    try:
        lease = json.loads(content or b"{}")
        return str(lease["holder"]) if float(lease["until"]) > now else ""
    except (ValueError, KeyError, TypeError):
        return ""  # nobody wrote it whole
