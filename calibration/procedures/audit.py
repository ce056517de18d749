"""Output audit: capsules of another house are given a dose that this program states, and what that house reads of them comes back, days later.
It compares the two and reads no capsule; whether a certificate needs an audit, and of which tube, is calibration/gates.py and calibration/draft.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from calibration.gates import AUDIT_PCT
from calibration.measured import AuditTable
from calibration.procedures.parts import LIVE, Setting, at_end, numbers
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Grammar, Procedure, Step, Wanted

CAPSULES: Final = "capsules"
IRRADIATE, RESULT = "irradiate", "result"
LEAST_MGY, MOST_MGY = 100.0, 50_000.0
"""What such a service takes; beyond, the number is in another unit."""


def audit_procedure(
    setting: Setting, seconds: float, r0_mgy_per_s: float, dt_s: float, by: str, capsules_no: str
) -> Procedure:
    """One exposure, and the result. ValueError: the stated dose is none that such a service reads."""
    stated = r0_mgy_per_s * (seconds + dt_s)
    if not LEAST_MGY <= stated <= MOST_MGY:
        raise ValueError(
            f"{seconds:g} s give {stated:.0f} mGy, and capsules are read from {LEAST_MGY:g} to {MOST_MGY:g}; write other seconds"
        )
    given = (("r0_mgy_per_s", r0_mgy_per_s), ("dt_s", dt_s))
    asked = "the capsules lay as their instruction says, with nothing else in the beam"
    irradiate = Step(
        IRRADIATE, "Who measures with a wrong chamber, or by a wrong rule, is found out by others only.",
        f"Capsules {capsules_no} of {by}, in their phantom at the plane of {setting.applicator}.", setting.exposes(seconds, 1), LIVE,
        (Wanted(asked, "", Grammar(0.0, 1.0), "told"),), Accept(judgement="told-yes"), "A13",
    )  # fmt: skip
    result = Step(
        RESULT, "The dose to water that they read of them, against the dose that is stated here.", f"What {by} read of {capsules_no}: leave until it is here.",
        None, (), (Wanted(CAPSULES, "mGy", Grammar(LEAST_MGY, MOST_MGY), "typed"),), Accept(judgement="audit", numbers=given), "A13",
    )  # fmt: skip
    return Procedure(
        f"audit {setting.kv:g} kV {setting.ma:g} mA {setting.filter} {setting.applicator}", "physics", ((CAPSULES, capsules_no),), (irradiate, result),
    )  # fmt: skip


def _stated_mgy(session: Session) -> float:
    """By the certificate that is to be: R0 and end effect, over the unit's own time."""
    given = numbers(session.procedure.steps[-1])
    (held,) = session.kept(IRRADIATE)
    assert held.timer_s is not None
    return given["r0_mgy_per_s"] * (held.timer_s + given["dt_s"])


def ratio(session: Session) -> float:
    """Stated over audited dose."""
    return _stated_mgy(session) / session.values(RESULT, CAPSULES)[-1]


def judged(session: Session, _step: Step) -> Verdict:
    """Within 5 %, or nobody is treated."""
    found = ratio(session)
    figures = Figure("stated", _stated_mgy(session), "mGy"), Figure("stated over audited", found, "")
    if abs(found - 1.0) > AUDIT_PCT / 100.0:
        return Verdict(
            f"{_stated_mgy(session):.0f} mGy were stated and {session.values(RESULT, CAPSULES)[-1]:g} read: {100 * (found - 1):+.2f} %, above "
            f"{AUDIT_PCT:g} %; find out which is wrong, nobody is treated",
            (),
            figures,
        )
    return Verdict("", (), figures)


def audit(session: Session, kind: str, by: str, u_pct: float, tube_serial: str) -> AuditTable:
    """As a certificate holds it; it was made when the capsules were irradiated. ValueError: the session is not at its end."""
    at_end(session)
    (held,) = session.kept(IRRADIATE)
    table = {
        "kind": kind,
        "by": by,
        "at": held.event.at.replace(microsecond=0),
        "ratio": round(ratio(session), 6),
        "u_pct": u_pct,
    }
    return AuditTable.model_validate(table | {"tube_serial": tube_serial})


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"audit": judged}
