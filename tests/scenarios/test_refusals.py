"""What may not be had, by asking nicely, twice, late, from the wrong place or with something changed: in virtual time, judged by world and records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from refusal_bench import MakeRig, OnWatch

from controller.requests import (
    Alive,
    Answer,
    Close,
    Confirm,
    Edit,
    Load,
    Reply,
    Reset,
    Resume,
    Retest,
    Stop,
)
from controller.states import State
from verification.reach import (
    OPERATOR,
    SHORT,
    cleared,
    confirm_as_offered,
    exposures,
    load,
    ons,
    patient,
    send,
    settle,
    state,
    to_arming,
    to_beam,
    to_ready,
    turn_until,
    wrong,
)
from verification.setting import prescribed
from verification.virtual import VirtualRig

OTHER_CLIENT = 7
BEFORE_MIDNIGHT_S = 86_400.0 - (11 * 3600.0 + 6 * 60.0 + 40.0) - 60.0
"""What the world's wall clock, which begins at 11:06:40 UTC, is set forward by to stand a minute before midnight."""


def test_a_fraction_is_not_delivered_twice(make_rig: MakeRig) -> None:
    """Not in TERMINATED, not after its close, not as a resume, not by a physicist, not by another process, not under an edited order."""
    rig = make_rig()
    to_beam(rig, 0.0)
    turn_until(rig, State.TERMINATED)
    for again in (Load(SHORT, OPERATOR), Resume(SHORT, OPERATOR, "more"), Confirm(1, b"")):
        assert not rig.ask(again).ok
    rig.until(lambda s: s.ended is not None and s.ended.durable, 2.0, "a durable end")
    assert rig.ask(Close("done")).ok
    turn_until(rig, State.STANDBY)
    again = (
        Load(SHORT, OPERATOR),
        Load(prescribed(500.0), OPERATOR),
        Resume(SHORT, OPERATOR, "more"),
        Resume(SHORT, OPERATOR, "more", physicist=True),
    )
    for request in again:
        answer = rig.ask(request)
        assert not answer.ok
        assert "closed" in answer.words
    rig.kill_host()
    rig.kill_recorder()
    rig.start_recorder()
    rig.start_host()
    turn_until(rig, State.STANDBY)
    for request in again:
        assert not rig.ask(request).ok
    rig.press()
    rig.wait(1.0)
    assert wrong(rig, presses=1) == []
    assert ons(rig) == 1


def test_a_resume_with_something_changed_is_refused(make_rig: MakeRig) -> None:
    """Another dose, kV, applicator, patient or hash; also a file that lies about its hash. The unchanged order is then taken, with its rest only."""
    rig = make_rig()
    to_beam(rig, 2.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    changes: tuple[dict[str, Any], ...] = (
        {"sha256": b"\x01" * 32},
        {"rx_mgy": 800.0},
        {"rx_mgy": 800.0, "sha256": b"\x01" * 32},
        {"kv": 70.0},
        {"applicator_id": "A10"},
        {"patient_id_2": "someone else"},
        {"depth_mm": 5.0},
        {"rx_mgy": float("nan")},
    )
    for change in changes:
        answer = rig.ask(Resume(msgspec.structs.replace(SHORT, **change), OPERATOR, "go on"))
        assert not answer.ok, change
        assert state(rig) is State.INTERRUPTED
    assert not rig.ask(Load(SHORT, OPERATOR)).ok
    given = exposures(rig)[0]["delivered_mgy"]
    load(rig, "go on")
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    assert settings is not None
    assert settings.rest_mgy == pytest.approx(settings.d0_mgy - given, abs=0.5)
    assert wrong(rig, presses=1) == []


@pytest.mark.parametrize("termination", ["monitor", "time"])
@pytest.mark.parametrize("pieces", [2, 3])
def test_a_resume_gives_the_rest_and_no_more(make_rig: MakeRig, pieces: int, termination: str) -> None:
    """Two and three pieces sum to the prescription, truly, within max(0.5 %, 1 cGy)."""
    rig = make_rig(termination)
    to_beam(rig, 1.7)
    for number in range(1, pieces):
        rig.stop()
        turn_until(rig, State.INTERRUPTED)
        last = number == pieces - 1
        to_beam(rig, 0.0 if last else 2.3, resume=f"piece {number + 1}")
    d0 = rig.loop.dossier.case.settings.d0_mgy if rig.loop is not None and rig.loop.dossier.case.settings else 0.0
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    assert abs(rig.truth()["dose_mgy"] - d0) <= max(0.005 * d0, 10.0)
    assert settle(rig) is State.STANDBY
    assert wrong(rig, presses=pieces) == []
    assert len(exposures(rig)) == pieces
    assert not rig.ask(Resume(SHORT, OPERATOR, "more", physicist=True)).ok


def test_after_two_resumes_a_physicist_is_needed(make_rig: MakeRig) -> None:
    """The third resume names the physicist and a reason."""
    rig = make_rig()
    to_beam(rig, 1.0)
    for number in range(2):
        rig.stop()
        turn_until(rig, State.INTERRUPTED)
        to_beam(rig, 1.0, resume=f"resume {number}")
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.5)
    answer = rig.ask(Resume(SHORT, OPERATOR, "once more"))
    assert not answer.ok
    assert "physicist" in answer.words
    assert not rig.ask(Resume(SHORT, OPERATOR, " ", physicist=True)).ok
    to_beam(rig, 0.0, resume="seen by the physicist", physicist=True)
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    assert wrong(rig, presses=4) == []


def test_a_resume_that_was_held_over_midnight_needs_a_physicist(make_rig: MakeRig) -> None:
    """Cleared in the evening as an operator's, its offer confirmed the next day: the records give no token, it is unloaded, nothing is armed, a press
    makes no beam, and why is shown until somebody loads again. The physicist resumes it."""
    rig = make_rig()
    rig.kill_host()
    rig.clock.wall_step_s = BEFORE_MIDNIGHT_S
    rig.start_host()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    load(rig, "at once")
    to_midnight_s = -rig.clock.wall() % 86_400.0
    assert to_midnight_s < 60.0, "the offer was made after midnight"
    rig.wait(to_midnight_s + 1.0)
    confirm_as_offered(rig)
    turn_until(rig, State.ARMING)
    rig.press()
    turn_until(rig, State.STANDBY)
    assert ons(rig) == 1 and len(exposures(rig)) == 1
    rig.wait(3.0)
    shown = rig.snapshot()
    assert shown is not None and "a physicist is needed: another day" in shown.notice
    answer = rig.ask(Resume(SHORT, OPERATOR, "the next day"))
    assert not answer.ok and "a physicist is needed: another day" in answer.words
    to_beam(rig, 0.0, resume="the next day, seen by the physicist", physicist=True)
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    assert wrong(rig, presses=3) == []


def test_a_clock_that_is_set_while_an_offer_is_held_is_the_next_process_s(make_rig: MakeRig) -> None:
    """Time sync steps the clock by a day between offer and confirmation: no token, nothing is armed, a press makes no beam, and the words say by how much and
    what to do, also to a new request and to the physicist's. They do it, and there is beam: the rest is the physicist's by then."""
    rig = make_rig()
    to_beam(rig, 1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    load(rig, "at once")
    rig.clock.wall_step_s += 86_400.0
    confirm_as_offered(rig)
    turn_until(rig, State.ARMING)
    rig.press()
    turn_until(rig, State.STANDBY)
    assert ons(rig) == 1 and len(exposures(rig)) == 1
    rig.wait(3.0)
    said = (
        "the clock was set by +86400 s since the real-time process began (at most 120), and that process still goes by the old one: "
        "see that the clock is right, then restart the real-time process (kerma run)"
    )
    shown = rig.snapshot()
    assert shown is not None and said in shown.notice
    for physicist in (False, True):
        answer = rig.ask(Resume(SHORT, OPERATOR, "the clock was set", physicist))
        assert not answer.ok and said in answer.words
    rig.kill_host()
    rig.start_host()
    turn_until(rig, State.STANDBY)
    answer = rig.ask(Resume(SHORT, OPERATOR, "the program was started again"))
    assert not answer.ok and "a physicist is needed: 1440 min since the last beam" in answer.words
    to_beam(rig, 0.0, resume="seen by the physicist", physicist=True)
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    assert wrong(rig, presses=3) == []


def test_g18_air_that_drifted_is_measured_from_the_loading(make_rig: MakeRig) -> None:
    """Hazard G18: the pressure falls by 0.6 % in READY, which ends it, and stays there. A new commit brings no new k_TP, so
    nothing is offered any more, and what is first to fix says why. Unloaded and loaded again there is beam, by today's air."""
    rig = make_rig()
    to_ready(rig)
    rig.fault("pressure-drift")
    turn_until(rig, State.PREPARATORY)
    rig.mend("pressure-drift")
    for _ in range(4):
        rig.wait(2.0)
        shown = rig.snapshot()
        assert shown is not None and (shown.state, shown.offer, ons(rig)) == ("PREPARATORY", None, 0)
        assert shown.first_to_fix.startswith("k_TP has drifted by ") and "first: unload" in shown.first_to_fix
    kept = rig.records()[0]
    assert {one["rule"] for one in kept["exposures"]} == {"k_tp_drift"}
    assert rig.ask(Edit()).ok
    to_beam(rig, 0.0)
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    assert wrong(rig, presses=1) == []


def test_a_rest_too_small_is_not_resumed(make_rig: MakeRig) -> None:
    """Stopped at the very end: what is left is within the tolerance, so the fraction is over and takes no resume."""
    rig = make_rig()
    to_beam(rig, 8.3)
    rig.stop()
    turn_until(rig, State.TERMINATED, State.INTERRUPTED)
    assert state(rig) is State.TERMINATED
    assert not rig.ask(Resume(SHORT, OPERATOR, "the last bit")).ok
    assert settle(rig) is State.STANDBY
    assert not rig.ask(Resume(SHORT, OPERATOR, "the last bit", physicist=True)).ok
    assert wrong(rig, presses=1) == []


def test_an_end_by_the_timer_needs_the_physicist(make_rig: MakeRig) -> None:
    """Both chambers read low and the timer backed up: latched; no operator clears it, and nobody loads or resumes over it, not after a restart either."""
    rig = make_rig(fault="chambers-low")
    to_beam(rig, 0.0, p=patient(1, 1400.0))
    turn_until(rig, State.TERMINATED, within=6000)
    shown = rig.until(lambda s: s.ended is not None and s.ended.durable, 2.0, "a durable end")
    assert shown.ended is not None
    assert shown.ended.event == "TIME_END"
    assert shown.latches
    assert not rig.ask(Reset("operator", OPERATOR, "on")).ok
    rig.mend("chambers-low")
    assert rig.ask(Close("done")).ok
    turn_until(rig, State.STANDBY)
    assert "latched" in rig.ask(Load(patient(2), OPERATOR)).words
    rig.kill_host()
    rig.start_host()
    turn_until(rig, State.FAULT)
    rig.wait(0.5)
    assert not rig.ask(Reset("operator", OPERATOR, "on")).ok
    assert not rig.ask(Reset("physicist", "dr", " ")).ok
    assert rig.ask(Reset("physicist", "dr", "chambers were checked")).ok
    turn_until(rig, State.STANDBY)
    load(rig, p=patient(2))


def test_a13_an_expired_certificate_starts_nothing(make_rig: MakeRig) -> None:
    """Expired before the load: refused. Expired between load and CONFIRM: no offer can be confirmed."""
    rig = make_rig()
    assert rig.loop is not None
    dossier = rig.loop.dossier
    good = dossier._certificate
    turn_until(rig, State.STANDBY)
    dossier._certificate = msgspec.structs.replace(good, expires_wall_s=dossier.wall_s(rig.now_s()) - 1.0)
    answer = rig.ask(Load(SHORT, OPERATOR))
    assert not answer.ok
    assert "expired" in answer.words
    dossier._certificate = msgspec.structs.replace(good, expires_wall_s=dossier.wall_s(rig.now_s()) + 3.0)
    load(rig)
    rig.wait(4.0)
    for _ in range(200):
        case = dossier.case
        if case.offer_at_s is not None and case.settings is not None:
            send(rig, Confirm(case.offer_id, case.settings.digest))
        rig.turn()
    assert state(rig) is State.PREPARATORY
    rig.press()
    rig.wait(1.0)
    assert ons(rig) == 0
    assert exposures(rig) == []


def test_set_points_that_read_back_wrong_are_never_offered(make_rig: MakeRig) -> None:
    """The supply acknowledges set-points and does not take them: no offer, and no CONFIRM by guessing."""
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    rig.fault("set-point-ignored")
    load(rig)
    for _ in range(300):
        rig.turn()
        assert rig.loop is not None
        assert rig.loop.dossier.case.offer_at_s is None
    settings = rig.loop.dossier.case.settings if rig.loop is not None else None
    assert settings is not None
    for offer in (0, 1):
        assert not rig.ask(Confirm(offer, settings.digest)).ok
    rig.press()
    rig.wait(1.0)
    assert ons(rig) == 0


@pytest.mark.parametrize("key", ["SERVICE", "OFF"])
def test_a_treatment_is_not_loaded_in_another_key_position(make_rig: MakeRig, key: str) -> None:
    """Refused with the position that it needs; nothing is set up."""
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    rig.room(key=key)
    rig.wait(0.2)
    answer = rig.ask(Load(SHORT, OPERATOR))
    assert not answer.ok
    assert "TREAT" in answer.words
    rig.wait(0.5)
    assert state(rig) is State.STANDBY
    rig.room(key="TREAT")
    rig.wait(0.2)
    load(rig)


def test_an_offer_is_confirmed_once(make_rig: MakeRig) -> None:
    """The same CONFIRM again is refused in ARMING, in READY, in beam, after the unload, and when the same fraction is loaded again."""
    rig = make_rig()
    load(rig)
    rig.until(lambda s: s.offer is not None, 5.0, "an offer")
    assert rig.loop is not None
    confirm_as_offered(rig)
    settings = rig.loop.dossier.case.settings
    assert settings is not None
    old = Confirm(rig.loop.dossier.case.offer_id, settings.digest)
    send(rig, old)
    rig.turn()
    turn_until(rig, State.READY)
    assert not rig.ask(old).ok
    assert state(rig) is State.READY
    assert rig.ask(Edit()).ok
    assert not rig.ask(old).ok
    load(rig)
    rig.until(lambda s: s.offer is not None, 5.0, "an offer")
    answer = rig.ask(old)
    assert not answer.ok, "an offer of an earlier load was confirmed"
    assert state(rig) is State.PREPARATORY
    assert len(exposures(rig)) == 1


def test_nothing_is_armed_without_a_durable_start(make_rig: MakeRig) -> None:
    """The recorder dies before the CONFIRM: ARMING runs out, the unit is never armed, a press gives nothing; a new recorder then ends the START."""
    rig = make_rig()
    load(rig)
    rig.until(lambda s: s.offer is not None, 5.0, "an offer")
    rig.kill_recorder()
    confirm_as_offered(rig)
    assert state(rig) is State.ARMING
    rig.press()
    for _ in range(300):
        rig.turn()
        assert state(rig) is not State.READY
        assert rig.world.unit.armed_token == 0
    rig.start_recorder()
    assert settle(rig) is State.STANDBY
    assert ons(rig) == 0
    assert wrong(rig, presses=0) == []
    assert all(e["void"] for e in exposures(rig))


@pytest.mark.parametrize("at", [State.STANDBY, State.PREPARATORY, State.ARMING])
def test_a_press_before_ready_gives_no_beam(make_rig: MakeRig, at: State) -> None:
    """Pressed and let go, or pressed and held, before READY: nothing, and the fraction can still be given afterwards."""
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    if at is not State.STANDBY:
        load(rig)
    if at is State.ARMING:
        confirm_as_offered(rig)
    rig.press()
    rig.wait(1.0)
    assert ons(rig) == 0
    rig.world.room.press()
    rig._release_us = None
    for _ in range(200):
        rig.turn()
    assert ons(rig) == 0
    rig.world.room.release()
    assert settle(rig) is State.STANDBY
    to_beam(rig, 0.5)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    assert wrong(rig, presses=1) == []


def test_a_stuck_switch_never_arms(make_rig: MakeRig) -> None:
    """The switch stays closed from before the load: no READY, no RUN, no beam, for as long as one likes."""
    rig = make_rig()
    turn_until(rig, State.STANDBY)
    rig.fault("switch-stuck")
    load(rig)
    for _ in range(900):
        assert rig.loop is not None
        case = rig.loop.dossier.case
        if case.offer_at_s is not None and case.settings is not None and state(rig) is State.PREPARATORY:
            send(rig, Confirm(case.offer_id, case.settings.digest))
        rig.turn()
        assert state(rig) is not State.READY
    assert rig.world.unit.nv.run_count == 0
    rig.mend("switch-stuck")
    assert settle(rig) is State.STANDBY
    assert wrong(rig, presses=0) == []


def test_a_switch_that_sticks_in_beam_starts_nothing_again(make_rig: MakeRig) -> None:
    """Pressed once and stuck: the beam ends by STOP, and the resume waits until the switch has been let go."""
    rig = make_rig()
    to_ready(rig)
    rig.fault("switch-stuck")
    turn_until(rig, State.IRRADIATING)
    rig.wait(1.0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED)
    load(rig, "go on")
    for _ in range(300):
        assert rig.loop is not None
        case = rig.loop.dossier.case
        if case.offer_at_s is not None and case.settings is not None and state(rig) is State.PREPARATORY:
            send(rig, Confirm(case.offer_id, case.settings.digest))
        rig.turn()
    assert ons(rig) == 1
    assert state(rig) is not State.READY


def test_ready_that_runs_out_leaves_nothing(make_rig: MakeRig) -> None:
    """After 60 s: DISARM, VOID, the unit's token gone; a press then does nothing, the old offer neither."""
    rig = make_rig()
    to_ready(rig)
    assert rig.loop is not None
    old = rig.loop.dossier.case
    rig.wait(60.5)
    assert state(rig) is State.PREPARATORY
    (exposure,) = exposures(rig)
    assert exposure["void"]
    assert rig.world.unit.nv.retained_token == 0
    assert rig.world.unit.armed_token == 0
    assert old.settings is not None
    assert not rig.ask(Confirm(old.offer_id, old.settings.digest)).ok
    rig.press()
    rig.wait(2.0)
    assert ons(rig) == 0
    assert wrong(rig, presses=0) == []


def test_another_client_may_stop_and_nothing_else(make_rig: MakeRig) -> None:
    """While one client holds the lease, every other request of a second one is refused, and its STOP is not."""
    rig = make_rig()
    to_ready(rig)
    heard: list[Reply] = []
    own = rig.wire.send

    def overhear(client: int, packet: bytes) -> None:
        if client == OTHER_CLIENT:
            heard.append(msgspec.msgpack.decode(packet, type=Reply))
        own(client, packet)

    rig.wire.send = overhear  # type: ignore[method-assign]
    requests = (
        Edit(),
        Confirm(1, b""),
        Close("x"),
        Load(SHORT, "z"),
        Resume(SHORT, "z", "x"),
        Reset("service", "a, b", "c"),
        Retest(),
        Alive(),
    )
    for request in requests:
        rig.wire.inbox.append((OTHER_CLIENT, msgspec.msgpack.encode(request)))
        rig.turn()
    assert len(heard) == len(requests) - 1
    assert all(isinstance(answer, Answer) and not answer.ok for answer in heard)
    assert state(rig) is State.READY
    rig.wire.inbox.append((OTHER_CLIENT, msgspec.msgpack.encode(Stop())))
    rig.turn()
    assert state(rig) is State.STANDBY


def test_a_latched_unit_needs_the_service_key(make_rig: MakeRig) -> None:
    """High voltage while ARMED latches the unit; no role in key TREAT, and no operator in key SERVICE, gets it back."""
    rig = make_rig()
    to_ready(rig)
    rig.fault("off-ignored")
    rig.press()
    turn_until(rig, State.IRRADIATING)
    rig.fault("k2-welded")
    rig.stop()
    turn_until(rig, State.STUCK_ON)
    rig.mend("k2-welded")
    rig.mend("off-ignored")
    rig.wait(3.0)
    assert rig.world.unit.nv.latch_code
    for role in ("operator", "physicist", "service"):
        assert not rig.ask(Reset(role, "one person", "it looks off")).ok
    rig.kill_host()
    rig.start_host()
    turn_until(rig, State.STUCK_ON)
    rig.room(key="SERVICE")
    rig.wait(1.0)
    answer = rig.ask(Reset("service", "one, two", "seen"))
    assert not answer.ok
    assert "off and on again" in answer.words
    rig.fault("generator-silent", 1.0)
    rig.wait(3.0)
    pulled = rig.ask(Reset("service", "one, two", "seen"))
    assert "off and on again" in pulled.words, "a plug that is put back at once is no mains switch"
    rig.fault("generator-silent", 10.5)
    rig.wait(76.0)
    assert not rig.ask(Reset("service", "one", "seen")).ok
    assert not rig.ask(Reset("physicist", "one, two", "seen")).ok
    assert rig.ask(Reset("service", "one, two", "seen")).ok
    rig.room(key="TREAT")
    turn_until(rig, State.STANDBY)
    assert wrong(rig, presses=1) == []


EDIT_TICKS = (*range(6), 9, 15, 25, *range(33, 46), 50, 60)
"""Every tick of ARMING in which something happens, and every tick from READY over the press into the beam; what is named for their number asserts it."""
STOP_TICKS = (0, 1, 2, 5, 9, 20, 36, 37, 38, 39, 40, 41, 42, 44, 47, 52, 70)
"""One in three of each is played by make test, all by make grid."""


def test_an_edit_at_8_of_24_chosen_ticks_never_beams_with_another_set(make_rig: MakeRig) -> None:
    """The race of 1985: after CONFIRM the operator unloads and loads another dose in one breath, n ticks later, while the switch is being pressed.
    Beam comes with the set that was confirmed, or not at all; and what was loaded afterwards waits for its own CONFIRM."""
    assert len(set(EDIT_TICKS)) == 24 and len(EDIT_TICKS[::3]) == 8
    edited_at(make_rig(), EDIT_TICKS[::3])


@pytest.mark.grid
@pytest.mark.parametrize("first", [1, 2])
def test_an_edit_at_the_other_16_of_24_chosen_ticks_never_beams_with_another_set(make_rig: MakeRig, first: int) -> None:
    """The same at what the test above leaves out, in two parts."""
    assert len(EDIT_TICKS[1::3]) + len(EDIT_TICKS[2::3]) == 16
    edited_at(make_rig(), EDIT_TICKS[first::3])


def edited_at(rig: VirtualRig, at: Sequence[int]) -> None:
    watch = OnWatch(rig)
    presses = 0
    for number, ticks in enumerate(at):
        first, second = patient(2 * number), patient(2 * number + 1, 900.0)
        to_arming(rig, p=first)
        assert rig.loop is not None
        confirmed = rig.loop.dossier.case.settings
        assert confirmed is not None
        pressed, before = False, len(watch.wanted)
        for _ in range(ticks):
            if state(rig) is State.READY and not pressed:
                rig.press()
                pressed = True
            rig.turn()
        began = len(watch.wanted)
        send(rig, Edit())
        send(rig, Load(second, OPERATOR))
        send(rig, Confirm(rig.loop.dossier.case.offer_id, confirmed.digest))
        if not pressed:
            rig.press()
        presses += 1
        for _ in range(60):
            rig.turn()
        assert all(digest == confirmed.digest for _, _, digest in watch.wanted[before:])
        assert len(watch.wanted) == began, f"beam began {ticks} ticks after CONFIRM although it was unloaded"
        cleared(rig)
    assert {at for at, _, _ in watch.wanted} <= {State.STARTING}
    assert len({token for _, token, _ in watch.wanted}) == len(watch.wanted)
    assert wrong(rig, presses) == []


def test_stop_at_6_of_17_chosen_ticks_wins(make_rig: MakeRig) -> None:
    """STOP n ticks after CONFIRM, n = 0 with it in one tick: no beam after it, ever; and a CONFIRM that came with it is refused."""
    assert len(set(STOP_TICKS)) == 17 and len(STOP_TICKS[::3]) == 6
    stopped_at(make_rig(), STOP_TICKS[::3])


@pytest.mark.grid
@pytest.mark.parametrize("first", [1, 2])
def test_stop_at_the_other_11_of_17_chosen_ticks_wins(make_rig: MakeRig, first: int) -> None:
    """The same at what the test above leaves out, in two parts."""
    assert len(STOP_TICKS[1::3]) + len(STOP_TICKS[2::3]) == 11
    stopped_at(make_rig(), STOP_TICKS[first::3])


def stopped_at(rig: VirtualRig, at: Sequence[int]) -> None:
    watch = OnWatch(rig)
    for number, ticks in enumerate(at):
        load(rig, p=patient(number))
        rig.until(lambda s: s.offer is not None, 5.0, "an offer")
        if ticks == 0:
            case = rig.loop.dossier.case if rig.loop is not None else None
            assert case is not None
            assert case.settings is not None
            send(rig, Confirm(case.offer_id, case.settings.digest))
        else:
            confirm_as_offered(rig)
        for _ in range(ticks):
            if state(rig) is State.READY:
                rig.press()
            rig.turn()
        rig.stop()
        before = len(watch.wanted)
        rig.turn()
        assert state(rig) in (State.STANDBY, State.STOPPING)
        rig.press()
        for _ in range(120):
            rig.turn()
        assert len(watch.wanted) == before
        assert not rig.truth()["hv_on"]
        cleared(rig)
    assert wrong(rig, presses=100) == []
