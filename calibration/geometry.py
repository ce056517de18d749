"""Whether what a job file types of places and sizes can be so: chamber, plane, field, cut-out and applicator against one another, before anything is exposed;
and whether the chamber was as far away for the half-value layer as was said. It changes no number; what the numbers come to is calibration/output.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from calibration.equipment import Applicator, Chamber, unfit_for_field
from calibration.job import JobTable, OutputTable
from calibration.job_parts import FittedJob
from calibration.procedures.parts import charges, exposing, mean, net
from calibration.procedures.session import Session

SAME_MM: Final = 0.1
"""A size or a plane that is engraved is typed twice, and is the same."""
SSD_MM, SSD_TIMES = 1.0, 3.0
"""The effective distance of a combination lies so near to its applicator's, or within so many times that one's own uncertainty."""
FAR_PART: Final = 0.2
"""Charge for a count at two distances against the inverse square: an applicator's own scatter and a quarter of a metre of air come to 10 % (in the simulated
laboratory), and a chamber that was left at the applicator's plane to 2000 %. An assumption of this program."""
LONG_TIMES: Final = 1.13
"""A rectangle counts as no larger a field than a circle of the area of a square on its long side: the root of 4 / pi."""


def misplaced(job: JobTable, one: OutputTable) -> Iterator[str]:
    """What of an output cannot be so (hazards A2 and A12: two columns exchanged, a size of another applicator)."""
    m = one.measured
    chamber_mm, plane_mm = float(m["chamber_ref_to_focus_mm"]), float(m["plane_to_focus_mm"])
    if chamber_mm < plane_mm:
        yield (
            f"chamber_ref_to_focus_mm = {chamber_mm:g}, plane_to_focus_mm = {plane_mm:g}: the chamber would stand inside the applicator; "
            "see that the two are not exchanged"
        )
    fitted = next((each for each in job.facts.applicators if each.id == one.applicator), None)
    if fitted is None:
        return
    if abs(plane_mm - fitted.plane_to_focus_mm) > SAME_MM:
        yield f"plane_to_focus_mm = {plane_mm:g}: {fitted.id} has {fitted.plane_to_focus_mm:g} mm; measure it, and write the same twice"
    ssd_mm = float(one.combination["effective_ssd_mm"])
    if abs(ssd_mm - fitted.effective_ssd_mm) > max(SSD_MM, SSD_TIMES * fitted.u_mm):
        yield f"effective_ssd_mm = {ssd_mm:g}: {fitted.id} has {fitted.effective_ssd_mm:g} mm; see which is right"
    least, most = _field(fitted)
    if not least - SAME_MM <= float(m["field_mm"]) <= most + SAME_MM:
        yield f"field_mm = {m['field_mm']:g}: {fitted.id} has {least:g}{f' to {most:g}' if most > least else ''} mm; write that of this applicator"


def not_held(job: JobTable, one: OutputTable) -> Iterator[str]:
    """What `misplaced` could not look at."""
    if all(each.id != one.applicator for each in job.facts.applicators):
        yield f"plane, field and effective distance: {one.applicator} is none of certificate.facts.applicators, and nothing was held against them"


def too_large(job: JobTable, one: FittedJob) -> Iterator[str]:
    """Whether the chamber fits what is measured: a cut-out's own field, not that of the applicator around it (hazard A14)."""
    fitted, reference = job.applicator(one.applicator), job.output(one.reference)
    if one.diameter_mm is not None and one.diameter_mm >= fitted.field_mm:
        yield f"diameter_mm = {one.diameter_mm:g}: is no cut-out in {fitted.id}, whose field has {fitted.field_mm:g} mm; write its own"
    chamber = job.instrument(Chamber, str(reference.measured["chamber"]))
    wrong = unfit_for_field(chamber, one.diameter_mm or fitted.field_mm, reference.kv)
    if wrong:
        yield wrong


def not_far(one: OutputTable, hvl: Session, near: Session, near_counts: float) -> Iterator[str]:
    """Whether the chamber of the half-value layer was as far as its section says (hazard A2): scatter from the sheets is read too where it is near.

    `near` is the output's session, `near_counts` what channel 1 counted in one of its readings."""
    if near_counts <= 0.0:
        return  # refused by what a count is worth (calibration/draft.py)
    bare = exposing(hvl)[0].id
    per_count = mean(net(hvl, bare)) / mean(hvl.values(bare, "counts_1"))
    ratio = per_count / (mean(charges(near, "readings")) / near_counts)
    said_mm, near_mm = (
        float(one.hvl.chamber_mm) if one.hvl is not None else 0.0,
        float(one.measured["chamber_ref_to_focus_mm"]),
    )
    if said_mm and ratio > 0.0 and abs(ratio * (said_mm / near_mm) ** 2 - 1.0) > FAR_PART:
        yield (
            f"hvl-{one.name}: by the inverse square against the output the chamber stood at {near_mm / math.sqrt(ratio):.0f} mm, and {said_mm:g} mm are "
            "written; measure the half-value layer anew, with the narrow beam"
        )


def _field(fitted: Applicator) -> tuple[float, float]:
    """The smallest and the largest size that the field may be called."""
    sides = [each for each in (fitted.diameter_mm, fitted.a_mm, fitted.b_mm) if each is not None]
    return min(sides), max(sides) * (1.0 if fitted.shape == "circle" else LONG_TIMES)
