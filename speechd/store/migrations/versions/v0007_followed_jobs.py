"""Live segments of audio jobs, and what is known of the recordings that they keep."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "live_segments",
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Float(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["audio_jobs.id"]),
        sa.PrimaryKeyConstraint("job", "number"),
    )
    op.add_column("audio_jobs", sa.Column("input_name", sa.Text(), nullable=True))
    op.add_column("audio_jobs", sa.Column("input_type", sa.String(length=80), nullable=True))
    op.drop_index("lines_with_recordings", "lines")
