"""Which ticks the journal keeps (records/sieve.py), tick by tick."""

from __future__ import annotations

import pytest

from controller.ring import TickRow, pack_tick
from controller.states import State
from hal.readings import Relay, UnitState
from records.sieve import Sieve

STATES = list(State)


def tick(state: State, relays: int = 0, unit_age_ms: float = 2.0) -> bytes:
    """A tick of a machine at which nothing changes."""
    return pack_tick(
        TickRow(
            state=STATES.index(state), event=33, command=0, not_true=0, kv=0.0, ma=0.0, d1_mgy=0.0, d2_mgy=0.0, dm_mgy=0.0, delivered_mgy=0.0,
            beam_ms=0, counts_1=0, counts_2=0, unit_state=int(UnitState.ENDED), first_cause=0, contacts_a=0, contacts_b=0, relays=relays, late=0,
            lateness_us=1.0, unit_age_ms=unit_age_ms, generator_age_ms=20.0, token=7,
        )
    )  # fmt: skip


def kept(packed: bytes, owed: bool, seconds: int = 30) -> int:
    """How many of the ticks of so many seconds, 10 in a second."""
    sieve = Sieve()
    return sum(sieve.keeps(packed, number * 100_000_000, owed) for number in range(10 * seconds))


@pytest.mark.parametrize("state", [State.STUCK_ON, State.FAULT, State.STANDBY])
def test_every_tick_while_an_end_is_owed(state: State) -> None:
    assert kept(tick(state), owed=True) == 300


def test_every_tick_in_stuck_on_while_high_voltage_is_seen() -> None:
    """Whether or not an exposure is open: it may be of none."""
    assert kept(tick(State.STUCK_ON, Relay.HV_SEEN.value), owed=False) == 300


@pytest.mark.parametrize(
    "packed",
    [tick(State.STUCK_ON), tick(State.STUCK_ON, Relay.HV_SEEN.value, -1.0), tick(State.STANDBY)],
    ids=["off again", "unit silent", "idle"],
)
def test_one_in_ten_seconds_of_a_machine_that_waits(packed: bytes) -> None:
    """STUCK_ON stays over a week-end: every tick of it would be gigabytes."""
    assert kept(packed, owed=False) == 3
