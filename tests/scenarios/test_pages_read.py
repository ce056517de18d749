"""What the pages read of an exposure that the shipped loop and recorder played: ring, trace, seconds before a trip, interlocks, configuration."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from refusal_bench import MakeRig

from console import configuration
from console.places import Places
from console.web.records_read import Kept
from console.web.service_read import Service
from console.web.service_ring import Following
from controller.states import State
from hal.clock import SystemClock
from records.fractions import JOURNAL_NAME
from verification.reach import to_beam, turn_until

pytestmark = pytest.mark.grid


def test_the_pages_show_an_exposure_that_the_door_ended(make_rig: MakeRig, tmp_path: Path) -> None:
    """Filament, temperature and dose rate in the ring; the door in faults, interlocks and trace; the configuration is the one that ran."""
    rig = make_rig()
    to_beam(rig, 2.0)
    (folder,) = (tmp_path / "0" / "rig" / "shm").iterdir()
    where = Places(folder.parent, tmp_path / "desk.sock", tmp_path / "stop.sock")
    where.instance.write_text(folder.name)
    rows = Following(where, SystemClock()).traces(0)["rows"]
    beam = [row for row in rows if row[2] == "IRRADIATING"]
    assert len(beam) >= 30 and all(row[5] > 0.5 and 10.0 < row[6] < 40.0 for row in beam)
    assert beam[-1][7] == pytest.approx(55.0, rel=0.1), "mGy/s of this combination"
    assert 65.0 < beam[-1][3] < 75.0
    rig.fault("door-open")
    turn_until(rig, State.INTERRUPTED)
    rig.wait(0.5)
    records = tmp_path / "0" / "records"
    laid = replace(configuration.load(tmp_path / "0" / "rig" / "rig.toml", os.getuid()), records=records, places=where)
    assert (records / JOURNAL_NAME).is_dir()
    service, kept = Service(laid, SystemClock()), Kept(laid)
    trips = [row for row in service.faults(0)["faults"] if row["rule"] == "door"]
    before = service.before(trips[0]["index"])
    assert trips[0]["first"] and before["ticks"] > 150 and before["points"][0][3] is not None
    changed = {(row["rule"], row["true"]) for row in service.interlocks()["changes"]}
    assert ("door", False) in changed
    shown = service.configuration("")
    assert "no process runs" in shown["words"][0] and len(shown["words"]) == 1, shown["words"]
    differs = {row["key"].partition(".")[0] for row in shown["rows"] if not row["same"]}
    assert differs == {"tube_heat", "day_check_waived"}, (
        "with these alone a process in virtual time is not started as its file says"
    )
    (fraction,) = kept.fractions("", "", "")["fractions"]
    one = kept.fraction(fraction["id"])
    trace = kept.trace(one["exposures"][0]["token"])
    assert (
        one["order"][0]["approved_by"]
        and trace["ticks"] > 200
        and max(point[1] or 0.0 for point in trace["points"]) > 65.0
    )
