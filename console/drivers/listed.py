"""`kerma drivers`: the devices that this installation can drive, and what each can and cannot do by itself, as its driver says.
It opens no device and makes no plan; one driver that cannot be loaded is a line of words, and breaks no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rich.console import Console

from console.drivers import plan as driver_plan
from console.drivers.plan import USUAL_BAUD
from hal import registry
from hal.machine import ALL_FITTED
from hal.registry import Checksum, ElectrometerDriver, GeneratorDriver, SafetyUnitDriver

HV_STAYS: Final = "none: HV stays on if the host dies, the safety unit ends it"
CHECKS: Final = {Checksum.NONE: "none", Checksum.SIX_BIT_SUM: "6 bit", Checksum.CRC16: "CRC-16", Checksum.TCP: "TCP"}
USUAL_LEASE_S: Final = 0.2
NAME_WIDTH: Final = 17
USUAL_HZ: Final = 100.0
TURNAROUND_MS: Final = 2.0
GENERATOR, UNIT, METER = "generator", "safety unit", "electrometer"


@dataclass(frozen=True)
class Listed:
    """One installed driver. `bench_only_because` is empty for one that a clinical rig may have; `broken` says why it cannot be loaded.

    `t1_kept_from_hz` is the slowest usual rate of the loop at which every rule keeps T1 on its usual wire; None if none does, or where T1 is not asked of it.
    """

    kind: str
    name: str
    words: str
    capabilities: dict[str, Any] = field(default_factory=dict)
    bench_only_because: tuple[str, ...] = ()
    broken: str = ""
    t1_kept_from_hz: float | None = None


def listed() -> tuple[Listed, ...]:
    """Every driver of every group, by its entry point."""
    kinds: tuple[tuple[str, str, Callable[[str], Listed]], ...] = (
        (GENERATOR, registry.GENERATORS, _generator),
        (UNIT, registry.SAFETY_UNITS, _unit),
        (METER, registry.ELECTROMETERS, _meter),
    )
    return tuple(_one(kind, name, look) for kind, group, look in kinds for name in registry.names(group))


def _one(kind: str, name: str, look: Callable[[str], Listed]) -> Listed:
    try:
        return look(name)
    except Exception as error:  # another's package may be broken in any way
        return Listed(kind, name, "", broken=f"cannot be loaded ({error}); first: reinstall its package, or remove it")


def _generator(name: str) -> Listed:
    driver = registry.generator(name)
    facts = {
        "exposure_timer": driver.exposure_timer,
        "wire_watchdog_s": driver.wire_watchdog_s,
        "wire_watchdog_least_s": driver.wire_watchdog_least_s,
        "wire_watchdog": watchdog_words(driver),
        "set_point_read_back": driver.set_point_read_back,
        "filament_set_points": driver.filament_set_points,
        "own_set_points": driver.own_set_points,
        "dry_run": driver.not_cold or "high voltage over a cold filament is possible",
        "identifies": driver.identifies,
        "unsolicited": list(driver.unsolicited),
        "checksum": CHECKS[driver.checksum],
        "checksum_words": driver.checksum.value,
        "wires": list(driver.wires),
        "faults": len(driver.faults),
        "fault_words": [fault.value for fault in driver.faults],
    }
    return _judged(GENERATOR, name, driver.words, facts)


def wires_of(kind: str, name: str) -> tuple[str, ...]:
    """The kinds of link that a driver speaks on."""
    if kind == METER:
        return registry.electrometer(name).wires
    return registry.generator(name).wires if kind == GENERATOR else registry.safety_unit(name).wires


def watchdog_words(driver: GeneratorDriver) -> str:
    """What the device itself does about a host that has gone silent."""
    if driver.wire_watchdog_s is None:
        return HV_STAYS
    least_s = driver.wire_watchdog_least_s
    least = "" if least_s is None or least_s == driver.wire_watchdog_s else f", could be {least_s:g} s"
    return f"ends HV after {driver.wire_watchdog_s:g} s of silence{least}"


def _unit(name: str) -> Listed:
    driver: SafetyUnitDriver = registry.safety_unit(name)
    facts = {
        "exposure_timer": driver.hardware_timer,
        "lease": driver.lease,
        "second_contactor": driver.second_contactor,
        "count_limits": driver.count_limits,
        "silence_off_s": round(driver.silence_off_s(USUAL_LEASE_S), 3),
        "retains": driver.retains,
        "emulated": driver.emulated,
        "not_fitted": [part.name for part in ALL_FITTED & ~driver.fitted],
        "wires": list(driver.wires),
    }
    return _judged(UNIT, name, driver.words, facts)


def _judged(kind: str, name: str, words: str, facts: dict[str, Any]) -> Listed:
    """With what a clinical rig would want of it."""
    lacks = driver_plan.plan(name).capabilities.clinical()
    rate = driver_plan.kept_from_hz(name, None, TURNAROUND_MS)
    if rate is None and not lacks:
        lacks = ("a wire that keeps T1",)
    return Listed(kind, name, words, facts, lacks, t1_kept_from_hz=rate)


def _meter(name: str) -> Listed:
    """An electrometer is for calibration only: never in a beam's path, so that nothing makes it a thing of the bench."""
    driver: ElectrometerDriver = registry.electrometer(name)
    facts = {
        "units": [unit.value for unit in driver.units],
        "ranges": list(driver.ranges),
        "interval_most_s": driver.interval_most_s,
        "zeroes": driver.zeroes,
        "needs_permission": driver.needs_permission,
        "overload": driver.overload,
        "checksum": CHECKS[driver.checksum],
        "checksum_words": driver.checksum.value,
        "wires": list(driver.wires),
        "faults": len(driver.faults),
        "fault_words": [fault.value for fault in driver.faults],
    }
    return Listed(METER, name, driver.words, facts)


def table(as_json: bool) -> None:
    """Print all drivers."""
    rows = listed()
    if as_json:
        print(json.dumps([asdict(row) | {"clinical": not row.broken and not row.bench_only_because} for row in rows]))
        return
    console = Console()
    for kind, columns in COLUMNS.items():
        these = [row for row in rows if row.kind == kind and not row.broken]
        if these:
            console.print(f"{kind}s, {len(these)}:", highlight=False)
            for line in _lines(these, columns):
                console.print(line, markup=False, highlight=False)
            console.print()
    for line in notes(rows):
        console.print(line, markup=False, highlight=False)


def notes(rows: tuple[Listed, ...]) -> Iterator[str]:
    """What the table has no room for, in words."""
    facts = [row.capabilities for row in rows if row.kind == GENERATOR and not row.broken]
    if any(fact["wire_watchdog_s"] is None for fact in facts):
        yield f"watchdog {HV_STAYS}."
    for check, words in sorted({(fact["checksum"], fact["checksum_words"]) for fact in facts}):
        if words not in (check, "none"):
            yield f"checksum {check}: {words}."
    for row in rows:
        yield from (f"{row.name} says by itself: {words}." for words in row.capabilities.get("unsolicited", ()))
    for row in rows:
        if row.bench_only_because:
            yield f"{row.name} is for the bench only: it lacks {', '.join(row.bench_only_because)}."
        elif row.kind != METER and not row.broken and row.t1_kept_from_hz != USUAL_HZ:
            rate = f"only from a loop of {row.t1_kept_from_hz:g} Hz on"
            yield f"{row.name} keeps T1 {rate}, at {USUAL_BAUD} baud or on its network and {TURNAROUND_MS:g} ms turnaround."
        if row.capabilities.get("emulated"):
            yield f"{row.name} is EMULATED: {row.capabilities['emulated']}."
        if row.broken:
            yield f"{row.name} ({row.kind}) {row.broken}."
    if any(row.kind == UNIT and not row.broken for row in rows):
        yield f"silence off: beam after this computer's last word, at most, with a lease of {USUAL_LEASE_S:g} s."
    if facts:
        yield "wires: line is tty, pty or socket (a terminal server); net is tcp, the device's own network port."
    yield "kerma drivers show NAME: what it reads how often, and whether T1 is kept."
    yield "kerma drivers check NAME --link LINK: try it on a device, without HV."


def _lines(rows: list[Listed], columns: dict[str, Callable[[Listed], str]]) -> Iterator[str]:
    """A table whose head may have two lines; a name that is too long has a line of its own, so that the rest stays within 80 columns."""
    cells = [[look(row) for look in columns.values()] for row in rows]
    heads = [[*([""] * (2 - len(head.split()))), *head.split()] for head in columns]
    named = [cell[0] for cell in cells if len(cell[0]) <= NAME_WIDTH]
    widths = [
        max(map(len, (*head, *(named if at == 0 else [cell[at] for cell in cells])))) for at, head in enumerate(heads)
    ]
    for words in (*zip(*heads, strict=True), *cells):
        if len(words[0]) > widths[0]:
            yield words[0]
            words = ("", *words[1:])
        yield " ".join(word.ljust(width) for word, width in zip(words, widths, strict=True)).rstrip()


def _fact(name: str) -> Callable[[Listed], str]:
    return lambda row: _short(row.capabilities[name])


def _short(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _wires(row: Listed) -> str:
    wires = row.capabilities["wires"]
    return " ".join((["line"] if set(wires) - {"tcp"} else []) + (["net"] if "tcp" in wires else []))


def _watchdog(row: Listed) -> str:
    after_s, least_s = row.capabilities["wire_watchdog_s"], row.capabilities["wire_watchdog_least_s"]
    if after_s is None:
        return "none"
    return f"{after_s:g} s" + ("" if least_s in (None, after_s) else f", least {least_s:g} s")


def _use(row: Listed) -> str:
    return "bench" if row.bench_only_because else "clinical"


COLUMNS: Final[dict[str, dict[str, Callable[[Listed], str]]]] = {
    GENERATOR: {
        "name": lambda row: row.name,
        "timer": _fact("exposure_timer"),
        "watch- dog": _watchdog,
        "read back": _fact("set_point_read_back"),
        "tells who": _fact("identifies"),
        "by itself": lambda row: "yes" if row.capabilities["unsolicited"] else "no",
        "check- sum": _fact("checksum"),
        "wires": _wires,
        "faults": _fact("faults"),
        "for": _use,
    },
    UNIT: {
        "name": lambda row: row.name,
        "timer": _fact("exposure_timer"),
        "lease": _fact("lease"),
        "second contactor": _fact("second_contactor"),
        "count limits": _fact("count_limits"),
        "silence off": lambda row: f"{row.capabilities['silence_off_s']:g} s",
        "for": _use,
    },
    METER: {
        "name": lambda row: row.name,
        "ranges": lambda row: str(len(row.capabilities["ranges"])),
        "own timer": lambda row: "yes" if row.capabilities["interval_most_s"] else "no",
        "finds zero": _fact("zeroes"),
        "asks leave": _fact("needs_permission"),
        "check- sum": _fact("checksum"),
        "wires": lambda row: _wires(row) or "typed in",
        "flags": _fact("faults"),
        "for": lambda _row: "calibration",
    },
}
