"""The accidents nearest to this machine were wrong calibrations: each blunder of a session is made at the bench, and the step that should stop it does."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from calibration.procedures.second import Side, second_check
from calibration.procedures.session import Reading, Session
from simulators.blunders import BLUNDERS
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from verification.benched import SECONDS, expected_nc, monitor_session, output_session, warmed
from verification.blundered import ADMITTED, BEGINS, ENDS, FURTHER, PAGE, SEED, SHOULD, further_part, physicist, stopped
from verification.calibrated import Physicist, Stopped, chamber

pytestmark = pytest.mark.timeout(60)


def of(hazard: str) -> list[str]:
    return [name for name, row in BLUNDERS.items() if row.hazard == hazard]


def stops_where_it_should(name: str) -> None:
    found = stopped(name)
    assert (found.place, found.step) == SHOULD[name], found
    assert found.words


@pytest.mark.parametrize("name", of("A1"))
def test_hazard_a1_a_detector_that_is_not_where_it_should_be(name: str) -> None:
    stops_where_it_should(name)


@pytest.mark.parametrize("name", of("A2"))
def test_hazard_a2_an_applicator_by_a_formula(name: str) -> None:
    stops_where_it_should(name)


@pytest.mark.parametrize("name", of("A3"))
def test_hazard_a3_minutes_and_other_units(name: str) -> None:
    stops_where_it_should(name)


@pytest.mark.parametrize("name", of("A4"))
def test_hazard_a4_an_entry_outside_the_grammar_and_a_reading_of_two(name: str) -> None:
    stops_where_it_should(name)


@pytest.mark.parametrize("name", of("A5"))
def test_hazard_a5_a_second_measurement_that_is_the_first(name: str) -> None:
    stops_where_it_should(name)


@pytest.mark.parametrize("name", of("A12"))
def test_hazard_a12_a_correction_twice(name: str) -> None:
    stops_where_it_should(name)


@pytest.mark.parametrize("name", of("A13"))
def test_hazard_a13_a_paper_of_another_time(name: str) -> None:
    stops_where_it_should(name)


def test_every_blunder_has_its_step() -> None:
    assert set(SHOULD) == set(BLUNDERS) and set(SHOULD) >= ADMITTED


def test_the_further_procedures_stop_their_blunders_and_the_page_says_where() -> None:
    """Another filter, sheets in another order or left in, a meter on another range, ten times too much or too little, plugs changed over."""
    part = further_part()
    for name, hand in FURTHER.items():
        assert f"| `{name}` | {hand.words} | {hand.hazard} | {hand.procedure}: {hand.step} |" in part
    assert f"{BEGINS}{part}{ENDS}" in PAGE.read_text(encoding="utf-8")


def test_hazard_a12_who_admits_to_a_correction_is_stopped_before_the_first_reading() -> None:
    for name in ("air-already-corrected", "distance-already-corrected", "not-reset-between"):
        with pytest.raises(Stopped, match="the answer is no"):
            output_session(physicist(name, honest=True))


def test_hazard_a12_air_corrected_twice_moves_what_a_count_is_worth() -> None:
    """Whom the question did not stop: the sealed chamber's counts are held against the last certificate."""
    bench = QuickBench(unknown(SEED), SEED)
    warmed(bench)
    sound = Physicist(bench)
    n1 = next(one.value for one in monitor_session(sound, 520.0).passed[2].verdict.figures if one.name == "n1") / 1000.0
    who = physicist("air-already-corrected")
    monitor_session(who, 520.0, last_n1=n1)
    assert any("n1 moved by +" in words for words in who.warned)
    assert not any("n1 moved" in words for words in sound.warned)
    with pytest.raises(Stopped, match="find out whether output, chamber or reading is wrong"):
        monitor_session(Physicist(QuickBench(unknown(SEED), SEED)), 520.0, last_n1=0.9 * n1)


@pytest.fixture(scope="module")
def first() -> Side:
    who = physicist_sound()
    return Side("P. One", chamber(who.bench, "A"), output_session(who, "A"), 55.0)


def physicist_sound() -> Physicist:
    bench = QuickBench(unknown(SEED), SEED)
    warmed(bench)
    return Physicist(bench)


def copied(session: Session, of_session: Session) -> Session:
    """The readings of a session under another's."""
    theirs = [one.value for one in of_session.kept("readings") if isinstance(one.event, Reading)]
    held = []
    for one in session.held:
        if one.step == "readings" and isinstance(one.event, Reading):
            value = theirs.pop(0)
            one = replace(one, value=value, event=msgspec.structs.replace(one.event, text=f"{value} nC"))
        held.append(one)
    return replace(session, held=tuple(held))


def test_hazard_a5_what_is_no_second_check(first: Side) -> None:
    who = physicist_sound()
    second = Side("P. Two", chamber(who.bench, "B"), output_session(who, "B"), 55.5)
    table = second_check(first, second)
    assert table.who == "P. Two" and table.chamber == "B" and table.result_pct == pytest.approx(0.909, abs=1e-3)
    for other, words in (
        (replace(second, who="P. One"), "have another physicist measure"),
        (replace(second, who="one  p"), "have another physicist measure"),
        (replace(second, chamber=second.chamber.model_copy(update={"serial": "ch a-1001"})), "is the first chamber"),
        (replace(second, chamber=first.chamber), "is the first chamber"),
        (replace(second, r0_mgy_per_s=56.2), "find out which is wrong"),
        (replace(second, session=copied(second.session, first.session)), "digit for digit"),
        (replace(second, session=Session("S", second.session.procedure)), "finish it first"),
    ):
        with pytest.raises(ValueError, match=words):
            second_check(first, other)


def test_what_is_expected_is_the_name_plates_own_charge() -> None:
    """53.28 mGy/s in the plane, 1.12 of them of the water, the chamber 1 mm behind it, in the air of 200 m above the sea."""
    expected = 53.28 * SECONDS / 1.12 / 447.3 * (60.0 / 61.0) ** 2 * 0.969
    assert expected_nc("A", "20 mm") == pytest.approx(expected, rel=0.02)
