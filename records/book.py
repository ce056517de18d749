"""The journal read as a story: exposures with their one end, fractions with their sums, latches, signed sheets, as they stand after the last record.
It opens no file and decides nothing; records/folds.py writes it, records/clearance.py judges by it, records/store.py copies it for people."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from controller.channels import Weighed, worse
from controller.entries import LatchCleared, LatchSet, Open, Opening, Outcome, Start, Stray, Terminal
from controller.prescribed import Clearance, Quality
from hal.readings import Purpose
from records.forms import Noted
from records.recovery import Evidence, Figures, provisional
from records.sheets import Sheet, SheetKind
from records.wires import WireDue


class Gone(msgspec.Struct, frozen=True):
    """Records that are missing: since which journal record that is known, the unit's last token that showed it (0: none did), and in words."""

    index: int = 0
    token: int = 0
    words: str = ""


class Kept(msgspec.Struct, frozen=True):
    """A signed sheet where it lies in the journal: since when, and what the recorder's monotonic clock showed then."""

    index: int
    wall_s: float
    mono_s: float
    sheet: Sheet


class Status(Enum):
    """How a fraction stands against its prescription (docs/dose.md); NONE: no beam yet, RUNNING: an exposure has no end yet."""

    NONE = "NONE"
    RUNNING = "RUNNING"
    PARTIAL = "PARTIAL"
    COMPLETE = "COMPLETE"
    OVER = "OVER"
    UNKNOWN = "UNKNOWN"


class Exposure(msgspec.Struct, frozen=True):
    """One START that got a token, and its end when it has one. `index` and `end_index` are the journal's. `lossy`: of its process ring records were lost
    before it had an end, whatever was seen after them. `end_wall_s` is that of its last tick by the recorder's clock, for every question about time that has
    passed is judged by that one: the real-time process's own, in START and TERMINAL, follows no clock that is set later."""

    token: int
    instance: str
    seq: int
    index: int
    fraction: str
    start: Start
    start_crc: int
    seen: Evidence
    end: Terminal | None = None
    end_index: int = 0
    end_wall_s: float = 0.0
    reset: bool = False
    lossy: bool = False

    @property
    def void(self) -> bool:
        return self.end is not None and self.end.void


class Fraction(msgspec.Struct, frozen=True):
    """One fraction: the exposures that were started for it, in order. `id` is its tag in hex; a check that is run again gets -2, -3."""

    id: str
    tag: int
    tokens: tuple[int, ...] = ()
    closed: bool = False
    closed_words: str = ""


class Tally(msgspec.Struct, frozen=True):
    """A fraction summed up, D0 mGy; an exposure without an end counts with its provisional dose. `charge_mgy` is what a resume must take as given:
    delivered while the quality is GOOD, else high."""

    status: Status
    flagged: bool
    segments: int
    resumes: int
    trips: int
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    quality: Quality
    beam_s: float
    rest_mgy: float
    last_end_wall_s: float
    running: int
    first: Start | None
    last: Start | None

    @property
    def charge_mgy(self) -> float:
        return self.delivered_mgy if self.quality is Quality.GOOD else self.high_mgy


Told = tuple[int, float, Noted, str, tuple[str, str, str, str, str]]
"""One event: its record and wall time, the entry, the kind, and state, event, to, rule and words."""


@dataclass
class Changes:
    """What the database has not been told yet: ids, and rows that are only ever added."""

    fractions: set[str] = field(default_factory=set)
    latches: list[tuple[int, LatchSet | LatchCleared]] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)
    openings: list[tuple[int, Opening]] = field(default_factory=list)


@dataclass
class Book:
    """The state of the records after the last folded record."""

    exposures: dict[int, Exposure] = field(default_factory=dict)
    fractions: dict[str, Fraction] = field(default_factory=dict)
    latest: dict[int, str] = field(default_factory=dict)
    latches: dict[str, LatchSet] = field(default_factory=dict)
    openings: dict[str, Opening] = field(default_factory=dict)
    seqs: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    clearances: dict[str, Clearance] = field(default_factory=dict)
    queries: dict[str, bytes] = field(default_factory=dict)
    """The last question of each process, as it was asked."""
    drained: set[str] = field(default_factory=set)
    wires_due: dict[str, tuple[WireDue, ...]] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    by_start: dict[tuple[str, int], int] = field(default_factory=dict)
    last_start: dict[str, int] = field(default_factory=dict)
    last_ended: dict[str, int] = field(default_factory=dict)
    refused_starts: dict[str, tuple[int, str]] = field(default_factory=dict)
    retained: int = 0
    last_token: int = 0
    last_wall_s: float = 0.0
    sheets: dict[SheetKind, list[Kept]] = field(default_factory=dict)
    void_index: int = 0
    void_words: str = ""
    ran: Opening | None = None
    changed_index: int = 0
    changed_words: str = ""
    voided: list[int] = field(default_factory=list)
    exchanged: list[int] = field(default_factory=list)
    """Every record that ended a day's check, and not the last alone: what stood as a baseline was begun is asked for as long as that baseline counts."""
    tube: str = ""
    fitted: list[Told] = field(default_factory=list)
    certificates: set[bytes] = field(default_factory=set)
    former: set[bytes] = field(default_factory=set)
    gone: Gone = field(default_factory=Gone)
    tests_passed_wall_s: float = 0.0
    opened: dict[str, float] = field(default_factory=dict)
    opened_alone: dict[str, float] = field(default_factory=dict)
    strays: list[Stray] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def fraction_of(self, tag: int) -> Fraction | None:
        """The newest fraction of this tag."""
        found = self.latest.get(tag)
        return self.fractions[found] if found is not None else None

    def figures(self, exposure: Exposure) -> Figures:
        """The provisional dose of an exposure that has no end."""
        return provisional(exposure.start, exposure.seen, self.tick_s(exposure.instance))

    def tick_s(self, instance: str) -> float:
        """Tick length of a process; 50 ms (20 Hz, the slowest) when its opening is lost."""
        opening = self.openings.get(instance)
        return opening.tick_s if opening is not None else 0.05

    def tally(self, fraction: Fraction) -> Tally:
        """The fraction summed up."""
        return _tally(self, fraction)

    def is_open(self, fraction: Fraction) -> bool:
        """True for a fraction that had beam, or may have it now, and is not closed."""
        return not fraction.closed and any(not self.exposures[token].void for token in fraction.tokens)

    def opens(self) -> tuple[Open, ...]:
        """Every open fraction, oldest first; `token` is the one that the unit retains of it."""
        return tuple(self._open(f) for f in self.fractions.values() if self.is_open(f))

    def retained_of(self, fraction: Fraction) -> int:
        """The token of this fraction that the unit retains; 0 for none."""
        return self.retained if self.retained in fraction.tokens else 0

    @property
    def reset_due(self) -> int:
        """The token that the unit retains and that nothing needs any more: its end is written and its fraction closed, or never had beam."""
        if any(stray.token == self.retained for stray in self.strays if stray.token):
            return self.retained
        exposure = self.exposures.get(self.retained)
        if exposure is None or exposure.end is None or exposure.reset:
            return 0
        return 0 if self.is_open(self.fractions[exposure.fraction]) else self.retained

    def _open(self, fraction: Fraction) -> Open:
        tally = self.tally(fraction)
        start = self.exposures[fraction.tokens[-1]].start
        return Open(
            fraction_tag=fraction.tag,
            token=self.retained_of(fraction) or fraction.tokens[-1],
            patient_id=start.prescribed.patient_id,
            lesion_id=start.prescribed.lesion_id,
            fraction=start.prescribed.fraction,
            delivered_mgy=tally.delivered_mgy,
            low_mgy=tally.low_mgy,
            high_mgy=tally.high_mgy,
            d0_mgy=start.d0_mgy,
            quality=tally.quality,
        )


def tolerances_mgy(rx_mgy: float) -> tuple[float, float, float]:
    """How far below D_Rx is still COMPLETE, above which it is flagged, and above which OVER: max(1 %, 2 cGy), the same, max(3 %, 5 cGy)."""
    return max(0.01 * rx_mgy, 20.0), max(0.01 * rx_mgy, 20.0), max(0.03 * rx_mgy, 50.0)


def summed(book: Book, fraction: Fraction, end: Terminal) -> Terminal:
    """The end with the sums over its fraction as the records hold them, so that parts and rest always add up to D0."""
    others = [book.exposures[token] for token in fraction.tokens if token != end.token]
    ends = [e.end for e in others if e.end is not None and not e.end.void]
    ends += [] if end.void else [end]
    delivered = math.fsum(e.delivered_mgy for e in ends)
    return msgspec.structs.replace(
        end,
        fraction_delivered_mgy=delivered,
        fraction_low_mgy=math.fsum(e.low_mgy for e in ends),
        fraction_high_mgy=math.fsum(e.high_mgy for e in ends),
        rest_mgy=book.exposures[end.token].start.d0_mgy - delivered,
    )


def _tally(book: Book, fraction: Fraction) -> Tally:
    exposures = [book.exposures[token] for token in fraction.tokens]
    beams = [e for e in exposures if not e.void]
    running = [e for e in beams if e.end is None]
    doses: list[Terminal | Weighed] = [e.end if e.end is not None else book.figures(e).weighed for e in beams]
    quality = Quality.GOOD
    for dose in doses:
        quality = worse(quality, dose.quality)
    delivered = math.fsum(dose.delivered_mgy for dose in doses)
    low, high = math.fsum(dose.low_mgy for dose in doses), math.fsum(dose.high_mgy for dose in doses)
    last = exposures[-1].start if exposures else None
    status, flagged = _status(last, beams, bool(running), delivered, quality)
    return Tally(
        status=status,
        flagged=flagged,
        segments=len(beams),
        resumes=max(0, len(beams) - 1),
        trips=sum(1 for e in beams if e.end is not None and _tripped(e.end)),
        delivered_mgy=delivered,
        low_mgy=low,
        high_mgy=high,
        quality=quality,
        beam_s=math.fsum(_beam_s(e) for e in beams),
        rest_mgy=(last.d0_mgy if last is not None else 0.0) - delivered,
        last_end_wall_s=max((e.end_wall_s for e in beams if e.end is not None), default=0.0),
        running=running[-1].token if running else 0,
        first=(beams or exposures)[0].start if exposures else None,
        last=last,
    )


def _status(
    start: Start | None, beams: list[Exposure], running: bool, delivered_mgy: float, quality: Quality
) -> tuple[Status, bool]:
    if start is None or not beams:
        return Status.NONE, False
    if running:
        return Status.RUNNING, False
    if start.prescribed.purpose is not Purpose.TREAT:
        last = beams[-1].end
        whole = last is not None and last.outcome is Outcome.TERMINATED
        return (Status.COMPLETE if whole else Status.PARTIAL), False
    if quality is Quality.UNKNOWN:
        return Status.UNKNOWN, False
    below, flag, over = tolerances_mgy(start.prescribed.rx_mgy)
    excess = delivered_mgy * start.rx_factor - start.prescribed.rx_mgy
    if excess < -below:
        return Status.PARTIAL, False
    return (Status.COMPLETE, excess > flag) if excess <= over else (Status.OVER, True)


def _tripped(end: Terminal) -> bool:
    """An end that was nobody's wish: three of them in a fraction are for the physicist."""
    return end.outcome in (Outcome.INTERRUPTED, Outcome.FAULT, Outcome.STUCK_ON) and end.event != "STOP"


def _beam_s(exposure: Exposure) -> float:
    now_ms = exposure.end.beam_ms if exposure.end is not None else exposure.seen.beam_ms
    return max(0, now_ms - exposure.start.unit_beam_ms) / 1000.0
