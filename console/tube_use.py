"""How a tube was used, by the records' rows: without a pause of hours back from a moment, when it was warmed up in that time, and how long ago.
It judges nothing; what a warm tube is for a treatment is records/warm_up.py."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from hal.readings import Purpose
from records.warm_up import AGAIN_AFTER_S, CLOCK_S, Beam, is_beam, lacking, standing


class Use(NamedTuple):
    """One exposure: begin and end (s since 1970 UTC), its purpose, the token that it was asked for by, and wall less monotonic clock as it ended (s)."""

    began_s: float
    ended_s: float
    purpose: str
    token: str
    clocks_s: float


def in_use(rows: list[dict[str, Any]], wall_s: float, clocks_s: float | None = None) -> Iterator[Use]:
    """The exposures that ended by this moment, the newest first, as far back as no pause between two of them is of hours, and no clock was set and no computer
    started anew: how long before that they were nobody knows (hazard G29). `clocks_s`: wall less monotonic clock at that moment; None: as the newest has it."""
    use = (
        Use(
            float(row["started_wall_s"]),
            float(row["ended_wall_s"]),
            str(row["purpose"]),
            str(row.get("prescription_id", "")),
            float(row["clocks_s"]),
        )
        for row in rows
        if row["ended_wall_s"] and is_beam(Purpose[row["purpose"]])
    )
    since_s = wall_s
    for one in sorted((one for one in use if one.ended_s <= wall_s), reverse=True):
        clocks_s = one.clocks_s if clocks_s is None else clocks_s
        if since_s - one.ended_s > AGAIN_AFTER_S or not abs(one.clocks_s - clocks_s) <= CLOCK_S:
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


def warmed_at(
    rows: list[dict[str, Any]],
    wall_s: float,
    steady: Container[str],
    made: Sequence[Beam],
    kv: float,
    zone: tzinfo,
    clocks_s: float | None = None,
) -> datetime | None:
    """When the last warm-up ended from which on it was in use until then: exposures of these tokens, or the day's own where it was whole for this kV at
    that moment, by the rule that locks a treatment (hazard G22). `made`: this tube's beams, the newest first. `clocks_s`: wall less monotonic clock at that
    moment; None, of one that is looked back at: as the newest exposure of before it has it, which is the one that was read. None: there was none."""
    ends = [one.ended_s for one in in_use(rows, wall_s, clocks_s) if one.token in steady][:1]
    before = [one for one in made if one.ended_s <= wall_s]
    then_s = before[0].clocks_s if before and clocks_s is None else clocks_s or 0.0
    now = standing(iter(before), wall_s - then_s, wall_s, zone) if before else None
    if now is not None and now.made and not any(lacking(now, kv)):
        ends.append(now.made[-1].ended_s)
    return datetime.fromtimestamp(max(ends), UTC) if ends else None
