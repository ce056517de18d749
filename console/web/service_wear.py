"""Counters against their intervals (console/maintenance.py): counted from the records, since the last service that the audit tells of.
It names whoever said so, writes nothing, and judges nothing but how far a count is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import arcs, maintenance
from console.maintenance import Interval
from console.web.records_read import reading
from console.web.service_read import Service
from console.web.unread import NotReadError
from hal.readings import Purpose
from records.approved import AUDIT, LOG
from records.audit_check import entry_of
from records.fractions import DATABASE_NAME
from records.store import EventRow, FractionRow, SegmentRow

DONE: Final = "maintained"
"""The audit's entry of a service that was done."""


@dataclass(frozen=True)
class Counted:
    """The rig's counters, for reading."""

    service: Service

    def rows(self) -> dict[str, Any]:
        """Every interval as it stands."""
        with reading(self.service.rig.records / DATABASE_NAME) as session:
            whole = {} if session is None else _whole(session)
        words = "" if whole else "there are no records yet"
        last = self._serviced()
        return {
            "rows": [_row(one, whole.get(one.id, 0.0), last.get(one.id)) for one in maintenance.TABLE],
            "words": words,
        }

    def _serviced(self) -> dict[str, tuple[float, float, str]]:
        """Of each row the counter at its last service, when that was, and whose word it is. Raises NotReadError."""
        path, found = self.service.rig.records / AUDIT / LOG, dict[str, tuple[float, float, str]]()
        try:
            with path.open("rb") as log:
                for line in log:
                    if b'"what":"maintained"' in line:
                        found |= _entry(line)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise NotReadError(f"{path}: cannot be read ({error}); first: kerma audit verify") from error
        return found


def _entry(line: bytes) -> dict[str, tuple[float, float, str]]:
    """One service; nothing where a crash cut the line, or its hash does not fit: what is no entry was not done."""
    entry = entry_of(line.rstrip(b"\n"))
    if entry is None:
        return {}
    try:
        told = entry["told"]
        return {str(told["row"]): (float(told["at"]), float(entry["wall_s"]), f"{entry['who']} ({entry['role']})")}
    except (ValueError, KeyError, TypeError):
        return {}


def _row(one: Interval, whole: float, last: tuple[float, float, str] | None) -> dict[str, Any]:
    # records that were begun anew since then count less than at that service: everything they hold is since
    since = whole - (last[0] if last is not None and last[0] <= whole else 0.0)
    return {
        "id": one.id, "what": one.what, "unit": one.unit, "interval": one.every, "since": round(since, 3), "whole": round(whole, 6),
        "stands": maintenance.stands(since, one.every), "serviced_wall_s": last[1] if last is not None else None,
        "by": last[2] if last is not None else "", "assumption": one.assumption,
    }  # fmt: skip


def _whole(session: Session) -> dict[str, float]:
    """Each counter since the records began."""
    beam = select(func.sum(SegmentRow.beam_s)).join(FractionRow, SegmentRow.fraction_id == FractionRow.id)
    beam = beam.where(SegmentRow.void.is_(False), FractionRow.purpose != Purpose.DRY_RUN.name)
    # K2 closes already where a START is armed that never had beam
    closings = session.scalar(select(func.count()).select_from(SegmentRow)) or 0
    tests = session.scalar(select(func.count()).select_from(EventRow).where(EventRow.event == "TESTS_PASSED")) or 0
    may_arc = select(SegmentRow.rule, SegmentRow.words, SegmentRow.void, SegmentRow.kv_mean).where(
        SegmentRow.rule.in_(arcs.RULES)
    )
    return {
        "tube_beam": float(session.scalar(beam) or 0.0) / 3600.0,
        "tube_arcs": float(sum(arcs.ended(row._asdict()) for row in session.execute(may_arc))),
        "contactor_cycles": float(closings + tests),
    }
