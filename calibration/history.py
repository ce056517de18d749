"""How far a certificate is from all that were accepted before it, so that small steps do not add up to a large one that nobody explained.
It reads no file: it is given the tables, and says in words what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from calibration.equipment import stamp
from calibration.formulas import linear
from calibration.gates import EXPLAIN_PCT, REFUSE_PCT, SECOND_PCT
from calibration.schema import APART_KV, APART_MA, CertificateTable, CombinationTable

LEVELS: Final = (
    (EXPLAIN_PCT, "explanation", "say why"),
    (SECOND_PCT, "second_check", "have a second physicist measure with another chamber"),
    (REFUSE_PCT, "component_change", "record what was exchanged, and measure everything from scratch"),
)
"""A change above so many percent, what a certificate brings for it, and what to do first."""


def unexplained(new: CertificateTable, before: Sequence[CertificateTable]) -> Iterator[str]:
    """What moved too far since the last certificate that brought what such a change asks for (hazard A1). `before`: accepted ones, the newest first."""
    for bound, key, first in LEVELS:
        if getattr(new, key):
            continue
        for old in before:
            for c in new.combinations:
                was = next((one for one in old.combinations if same(c, one)), None)
                for name, change in () if was is None else moved(c, was, new.termination == "monitor"):
                    if abs(change) > bound:
                        yield (
                            f"{c.kv:g} kV, {c.ma:g} mA, {c.filter}, {c.applicator}: {name} is {change:+.2f} % from that of {old.id}, above {bound:g} %, "
                            f"and no certificate since has {key}; first: {first}, and sign again"
                        )
            if getattr(old, key):
                break


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
        for key in ("second_check", "component_change"):
            if getattr(new, key) and getattr(new, key) == getattr(old, key):
                yield f"{key}: is that of {old.id}, word for word; first: say what is so this time"
        if _read(new) and _read(new) == _read(old):
            yield f"second_check.raw: are the readings of {old.id}, digit for digit; first: have it measured again"


def _read(table: CertificateTable) -> tuple[float, ...]:
    """What the second physicist read; nothing where none did, or the certificate does not hold it."""
    second = table.second_check
    return () if second is None or second.raw is None else tuple(one.nc for one in second.raw.measured.readings)


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
