"""Revision 0002: an exposure's row gains the monotonic clock's beam time, beside the safety unit's timer.
It fills in nothing: the journal of before does not hold it, and a number made up later would prove no timer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, empty for every exposure of before."""
    op.add_column("segments", sa.Column("host_beam_s", sa.Float(), nullable=True))
    op.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
