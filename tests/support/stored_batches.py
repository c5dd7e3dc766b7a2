"""Files and batches that are there before a test begins."""

from sqlalchemy import update

from speechd.store.batches import Order
from speechd.store.store import Jobs
from speechd.store.tables import batches, files

LINES = b'{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}\n'


async def seed_file(jobs: Jobs, id: str, content: bytes = LINES, owner: str = "") -> None:
    """An uploaded file of this very id."""
    ledger = await jobs.open()
    with ledger.files.blobs.draft() as draft:
        draft.write(content)
        kept = await ledger.files.keep(draft, owner, "in.jsonl", "batch")
    async with ledger.database.writing() as connection:
        await connection.execute(update(files).where(files.c.id == kept.id).values(id=id))


async def seed_batch(jobs: Jobs, id: str, file: str, owner: str = "") -> None:
    """A batch of this very id that nobody works on."""
    ledger = await jobs.open()
    made = await ledger.batches.create(Order(owner, "openai", "/v1/embeddings", file, "24h"))
    async with ledger.database.writing() as connection:
        await connection.execute(update(batches).where(batches.c.id == made.id).values(id=id))
