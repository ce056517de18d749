"""An arc in beam on every simulated generator, at the slowest tick and the usual one, wherever in the round of polls it falls: the record says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from refusal_bench import slice_of

from console import arcs
from controller.kernel import Kernels
from controller.states import State
from verification import reach
from verification.rigs import BEAMS, Choice
from verification.setting import lay_out, prescribed, virtual_rig
from verification.virtual import VirtualRig

RATES_HZ = (20, 100)
Done = Callable[[VirtualRig], None]
"""What happens to a rig in beam."""
PHASES_MS = (0, 23, 57, 91)
"""Over two ticks of the slowest: kV and flags take turns."""
FILAMENT_S = 1.0
"""A hand takes that long to the switch."""
ENDS = {
    ("steady", 20): {"beam_lost", "no_dose"}, ("steady", 100): {"beam_lost", "dose_rate_low"},
    ("first second", 20): {"beam_lost", "no_signal", "no_dose"}, ("ramp", 20): {"beam_lost", "no_signal"},
}  # fmt: skip
"""By which rules an arc ends a beam: when in the beam, and at which rate."""
STEADY_S = {"steady": 1.2, "first second": 0.3}
RAMP_S = 0.1
SHUTTERED = ("genix3d", "ramp")
"""Its kV rises behind a closed shutter: an arc there takes no beam, and most end none."""


def ended_by(
    done: Done,
    folder: Path,
    kernels: Kernels,
    generator: str,
    tick_hz: int,
    when: str = "steady",
    filament_s: float = FILAMENT_S,
) -> Mapping[str, Any]:
    """One fraction, with something done in its beam; its row in the records."""
    choice = Choice(generator)
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020, choice=choice)
    text = setting.rig_file.read_text(encoding="utf-8")
    assert text.count("tick_hz = 100\n") == 1
    setting.rig_file.write_text(text.replace("tick_hz = 100\n", f"tick_hz = {tick_hz}\n"), encoding="utf-8")
    rig = virtual_rig(setting, kernels)
    try:
        reach.to_ready(rig, p=prescribed(250.0, choice))
        if filament_s:
            rig.wait(filament_s)
        rig.press()
        if when == "ramp":
            rig.until(lambda _shown: rig.world.plant.tube.kv > 0.0, 2.0, "kV")
            rig.wait(RAMP_S)
        else:
            reach.turn_until(rig, State.IRRADIATING, *reach.ENDS)
            rig.wait(STEADY_S[when])
        done(rig)
        reach.turn_until(rig, *reach.ENDS)
        rig.until(lambda shown: shown.ended is not None and shown.ended.durable, 6.0, "the end")
        (row,) = reach.exposures(rig)
        return row
    finally:
        rig.close()


def arc_after(phase_ms: int) -> Done:
    """One arc so long after the beginning of a tick, whole ticks played."""

    def arc(rig: VirtualRig) -> None:
        ticks, rest_ms = divmod(phase_ms, round(1000.0 / rig.blob.tick_hz))
        for _ in range(ticks):
            rig.turn()
        rig.world.advance(rig.world.now_us + 1000 * rest_ms)
        before = rig.world.plant.tube.arcs
        rig.world.plant.tube.arc()
        assert rig.world.plant.tube.arcs == before + 1

    return arc


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("generator", "tick_hz", "phase_ms"),
    slice_of(
        [(generator, tick_hz, phase_ms) for generator in BEAMS for tick_hz in RATES_HZ for phase_ms in PHASES_MS],
        lambda case: case[0] in ("spellman-xrv", "genix3d") and case[1:] in ((20, 0), (20, 23), (100, 57)),
    ),
)
def test_g7_whatever_rule_an_arc_ends_the_beam_by_it_is_counted(
    generator: str, tick_hz: int, phase_ms: int, tmp_path: Path, kernels: Kernels
) -> None:
    """Hazard G7: by one of the table's rules, and none that is not known for this rate."""
    row = ended_by(arc_after(phase_ms), tmp_path, kernels, generator, tick_hz)
    assert arcs.ended(row), (row["rule"], row["words"])
    assert row["rule"] in ENDS["steady", tick_hz]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("generator", "when", "phase_ms"),
    slice_of(
        [
            (generator, when, phase_ms)
            for generator in BEAMS
            for when in ("first second", "ramp")
            for phase_ms in PHASES_MS[1:3]
            if (generator, when) != SHUTTERED
        ],
        lambda case: case[0] == "spellman-xrv" and case[2] == PHASES_MS[1],
    ),
)
def test_g7_an_arc_in_the_ramp_or_right_after_it_is_counted(
    generator: str, when: str, phase_ms: int, tmp_path: Path, kernels: Kernels
) -> None:
    """Hazard G7: there no dose is asked for yet, but a signal."""
    row = ended_by(arc_after(phase_ms), tmp_path, kernels, generator, 20, when)
    assert arcs.ended(row), (row["rule"], row["words"])
    assert row["rule"] in ENDS[when, 20]


def door(rig: VirtualRig) -> None:
    rig.room(door_open=True)


def dead(rig: VirtualRig) -> None:
    """One chamber's converter dies, its high tension does not."""
    rig.fault("chamber-1-dead")


@pytest.mark.parametrize("what", [door, dead])
@pytest.mark.parametrize("tick_hz", RATES_HZ)
def test_what_else_ends_a_beam_is_no_arc(what: Done, tick_hz: int, tmp_path: Path, kernels: Kernels) -> None:
    """A door, and one chamber that counts nothing any more: by its rule the second is told as an arc may be."""
    row = ended_by(what, tmp_path, kernels, "spellman-xrv", tick_hz)
    assert row["rule"] in ({"door"} if what is door else ENDS["steady", tick_hz]), "it was not this that ended the beam"
    assert not arcs.ended(row), (row["rule"], row["words"])


def test_a_high_voltage_that_the_generator_refused_is_no_arc(tmp_path: Path, kernels: Kernels) -> None:
    """A DXM whose inverter has no power yet when ON comes, in the very tick of READY: nothing was on that an arc could have taken away."""
    row = ended_by(lambda _rig: None, tmp_path, kernels, "spellman-dxm", 100, filament_s=0.0)
    assert row["rule"] == "beam_lost" and not row["void"] and not arcs.ended(row), row["words"]
