"""Durable state: files, batches, jobs and their queue, in one database and the data folder."""

import logging

logging.getLogger("alembic").setLevel(logging.WARNING)  # first: alembic lists its plugins when it is imported
