"""Figures of the wires go into the record once at each end and once at each trip, counted from START; frames go into their ring each tick."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from controller import entries
from controller.case import Case
from controller.entries import Outcome
from controller.exposure import Decided, Stage
from controller.links import Links
from controller.states import Event, State
from controller.wire_ring import WireFrame, WireReader, WireRing
from hal.figures import LinkFigures
from hal.units import Seconds
from hal.wire_log import FrameLog

NOW = Seconds(1000.0)


def at(state: State, entered: bool) -> Stage:
    return Stage(state, 0.0, entered, Outcome.TERMINATED, Event.NONE, "", "", None)


class Bench:
    """Links over a gate and a ledger that only remember."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder / "instance")
        self.told: list[entries.Links] = []
        self.logs = {"unit": FrameLog()}
        self.sent = 0
        gate: Any = SimpleNamespace(
            logs=self.logs, figures=lambda: {"unit": LinkFigures(sent=self.sent, good=self.sent, opened=1)}
        )
        ledger: Any = SimpleNamespace(put=lambda _kind, entry, _now: self.told.append(entry))
        self.links = Links(WireRing(self.folder, 64), gate, ledger)

    def go(self, before: State, after: State, event: Event, case: Case, rule: str = "") -> None:
        """A hundred requests, then one transition."""
        self.sent += 100
        stage = at(after, True)
        self.links.follow(at(before, False), stage, Decided(event, event, rule), case, NOW)
        self.links.follow(
            stage, msgspec.structs.replace(stage, entered=False), Decided(Event.NONE, Event.NONE), case, NOW
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_exposure_is_told_once_with_what_passed_since_its_start(bench: Bench) -> None:
    bench.go(State.STANDBY, State.PREPARATORY, Event.LOAD, Case())
    bench.go(State.PREPARATORY, State.ARMING, Event.CONFIRM, Case(start_seq=4))
    case = Case(start_seq=4, token=7)
    bench.go(State.ARMING, State.READY, Event.ARMED, case)
    bench.go(State.READY, State.STARTING, Event.PRESS, case)
    bench.go(State.STARTING, State.IRRADIATING, Event.BEAM_OK, case)
    bench.go(State.IRRADIATING, State.STOPPING, Event.DOSE_END, case, "unit:COUNT_PRESET")
    assert bench.told == [], "an end as planned is no trip"
    bench.go(
        State.STOPPING, State.TERMINATED, Event.OFF_VERIFIED_TERMINATED, Case(start_seq=4, token=7, terminal_seq=9)
    )
    (told,) = bench.told
    assert (told.token, told.rule) == (7, "")
    assert told.links[0].sent == 500, "since START, not since the process began"


def test_a_trip_is_told_at_once_with_its_rule_and_the_end_again(bench: Bench) -> None:
    bench.go(State.PREPARATORY, State.ARMING, Event.CONFIRM, Case(start_seq=4))
    case = Case(start_seq=4, token=7)
    bench.go(State.STARTING, State.IRRADIATING, Event.BEAM_OK, case)
    bench.go(State.IRRADIATING, State.STOPPING, Event.TRIP_FAULT, case, "door")
    bench.go(
        State.STOPPING, State.FAULT, Event.OFF_VERIFIED_FAULT, msgspec.structs.replace(case, terminal_seq=9), "door"
    )
    assert [(told.token, told.rule, told.links[0].sent) for told in bench.told] == [(7, "door", 200), (7, "", 300)]


def test_an_exposure_that_was_never_pressed_is_told_by_its_token(bench: Bench) -> None:
    """Back from READY the case is a new one already, with the end of the old."""
    bench.go(State.PREPARATORY, State.ARMING, Event.CONFIRM, Case(start_seq=4))
    bench.go(State.ARMING, State.READY, Event.ARMED, Case(start_seq=4, token=7))
    bench.go(State.READY, State.PREPARATORY, Event.EXPIRED, Case(terminal_seq=9))
    assert [(told.token, told.rule) for told in bench.told] == [(7, "")]


@pytest.mark.parametrize(
    ("event", "to"),
    [(Event.EDIT, State.STANDBY), (Event.UNIT_LOST, State.SELF_TEST), (Event.TRIP_STOP, State.PREPARATORY)],
)
def test_an_exposure_that_is_unloaded_leaves_no_token_to_the_next_trip(bench: Bench, event: Event, to: State) -> None:
    """Its case is gone in the tick of its end, or has none where VOID was not proved: it is told once, and a later trip is nobody's."""
    bench.go(State.PREPARATORY, State.ARMING, Event.CONFIRM, Case(start_seq=4))
    bench.go(State.ARMING, State.READY, Event.ARMED, Case(start_seq=4, token=7))
    bench.go(State.READY, to, event, Case())
    assert [told.token for told in bench.told if not told.rule] == [7]
    assert {told.token for told in bench.told} == {7}
    bench.told.clear()
    bench.go(State.STANDBY, State.FAULT, Event.TRIP_FAULT, Case(), "generator_identity")
    assert [(told.token, told.links[0].sent) for told in bench.told] == [(0, 400)], "since the process began"


def test_a_start_without_a_token_has_no_figures(bench: Bench) -> None:
    """The records refused it, and somebody unloads: there is no exposure to tell of."""
    bench.go(State.PREPARATORY, State.ARMING, Event.CONFIRM, Case(start_seq=4))
    bench.go(State.ARMING, State.STANDBY, Event.EDIT, Case())
    assert bench.told == []


def test_outside_an_exposure_a_trip_has_no_token_and_a_test_that_begins_again_is_none(bench: Bench) -> None:
    bench.go(State.SELF_TEST, State.SELF_TEST, Event.UNIT_LOST, Case(), "unit_link")
    assert bench.told == []
    bench.go(State.STANDBY, State.FAULT, Event.TRIP_FAULT, Case(), "generator_identity")
    (told,) = bench.told
    assert (told.token, told.rule, told.links[0].sent, told.links[0].reopened) == (0, "generator_identity", 200, 0)


def test_every_trip_is_an_event_of_the_table() -> None:
    assert set(entries.TRIPS) <= {event.name for event in Event}


def test_what_passed_goes_into_the_ring(bench: Bench) -> None:
    bench.logs["unit"].add(Seconds(999.9), True, b"x")
    bench.links.keep(NOW)
    assert len(bench.logs["unit"]) == 0
    assert WireReader(bench.folder).read(9) == [WireFrame(999_900_000_000, "unit", True, b"x")]
