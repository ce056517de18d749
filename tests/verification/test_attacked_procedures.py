"""A tired engineer at the procedures beside output and timer: what is typed wrongly there is refused, or told before it is accepted, by the step named.
Each attempt is made at the simulated bench, and is named after its hazard."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from calibration.geometry import not_far
from calibration.job import OutputTable
from calibration.procedures.session import Exposed, Reading, Session
from calibration.procedures.step import Step
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from verification.benched import CHAMBER_MM, SESSIONS, applicator_session, output_session, warmed
from verification.blundered import SEED, Clumsy
from verification.calibrated import Stopped

pytestmark = pytest.mark.timeout(60)
Told = Callable[[Exposed | Reading], Exposed | Reading]
Puts = Callable[[Step, dict[str, Any]], dict[str, Any]]
RUNS: dict[str, Callable[[Clumsy], Session]] = {
    **SESSIONS,
    "cut-out": lambda who: applicator_session(who, "20 mm", "cut-15"),
}  # type: ignore[dict-item]


def as_is(_step: Step, hands: dict[str, Any]) -> dict[str, Any]:
    return hands


def clumsy(told: Told = lambda event: event, put: Puts = as_is) -> Clumsy:
    bench = QuickBench(unknown(SEED), SEED)
    warmed(bench)
    return Clumsy(bench, warm_at_s=bench.now_s, alters=told, put=put)


def stale(step: str, n: int = 100) -> Told:
    """The first number of a step stays on the display for the first n readings."""
    shown: list[str] = []

    def told(event: Exposed | Reading) -> Exposed | Reading:
        if not isinstance(event, Reading) or event.step != step or not event.text.endswith(" nC"):
            return event
        shown.append(event.text)
        return msgspec.structs.replace(event, text=shown[0]) if len(shown) <= n else event

    return told


def changed(unit: str, change: Callable[[str, float], float]) -> Told:
    """Every reading in this unit, by its step and what it was."""

    def told(event: Exposed | Reading) -> Exposed | Reading:
        if not isinstance(event, Reading) or not event.text.endswith(f" {unit}"):
            return event
        return msgspec.structs.replace(event, text=f"{change(event.step, float(event.text.split()[0])):.4f} {unit}")

    return told


def columns(step: str, value: float) -> float:
    """The survey's columns of 5 cm and 1 m, one for the other; both within the limit of the other."""
    if step.startswith("tank"):
        return value
    return 0.4 if step.endswith("5 cm") else 0.9


def at_kv(kv: float, factor: float) -> Callable[[str, float], float]:
    return lambda step, value: value * (factor if step == f"{kv:.1f} kV" else 1.0)


@pytest.mark.parametrize(
    ("procedure", "told", "step", "words"),
    [
        ("monitor chambers", stale("counts"), "counts", "to the last digit"),
        ("leakage survey", changed("mGy/h", columns), "anode side, 1 m", "the nearer one is more"),
        ("cut-out", changed("nC", lambda step, nc: nc * (1.05 if step == "applicator" else 1.0)), "reference again", "not within 0.5 to 1.005"),
        ("kV dependence", changed("nC", at_kv(62.5, 0.92)), "55.6 kV", "look at these points"),
        ("kV dependence", changed("nC", at_kv(55.6, 0.85)), "55.6 kV", "look at these points"),
    ],
    ids=["a2-stale-monitor", "a12-survey-columns", "a2-cutout-columns", "a2-one-point-low", "a2-another-point-low"],
)  # fmt: skip
def test_a2_a12_it_is_refused_by_the_step_that_should(procedure: str, told: Told, step: str, words: str) -> None:
    """Hazards A2 and A12: one reading for all, two columns for one another, one point of a table wrong."""
    with pytest.raises(Stopped, match=words) as stopped:
        RUNS[procedure](clumsy(told))
    assert stopped.value.step == step


@pytest.mark.parametrize(
    ("procedure", "told", "words"),
    [
        ("kV scale", changed("kV", lambda _step, kv: kv + 4.0), "meter and read-back differ by +9"),
        ("kV scale", changed("kV", lambda _step, kv: 1.06 * kv), "meter and read-back differ by +5.7"),
        ("leakage survey", changed("mGy/h", lambda _step, _value: 0.0), "11 readings are all 0 mGy/h"),
        ("output", stale("readings", 4), "4 of 5 readings are"),
    ],
    ids=["a12-meter-off-by-a-constant", "a12-meter-off-by-a-part", "a6-dead-survey-meter", "a2-four-of-five"],
)
def test_a2_a6_a12_it_is_told_and_wants_a_reason(procedure: str, told: Told, words: str) -> None:
    """Hazards A6 and A12: it may be so, and who accepts it writes why. A sound session says nothing of the kind."""
    who, sound = clumsy(told), clumsy()
    for one in (who, sound):
        RUNS[procedure](one)
    assert any(words in said for said in who.warned), who.warned
    assert not any(words in said for said in sound.warned)


@pytest.mark.parametrize(("off_mm", "at_mm"), [(1.0, "62.0"), (-1.0, "60.0")])
def test_a1_a_chamber_one_millimetre_from_its_place_is_told_with_what_that_is_of_dose(
    off_mm: float, at_mm: str
) -> None:
    """1 mm at 61 mm is 3.4 % of dose, and 0.8 % of the ratio over 20 mm: within what stops, and never without a reason."""
    who = clumsy(put=lambda _step, hands: hands | {"distance_mm": hands["distance_mm"] + off_mm})
    output_session(who)
    assert any(f"stood at {at_mm} mm, and 61 mm is recorded" in words for words in who.warned), who.warned


def test_a6_a_survey_begins_with_a_meter_that_lives() -> None:
    who = clumsy(lambda event: msgspec.structs.replace(event, text="no") if isinstance(event, Reading) else event)
    with pytest.raises(Stopped, match="shows its check source as its paper says: the answer is no"):
        SESSIONS["leakage survey"](who)


@pytest.mark.parametrize(("display", "refused"), [("5.52 nC", False), ("5.5200000 nC", False), ("5.5215 nC", True)])
def test_a2_a_coarse_display_shows_one_number_and_is_believed_with_a_reason(display: str, refused: bool) -> None:
    """Three digits are alike for every exposure of a sound session: that is told. Five digits are not, and are refused."""

    def told(event: Exposed | Reading) -> Exposed | Reading:
        return (
            msgspec.structs.replace(event, text=display)
            if isinstance(event, Reading) and event.step == "readings"
            else event
        )

    who = clumsy(told)
    if refused:
        with pytest.raises(Stopped, match="5 readings are all"):
            output_session(who)
    else:
        output_session(who)
        assert any("5 of 5 readings are" in said for said in who.warned), who.warned


@pytest.mark.parametrize(
    ("far_mm", "words"), [(300.0, ""), (61.0, "the chamber stood at 6"), (240.0, "and 300 mm are written")]
)
def test_a2_the_half_value_layer_is_measured_far_away_or_the_output_says_where(far_mm: float, words: str) -> None:
    """Without the narrow beam the layers look sound: the charge for a count, held against the output's, is of another distance."""
    who = clumsy(
        put=lambda step, hands: (
            hands | ({"distance_mm": far_mm} if "mm Al" in step.id or step.id in ("leakage", "no Al again") else {})
        )
    )
    hvl = SESSIONS["HVL"](who)
    sound = clumsy()
    near = output_session(sound)
    sound.bench.expose(69.5, 1.6, 60.0)
    one = OutputTable.model_construct(
        name="a20", hvl=SimpleNamespace(chamber_mm=300.0), measured={"chamber_ref_to_focus_mm": CHAMBER_MM}
    )
    said = list(not_far(one, hvl, near, sound.bench.record["counts_1"]))
    assert (words in said[0]) if words else said == []
