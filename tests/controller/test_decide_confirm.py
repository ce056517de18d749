"""CONFIRM, true and false: one offer, once, within 60 s, with the digest that was shown and that the devices hold; nothing that blocks a start."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decide_bench import (
    DOOR,
    LOADED,
    NOW,
    OFFERED,
    PLAN,
    SETTINGS,
    committed,
    decided,
    event_of,
    facts,
    finding,
    latch,
    readings,
    refused,
    stage,
    verdict,
)

from controller.case import OFFER_VALID_S, Case
from controller.requests import Confirm
from controller.states import Event, State
from interlocks.words import Clears, Trip

PREPARATORY = stage(State.PREPARATORY)
GOOD = Confirm(3, SETTINGS.digest)


def test_the_offer_as_shown_is_taken() -> None:
    """The guard can be true: offer 3, its digest, read back equal, nothing in the way."""
    assert event_of(PREPARATORY, committed(), facts(OFFERED), request=GOOD) is Event.CONFIRM


@pytest.mark.parametrize("state", [state for state in State if state is not State.PREPARATORY])
def test_no_other_state_takes_a_confirm(state: State) -> None:
    """In no state but PREPARATORY does a CONFIRM move anything, an open offer or not; that makes an offer one-use."""
    told, ruling = decided(stage(state), committed(), facts(OFFERED), request=GOOD)
    assert ruling.event is Event.NONE
    assert told.event is not Event.CONFIRM
    assert "PREPARATORY" in ruling.refused


@pytest.mark.parametrize("offer", [-1, 0, 2, 4, 1 << 40])
def test_another_offer_is_refused(offer: int) -> None:
    """Only the newest offer counts, not one that was shown before."""
    assert "not valid" in refused(PREPARATORY, committed(), facts(OFFERED), request=Confirm(offer, SETTINGS.digest))


@pytest.mark.parametrize(
    ("age_s", "taken"),
    [(0.0, False), (0.001, True), (OFFER_VALID_S - 0.001, True), (OFFER_VALID_S, False), (1e6, False)],
)
def test_an_offer_is_good_for_sixty_seconds(age_s: float, taken: bool) -> None:
    """At 60 s it is no longer good; in the tick in which it is made it is not yet, for nobody can have read it."""
    case = msgspec.structs.replace(LOADED, offer_at_s=NOW - age_s)
    assert (event_of(PREPARATORY, committed(), facts(case), request=GOOD) is Event.CONFIRM) is taken


def test_an_offer_of_this_moment_is_refused_in_words() -> None:
    """Whoever guesses the next number and knows the digest of the last offer confirms nothing that was never shown."""
    case = msgspec.structs.replace(LOADED, offer_at_s=NOW)
    assert "nobody has read it" in refused(PREPARATORY, committed(), facts(case), request=GOOD)


def test_without_an_offer_nothing_is_confirmed() -> None:
    """Offer void (a commit is being made anew): refused, though id and digest fit; and so without settings."""
    assert "not valid" in refused(PREPARATORY, committed(), facts(LOADED), request=GOOD)
    assert "PREPARATORY with an offer" in refused(PREPARATORY, committed(), facts(Case()), request=Confirm(0, b""))


@pytest.mark.parametrize("digest", [b"", b"x" * 32, SETTINGS.digest[:-1], SETTINGS.digest + b"\0"])
def test_another_digest_is_refused(digest: bytes) -> None:
    """What was read on the screen must be what is set."""
    assert "read back" in refused(PREPARATORY, committed(), facts(OFFERED), request=Confirm(3, digest))


@pytest.mark.parametrize(
    "changes",
    [
        {"set_points": None},
        {"active": None},
        {"active_crc_ok": False},
        {"active_block": PLAN.staging[:-1] + b"\x01"},
        {"set_points_kv_counts": PLAN.kv_counts + 1},
        {"set_points_ma_counts": PLAN.ma_counts - 1},
        {"set_points_filament_limit_counts": 0},
        {"set_points_filament_preheat_counts": PLAN.filament_preheat_counts + 1},
    ],
    ids=str,
)
def test_devices_that_hold_something_else_are_refused(changes: dict[str, Any]) -> None:
    """One count in one set-point, one byte of the active set, a CRC: each is enough, in the very tick of the CONFIRM."""
    assert "read back" in refused(PREPARATORY, committed(**changes), facts(OFFERED), request=GOOD)


def test_a_rule_that_blocks_a_start_is_named() -> None:
    """A rule that only forbids a start (the switch is pressed) refuses the CONFIRM in its own words and leaves the offer."""
    switch = finding("switch_released", Trip.TRIP_STOP)
    told, ruling = decided(PREPARATORY, committed(), facts(OFFERED), verdict(switch, forbids=False), request=GOOD)
    assert ruling.event is Event.NONE
    assert "not ready: switch_released is not true" in ruling.refused
    assert told.event is Event.TRIP_STOP


def test_what_is_latched_is_cleared_before_anything_is_confirmed() -> None:
    """Whatever came to be latched after the fraction was loaded, such as an end that the records have just taken in: unload, then reset."""
    held = facts(OFFERED, latches=(latch(Clears.BY_SERVICE, "unit:MIRROR"),))
    words = refused(PREPARATORY, committed(), held, request=GOOD)
    assert words.startswith("latched: ") and "unload, and clear it first (kerma reset)" in words


def test_a_stop_event_beats_a_confirm_of_the_same_tick() -> None:
    """Door, or STOP, with the CONFIRM: the worse event is the tick's."""
    assert event_of(PREPARATORY, committed(), facts(OFFERED), verdict(DOOR), request=GOOD) is Event.TRIP_STOP
    assert event_of(PREPARATORY, committed(), facts(OFFERED), request=GOOD, stop=True) is Event.STOP
    expired = stage(State.PREPARATORY, NOW - 901.0)
    assert event_of(expired, committed(), facts(OFFERED), request=GOOD) is Event.EXPIRED


def test_a_stop_event_without_an_offer_is_ignored_in_preparatory() -> None:
    """While the set-up is made anew the door may stand open: nothing moves, and nothing is confirmed."""
    assert event_of(PREPARATORY, readings(), facts(LOADED), verdict(DOOR)) is Event.NONE
    assert event_of(PREPARATORY, readings(), facts(OFFERED), verdict(DOOR)) is Event.TRIP_STOP


def test_a_worse_event_is_not_hidden_by_an_ignored_trip() -> None:
    """KEY_OFF behind an ignored TRIP_STOP unloads all the same, and so does an expiry."""
    key = finding("key", Trip.KEY_OFF)
    assert event_of(PREPARATORY, readings(), facts(LOADED), verdict(DOOR, key)) is Event.KEY_OFF
    expired = stage(State.PREPARATORY, NOW - 901.0)
    assert event_of(expired, readings(), facts(LOADED), verdict(DOOR)) is Event.EXPIRED
