"""What survives the process: files, batches, and the queue of their lines, in one database and the data folder."""

import logging

logging.getLogger("alembic").setLevel(logging.WARNING)  # here, since it lists its plugins as soon as it is imported
