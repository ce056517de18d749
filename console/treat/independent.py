"""The second half of the second calculation: the offered time against the physicist's typed and signed table, and against the time of fraction 1.
It shares no dose rate and no depth dose of an open field with the certificate; gap and cut-out, which the table leaves out, are put in by inverse square or
gap table, and under a cut-out at a depth by the cut-out's own depth dose: the typed table is then asked at the surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from calibration.certificate import Checked
from calibration.time_table import (
    NEVER,
    PHYSICIST,
    STOP,
    WARN,
    TimesTable,
    against_first,
    independent,
    load_times,
    time_of,
)
from console.configuration import Rig
from console.day.sheets import signers_of
from console.kept import first_set_time_s
from console.second_calculation import Compared, combination, on_line, under
from console.treat.times_kept import FOLDER, keep
from controller.prescribed import Certificate, Combination, Prescribed
from controller.requests import Offer
from controller.tags import fraction_tag, plan_tag
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.overrides import overriding
from records.sheets import Sheet, Signers, taken

NOBODY: Final = Signers()
UNKNOWN_FIRST: Final = (
    "not in these records: see that they are the patient's, or have the physicist approve a new version"
)
"""Of a first version that is not begun with: what could not be compared is no agreement (hazard A1)."""
CUTOUT_PART: Final = 0.005
"""The factor that is ordered is one that was measured, to its digits; the typed table leaves it out, so nothing else would find a wrong one (hazard A4)."""


@dataclass(frozen=True)
class Beside:
    """What a time is held against: the typed table (None: a simulated rig without one), and the set time of fraction 1 (None: these records have none)
    with the sheets in which a physicist may have spoken of it, and whose signatures count; `cutouts`: factors at the surface that were measured in the order's
    applicator and beam (None: a simulated plant's certificate, which knows none), and `in_air` those that hold no backscatter, which serve no order."""

    times: TimesTable | None = None
    first_s: float | None = None
    sheets: tuple[Sheet, ...] = ()
    signers: Signers = NOBODY
    cutouts: tuple[float, ...] | None = None
    in_air: tuple[str, ...] = ()


def beside(rig: Rig, prescribed: Prescribed, checked: Checked, wall_s: float, resumed: bool) -> Beside:
    """Load what belongs to this rig and order. Raises ConfigurationError: a real rig treats nobody without a table, nor by an older one than it had."""
    times, certificate = None, checked.numbers
    cutouts, in_air = lead(checked, prescribed) if checked.table.basis == "measured" else (None, ())
    if rig.time_table is not None:
        named = rig.file.tube.serial, rig.file.safety_unit.serial, certificate.id
        times = load_times(rig.time_table, rig.signer_public_key, wall_s, *named)
        keep(rig.records / FOLDER, times)
    elif not rig.simulated and prescribed.purpose is Purpose.TREAT:
        raise ConfigurationError(
            f"{rig.path}: certificate.time_table is missing; first: have the physicist type and sign times of another calculation, and write their path"
        )
    later = prescribed.fraction > 1 and not resumed and prescribed.purpose is Purpose.TREAT
    if not later:
        return Beside(times, cutouts=cutouts, in_air=in_air)
    return Beside(times, first_set_time_s(rig, prescribed), taken(rig.records), signers_of(rig), cutouts, in_air)


def lead(checked: Checked, prescribed: Prescribed) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The cut-outs of the order's applicator: factors at the surface in its own beam, and the names of those whose factor is of readings in air alone.

    Another kV or filter scatters back another part, so a factor is of the beam that it was measured in. An order that names one is held against that one."""
    named = prescribed.cutout_id
    mine = [
        one
        for one in checked.table.facts.cutouts
        if one.applicator == prescribed.applicator_id and named in ("", one.id)
    ]
    beam = (prescribed.kv, prescribed.filter_id)
    whole = [(one.factor, one.b_w_ratio) for one in mine if one.b_w_ratio is not None]
    factors = tuple(factor for factor, ratio in whole if (ratio.kv, ratio.filter) == beam)
    return factors, tuple(one.id for one in mine if one.b_w_ratio is None)


def compared(
    prescribed: Prescribed, certificate: Certificate, offer: Offer, resumed: bool, others: Beside
) -> tuple[Compared, ...] | str:
    """The lines to show and to obey, or the words why there is no second calculation."""
    if prescribed.purpose is not Purpose.TREAT:
        return ()
    lines: list[Compared] = []
    used = combination(certificate, prescribed)
    if others.times is not None and used is not None:
        typed = typed_s(prescribed, used, offer, others.times)
        if isinstance(typed, str):
            return typed
        found = independent(offer.set_time_s, typed)
        told = (
            f" ({100 * found.off:+.1f} %: above {100 * (WARN if found.agrees else STOP):g} %)" if found.warned else ""
        )
        lines.append(
            Compared("set time, typed table", f"{offer.set_time_s:.2f} s", f"{typed:.2f} s{told}", found.agrees)
        )
    if (prescribed.cutout_id or prescribed.cutout_factor != 1.0) and others.cutouts is not None:
        known = any(abs(prescribed.cutout_factor - one) <= CUTOUT_PART * one for one in others.cutouts)
        said = _measured(others.cutouts, others.in_air)
        lines.append(Compared("cut-out factor", f"{prescribed.cutout_factor:g}", said, known))
    if others.first_s is not None and not resumed:
        word = overriding(
            others.sheets, others.signers, fraction_tag(prescribed), plan_tag(prescribed), certificate.sha256,
            (offer.set_time_s, others.first_s),
        )  # fmt: skip
        first = against_first(offer.set_time_s, others.first_s, physicist=word is not None)
        whose = (
            f"above {100 * PHYSICIST:g} %: needs the physicist (kerma sheet override)"
            if first.overridable
            else f"above {100 * NEVER:g} %: nobody may"
        )
        if first.agrees and word is not None:
            whose = f"above {100 * PHYSICIST:g} %: {word.who} has signed for it"
        told = f" ({100 * first.off:+.1f} %, {whose})" if first.warned else ""
        lines.append(
            Compared("set time, fraction 1", f"{offer.set_time_s:.2f} s", f"{others.first_s:.2f} s{told}", first.agrees)
        )
    elif prescribed.fraction > 1 and not resumed:
        later = prescribed.version > 1
        told = "this version's first" if later else UNKNOWN_FIRST
        lines.append(Compared("set time, fraction 1", f"{offer.set_time_s:.2f} s", told, later))
    return tuple(lines)


def typed_s(prescribed: Prescribed, used: Combination, offer: Offer, times: TimesTable) -> float | str:
    """The typed table's time for this offer, with gap and cut-out put in; or the words why it has none."""
    as_typed = _as_typed(prescribed, used, offer)
    key = (prescribed.kv, prescribed.ma, prescribed.filter_id, prescribed.applicator_id)
    return as_typed if isinstance(as_typed, str) else time_of(times, key, *as_typed)


def _measured(factors: tuple[float, ...], in_air: tuple[str, ...]) -> str:
    """What was measured, in words; what serves no order with what makes it serve one."""
    said = ", ".join(f"{one:g}" for one in factors) or "none was measured in this applicator and beam"
    if in_air:
        said += f"; {', '.join(in_air)}: of readings in air, without backscatter: have the physicist draft and sign the certificate anew"
    return said


def _as_typed(prescribed: Prescribed, used: Combination, offer: Offer) -> tuple[float, float] | str:
    """The depth (mm) and the dose there (mGy) that would take this time at gap 0 and without a cut-out; for a resumed fraction, of the rest.

    What lies at a depth under lead is taken to the surface: no table of an open field knows how the smaller one falls (hazard A12)."""
    f, g, z = used.effective_ssd_mm, prescribed.gap_mm, prescribed.reach_mm
    gap = ((f + z) / (f + g + z)) ** 2 if not used.closed_end else on_line(used.gap_table, g) if g else 1.0
    if gap is None:
        return f"gap_mm = {g}: the certificate's gap table does not reach it"
    dose_mgy = prescribed.rx_mgy * offer.rest_mgy / offer.d0_mgy / (gap * prescribed.cutout_factor)
    if not prescribed.cutout_id or z <= 0.0:
        return z, dose_mgy
    depths = under(prescribed, used)
    if isinstance(depths, str):
        return depths
    pdd = on_line(depths, z)
    return (
        f"depth_mm = {z}: the cut-out's depth table does not reach it"
        if pdd is None
        else (0.0, dose_mgy / (pdd / 100.0))
    )
