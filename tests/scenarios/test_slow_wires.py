"""Fractions on slow lines and at slow rates: each comes to its end by its preset, is recorded COMPLETE, and leaves no latch.
Before an off that is repeated let a running answer come first, these ended in FAULT, or their rigs never passed the self-test."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from controller.kernel import PLAIN
from controller.requests import Close
from controller.states import State
from verification import reach
from verification.rigs import BEAMS, Choice, with_values
from verification.setting import lay_out, prescribed, virtual_rig
from verification.virtual import VirtualRig

ONCE_EACH = ("spellman-ux",)
"""At slow rates the off comes after K1 has opened; this one keeps that as a fault, and the next fraction is refused until it is cleared."""


def make(folder: Path, generator: str, tick_hz: int, unit: str = "kerma-unit") -> VirtualRig:
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020, choice=Choice(generator, unit=unit))
    text = with_values(setting.rig_file.read_text(), {"rig": {"tick_hz": str(tick_hz)}})
    setting.rig_file.write_text(text)
    return virtual_rig(setting, PLAIN)


def give(rig: VirtualRig, generator: str, number: int) -> None:
    """One fraction, another patient's and of another length each, from STANDBY to STANDBY."""
    order = prescribed(160.0 + 17.0 * number, Choice(generator))
    reach.to_ready(rig, p=msgspec.structs.replace(order, patient_id=f"SLOW-{number}"))
    rig.wait(0.013 * number)
    rig.press()
    reach.turn_until(rig, *reach.ENDS, within=20_000)
    shown = rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "a durable end")
    assert (shown.state, shown.latches) == (State.TERMINATED.value, ())
    assert rig.ask(Close("complete")).ok


def played(folder: Path, generator: str, tick_hz: int, unit: str, fractions: int) -> None:
    rig = make(folder, generator, tick_hz, unit)
    try:
        for number in range(fractions):
            give(rig, generator, number)
        rig.wait(0.5)
        kept, told = reach.exposures(rig), [f["status"] for f in rig.records()]
    finally:
        rig.close()
    assert told == ["COMPLETE"] * fractions
    assert {e["event"] for e in kept} == {"DOSE_END"} and all(e["outcome"] == "TERMINATED" for e in kept)


@pytest.mark.parametrize(("generator", "tick_hz"), [("seifert-3003", 20), ("spellman-xrb80", 20), ("genix3d", 20)])
def test_a_slow_wire_gives_a_whole_fraction(generator: str, tick_hz: int, tmp_path: Path) -> None:
    """Three that did not so much as pass their self-test."""
    played(tmp_path, generator, tick_hz, "kerma-unit", 1)


@pytest.mark.grid
@pytest.mark.parametrize("tick_hz", [100, 50, 25, 20])
@pytest.mark.parametrize("generator", tuple(BEAMS))
def test_every_wire_gives_whole_fractions_at_every_rate(generator: str, tick_hz: int, tmp_path: Path) -> None:
    """One fraction after another, the press and the end at other places between two ticks each time."""
    played(tmp_path, generator, tick_hz, "kerma-unit", 1 if generator in ONCE_EACH and tick_hz < 50 else 4)
