"""`kerma drivers show` for an electrometer: what it reads how often on a given wire, and how old each value may get; no rule of a beam stands on it.
It opens no device."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console

from console.drivers.plan import LINKS, wire_of
from hal import registry
from hal.errors import ConfigurationError
from hal.registry import ElectrometerSetting

USUAL_BAUD = 9600


def plan(name: str, baud: int | None, tick_hz: float, turnaround_ms: float) -> dict[str, Any]:
    """The plan as plain values. ConfigurationError if the driver has no such wire, or none at all."""
    driver = registry.electrometer(name)
    if not driver.wires:
        raise ConfigurationError(
            f"{name} has no wire: its readings are typed in, so nothing is polled; first: kerma drivers"
        )
    wire = wire_of(name, driver.wires, USUAL_BAUD if baud is None else baud, tick_hz, turnaround_ms)
    setting = ElectrometerSetting(LINKS[wire.kind], wire.baud, "-", "-", wire.turnaround_s, wire.tick_s, False)
    polls = [
        {"name": poll.name, "every_s": poll.every_s, "takes_s": poll.takes_s(wire.baud)}
        for poll in driver.polls(setting)
    ]
    return {
        "name": name,
        "kind": "electrometer",
        "baud": wire.baud,
        "tick_s": wire.tick_s,
        "turnaround_s": wire.turnaround_s,
        "polls": polls,
        "worst_age_s": driver.worst_age_s(setting),
    }


def show(name: str, baud: int | None, tick_hz: float, turnaround_ms: float, as_json: bool) -> None:
    """Print the plan of one electrometer."""
    shown = plan(name, baud, tick_hz, turnaround_ms)
    if as_json:
        print(json.dumps(shown))
        return
    on = f"{shown['baud']} baud" if shown["baud"] else "the network"
    lines = [f"{name}, electrometer, on {on}: tick {1000 / tick_hz:.0f} ms, turnaround {turnaround_ms:.0f} ms"]
    for poll in shown["polls"]:
        often = f"every {poll['every_s']:g} s" if poll["every_s"] else "in turn"
        lines.append(f"  reads {poll['name']}, {often}, in {poll['takes_s'] * 1000:.0f} ms")
    lines += [f"  {value} is never older than {age_s * 1000:.0f} ms" for value, age_s in shown["worst_age_s"].items()]
    lines.append("For calibration only: no rule of a beam stands on it, and T1 is not asked of it.")
    console = Console()
    for line in lines:
        console.print(line, highlight=False)
