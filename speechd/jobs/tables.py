"""The tables, as the newest migration leaves them. Times are Unix seconds; JSON is kept as text."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 in hexadecimal: the name in the data folder
    Column("bytes", BigInteger, nullable=False),
)
"""Contents. One lives as long as a file, a batch or a line refers to it."""

files = Table(
    "files",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),  # the key's name; "" without keys
    Column("filename", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("blob", ForeignKey("blobs.digest"), nullable=False, index=True),
    Index("files_of_owner", "owner", "id"),
    Index("files_by_expiry", "expires_at"),
)
"""Names under which their owners know contents."""

batches = Table(
    "batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("endpoint", Text, nullable=False),  # as the caller wrote it
    Column("dialect", String(16), nullable=False),  # whose words the answers are in, where a line does not say
    Column("input_file_id", String(64), nullable=False),
    Column("blob", ForeignKey("blobs.digest"), index=True),  # the input's content, until the batch has ended
    Column("completion_window", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("ends_as", String(16)),  # completed, cancelled or expired: what it becomes once no line is open
    Column("metadata", Text),
    Column("errors", Text),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("completed", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("output_file_id", String(64)),
    Column("error_file_id", String(64)),
    Column("output_lifetime", Integer),  # seconds that the output files are kept, where the caller said so
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("in_progress_at", BigInteger),
    Column("finalizing_at", BigInteger),
    Column("completed_at", BigInteger),
    Column("failed_at", BigInteger),
    Column("expired_at", BigInteger),
    Column("cancelling_at", BigInteger),
    Column("cancelled_at", BigInteger),
    Column("worker", String(64)),  # who validates or finalizes it
    Column("lease_until", Float),
    Index("batches_of_owner", "owner", "id"),
    Index("batches_by_status", "status"),
)
"""Batches, as their owners see them."""

lines = Table(
    "lines",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("batch", ForeignKey("batches.id")),  # none: it stands for itself
    Column("number", Integer, nullable=False, server_default="0"),  # of the line in the batch's input, from 1
    Column("custom_id", Text),
    Column("url", String(128), nullable=False),
    Column("body", Text),  # the request's JSON; none: it is in the batch's input
    Column("offset", BigInteger),  # where the line begins in the batch's input
    Column("length", Integer),
    Column("blob", ForeignKey("blobs.digest"), index=True),  # a recording that came with the request
    Column("priority", Integer, nullable=False),  # lower comes first
    Column("turn", BigInteger, nullable=False),  # among equals: lower comes first
    Column("state", String(16), nullable=False),  # queued, running, completed, failed, cancelled
    Column("not_before", Float, nullable=False, server_default="0"),
    Column("stop", String(16)),  # cancelled or expired: whoever runs it shall stop
    Column("worker", String(64)),
    Column("lease_until", Float),
    Column("losses", Integer, nullable=False, server_default="0"),  # times that its worker died over it
    Column("tries", Integer, nullable=False, server_default="0"),  # times that it was put back after a passing failure
    Column("status_code", Integer),
    Column("request_id", String(64)),
    Column("response", Text),  # the reply's body, also where it is an error's envelope
    Column("error", Text),  # code and message, where it never came to a reply
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index("lines_to_claim", "state", "priority", "turn", "id"),
    Index("lines_of_batch", "batch", "number"),
)
"""The queue: every line of every batch, and whatever else is to be done later."""
