"""What the record of an exposure says was counted after the unit's end, against the simulated unit's own counters at that very millisecond.
Which end is told, and how, is tests/controller/test_dose_after_end.py's; what a tail is worked out of it, tests/scenarios/test_tail_session.py's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from refusal_bench import MakeRig

from controller.kernel import Kernels
from controller.requests import Close
from controller.states import State
from simulators.unit_firmware import RUN, UnitFirmware
from verification.reach import ENDS, SHORT, to_beam, turn_until
from verification.rigs import with_values
from verification.setting import lay_out, virtual_rig
from verification.virtual import VirtualRig

COUNTS = 2.5
"""A count of each channel comes whole, and the last tick's are carried on over a millisecond's step and a converter's noise."""
N = 2


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Both counters of the simulated unit in the scan in which it ends a beam."""
    marks: list[tuple[int, int]] = []
    before = UnitFirmware.end

    def end(self: UnitFirmware, bits: int) -> None:
        if self.state == RUN:
            marks.append((self.nv.counts_1, self.nv.counts_2))
        before(self, bits)

    monkeypatch.setattr(UnitFirmware, "end", end)
    return marks


@pytest.fixture
def at_hz(tmp_path: Path, kernels: Kernels) -> Iterator[Callable[[str, int], VirtualRig]]:
    """A rig in virtual time with that tick."""
    rigs: list[VirtualRig] = []

    def make(termination: str, tick_hz: int) -> VirtualRig:
        setting = lay_out(tmp_path / "rig", tmp_path / "records", termination, 15020)
        text = with_values(setting.rig_file.read_text(encoding="utf-8"), {"rig": {"tick_hz": str(tick_hz)}})
        setting.rig_file.write_text(text, encoding="utf-8")
        rigs.append(virtual_rig(setting, kernels))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


def beam(rig: VirtualRig, number: int, seconds: float = 0.5) -> None:
    """The beam of one short fraction of its own, on for some seconds; no two last the same number of ticks."""
    order = {"patient_id": f"P{number}", "prescription_id": f"RX{number}", "rx_mgy": 200.0 + 0.37 * number}
    to_beam(rig, seconds, p=msgspec.structs.replace(SHORT, **order))


def row(rig: VirtualRig) -> dict[str, Any]:
    """The record of the newest exposure."""
    rig.wait(0.5)
    kept: dict[str, Any] = rig.records()[0]["exposures"][-1]
    return kept


@pytest.mark.parametrize(
    ("termination", "tick_hz"), [("time", 100), ("time", 20), pytest.param("monitor", 100, marks=pytest.mark.grid)]
)
def test_counts_after_the_end_are_those_of_the_unit(
    at_hz: Callable[[str, int], VirtualRig], ends: list[tuple[int, int]], termination: str, tick_hz: int
) -> None:
    """Both channels, by either preset, also where three ticks fit into the tail and where one tick is longer than it."""
    rig = at_hz(termination, tick_hz)
    for number in range(N):
        beam(rig, number)
        turn_until(rig, *ENDS)
        kept, (at_1, at_2) = row(rig), ends[-1]
        assert kept["after_end_unseen"] is None
        assert kept["after_end_1"] == pytest.approx(kept["counts_1"] - at_1, abs=COUNTS)
        assert kept["after_end_2"] == pytest.approx(kept["counts_2"] - at_2, abs=COUNTS)
        assert 40.0 < kept["after_end_1"] < 100.0 and 0.2 < kept["after_end_s"] < 1.0
        assert 0.0 <= kept["after_end_k1_s"] <= 0.015
        rig.ask(Close("complete"))
        rig.wait(1.5)


def test_a_contactor_that_hangs_is_seen_in_the_record(
    at_hz: Callable[[str, int], VirtualRig], ends: list[tuple[int, int]]
) -> None:
    """engineering-G20: K1 opens 65 ms after it was told to, OFF by wire ends the beam all the same: the tail is as ever, and the mirror tells."""
    rig = at_hz("time", 100)
    rig.world.plant.k1.open_late_us = 50_000
    beam(rig, 0)
    turn_until(rig, *ENDS)
    kept = row(rig)
    assert kept["after_end_1"] == pytest.approx(kept["counts_1"] - ends[-1][0], abs=COUNTS)
    assert 0.055 <= kept["after_end_k1_s"] <= 0.065


def test_a_stop_leaves_no_counts_after_an_end(make_rig: MakeRig) -> None:
    """OFF by wire came before the unit's own end: that is no tail of an ordinary end, and the record says so."""
    rig = make_rig()
    beam(rig, 0)
    rig.stop()
    turn_until(rig, State.INTERRUPTED, State.TERMINATED)
    kept = row(rig)
    assert (kept["after_end_1"], kept["after_end_2"], kept["after_end_s"]) == (None,) * 3
    assert kept["after_end_unseen"] == "the beam was ended by STOP stop, not by the unit's preset"


def test_a_host_that_died_leaves_no_counts_after_an_end(make_rig: MakeRig) -> None:
    """engineering-G13: nobody saw the end; the one that writes it afterwards has the unit's counters, and no moment at which they stood."""
    rig = make_rig("time")
    beam(rig, 0)
    rig.kill_host()
    rig.wait(1.0)
    rig.start_host()
    rig.wait(6.0)
    kept = row(rig)
    assert kept["event"] == "RECOVERED" and kept["counts_1"] > 0
    assert (kept["after_end_1"], kept["after_end_unseen"]) == (None, "the end of the beam was not seen")
