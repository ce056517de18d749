"""Screens from snapshots made by hand: what must be seen is seen, and everything simulated says so.
No terminal and no desk is needed."""

from __future__ import annotations

import json
import math

import pytest
from desk_by_hand import dose, ended, offer, snapshot
from rich.console import Console, RenderableType

from console import screen
from console.exit_codes import OUTCOMES, WORDS, Exit, of_end, of_state, table
from console.second_calculation import Compared
from controller.entries import Outcome
from controller.prescribed import Prescribed
from controller.requests import RuleShown
from controller.states import State


def text(renderable: RenderableType, width: int = 160) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115 - nothing to close
    with console.capture() as captured:
        console.print(renderable)
    console.file.close()
    return captured.get()


BEAM = {
    "state": "IRRADIATING", "beam": "on", "kv_set": 69.5, "kv": 69.41, "ma_set": 1.6, "ma": 1.598, "dose": dose(delivered_mgy=550.0, beam_s=10.1),
}  # fmt: skip


def test_the_live_picture_shows_set_and_measured_dose_time_and_interlocks() -> None:
    shown = text(screen.progress(snapshot(**BEAM)))
    for word in (
        "SIMULATED",
        "IRRADIATING",
        "BEAM ON",
        "69.5 kV",
        "69.4 kV",
        "1.60 mA",
        "0.468 of 0.950 Gy",
        "10.1 of 20.5 s",
        "all 2 true",
        "Ctrl-C is STOP",
    ):
        assert word in shown, word
    assert "NO DATA" not in shown


def test_a_real_rig_never_says_simulated_and_a_simulated_one_always_does(prescribed: Prescribed) -> None:
    for simulated in (True, False):
        shot = snapshot(**BEAM, simulated=simulated)
        for view in (screen.progress(shot), screen.status(shot), screen.plain(shot), screen.banner(simulated, "demo"),
                     screen.end(prescribed, ended(), Exit.AS_INTENDED, "r", simulated), screen.offer(prescribed, offer(), (), simulated)):  # fmt: skip
            assert ("SIMULATED" in text(view)) is simulated


def test_an_old_picture_says_so_and_an_older_one_claims_nothing() -> None:
    assert "0.5 s old" in text(screen.progress(snapshot(**BEAM), 0.5))
    assert "NO DATA for 1.5 s" in text(screen.progress(snapshot(**BEAM), 1.5))


def test_what_is_not_ready_names_the_first_thing_to_fix() -> None:
    rules = (
        RuleShown("door", "FALSE", 0.012, "door open"),
        RuleShown("key", "STALE", 2.0, ""),
        RuleShown("kv", "NOT_ASKED", None, ""),
    )
    shot = snapshot(state="PREPARATORY", rules=rules, first_to_fix="close the door")
    assert "2 of 2 not true; first: close the door" in text(screen.progress(shot))
    shown = text(screen.status(shot))
    for word in ("door", "FALSE", "12 ms", "STALE", "2000 ms", "NOT_ASKED", "first to fix"):
        assert word in shown


def test_one_line_where_there_is_no_terminal() -> None:
    line = screen.plain(snapshot(**BEAM))
    assert "\n" not in line and line.startswith("SIMULATED IRRADIATING")
    assert "kV 69.5/69.4" in line and "mA 1.60/1.60" in line
    assert "kV -/0.0" in screen.plain(snapshot())


@pytest.mark.parametrize("state", [state.value for state in State])
def test_every_state_has_words_of_its_own(state: str) -> None:
    assert state in screen.STATES
    assert screen.STATES[state][0] in text(screen.progress(snapshot(state=state)))


def test_beam_that_may_be_on_is_said_in_words() -> None:
    shown = text(screen.progress(snapshot(state="STUCK_ON", beam="MAY BE ON")))
    assert "MAY BE ON" in shown and "press the emergency stop" in shown


def test_the_offer_shows_both_calculations_and_the_difference(prescribed: Prescribed) -> None:
    compared = (Compared("set time", "20.47 s", "20.47 s", True), Compared("applicator", "A10", "A20", False))
    shown = text(screen.offer(prescribed, offer(), compared, True))
    for word in (
        "EXAMPLE-0002",
        "nose, left ala",
        "1 of 6",
        "20.47 s",
        "agrees",
        "DIFFERS",
        "kV 2846",
        "timer preset 21470 ms",
        "01010101",
    ):
        assert word in shown, word


def test_the_end_shows_every_channel_quality_reason_and_record(prescribed: Prescribed) -> None:
    shown = text(screen.end(prescribed, ended(reaction_s=0.0073), Exit.AS_INTENDED, "kerma records show 63", True))
    for word in (
        "0.950 Gy at 3 mm",
        "1117.6 mGy",
        "1120.0 mGy",
        "1118.0 mGy",
        "1119.0 mGy",
        "GOOD",
        "DOSE_END by unit:COUNT_PRESET",
        "7.3 ms",
        "kerma records show 63",
        "20.45 s of 20.46 s",
        "exit 0",
    ):
        assert word in shown, word
    assert "NOT YET DURABLE" in text(screen.end(prescribed, ended(durable=False), Exit.AS_INTENDED, "r", True))


def test_json_is_json_whatever_is_in_the_snapshot(prescribed: Prescribed) -> None:
    shot = snapshot(**(BEAM | {"kv": math.nan}), offer=offer(), ended=ended(), desk_age_s=math.inf)
    document = json.loads(json.dumps(screen.values(shot), allow_nan=False))
    assert document["kv"] is None and document["desk_age_s"] is None
    assert document["offer"]["digest"] == "01" * 32 and document["offer"]["purpose"] == "TREAT"
    assert screen.values(prescribed)["sha256"] == prescribed.sha256.hex()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0), ({"outcome": "INTERRUPTED"}, 3), ({"outcome": "FAULT"}, 4), ({"outcome": "STUCK_ON"}, 5), ({"outcome": "VOID"}, 6),
        ({"void": True}, 6), ({"event": "TIME_END"}, 10), ({"outcome": "unheard of"}, 4), ({"outcome": "FAULT", "event": "TIME_END"}, 4),
    ],
)  # fmt: skip
def test_exit_codes_of_an_end(changes: dict[str, object], code: int) -> None:
    assert int(of_end(ended(**changes))) == code


def test_every_outcome_and_every_code_is_in_the_tables() -> None:
    assert set(OUTCOMES) == {outcome.name for outcome in Outcome}
    assert set(WORDS) == set(Exit) and len({int(code) for code in Exit}) == len(Exit)
    assert all(str(int(code)) in table() for code in Exit)
    assert of_state(snapshot(state="STUCK_ON")) is Exit.STUCK_ON and of_state(snapshot(state="FAULT")) is Exit.FAULT
