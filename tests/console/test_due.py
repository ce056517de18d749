"""Today's list: each order with whether it was given, is open, is due or not before a time, by the records; it locks nothing, and says where it cannot know."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from access_by_hand import ClerkByHand
from desk_by_hand import EXAMPLES
from kept_by_hand import DAY_S, WALL_S, KeptByHand

from console import configuration
from console.treat.due import SAME, Mark, Stands, stands
from console.web.day_page import DayPage
from console.web.people import Demonstration
from console.web.reading import Reading
from console.web.serve import assembled
from controller.prescribed import Prescribed
from hal.clock import SystemClock

ZONE = ZoneInfo("Europe/Berlin")
ORDER: dict[str, Any] = {
    "patient_id": "P", "course_id": "C", "lesion_id": "L1", "prescription_id": "RX", "fraction": 2, "min_interval_h": 48.0,
}  # fmt: skip
FIRST: dict[str, Any] = {name: ORDER[name] for name in SAME} | {
    "fraction": 1, "purpose": "TREAT", "status": "COMPLETE", "closed": True, "started_wall_s": WALL_S - 3 * DAY_S, "ended_wall_s": WALL_S - 3 * DAY_S,
    "delivered_mgy": 5000.0, "high_mgy": 5500.0, "quality": "GOOD", "rx_factor": 0.8,
}  # fmt: skip
OWN = FIRST | {"fraction": 2, "started_wall_s": WALL_S - 60.0, "ended_wall_s": WALL_S - 30.0}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([FIRST], Stands(Mark.DUE)),
        ([FIRST, OWN], Stands(Mark.GIVEN, WALL_S - 30.0, 4000.0)),
        ([FIRST, OWN | {"closed": False}], Stands(Mark.GIVEN, WALL_S - 30.0, 4000.0)),
        ([FIRST, OWN | {"closed": False, "status": "PARTIAL"}], Stands(Mark.OPEN, WALL_S - 30.0, 4000.0)),
        ([FIRST, OWN | {"closed": False, "status": "PARTIAL", "quality": "DEGRADED"}], Stands(Mark.OPEN, WALL_S - 30.0, 4000.0)),
        ([FIRST, OWN | {"closed": False, "status": "UNKNOWN", "quality": "UNKNOWN"}], Stands(Mark.UNKNOWN_OPEN, WALL_S - 30.0, 4400.0)),
        ([FIRST, OWN | {"status": "UNKNOWN", "quality": "UNKNOWN"}], Stands(Mark.UNKNOWN, WALL_S - 30.0, 4400.0)),
        ([FIRST, OWN | {"status": "PARTIAL"}], Stands(Mark.GIVEN, WALL_S - 30.0, 4000.0)),
        ([FIRST, OWN | {"status": "RUNNING", "ended_wall_s": None}], Stands(Mark.RUNNING, WALL_S - 60.0, 4000.0)),
        ([FIRST, OWN | {"status": "NONE"}], Stands(Mark.DUE)),
        ([FIRST, OWN | {"purpose": "CALIBRATE"}], Stands(Mark.DUE)),
        ([FIRST, OWN | {"course_id": "C2", "status": "COMPLETE"}], Stands(Mark.EARLY, WALL_S - 30.0 + 48 * 3600.0)),
        ([FIRST | {"ended_wall_s": WALL_S - 3600.0}], Stands(Mark.EARLY, WALL_S + 47 * 3600.0)),
        ([FIRST | {"closed": False}], Stands(Mark.BEFORE_OPEN)),
        ([FIRST | {"closed": False, "status": "RUNNING", "ended_wall_s": None}], Stands(Mark.BEFORE_OPEN)),
        ([], Stands(Mark.BEFORE)),
        ([FIRST | {"lesion_id": "L2"}], Stands(Mark.BEFORE)),
    ],
)  # fmt: skip
def test_each_order_stands_as_the_records_have_it(rows: list[dict[str, Any]], expected: Stands) -> None:
    """Another course, purpose or lesion is not this fraction, and while another one of the lesion is open nothing of it is due; the interval runs from the
    last beam of the lesion whatever the course; a START without beam gave nothing, and one whose dose is UNKNOWN at most the high bound, closed or not."""
    assert stands(ORDER, rows, WALL_S, ZONE) == expected


def test_a_second_fraction_of_one_day_is_named_where_no_interval_keeps_it() -> None:
    early = FIRST | {"started_wall_s": WALL_S - 3600.0, "ended_wall_s": WALL_S - 3600.0}
    assert stands(ORDER | {"min_interval_h": 0.0}, [early], WALL_S, ZONE) == Stands(Mark.SAME_DAY)
    assert stands(ORDER | {"fraction": 1}, [], WALL_S, ZONE) == Stands(Mark.DUE)


def test_the_day_page_lists_each_order_with_its_mark_and_says_where_nobody_knows(
    tmp_path: Path, prescribed: Prescribed
) -> None:
    (tmp_path / "orders").mkdir()
    shutil.copy(EXAMPLES / "short.toml", tmp_path / "orders" / "short.toml")
    kept = KeptByHand(tmp_path / "records")
    kept.start(msgspec.structs.replace(prescribed))
    kept.end(20.0)
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=kept.done())
    clock = SystemClock()
    desk = assembled(rig, tmp_path / "orders", Demonstration(clock), ClerkByHand(), clock)
    found = DayPage(desk, Reading(desk)).looked()
    (one,) = found["orders"]
    assert (one["patient_id"], one["mark"], found["orders_words"]) == (prescribed.patient_id, "given", "")
    assert one["at_s"] == pytest.approx(WALL_S + 20.0)
    (rig.records / "records.sqlite").write_bytes(b"no database")
    found = DayPage(desk, Reading(desk))._orders()
    assert found[0] == [] and "cannot be read" in found[1]
