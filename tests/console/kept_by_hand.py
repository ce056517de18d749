"""Records made by hand for tests of reports: a real journal, record by record, with the fractions that a test asks for.
It proves nothing by itself; the numbers of `GOLDEN` are those of docs/dose.md's worked example of a fraction in three segments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from controller.entries import EntryType, Event, Opening, Outcome, Query, Start, Terminal
from controller.prescribed import Combination, Prescribed, Quality
from controller.ring import TickRow, pack_tick
from hal.readings import Cause, Termination, TimerStart, UnitState
from interlocks.rules import TABLE
from records.book import Book
from records.day_forms import Bound, DaySheet, Line
from records.files import PosixFiles
from records.folds import fold
from records.forms import Noted, Opened, Ticks, pack_row
from records.journal import SEGMENT_LEAST_BYTES, Journal, Kind
from records.sheets import Sheet, SheetKind, Taken, body
from records.store import Store

WALL_S = 1_795_000_000.0
DAY_S = 86400.0
GOLDEN = (60.30, 41.72, 53.626)
"""The three timer readings of a fraction of 7 Gy at 3.5 mm that was stopped twice (D0 8536.585 mGy, R0 55 mGy/s, dt -0.145 s)."""
COMBINATION = Combination(
    kv=69.5, ma=1.6, filter_id="F2", filter_code=242, applicator_id="A20", applicator_code=53, r0_mgy_per_s=55.0, dt_s=-0.145, tail_mgy=1.5383,
    n1_mgy_per_count=0.02, n2_mgy_per_count=0.0196, leak1_cps=0.0, leak2_cps=0.0, g_kv=((10.0, 0.1), (69.5, 1.0)),
    pdd=((0.0, 100.0), (3.0, 85.0), (4.0, 79.0)), effective_ssd_mm=60.0, max_skin_mgy=20000.0, max_time_s=600.0,
)  # fmt: skip
ORDER = Prescribed(
    prescription_id="RX-7", version=2, sha256=b"p" * 32, patient_id="12-34", patient_id_2="1950-01-01", course_id="C1", lesion_id="L1", site="nose, left ala",
    laterality="left", rx_mgy=7000.0, depth_mm=3.5, fraction=1, fractions=6, min_interval_h=48.0, kv=69.5, ma=1.6, filter_id="F2", applicator_id="A20",
    gap_mm=0.0, cutout_factor=1.0, approved_by=("Dr. A", "M. B"),
)  # fmt: skip
TICK = TickRow(
    state=6, event=33, command=4, not_true=0, kv=69.5, ma=1.6, d1_mgy=0.0, d2_mgy=0.0, dm_mgy=0.0, delivered_mgy=0.0, beam_ms=0, counts_1=0, counts_2=0,
    unit_state=UnitState.RUN, first_cause=0, contacts_a=0, contacts_b=0, relays=0, late=0, lateness_us=1.0, unit_age_ms=2.0, generator_age_ms=5.0, token=0,
)  # fmt: skip
BOUND = Bound("demo", "0.1.0", "c", "k", "T-1", "M-1", "q")


class KeptByHand:
    """One folder of records, written as the recorder does. Time is `wall_s`, moved by the test."""

    def __init__(self, records: Path, simulated: bool = True, **opening: Any) -> None:
        self.records, self.simulated, self.wall_s, self.seq = records, simulated, WALL_S, 0
        self.journal = Journal(PosixFiles(), records / "journal", SEGMENT_LEAST_BYTES)
        self.book = Book()
        for record in self.journal.open():
            fold(self.book, record)
        self.journal.go_on()
        self.append(Kind.OPENED, Opened(1, "i1", simulated))
        plain = Opening(
            "i1",
            "0.1.0",
            "demo",
            simulated,
            b"c" * 32,
            0.01,
            self.wall_s,
            "spellman-xrv",
            "kerma-unit",
            b"k" * 32,
            "T-1",
            "M-1",
            b"q" * 32,
        )
        self.note(EntryType.OPENING, msgspec.structs.replace(plain, **opening))

    def append(self, kind: Kind, payload: msgspec.Struct) -> int:
        record = self.journal.append(kind, msgspec.msgpack.encode(payload), self.wall_s)
        self.journal.sync()
        fold(self.book, record)
        return record.index

    def note(self, kind: EntryType, entry: msgspec.Struct, **more: Any) -> int:
        self.seq += 1
        return self.append(
            Kind.ENTRY, Noted("i1", self.seq, self.seq * 1000, kind, msgspec.msgpack.encode(entry), **more)
        )

    def day_check(self, day: str, p_kpa: float, t_c: float, against: str = "", bound: Bound = BOUND) -> Sheet:
        """A day's sheet as the journal keeps it, begun ten minutes ago and signed now; it is read, and not judged."""
        line = Line(69.5, 1.6, "F2", "A20", 1, 1.0)
        sheet = DaySheet(day, self.wall_s - 600.0, bound, "D1", "b", p_kpa, t_c, (line,), line, 2, (), ())
        at = datetime.fromtimestamp(self.wall_s, UTC).isoformat(timespec="seconds")
        signed = Sheet(SheetKind.DAILY, body(sheet), "olga", "operator", at, b"s")
        self.append(Kind.SHEET, Taken(signed, 1.0, against))
        return signed

    def start(
        self, order: Prescribed = ORDER, segment: int = 1, reason: str = "", physicist: bool = False, **changed: Any
    ) -> Start:
        """A query and its START, with the next token."""
        tag = hash((order.patient_id, order.course_id, order.lesion_id, order.fraction)) & 0x7FFF_FFFF_FFFF_FFFF
        tag = changed.pop("fraction_tag", tag)
        self.note(EntryType.QUERY, Query(1, tag, 5, segment > 1, physicist, reason, order, b"k" * 32, "0.1.0"))
        plain = Start(
            digest=b"d" * 32, fraction_tag=tag, plan_tag=5, segment=segment, resume=segment > 1, prescribed=order, certificate_id="CERT-1",
            certificate_sha256=b"k" * 32, combination=COMBINATION, d0_mgy=order.rx_mgy / 0.82, rx_factor=0.82, delivered_mgy=0.0, low_mgy=0.0, high_mgy=0.0,
            set_time_s=155.36, k_tp=1.0069, unit_boot_count=1, unit_counts_1=0, unit_counts_2=0, unit_beam_ms=0, unit_run_count=0, unit_last_token=0,
            lease_s=0.2, software_version="0.1.0", simulated=self.simulated, operator="op", wall_s=self.wall_s, termination=Termination.TIME,
            timer_start=TimerStart.HV_SEEN,
        )  # fmt: skip
        start = msgspec.structs.replace(plain, **changed)
        self.token = self.book.last_token + 1
        self.note(EntryType.START, start, token=self.token)
        self.began = start
        return start

    def ticks(self, seconds: float, step_s: float = 0.5, **changed: Any) -> None:
        """A thin trace of this exposure."""
        self._seen([n * step_s for n in range(round(seconds / step_s))], **changed)

    def _tick_ns(self, at_s: float) -> int:
        """When this tick was, by the monotonic clock; at `at_s` of this exposure."""
        return self.token * 10**12 + round(at_s * 1e9)

    def _seen(self, at: Sequence[float], **changed: Any) -> None:
        rows = b""
        for at_s in at:
            self.seq += 1
            row = msgspec.structs.replace(
                TICK, token=self.token, beam_ms=round(at_s * 1000), delivered_mgy=55.0 * at_s, **changed
            )
            rows += pack_row(self.seq, self._tick_ns(at_s), EntryType.TICK, pack_tick(row))
        self.append(Kind.TICKS, Ticks("i1", rows))

    def end(self, timer_s: float, outcome: Outcome = Outcome.TERMINATED, **changed: Any) -> None:
        """The end of the exposure in hand: by the timer, DT primary, all channels alike; in its last tick the rule that ended it is not true."""
        start = self.began
        self.wall_s += timer_s
        dose = 55.0 * (timer_s - 0.145)
        done = outcome is Outcome.TERMINATED
        ended_by = changed.get("rule", "" if done else "door")
        self._seen([timer_s], not_true=sum(1 << place for place, row in enumerate(TABLE) if row.id == ended_by))
        plain = Terminal(
            token=self.token, start_seq=self.seq, fraction_tag=start.fraction_tag, segment=start.segment, outcome=outcome, void=outcome is Outcome.VOID,
            event="DOSE_END" if done else "TRIP_STOP", rule="" if done else "door", words="" if done else "the door is open",
            unit_cause=Cause.TIME_PRESET if done else Cause.DOOR, d1_mgy=dose, d2_mgy=dose, dt_mgy=dose, dm_mgy=dose, delivered_mgy=dose, low_mgy=dose,
            high_mgy=dose, fraction_delivered_mgy=dose, fraction_low_mgy=dose, fraction_high_mgy=dose, rest_mgy=0.0, quality=Quality.GOOD,
            beam_ms=start.unit_beam_ms + round(timer_s * 1000), counts_1=0, counts_2=0, unknown_s=0.0, kv_mean=69.5, kv_min=69.4, kv_max=69.6, ma_mean=1.6,
            ma_min=1.59, ma_max=1.61, on_at_s=1.0, off_at_s=1.0 + timer_s, off_verified_s=1.1 + timer_s, wall_s=self.wall_s,
        )  # fmt: skip
        end = msgspec.structs.replace(plain, **changed)
        self.note(EntryType.TERMINAL, end, ends=(end,))

    def close(self, why: str = "the patient could not go on") -> None:
        tag = self.began.fraction_tag
        self.note(
            EntryType.EVENT, Event("INTERRUPTED", "CLOSE", "TERMINATED", "", f"fraction {tag:016x} closed: {why}")
        )

    def golden(self, **order: Any) -> str:
        """The worked example: stopped twice, given whole; hands on the fraction's id."""
        self.start(msgspec.structs.replace(ORDER, **order))
        self.ticks(10.0)
        self.end(GOLDEN[0], Outcome.INTERRUPTED)
        self.wall_s += 240.0
        self.start(self.began.prescribed, 2, "the door was opened", set_time_s=95.20, unit_beam_ms=60300)
        self.end(GOLDEN[1], Outcome.INTERRUPTED, event="STOP", rule="", words="STOP", unit_cause=Cause.DISARM)
        self.wall_s += 60.0
        self.start(self.began.prescribed, 3, "the patient coughed", True, set_time_s=53.63, unit_beam_ms=102020)
        self.end(GOLDEN[2])
        return self.book.exposures[self.token].fraction

    def done(self) -> Path:
        """Close, make the database, hand on the folder."""
        index, digest = self.journal.next_index - 1, self.journal.last_digest
        self.journal.close()
        store = Store(self.records / "records.sqlite")
        store.project(self.book, self.book.changes, index, digest)
        store.close()
        return self.records
