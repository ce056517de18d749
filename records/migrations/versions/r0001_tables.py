"""Revision 0001: the tables of the release before Alembic, the same on SQLite and PostgreSQL.
It knows nothing of what came later; no revision goes back, for the journal makes an older program its database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT, REAL, YES = sa.String(), sa.Float(), sa.Boolean()
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Tokens and counts are 32 bits without a sign; SQLite's own INTEGER holds them all."""

TABLES: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {
    "meta": {"key": TEXT, "value": TEXT},
    "fractions": {
        "id": TEXT, "tag": TEXT, "plan_tag": TEXT, "prescription_id": TEXT, "prescription_version": WHOLE, "prescription_sha256": TEXT,
        "patient_id": TEXT, "patient_id_2": TEXT, "course_id": TEXT, "lesion_id": TEXT, "site": TEXT, "laterality": TEXT, "purpose": TEXT,
        "fraction": WHOLE, "fractions": WHOLE, "kv": REAL, "ma": REAL, "filter_id": TEXT, "applicator_id": TEXT, "depth_mm": REAL, "rx_mgy": REAL,
        "d0_mgy": REAL, "rx_factor": REAL, "status": TEXT, "flagged": YES, "closed": YES, "closed_words": TEXT, "quality": TEXT,
        "delivered_mgy": REAL, "low_mgy": REAL, "high_mgy": REAL, "rest_mgy": REAL, "beam_s": REAL, "segments": WHOLE, "resumes": WHOLE,
        "trips": WHOLE, "started_wall_s": REAL, "ended_wall_s": REAL, "certificate_id": TEXT, "certificate_sha256": TEXT,
        "software_version": TEXT, "simulated": YES,
    },
    "segments": {
        "token": WHOLE, "fraction_id": TEXT, "segment": WHOLE, "void": YES, "start_index": WHOLE, "end_index": WHOLE, "instance": TEXT,
        "operator": TEXT, "digest": TEXT, "resume": YES, "set_time_s": REAL, "k_tp": REAL, "started_wall_s": REAL, "ended_wall_s": REAL,
        "outcome": TEXT, "recovered": YES, "event": TEXT, "rule": TEXT, "words": TEXT, "unit_cause": WHOLE, "d1_mgy": REAL, "d2_mgy": REAL,
        "dt_mgy": REAL, "dm_mgy": REAL, "delivered_mgy": REAL, "low_mgy": REAL, "high_mgy": REAL, "quality": TEXT, "beam_s": REAL,
        "counts_1": WHOLE, "counts_2": WHOLE, "unknown_s": REAL, "kv_mean": REAL, "kv_min": REAL, "kv_max": REAL, "ma_mean": REAL, "ma_min": REAL,
        "ma_max": REAL, "on_at_s": REAL, "off_at_s": REAL, "off_verified_s": REAL, "reset": YES,
    },
    "latches": {
        "index": WHOLE, "rule": TEXT, "set": YES, "wall_s": REAL, "trip": TEXT, "clears": TEXT, "words": TEXT, "role": TEXT, "who": TEXT,
    },
    "events": {
        "index": WHOLE, "number": WHOLE, "kind": TEXT, "instance": TEXT, "seq": WHOLE, "wall_s": REAL, "state": TEXT, "event": TEXT, "to": TEXT,
        "rule": TEXT, "words": TEXT,
    },
    "openings": {
        "index": WHOLE, "instance": TEXT, "software_version": TEXT, "rig": TEXT, "simulated": YES, "configuration_sha256": TEXT, "tick_s": REAL,
        "wall_s": REAL,
    },
}  # fmt: skip
KEYS = {"meta": ("key",), "fractions": ("id",), "segments": ("token",), "events": ("index", "number")}
MAY_MISS = {
    "fractions": {"ended_wall_s"},
    "segments": {
        "end_index", "ended_wall_s", "outcome", "dm_mgy", "kv_mean", "kv_min", "kv_max", "ma_mean", "ma_min", "ma_max", "on_at_s", "off_at_s",
        "off_verified_s",
    },
}  # fmt: skip


def upgrade() -> None:
    """From an empty database."""
    for table, columns in TABLES.items():
        owner = [sa.ForeignKeyConstraint(["fraction_id"], ["fractions.id"])] if table == "segments" else []
        keys = KEYS.get(table, ("index",))
        made = [
            sa.Column(name, kind, nullable=name in MAY_MISS.get(table, ()), autoincrement=False)
            for name, kind in columns.items()
        ]
        op.create_table(table, *made, sa.PrimaryKeyConstraint(*keys), *owner)
    op.create_index("ix_fractions_patient_id", "fractions", ["patient_id"])
    op.create_index("ix_latches_rule", "latches", ["rule"])
    op.create_index(
        "one_segment_of_a_number",
        "segments",
        ["fraction_id", "segment"],
        unique=True,
        sqlite_where=sa.text("void = 0"),
        postgresql_where=sa.text("NOT void"),
    )
    op.execute("INSERT INTO meta (key, value) VALUES ('schema', '1'), ('applied', '0'), ('digest', '')")
