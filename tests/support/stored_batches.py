"""Files and batches that are there before a test begins."""

from sqlalchemy import update

from speechd.store.batch_order import BatchOrder
from speechd.store.store import StoreHandle
from speechd.store.tables import batches, files

LINES = b'{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {"model": "m", "input": "x"}}\n'


async def seed_file(jobs: StoreHandle, id: str, content: bytes = LINES, owner: str = "") -> None:
    """An uploaded file of this very id."""
    store = await jobs.open()
    with store.files.blobs.draft() as draft:
        draft.write(content)
        kept = await store.files.keep(draft, owner, "in.jsonl", "batch")
    async with store.database.writing() as connection:
        await connection.execute(update(files).where(files.c.id == kept.id).values(id=id))


async def seed_batch(jobs: StoreHandle, id: str, file: str, owner: str = "") -> None:
    """A batch of this very id that nobody works on."""
    store = await jobs.open()
    made = await store.batches.create(BatchOrder(owner, "openai", "/v1/embeddings", file, "24h"))
    async with store.database.writing() as connection:
        await connection.execute(update(batches).where(batches.c.id == made.id).values(id=id))
