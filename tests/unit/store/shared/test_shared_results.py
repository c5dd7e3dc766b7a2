"""Results that servers give each other, in both databases."""

import asyncio

import pytest

from speechd.store.database import Database
from speechd.store.shared.records import ServerState
from speechd.store.shared.results import CLAIM_SECONDS, SharedResults
from speechd.store.shared.servers import LEASE_SECONDS, Servers
from speechd.types import Segment, TokenLogprob, Transcript, Word
from tests.unit.store.conftest import Clock

SEGMENT = Segment(
    0.5, 1.5, " Grüße.", (1, 2), avg_logprob=-0.25, words=(Word("Grüße.", 0.5, 1.5),), evidence=("loop",), speaker="A"
)
TRANSCRIPT = Transcript(
    "transcribe",
    "de",
    1.5,
    (SEGMENT, Segment(2, 3, " x", logprobs=(TokenLogprob("x", float("-inf"), (120,)),))),
    "whisper-pocket",
    warnings=("truncated-audio",),
    uncovered=((0.0, 0.4),),
)


@pytest.fixture
def results(database: Database) -> SharedResults:
    return SharedResults(database)


@pytest.fixture
async def servers(database: Database) -> Servers:
    """Two that live."""
    found = Servers(database)
    for id in ("a", "b"):
        await found.beat(ServerState(id, id))
    return found


async def test_one_server_computes_and_the_other_reads(results: SharedResults, servers: Servers) -> None:
    assert await results.claim("r", "a") == "mine"
    assert await results.claim("r", "b") == "theirs"
    assert await results.look("r") is None
    await results.publish("r", "a", TRANSCRIPT, 300)
    assert await results.claim("r", "b") == TRANSCRIPT
    assert await results.look("r") == TRANSCRIPT


async def test_of_many_that_claim_at_once_one_computes(results: SharedResults, servers: Servers) -> None:
    claims = await asyncio.gather(*(results.claim("r", "ab"[number % 2]) for number in range(8)))
    assert sorted(map(str, claims)) == ["mine"] + ["theirs"] * 7


async def test_a_claim_that_is_given_up_is_free(results: SharedResults, servers: Servers) -> None:
    await results.claim("r", "a")
    await results.release("r", "b")
    assert await results.claim("r", "b") == "theirs"
    await results.release("r", "a")
    assert await results.claim("r", "b") == "mine"


async def test_a_claim_ends_with_its_server(results: SharedResults, servers: Servers, clock: Clock) -> None:
    await results.claim("r", "a")
    clock.now += LEASE_SECONDS - 1
    await servers.beat(ServerState("b", "b"))
    assert await results.claim("r", "b") == "theirs"
    clock.now += 2
    assert await results.claim("r", "b") == "mine"
    await results.publish("r", "a", TRANSCRIPT, 300)  # it was only slow, and comes too late
    assert await results.look("r") is None
    await results.claim("s", "b")
    await servers.leave("b")
    await servers.beat(ServerState("a", "a"))
    assert await results.claim("s", "a") == "mine"


async def test_a_result_outlives_its_server_but_not_its_time(
    results: SharedResults, servers: Servers, clock: Clock
) -> None:
    await results.claim("r", "a")
    await results.publish("r", "a", TRANSCRIPT, 300)
    await servers.leave("a")
    assert await results.claim("r", "b") == TRANSCRIPT
    await results.release("r", "a")  # a claim, not a result
    clock.now += 301
    assert await results.look("r") is None
    assert await results.claim("r", "b") == "mine"


async def test_what_is_over_is_removed(
    results: SharedResults, servers: Servers, database: Database, clock: Clock
) -> None:
    await results.claim("r", "a")
    await results.publish("r", "a", TRANSCRIPT, 300)
    await results.claim("left", "a")
    clock.now += 301
    await results.forget_over()
    assert await _count(database) == 1
    clock.now += CLAIM_SECONDS
    await results.forget_over()
    assert await _count(database) == 0


async def _count(database: Database) -> int:
    from sqlalchemy import func, select

    from speechd.store.tables import results

    async with database.reading() as connection:
        return int(await connection.scalar(select(func.count()).select_from(results)) or 0)
