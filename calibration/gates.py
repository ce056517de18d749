"""What a certificate must bring beside its numbers, by how far R0 moved since the last one: explanation, second physicist and chamber, new part, audit.
It compares and refuses in words; it reads no file and trusts no sum that it can work out itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from calibration.equipment import named_alike
from calibration.measured import AuditTable, ComponentTable, SecondCheckTable

EXPLAIN_PCT: Final = 2.0
SECOND_PCT: Final = 5.0
REFUSE_PCT: Final = 10.0
AUDIT_PCT: Final = 5.0
SECOND_DAYS: Final = 30
"""A second check belongs to this measurement, and not to one of years ago."""
SECOND_AGREES_PCT: Final = 2.0
"""A second physicist's result lies so near to the first; an assumption of this program, as tight as what needs no explanation."""

Key = tuple[float, float, str, str]
"""kV, mA, filter, applicator."""


@dataclass(frozen=True)
class Combined:
    """One combination for the gates: R0 now, R0 of the certificate that this one supersedes (0: it had none), chamber, readings, and when they began."""

    key: Key
    r0_mgy_per_s: float
    last_r0_mgy_per_s: float
    chamber: str
    readings: tuple[float, ...]
    first_at: datetime

    @property
    def change_pct(self) -> float:
        """0 where there is nothing to compare with."""
        return 100.0 * (self.r0_mgy_per_s / self.last_r0_mgy_per_s - 1.0) if self.last_r0_mgy_per_s else 0.0


@dataclass(frozen=True)
class Brought:
    """What the certificate brings beside the numbers; `signers` have a key each, and `by` measured."""

    supersedes: str
    explanation: str
    second_checks: Mapping[str, SecondCheckTable]
    component_change: ComponentTable | None
    audit: AuditTable | None
    signers: tuple[str, ...]
    by: frozenset[str]


def largest_change_pct(combinations: tuple[Combined, ...]) -> float:
    """The largest change of any combination, without its sign."""
    return max((abs(one.change_pct) for one in combinations), default=0.0)


def signatures_wanted(combinations: tuple[Combined, ...]) -> int:
    """How many physicists must sign."""
    return 2 if largest_change_pct(combinations) > SECOND_PCT else 1


def refused(combinations: tuple[Combined, ...], brought: Brought) -> Iterator[str]:
    """Why the certificate may not be used; nothing when it may."""
    yield from _copied(combinations)
    if not brought.supersedes:
        yield from _first(combinations, brought.audit)
        return
    by_change = sorted(combinations, key=lambda one: -abs(one.change_pct))
    change = abs(by_change[0].change_pct)
    worst = f"{named(by_change[0].key)}: {by_change[0].change_pct:+.2f} % since {brought.supersedes}"
    if change > EXPLAIN_PCT and not brought.explanation.strip():
        yield f"{worst}, above {EXPLAIN_PCT:g} %, and explanation is empty; first: say why, and sign again"
    new = [named(one.key) for one in combinations if not one.last_r0_mgy_per_s]
    if new and not brought.explanation:
        yield f"{', '.join(new)}: was not in {brought.supersedes}, and explanation is empty; first: say why it is new, and sign again"
    if change > SECOND_PCT:
        yield from second(combinations, brought, worst)
    if change > REFUSE_PCT:
        yield from scratch(combinations, brought, worst)


def unchecked(combinations: tuple[Combined, ...], checks: Iterable[SecondCheckTable], supersedes: str) -> Iterator[str]:
    """Each combination that moved above SECOND_PCT and that no second check is of: another one was measured again in its place (hazards A2 and A5)."""
    of = {(one.raw.kv, one.raw.ma, one.raw.filter, one.raw.applicator) for one in checks if one.raw is not None}
    for one in combinations:
        if abs(one.change_pct) > SECOND_PCT and one.key not in of:
            yield (
                f"{named(one.key)}: {one.change_pct:+.2f} % since {supersedes}, above {SECOND_PCT:g} %, and no second check is of it; "
                "first: have the second physicist measure this very combination (second-OUTPUT), and draft again"
            )


def compared_with_last(combinations: tuple[Combined, ...], last: Mapping[Key, float], supersedes: str) -> Iterator[str]:
    """Whether the certificate says of the last one what the last one says itself."""
    for one in combinations:
        was = last.get(one.key, 0.0)
        if abs(one.last_r0_mgy_per_s - was) > 1e-9 * max(was, 1.0):
            yield f"{named(one.key)}: last_r0_mgy_per_s = {one.last_r0_mgy_per_s!r}, and {supersedes} says {was!r}; first: write that, and sign again"


def _copied(combinations: tuple[Combined, ...]) -> Iterator[str]:
    """Readings of one combination under the name of another (hazard A2)."""
    seen: dict[tuple[float, ...], Key] = {}
    for one in combinations:
        other = seen.setdefault(one.readings, one.key)
        if other != one.key:
            yield f"{named(one.key)}: has the very readings of {named(other)}; first: measure it itself, nothing is derived"


def _first(combinations: tuple[Combined, ...], audit: AuditTable | None) -> Iterator[str]:
    if any(one.last_r0_mgy_per_s for one in combinations):
        yield "last_r0_mgy_per_s stands in a certificate that supersedes none; first: name the one that it supersedes"
    if audit is None:
        yield "the first certificate of a tube has no audit; first: have its output audited by others, and write the result"
    elif abs(audit.ratio - 1.0) > AUDIT_PCT / 100.0:
        yield f"audit.ratio = {audit.ratio:.3f}: is off by more than {AUDIT_PCT:g} %; first: find out which is wrong, nobody is treated"


def second(combinations: tuple[Combined, ...], brought: Brought, worst: str) -> Iterator[str]:
    """What a change above SECOND_PCT asks for, `worst` in words, and the certificate does not bring."""
    if len(brought.signers) < 2:
        yield f"{worst}, above {SECOND_PCT:g} %, and one physicist has signed; first: have a second one measure and sign"
    if not brought.second_checks:
        yield f"{worst}, above {SECOND_PCT:g} %, and second_check is missing; first: have it measured again with another chamber"
    yield from unfit(combinations, brought)


def unfit(combinations: tuple[Combined, ...], brought: Brought) -> Iterator[str]:
    """Why a second check that stands there is none, whether it is asked for or not."""
    for where, one in brought.second_checks.items():
        yield from _checked(where, one, combinations, brought)


def _checked(
    where: str, second: SecondCheckTable, combinations: tuple[Combined, ...], brought: Brought
) -> Iterator[str]:
    """Whether a second check is by another physicist who has signed, with another chamber, of this measurement, and agrees."""
    if second.chamber in {one.chamber for one in combinations}:
        yield f"{where}.chamber = {second.chamber}: is the first one too; first: take another chamber"
    first_at = min(one.first_at for one in combinations)
    if second.at < first_at - timedelta(days=SECOND_DAYS):
        yield f"{where}.at = {second.at.date()}: is more than {SECOND_DAYS} days before the first reading; first: have this output measured again"
    if named_alike(second.who) not in map(named_alike, brought.signers):
        yield f"{where}.who = {second.who}: has not signed; first: have the second physicist sign what was measured"
    if named_alike(second.who) in map(named_alike, brought.by):
        yield f"{where}.who = {second.who}: measured it the first time too; first: have another physicist measure"
    if abs(second.result_pct) > SECOND_AGREES_PCT:
        yield f"{where}.result_pct = {second.result_pct:+.2f}: the two differ by more than {SECOND_AGREES_PCT:g} %; first: find out why"


def scratch(combinations: tuple[Combined, ...], brought: Brought, worst: str) -> Iterator[str]:
    """What a change above REFUSE_PCT asks for, `worst` in words, and the certificate does not bring."""
    change = brought.component_change
    if change is None:
        yield f"{worst}, above {REFUSE_PCT:g} %: refused; first: record what was exchanged, and measure everything from scratch"
        return
    if change.old_serial == change.new_serial:
        yield f"component_change: {change.new_serial} was exchanged for itself; first: write both serial numbers"
    for one in combinations:
        if one.first_at <= change.at:
            yield f"{named(one.key)}: was measured before the {change.what} was exchanged; first: measure everything from scratch"


def named(key: Key) -> str:
    """A combination in words."""
    return f"{key[0]:g} kV, {key[1]:g} mA, {key[2]}, {key[3]}"
