"""Computers that failed by the clock after a long time, as plays: each gives a whole fraction at such an uptime."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from controller.states import State
from simulators.unit_firmware import UnitFirmware
from verification.incident import Theatre
from verification.incidents.shared import d0_of, must_be_given
from verification.reach import exposures, to_ready, turn_until
from verification.virtual import VirtualRig

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
EDGES: Final = (
    ((1 << 31) / 100.0, "2^31 x 10 ms", True),
    ((1 << 32) / 1000.0, "2^32 ms", True),
    ((1 << 31) / 1000.0, "2^31 ms", True),
    ((1 << 31) / 1e6, "2^31 us", False),
)
"""Uptime at which a clock of 32 bits, with a sign or without, is at its end, s; what it counts; whether it is the safety unit's counter of scans too."""
EDGE_AFTER_BOOT_S: Final = 9.0
"""Beam lasts from 4.5 to 13.2 s after the boot."""
TIMERS_APART_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Beam:
    """From when to when there was beam, s by this computer's clock and scans of the safety unit."""

    on_s: float
    off_s: float
    on_scan: int
    off_scan: int


def _at_uptime(theatre: Theatre, uptime_s: float, what: str) -> tuple[VirtualRig, Beam]:
    """A whole fraction after a boot that shows `uptime_s`, host's clock and the unit's counter of scans alike; and from when to when there was beam."""
    rig = theatre.rig()
    turn_until(rig, State.STANDBY)
    rig.wait(1.0)
    rig.power_cut()
    rig.power_on(uptime_s)
    unit = rig.world.unit
    if isinstance(unit, UnitFirmware):
        unit.scan_count = (round(uptime_s * 1000.0)) % (1 << 32)
    to_ready(rig)
    rig.press()
    turn_until(rig, State.IRRADIATING)
    d0, on_s, on_scan = d0_of(rig), rig.now_s(), _scan(rig)
    turn_until(rig, State.STOPPING)
    beam = Beam(on_s, rig.now_s(), on_scan, _scan(rig))
    turn_until(rig, State.TERMINATED)
    rig.wait(0.5)
    must_be_given(theatre, rig, d0, what)
    kept = exposures(rig)[0]
    apart_s = abs((kept["host_beam_s"] or 0.0) - kept["beam_s"])
    theatre.must(
        apart_s <= TIMERS_APART_S,
        f"{what}: this computer counts {kept['host_beam_s']} s of beam, the unit's timer {kept['beam_s']} s",
    )
    return rig, beam


def _scan(rig: VirtualRig) -> int:
    unit = rig.world.unit
    return unit.scan_count if isinstance(unit, UnitFirmware) else 0


def boeing(theatre: Theatre) -> None:
    """248.55 days of hundredths of a second, 49.7 and 24.9 days of milliseconds: the edge falls into the beam."""
    for edge_s, what, scans in EDGES:
        rig, beam = _at_uptime(theatre, edge_s - EDGE_AFTER_BOOT_S, what)
        theatre.say(
            f"{what}: the edge {edge_s - beam.on_s:.1f} s after beam on, {beam.off_s - edge_s:.1f} s before beam off"
        )
        theatre.must(
            beam.on_s < edge_s < beam.off_s,
            f"{what}: the edge at {edge_s:.2f} s is not between beam on at {beam.on_s:.2f} and beam off at {beam.off_s:.2f} s",
        )
        over = beam.on_scan < 1 << 31 <= beam.off_scan or beam.off_scan < beam.on_scan
        theatre.must(
            over is scans,
            f"{what}: the unit's scans went from {beam.on_scan} to {beam.off_scan}, {'not ' * scans}over an edge",
        )
        theatre.finish(rig, 1)


def patriot(theatre: Theatre) -> None:
    """After 100 h and after 1000 days: the unit's timer, this computer's and the dose still agree."""
    for uptime_s, what in ((100.0 * 3600.0, "after 100 h"), (1000.0 * DAY_S, "after 1000 days")):
        rig, beam = _at_uptime(theatre, uptime_s, what)
        theatre.must(
            uptime_s < beam.on_s < uptime_s + HOUR_S, f"{what}: beam on at {beam.on_s:.1f} s by this computer's clock"
        )
        theatre.finish(rig, 1)
