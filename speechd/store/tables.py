"""The tables, as the newest migration leaves them. Times are Unix seconds; JSON is kept as text."""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

_NO_BATCH = text("batch IS NULL")

blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),  # SHA-256 in hexadecimal: the name in the data folder
    Column("bytes", BigInteger, nullable=False),
)
"""Contents. Each is kept as long as a file, a batch or a line refers to it."""

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
"""Files of owners, which refer to contents."""

uploads = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("filename", Text, nullable=False),
    Column("purpose", String(32), nullable=False),
    Column("bytes", BigInteger, nullable=False),  # of the whole file, as announced
    Column("status", String(16), nullable=False),  # pending, completed, cancelled, expired
    Column("lifetime", Integer),  # seconds that the file is kept, where the caller said so
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("part_ids", Text),  # of a completed one, in order
    Column("file_id", String(64)),
    Index("uploads_by_expiry", "status", "expires_at"),
)
"""Files that arrive in parts."""

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("upload", ForeignKey("uploads.id"), nullable=False, index=True),
    Column("owner", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("blob", ForeignKey("blobs.digest"), nullable=False, index=True),
)
"""The parts of uploads that are pending."""

batches = Table(
    "batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("endpoint", Text, nullable=False),  # as the caller wrote it
    Column("dialect", String(16), nullable=False),  # dialect of the answers, where a line has none
    Column("input_file_id", String(64), nullable=False),
    Column("blob", ForeignKey("blobs.digest"), index=True),  # the input's content, until the batch has ended
    Column("completion_window", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("ends_as", String(16)),  # completed, cancelled or expired: its status when no line is open
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
    Column("worker", String(64)),  # the worker that validates or finalizes it
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
    Column("batch", ForeignKey("batches.id")),  # none: it is a job
    Column("number", Integer, nullable=False, server_default="0"),  # of the line in the batch's input, from 1
    Column("custom_id", Text),
    Column("url", String(128), nullable=False),
    Column("body", Text),  # the request's JSON; none: it is in the batch's input
    Column("offset", BigInteger),  # where the line begins in the batch's input
    Column("length", Integer),
    Column("blob", ForeignKey("blobs.digest"), index=True),  # a recording that came with the request; as long as it
    Column("priority", Integer, nullable=False),  # lower comes first
    Column("turn", BigInteger, nullable=False),  # among equals: lower comes first
    Column("state", String(16), nullable=False),  # queued, running, completed, failed, cancelled
    Column("not_before", Float, nullable=False, server_default="0"),
    Column("stop", String(16)),  # cancelled or expired: its worker stops it
    Column("worker", String(64)),
    Column("lease_until", Float),
    Column("losses", Integer, nullable=False, server_default="0"),  # workers that died while they ran it
    Column("tries", Integer, nullable=False, server_default="0"),  # retries after temporary failures
    Column("status_code", Integer),
    Column("request_id", String(64)),
    Column("traceparent", String(64)),  # of the request that made it (W3C Trace Context)
    Column("response", Text),  # the reply's body, also where it is an error's envelope
    Column("error", Text),  # code and message, where there is no reply
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index("lines_to_claim", "state", "priority", "turn", "id"),
    Index("lines_of_batch", "batch", "number"),
    Index("lines_of_their_own", "batch", "state", "id", sqlite_where=_NO_BATCH, postgresql_where=_NO_BATCH),
)
"""The queue: lines of batches, and audio jobs."""

audio_jobs = Table(
    "audio_jobs",
    metadata,
    Column("id", ForeignKey("lines.id"), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("model", Text, nullable=False),  # as the caller wrote it
    Column("format", String(16), nullable=False),  # of the answer
    Column("expires_at", BigInteger, nullable=False),  # a job that has not ended by then expires
    Column("unit", String(16), nullable=False),  # of `done` and `total`: seconds or characters
    Column("done", Float, nullable=False, server_default="0"),
    Column("total", Float),
    Column("segments", Text),  # the newest, while it runs
    Column("segments_before", Integer, nullable=False, server_default="0"),  # how many older ones are not kept
    Column("blob", ForeignKey("blobs.digest"), index=True),  # the answer's body
    Column("media_type", Text),
    Column("headers", Text),  # of the answer
    Column("file_id", String(64)),  # the answer as a file: audio only
    Column("input_name", Text),  # file name of the recording
    Column("input_type", String(80)),  # media type of the recording
    Index("audio_jobs_of_owner", "owner", "id"),
)
"""Other fields of lines without a batch: asynchronous audio jobs."""

live_segments = Table(
    "live_segments",
    metadata,
    Column("job", ForeignKey("audio_jobs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 0
    Column("attempt", Float, nullable=False),  # when the attempt began that made it: `started_at` of its line
    Column("segment", Text, nullable=False),  # as JSON
)
"""Segments of audio jobs that run, all of them. They are removed soon after the end, when the answer has them."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("job", ForeignKey("audio_jobs.id"), primary_key=True),
    Column("message", String(64), nullable=False),  # the same at every attempt
    Column("url", Text, nullable=False),
    Column("secret", Text),  # until it is delivered or given up
    Column("state", String(16), nullable=False),  # open, delivered, failed
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_status", Integer),  # HTTP status of the receiver's last answer
    Column("last_error", Text),
    Column("next_at", Float, nullable=False, server_default="0"),
    Column("delivered_at", BigInteger),
    Column("worker", String(64)),
    Column("lease_until", Float),
    Index("deliveries_due", "state", "next_at"),
)
"""Webhooks: due once their job has ended."""

usage_table = Table(
    "usage",
    metadata,
    Column("key_id", String(64), primary_key=True),
    Column("limit_name", String(32), primary_key=True),  # as the field of a key's limits
    Column("started", Float, nullable=False),  # when its window began
    Column("used", Float, nullable=False),  # requests, or seconds of audio
)
"""What each key has used in the newest window of each limit, all processes together."""

enrolled_speakers = Table(
    "enrolled_speakers",
    metadata,
    Column("owner", String(64), primary_key=True),  # the key's id; "" without keys
    Column("name", String(64), primary_key=True),
    Column("model", Text, nullable=False),  # that made the embedding
    Column("embedding", LargeBinary, nullable=False),  # float32, little-endian
    Column("created_at", BigInteger, nullable=False),
)
"""Voices that are known by name."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the secret, in hexadecimal
    Column("created_at", BigInteger, nullable=False),
    Column("limits", Text, nullable=False),
    Column("may", Text, nullable=False),
)
"""Keys that all servers on the database know. Those of one server are in its file."""

shared_secrets = Table(
    "shared_secrets",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),  # in hexadecimal
)
"""Random bytes that all servers on the database use."""

caption_table = Table(
    "captions",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),  # of the speech request
    Column("content", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index("captions_by_expiry", "expires_at"),
)
"""Captions of speeches, until their callers fetch them from any server."""

results = Table(
    "results",
    metadata,
    Column("id", String(64), primary_key=True),  # hash of the recording, the options and the caller
    Column("server", String(64), nullable=False),  # the one that computes or has computed it
    Column("content", LargeBinary),  # none: it is being computed
    Column("expires_at", Float, nullable=False),
    Index("results_by_expiry", "expires_at"),
)
"""Transcriptions that a server computes now, and recent transcripts."""

servers = Table(
    "servers",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("models", Text, nullable=False),  # in memory or being pulled, as GET /models describes them
    Column("lease_until", Float, nullable=False),
)
"""The servers that run now."""

model_requests = Table(
    "model_requests",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("server", String(64), nullable=False),  # the one that was asked
    Column("action", String(16), nullable=False),  # load, unload, pull, remove
    Column("model", Text, nullable=False),  # as the caller named it
    Column("requested_at", Float, nullable=False),
)
"""What callers asked one server to do with a model, for all the others to do too."""
