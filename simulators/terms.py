"""What is not known of a tube and of the instruments that measure it: one row for each term, with its distribution and size, and a draw of all by a seed.
It knows what could be so, not what follows from it; who holds a draw knows the truth, and that is the simulator and whoever verifies, nobody else."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Final

NORMAL, RECTANGULAR, BETWEEN, EITHER_SIDE = "normal", "rectangular", "between", "either side"
FILTER_NAMES: Final = ("F1", "F2", "F3")
APPLICATOR_MM: Final = (10, 15, 20, 30)


@dataclass(frozen=True, slots=True)
class Term:
    """One term. normal: `size` is k = 1; rectangular: +-`size`; between: from `low` to `size`; either side: that, with either sign.

    `part`: its value is a part of one (0.01 = 1 %), else it is in `unit`. `budget`: a type B term of a certificate's uncertainty, at the surface or at depth.
    """

    name: str
    words: str
    distribution: str
    size: float
    unit: str
    low: float = 0.0
    budget: str = ""

    def draw(self, stream: random.Random) -> float:
        """One value."""
        if self.distribution == NORMAL:
            return stream.gauss(0.0, self.size)
        if self.distribution == RECTANGULAR:
            return stream.uniform(-self.size, self.size)
        value = stream.uniform(self.low, self.size)
        return -value if self.distribution == EITHER_SIDE and stream.random() < 0.5 else value

    def u_k1(self) -> float:
        """Its standard uncertainty, in its unit."""
        if self.distribution == NORMAL:
            return self.size
        return self.size / sqrt(3.0) if self.distribution == RECTANGULAR else (self.size - self.low) / sqrt(12.0)


SURFACE, DEPTH = "surface", "depth"
ROWS: Final = (
    # a certificate's budget, as the worked example E11 states it; the two instruments of air together are its 0.20 % of P_TP
    Term("n_k", "N_K of the chamber against its certificate", NORMAL, 0.007, "part", budget=SURFACE),
    Term("quality", "the chamber's response to this beam against that of its calibration", NORMAL, 0.010, "part", budget=SURFACE),
    Term("b_w", "backscatter against the protocol's table", NORMAL, 0.015, "part", budget=SURFACE),
    Term("stem", "what the stem adds to the chamber's reading", NORMAL, 0.005, "part", budget=SURFACE),
    Term("mu", "water over air, mass energy absorption", NORMAL, 0.015, "part", budget=SURFACE),
    Term("barometer", "what the barometer reads too much", NORMAL, 0.100, "kPa", budget=SURFACE),
    Term("thermometer", "what the thermometer reads too much", NORMAL, 0.50, "K", budget=SURFACE),
    Term("position", "the chamber stands further from the focus than was measured", RECTANGULAR, 0.30, "mm", budget=SURFACE),
    Term("electrometer", "charge that the electrometer shows too much, beyond its factor", NORMAL, 0.0020, "part", budget=SURFACE),
    Term("pdd", "depth dose against the measured table", NORMAL, 0.020, "part", budget=DEPTH),
    Term("gap", "air between applicator and skin", RECTANGULAR, 0.50, "mm", budget=DEPTH),
    Term("day_output", "output of the day of treatment against that of the calibration", RECTANGULAR, 0.030, "part", budget=DEPTH),
    Term("control", "what the control adds", NORMAL, 0.0020, "part", budget=DEPTH),
    # the machine against its name plate; these are measured, so no budget holds them
    Term("kv_scale", "true kV for a set one", RECTANGULAR, 0.020, "part"),
    Term("kv_offset", "true kV for a set one", RECTANGULAR, 0.40, "kV"),
    Term("ma_scale", "true tube current for a set one", RECTANGULAR, 0.020, "part"),
    Term("bleeder", "resistance across the tube that its read-back takes for tube current", BETWEEN, 1.05, "GOhm", 0.95),
    Term("output", "output against the name plate", RECTANGULAR, 0.10, "part"),
    Term("inherent", "aluminium beyond the window that the name plate does not know", BETWEEN, 0.15, "mm"),
    *(Term(f"filter_{name}", f"thickness of filter {name} against what is engraved", RECTANGULAR, 0.05, "part") for name in FILTER_NAMES),
    *(Term(f"applicator_{mm}", f"output in air of the {mm} mm applicator against the formula", RECTANGULAR, 0.05, "part") for mm in APPLICATOR_MM),
    Term("ramp", "rise of kV", BETWEEN, 320.0, "ms", 180.0),
    Term("cable", "capacitance that is emptied after off", BETWEEN, 1.5, "nF", 0.5),
    Term("k1", "opening of K1", BETWEEN, 19.0, "ms", 11.0),
    Term("sag", "loss of output in the first half hour of beam", NORMAL, 0.0010, "part"),
    Term("first_minute", "output of the first seconds against that after a minute", EITHER_SIDE, 0.020, "part", 0.010),
    Term("ageing", "loss of output in 500 000 mAs, about a year", BETWEEN, 0.05, "part", 0.01),
    Term("heel", "loss at the anode's edge of the 50 mm field", BETWEEN, 0.15, "part", 0.05),
    Term("monitor_1", "counts of chamber 1 for a dose", RECTANGULAR, 0.05, "part"),
    Term("monitor_2", "counts of chamber 2 for a dose", RECTANGULAR, 0.05, "part"),
    # the rest of the bench
    Term("polarity", "current that does not change sign with the voltage", RECTANGULAR, 0.0030, "part"),
    Term("recombination", "loss of charge at 300 V in this beam", BETWEEN, 0.0030, "part", 0.0005),
    Term("leakage", "current of chamber and cable without beam", RECTANGULAR, 4e-14, "A"),
    Term("input", "current that the electrometer shows of nothing before its zero", RECTANGULAR, 2e-14, "A"),
    Term("second_n_k", "N_K of the second chamber against its certificate", NORMAL, 0.007, "part"),
    Term("second_quality", "response of the second chamber to this beam", NORMAL, 0.010, "part"),
    Term("kvp_meter", "kV that the non-invasive meter shows too much", NORMAL, 0.015, "part"),
    Term("divider", "kV that the divider shows too much", NORMAL, 0.0025, "part"),
    Term("ma_meter", "current that the mA meter shows too much", NORMAL, 0.0020, "part"),
    Term("ma_meter_zero", "what the mA meter shows of nothing", RECTANGULAR, 0.0020, "mA"),
)  # fmt: skip
TERMS: Final = {row.name: row for row in ROWS}
SAG: Final = 0.009
"""The middle of the sag: 0.9 % in half an hour, as published; its term is the spread."""


def draw(seed: int, known: Mapping[str, float] | None = None) -> dict[str, float]:
    """Every term by this seed. Each has a stream of its own, so that one term more changes no other; `known` names terms that are set instead."""
    drawn = {name: term.draw(random.Random(f"{seed} {name}")) for name, term in TERMS.items()}
    for name, value in (known or {}).items():
        if name not in TERMS:
            raise ValueError(f"no term is called {name!r}; known: {', '.join(TERMS)}")
        drawn[name] = value
    return drawn


def nothing() -> dict[str, float]:
    """A machine that is its name plate, and instruments without an error: each term in the middle of its distribution."""
    return {name: 0.5 * (row.low + row.size) if row.distribution == BETWEEN else 0.0 for name, row in TERMS.items()}
