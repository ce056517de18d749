"""What is shown of the dose before a fraction's START: what the records say was given of that fraction before, and nothing of the exposure before it."""

from __future__ import annotations

import msgspec
from refusal_bench import MakeRig

from controller.requests import Close, DoseShown, Reset
from controller.states import State
from verification.reach import SHORT, load, to_beam, turn_until
from verification.virtual import VirtualRig

NEXT = msgspec.structs.replace(SHORT, patient_id="P-NEXT", patient_id_2="1950-01-01", rx_mgy=300.0, sha256=b"n" * 32)


def offered(rig: VirtualRig) -> DoseShown:
    """The dose beside the offer."""
    shown = rig.until(lambda s: s.offer is not None, 5.0, "an offer")
    assert shown.state == "PREPARATORY" and shown.dose is not None
    return shown.dose


def channels(dose: DoseShown) -> tuple[float, ...]:
    """All that counts since the START."""
    return dose.d1_mgy, dose.d2_mgy, dose.dt_mgy, dose.dm_mgy, dose.beam_s, dose.rate_mgy_per_s


def test_the_next_patients_offer_stands_beside_no_dose_of_the_one_before(make_rig: MakeRig) -> None:
    """The meter still holds the former exposure, with which an end, a record and a person at the machine are served until the next is loaded."""
    rig = make_rig()
    to_beam(rig, 0.0)
    turn_until(rig, State.TERMINATED)
    ended = rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "the end")
    assert ended.dose is not None and ended.dose.delivered_mgy > 0.9 * ended.dose.d0_mgy
    assert rig.ask(Close("given")).ok
    load(rig, p=NEXT)
    dose = offered(rig)
    assert (dose.delivered_mgy, dose.low_mgy, dose.high_mgy, dose.quality) == (0.0, 0.0, 0.0, "GOOD")
    assert channels(dose) == (0.0,) * 6 and dose.d0_mgy < ended.dose.d0_mgy


def test_a_resume_after_a_restart_stands_beside_what_was_given_and_how_well_it_is_known(make_rig: MakeRig) -> None:
    """A power cut in beam leaves a dose that is not known for good; a new process that never measured it shows it with its bounds, not 0 and GOOD."""
    rig = make_rig()
    to_beam(rig, 1.5)
    rig.power_cut()
    rig.wait(5.0)
    rig.power_on()
    load(rig, "after the power cut", physicist=True)
    dose = offered(rig)
    assert rig.loop is not None and rig.loop.dossier.case.settings is not None
    before = rig.loop.dossier.case.settings
    assert before.delivered_before_mgy > 0.0 and before.quality_before.value != "GOOD"
    assert (dose.delivered_mgy, dose.low_mgy, dose.high_mgy, dose.quality) == (
        before.delivered_before_mgy, before.low_before_mgy, before.high_before_mgy, before.quality_before.value,
    )  # fmt: skip
    assert channels(dose) == (0.0,) * 6


def test_off_without_the_generator_is_not_proved_by_chambers_that_counted_in_a_former_exposure(
    make_rig: MakeRig,
) -> None:
    """In an exposure whose beam both chambers saw, their silence and K1's mirror are off; with nothing loaded hours later they may have failed since, and a
    process that never had an exposure says so too."""
    rig = make_rig()
    to_beam(rig, 1.5)
    rig.fault("generator-silent")
    turn_until(rig, State.FAULT)
    own = rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "the end")
    assert own.beam == "off" and "LOST" in own.links[1]
    rig.mend("generator-silent")
    rig.wait(3.0)
    assert rig.ask(Reset("service", "S. Ervice", "its cable is in again")).ok
    turn_until(rig, State.STANDBY)
    rig.fault("generator-silent")
    former = rig.until(lambda s: "LOST" in s.links[1], 5.0, "a lost generator")
    assert former.beam == "MAY BE ON"
