"""How far from what the certificate says a dose or a rate may lie before it ends the beam: one row for each purpose.
Numbers only; the rules, the presets of the safety unit and the meter read their row, and nobody asks which purpose it is."""

from __future__ import annotations

from typing import Final

import msgspec

from hal.readings import Purpose


class Bands(msgspec.Struct, frozen=True):
    """Rates in parts of R0; `channels` chamber against chamber, `primary` the primary against a chamber (in *monitor* against the model too), `model` the
    timer against the kV-mA model; `jump`: a counter that runs faster is a bad sample. Of the safety unit: `counts`, by how much its count limits are
    above those of the dose, and `disagree_permille`. `cold`: no beam at all, whose bounds are those of interlocks/cold.py."""

    rate_high: float
    rate_low: float
    channels: float
    primary: float
    model: float
    jump: float
    counts: float
    disagree_permille: int
    cold: bool = False


CERTIFIED: Final = Bands(
    rate_high=1.5,
    rate_low=0.5,
    channels=0.03,
    primary=0.05,
    model=0.03,
    jump=3.0,
    counts=1.0,
    disagree_permille=100,
)
"""docs/dose.md: channels 3 % (floor 1 cGy); primary against model or timer 5 % in monitor, 3 % in time (floor 2 cGy)."""
NAME_PLATE: Final = Bands(
    rate_high=4.0,
    rate_low=0.25,
    channels=0.3,
    primary=0.75,
    model=0.1,
    jump=8.0,
    counts=4.0,
    disagree_permille=400,
)
"""A tube whose output is being measured gives a quarter to four times of what its plate says (ADR 0018). A missing filter (64 times) is far outside; 10 %
of the model is a bleeder's current that nobody has measured yet. kV, mA, contacts, lease and backup timer have no band here: they are as in treatment."""
COLD: Final = msgspec.structs.replace(CERTIFIED, cold=True)

BANDS: Final[dict[Purpose, Bands]] = {
    Purpose.TREAT: CERTIFIED,
    Purpose.DAILY: CERTIFIED,
    Purpose.WARMUP: CERTIFIED,
    Purpose.CALIBRATE: NAME_PLATE,
    Purpose.DRY_RUN: COLD,
}
