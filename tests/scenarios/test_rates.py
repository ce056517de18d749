"""One fraction at the ends of what a rig file may ask for: 20 Hz and 1 kHz with the safety unit on TCP; the record of each says how punctual its ticks were."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from controller.kernel import PLAIN
from controller.requests import Close
from controller.states import State
from verification import reach
from verification.setting import lay_out, prescribed, virtual_rig


@pytest.mark.parametrize("tick_hz", [20, 1000])
def test_a_fraction_at_the_ends_of_the_range(tick_hz: int, tmp_path: Path) -> None:
    """From the start to its closing: the dose of the world, within the end's half tick, whatever the rate."""
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020)
    text = setting.rig_file.read_text()
    assert text.count("tick_hz = 100\n") == 1
    setting.rig_file.write_text(text.replace("tick_hz = 100\n", f"tick_hz = {tick_hz}\n"))
    rig = virtual_rig(setting, PLAIN)
    try:
        reach.to_ready(rig, p=prescribed(150.0))
        rig.press()
        reach.turn_until(rig, State.TERMINATED, within=20_000)
        assert rig.ask(Close("test")).ok
        (kept,) = reach.exposures(rig)
        truth_mgy = rig.truth()["dose_mgy"]
    finally:
        rig.close()
    assert (kept["event"], kept["rule"], kept["quality"]) == ("DOSE_END", "unit:COUNT_PRESET", "GOOD")
    assert kept["delivered_mgy"] == pytest.approx(truth_mgy, rel=0.005)
    with sqlite3.connect(setting.database) as database:
        told = database.execute("select * from events").fetchall()
    (lateness,) = (row for row in told if "LATENESS" in row)
    assert lateness[-1] == "no tick was timed"
