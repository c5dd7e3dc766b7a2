"""The hostile caller, a process of its own: one attack after the other, each for its share of the time."""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import httpx2

from tests.bench.hostile_neighbour.stage import Stage

Answers = Counter[str]
"""What the hostile caller was told, `status code`, and how often."""


@dataclass
class Attacker:
    """What an attack has: the server, and until when it may go on."""

    stage: Stage
    until: float
    """Of the monotonic clock."""

    @property
    def left(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def ask(self, path: str, key: str = "hostile", method: str = "POST", **arguments: Any) -> str:
        """The answer to one request, which is given up at the end of the attack's time."""
        headers = self.stage.headers(key) | arguments.pop("headers", {})
        timeout = arguments.pop("timeout", max(1.0, self.left))
        with contextlib.suppress(httpx2.TimeoutException):
            try:
                with httpx2.Client(timeout=timeout, trust_env=False, verify=False) as client:
                    return told(client.request(method, self.stage.url + path, headers=headers, **arguments))
            except httpx2.NetworkError:
                return "closed"
            except httpx2.ProtocolError:
                return "closed"
        return "left"

    def ask_at_once(self, asks: Iterable[Callable[[], str]], at_once: int = 16) -> Answers:
        with ThreadPoolExecutor(at_once) as pool:
            return Counter(pool.map(lambda ask: ask(), list(asks)))


def told(reply: httpx2.Response) -> str:
    """`200`, or `400 invalid_audio`."""
    code = ""
    with contextlib.suppress(ValueError, LookupError, TypeError):
        code = reply.json()["error"]["code"] or ""
    return f"{reply.status_code} {code}".strip()


@dataclass(frozen=True)
class Attack:
    """One row of the table of faults."""

    row: int
    name: str
    once: Callable[[Attacker], Answers]
    """Does it once. It is done again as long as there is time."""


@dataclass(frozen=True)
class Round:
    """One attack, when it ran and what it was told."""

    row: int
    name: str
    started: float
    ended: float
    answers: Answers
    times: int


def attack_in_turn(stage: Stage, seconds: float, pipe: Connection) -> None:
    """The process: sends each Round through the pipe when it is over, and None at the end."""
    from tests.bench.hostile_neighbour.attacks import ATTACKS

    for attack in ATTACKS:
        started = time.monotonic()
        attacker = Attacker(stage, started + seconds / len(ATTACKS))
        answers, times = Answers(), 0
        while attacker.left > 0:
            try:
                answers += attack.once(attacker)
            except Exception as error:  # noqa: BLE001 - the next attack comes all the same
                answers[f"the attack failed: {type(error).__name__}: {error}"] += 1
            times += 1
            time.sleep(min(0.2, attacker.left))
        pipe.send(Round(attack.row, attack.name, started, time.monotonic(), answers, times))
    pipe.send(None)


def attacking(stage: Stage, seconds: float) -> tuple[Any, Connection]:
    """Starts the process."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=attack_in_turn, args=(stage, seconds, there), daemon=True)
    process.start()
    return process, here
