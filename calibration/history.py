"""How far a certificate is from all that were accepted before it, so that small steps do not add up to a large one that nobody explained.
It reads no file: it is given the tables, and says in words what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from calibration.equipment import stamp
from calibration.formulas import linear
from calibration.gates import EXPLAIN_PCT, REFUSE_PCT, SECOND_PCT
from calibration.measured import SecondCheckTable
from calibration.output import first_at
from calibration.schema import APART_KV, APART_MA, CertificateTable, CombinationTable

Brings = Callable[[CertificateTable, CombinationTable], bool]


def _explained(table: CertificateTable, c: CombinationTable) -> bool:
    """Whether it explains this combination: what it leaves out it says nothing of."""
    return bool(table.explanation.strip()) and _of(table, c) is not None


def _checked(table: CertificateTable, c: CombinationTable) -> bool:
    """Whether a second check of it is of this combination; one without its readings does not say of which it was (hazard A2)."""
    raws = [one.raw for one in table.second_checks.values() if one.raw is not None]
    of = {(raw.kv, raw.ma, raw.filter, raw.applicator) for raw in raws}
    return any(same(c, one) for one in table.combinations if (one.kv, one.ma, one.filter, one.applicator) in of)


def _exchanged(table: CertificateTable, c: CombinationTable) -> bool:
    """Whether this combination was measured after the part that it records was exchanged: before that it was another machine's."""
    change = table.component_change
    return change is not None and c.measured is not None and first_at(c.measured) > change.at


LEVELS: Final[tuple[tuple[float, str, Brings, str], ...]] = (
    (EXPLAIN_PCT, "explanation of it", _explained, "say why"),
    (SECOND_PCT, "second_check of it", _checked, "have a second physicist measure this very combination with another chamber"),
    (REFUSE_PCT, "component_change before it", _exchanged, "record what was exchanged, and measure everything from scratch"),
)  # fmt: skip
"""A change above so many percent, what a certificate brings for it and whether it does for a combination, and what to do first."""


def unexplained(new: CertificateTable, before: Sequence[CertificateTable]) -> Iterator[str]:
    """Which combination moved too far since the last certificate that brought for it what such a change asks for (hazard A1). `before`: accepted ones, the
    newest first."""
    for c in new.combinations:
        for bound, what, brings, first in LEVELS:
            if brings(new, c):
                continue
            for words in _far(new, c, before, bound, brings):
                yield f"{words}, and no certificate since has {what}; first: {first}, and sign again"


def _far(
    new: CertificateTable, c: CombinationTable, before: Sequence[CertificateTable], bound: float, brings: Brings
) -> Iterator[str]:
    """What of a combination moved by more than the bound, from each certificate up to the last one that brought what it asks for."""
    for old in before:
        was = _of(old, c)
        for name, change in () if was is None else moved(c, was, new.termination == "monitor"):
            if abs(change) > bound:
                yield (
                    f"{c.kv:g} kV, {c.ma:g} mA, {c.filter}, {c.applicator}: {name} is {change:+.2f} % from that of {old.id}, above {bound:g} %"
                )
        if brings(old, c):
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
