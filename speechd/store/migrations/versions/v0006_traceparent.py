"""The trace of the request that made an audio job."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("lines", sa.Column("traceparent", sa.String(length=64), nullable=True))
