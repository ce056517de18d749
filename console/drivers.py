"""`kerma drivers`: the devices that this installation can drive, what each can do by itself, and how old its values may get on a given line.
It opens no device."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table

from hal import registry
from hal.registry import GeneratorDriver, GeneratorSetting, SafetyUnitDriver, SafetyUnitSetting

TICK_S = 0.01
TURNAROUND_S = 0.002


def listed() -> tuple[dict[str, Any], ...]:
    """Every driver as plain values: kind, name, words, capabilities."""
    rows: list[dict[str, Any]] = []
    for name in registry.names(registry.GENERATORS):
        generator = registry.generator(name)
        rows.append(
            {
                "kind": "generator",
                "name": name,
                "words": generator.words,
                "capabilities": {
                    "set-point read-back": generator.set_point_read_back,
                    "wire watchdog": generator.wire_watchdog_s is not None,
                },
            }
        )
    for name in registry.names(registry.SAFETY_UNITS):
        unit = registry.safety_unit(name)
        rows.append(
            {
                "kind": "safety unit",
                "name": name,
                "words": unit.words,
                "capabilities": {
                    "exposure timer": unit.hardware_timer,
                    "lease": unit.lease,
                    "second contactor": unit.second_contactor,
                    "count limits": unit.count_limits,
                },
            }
        )
    return tuple(rows)


def table(as_json: bool) -> None:
    """Print all drivers."""
    rows = listed()
    if as_json:
        print(json.dumps(rows))
        return
    console = Console()
    for row in rows:
        console.print(f"{row['name']}  ({row['kind']})", style="bold", highlight=False)
        console.print(f"    {row['words']}", markup=False, highlight=False)
        for word, wanted in (("can", True), ("cannot", False)):
            names = [name for name, has in row["capabilities"].items() if has is wanted]
            if names:
                console.print(f"    {word}: {', '.join(names)}", markup=False, highlight=False)


def plan(name: str, baud: int, tick_s: float = TICK_S, turnaround_s: float = TURNAROUND_S) -> dict[str, Any]:
    """The poll plan of one driver on a line of this speed: what is read how often, and how old each value may get. ConfigurationError if there is none."""
    if name in registry.names(registry.SAFETY_UNITS):
        link = "tcp:127.0.0.1:502" if baud == 0 else "tty:/dev/null"
        unit: SafetyUnitDriver = registry.safety_unit(name)
        asked = SafetyUnitSetting(link, baud, 1, "-", False, b"", turnaround_s, tick_s)
        return _plan(name, baud, unit.polls(asked), unit.worst_age_s(asked), unit.off_s(asked))
    driver: GeneratorDriver = registry.generator(name)
    setting = GeneratorSetting("tty:/dev/null", baud, "-", 1.0, 1.0, turnaround_s, tick_s, False)
    return _plan(name, baud, driver.polls(setting), driver.worst_age_s(setting), driver.off_s(setting))


def _plan(name: str, baud: int, polls: Any, worst: dict[str, float], off_s: float) -> dict[str, Any]:
    return {
        "name": name,
        "baud": baud,
        "polls": [{"name": poll.name, "every_s": poll.every_s} for poll in polls],
        "worst_age_s": dict(worst),
        "off_s": off_s,
    }


def show(name: str, baud: int, as_json: bool) -> None:
    """Print the poll plan of one driver."""
    rows = plan(name, baud)
    if as_json:
        print(json.dumps(rows))
        return
    shown = Table(
        title=f"{name} at {baud or 'network'}{' baud' if baud else ''}, {1 / TICK_S:.0f} Hz", title_justify="left"
    )
    for column in ("value", "oldest it may get"):
        shown.add_column(column)
    for value, age_s in rows["worst_age_s"].items():
        shown.add_row(value, f"{age_s * 1000:.0f} ms")
    shown.add_row("an off waits at most", f"{rows['off_s'] * 1000:.0f} ms")
    console = Console()
    console.print(shown)
    console.print("asks: " + ", ".join(f"{poll['name']} {_every(poll['every_s'])}" for poll in rows["polls"]))


def _every(every_s: float) -> str:
    return f"every {every_s * 1000:.0f} ms" if every_s else "in turn, whenever the line is free"
