"""How each order of the day stands by the records: given, begun, of unknown dose, due, or not before a time. It reads no file and locks nothing: what may
be delivered is said by the records themselves at each load (records/clearance.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Any, Final

from controller.prescribed import Quality
from hal.readings import Purpose

Row = Mapping[str, Any]
"""An order as it is listed, or a fraction as the database has it."""
SAME: Final = ("patient_id", "course_id", "lesion_id", "prescription_id", "fraction")
"""What makes an order and a fraction one (controller/tags.py)."""
HOUR_S: Final = 3600.0


class Mark(StrEnum):
    """How an order stands."""

    GIVEN = "given"
    RUNNING = "running"
    OPEN = "open"
    UNKNOWN = "unknown"
    UNKNOWN_OPEN = "unknown_open"
    EARLY = "early"
    SAME_DAY = "same_day"
    BEFORE = "before"
    BEFORE_OPEN = "before_open"
    DUE = "due"


@dataclass(frozen=True)
class Stands:
    """The mark, and what it is said with: when it was given, or from when on it is due (wall, s); how much was given (mGy at depth),
    and where that is UNKNOWN the most that it can have been."""

    mark: Mark
    at_s: float | None = None
    delivered_rx_mgy: float | None = None


def stands(order: Row, rows: Sequence[Row], wall_s: float, zone: tzinfo) -> Stands:
    """One order against the fractions of its patient. An order of a lesion that is written otherwise is another one."""
    own = [one for one in rows if _begun(one) and _same(one, order)]
    if own:
        last = max(own, key=lambda one: one["started_wall_s"])
        given = last["delivered_mgy"] * last["rx_factor"]
        if last["status"] == "RUNNING":
            return Stands(Mark.RUNNING, last["started_wall_s"], given)
        if last["quality"] == Quality.UNKNOWN.value:
            return Stands(
                Mark.UNKNOWN if last["closed"] else Mark.UNKNOWN_OPEN,
                last["ended_wall_s"],
                last["high_mgy"] * last["rx_factor"],
            )
        # a whole dose leaves nothing to resume, whether or not anybody has closed it
        done = last["closed"] or last["status"] in ("COMPLETE", "OVER")
        return Stands(Mark.GIVEN if done else Mark.OPEN, last["ended_wall_s"], given)
    others = [
        one
        for one in rows
        if _begun(one) and (one["patient_id"], one["lesion_id"]) == (order["patient_id"], order["lesion_id"])
    ]
    if not all(one["closed"] for one in others):
        return Stands(Mark.BEFORE_OPEN)
    ends = [one["ended_wall_s"] for one in others if one["ended_wall_s"] is not None]
    due_s = max(ends) + order["min_interval_h"] * HOUR_S if ends else wall_s
    if due_s > wall_s:
        return Stands(Mark.EARLY, due_s)
    today = _day(wall_s, zone)
    if any(_day(one["started_wall_s"], zone) == today for one in others):
        return Stands(Mark.SAME_DAY)
    before = {**order, "fraction": order["fraction"] - 1}
    if order["fraction"] > 1 and not any(_same(one, before) for one in others):
        return Stands(Mark.BEFORE)
    return Stands(Mark.DUE)


def _same(one: Row, other: Row) -> bool:
    return all(one[name] == other[name] for name in SAME)


def _begun(one: Row) -> bool:
    """A treatment that had beam, or may have it."""
    return bool(one["purpose"] == Purpose.TREAT.name and one["status"] != "NONE")


def _day(wall_s: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(wall_s, zone).date()
