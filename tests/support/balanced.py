"""Servers on one PostgreSQL behind nginx, and clients that watch what a death among them does."""

import io
import json
import random
import statistics
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import httpx2
import soundfile

from tests.conftest import fixtures
from tests.integration.conftest import LISTENS, Program, started
from tests.integration.deploy.test_proxies import free_port, nginx, proxied
from tests.support.processes import eventually

TRANSCRIPTIONS = "/v1/audio/transcriptions"
REPEATS = 4
"""One in so many uploads is one that was sent before, or is being sent."""


@dataclass
class Balanced:
    """Servers behind nginx."""

    folder: Path
    variables: dict[str, str]
    ports: list[int]
    running: dict[int, Program] = field(default_factory=dict)
    """By port."""
    logs: list[list[str]] = field(default_factory=list)
    """Of all servers that ever ran."""
    stack: ExitStack = field(default_factory=ExitStack)
    front: httpx2.Client = field(default_factory=httpx2.Client)
    """Of the nginx before them."""

    def start(self, number: int) -> Program:
        """Starts a server, again after its death."""
        port = self.ports[number]
        given = self.variables | {"SPEECHD_PORT": str(port)}
        server = self.stack.enter_context(started(self.folder / f"data-{number}", "serve", LISTENS, **given))
        self.running[number] = server
        self.logs.append(server.log)
        return server

    def url(self, number: int) -> str:
        return self.running[number].found

    def kill(self, number: int) -> None:
        """Ends a server at once, with whatever it does."""
        process = self.running[number].process
        process.kill()
        process.wait(timeout=30)


@contextmanager
def balanced(folder: Path, database: str, **variables: str) -> Iterator[tuple[Balanced, httpx2.Client]]:
    """Two servers with data folders of their own, and a client of the nginx before them."""
    given = {"SPEECHD_DATABASE_URL": database, "SPEECHD_MAX_WAIT": "0", "SPEECHD_LOG_FORMAT": "json"} | variables
    servers = Balanced(folder, given, [free_port(), free_port()])
    place = folder / "nginx"
    place.mkdir()
    place.chmod(0o755)
    with servers.stack:
        both = servers.start(0), servers.start(1)
        assert eventually(lambda: all(is_ready(each.found) for each in both), 60)
        with proxied(nginx, place, *both) as client:
            servers.front = client
            yield servers, client


def is_ready(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return httpx2.get(f"{url}/readyz", timeout=30).status_code == 200
    return False


def recordings() -> list[bytes]:
    """Short recordings in WAV."""
    return [_as_wav(each.path) for each in fixtures("clean") if each.language == "en" and "hard" not in each.tags]


def unique(wav: bytes, number: int) -> bytes:
    """The same sound in a file of its own: a chunk that players skip has a number."""
    chunk = b"note" + struct.pack("<IQ", 8, number)
    return wav[:4] + struct.pack("<I", len(wav) + len(chunk) - 8) + wav[8:] + chunk


def _as_wav(path: Path) -> bytes:
    samples, rate = soundfile.read(path)
    target = io.BytesIO()
    soundfile.write(target, samples, rate, format="WAV", subtype="PCM_16")
    return target.getvalue()


@dataclass
class Outcome:
    """What clients have seen, and what the logs of the servers say of it."""

    answered: int = 0
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    caches: Counter[str] = field(default_factory=Counter)
    doubled: list[str] = field(default_factory=list)
    """Ids of requests for which two servers have computed and answered."""
    logged: int = 0
    """Requests that servers have logged as computed."""

    def __str__(self) -> str:
        ordered = sorted(self.seconds)
        late = ordered[int(len(ordered) * 0.95)]
        return (
            f"{self.answered} answered, {len(self.errors)} errors, {len(self.wrong)} wrong,"
            f" {len(self.doubled)} doubled; p50 {statistics.median(ordered):.2f} s, p95 {late:.2f} s,"
            f" longest {ordered[-1]:.2f} s;"
            f" {dict(self.caches)}"
        )


@dataclass
class Clients:
    """Clients that upload recordings one after the other, most of them new and some a second time."""

    client: httpx2.Client
    expected: dict[int, str]
    """The text of each recording, by its number in `sounds`."""
    sounds: list[bytes]
    outcome: Outcome = field(default_factory=Outcome)
    sent: int = 0
    recent: list[tuple[int, int]] = field(default_factory=list)
    """Recordings and the number that made each unique."""
    lock: Lock = field(default_factory=Lock)

    @classmethod
    def of(cls, client: httpx2.Client, direct: str) -> "Clients":
        """
        Args:
            direct: a server that tells what is said in the recordings.
        """
        sounds = recordings()
        texts = {number: str(_upload(direct, sound)["text"]) for number, sound in enumerate(sounds)}
        return cls(client, texts, sounds)

    def run(self, seconds: float, clients: int, during: Callable[[], None]) -> Outcome:
        """
        Args:
            seconds: that they work at least.
            during: called while they work, in a thread of its own. They go on until it is done.
        """
        end = time.monotonic() + seconds
        with ThreadPoolExecutor(clients + 1) as pool:
            deed = pool.submit(during)
            for work in [pool.submit(self._work, end, deed) for _ in range(clients)]:
                work.result()
            deed.result()
        return self.outcome

    def read_logs(self, logs: list[list[str]]) -> None:
        """Completes the outcome by what the servers have logged."""
        times = computed(logs)
        self.outcome.logged = len(times)
        self.outcome.doubled = [id for id, number in times.items() if number > 1]

    def _work(self, end: float, deed: "Future[None]") -> None:
        while time.monotonic() < end or not deed.done():
            self._one()

    def _one(self) -> None:
        with self.lock:
            self.sent += 1
            repeats = self.recent and self.sent % REPEATS == 0
            which, number = random.choice(self.recent) if repeats else (random.randrange(len(self.sounds)), self.sent)
            self.recent = [*self.recent, (which, number)][-20:]
            id = f"upload-{self.sent:06}"
        began = time.monotonic()
        try:
            reply = self.client.post(
                TRANSCRIPTIONS,
                headers={"x-request-id": id},
                data={"model": "whisper-pocket"},
                files={"file": ("a.wav", unique(self.sounds[which], number))},
            )
        except httpx2.HTTPError as error:
            self.outcome.errors.append(f"{id}: {error!r}")
            return
        self._seen(id, reply, self.expected[which], time.monotonic() - began)

    def _seen(self, id: str, reply: httpx2.Response, expected: str, seconds: float) -> None:
        with self.lock:
            if reply.status_code != 200:
                self.outcome.errors.append(f"{id}: {reply.status_code} {reply.text[:200]!r}")
                return
            self.outcome.answered += 1
            self.outcome.seconds.append(seconds)
            self.outcome.caches[reply.headers["x-speechd-cache"]] += 1
            if reply.json()["text"] != expected:
                self.outcome.wrong.append(f"{id}: {reply.json()['text']!r}, not {expected!r}")


def _upload(url: str, sound: bytes) -> dict[str, object]:
    files = {"file": ("a.wav", sound)}
    reply = httpx2.post(f"{url}{TRANSCRIPTIONS}", data={"model": "whisper-pocket"}, files=files, timeout=120)
    reply.raise_for_status()
    return dict(reply.json())


def computed(logs: list[list[str]]) -> Counter[str]:
    """How often each request was computed and answered, by its id, as the servers log it."""
    answered: Counter[str] = Counter()
    for line in (line for log in logs for line in list(log)):
        with suppress(ValueError):
            entry = json.loads(line)
            if entry.get("status") == 200 and entry.get("cache") == "miss":
                answered[str(entry.get("request_id"))] += 1
    return answered
