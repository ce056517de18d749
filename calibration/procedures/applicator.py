"""One applicator or cut-out against the reference applicator, measured itself: readings with the reference, with it, and with the reference again.
It gives a factor with its readings for the applicator's own history; the dose rate of a combination is its own output procedure, and nothing is derived."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, stdev
from typing import Any, Final

from calibration.dosimetry.beam import LEAST_READINGS, MOST_COV
from calibration.procedures.parts import LIVE, Charge, Setting, at_end, charges, numbers, recorded
from calibration.procedures.session import Figure, Judgement, Reading, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step

DRIFT: Final = 0.005
"""The reference before and after: as much as readings may vary."""
WARN, STOP = 0.02, 0.05
"""Against the mean of its own history: what needs an explanation, and what needs a second measurement."""
LEAST, MOST = 0.5, 1.5
"""Published factors are 0.88 to 1.00; beyond these something else was measured."""
FINE, COARSE = 3e-5, 2e-4
"""A display's last digit as a part of the reading: one exposure scatters by 1e-4 and more, so that above the first most readings may well be alike, and
above the second all of them."""
CUTOUT_MOST: Final = 1.005
"""Lead in an applicator takes scatter away and adds none, but for the readings' own scatter: above, the two were taken for one another."""


@dataclass(frozen=True)
class Measured:
    """Factor in air against the reference applicator, its uncertainty by chance, all readings in one air, and the change against its history (None: none)."""

    name: str
    reference: str
    factor: float
    u_pct: float
    readings_nc: tuple[float, ...]
    reference_nc: tuple[float, ...]
    change_pct: float | None

    def cutout(self, diameter_mm: float, by: str, at: datetime, ratio: Mapping[str, Any]) -> dict[str, Any]:
        """A cut-out as a certificate holds it, at the surface; `name` is its id, `reference` the applicator without it.

        `ratio` is that of both fields' backscatter, which readings in air do not hold (calibration/cutouts.py)."""
        return {
            "derived": False, "id": self.name, "applicator": self.reference, "diameter_mm": diameter_mm, "factor": self.factor * ratio["value"],
            "u_pct": math.hypot(self.u_pct, ratio["u_pct"]), "readings_nc": list(self.readings_nc), "reference_nc": list(self.reference_nc),
            "by": by, "at": at, "b_w_ratio": dict(ratio),
        }  # fmt: skip


def applicator_procedure(
    reference: Setting, name: str, cutout: str, charge: Charge, head: str, seconds: float, history: Sequence[float]
) -> Procedure:
    """`name` is the applicator that is measured, `cutout` "" or the lead that lies in it; `history` its own factors so far. ValueError: it is the reference."""
    what = cutout or name
    if what == reference.applicator:
        raise ValueError(f"{what} is the reference; measure its output")
    other = Setting(reference.kv, reference.ma, reference.filter, name)
    given = (("history", fmean(history) if history else 0.0), ("most", CUTOUT_MOST if cutout else MOST))

    def step(place: str, setting: Setting, n: int, connect: str, accept: Accept) -> Step:
        why = f"{what} is measured itself: three years of wrong factors came of a formula."
        return Step(
            place, why, connect, setting.exposes(seconds, n), LIVE, (charge.wanted, *recorded("counts_1")), accept, "A2"
        )

    fitted = f"Applicator {name}{f' with cut-out {cutout}' if cutout else ''}; {head}, moved by nobody."
    return Procedure(
        f"applicator {what} at {reference.kv:g} kV {reference.ma:g} mA {reference.filter}", "physics", (charge.serial,),
        (
            step("reference", reference, LEAST_READINGS, f"Applicator {reference.applicator}; {head}.", Accept(cov=MOST_COV, judgement="read-each")),
            step("applicator", other, LEAST_READINGS, fitted, Accept(cov=MOST_COV, judgement="read-each")),
            step(
                "reference again", reference, LEAST_READINGS, f"Applicator {reference.applicator} again; {head}.",
                Accept(cov=MOST_COV, judgement="applicator", numbers=given),
            ),
        ),
    )  # fmt: skip


def read_each(session: Session, step: Step) -> Verdict:
    """Readings that are all one number, digit for digit, were not read one by one; where most of them are, a person says why.

    A display whose last digit is coarse against the scatter of an exposure proves nothing by it."""
    values = session.values(step.id)
    alike, often = Counter(values).most_common(1)[0]
    digit = _last_digit(session, step) / abs(fmean(values)) if fmean(values) else math.inf
    warned = f"{often} of {len(values)} readings are {alike:g}, to the last digit"
    most = len(values) > 3 and 2 * often > len(values) and digit <= FINE
    if len(values) > 2 and often == len(values):
        if digit <= COARSE:
            return Verdict(
                f"{len(values)} readings are all {alike:g}, to the last digit; read each exposure, reject these, and repeat; where the display has no finer "
                "digit, expose longer: void the session, and write more seconds"
            )
        most = True
    return Verdict("", (warned,) if most else (), (Figure("mean", fmean(values), step.reading[0].unit),))


def _last_digit(session: Session, step: Step) -> float:
    """The smallest step that the display showed; zeros at the end of all readings are of a prefix that was written otherwise (pC as nC)."""
    texts = [one.event.text.split()[0] for one in session.kept(step.id) if isinstance(one.event, Reading)]
    return 10.0 ** -max((len(text.partition(".")[2].rstrip("0")) for text in texts), default=0)


def _found(session: Session, step: Step) -> Measured:
    before, mine, after = (charges(session, name) for name in ("reference", "applicator", "reference again"))
    drift = fmean(after) / fmean(before) - 1.0
    if abs(drift) > DRIFT:
        raise ValueError(
            f"the reference moved by {100 * drift:+.2f} % meanwhile, above {100 * DRIFT:g} %; warm up, and begin anew"
        )
    factor = fmean(mine) / fmean((*before, *after))
    most = numbers(step)["most"]
    if not LEAST <= factor <= most:
        raise ValueError(
            f"a factor of {factor:.3f} is not within {LEAST:g} to {most:g}; look at what is fitted, and when"
        )
    u = math.hypot(
        stdev(mine) / fmean(mine) / math.sqrt(len(mine)),
        stdev(before) / fmean(before) / math.sqrt(len(before)),
        0.5 * drift,
    )
    history = numbers(step)["history"]
    name = session.procedure.name.removeprefix("applicator ").partition(" at ")[0]
    exposes = session.procedure.steps[0].exposes
    return Measured(
        name,
        exposes.applicator if exposes else "",
        factor,
        100.0 * u,
        mine,
        (*before, *after),
        100.0 * (factor / history - 1.0) if history else None,
    )


def judged(session: Session, step: Step) -> Verdict:
    """The factor against its own history."""
    found = _found(session, step)
    figures: tuple[Figure, ...] = (Figure("factor in air", found.factor, ""), Figure("u (k = 1)", found.u_pct, "%"))
    if found.change_pct is None:
        return Verdict("", (), figures)
    change = abs(found.change_pct) / 100.0
    figures = (*figures, Figure("against its history", found.change_pct, "%"))
    if change > STOP:
        return Verdict(
            f"{found.name} moved by {found.change_pct:+.2f} %, above {100 * STOP:g} %; look at it, nobody is treated with it",
            (),
            figures,
        )
    warned = (f"{found.name} moved by {found.change_pct:+.2f} %, above {100 * WARN:g} %",) if change > WARN else ()
    return Verdict("", warned, figures)


def applicator(session: Session) -> Measured:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"read-each": read_each, "applicator": judged}
