"""What a snapshot says first: the recorder where the self-test cannot begin without it, and the cause of a fault that no rule finds any more."""

from __future__ import annotations

import msgspec
import pytest
from decide_bench import MACHINE, QUIET, committed, finding, readings, stage, verdict
from dose_bench import certificate, combination, made, prescribed

from controller.case import Case
from controller.dose import Dose
from controller.prescribed import Quality
from controller.requests import Offer
from controller.self_test import begin
from controller.shown import (
    dose_by_now,
    dose_shown,
    first_to_fix,
    is_dose_known,
    offer_shown,
    set_up_words,
    told_of_dose,
    trip_words,
)
from controller.states import State
from hal.machine import Fitted
from hal.readings import Termination
from hal.units import Seconds
from interlocks.look import air_over_pressure
from interlocks.words import Trip, Verdict

TESTS = begin(Seconds(0.0))
LOST = verdict(finding("recorder_fresh", Trip.RECORDER_LOST))
DOOR = verdict(finding("door", Trip.TRIP_STOP))


@pytest.mark.parametrize(
    ("state", "judged", "words"),
    [
        (State.SELF_TEST, QUIET, TESTS.words),
        (State.SELF_TEST, DOOR, TESTS.words),
        (State.SELF_TEST, LOST, LOST.findings[0].words),
        (State.STANDBY, DOOR, DOOR.findings[0].words),
        (State.STANDBY, QUIET, ""),
        (State.FAULT, DOOR, DOOR.findings[0].words),
    ],
)
def test_what_is_first_to_fix(state: State, judged: Verdict, words: str) -> None:
    assert first_to_fix(stage(state), judged, TESTS) == words


@pytest.mark.parametrize("state", [State.FAULT, State.STUCK_ON])
def test_a_fault_that_no_rule_finds_says_what_it_was(state: State) -> None:
    """Nothing to fix would be read as nothing wrong."""
    why = msgspec.structs.replace(stage(state), words="the unit retains exposure 34")
    assert first_to_fix(why, QUIET, TESTS) == "the unit retains exposure 34"


def test_a_fault_names_its_own_cause_first() -> None:
    """A wrong generator is not asked for its values: their age must not hide that it is a wrong one."""
    stale, wrong = finding("generator_link", Trip.GEN_LOST), finding("generator_identity", Trip.TRIP_FAULT)
    why = stage(State.FAULT, rule="generator_identity", words="the generator is not the configured one")
    assert first_to_fix(why, verdict(stale, wrong), TESTS) == wrong.words
    assert first_to_fix(why, verdict(stale), TESTS) == stale.words


@pytest.mark.parametrize(
    ("termination", "dose", "told"),
    [
        (Termination.MONITOR, Dose(d1_mgy=1000.0, d2_mgy=1020.0, counted=True), ["channel 1 1000.0"]),
        (Termination.MONITOR, Dose(d1_mgy=1000.0, d2_mgy=1014.0, dt_mgy=1000.0, dm_mgy=960.0, counted=True), []),
        (Termination.TIME, Dose(d1_mgy=1000.0, d2_mgy=1014.0, dt_mgy=1000.0, dm_mgy=979.0, counted=True), ["the timer 1000.0"]),
        (Termination.TIME, Dose(d2_mgy=1000.0, dt_mgy=1000.0, dm_mgy=979.0, counted=True, chambers=False), ["the timer 1000.0"]),
        (Termination.MONITOR, Dose(d1_mgy=1000.0, d2_mgy=1020.0), []),
    ],
)  # fmt: skip
def test_channels_that_differ_are_told_before_they_trip(termination: Termination, dose: Dose, told: list[str]) -> None:
    """1.5 % of the chambers, and of timer and model where the timer ends the beam; nothing before beam was counted, and nothing without a fraction."""
    settings = made(prescribed(), certificate(termination=termination))
    assert [words.split(" mGy")[0] for words in told_of_dose(settings, dose)] == told
    assert told_of_dose(None, dose) == ()


def test_the_quality_beside_the_fractions_dose_is_the_fractions() -> None:
    """A sound piece after one whose dose is unknown leaves the sum unknown: nobody may read GOOD beside it."""
    dose = Dose(
        quality=Quality.GOOD, fraction_quality=Quality.UNKNOWN, fraction_delivered_mgy=4000.0, fraction_high_mgy=4000.0
    )
    shown = dose_shown(made(), dose)
    assert (shown.quality, shown.delivered_mgy) == (Quality.UNKNOWN.value, 4000.0)


LOADED = Case(settings=made())


@pytest.mark.parametrize(
    ("state", "case", "known"),
    [
        (State.PREPARATORY, LOADED, True),
        (State.FAULT, LOADED, False),
        (State.STUCK_ON, LOADED, False),
        (State.FAULT, msgspec.structs.replace(LOADED, token=7), True),
        (State.STUCK_ON, msgspec.structs.replace(LOADED, token=7), True),
    ],
)
def test_after_beam_of_no_exposure_no_dose_stands_beside_what_is_loaded(state: State, case: Case, known: bool) -> None:
    """High voltage that nobody asked for while an offer is out: "0.000 Gy, GOOD" would be read as what the patient has."""
    assert is_dose_known(stage(state), case, unended=False) is known


def test_while_an_exposure_has_no_end_no_dose_stands_beside_what_is_loaded() -> None:
    """Left in the tick of the press, it may have had beam: what was given before it is not what was given."""
    assert not is_dose_known(stage(State.PREPARATORY), LOADED, unended=True)
    assert is_dose_known(stage(State.ARMING), LOADED, unended=True), "its own, whose START waits for its token"


def test_the_meter_is_not_believed_before_the_records_have_taken_the_start() -> None:
    """In the tick of the confirmation it still holds the exposure before."""
    former = Dose(d1_mgy=5000.0, fraction_delivered_mgy=5000.0, fraction_high_mgy=5100.0)
    for case in (LOADED, msgspec.structs.replace(LOADED, start_seq=9)):
        said = dose_by_now(case, former)
        assert (said.d1_mgy, said.fraction_delivered_mgy, said.fraction_high_mgy) == (0.0, 0.0, 0.0)
    assert dose_by_now(msgspec.structs.replace(LOADED, start_seq=9, token=7), former) is former
    assert dose_by_now(Case(), former) is former


def test_a_past_trip_is_not_told_beside_a_new_offer() -> None:
    """The door was open and is closed; what is on offer now is not what the trip was about."""
    why = stage(State.PREPARATORY, words="the door is open")
    assert trip_words(why, LOADED) == "the door is open"
    assert trip_words(why, msgspec.structs.replace(LOADED, offer_at_s=1.0)) == ""
    assert (
        trip_words(stage(State.READY, words="the door is open"), msgspec.structs.replace(LOADED, offer_at_s=1.0))
        == "the door is open"
    )


@pytest.mark.parametrize(
    ("warmer_k", "fitted", "vented", "said"),
    [
        (1.45, MACHINE.fitted, True, False),
        (1.49, MACHINE.fitted, True, True),
        (-1.49, MACHINE.fitted, True, True),
        (1.49, MACHINE.fitted & ~Fitted.AIR, True, False),
        (1.49, MACHINE.fitted, False, False),
    ],
)
def test_air_that_has_drifted_is_why_nothing_is_offered(
    warmer_k: float, fitted: Fitted, vented: bool, said: bool
) -> None:
    """By half a per cent of the loading's k_TP, where chamber 2 is vented and the head's air is read at all."""
    settings = made()
    air = committed().slow
    assert air is not None
    now = readings(slow_temperature_c=air.temperature_c + warmer_k)
    terms = msgspec.structs.replace(settings.terms, vented_2=vented, air_k_per_kpa=air_over_pressure(air))
    case = Case(settings=msgspec.structs.replace(settings, terms=terms))
    words = set_up_words(case, now, unended=False, machine=msgspec.structs.replace(MACHINE, fitted=fitted))
    assert words.startswith("k_TP has drifted by ") is said
    assert ("first: unload" in words) is said


def test_an_offer_says_by_which_certificate_it_was_made() -> None:
    """One with a lowered cap makes the same set, the same doses and the same digest: nothing else in the offer tells the two apart."""
    c = combination()
    old, new = certificate(c, sha256=b"a" * 32), certificate(msgspec.structs.replace(c, max_skin_mgy=c.max_skin_mgy - 1.0), sha256=b"b" * 32)  # fmt: skip
    by_old, by_new = (
        offer_shown(Case(settings=made(cert=one), offer_id=3, offer_at_s=1.0), committed(), MACHINE)
        for one in (old, new)
    )
    assert by_old is not None and by_new is not None
    assert (by_old.certificate_sha256, by_new.certificate_sha256) == (b"a" * 32, b"b" * 32)
    assert msgspec.structs.replace(by_old, certificate_sha256=b"b" * 32) == by_new


def test_an_offer_of_an_older_program_names_no_certificate_and_is_read() -> None:
    """Its words are read as they are: empty is none that lies anywhere, and whoever confirms refuses it."""
    offered = offer_shown(Case(settings=made(), offer_id=3, offer_at_s=1.0), committed(), MACHINE)
    assert offered is not None
    older = msgspec.to_builtins(offered, builtin_types=(bytes,))
    del older["certificate_sha256"]
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(older), type=Offer)
    assert read == msgspec.structs.replace(offered, certificate_sha256=b"")
