"""Beam before a measurement until the tube is steady: exposures of which only the record is read, the unit's counts of channel 1.
It is no day's warm-up (records/warm_up.py), and no dose is claimed: what counts is that the last ones agree."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from calibration.procedures.parts import LIVE, Setting, recorded
from calibration.procedures.session import Session
from calibration.procedures.step import Accept, Procedure, Step
from records.warm_up import TOGETHER_S

STEADY_COV: Final = 0.002
"""Three exposures scatter by no more: as tight as a reading's own scatter, well inside what the output's readings may vary."""
N: Final = 3
REPEATS: Final = 4
TOGETHER: Final = timedelta(seconds=TOGETHER_S)
"""As for the day's own: three that agree say nothing of a tube which cooled between them: it was as cold each time. Room for its duty, and for questions."""


def warm_procedure(setting: Setting, seconds: float) -> Procedure:
    """One step: three exposures that agree; what came before them is rejected as not yet steady."""
    step = Step(
        "steady", "A cold tube gives some percent more or less in its first minutes; what is measured then is of no use.",
        "As for the measurement that follows; no chamber is needed.", setting.exposes(seconds, N, repeats=REPEATS), LIVE, recorded("counts_1"),
        Accept(cov=STEADY_COV), "A12",
    )  # fmt: skip
    return Procedure(
        f"warm {setting.kv:g} kV {setting.ma:g} mA {setting.filter} {setting.applicator}", "physics", (), (step,)
    )


def together(session: Session) -> bool:
    """Whether the exposures that agree followed one another (hazard G22)."""
    kept = {held.event.token for held in session.kept("steady")}
    asked = [shot.asked_at for shot in session.shots if shot.token in kept]
    return bool(asked) and max(asked) - min(asked) <= TOGETHER
