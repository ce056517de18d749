"""The monitor chambers of one combination: leakage in the dark, supply, counts for a dose in both channels against the reference chamber, and the seal.
It needs the combination's own output; what an unequal pair means in a treatment is the controller's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, stdev
from typing import Final

from calibration.dosimetry.beam import LEAST_READINGS
from calibration.equipment import Base
from calibration.formulas import p_tp
from calibration.procedures.applicator import read_each
from calibration.procedures.parts import (
    LIVE,
    WHOLE,
    Charge,
    Desk,
    Setting,
    at_end,
    in_date,
    in_one_air,
    numbers,
    recorded,
)
from calibration.procedures.session import Figure, Held, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Grammar, Procedure, Step, Wanted

DARK_S: Final = 100.0
MOST_LEAK_CPS: Final = 5.0
"""0.2 % of the rate at 55 mGy/s and 20 uGy a count. An assumption of this program."""
AGREE_WARN, AGREE_STOP = 0.015, 0.03
"""The channels' spread over the exposures: where the controller warns and trips (docs/dose.md)."""
MOST_COV: Final = 0.005
MOVED_WARN, MOVED_STOP = 0.01, 0.05
"""What a count is worth, against the last certificate: a sealed chamber keeps it, and a reading corrected twice moves it (hazard A12). Assumptions."""
SUPPLY_PART: Final = 0.05
"""A saturated chamber does not mind 5 % of its voltage. An assumption."""
SEAL: Final = 0.005
"""A sealed chamber's counts for a dose do not follow the air by more; half of the least change that is asked."""
SEAL_AIR: Final = 0.01
"""So much must the air's density in the head have changed for the seal to be proved: 3 K, and twice what it may follow."""


@dataclass(frozen=True)
class Monitors:
    """mGy for each count and leakage of both channels, with the standard uncertainty by chance; and what one nC of the reference chamber was worth."""

    n1_mgy_per_count: float
    n2_mgy_per_count: float
    leak1_cps: float
    leak2_cps: float
    u1_pct: float
    u2_pct: float
    sealed: bool | None
    """None: the air in the head did not change enough to prove it."""


@dataclass(frozen=True)
class Vents:
    """Which channel holds the room's air, and the state that counts for a dose are referred to."""

    vented_1: bool
    vented_2: bool
    ref_c: float
    ref_kpa: float


def monitor_procedure(
    setting: Setting, charge: Charge, head: str, seconds: float, mgy_per_nc: float, vents: Vents, supply_v: float, last_n1: float, at: datetime,
    desk: Desk = WHOLE, voltmeter: Base | None = None, leaks_cps: tuple[float, float] | None = None,
) -> Procedure:  # fmt: skip
    """`mgy_per_nc`: D0 in the plane for one nC of the reference chamber as at 20 degC and 101.325 kPa, of the output procedure at this combination.

    `last_n1`: what a count of channel 1 was by the last certificate, 0 where there is none. `leaks_cps`: counts a second in the dark, typed, where the desk
    exposes nothing in the dark. ValueError: an instrument may not be used now, or nothing would say what the channels count of nothing."""
    in_date(at, charge.electrometer, *([voltmeter] if voltmeter is not None else []))
    dark = setting.without_beam("dark", DARK_S, 1) if "dark" in desk.does else None
    if dark is None and leaks_cps is None:
        raise ValueError(
            "the desk exposes nothing without high voltage, and leak1_cps and leak2_cps are not stated; count in the dark at the unit, and type them"
        )
    if leaks_cps is not None and max(leaks_cps) > MOST_LEAK_CPS:
        raise ValueError(
            f"leak1_cps and leak2_cps = {leaks_cps[0]:g} and {leaks_cps[1]:g}: above {MOST_LEAK_CPS:g} counts a second in the dark; "
            "dry or clean the chamber, count again at the unit, and type that"
        )
    given = (
        ("mgy_per_nc", mgy_per_nc), ("last_n1", last_n1), ("vented_1", float(vents.vented_1)), ("vented_2", float(vents.vented_2)),
        ("ref_c", vents.ref_c), ("ref_kpa", vents.ref_kpa), *(zip(("leak_1", "leak_2"), leaks_cps, strict=True) if leaks_cps and dark is None else ()),
    )  # fmt: skip
    air = ("head_p_tp",) if vents.vented_2 and "head_p_tp" in desk.holds else ("head_c", "p_kpa")
    reading = (charge.wanted, *recorded("counts_1", "counts_2", "timer_s"), *desk.reading(*air))
    supply = voltmeter.id if voltmeter is not None else "chamber supply"
    volts = Wanted(supply, "V", Grammar(0.0, 1000.0), "typed")
    leaks = [
        Step("leakage", "What both channels count of nothing.", f"Beam off, K1 and K2 open, for {DARK_S:g} s.", dark, ("counts",),
             recorded("counts_1", "counts_2"), Accept(judgement="monitor-leakage"), "A6"),
    ] if dark is not None else []  # fmt: skip

    def exposing(name: str, n: int, connect: str, why: str, judgement: str) -> Step:
        return Step(
            name,
            why,
            connect,
            setting.exposes(seconds, n),
            LIVE,
            reading,
            Accept(judgement=judgement, numbers=given),
            "A6",
        )

    return Procedure(
        f"monitor chambers {setting.kv:g} kV {setting.ma:g} mA {setting.filter} {setting.applicator}", "physics",
        (charge.serial, (supply, voltmeter.serial if voltmeter is not None else ""), *desk.typed(*air)),
        (
            *leaks,
            Step("supply", f"The chambers' own voltage, {supply_v:g} V.", "A voltmeter at the supply's test point.", None, (), (volts,),
                 Accept(judgement="monitor-supply", numbers=(("volts", supply_v),)), "A6"),
            exposing("counts", LEAST_READINGS, f"{head}, applicator {setting.applicator}.", "How much dose one count is here.", "monitor-counts"),
            exposing("seal", 2, "As before, after the head has warmed by 3 K or more.", "A sealed chamber that follows the air leaks.", "monitor-seal"),
        ),
    )  # fmt: skip


def leakage(session: Session, step: Step) -> Verdict:
    """Counts a second in the dark."""
    one, two = (session.values(step.id, f"counts_{channel}")[-1] / DARK_S for channel in "12")
    if max(one, two) > MOST_LEAK_CPS:
        return Verdict(
            f"{one:.2f} and {two:.2f} counts a second in the dark, above {MOST_LEAK_CPS:g}; dry or clean the chamber, and repeat"
        )
    return Verdict("", (), (Figure("leakage 1", one, "cps"), Figure("leakage 2", two, "cps")))


def supply(session: Session, step: Step) -> Verdict:
    """The chambers' voltage."""
    (volts,), wanted = session.values(step.id)[-1:], numbers(step)["volts"]
    if abs(volts - wanted) > SUPPLY_PART * wanted:
        return Verdict(f"{volts:g} V is not within {100 * SUPPLY_PART:g} % of {wanted:g} V; have the supply mended")
    return Verdict("", (), (Figure("supply", volts, "V"),))


def per_count(session: Session, step: Step) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """mGy for each count of both channels and the air's density in the head (1: the reference), exposure by exposure; leakage and air taken out."""
    given = numbers(step)
    leak = dict(zip("12", _leaks(session, step), strict=True))
    rows: dict[str, list[float]] = {"1": [], "2": []}
    density = []
    for shot in _shots(session, step):
        mgy = in_one_air(shot[step.reading[0].instrument], step.reading[0]) * given["mgy_per_nc"]
        own = shot.get("head_p_tp")
        head = own.value if own is not None else p_tp(shot["head_c"].value, shot["p_kpa"].value, "20C")
        thin = head / p_tp(given["ref_c"], given["ref_kpa"], "20C")
        density.append(1.0 / thin)
        for channel in "12":
            net = shot[f"counts_{channel}"].value - leak[channel] * shot["timer_s"].value
            if net <= 0.0:
                raise ValueError(f"channel {channel} counted nothing in {mgy:.0f} mGy; it is dead, have it mended")
            rows[channel].append(mgy / (net * (thin if given[f"vented_{channel}"] else 1.0)))
    return tuple(rows["1"]), tuple(rows["2"]), tuple(density)


def _leaks(session: Session, step: Step) -> tuple[float, float]:
    """Counts a second in the dark: as its own step found, or as typed."""
    given = numbers(step)
    if "leak_1" in given:
        return given["leak_1"], given["leak_2"]
    one, two = (session.values("leakage", f"counts_{channel}")[-1] / DARK_S for channel in "12")
    return one, two


def _shots(session: Session, step: Step) -> list[dict[str, Held]]:
    """The readings of each kept exposure, by instrument."""
    shots: dict[str, dict[str, Held]] = {}
    for one in session.kept(step.id):
        shots.setdefault(one.event.token, {})[one.instrument] = one
    return list(shots.values())


def counts(session: Session, step: Step) -> Verdict:
    """Each exposure was read, each channel repeats, and both go together over the exposures."""
    each = read_each(session, step)
    if each.refused:
        return each
    one, two, _ = per_count(session, step)
    ratios = [a / b * fmean(two) / fmean(one) for a, b in zip(one, two, strict=True)]
    apart = max(abs(ratio - 1.0) for ratio in ratios)
    for channel, values in ((1, one), (2, two)):
        if stdev(values) > MOST_COV * fmean(values):
            return Verdict(
                f"channel {channel} varies by {100 * stdev(values) / fmean(values):.2f} %, above {100 * MOST_COV:g} %; find out why, and repeat"
            )
    if apart > AGREE_STOP:
        return Verdict(
            f"the channels move {100 * apart:.2f} % against each other, above {100 * AGREE_STOP:g} %; find out which is wrong"
        )
    warned = each.warned
    if apart > AGREE_WARN:
        warned = (*warned, f"the channels move {100 * apart:.2f} % against each other, above {100 * AGREE_WARN:g} %")
    figures = (
        Figure("n1", 1000.0 * fmean(one), "uGy/count"), Figure("n2", 1000.0 * fmean(two), "uGy/count"), Figure("apart", 100.0 * apart, "%"),
    )  # fmt: skip
    last = numbers(step)["last_n1"]
    moved = fmean(one) / last - 1.0 if last else 0.0
    words = f"n1 moved by {100 * moved:+.2f} % since the last certificate"
    if abs(moved) > MOVED_STOP:
        return Verdict(
            f"{words}, above {100 * MOVED_STOP:g} %; find out whether output, chamber or reading is wrong", (), figures
        )
    if abs(moved) > MOVED_WARN:
        warned = (*warned, f"{words}, above {100 * MOVED_WARN:g} %")
    return Verdict("", warned, figures)


def seal(session: Session, step: Step) -> Verdict:
    """Whether what is called sealed follows the air, and what is called vented does."""
    before = next(one for one in session.procedure.steps if one.id == "counts")
    cold, warm = per_count(session, before), per_count(session, step)
    air = fmean(warm[2]) / fmean(cold[2]) - 1.0
    moved = [fmean(warm[channel]) / fmean(cold[channel]) - 1.0 for channel in (0, 1)]
    figures = (
        Figure("air in the head", 100.0 * air, "%"),
        *(Figure(f"channel {c + 1}", 100.0 * one, "%") for c, one in enumerate(moved)),
    )
    for channel, one in enumerate(moved, 1):
        if abs(one) > SEAL:
            kind = "vented, and corrected for air" if numbers(step)[f"vented_{channel}"] else "sealed"
            return Verdict(
                f"channel {channel} is called {kind}, and moved {100 * one:+.2f} % while the air moved {100 * air:+.2f} %; it leaks, or a sensor is wrong",
                (),
                figures,
            )
    warned = (
        ()
        if abs(air) >= SEAL_AIR
        else (f"the air in the head changed by {100 * air:+.2f} % only: the seal is not proved",)
    )
    return Verdict("", warned, figures)


def monitors(session: Session) -> Monitors:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    *_, counted, sealed = session.procedure.steps
    one, two, cold = per_count(session, counted)
    air = fmean(per_count(session, sealed)[2]) / fmean(cold) - 1.0
    leaks = _leaks(session, counted)
    u = [100.0 * stdev(values) / fmean(values) / math.sqrt(len(values)) for values in (one, two)]
    return Monitors(fmean(one), fmean(two), leaks[0], leaks[1], u[0], u[1], True if abs(air) >= SEAL_AIR else None)


JUDGEMENTS: Final[Mapping[str, Judgement]] = {
    "monitor-leakage": leakage, "monitor-supply": supply, "monitor-counts": counts, "monitor-seal": seal,
}  # fmt: skip
