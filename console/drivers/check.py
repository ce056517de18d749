"""`kerma drivers check`: takes what was asked for apart, refuses a link that a rig is running on, has the steps done, and prints what they found.
It knows no step and no device; HV is never switched on from here."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console import places, rig_file
from console.drivers import meter_plan
from console.drivers.generator_check import GeneratorCheck
from console.drivers.meter_check import MeterCheck
from console.drivers.plan import USUAL_BAUD
from console.drivers.steps import Outcome, Row
from console.drivers.unit_check import UnitCheck
from console.exit_codes import DRIVER_CHECK_FAILED, Exit
from hal import registry, transport
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.registry import ElectrometerSetting, GeneratorSetting, OpenPipe, SafetyUnitSetting
from hal.rig import BAUDS

SECONDS: Final = (1.0, 3600.0)
NO_KEY: Final = b""
"""The check holds no site key: it could sign neither ARM nor RESET."""
STYLES: Final = {Outcome.PASS: "green", Outcome.FAIL: "bold red", Outcome.NOT_TRIED: "dark_orange"}


@dataclass(frozen=True)
class Asked:
    """The command line of one check."""

    name: str
    link: str
    baud: int | None
    model: str
    full_scale_kv: float | None
    full_scale_ma: float | None
    serial: str
    unit_id: int
    turnaround_ms: float
    tick_hz: float
    seconds: float
    set_points: bool
    simulated: bool


def check(asked: Asked, clock: Clock, open_pipe: OpenPipe = transport.open_pipe) -> tuple[Row, ...]:
    """Do the steps on the device at the link. ConfigurationError for what cannot be asked; nothing has been opened then."""
    _within("--seconds", asked.seconds, *SECONDS)
    _within("--tick-hz", asked.tick_hz, 10.0, 1000.0)
    _within("--turnaround-ms", asked.turnaround_ms, 0.0, 500.0)
    if asked.name in registry.names(registry.SAFETY_UNITS):
        return _unit(asked, clock, open_pipe)
    if asked.name in registry.names(registry.ELECTROMETERS):
        return _meter(asked, clock, open_pipe)
    return _generator(asked, clock, open_pipe)


def _generator(asked: Asked, clock: Clock, open_pipe: OpenPipe) -> tuple[Row, ...]:
    driver = registry.generator(asked.name)
    baud = _baud(asked, driver.wires)
    if not asked.model or asked.full_scale_kv is None or asked.full_scale_ma is None:
        raise ConfigurationError(
            "a generator must say that it is the one on the plate; first: give --model, --full-scale-kv and --full-scale-ma"
        )
    _within("--full-scale-kv", asked.full_scale_kv, 1.0, 450.0)
    _within("--full-scale-ma", asked.full_scale_ma, 0.01, 100.0)
    setting = GeneratorSetting(
        asked.link, baud, asked.model, asked.full_scale_kv, asked.full_scale_ma,
        asked.turnaround_ms / 1000.0, 1.0 / asked.tick_hz, _simulated(asked),
    )  # fmt: skip
    return GeneratorCheck(driver, setting, open_pipe, clock, asked.seconds, asked.set_points).run()


def _unit(asked: Asked, clock: Clock, open_pipe: OpenPipe) -> tuple[Row, ...]:
    driver = registry.safety_unit(asked.name)
    baud = _baud(asked, driver.wires)
    if not asked.serial:
        raise ConfigurationError("a safety unit must say that it is the one on the plate; first: give --serial")
    _within("--unit-id", asked.unit_id, 1, 247)
    if asked.set_points:
        raise ConfigurationError("--set-points: a safety unit has none here, nothing is committed; first: leave it out")
    setting = SafetyUnitSetting(
        asked.link, baud, asked.unit_id, asked.serial, _simulated(asked), NO_KEY, asked.turnaround_ms / 1000.0, 1.0 / asked.tick_hz
    )  # fmt: skip
    return UnitCheck(driver, setting, open_pipe, clock, asked.seconds).run()


def _meter(asked: Asked, clock: Clock, open_pipe: OpenPipe) -> tuple[Row, ...]:
    driver = registry.electrometer(asked.name)
    if not driver.wires:
        raise ConfigurationError(f"{asked.name} has no wire: its readings are typed in; first: name another driver")
    baud = _baud(replace(asked, baud=meter_plan.USUAL_BAUD) if asked.baud is None else asked, driver.wires)
    if not asked.model or not asked.serial:
        raise ConfigurationError(
            "an electrometer must say that it is the one on the plate; first: give --model and --serial"
        )
    if asked.set_points:
        raise ConfigurationError("--set-points: an electrometer has none, nothing is set; first: leave it out")
    setting = ElectrometerSetting(
        asked.link, baud, asked.model, asked.serial, asked.turnaround_ms / 1000.0, 1.0 / asked.tick_hz, _simulated(asked)
    )  # fmt: skip
    return MeterCheck(driver, setting, open_pipe, clock, asked.seconds).run()


def _simulated(asked: Asked) -> bool:
    """A pseudo-terminal is always a program's."""
    return asked.simulated or transport.parse_link(asked.link).kind == "pty"


def _baud(asked: Asked, wires: tuple[str, ...]) -> int:
    address = transport.parse_link(asked.link)
    if address.kind not in wires:
        raise ConfigurationError(
            f"--link {asked.link}: {asked.name} speaks on {', '.join(wires)} only; first: correct it"
        )
    if address.packets:
        return 0
    baud = USUAL_BAUD if asked.baud is None else asked.baud
    if baud not in BAUDS:
        raise ConfigurationError(f"--baud {baud} is none of {', '.join(map(str, BAUDS))}; first: correct it")
    return baud


def refuse_running(link: str, alive: Callable[[], tuple[places.Places, ...]] = places.running) -> None:
    """A device that a rig is running on is not to be touched: its off would end a treatment. ConfigurationError names the rig."""
    ours = _resolved(link, Path.cwd())
    for place in alive():
        links = _links(place) if place.alive else ()
        if links is None or ours in links:
            which = "may be running on it (its rig file cannot be read)" if links is None else "is running on it"
            raise ConfigurationError(
                f"--link {link}: the rig of {place.shm} {which}, and the first command of a check is off; first: end that rig"
            )


def _links(place: places.Places) -> tuple[str, ...] | None:
    """The links of a running rig, as its rig file names them; None where they cannot be known."""
    try:
        path = Path(place.rig_file.read_text(encoding="utf-8").strip())
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(_resolved(document[table]["link"], path.parent) for table in ("generator", "safety_unit"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _resolved(link: str, folder: Path) -> str:
    """A link with its path followed to the end, or its port whatever is spoken there and however the host is written: two names of one line are one."""
    found = rig_file.link(link, transport.KINDS, folder)
    if found.path is not None:
        return os.path.realpath(found.path)
    host = rig_file.address(found.host)
    if host.is_unspecified:  # connecting to it leads to this machine
        host = rig_file.address("localhost")
    return f"{host} port {found.port}"


def run(asked: Asked, clock: Clock, as_json: bool) -> int:
    """Check and print; the exit code is 1 when anything failed."""
    transport.parse_link(asked.link)
    refuse_running(asked.link)
    if not as_json:
        print(f"{'SIMULATED  ' if _simulated(asked) else ''}{asked.name} at {asked.link}: HV is never switched on")
    rows = check(asked, clock)
    passed = all(row.outcome is not Outcome.FAIL for row in rows)
    if as_json:
        print(json.dumps(_values(asked, rows, passed)))
    else:
        _print(rows, passed)
    return Exit.AS_INTENDED if passed else DRIVER_CHECK_FAILED


def _values(asked: Asked, rows: tuple[Row, ...], passed: bool) -> dict[str, object]:
    return {
        "name": asked.name,
        "link": asked.link,
        "simulated": _simulated(asked),
        "passed": passed,
        "rows": [{"what": row.what, "outcome": row.outcome.value, "words": row.words} for row in rows],
    }


def _print(rows: tuple[Row, ...], passed: bool) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(f"[{STYLES[row.outcome]}]{row.outcome.value}[/]", row.what, Text(row.words))
    console = Console()
    console.print(table)
    counted = {outcome: sum(row.outcome is outcome for row in rows) for outcome in Outcome}
    console.print(
        f"{'passed' if passed else 'FAILED'}: " + ", ".join(f"{count} {outcome.value}" for outcome, count in counted.items()),
        highlight=False,
    )  # fmt: skip


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigurationError(f"{key} {value:g} is outside {low:g} to {high:g}; first: correct it")
