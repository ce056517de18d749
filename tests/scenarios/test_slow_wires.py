"""Fractions on slow lines and at slow rates: each comes to its end by its preset, is recorded COMPLETE, and leaves no latch.
Before an off that is repeated let a running answer come first, these ended in FAULT, or their rigs never passed the self-test."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from console.limits import serial_baud, unfit
from controller.kernel import PLAIN
from controller.requests import Close
from controller.states import State
from hal.rig import make_rig
from simulators.units import BENCH_IO
from verification import reach
from verification.rigs import BEAMS, Choice, with_values
from verification.setting import blob_of, lay_out, prescribed, virtual_rig
from verification.virtual import VirtualRig

SERIAL = "kerma-unit, serial line"
REFUSED = {("spellman-xrb80", 20), ("wago-750", 20), (SERIAL, 25), (SERIAL, 20)}
"""By `kerma run`, in words (docs/wires.md): the plan on paper of the first goes beyond what may prove off, the watchdog of the second expires too soon,
and the third's link counts as lost where a tick is a little late."""
RATES = (100, 50, 25, 20)
ONCE_EACH = ("spellman-ux",)
"""At slow rates the off comes after K1 has opened; this one keeps that as a fault, and the next fraction is refused until it is cleared."""


def make(folder: Path, choice: Choice, tick_hz: int, unit_baud: int) -> VirtualRig:
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020, choice=choice)
    text = with_values(setting.rig_file.read_text(), {"rig": {"tick_hz": str(tick_hz)}})
    if unit_baud:
        text = with_values(text, {"safety_unit": {"baud": str(unit_baud)}})
    setting.rig_file.write_text(text)
    return virtual_rig(setting, PLAIN)


def give(rig: VirtualRig, generator: str, number: int) -> None:
    """One fraction, another patient's and of another length each, from STANDBY to STANDBY."""
    order = prescribed(160.0 + 17.0 * number, Choice(generator))
    reach.to_ready(rig, p=msgspec.structs.replace(order, patient_id=f"SLOW-{number}"))
    rig.wait(0.5 + 0.013 * number)  # some do not tell when they are charged
    rig.press()
    reach.turn_until(rig, *reach.ENDS, within=20_000)
    shown = rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "a durable end")
    assert (shown.state, shown.latches) == (State.TERMINATED.value, ())
    assert rig.ask(Close("complete")).ok
    rig.wait(1.5)


def played(folder: Path, choice: Choice, tick_hz: int, fractions: int, unit_baud: int = 0) -> None:
    rig = make(folder, choice, tick_hz, unit_baud)
    try:
        for number in range(fractions):
            give(rig, choice.generator, number)
        rig.wait(0.5)
        kept, told = reach.exposures(rig), [f["status"] for f in rig.records()]
    finally:
        rig.close()
    assert told == ["COMPLETE"] * fractions
    assert {e["event"] for e in kept} == {"DOSE_END"} and all(e["outcome"] == "TERMINATED" for e in kept)


@pytest.mark.parametrize(("generator", "tick_hz"), [("seifert-3003", 20), ("spellman-xrb80", 25), ("genix3d", 20)])
def test_a_slow_wire_gives_a_whole_fraction(generator: str, tick_hz: int, tmp_path: Path) -> None:
    """Three that did not so much as pass their self-test."""
    played(tmp_path, Choice(generator), tick_hz, 1)


@pytest.mark.parametrize("tick_hz", RATES)
def test_only_what_the_page_says_is_refused(tick_hz: int, tmp_path: Path) -> None:
    """Every generator with the safety unit, and every bought unit with the usual generator, at each rate of the table."""
    rigs = [(name, Choice(name)) for name in BEAMS] + [(name, Choice(unit=name)) for name in BENCH_IO]
    rigs.append((SERIAL, Choice(unit_wire="rtu")))
    refused = set()
    for number, (name, choice) in enumerate(rigs):
        setting = lay_out(tmp_path / str(number), tmp_path / "records", "monitor", 15020, choice=choice)
        setting.rig_file.write_text(with_values(setting.rig_file.read_text(), {"rig": {"tick_hz": str(tick_hz)}}))
        blob = blob_of(setting)
        can = make_rig(blob.rig, blob.site_key).capabilities
        refused |= {(name, tick_hz)} if unfit(can, serial_baud(blob.rig)) else set()
    assert refused == {one for one in REFUSED if one[1] == tick_hz}
    page = (Path(__file__).parents[2] / "docs" / "wires.md").read_text(encoding="utf-8")
    for name, _ in rigs:
        (row,) = re.findall(rf"(?m)^\| `{name}` \|(.*)\|$", page)
        cell = row.split("|")[RATES.index(tick_hz)]
        assert ("refused" in cell) is ((name, tick_hz) in refused), (name, tick_hz, cell)


@pytest.mark.grid
@pytest.mark.parametrize(
    ("generator", "tick_hz"), [(name, hz) for name in BEAMS for hz in RATES if (name, hz) not in REFUSED]
)
def test_every_wire_gives_whole_fractions_at_every_rate(generator: str, tick_hz: int, tmp_path: Path) -> None:
    """One fraction after another, the press and the end at other places between two ticks each time."""
    played(tmp_path, Choice(generator), tick_hz, 1 if generator in ONCE_EACH and tick_hz < 100 else 4)


@pytest.mark.parametrize(
    ("tick_hz", "baud"),
    [
        (50, 57600),
        *(pytest.param(hz, baud, marks=pytest.mark.grid) for hz in (100, 50, 35) for baud in (115200, 57600)),
    ],
)
def test_a_safety_unit_on_a_serial_line_gives_whole_fractions_at_every_rate_that_is_not_refused(
    tick_hz: int, baud: int, tmp_path: Path
) -> None:
    """The slow block and the active set come due in one second and in two: also together, in beam and while it is armed, the lease is renewed."""
    played(tmp_path, Choice(unit_wire="rtu"), tick_hz, 4, baud)
