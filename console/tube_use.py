"""How a tube was used, by the records' rows: without a pause of hours back from a moment, when it was warmed up in that time, and how long ago.
It judges nothing; what a warm tube is for a treatment is records/warm_up.py."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hal.readings import Purpose
from records.warm_up import AGAIN_AFTER_S


class Use(NamedTuple):
    """One exposure: begin and end (s since 1970 UTC), its purpose, and the token that it was asked for by."""

    began_s: float
    ended_s: float
    purpose: str
    token: str


def in_use(rows: list[dict[str, Any]], wall_s: float) -> Iterator[Use]:
    """The exposures that ended by this moment, the newest first, as far back as no pause between two of them is of hours."""
    use = (
        Use(
            float(row["started_wall_s"]),
            float(row["ended_wall_s"]),
            str(row["purpose"]),
            str(row.get("prescription_id", "")),
        )
        for row in rows
        if row["ended_wall_s"] and row["purpose"] != Purpose.DRY_RUN.name
    )
    since_s = wall_s
    for one in sorted((one for one in use if one.ended_s <= wall_s), reverse=True):
        if since_s - one.ended_s > AGAIN_AFTER_S:
            return
        yield one
        since_s = one.began_s


def since_warmup_s(rows: list[dict[str, Any]], wall_s: float) -> float:
    """How long ago the tube was warmed up, of beam without a pause of hours, to 0.1 s; where nobody did, since it was first used. 0: it was not."""
    first_s = wall_s
    for one in in_use(rows, wall_s):
        if one.purpose == "WARMUP":
            return round(max(0.0, wall_s - one.ended_s), 1)
        first_s = one.ended_s
    return round(max(0.0, wall_s - first_s), 1)


def warmed_at(rows: list[dict[str, Any]], wall_s: float, steady: Container[str]) -> datetime | None:
    """When the last warm-up ended from which on it was in use until then: the day's own, or exposures of these tokens. None: there was none."""
    ends = (one.ended_s for one in in_use(rows, wall_s) if one.purpose == "WARMUP" or one.token in steady)
    last_s = next(ends, None)
    return datetime.fromtimestamp(last_s, UTC) if last_s is not None else None
