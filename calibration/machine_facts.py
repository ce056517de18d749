"""The facts of a certificate beside its combinations, from finished sessions: scales, cut-outs, interrupt error, the tube's leakage and seasoning.
It takes what the job file types of tube and applicators, and lets no typed row stand beside a measured one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from calibration.cutouts import no_depth, ratio_part
from calibration.facts import CutoutTable
from calibration.job import JobTable
from calibration.job_parts import FittedJob
from calibration.procedures.applicator import applicator
from calibration.procedures.conditioning import seasoned
from calibration.procedures.interrupt import interrupted
from calibration.procedures.ma_offset import ma_offset, part, per_kv
from calibration.procedures.scales import scale
from calibration.procedures.session import Session
from calibration.procedures.survey import focal_spot, survey
from calibration.schema import CombinationTable

UNDER_IT: Final = {
    False: "at a depth it is refused, as no depth dose was measured under this lead",
    True: "at a depth by the depth dose under this lead, which stands there as it was typed",
}


@dataclass(frozen=True)
class Record:
    """A finished session that is of no output's combination, under its name in the job file, and by whom."""

    name: str
    session: Session
    by: str


def facts(job: JobTable, records: tuple[Record, ...], combinations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What stands in the certificate; `combinations` are those of the outputs, by their names, whose half-value layer a cut-out's backscatter goes by.

    ValueError: a typed number beside a measured one (hazard A2), or a session says otherwise than the tube's record."""
    found: dict[str, Any] = {**job.certificate.get("facts", {})}
    offsets = [part(ma_offset(one.session)) for one in records if one.name == "offset"]
    if offsets:
        _alone(found, "ma_offset", offsets[0])
    scales = [scale(one.session).part() for one in records if one.name.startswith("scale-")]
    if scales:
        _alone(found, "scales", scales)
    fitted = [record for record in records if record.name.startswith("fitted-")]
    cutouts = [one for one in (_cutout(job, record, combinations) for record in fitted) if one]
    if cutouts:
        _alone(found, "cutouts", cutouts)
    ratios = [interrupted(one.session).ratio for one in records if one.name.startswith("interrupt-")]
    if ratios:
        _alone(found, "interrupt_ratio", max(ratios, key=lambda ratio: abs(ratio - 1.0)))
    tube = found.get("tube")
    if tube is not None:
        found["tube"] = _tube(dict(tube), {one.name: one for one in records})
    return found


def _alone(found: dict[str, Any], key: str, measured: Any) -> None:
    if found.get(key):
        raise ValueError(
            f"certificate.facts.{key}: typed beside a finished session; take it out of the job file, measured is measured"
        )
    found[key] = measured


def _fitted(job: JobTable, record: Record) -> FittedJob:
    return next(one for one in job.fitted if record.name == f"fitted-{one.name}")


def _cutout(job: JobTable, record: Record, combinations: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """None: an applicator, whose output is its own combination's. ValueError: no backscatter is known for its field."""
    one = _fitted(job, record)
    if one.diameter_mm is None:
        return None
    at = record.session.last_at
    assert at is not None
    try:
        ratio = ratio_part(
            CombinationTable.model_validate(combinations[one.reference]), one.diameter_mm, one.backscatter
        )
    except ValueError as error:
        raise ValueError(f"{record.name}: {error}") from error
    row = applicator(record.session).cutout(one.diameter_mm, record.by, at.replace(microsecond=0), ratio)
    if one.depth is None:
        return row
    lead = CutoutTable.model_validate(row)
    wrong = next(no_depth(lead, one.depth, [CombinationTable.model_validate(c) for c in combinations.values()]), "")
    if wrong:
        raise ValueError(f"{record.name}: depth: {wrong}")
    return row | {"depth": one.depth.model_dump()}


def _tube(tube: dict[str, Any], records: Mapping[str, Record]) -> dict[str, Any]:
    """The tube's book with what was found since its last entry; an older session is in it already."""
    if "survey" in records:
        found = survey(records["survey"].session, records["survey"].by)
        if found.at > tube["leak_survey"]["at"]:
            tube["leak_survey"] = found.model_dump()
    if "conditioning" in records:
        session = records["conditioning"].session
        came, at = seasoned(session), session.last_at
        assert at is not None
        if at > tube["last_beam_at"]:
            tube |= {
                "arcs_total": tube["arcs_total"] + came.arcs,
                "ma_seconds": tube["ma_seconds"] + came.mas,
                "last_beam_at": at,
            }
    return tube


def told(job: JobTable, records: tuple[Record, ...]) -> tuple[str, ...]:
    """What sessions found that stands in no table of the certificate, in words."""
    words = []
    for one in records:
        if one.name.startswith("fitted-") and _fitted(job, one).diameter_mm is None:
            found = applicator(one.session)
            change = "none before" if found.change_pct is None else f"{found.change_pct:+.2f} % against its history"
            words.append(
                f"applicator {found.name} against {found.reference}: factor in air {found.factor:.4f}, u {found.u_pct:.2f} % (k = 1); {change}"
            )
        elif one.name.startswith("fitted-"):
            lead = applicator(one.session)
            words.append(
                f"cut-out {lead.name} in {lead.reference}: factor in air {lead.factor:.4f}, u {lead.u_pct:.2f} % (k = 1), which its own history holds; an "
                f"order takes the certificate's, at the surface; {UNDER_IT[_fitted(job, one).depth is not None]}"
            )
        if one.name == "offset":
            a_kv = per_kv(ma_offset(one.session))
            says = f"a bleeder of {1e-3 / a_kv:.3g} GOhm" if a_kv > 0.0 else "no bleeder"
            words.append(f"mA offset {1000.0 * a_kv:.3f} uA a kV in the read-back: {says}")
        if one.name == "spot":
            spot = focal_spot(one.session)
            words.append(f"focal spot {spot.size_mm:g} mm, {spot.off_mm:g} mm off the axis")
    return tuple(words)
