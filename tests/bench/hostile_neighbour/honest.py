"""The clients that only want their answers: each kind a request, what its answer must be, and a pause."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.bench.hostile_neighbour.recordings import clips
from tests.bench.hostile_neighbour.stage import Stage
from tests.support.batches import ENDED, line

TRANSCRIPTIONS = "/v1/audio/transcriptions"
TIMEOUT = 600.0
"""Seconds, as in the SDK of OpenAI."""
SENTENCE = "The meeting begins at nine and ends at noon. Bring the report."


class Refused(Exception):
    """503 with a time after which to ask again."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Wrong(Exception):
    """An answer that is not what the request asked for."""


@dataclass(frozen=True)
class Outcome:
    """What became of one request of an honest client."""

    kind: str
    started: float
    """Seconds of the monotonic clock, which all processes share."""
    ended: float
    error: str = ""
    refused: bool = False
    """It was answered 503 with retry-after."""


@dataclass
class Client:
    """One caller with a key and a connection of its own."""

    http: httpx2.AsyncClient
    stage: Stage
    choose: random.Random

    async def post(self, path: str, **arguments: Any) -> httpx2.Response:
        return checked(await self.http.post(path, **arguments))

    async def transcribed(self, audio: bytes, **fields: Any) -> httpx2.Response:
        model = self.choose.choice([self.stage.model, "auto"])
        return await self.post(TRANSCRIPTIONS, files={"file": ("a.wav", audio)}, data={"model": model} | fields)


def checked(reply: httpx2.Response) -> httpx2.Response:
    """
    Raises:
        Refused, Wrong: it is no answer.
    """
    if reply.status_code == 503 and "retry-after" in reply.headers:
        raise Refused(float(reply.headers["retry-after"]))
    if reply.status_code >= 300:
        raise Wrong(f"{reply.status_code} {reply.text[:200]}")
    return reply


def must(holds: object, reason: str) -> None:
    """
    Raises:
        Wrong: it does not hold.
    """
    if not holds:
        raise Wrong(reason)


async def short_upload(client: Client) -> None:
    reply = await client.transcribed(client.choose.choice(clips().short))
    must(reply.json()["text"].strip(), "no text")


async def minute_upload(client: Client) -> None:
    reply = await client.transcribed(clips().minute, response_format="verbose_json")
    must(len(reply.json()["segments"]) > 3, "too few segments")


async def words_upload(client: Client) -> None:
    asked = {"response_format": "verbose_json", "timestamp_granularities[]": "word"}
    reply = await client.transcribed(client.choose.choice(clips().middle), **asked)
    must(len(reply.json()["words"]) > 3, "too few words")


async def stream(client: Client) -> None:
    file = {"file": ("a.wav", client.choose.choice(clips().middle))}
    data = {"model": client.stage.model, "stream": "true"}
    async with client.http.stream("POST", TRANSCRIPTIONS, files=file, data=data) as reply:
        if reply.status_code != 200:
            await reply.aread()
        checked(reply)
        lines = [each async for each in reply.aiter_lines() if each.startswith("data: {")]
    events = [json.loads(each.removeprefix("data: ")) for each in lines]
    must(events and events[-1].get("text", "").strip(), f"the stream ended with {lines[-1:]}")


async def speech(client: Client) -> None:
    body = {"model": "auto", "voice": "auto", "input": SENTENCE, "response_format": "wav"}
    reply = await client.post("/v1/audio/speech", json=body)
    must(len(reply.content) > 20_000, f"{len(reply.content)} bytes of speech")


async def models(client: Client) -> None:
    reply = checked(await client.http.get("/v1/models"))
    must(any(row["id"] == client.stage.model for row in reply.json()["data"]), "the model is not listed")


async def files(client: Client) -> None:
    content = client.choose.randbytes(50_000)
    sent = await client.post("/v1/files", files={"file": ("a.bin", content)}, data={"purpose": "user_data"})
    path = f"/v1/files/{sent.json()['id']}"
    must(checked(await client.http.get(f"{path}/content")).content == content, "another content")
    checked(await client.http.delete(path))


async def batch(client: Client) -> None:
    body = {"model": "auto", "voice": "auto", "input": SENTENCE, "response_format": "wav"}
    lines = "\n".join(line(str(number), "/v1/audio/speech", body) for number in range(2))
    sent = await client.post("/v1/files", files={"file": ("a.jsonl", lines.encode())}, data={"purpose": "batch"})
    asked = {"input_file_id": sent.json()["id"], "endpoint": "/v1/audio/speech", "completion_window": "24h"}
    path = f"/v1/batches/{(await client.post('/v1/batches', json=asked)).json()['id']}"
    found = await ended_batch(client, path)
    must(found["request_counts"]["completed"] == 2, f"the batch: {found['status']} {found['request_counts']}")


async def ended_batch(client: Client, path: str) -> Any:
    for _ in range(round(TIMEOUT)):
        found = checked(await client.http.get(path)).json()
        if found["status"] in ENDED:
            break
        await asyncio.sleep(1)
    return found


@dataclass(frozen=True)
class Kind:
    """Clients that do the same."""

    name: str
    share: int
    """So many of 50."""
    pause: float
    """Seconds between two requests, on average."""
    ask: Callable[[Client], Awaitable[None]]


KINDS = (
    Kind("short upload", 14, 25, short_upload),
    Kind("minute upload", 2, 60, minute_upload),
    Kind("words", 6, 30, words_upload),
    Kind("stream", 6, 30, stream),
    Kind("speech", 6, 15, speech),
    Kind("models", 6, 4, models),
    Kind("files", 5, 8, files),
    Kind("batch", 5, 30, batch),
)


def kinds_of(clients: int) -> list[Kind]:
    """One for each client, in the shares of KINDS."""
    turn = [kind for kind in KINDS for _ in range(kind.share)]
    return [turn[number * len(turn) // clients % len(turn)] for number in range(clients)]


@dataclass(frozen=True)
class Load:
    """How much the clients ask for."""

    clients: int
    pace: float
    """Their pauses are divided by it."""


async def live(kind: Kind, stage: Stage, number: int, pace: float, until: float, outcomes: list[Outcome]) -> None:
    """One client asks again and again until a moment of the monotonic clock."""
    choose = random.Random(number)
    headers = stage.headers(f"client-{number}")
    async with httpx2.AsyncClient(base_url=stage.url, headers=headers, timeout=TIMEOUT, trust_env=False) as http:
        client = Client(http, stage, choose)
        await asyncio.sleep(min(choose.uniform(0, kind.pause / pace), until - time.monotonic()))
        while time.monotonic() < until:
            pause = choose.uniform(0.5, 1.5) * kind.pause / pace
            began, error, refused = time.monotonic(), "", False
            try:
                await kind.ask(client)
            except Refused as refusal:
                refused, pause = True, refusal.seconds
            except (Wrong, httpx2.HTTPError, LookupError, ValueError) as failure:
                error = f"{type(failure).__name__}: {failure}"
            outcomes.append(Outcome(kind.name, began, time.monotonic(), error, refused))
            await asyncio.sleep(max(0.0, min(pause, until - time.monotonic())))


async def warm_up(stage: Stage, clients: int) -> None:
    """One request of each kind, so that the models are loaded.

    Raises:
        Refused, Wrong: one is not answered as it must be.
    """
    for number, kind in enumerate(KINDS):
        headers = stage.headers(f"client-{number % clients}")
        async with httpx2.AsyncClient(base_url=stage.url, headers=headers, timeout=TIMEOUT, trust_env=False) as http:
            await kind.ask(Client(http, stage, random.Random(number)))


async def live_together(stage: Stage, load: Load, until: float) -> list[Outcome]:
    """What became of all requests of all clients until a moment of the monotonic clock."""
    outcomes: list[Outcome] = []
    kinds = enumerate(kinds_of(load.clients))
    await asyncio.gather(*(live(kind, stage, number, load.pace, until, outcomes) for number, kind in kinds))
    return outcomes
