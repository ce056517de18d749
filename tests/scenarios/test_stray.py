"""No dose is nowhere: beam that belongs to no exposure has a record with bounds, and what only the safety unit remembers can be taken into the records."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from refusal_bench import MakeRig, slice_of

from controller.__main__ import EXIT_STUCK_ON, run
from controller.requests import Adopt, Load, Reset
from controller.states import State
from records.fractions import strays
from verification.reach import (
    BRING,
    BRING_BROKEN,
    OPERATOR,
    SHORT,
    exposures,
    load,
    patient,
    state,
    to_beam,
    to_ready,
    turn_until,
)
from verification.virtual import VirtualRig


def kept(rig: VirtualRig) -> list[dict[str, Any]]:
    return strays(rig.recorder_config.database)


def seconds(words: str) -> float:
    """For how long, out of the words of a stray."""
    return float(words.partition(" s, ")[0].rpartition(" ")[2])


def high_mgy(words: str) -> float:
    """The upper bound out of the words of a stray."""
    return float(words.partition(" to ")[2].partition(" mGy")[0])


@pytest.mark.parametrize("at", slice_of([State.STANDBY, State.INTERRUPTED], lambda at: at is State.STANDBY))
def test_beam_that_nobody_asked_for_is_in_the_machines_sum(make_rig: MakeRig, at: State) -> None:
    """Each beam out of nothing has a record whose high bound is not below what was truly given, and says that it is not known."""
    rig = make_rig()
    BRING[at](rig)
    before = rig.truth()["dose_mgy"]
    rig.fault("hv-on-at-start")
    rig.wait(1.0)
    assert state(rig) is State.STUCK_ON
    rig.mend("hv-on-at-start")
    rig.wait(2.0)
    stray_mgy = rig.truth()["dose_mgy"] - before
    assert stray_mgy > 20.0
    told = kept(rig)
    assert told and all(one["kind"] == "uncommanded" and "UNKNOWN" in one["words"] for one in told)
    assert stray_mgy <= sum(high_mgy(one["words"]) for one in told) < 10.0 * stray_mgy


@pytest.mark.parametrize(("ended", "unseen_s"), [(True, 0.0), (False, 1.0)], ids=["asked to end", "killed"])
def test_a_host_that_ends_while_it_lasts_has_told_of_it(make_rig: MakeRig, ended: bool, unseen_s: float) -> None:
    """STUCK_ON lets a process end: then all is in the machine's sum, and after a kill all but the last second; nothing is there twice."""
    rig = make_rig()
    BRING[State.STANDBY](rig)
    before = rig.truth()["dose_mgy"]
    rig.fault("hv-on-at-start")
    rig.wait(5.7)
    assert state(rig) is State.STUCK_ON and rig.loop is not None
    if ended:
        rig.loop.stop_requested = True
        assert run(rig.loop) == EXIT_STUCK_ON
    rig.kill_host()
    rig.mend("hv-on-at-start")
    rig.wait(2.0)
    rig.start_host()
    rig.wait(5.0)
    stray_mgy = rig.truth()["dose_mgy"] - before
    told = [one["words"] for one in kept(rig)]
    assert stray_mgy <= sum(high_mgy(words) for words in told)
    assert 5.7 - unseen_s <= sum(seconds(words) for words in told) <= 5.7 + 0.6


def test_a_ready_that_is_let_go_excuses_no_high_voltage_though_the_process_once_gave_beam(make_rig: MakeRig) -> None:
    """0.4 s of it, within what a cable may take to empty after a beam: STUCK_ON within some ticks, and a record whose high bound holds the dose."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(1.0)
    to_ready(rig, resume="goes on")
    rig.wait(1.0)
    rig.stop()
    turn_until(rig, State.STANDBY)
    before = rig.truth()["dose_mgy"]
    rig.fault("hv-on-at-start")
    rig.wait(0.1)
    assert state(rig) is State.STUCK_ON
    rig.wait(0.3)
    rig.mend("hv-on-at-start")
    rig.wait(2.0)
    stray_mgy = rig.truth()["dose_mgy"] - before
    assert stray_mgy > 5.0
    (only,) = kept(rig)
    assert stray_mgy <= high_mgy(only["words"])


def test_an_exposure_that_the_records_lost_is_taken_in_by_service_and_decided_by_the_physicist(
    make_rig: MakeRig,
) -> None:
    """FAULT for ever otherwise. Service with the key takes it in, with its high bound; the physicist resets; the unit is reset by its token."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    truly, token = rig.truth()["dose_mgy"], rig.world.unit.nv.retained_token
    rig.wait(1.0)
    rig.kill_host()
    rig.kill_recorder()
    shutil.rmtree(rig.recorder_config.journal_dir)
    Path(rig.recorder_config.database).unlink()
    shutil.rmtree(rig.recorder_config.shm_root)
    rig.start_recorder()
    rig.start_host()
    turn_until(rig, State.FAULT)
    assert rig.loop is not None and f"retains exposure {token}" in rig.loop.dossier.tests.words
    for request, why in (
        (Adopt("operator", "O", "records lost"), "role service"),
        (Adopt("service", "S", " "), "a reason"),
        (Adopt("service", "S", "records lost"), "key is not in SERVICE"),
    ):
        answer = rig.ask(request)
        assert not answer.ok and why in answer.words
    assert kept(rig) == []
    rig.room(key="SERVICE")
    rig.wait(0.2)
    assert rig.ask(Adopt("service", "S. Engineer", "the disk was replaced")).ok
    rig.room(key="TREAT")
    turn_until(rig, State.FAULT)
    rig.wait(0.2)
    (only,) = kept(rig)
    assert only["kind"] == "adopted" and f"exposure {token}" in only["words"] and "S. Engineer" in only["words"]
    assert truly <= high_mgy(only["words"]) < 3.0 * truly
    assert rig.world.unit.nv.retained_token == token, "the unit keeps it until the physicist has decided"
    assert not rig.ask(Reset("service", "S", "done")).ok
    assert rig.ask(Reset("physicist", "P. Hysicist", "counted as its high bound")).ok
    turn_until(rig, State.STANDBY)
    assert rig.world.unit.nv.retained_token == 0
    assert not rig.ask(Adopt("service", "S", "again")).ok
    load(rig, p=patient(9))
    assert len(kept(rig)) == 1 and exposures(rig) == []


def test_nothing_is_taken_in_that_the_records_know(make_rig: MakeRig) -> None:
    rig = make_rig()
    BRING_BROKEN[State.FAULT](rig)
    rig.room(key="SERVICE")
    rig.wait(0.2)
    answer = rig.ask(Adopt("service", "S", "to be sure"))
    assert not answer.ok and "nothing that the records do not know" in answer.words
    assert not rig.ask(Load(SHORT, OPERATOR)).ok
