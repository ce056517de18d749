"""What the procedures have in common: a setting and its exposures, readings of instruments and of the record, air, the end of a session.
It judges nothing; the numbers that do stand in each procedure's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean
from typing import Final

from msgspec import UNSET

from calibration.equipment import Base, unusable
from calibration.formulas import p_tp
from calibration.procedures.session import OF_THE_END, Held, Phase, Reading, Session
from calibration.procedures.step import HOWS, RECORDED, Accept, Exposure, Grammar, How, Source, Step, Wanted

REPEATS: Final = 2
"""A step's charge is capped at so many times what its readings need."""
LIVE: Final = ("kv", "ma", "timer_s", "rate")
OF_RECORD: Final = {
    "kV": Grammar(0.0, 225.0), "mA": Grammar(-1.0, 100.0), "s": Grammar(0.0, 4000.0), "counts": Grammar(0.0, 1e9),
    "arcs": Grammar(0.0, 1e4), "degC": Grammar(0.0, 80.0), "kPa": Grammar(60.0, 110.0), "": Grammar(0.5, 2.0),
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """What is set at the machine."""

    kv: float
    ma: float
    filter: str
    applicator: str

    def exposes(self, seconds: float, n: int, rest_s: float = 0.0, repeats: int = REPEATS) -> Exposure:
        """n exposures at this setting."""
        cap = repeats * n * self.ma * seconds
        return Exposure(self.kv, self.ma, self.filter, self.applicator, seconds, n, cap, "beam", rest_s)

    def without_beam(self, how: How, seconds: float, n: int) -> Exposure:
        """With high voltage and a cold filament, or without high voltage."""
        kv = self.kv if how == "cold" else 0.0
        return Exposure(kv, 0.0, self.filter, self.applicator, seconds, n, 0.0, how)


@dataclass(frozen=True)
class Charge:
    """A chamber's charge: of which electrometer, how much at most, how it comes, and whether the chamber is open to the air."""

    electrometer: Base
    most_nc: float
    source: Source
    vented: bool = True

    @property
    def wanted(self) -> Wanted:
        return of_chamber(self.electrometer, self.most_nc, self.source, self.vented)

    @property
    def serial(self) -> tuple[str, str]:
        return self.electrometer.id, self.electrometer.serial


def of_chamber(electrometer: Base, most_nc: float, source: Source, vented: bool) -> Wanted:
    """A chamber's charge as it is read from this electrometer."""
    return Wanted(electrometer.id, "nC", Grammar(-most_nc, most_nc), source, UNSET if vented else True)


LEAKAGE: Final = "leakage"
LEAK_S: Final = 60.0


def leakage_step(charge: Charge, head: str) -> Step:
    """What chamber and electrometer gather of nothing: where exposures are short or weak, it is a part of them."""
    why = "What is gathered without beam goes on while an exposure is prepared: it is taken off each reading, by the time that passed."
    return Step(
        LEAKAGE,
        why,
        f"{head}. Beam off: integrate for {LEAK_S:g} s, and hold.",
        None,
        (),
        (charge.wanted,),
        Accept(),
        "A12",
    )


def net(session: Session, step: str) -> tuple[float, ...]:
    """A step's kept charges in one air, less what leaked from the asking for the exposure to its answer."""
    leak_nc_s = session.values(LEAKAGE)[-1] / LEAK_S
    wanted = next(one.reading[0] for one in session.procedure.steps if one.id == step)
    shots = {one.token: one for one in session.shots}
    found = []
    for held in session.kept(step):
        if held.instrument == wanted.instrument:
            shot = shots[held.event.token]
            assert shot.ended_at is not None
            gate_s = (shot.ended_at - shot.asked_at).total_seconds()
            found.append(in_one_air(replace(held, value=held.value - leak_nc_s * gate_s), wanted))
    return tuple(found)


def exposing(session: Session) -> tuple[Step, ...]:
    """The steps that expose."""
    return tuple(one for one in session.procedure.steps if one.exposes is not None)


@dataclass(frozen=True)
class Desk:
    """What the exposures of a rig can be, and what their records hold: not every desk exposes without beam, and not every record has a clock in it."""

    holds: frozenset[str]
    does: frozenset[How]

    def reading(self, *names: str) -> tuple[Wanted, ...]:
        """Of the record; what it does not hold is typed, as the console shows it."""
        return tuple(
            recorded(name)[0]
            if name in self.holds
            else Wanted(name, RECORDED[name], OF_RECORD[RECORDED[name]], "typed")
            for name in names
        )

    def typed(self, *names: str) -> tuple[tuple[str, str], ...]:
        """The console as an instrument, for what is typed from it."""
        return tuple((name, CONSOLE) for name in names if name not in self.holds)


CONSOLE: Final = "console"
WHOLE: Final = Desk(frozenset(RECORDED) - {"head_p_tp"}, frozenset(HOWS))
SHIPPED: Final = Desk(
    frozenset(
        {"set_kv", "set_ma", "kv", "ma", "timer_s", "clock_s", "counts_1", "counts_2", "head_p_tp", "arcs", *OF_THE_END}
    ),
    frozenset({"beam"}),
)
"""What the exposing hand of this program can do and tell today (console/calibrate/exposing.py). With a cold filament it exposes for the 5 s of a dry run
only: enough for a read-back (calibration/procedures/ma_offset.py), too short for a survey meter or for seasoning, so "cold" is not among what it does."""


def recorded(*names: str) -> tuple[Wanted, ...]:
    """Readings of the exposure's own record."""
    return tuple(Wanted(name, RECORDED[name], OF_RECORD[RECORDED[name]], "record") for name in names)


def in_date(at: datetime, *instruments: Base) -> None:
    """ValueError: an instrument may not be used now (hazard A13)."""
    wrong = next((words for words in (unusable(one, at) for one in instruments) if words), "")
    if wrong:
        raise ValueError(wrong)


def numbers(step: Step) -> dict[str, float]:
    """What the step's judgement is given."""
    return dict(step.accept.numbers)


def in_one_air(held: Held, wanted: Wanted) -> float:
    """A vented chamber's reading as at one pressure and temperature; which, does not matter to a ratio of readings. A sealed one's stays what it is."""
    if not isinstance(held.event, Reading):
        raise ValueError(f"{held.instrument} of step {held.step} was read in no air; it is no chamber's")
    return held.value if wanted.sealed is True else held.value * p_tp(held.event.t_c, held.event.p_kpa, "20C")


def charges(session: Session, step: str) -> tuple[float, ...]:
    """A step's kept readings of its first instrument, in one air."""
    wanted = next(one.reading[0] for one in session.procedure.steps if one.id == step)
    return tuple(in_one_air(one, wanted) for one in session.kept(step) if one.instrument == wanted.instrument)


def at_end(session: Session) -> None:
    """ValueError: the session is not at its end, or counts for nothing."""
    if session.void:
        raise ValueError(f"{session.id}: was voided: {session.void}; measure it anew")
    if session.phase is not Phase.DONE:
        raise ValueError(
            f"{session.id}: {session.phase.value} is due in step {session.step.id if session.step else ''}; finish it first"
        )


def mean(values: Sequence[float]) -> float:
    """ValueError in words where there is none."""
    if not values:
        raise ValueError("nothing is kept; take readings")
    return fmean(values)
