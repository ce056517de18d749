"""When the hour has room for a charge again: the moment that is told is the first one at which it is so, and what nobody can tell is not said."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from desk_by_hand import EXAMPLES
from hypothesis import given as for_all
from hypothesis import strategies as st
from kept_by_hand import ORDER, KeptByHand

from console import configuration, hour_charge
from console.hour_charge import Given, given, possible_at_s, wait_words
from controller.entries import Outcome
from hal.clock import SystemClock
from hal.readings import Purpose
from records.clearance import HOUR_S

NOW_S = 1_795_000_000.0
AT = st.integers(0, 7200).map(lambda ago: NOW_S - ago)
GIVEN = st.lists(st.builds(Given, AT, st.integers(0, 300).map(float)), max_size=40)


def fits(held: list[Given], adds_mas: float, bound_mas: float, now_s: float) -> bool:
    """The records' own sum and the desk's own bound (records/clearance.py, controller/refusals.py)."""
    return math.fsum(one.mas for one in held if now_s - one.at_s < HOUR_S) + adds_mas <= bound_mas


@for_all(GIVEN, st.integers(0, 300).map(float), st.integers(1, 3000).map(float))
def test_g26_it_is_the_first_second_at_which_the_hour_has_room(
    held: list[Given], adds_mas: float, bound_mas: float
) -> None:
    """Hazard G26: not a second before, and never where the charge alone is above the bound."""
    at_s = possible_at_s(held, adds_mas, bound_mas, NOW_S)
    if at_s is None:
        assert adds_mas > bound_mas
        return
    assert fits(held, adds_mas, bound_mas, at_s)
    assert at_s == NOW_S or not fits(held, adds_mas, bound_mas, at_s - 1.0)


def test_the_words_say_how_much_and_how_long() -> None:
    held = [Given(NOW_S - 3000.0, 2900.0), Given(NOW_S - 10.0, 64.0), Given(NOW_S - HOUR_S, 300.0)]
    assert wait_words(held, 96.0, 3000.0, NOW_S) == (
        "this hour was asked for 2964.0 mAs already, and 96.0 mAs more are above its 3000 mAs: "
        "first wait 10 min 00 s, until 11:16:40 UTC, then ask for it again"
    )
    assert wait_words(held, 36.0, 3000.0, NOW_S) == "" and wait_words(held, 3000.1, 3000.0, NOW_S) == ""


def test_what_is_counted_is_of_this_purpose_and_had_beam(tmp_path: Path) -> None:
    """As the recorder counts it: a void START is none, an exposure that was cut short counts whole, and so does one that still runs."""
    kept = KeptByHand(tmp_path / "records")
    order = msgspec.structs.replace(ORDER, purpose=Purpose.CALIBRATE)
    kept.start(order, set_time_s=10.0)
    kept.end(2.0, Outcome.INTERRUPTED)
    kept.start(msgspec.structs.replace(order, lesion_id="L2"), set_time_s=20.0)
    kept.end(0.0, Outcome.VOID)
    kept.start(msgspec.structs.replace(ORDER, lesion_id="L3"), set_time_s=40.0)
    kept.end(40.0)
    kept.start(msgspec.structs.replace(order, lesion_id="L4"), set_time_s=80.0)
    now_s = kept.wall_s
    place = kept.done() / "records.sqlite"
    assert sorted(one.mas for one in given(place, Purpose.CALIBRATE, now_s)) == [
        pytest.approx(16.0),
        pytest.approx(128.0),
    ]
    assert given(place, Purpose.CALIBRATE, now_s + 2 * HOUR_S) == []


@pytest.mark.parametrize("there", [False, True])
def test_records_that_cannot_be_read_say_nothing(tmp_path: Path, there: bool) -> None:
    """The desk's own refusal stands in any case."""
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=tmp_path)
    if there:
        (tmp_path / "records.sqlite").write_bytes(b"no database" * 100)
    assert hour_charge.waits(rig, Purpose.CALIBRATE, SystemClock())(96.0) == ""
