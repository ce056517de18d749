"""What an order comes to while it is written: depth dose, factors, D0, skin, time, the second calculation beside them, and every reason to refuse it.
It writes nothing and decides nothing at the machine: at loading the real-time process works all of it out anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from calibration.facts import CutoutTable
from calibration.time_table import TimesTable, independent, load_times, time_of
from console import second_calculation as second
from console.certificate import checked_of
from console.configuration import Rig
from console.limits import narrowed
from console.prescribe.draft import Draft, Looked, Wrong, for_calculation, looked
from console.treat.independent import CUTOUT_PART
from controller.conversion import converted, depth_dose, interpolated
from controller.prescribed import Certificate, Combination, Prescribed
from controller.refusals import SHORTEST_RAMPS, SHORTEST_S
from hal.errors import ConfigurationError
from hal.readings import Purpose
from interlocks.limits import ABSOLUTE, MODES, narrow
from interlocks.words import Limits

AGREE: Final = 0.005
AGREE_S: Final = 0.02
STEP_S: Final = 0.01
SAME_MM: Final = 0.05
BEGINS: Final = (
    ("depth", "depth_mm"),
    ("bolus", "bolus_or_cover_mm"),
    ("cut-out factor", "cutout_factor"),
    ("cut-out", "cutout_id"),
    ("prescribed dose", "rx_mgy"),
    ("gap", "gap_mm"),
)
"""How the conversion's refusals begin, and to which field each belongs."""


@dataclass(frozen=True)
class Basis:
    """What an order is held against. `no_certificate` says why there is none; `cutouts` are None where the certificate is of a simulated plant."""

    certificate: Certificate | None
    no_certificate: str
    cutouts: tuple[CutoutTable, ...] | None
    limits: Limits
    times: TimesTable | None = None
    no_times: str = ""


@dataclass(frozen=True)
class Numbers:
    """Term by term. Doses in mGy, `skin_most_mgy` and `time_most_s` the least of the caps."""

    rx_mgy: float
    depth_mm: float
    reach_mm: float
    pdd_pct: float
    gap_factor: float
    cutout_factor: float
    factor: float
    d0_mgy: float
    skin_mgy: float
    skin_most_mgy: float
    r0_mgy_per_s: float
    dt_s: float
    time_s: float
    time_most_s: float
    ends_by: str


@dataclass(frozen=True)
class Line:
    """One figure beside the second calculation's."""

    name: str
    first: float
    second: float
    unit: str
    agrees: bool


@dataclass(frozen=True)
class Worked:
    """`ready`: whole, and nothing stands against it. `remarks` refuse nothing yet."""

    looked: Looked
    wrong: tuple[Wrong, ...]
    numbers: Numbers | None
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]

    @property
    def ready(self) -> bool:
        return self.looked.file is not None and not self.wrong and self.numbers is not None


def basis_of(rig: Rig, wall_s: float) -> Basis:
    """The certificate in force, the limits of a treatment and the typed times of this rig. Raises ConfigurationError for the rig's own limits."""
    limits = narrow(ABSOLUTE, narrowed(rig), MODES[Purpose.TREAT])
    try:
        checked = checked_of(rig, wall_s)
    except ConfigurationError as error:
        return Basis(None, str(error), None, limits)
    cutouts = tuple(checked.table.facts.cutouts) if checked.table.basis == "measured" else None
    if rig.time_table is None:
        lacking = (
            ""
            if rig.simulated
            else "no time table is named in the rig file; first: have the physicist type and sign one: without it nothing is treated"
        )
        return Basis(checked.numbers, "", cutouts, limits, None, lacking)
    try:
        times = load_times(
            rig.time_table,
            rig.signer_public_key,
            wall_s,
            rig.file.tube.serial,
            rig.file.safety_unit.serial,
            checked.numbers.id,
        )
    except ConfigurationError as error:
        return Basis(checked.numbers, "", cutouts, limits, None, str(error))
    return Basis(checked.numbers, "", cutouts, limits, times)


def worked(draft: Draft, basis: Basis, written: Prescribed | None = None) -> Worked:
    """Everything that can be said of the draft as it is; `written` is the order that it was taken from, where there is one."""
    found = looked(draft)
    wrong, remarks = list(found.wrong), [basis.no_times] if basis.no_times else []
    if basis.certificate is None:
        wrong.append(Wrong("applicator", f"no order without a certificate in force: {basis.no_certificate}"))
        return Worked(found, tuple(wrong), None, (), tuple(remarks))
    order = written or for_calculation(draft)
    used = None if order is None else second.combination(basis.certificate, order)
    if order is not None and used is None:
        wrong.append(Wrong("applicator", _no_combination(order, basis.certificate)))
    if order is None or used is None:
        return Worked(found, tuple(wrong), None, (), tuple(remarks))
    wrong += _lead(draft, order, basis.cutouts)
    first = converted(order, used)
    if isinstance(first, tuple):
        wrong += [Wrong(_field(words), _first(words)) for words in first]
        return Worked(found, tuple(wrong), None, (), tuple(remarks))
    numbers = _numbers(order, used, basis, first.rx_factor, first.d0_mgy, first.skin_mgy)
    wrong += _caps(order, used, basis, numbers)
    other = second.calculate(order, used, 0.0)
    if isinstance(other, str):
        wrong.append(Wrong("", f"no second calculation: {other}"))
        return Worked(found, tuple(wrong), numbers, (), tuple(remarks))
    lines = _lines(numbers, other)
    differ = [one.name for one in lines if not one.agrees]
    if differ:
        wrong.append(Wrong("", f"the second calculation differs ({', '.join(differ)}); first: have the physicist look"))
    typed = _typed(order, numbers, basis.times)
    if isinstance(typed, Wrong):
        wrong.append(typed)
    elif isinstance(typed, str):
        remarks.append(typed)
    return Worked(found, tuple(wrong), numbers, lines, tuple(remarks))


def _no_combination(order: Prescribed, certificate: Certificate) -> str:
    asked = f"{order.kv:g} kV, {order.ma:g} mA, filter {order.filter_id}, applicator {order.applicator_id}"
    has = "; ".join(
        f"{c.kv:g} kV, {c.ma:g} mA, filter {c.filter_id}, applicator {c.applicator_id}"
        for c in certificate.combinations
    )
    return f"{asked} has no entry in the signed certificate {certificate.id}, which has {has}; first: choose one of these, or have it measured and signed"


def _lead(draft: Draft, order: Prescribed, cutouts: tuple[CutoutTable, ...] | None) -> Iterator[Wrong]:
    """A cut-out is one that was measured: by its name, in this applicator and beam, with its factor and its size (hazard A4)."""
    if not draft.cutout_id or cutouts is None:
        return
    fits = [
        one for one in cutouts
        if one.applicator == order.applicator_id and one.b_w_ratio is not None and (one.b_w_ratio.kv, one.b_w_ratio.filter) == (order.kv, order.filter_id)
    ]  # fmt: skip
    found = next((one for one in fits if one.id == draft.cutout_id), None)
    if found is None:
        known = ", ".join(one.id for one in fits) or "none"
        yield Wrong(
            "cutout_id",
            f"cut-out {draft.cutout_id} was not measured in this applicator and beam; measured were: {known}; first: choose one of these, or have it measured",
        )
        return
    if abs(order.cutout_factor - found.factor) > CUTOUT_PART * found.factor:
        yield Wrong(
            "cutout_factor",
            f"cut-out factor {order.cutout_factor:g} is not that of {found.id}, {found.factor:g}; first: write {found.factor:g}",
        )
    if draft.cutout_diameter_mm is not None and abs(draft.cutout_diameter_mm - found.diameter_mm) > SAME_MM:
        yield Wrong(
            "cutout_diameter_mm",
            f"diameter {draft.cutout_diameter_mm:g} mm is not that of {found.id}, {found.diameter_mm:g} mm; first: write that",
        )


def _numbers(p: Prescribed, c: Combination, basis: Basis, factor: float, d0: float, skin: float) -> Numbers:
    assert basis.certificate is not None
    table = depth_dose(p, c)
    pdd = (interpolated(table, p.reach_mm) if not isinstance(table, str) else None) or 0.0
    return Numbers(
        rx_mgy=p.rx_mgy, depth_mm=p.depth_mm, reach_mm=p.reach_mm, pdd_pct=pdd, gap_factor=factor / (pdd / 100.0 * p.cutout_factor),
        cutout_factor=p.cutout_factor, factor=factor, d0_mgy=d0, skin_mgy=skin, skin_most_mgy=min(basis.limits.skin_max_mgy, c.max_skin_mgy),
        r0_mgy_per_s=c.r0_mgy_per_s, dt_s=c.dt_s, time_s=STEP_S * round((d0 / c.r0_mgy_per_s - c.dt_s) / STEP_S),
        time_most_s=min(basis.limits.time_max_s, c.max_time_s), ends_by=basis.certificate.termination.name.lower(),
    )  # fmt: skip


def _caps(p: Prescribed, c: Combination, basis: Basis, n: Numbers) -> Iterator[Wrong]:
    """The bounds that the real-time process will hold it to."""
    assert basis.certificate is not None
    limits = basis.limits
    whose = f"applicator {c.applicator_id}" if c.max_skin_mgy <= limits.skin_max_mgy else "limits"
    if n.skin_mgy > n.skin_most_mgy:
        yield Wrong(
            "rx_mgy",
            f"skin dose {n.skin_mgy:.1f} mGy is above {n.skin_most_mgy:g} ({whose}); first: prescribe less, less deep, or another combination",
        )
    if p.rx_mgy > limits.rx_max_mgy:
        yield Wrong(
            "rx_mgy", f"prescribed dose {p.rx_mgy:g} mGy is above {limits.rx_max_mgy:g} (limits); first: prescribe less"
        )
    if n.time_s > n.time_most_s:
        yield Wrong(
            "rx_mgy",
            f"beam time {n.time_s:.1f} s is above {n.time_most_s:g} (limits, applicator); first: prescribe less, or another combination",
        )
    least_s = max(SHORTEST_S, SHORTEST_RAMPS * basis.certificate.ramp_s, limits.time_min_s)
    if n.time_s < least_s:
        yield Wrong(
            "rx_mgy",
            f"beam time {n.time_s:.2f} s is below {least_s:.2f} s (3 s, ten ramps, limits); first: choose a combination with a lower rate",
        )


def _lines(n: Numbers, other: second.Second) -> tuple[Line, ...]:
    pairs = (
        ("factor", n.factor, other.factor, "", 0.0), ("d0", n.d0_mgy, other.d0_mgy, "mGy", 0.0), ("skin", n.skin_mgy, other.skin_mgy, "mGy", 0.0),
        ("time", n.time_s, other.set_time_s, "s", AGREE_S),
    )  # fmt: skip
    return tuple(
        Line(name, one, two, unit, abs(one - two) <= max(AGREE * two, least)) for name, one, two, unit, least in pairs
    )


def _typed(p: Prescribed, n: Numbers, times: TimesTable | None) -> Wrong | str | None:
    """Held against the physicist's own table: more than 5 % apart is refused, and what it does not have is said now and refused at loading."""
    if times is None:
        return None
    bare, depth_mm = p.rx_mgy / (n.gap_factor * p.cutout_factor), p.reach_mm
    if p.cutout_id and depth_mm > 0.0:
        # under lead at a depth by the cut-out's own depth dose: no table of an open field knows it
        bare, depth_mm = bare / (n.pdd_pct / 100.0), 0.0
    typed = time_of(times, (p.kv, p.ma, p.filter_id, p.applicator_id), depth_mm, bare)
    if isinstance(typed, str):
        return typed
    found = independent(n.time_s, typed)
    words = f"the planned time, {n.time_s:.2f} s, is {100 * found.off:+.1f} % off that of time table {times.id}, {typed:.2f} s"
    if not found.agrees:
        return Wrong("", f"{words}, bound 5 %; first: have the physicist look")
    return f"{words}; first: tell the physicist" if found.warned else None


def _field(words: str) -> str:
    return next((field for begin, field in BEGINS if words.startswith(begin)), "")


def _first(words: str) -> str:
    """The real-time process says what to do behind a semicolon."""
    what, _, do = words.rpartition("; ")
    return f"{what}; first: {do}"
