"""Revision 0003: an exposure's row gains what both chambers counted after the unit had ended the beam, in what time, and why where that was not seen.
It fills in nothing: the journal of before does not hold it, and a tail made up later would shorten a beam by it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Five columns, empty for every exposure of before."""
    for name in ("after_end_1", "after_end_2", "after_end_s", "after_end_k1_s"):
        op.add_column("segments", sa.Column(name, sa.Float(), nullable=True))
    op.add_column("segments", sa.Column("after_end_unseen", sa.String(), nullable=True))
    op.execute("UPDATE meta SET value = '3' WHERE key = 'schema'")
