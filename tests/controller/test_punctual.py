"""How late the ticks of an exposure were goes into the record once, by its own token, however it ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from controller.case import Case
from controller.entries import LatenessEntry, Outcome
from controller.exposure import Stage
from controller.punctual import Punctual
from controller.states import Event, State
from hal.units import Seconds

NOW = Seconds(1000.0)


@pytest.mark.parametrize(
    ("to", "case"),
    [
        (State.STANDBY, Case()),
        (State.SELF_TEST, Case()),
        (State.PREPARATORY, Case()),
        (State.PREPARATORY, Case(terminal_seq=9)),
        (State.FAULT, Case(token=7, terminal_seq=9)),
    ],
)
def test_an_exposure_that_was_never_pressed_is_told_once_by_its_token(to: State, case: Case) -> None:
    """Also where its case is gone in the tick of its end; a tick later, and in the next one's ARMING without a token, there is nothing to tell."""
    told: list[LatenessEntry] = []
    late = [0]
    pace: Any = SimpleNamespace(histogram=lambda: (late[0], 1), skipped=0)
    ledger: Any = SimpleNamespace(put=lambda _kind, entry, _now: told.append(entry))
    punctual = Punctual(pace, ledger)
    for state, entered, held in (
        (State.ARMING, True, Case(start_seq=4)),
        (State.ARMING, False, Case(start_seq=4, token=7)),
        (State.READY, True, Case(start_seq=4, token=7)),
        (to, True, case),
        (to, False, case),
        (State.ARMING, True, Case(start_seq=12)),
        (State.STANDBY, True, Case()),
    ):
        late[0] += 1
        punctual.follow(Stage(state, 0.0, entered, Outcome.TERMINATED, Event.NONE, "", "", None), held, NOW)
    assert told == [LatenessEntry(7, (3, 0), 0)]
