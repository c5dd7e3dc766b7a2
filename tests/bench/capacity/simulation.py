"""Simulated devices, each with the scheduler of a real one, and requests that arrive at random."""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import numpy.typing as npt

from speechd.asr.scheduling.scheduler import WINDOW_SECONDS, WINDOWS_IN_FLIGHT, QueuedJob, QueuedRecording, Scheduler

WARM_UP = 0.1
"""Share of the requests, from the first, that do not count: the queues are still filling."""


@dataclass(frozen=True)
class ServiceTimes:
    """Seconds that a device takes for a batch: so many for each batch, each window and each second of audio."""

    batch: float
    window: float
    second: float
    size: int = 8
    """Windows of a batch at most."""

    def of(self, windows: Sequence[float]) -> float:
        """
        Args:
            windows: seconds of audio of each.
        """
        return self.batch + self.window * len(windows) + self.second * sum(windows)


@dataclass(frozen=True)
class Kind:
    """Requests of one length."""

    name: str
    seconds: float
    share: float
    """Of all requests."""


Mix = tuple[Kind, ...]

MIXES: dict[str, Mix] = {
    "clips": (Kind("clip", 5, 1.0),),
    "calls": (Kind("clip", 5, 0.8), Kind("call", 180, 0.2)),
    "meetings": (Kind("clip", 5, 0.95), Kind("meeting", 3600, 0.05)),
}
"""What callers send: commands and short messages, messages and calls, or messages and meetings."""


def windows_of(seconds: float) -> list[float]:
    """A recording in windows of at most 30 s."""
    whole, rest = divmod(seconds, WINDOW_SECONDS)
    return [WINDOW_SECONDS] * int(whole) + ([rest] if rest else [])


def capacity(times: ServiceTimes, mix: Mix) -> float:
    """Requests a second that one device answers when all its batches are full."""
    windows = [(kind.share, windows_of(kind.seconds)) for kind in mix]
    number = sum(share * len(parts) for share, parts in windows)
    audio = sum(share * sum(parts) for share, parts in windows)
    return 1 / (times.batch * number / times.size + times.window * number + times.second * audio)


@dataclass(eq=False)
class SimulatedRequest:
    """One recording on its way."""

    kind: Kind
    arrived: float
    device: int
    place: QueuedRecording
    windows: list[float]
    """Those that do not wait for the engine yet."""
    left: int
    """Windows that are not decoded."""


@dataclass(frozen=True)
class Answer:
    """How long one request took."""

    kind: str
    arrived: float
    seconds: float
    """From its arrival to its answer."""


@dataclass(eq=False)
class Device:
    """One replica: windows that wait, and whether it works."""

    scheduler: Scheduler[tuple[SimulatedRequest, float]] = field(default_factory=Scheduler)
    busy: bool = False


Routing = Callable[[npt.NDArray[np.float64], npt.NDArray[np.float64], random.Random], int]
"""Chooses a device by the seconds of audio and the requests that each has."""


def by_seconds(seconds: npt.NDArray[np.float64], requests: npt.NDArray[np.float64], chance: random.Random) -> int:
    """The device with the fewest seconds of audio."""
    return int(seconds.argmin())


def by_requests(seconds: npt.NDArray[np.float64], requests: npt.NDArray[np.float64], chance: random.Random) -> int:
    """The device with the fewest requests, as a balancer counts connections."""
    return int(requests.argmin())


def at_random(seconds: npt.NDArray[np.float64], requests: npt.NDArray[np.float64], chance: random.Random) -> int:
    return chance.randrange(len(seconds))


ROUTINGS: dict[str, Routing] = {"seconds": by_seconds, "requests": by_requests, "random": at_random}


def arrivals(mix: Mix, rate: float, requests: int, seed: int) -> list[tuple[float, Kind]]:
    """Requests that arrive independently of each other (Poisson), `rate` a second."""
    chance, now, found = random.Random(seed), 0.0, []
    shares = [kind.share for kind in mix]
    for _ in range(requests):
        now += chance.expovariate(rate)
        found.append((now, chance.choices(mix, shares)[0]))
    return found


class Simulation:
    """Devices, and the events that are to come."""

    def __init__(self, times: ServiceTimes, devices: int, routing: Routing, seed: int = 0) -> None:
        self._times = times
        self._devices = [Device() for _ in range(devices)]
        self._routing, self._chance = routing, random.Random(seed)
        self._seconds = np.zeros(devices)
        self._requests = np.zeros(devices)
        self._finished: list[tuple[float, int, int, list[QueuedJob[tuple[SimulatedRequest, float]]]]] = []
        """Batches under way: when they end, a number, the device, the windows."""
        self._numbers = count()
        self.answers: list[Answer] = []

    def run(self, requests: Sequence[tuple[float, Kind]]) -> list[Answer]:
        """Answers all, and returns those after the warm-up."""
        for moment, kind in requests:
            self._finish_until(moment)
            self._arrive(moment, kind)
        self._finish_until(float("inf"))
        return counted(self.answers, requests)

    def _arrive(self, now: float, kind: Kind) -> None:
        device = self._routing(self._seconds, self._requests, self._chance)
        windows = windows_of(kind.seconds)
        place = QueuedRecording(kind.seconds, since=now)
        request = SimulatedRequest(kind, now, device, place, windows, len(windows))
        self._seconds[device] += kind.seconds
        self._requests[device] += 1
        for _ in range(WINDOWS_IN_FLIGHT):
            self._queue_next(request, now)
        self._start(device, now)

    def _queue_next(self, request: SimulatedRequest, now: float) -> None:
        if request.windows:
            window = request.windows.pop(0)
            self._devices[request.device].scheduler.add(QueuedJob((request, window), request.place, None, now))

    def _start(self, number: int, now: float) -> None:
        device = self._devices[number]
        if device.busy or not device.scheduler.waiting:
            return
        batch = device.scheduler.schedule(now, self._times.size)
        took = self._times.of([entry.item[1] for entry in batch])
        device.busy = True
        heapq.heappush(self._finished, (now + took, next(self._numbers), number, batch))

    def _finish_until(self, moment: float) -> None:
        while self._finished and self._finished[0][0] <= moment:
            now, _, number, batch = heapq.heappop(self._finished)
            for entry in batch:
                self._decoded(*entry.item, now)
            self._devices[number].busy = False
            self._start(number, now)

    def _decoded(self, request: SimulatedRequest, window: float, now: float) -> None:
        request.left -= 1
        request.place.remaining -= window
        self._seconds[request.device] -= window
        self._queue_next(request, now)
        if not request.left:
            self._requests[request.device] -= 1
            self.answers.append(Answer(request.kind.name, request.arrived, now - request.arrived))


def counted(answers: Sequence[Answer], requests: Sequence[tuple[float, Kind]]) -> list[Answer]:
    """Those of requests that arrived after the warm-up."""
    begin = requests[int(len(requests) * WARM_UP)][0]
    return [answer for answer in answers if answer.arrived >= begin]


def percentile(answers: Sequence[Answer], kind: str, share: float) -> float:
    """Seconds within which this share of the requests of a kind were answered."""
    return float(np.percentile([answer.seconds for answer in answers if answer.kind == kind], 100 * share))
