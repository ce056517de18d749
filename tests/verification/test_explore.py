"""The search of everything that the shipped program can do in a small world: complete, no law broken, and every law can be broken."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from controller import decide, dossier, drive, guards, ledger, requests
from controller.exposure import Stage
from controller.facts import Ruling
from controller.off import Evidence
from controller.states import TRANSITIONS, Event, State
from hal.commands import Hold, On
from hal.readings import Readings, UnitState
from interlocks import gate, gate_law, rules
from verification import explore as room
from verification.explore import CounterExample, Explored, explore
from verification.explore_laws import LAWS


def test_without_a_fault_nothing_is_broken_and_every_state_but_stuck_on_is_reached() -> None:
    """People and devices alone, in any order: the search ends, the laws hold, and nothing passes because it was never reached."""
    found = explore(0)
    assert found.complete
    assert found.broken == []
    assert set(found.reached) == {state.name for state in State} - {"STUCK_ON"}


@pytest.mark.grid
@pytest.mark.timeout(900)
def test_with_one_fault_nothing_is_broken_and_every_state_is_reached() -> None:
    """One fault of each kind at every place: the laws hold, and STUCK_ON is reached and left."""
    found = explore(1)
    assert found.complete
    assert found.broken == []
    assert set(found.reached) == {state.name for state in State}


@pytest.mark.grid
@pytest.mark.timeout(900)
def test_a_dry_run_goes_the_same_ways_and_breaks_no_law() -> None:
    """High voltage over a cold filament, key in SERVICE, no dose: with one fault of each kind at every place."""
    found = explore(1, dry=True)
    assert found.complete
    assert found.broken == []
    assert set(found.reached) == {state.name for state in State}


Patch = Callable[[pytest.MonkeyPatch], None]


def _row(state: State, event: Event, to: State | None) -> Patch:
    return lambda patch: patch.setitem(TRANSITIONS[state], event, to)


def _press_without_token(patch: pytest.MonkeyPatch) -> None:
    def ready(_s: Any, r: Readings, *_others: Any) -> list[tuple[Event, str, str]]:
        runs = r.unit is not None and r.unit.state == UnitState.RUN
        return [(Event.PRESS, "", "")] if runs else []

    patch.setitem(decide._LOOKS, State.READY, ready)


def _deaf_in_ready(patch: pytest.MonkeyPatch) -> None:
    """An end that the unit made between two looks is not heard in READY."""
    patch.setattr(decide, "_ran_unseen", lambda *_: [])


def _no_read_back(patch: pytest.MonkeyPatch) -> None:
    """The hash is compared neither by the rules nor by the gate."""
    named = ("read_back", "active_crc", "set_points_held")
    rows = tuple(msgspec.structs.replace(r, question=lambda _l: True) if r.id in named else r for r in rules.TABLE)
    patch.setattr(gate, "level", lambda capabilities, tick_s: rules.level(capabilities, tick_s, rows))
    patch.setattr(gate_law, "read_back_wrong", lambda _r, _t: "")


def _on_by_level(patch: pytest.MonkeyPatch) -> None:
    """ON is wanted in every tick of STARTING, and the gate does not count tokens."""
    patch.setitem(drive._WANTED, State.STARTING, lambda _s, case, *_others: On(case.token))
    patch.setattr(gate_law, "on", lambda _p, _c: "")


def _confirm_in_fault(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(TRANSITIONS[State.FAULT], Event.CONFIRM, State.ARMING)
    shipped = guards._GUARDS[requests.Confirm]

    def confirm(request: requests.Request, stage: Stage, *others: Any) -> Ruling:
        return Ruling(Event.CONFIRM) if stage.state is State.FAULT else shipped(request, stage, *others)

    patch.setitem(guards._GUARDS, requests.Confirm, confirm)


def _any_token(patch: pytest.MonkeyPatch) -> None:
    """A token is taken whatever START the records have made durable."""
    patch.setattr(ledger.Ledger, "token_of", lambda self, _seq, _crc: self.ack.token if self.ack else 0)


def _off_believed(patch: pytest.MonkeyPatch) -> None:
    """Off is called verified without evidence."""
    patch.setattr(dossier, "evidence", lambda *_: Evidence(True, True, True, "", ""))


def _mild_end(patch: pytest.MonkeyPatch) -> None:
    """Every end is an interruption, faults too."""
    patch.setattr(decide, "settled_event", lambda *_: Event.OFF_VERIFIED_INTERRUPTED)


def _easy_way_out(patch: pytest.MonkeyPatch) -> None:
    """STUCK_ON is left by whoever asks."""
    patch.setattr(guards, "_reset_stuck", lambda *_: Ruling(Event.RESET))


def _hold_while_stopping(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(drive._WANTED, State.STOPPING, lambda _s, case, *_others: Hold(case.token))


def _waits_for_ever(patch: pytest.MonkeyPatch) -> None:
    """An interruption never gets out of STOPPING."""
    patch.setitem(TRANSITIONS[State.STOPPING], Event.OFF_VERIFIED_INTERRUPTED, None)


def _no_way_back(patch: pytest.MonkeyPatch) -> None:
    """An ended fraction cannot be closed."""
    patch.setitem(TRANSITIONS[State.TERMINATED], Event.CLOSE, None)
    patch.setitem(TRANSITIONS[State.INTERRUPTED], Event.CLOSE, None)


SEEDED: Final[dict[str, tuple[str, int, Patch]]] = {
    "INTERRUPTED x RESUME leads to READY": ("ready", 0, _row(State.INTERRUPTED, Event.RESUME, State.READY)),
    "IRRADIATING x STOP is ignored": ("stop", 0, _row(State.IRRADIATING, Event.STOP, None)),
    "READY x STOP is ignored": ("stop", 0, _row(State.READY, Event.STOP, None)),
    "READY x EDIT is ignored": ("edit", 0, _row(State.READY, Event.EDIT, None)),
    "READY x TRIP_STOP is ignored": ("reaction", 0, _row(State.READY, Event.TRIP_STOP, None)),
    "READY is deaf to an end by the unit": ("reaction", 0, _deaf_in_ready),
    "IRRADIATING x TRIP_FAULT leads to FAULT": ("through", 1, _row(State.IRRADIATING, Event.TRIP_FAULT, State.FAULT)),
    "STOPPING is left at the first trip": ("proved", 1, _row(State.STOPPING, Event.TRIP_STOP, State.INTERRUPTED)),
    "STANDBY x HV_UNCOMMANDED is ignored": ("stray", 1, _row(State.STANDBY, Event.HV_UNCOMMANDED, None)),
    "a press counts without token and press count": ("start", 1, _press_without_token),
    "what was confirmed is not compared with what is read back": ("ready", 1, _no_read_back),
    "ON by level, and tokens not counted": ("once", 1, _on_by_level),
    "a confirmation is taken in FAULT": ("latched", 0, _confirm_in_fault),
    "a token is taken of another START": ("token", 1, _any_token),
    "off is believed": ("proved", 1, _off_believed),
    "a fault ends as an interruption": ("outcome", 1, _mild_end),
    "STUCK_ON is left by whoever asks": ("latched", 1, _easy_way_out),
    "HOLD while stopping": ("commands", 0, _hold_while_stopping),
}
"""Design errors that are seeded, with the law that is meant for each and the faults that it needs to show."""


DEEP: Final = ("off is believed", "a fault ends as an interruption", "STUCK_ON is left by whoever asks")
"""These lie behind thousands of states."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.grid] if n in DEEP else []) for n in SEEDED])
def test_a_seeded_design_error_is_found_by_the_law_that_is_meant_for_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search can fail: it finds each error, by the right law, and tells a way that begins at the start and ends in the breach."""
    law, faults, patch = SEEDED[name]
    patch(monkeypatch)
    found = explore(faults, to_the_first=True)
    example = {one.law: one for one in found.broken}[law]
    assert example.faults == faults
    assert example.steps[0].endswith("SELF_TEST")
    assert sum("FAULT:" in step for step in example.steps) == faults


@pytest.mark.parametrize(("law", "patch"), [("bounded", _waits_for_ever), ("deadlock", _no_way_back)])
def test_a_seeded_error_of_the_whole_graph_is_found(law: str, patch: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that never ends, and a state that nobody leaves."""
    patch(monkeypatch)
    assert law in {one.law for one in explore(0).broken}


def _told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: Explored) -> tuple[int, str, dict[str, Any]]:
    """The command over a search that came to this: its exit code, what it says, and its JSON."""
    monkeypatch.setattr(room, "explore", lambda *_args, **_named: found)
    app = typer.Typer()
    app.command()(room.command)
    file = tmp_path / "found.json"
    result = CliRunner().invoke(app, ["--faults", "1", "--json", str(file)])
    return result.exit_code, " ".join(result.output.split()), json.loads(file.read_text(encoding="utf-8"))


def test_the_command_tells_the_whole_of_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit 0 only for a search that is complete and broke nothing; the figures stand in the JSON too."""
    laws = tuple(law.name for law in LAWS)
    found = Explored(1, states=12, edges=34, ticks=5, seconds=1.0, complete=True, laws=laws)
    code, said, document = _told(monkeypatch, tmp_path, found)
    assert code == 0
    assert "12 states, 34 steps" in said
    assert "the whole of it" in said
    assert document["states"] == 12
    code, said, _ = _told(monkeypatch, tmp_path, replace(found, complete=False))
    assert code == 1
    assert "CUT SHORT" in said


def test_the_command_tells_the_shortest_way_to_a_breach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit 1, the law, and each step with its number."""
    example = CounterExample("on", "ON was sent without a confirmation", 1, ("one tick later: SELF_TEST", "STOP: ON"))
    laws = tuple(law.name for law in LAWS)
    code, said, document = _told(monkeypatch, tmp_path, Explored(1, complete=True, laws=laws, broken=[example]))
    assert code == 1
    assert "BROKEN" in said
    assert "1 one tick later: SELF_TEST" in said
    assert document["broken"][0]["law"] == "on"
