"""Overhead of `speechd serve --cluster` over a server on one machine, and what clients see while parts are killed.

    python -m tests.bench.cluster [--rounds 3] [--requests 40] [--clients 16] [--kill replica,raylet,api]
        [--seconds 120]

It starts a cluster of two Ray machines on loopback, a server with `--cluster` and a server without, and sends the
fixtures' clips to both in turn. Printed: milliseconds of one client at p50, seconds for 80 clips by --clients clients,
and for each kill how many requests were answered, with an error, wrongly, and how long the longest one took.

With `--kill` clients send without a pause for --seconds while the part is killed with SIGKILL every KILL_EVERY
seconds. An answer counts as wrong where its text is not that of the local server. A killed API process is behind a
client that asks the second server: a balancer does the same.
"""

import argparse
import itertools
import os
import random
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx2

from tests.conftest import FIXTURES
from tests.support.serve_cluster import ClusterServer, RayCluster, serving_here

KILL_EVERY = 20.0
"""Seconds between two kills."""
FORM = {"model": "whisper-pocket", "response_format": "json"}


@dataclass
class Outcome:
    """What clients saw."""

    answered: int = 0
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    longest: float = 0.0

    def __str__(self) -> str:
        bad = f"{len(self.errors)} errors, {len(self.wrong)} wrong"
        told = f"{self.answered} answered, {bad}, longest {self.longest:.1f} s"
        return "\n  ".join([told, *self.errors[:3], *self.wrong[:3]])


def recordings() -> list[bytes]:
    """The clips, as they are uploaded."""
    return [path.read_bytes() for path in sorted(FIXTURES.glob("*.flac"))[:12]]


def transcribe(client: httpx2.Client, url: str, audio: bytes, number: int = 0) -> str:
    """The text of one clip. Each number makes a request of its own, which no other one joins."""
    fields = FORM | {"prompt": f"{number}"} if number else FORM
    reply = client.post(f"{url}/v1/audio/transcriptions", files={"file": ("a.flac", audio)}, data=fields)
    reply.raise_for_status()
    return str(reply.json()["text"])


def milliseconds(urls: Sequence[str], requests: int) -> list[float]:
    """Of one client's request at p50, for each server. They are asked in turn: what else the machine does meets all."""
    clips, took = itertools.cycle(recordings()), [[0.0] * requests for _ in urls]
    with httpx2.Client(timeout=300) as client:
        for number in range(requests):
            clip = next(clips)
            for index in range(len(urls)):
                which = (number + index) % len(urls)
                began = time.perf_counter()
                transcribe(client, urls[which], clip)
                took[which][number] = time.perf_counter() - began
    return [statistics.median(each) * 1000 for each in took]


def seconds_for(url: str, clips: int, clients: int) -> float:
    """That many clips take by that many clients at once."""
    sent = list(itertools.islice(itertools.cycle(recordings()), clips))
    numbers = range(1, clips + 1)
    with httpx2.Client(timeout=600) as client, ThreadPoolExecutor(clients) as pool:
        began = time.perf_counter()
        list(pool.map(partial(transcribe, client, url), sent, numbers))
    return time.perf_counter() - began


def under_fire(
    urls: Sequence[str], expected: Sequence[str], clients: int, seconds: float, kill: Callable[[], str]
) -> Outcome:
    """What clients see while `kill` is called again and again."""
    outcome, over, lock = Outcome(), time.monotonic() + seconds, threading.Lock()
    clips = recordings()

    def client(number: int) -> None:
        chance = random.Random(number)
        with httpx2.Client(timeout=300) as sender:
            while time.monotonic() < over:
                index = chance.randrange(len(clips))
                began = time.monotonic()
                try:
                    text = _from_any(sender, urls, clips[index])
                except httpx2.HTTPError as error:
                    with lock:
                        outcome.errors.append(str(error))
                    continue
                with lock:
                    outcome.answered += 1
                    outcome.longest = max(outcome.longest, time.monotonic() - began)
                    if text != expected[index]:
                        outcome.wrong.append(f"{text!r} is not {expected[index]!r}")

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(client, number) for number in range(clients)]
        time.sleep(min(5.0, seconds / 4))
        while time.monotonic() < over - min(5.0, seconds / 4):
            print(f"  killed {kill()}", flush=True)
            time.sleep(min(KILL_EVERY, max(0.1, over - time.monotonic())))
        for each in running:
            each.result()
    return outcome


def _from_any(client: httpx2.Client, urls: Sequence[str], audio: bytes) -> str:
    """As a balancer does: the next server where one does not answer."""
    for url in urls[:-1]:
        try:
            return transcribe(client, url, audio)
        except httpx2.TransportError:
            continue
    return transcribe(client, urls[-1], audio)


def killers(cluster: RayCluster, server: ClusterServer) -> dict[str, Callable[[], str]]:
    """What can be killed, and how."""

    def replica() -> str:
        victim = random.choice(cluster.replicas())
        os.kill(victim, signal.SIGKILL)
        return f"replica {victim}"

    def raylet() -> str:
        cluster.kill_machine()
        cluster.add_machine()
        return "a machine, and added another"

    def api() -> str:
        server.kill_and_restart()
        return "the first API process, and started it again"

    return {"replica": replica, "raylet": raylet, "api": api}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=40)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--kill", default="")
    parser.add_argument("--seconds", type=float, default=120)
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(RayCluster.started(folder))
        warm = {"SPEECHD_CLUSTER_WARM_REPLICAS": '{"whisper-pocket": 2}', "SPEECHD_RESULT_CACHE_SECONDS": "0"}
        remote = stack.enter_context(ClusterServer.started(cluster, folder, **warm))
        local = stack.enter_context(serving_here(folder / "local", SPEECHD_RESULT_CACHE_SECONDS="0"))
        milliseconds((local, remote.url), 12)
        cluster.wait_for_replicas(2)
        for number in range(args.rounds):
            here, there = milliseconds((local, remote.url), args.requests)
            print(
                f"round {number + 1}, one client, p50: local {here:.1f} ms, cluster {there:.1f} ms, +{there - here:.1f}"
            )
            here, there = seconds_for(local, 80, args.clients), seconds_for(remote.url, 80, args.clients)
            print(
                f"round {number + 1}, 80 clips by {args.clients} clients: local {here:.2f} s, cluster {there:.2f} s",
                flush=True,
            )
        with httpx2.Client(timeout=300) as client:
            expected = [transcribe(client, local, audio) for audio in recordings()]
        for name in filter(None, args.kill.split(",")):
            urls = [remote.url]
            if name == "api":
                urls.append(stack.enter_context(ClusterServer.started(cluster, folder, **warm)).url)
            print(f"kill -9 of {name}, {args.clients} clients for {args.seconds:g} s:", flush=True)
            outcome = under_fire(urls, expected, args.clients, args.seconds, killers(cluster, remote)[name])
            print(f"  {outcome}", flush=True)


if __name__ == "__main__":
    main()
