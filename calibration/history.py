"""How far a certificate is from all that were accepted before it, so that small steps do not add up to a large one that nobody explained.
It reads no file: it is given the tables, and says in words what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from calibration import gates
from calibration.equipment import DepthPoint, named_alike, stamp
from calibration.facts import CutoutTable
from calibration.formulas import linear
from calibration.gates import Brought, Combined
from calibration.measured import SecondCheckTable
from calibration.output import first_at
from calibration.schema import APART_KV, APART_MA, CertificateTable, CombinationTable, brought, combined
from controller.conversion import GAP_LEAST_MM, GAP_MOST_MM

APART_MM: Final = 0.5
"""Cut-outs whose diameters are closer are of one size. An assumption."""
ANEW_DAYS: Final = 7
"""The outputs of one calibration are read within so many days of each other. An assumption: what moves in between is seen by nobody."""
Brings = Callable[[CertificateTable, CombinationTable], bool]
Asks = Callable[[tuple[Combined, ...], Brought, str], Iterable[str]]


def _explained(table: CertificateTable, _c: CombinationTable) -> bool:
    """Whether it explains anything; of a combination that the last one left out it has to (calibration/gates.py)."""
    return bool(table.explanation)


def _checked(table: CertificateTable, c: CombinationTable) -> bool:
    """Whether a second check of it is of this combination; one without its readings does not say of which it was (hazard A2)."""
    return any(_is_of(one, table, c) for one in table.second_checks.values())


def _is_of(second: SecondCheckTable, table: CertificateTable, c: CombinationTable) -> bool:
    raw = second.raw
    key = None if raw is None else (raw.kv, raw.ma, raw.filter, raw.applicator)
    return any(same(c, one) for one in table.combinations if (one.kv, one.ma, one.filter, one.applicator) == key)


def _counted(table: CertificateTable, c: CombinationTable) -> bool:
    """Whether an accepted certificate's second check of this combination is one: below 5 % nobody had asked by whom it was (hazard A5)."""
    signers = tuple({named_alike(one.who): one.who for one in table.signatures}.values())
    of = {where: one for where, one in table.second_checks.items() if _is_of(one, table, c)}
    now, said = combined(table), replace(brought(table, signers), second_checks=of)
    return bool(of) and not any(gates.second(now, said, ""))


def _exchanged(table: CertificateTable, c: CombinationTable) -> bool:
    """Whether this combination was measured after the part that it records was exchanged: before that it was another machine's."""
    change = table.component_change
    return change is not None and c.measured is not None and first_at(c.measured) > change.at


@dataclass(frozen=True)
class Level:
    """A change above so many percent: what is brought for it, whether the new certificate does for a combination and an accepted one did, what to do first,
    why what is brought may not do, and whether it is of the whole machine, whatever the certificate that brought it says of the combination."""

    above_pct: float
    what: str
    brings: Brings
    brought: Brings
    first: str
    asks: Asks
    of_all: bool = False


LEVELS: Final = (
    Level(gates.EXPLAIN_PCT, "explanation", _explained, _explained, "say why", lambda *_: ()),
    Level(
        gates.SECOND_PCT, "second_check of it", _checked, _counted,
        "have a second physicist measure this very combination with another chamber", gates.second,
    ),
    Level(
        gates.REFUSE_PCT, "component_change before it", _exchanged, _exchanged,
        "record what was exchanged, and measure everything from scratch", gates.scratch, True,
    ),
)  # fmt: skip


def unexplained(new: CertificateTable, before: Sequence[CertificateTable], signers: tuple[str, ...]) -> Iterator[str]:
    """Which combination moved too far since the last certificate that brought for it what such a change asks for, and what is wrong with what this one
    brings, signed by these people (hazards A1, A2 and A5). `before`: accepted ones, the newest first."""
    now, said = combined(new), brought(new, signers)
    yield from gates.unfit(now, said)
    for c in new.combinations:
        for level in LEVELS:
            far = tuple(_far(new, c, before, level))
            if level.brings(new, c):
                yield from level.asks(now, said, far[0]) if far else ()
                continue
            for words in far:
                yield f"{words}, above {level.above_pct:g} %, and no certificate since has {level.what}; first: {level.first}, and sign again"


def _far(new: CertificateTable, c: CombinationTable, before: Sequence[CertificateTable], level: Level) -> Iterator[str]:
    """What of a combination moved further than the level, from each certificate up to the last one that had it and brought what it asks for."""
    settled: set[str] = set()
    for old in before:
        was = _of(old, c)
        changes = () if was is None else tuple(moved(c, was, new.termination == "monitor"))
        changes += tuple(leads_moved(new, c, old))
        for kind, name, change in changes:
            if kind not in settled and abs(change) > level.above_pct:
                yield f"{c.kv:g} kV, {c.ma:g} mA, {c.filter}, {c.applicator}: {name} is {change:+.2f} % from that of {old.id}"
        if level.brought(old, c):
            if level.of_all:
                return
            settled |= {kind for kind, _, _ in changes}


@dataclass(frozen=True)
class Read:
    """R0 of a combination as a certificate has it, and when its readings began."""

    id: str
    c: CombinationTable
    at: datetime


def left_behind(
    id_: str, combinations: Sequence[CombinationTable], before: Sequence[CertificateTable]
) -> Iterator[str]:
    """Which combination of a new certificate keeps readings of before another one of its kV and filter moved (hazards A1 and A2): what moved that one moved
    this one too, nothing else compares the two, and a day's check is of one of them. Whether the other one is in the new certificate still, and what was
    exchanged or explained, excuses nothing. `before`: accepted ones, the newest first."""
    every = [*_reads(id_, combinations), *(one for old in before for one in _reads(old.id, old.combinations))]
    for mine in _reads(id_, combinations):
        others = [one for one in every if _one_beam(one.c, mine.c) and not same(one.c, mine.c)]
        while others:
            of_one = [one for one in others if same(one.c, others[0].c)]
            others = [one for one in others if one not in of_one]
            own = [one for one in every if same(one.c, mine.c) and one.at < mine.at]
            was = _then(mine, own, of_one, before)
            yield from () if was is None else _since_then(mine, was, of_one)


def _reads(id_: str, combinations: Sequence[CombinationTable]) -> Iterator[Read]:
    """Each combination that was measured."""
    yield from (Read(id_, c, first_at(c.measured)) for c in combinations if c.measured is not None)


def _one_beam(c: CombinationTable, other: CombinationTable) -> bool:
    """The same kV and filter, under any applicator and at any mA."""
    return c.filter_code == other.filter_code and abs(c.kv - other.kv) < APART_KV


def _then(mine: Read, own: Sequence[Read], of_one: Sequence[Read], before: Sequence[CertificateTable]) -> Read | None:
    """What another combination was when these readings were taken: that of the first certificate that had them, or else its last one of before them, or of
    after them in the same calibration, if these moved too. `own`: what this combination was before them. None: the other one was not measured then."""
    first = next((old.id for old in reversed(before) if mine.at in _times(old, mine.c)), mine.id)
    beside = next((one for one in of_one if one.id == first), None) if first != mine.id else None
    if beside is not None:
        return beside
    was, now = (
        max((one for one in of_one if one.at <= mine.at + timedelta(days=days)), key=lambda one: one.at, default=None)
        for days in (0, ANEW_DAYS)
    )
    last = max(own, key=lambda one: one.at, default=None)
    if was is None or now is None or last is None:
        return now
    moved_pct, other_pct = _change_pct(last, mine), _change_pct(was, now)
    stays = abs(moved_pct) <= gates.EXPLAIN_PCT < abs(other_pct - moved_pct)
    return was if stays else now


def _change_pct(was: Read, now: Read) -> float:
    return 100.0 * (now.c.r0_mgy_per_s / was.c.r0_mgy_per_s - 1.0)


def _times(table: CertificateTable, c: CombinationTable) -> list[datetime]:
    """When the readings of this combination began in a certificate, if it has it."""
    was = _of(table, c)
    return [] if was is None or was.measured is None else [first_at(was.measured)]


def _since_then(mine: Read, was: Read, of_one: Sequence[Read]) -> Iterator[str]:
    for now in of_one:
        change = _change_pct(was, now)
        if now.at > max(mine.at, was.at) and abs(change) > gates.EXPLAIN_PCT:
            yield (
                f"{_named(mine.c)}: was read at {stamp(mine.at)}, and {_named(now.c)}, read at {stamp(now.at)}, has moved since: its R0 in {now.id} is "
                f"{change:+.2f} % from that of {was.id}, above {gates.EXPLAIN_PCT:g} %, and what moved it moved both; first: measure it anew too"
            )
            return


def _named(c: CombinationTable) -> str:
    return gates.named((c.kv, c.ma, c.filter, c.applicator))


def _of(table: CertificateTable, c: CombinationTable) -> CombinationTable | None:
    """The same combination in another certificate."""
    return next((one for one in table.combinations if same(c, one)), None)


def repeated(new: CertificateTable, before: Sequence[CertificateTable]) -> Iterator[str]:
    """What was brought for an earlier change already: an id, a second check, an exchanged part."""
    change = new.component_change
    readings = [
        r.at for old in before[:1] for c in old.combinations if c.measured is not None for r in c.measured.readings
    ]
    if change is not None and readings and change.at <= min(readings):
        yield f"component_change.at = {stamp(change.at)}: is of before {before[0].id} was measured; first: record what was exchanged since"
    for old in before:
        if new.id == old.id:
            yield f"id = {new.id}: version {old.version} has it too, and a time table is of a certificate by its id; first: give it an id of its own"
        if change is not None and change == old.component_change:
            yield f"component_change: is that of {old.id}, word for word; first: say what is so this time"
        checks = list(old.second_checks.values())
        for where, second in new.second_checks.items():
            if second in checks:
                yield f"{where}: is that of {old.id}, word for word; first: say what is so this time"
            if _read(second) and _read(second) in map(_read, checks):
                yield f"{where}.raw: are the readings of {old.id}, digit for digit; first: have it measured again"


def _read(second: SecondCheckTable) -> tuple[float, ...]:
    """What the second physicist read; nothing where the certificate does not hold it."""
    return () if second.raw is None else tuple(one.nc for one in second.raw.measured.readings)


def same(c: CombinationTable, other: CombinationTable) -> bool:
    """Whether two combinations are one to the machine, whatever they are called: a new name is no new measurement (hazard A2)."""
    return _same_beam(c, other) and abs(c.ma - other.ma) < APART_MA


def _same_beam(c: CombinationTable, other: CombinationTable) -> bool:
    """The same at any mA."""
    codes = (c.filter_code, c.applicator_code) == (other.filter_code, other.applicator_code)
    return codes and abs(c.kv - other.kv) < APART_KV


def moved(c: CombinationTable, was: CombinationTable, by_counts: bool) -> Iterator[tuple[str, str, float]]:
    """(kind, what, by how many percent) of all that a patient's dose is proportional to: rate, dose of a count where counts end the beam, depth dose, and the
    factor of a gap, which stands in both second calculations as it stands here."""
    yield "R0", "R0", 100.0 * (c.r0_mgy_per_s / was.r0_mgy_per_s - 1.0)
    if by_counts:
        yield "count", "dose of a count", 100.0 * (c.n1_mgy_per_count / was.n1_mgy_per_count - 1.0)
    depth = depth_moved(c.pdd, was.pdd)
    if depth is not None:
        yield "depth", f"depth dose at {depth.mm:g} mm", depth.change_pct
    gap = gap_moved(c, was)
    if gap is not None:
        yield "gap", f"factor at a gap of {gap.mm:g} mm", gap.change_pct


def leads_moved(new: CertificateTable, c: CombinationTable, old: CertificateTable) -> Iterator[tuple[str, str, float]]:
    """The same of every cut-out that was measured in this combination: its factor, and the depth dose under it, which is typed and stands in both second
    calculations as it stands here. What was in air alone served no order."""
    before = [one for one in old.facts.cutouts if any(_same_beam(c, of) for of in _beams(old, one))]
    for one in new.facts.cutouts:
        if one.b_w_ratio is None or one.b_w_ratio.ma != c.ma or c not in _beams(new, one):
            continue
        for was in _leads(one, before):
            yield f"lead {one.id}", f"factor of cut-out {one.id}", 100.0 * (one.factor / was.factor - 1.0)
            depth = None if one.depth is None or was.depth is None else depth_moved(one.depth.pdd, was.depth.pdd)
            if depth is not None:
                yield f"under {one.id}", f"depth dose under cut-out {one.id} at {depth.mm:g} mm", depth.change_pct


def _leads(one: CutoutTable, before: Sequence[CutoutTable]) -> list[CutoutTable]:
    """The same cut-out then: of its id, or else each one of its size, also where that is there still: a new name is no new measurement, and a hole of one
    size in one beam gives one dose."""
    named = [other for other in before if other.id == one.id]
    return named or [other for other in before if abs(other.diameter_mm - one.diameter_mm) < APART_MM]


def _beams(table: CertificateTable, one: CutoutTable) -> Iterator[CombinationTable]:
    """The combinations of the beam that a cut-out's factor is of, at any mA; none where it is of readings in air."""
    ratio = one.b_w_ratio
    if ratio is not None:
        beam = (ratio.kv, ratio.filter, one.applicator)
        yield from (c for c in table.combinations if (c.kv, c.filter, c.applicator) == beam)


def _both(now: Sequence[tuple[float, float]], old: Sequence[tuple[float, float]]) -> list[float]:
    """Every point of either table that lies within both: between two of them the quotient of the two lines has no extreme."""
    low, high = max(now[0][0], old[0][0]), min(now[-1][0], old[-1][0])
    return sorted({at for at, _ in (*now, *old) if low <= at <= high})


@dataclass(frozen=True)
class Point:
    """A number at a gap or depth, now and then."""

    mm: float
    now: float
    was: float

    @property
    def change_pct(self) -> float:
        return 100.0 * (self.now / self.was - 1.0)


def depth_moved(now: Sequence[DepthPoint], was: Sequence[DepthPoint]) -> Point | None:
    """Where a depth dose moved most; None where no depth lies within both tables."""
    new, old = ([(point.depth_mm, point.pct) for point in one] for one in (now, was))
    return _most(new, old)


def gap_moved(c: CombinationTable, was: CombinationTable) -> Point | None:
    """Where the factor of a gap moved most; None where there was none before, or there is none now: an order with a gap is refused then."""
    now, old = (_gaps(one, other) for one, other in ((c, was), (was, c)))
    return _most(now, old) if now and old else None


def _most(now: Sequence[tuple[float, float]], old: Sequence[tuple[float, float]]) -> Point | None:
    """Of both lines, where their quotient is furthest from 1."""
    found = [Point(mm, linear(now, mm), linear(old, mm)) for mm in _both(now, old) if linear(old, mm) > 0.0]
    return max(found, key=lambda one: abs(one.change_pct), default=None)


def _gaps(c: CombinationTable, other: CombinationTable) -> list[tuple[float, float]]:
    """The factors of the gaps that an order may have (controller/conversion.py): a closed end's own table; an open end's inverse square over the effective
    distance, at its ends and wherever the other one has a point."""
    if c.closed_end:
        return [(point.gap_mm, point.factor) for point in c.gap_table]
    f = c.effective_ssd_mm
    points = {GAP_LEAST_MM, 0.0, GAP_MOST_MM, *(point.gap_mm for point in other.gap_table)}
    return [(gap, (f / (f + gap)) ** 2) for gap in sorted(points) if GAP_LEAST_MM <= gap <= GAP_MOST_MM]
