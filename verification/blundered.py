"""The blunders of a calibration session, each made at the simulated bench, and where in the guided procedures it is stopped, in which words.
Each has one step that should stop it; that a blunder is stopped elsewhere, or nowhere, is a failure and not a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from calibration.equipment import Base
from calibration.output import output
from calibration.procedures.second import Side, second_check
from calibration.procedures.session import Exposed, Reading, Session
from calibration.procedures.step import Procedure, Step
from records import day_readings
from simulators.blunders import BLUNDERS
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from verification.benched import PLANE_MM, SESSIONS, end_effect_session, instruments, output_session, warmed
from verification.calibrated import Hands, Physicist, Stopped, chamber
from verification.coverage import Calibrated, calibrate, measured

SEED: Final = 3
PAPERS, SECOND, OUTPUT, TIMER, DAILY = "papers", "second check", "output", "timer and end effect", "daily check"
SHOULD: Final[Mapping[str, tuple[str, str]]] = {
    "jig-not-seated": (DAILY, "output"),
    "chamber-pulled-back": (OUTPUT, "further"),
    "applicator-by-formula": (OUTPUT, "readings"),
    "minutes-as-seconds": (TIMER, "timer"),
    "pc-for-nc": (OUTPUT, "readings"),
    "gy-for-mgy": (OUTPUT, "readings"),
    "decimal-comma": (OUTPUT, "readings"),
    "two-in-one-entry": (OUTPUT, "readings"),
    "not-reset-between": (OUTPUT, "readings"),
    "second-reading-copied": (OUTPUT, "readings"),
    "second-chamber-is-first": (SECOND, "agreement"),
    "distance-already-corrected": (OUTPUT, "further"),
    "air-already-corrected": (OUTPUT, "asked"),
    "paper-expired": (PAPERS, "begin"),
    "paper-before-repair": (PAPERS, "begin"),
    "sea-level-pressure": (OUTPUT, "readings"),
    "other-reference-form": (PAPERS, "typed"),
}
"""Where each is to be stopped although nobody admits to it; ADMITTED are stopped by the question that is answered before the first reading."""
ADMITTED: Final = frozenset({"air-already-corrected"})
AT_SECOND: Final = frozenset({"second-reading-copied", "second-chamber-is-first"})


@dataclass(frozen=True)
class Stop:
    """Where a blunder ended; `place` is "" where it went through."""

    blunder: str
    place: str
    step: str
    words: str


def physicist(name: str, honest: bool = False) -> Physicist:
    """At a warm machine, making this blunder from now on."""
    bench = QuickBench(unknown(SEED), SEED)
    warmed(bench)
    who = Physicist(bench, warm_at_s=bench.now_s, honest=honest)
    if name == "gy-for-mgy":
        bench.put(display="mGy")
    if name == "applicator-by-formula":
        output_session(who)
    bench.blundering.append(name)
    return who


def stopped(name: str) -> Stop:
    """Make it in the session that it belongs to."""
    place = SECOND if name in AT_SECOND else SHOULD[name][0]
    who = physicist(name, name in ADMITTED)
    if place == DAILY:
        return Stop(name, DAILY, "output", words) if (words := _jig(who, name)) else Stop(name, "", "", "")
    known = tuple(instruments(QuickBench(unknown(SEED), SEED)).values())
    if place != SECOND:
        fitted = "30 mm" if name == "applicator-by-formula" else "20 mm"
        run = (lambda: end_effect_session(who)) if place == TIMER else (lambda: output_session(who, "A", fitted, known))
        return _run(name, place, run)
    return _run(name, SECOND, lambda: _second(name, who, calibrate(SEED)[0], known))


def _jig(who: Physicist, name: str) -> str:
    """What the daily check says of its detector, against a baseline that was taken with the detector seated."""
    who.bench.blundering.remove(name)
    seated = _read_jig(who)
    who.bench.blundering.append(name)
    return day_readings.judged("69.5 kV, 1.6 mA, F2, 20 mm", _read_jig(who) / seated)


def _read_jig(who: Physicist) -> float:
    """One exposure of the day's check, corrected for air as the check does."""
    bench = who.bench
    bench.put(chamber="jig", applicator="20 mm")
    bench.expose(69.5, 1.6, 10.0)
    text, p_kpa, t_c = (float(bench.read(name).text) for name in ("electrometer", "barometer", "thermometer"))
    return day_readings.corrected(text, p_kpa, t_c, vented=True)


def _run(name: str, place: str, run: Callable[[], object]) -> Stop:
    try:
        run()
    except Stopped as stop:
        return Stop(name, OUTPUT if place in (PAPERS, SECOND) else place, stop.step, stop.words)
    except ValidationError as error:
        return Stop(name, PAPERS, "typed", error.errors()[0]["msg"].removeprefix("Value error, "))
    except ValueError as words:
        return Stop(
            name, SECOND if place == SECOND else PAPERS, "agreement" if place == SECOND else "begin", str(words)
        )
    return Stop(name, "", "", "")


def _second(name: str, who: Physicist, done: Calibrated, known: tuple[Base, ...]) -> None:
    """The first physicist reads chamber A soundly, the second one makes the blunder with chamber B; then the two are compared."""
    who.bench.blundering.remove(name)
    first = output_session(who, "A", known=known)
    who.bench.blundering.append(name)
    second = output_session(who, "B", known=known)
    second_check(_side("P. One", who, done, first, "A"), _side("P. Two", who, done, second, "B"))


def _side(by: str, who: Physicist, done: Calibrated, session: Session, key: str) -> Side:
    table = measured(done.sessions, done.layers, done.timing, session)
    found = output(table, instruments(who.bench), 69.5, done.timing.dt_s, PLANE_MM)
    return Side(by, chamber(who.bench, key), session, found.r0_mgy_per_s)


@dataclass(frozen=True)
class Hand:
    """A blunder of hands or eyes in one of the further procedures: what is done, its hazard, and where it is to be stopped."""

    words: str
    hazard: str
    procedure: str
    step: str
    put: Callable[[Step, dict[str, Any]], dict[str, Any]] = lambda _step, hands: hands
    told: Callable[[Exposed | Reading], Exposed | Reading] = lambda event: event


def _other_filter(_step: Step, hands: dict[str, Any]) -> dict[str, Any]:
    return hands | {"filter": "F3"}


def _another_order(_step: Step, hands: dict[str, Any]) -> dict[str, Any]:
    """The sheets of one millimetre and of two are taken for one another."""
    lies = {1.0: 2.0, 2.0: 1.0}
    return hands | {"al_mm": lies.get(hands["al_mm"], hands["al_mm"])}


def _left_in(step: Step, hands: dict[str, Any]) -> dict[str, Any]:
    return hands | ({"al_mm": 0.5} if step.id == "no Al again" else {})


def _times(factor: float, unit: str, steps: tuple[str, ...] = ()) -> Callable[[Exposed | Reading], Exposed | Reading]:
    """What is read of an instrument of this unit, by this factor wrong; in these steps, or all."""

    def told(event: Exposed | Reading) -> Exposed | Reading:
        if not isinstance(event, Reading) or not event.text.endswith(f" {unit}") or (steps and event.step not in steps):
            return event
        value = float(event.text.split()[0]) * factor
        return msgspec.structs.replace(event, text=f"{value:.4f} {unit}")

    return told


def _swapped(event: Exposed | Reading) -> Exposed | Reading:
    if not isinstance(event, Exposed):
        return event
    one, two = event.record.counts_1, event.record.counts_2
    return msgspec.structs.replace(event, record=msgspec.structs.replace(event.record, counts_1=two, counts_2=one))


FURTHER: Final[Mapping[str, Hand]] = {
    "filter-of-another-name": Hand("another filter lies in the beam than the code says", "A2", "HVL", "no Al again", _other_filter),
    "sheets-in-another-order": Hand("1 mm Al and 2 mm Al are taken for one another", "A2", "HVL", "1.5 mm Al", _another_order),
    "sheet-left-in": Hand("half a millimetre stays in the beam at the end", "A2", "HVL", "no Al again", _left_in),
    "meter-range": Hand("the kVp meter stands on the range of another filter", "A12", "kV scale", "up 40", told=_times(1.25, "kV")),
    "divider-by-ten": Hand("the divider's factor is ten times too small", "A12", "kV scale", "up 40", told=_times(0.1, "kV")),
    "divider-times-ten": Hand("the divider's factor is ten times too large", "A12", "kV scale", "up 40", told=_times(10.0, "kV")),
    "channels-swapped": Hand("the plugs of both monitor chambers are changed over", "A6", "monitor chambers", "seal", told=_swapped),
    "milliamperes-by-ten": Hand("the mA meter is read on another range", "A12", "mA scale", "up 0.4", told=_times(10.0, "mA", ("up 0.4",))),
}  # fmt: skip
"""Blunders in the procedures beside output, timer and daily check; their hands are here, for the bench has no such mistakes of its own."""


def stopped_further(name: str) -> Stop:
    """Make it in its procedure."""
    blunder = FURTHER[name]
    bench = QuickBench(unknown(SEED), SEED)
    warmed(bench)
    who = Clumsy(bench, warm_at_s=bench.now_s, alters=blunder.told, put=blunder.put)
    try:
        SESSIONS[blunder.procedure](who)
    except Stopped as stop:
        return Stop(name, blunder.procedure, stop.step, stop.words)
    return Stop(name, "", "", "")


@dataclass
class Clumsy(Physicist):
    """Does what the step says, but for one thing."""

    put: Callable[[Step, dict[str, Any]], dict[str, Any]] = lambda _step, hands: hands

    def goes_through(self, procedure: Procedure, name: str, hands: Hands) -> Session:
        return super().goes_through(procedure, name, lambda step: self.put(step, dict(hands(step))))


def further_part() -> str:
    """The table of the page."""
    rows = "".join(
        f"| `{name}` | {FURTHER[name].words} | {FURTHER[name].hazard} | {found.place}: {found.step} | {found.words} |\n"
        for name in FURTHER
        for found in (stopped_further(name),)
    )
    return f"| blunder | what is done | hazard | stopped in | in these words |\n| --- | --- | --- | --- | --- |\n{rows}"


def matrix() -> Mapping[str, tuple[str, ...]]:
    """For each blunder the procedures that it does not get through, by name."""
    caught = {}
    for name in BLUNDERS:
        names = []
        for procedure, run in SESSIONS.items():
            who = physicist(name)
            try:
                run(who)
            except (Stopped, ValueError):
                names.append(procedure)
        caught[name] = tuple(names)
    return caught


PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "dosimetry.md"
BEGINS: Final = "<!-- measured: further blunders -->\n"
ENDS: Final = "<!-- end of further blunders -->"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGINS)
    PAGE.write_text(f"{before}{BEGINS}{further_part()}{ENDS}{rest.partition(ENDS)[2]}", encoding="utf-8")
