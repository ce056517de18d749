"""One fraction at the ends of what a rig file may ask for, 20 Hz and 1 kHz with the safety unit on TCP, and slow ones on its serial line; the record of each
says how punctual its ticks were."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from controller.kernel import PLAIN
from controller.requests import Close
from controller.states import State
from verification import reach
from verification.rigs import Choice
from verification.setting import lay_out, prescribed, virtual_rig


@pytest.mark.parametrize(("tick_hz", "wire"), [(20, "tcp"), (1000, "tcp"), (50, "rtu"), (25, "rtu")])
def test_a_fraction_at_every_rate(tick_hz: int, wire: str, tmp_path: Path) -> None:
    """From the start to its closing: the dose of the world, whatever the rate. On a slow serial line nothing long may stand before DISARM and the status
    after it: the history, asked for as soon as the beam had ended, made the unit's status too old, and each fraction a fault."""
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020, choice=Choice(unit_wire=wire))
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
