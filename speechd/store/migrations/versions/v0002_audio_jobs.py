"""Asynchronous audio jobs and their webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "audio_jobs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Float(), server_default="0", nullable=False),
        sa.Column("total", sa.Float(), nullable=True),
        sa.Column("segments", sa.Text(), nullable=True),
        sa.Column("segments_before", sa.Integer(), server_default="0", nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=True),
        sa.Column("file_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["blob"], ["blobs.digest"]),
        sa.ForeignKeyConstraint(["id"], ["lines.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("audio_jobs_of_owner", "audio_jobs", ["owner", "id"], unique=False)
    op.create_index(op.f("ix_audio_jobs_blob"), "audio_jobs", ["blob"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("message", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("next_at", sa.Float(), server_default="0", nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("worker", sa.String(length=64), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["job"], ["audio_jobs.id"]),
        sa.PrimaryKeyConstraint("job"),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "next_at"], unique=False)
    _index("lines_of_their_own", ["batch", "state", "id"], "batch IS NULL")
    _index("lines_with_recordings", ["state", "blob", "id"], "blob IS NOT NULL")


def _index(name: str, columns: list[str], condition: str) -> None:
    """An index of those lines only."""
    where = sa.text(condition)
    op.create_index(name, "lines", columns, unique=False, sqlite_where=where, postgresql_where=where)
