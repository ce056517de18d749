"""How far a certificate is from all that were accepted before it, so that small steps do not add up to a large one that nobody explained.
It reads no file: it is given the tables, and says in words what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from calibration import gates
from calibration.equipment import named_alike, stamp
from calibration.formulas import linear
from calibration.gates import Brought, Combined
from calibration.measured import SecondCheckTable
from calibration.output import first_at
from calibration.schema import APART_KV, APART_MA, CertificateTable, CombinationTable, brought, combined

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
    and why what is brought may not do."""

    above_pct: float
    what: str
    brings: Brings
    brought: Brings
    first: str
    asks: Asks


LEVELS: Final = (
    Level(gates.EXPLAIN_PCT, "explanation", _explained, _explained, "say why", lambda *_: ()),
    Level(
        gates.SECOND_PCT, "second_check of it", _checked, _counted,
        "have a second physicist measure this very combination with another chamber", gates.second,
    ),
    Level(
        gates.REFUSE_PCT, "component_change before it", _exchanged, _exchanged,
        "record what was exchanged, and measure everything from scratch", gates.scratch,
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
    """What of a combination moved further than the level, from each certificate up to the last one that brought what it asks for."""
    for old in before:
        was = _of(old, c)
        for name, change in () if was is None else moved(c, was, new.termination == "monitor"):
            if abs(change) > level.above_pct:
                yield f"{c.kv:g} kV, {c.ma:g} mA, {c.filter}, {c.applicator}: {name} is {change:+.2f} % from that of {old.id}"
        if level.brought(old, c):
            break


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
    codes = (c.filter_code, c.applicator_code) == (other.filter_code, other.applicator_code)
    return codes and abs(c.kv - other.kv) < APART_KV and abs(c.ma - other.ma) < APART_MA


def moved(c: CombinationTable, was: CombinationTable, by_counts: bool) -> Iterator[tuple[str, float]]:
    """(what, by how many percent) of all that a patient's dose is proportional to: rate, dose of a count where counts end the beam, and depth dose."""
    yield "R0", 100.0 * (c.r0_mgy_per_s / was.r0_mgy_per_s - 1.0)
    if by_counts:
        yield "dose of a count", 100.0 * (c.n1_mgy_per_count / was.n1_mgy_per_count - 1.0)
    old = [(point.depth_mm, point.pct) for point in was.pdd]
    at = [point for point in c.pdd if old[0][0] <= point.depth_mm <= old[-1][0]]
    changes = [(point.depth_mm, 100.0 * (point.pct / linear(old, point.depth_mm) - 1.0)) for point in at]
    depth, change = max(changes, key=lambda one: abs(one[1]))
    yield f"depth dose at {depth:g} mm", change
