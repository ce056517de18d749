"""`kerma drivers show`: what one driver reads how often on a given wire, how old each value may get by it, and whether every interlock rule keeps T1.
It opens no device; the reactions are interlocks/rules.py's own, over a rig of this driver and the usual partner."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from rich import box
from rich.console import Console
from rich.table import Table

from console.limits import unfit
from hal import registry
from hal.errors import ConfigurationError
from hal.machine import Capabilities
from hal.poll_plan import BITS_A_CHARACTER, Poll
from hal.registry import GeneratorSetting, SafetyUnitSetting
from hal.rig import BAUDS, RigConfig, make_rig
from interlocks.look import SLOW, When
from interlocks.rule import Rule
from interlocks.rules import SOURCES, T1_S, level, reaction_s

USUAL_GENERATOR: Final = "spellman-xrv"
USUAL_UNIT: Final = "kerma-unit"
USUAL_BAUD: Final = 115200
RATES_HZ: Final = (100.0, 125.0, 200.0, 250.0, 500.0, 1000.0)
NO_KEY: Final = bytes(16)
"""A plan is worked out for no particular unit; nothing is signed with it."""
LINKS: Final = {
    "tty": "tty:/dev/null",
    "pty": "pty:/dev/null",
    "socket": "socket:127.0.0.1:4001",
    "tcp": "tcp:127.0.0.1:502",
}
"""A link of each kind, for the arithmetic only; none is opened."""


@dataclass(frozen=True)
class Wire:
    """On what a plan is worked out: the kind of link, the line's speed (0 is a network), the loop's tick, and the device's turnaround."""

    kind: str
    baud: int
    tick_s: float
    turnaround_s: float

    @property
    def words(self) -> str:
        return f"{self.baud} baud" if self.baud else "the network"


@dataclass(frozen=True)
class Plan:
    """One driver's plan, and what a rig of it and its partner can do."""

    kind: str
    name: str
    wire: Wire
    partner: str
    polls: tuple[Poll, ...]
    worst_age_s: dict[str, float]
    off_s: float
    capabilities: Capabilities

    @property
    def unit_baud(self) -> int:
        """The speed of the safety unit's line, 0 for a network."""
        return self.wire.baud if self.kind == "safety unit" else 0


@dataclass(frozen=True)
class Reaction:
    """One rule that ends a beam: what it stands on, its worst reaction, and whether T1 is kept; None where T1 does not apply, which `words` explain."""

    rule: str
    stands_on: tuple[str, ...]
    worst_s: float | None
    kept: bool | None
    words: str


def plan(name: str, baud: int | None = None, tick_hz: float = 100.0, turnaround_ms: float = 2.0) -> Plan:
    """The plan of one driver; `baud` None is its usual wire. ConfigurationError if there is no such driver, or not on such a wire."""
    _within("--tick-hz", tick_hz, 10.0, 1000.0)
    _within("--turnaround-ms", turnaround_ms, 0.0, 500.0)
    if name in registry.names(registry.SAFETY_UNITS):
        return unit_plan(
            name, wire_of(name, registry.safety_unit(name).wires, 0 if baud is None else baud, tick_hz, turnaround_ms)
        )
    driver = registry.generator(name)
    if baud is not None and baud > driver.baud_most:
        raise ConfigurationError(f"--baud {baud}: {name} speaks at {driver.baud_most} baud at most; first: correct it")
    usual = min(USUAL_BAUD, driver.baud_most) if any(kind != "tcp" for kind in driver.wires) else 0
    return generator_plan(name, wire_of(name, driver.wires, usual if baud is None else baud, tick_hz, turnaround_ms))


def wire_of(name: str, wires: tuple[str, ...], baud: int, tick_hz: float, turnaround_ms: float) -> Wire:
    """The first of a driver's wires that has a speed, or that has none (baud 0). ConfigurationError if it has no such wire."""
    fitting = [kind for kind in wires if (kind == "tcp") is (baud == 0)]
    if not fitting:
        first = "leave --baud out" if baud else f"give --baud {USUAL_BAUD}"
        raise ConfigurationError(
            f"--baud {baud}: {name} speaks on {', '.join(wires)} only, and a network has no speed (0); first: {first}"
        )
    if baud and baud not in BAUDS:
        raise ConfigurationError(f"--baud {baud} is none of {', '.join(map(str, BAUDS))}; first: correct it")
    return Wire(fitting[0], baud, 1.0 / tick_hz, turnaround_ms / 1000.0)


def generator_plan(name: str, wire: Wire) -> Plan:
    """A generator together with the usual safety unit over TCP."""
    config = _rig(name, LINKS[wire.kind], wire, USUAL_UNIT, LINKS["tcp"], USUAL_BAUD)
    driver = registry.generator(name)
    setting = GeneratorSetting(
        config.generator_link, wire.baud, "-", config.full_scale_kv, config.full_scale_ma, wire.turnaround_s, wire.tick_s, False
    )  # fmt: skip
    return Plan(
        "generator", name, wire, f"{USUAL_UNIT} over TCP",
        driver.polls(setting), dict(driver.worst_age_s(setting)), driver.off_s(setting), make_rig(config, NO_KEY).capabilities,
    )  # fmt: skip


def unit_plan(name: str, wire: Wire) -> Plan:
    """A safety unit together with the usual generator on a fast line."""
    line = Wire("tty", USUAL_BAUD, wire.tick_s, 0.002)
    config = _rig(USUAL_GENERATOR, LINKS["tty"], line, name, LINKS[wire.kind], wire.baud or USUAL_BAUD)
    driver = registry.safety_unit(name)
    setting = SafetyUnitSetting(
        config.safety_unit_link, wire.baud, 1, "-", False, NO_KEY, wire.turnaround_s, wire.tick_s
    )
    worst, off_s, rig = dict(driver.worst_age_s(setting)), driver.off_s(setting), make_rig(config, NO_KEY).capabilities
    # A rig file takes a unit's turnaround as given; here it may be another.
    rig = msgspec.structs.replace(rig, worst_age_s={**rig.worst_age_s, **worst}, off_s=max(rig.off_s, off_s))
    return Plan(
        "safety unit", name, wire, f"{USUAL_GENERATOR} at {USUAL_BAUD} baud", driver.polls(setting), worst, off_s, rig
    )


def reactions(shown: Plan) -> tuple[Reaction, ...]:
    """Every rule that ends a beam, in the table's order, with its worst reaction on this rig."""
    rules = level(shown.capabilities, shown.wire.tick_s)
    worst = reaction_s(rules, shown.capabilities)
    return tuple(_reaction(row, worst.get(row.id)) for row in rules.rows if row.while_beam)


def _reaction(row: Rule, worst_s: float | None) -> Reaction:
    stands_on = tuple(name for bit, name in SOURCES if row.needs & bit)
    if worst_s is not None:
        kept = worst_s <= T1_S
        return Reaction(row.id, stands_on, worst_s, kept, "kept" if kept else "BROKEN")
    words = "NOT FITTED" if row.when is When.NEVER else "drift" if row.needs & SLOW else "each tick"
    return Reaction(row.id, stands_on, None, None, words)


def values(shown: Plan) -> dict[str, Any]:
    """The whole plan as plain values, for --json."""
    wire = shown.wire
    return {
        "name": shown.name,
        "kind": shown.kind,
        "baud": wire.baud,
        "tick_s": wire.tick_s,
        "turnaround_s": wire.turnaround_s,
        "together_with": shown.partner,
        "polls": [
            {
                "name": poll.name, "every_s": poll.every_s, "sends_b": poll.sends_b, "answers_b": poll.answers_b,
                "turnaround_s": poll.turnaround_s, "takes_s": poll.takes_s(wire.baud),
            }
            for poll in shown.polls
        ],
        "worst_age_s": shown.worst_age_s,
        "off_s": shown.off_s,
        "t1_s": T1_S,
        "rules": [
            {"rule": each.rule, "stands_on": each.stands_on, "worst_s": each.worst_s, "kept": each.kept, "words": each.words}
            for each in reactions(shown)
        ],
        "bench_only_because": list(shown.capabilities.clinical()),
        "refused_because": list(unfit(shown.capabilities, shown.unit_baud)),
    }  # fmt: skip


def show(name: str, baud: int | None, tick_hz: float, turnaround_ms: float, as_json: bool) -> None:
    """Print the plan of one driver."""
    shown = plan(name, baud, tick_hz, turnaround_ms)
    if as_json:
        print(json.dumps(values(shown)))
        return
    console = Console()
    wire = shown.wire
    console.print(
        f"{shown.name}, {shown.kind}, on {wire.words}: tick {_ms(wire.tick_s)}, turnaround {_ms(wire.turnaround_s)}",
        style="bold", highlight=False,
    )  # fmt: skip
    console.print(_polls(shown))
    console.print(_ages(shown))
    console.print(f"\nRules that end a beam, on a rig of {shown.name} and {shown.partner}:", highlight=False)
    console.print(_rules(shown))
    for line in verdict(shown):
        console.print(line, highlight=False)


def verdict(shown: Plan) -> tuple[str, ...]:
    """In words: is T1 kept, and what to do first where it is not."""
    told = (
        "each tick: stands on nothing that is polled. drift: guards a slow change, not an event; T1 is not asked of it. "
        "NOT FITTED: a rig with this unit does not have what the rule stands on; it is asked at no moment."
    )
    lacks = shown.capabilities.clinical()
    bench = (f"For the bench only, whatever the line: such a rig lacks {', '.join(lacks)}.",) if lacks else ()
    never = unfit(shown.capabilities, shown.unit_baud)
    refused = (f"A rig like this is refused: {'; '.join(never)}. First: raise rig.tick_hz, or use a faster line.",)
    return (told, *_verdict(shown), *bench, *(refused if never else ()))


def _verdict(shown: Plan) -> tuple[str, ...]:
    rows = [each for each in reactions(shown) if each.kept is not None]
    broken = [each for each in rows if not each.kept]
    if not broken:
        return (f"T1 = {_ms(T1_S)} is kept by all {len(rows)} rules.",)
    worst_s = max(each.worst_s or 0.0 for each in broken)
    wire = shown.wire
    rate = kept_from_hz(shown.name, wire.baud, wire.turnaround_s * 1000.0, 1.0 / wire.tick_s)
    first = "use a faster line, or a device that answers sooner" if rate is None else f"a loop of {rate:g} Hz keeps it"
    return (
        f"T1 = {_ms(T1_S)} is broken by {len(broken)} of {len(rows)} rules, the worst is {worst_ms(worst_s)}.",
        f"A rig like this is for the bench: clinical = true is refused. First: {first}.",
    )


def kept_from_hz(name: str, baud: int | None, turnaround_ms: float, above_hz: float = 0.0) -> float | None:
    """The slowest usual rate of the loop, above this one, at which no rule breaks T1; None if none does."""
    for rate in RATES_HZ:
        if rate > above_hz and all(each.kept is not False for each in reactions(plan(name, baud, rate, turnaround_ms))):
            return rate
    return None


def worst_ms(seconds: float) -> str:
    """A worst case, rounded up: one that is over its bound never reads as being on it."""
    return f"{math.ceil(seconds * 1000 - 1e-6)} ms"


def _polls(shown: Plan) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("it reads", "how often"):
        table.add_column(head, overflow="fold")
    for head in ("bytes there", "back", "on the wire", "with turnaround"):
        table.add_column(head, justify="right")
    for poll in shown.polls:
        baud = shown.wire.baud
        on_wire_s = BITS_A_CHARACTER * (poll.sends_b + poll.answers_b) / baud if baud else None
        table.add_row(
            poll.name,
            f"every {poll.every_s:g} s" if poll.every_s else "in turn",
            str(poll.sends_b),
            str(poll.answers_b),
            "-" if on_wire_s is None else _ms(on_wire_s, 1),
            _ms(poll.takes_s(baud), 1),
        )
    return table


def _ages(shown: Plan) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("value")
    table.add_column("oldest it may get", justify="right")
    for value, age_s in shown.worst_age_s.items():
        table.add_row(value, worst_ms(age_s))
    table.add_row("an off waits at most", _ms(shown.off_s, 1))
    return table


def _rules(shown: Plan) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("rule", no_wrap=True)
    table.add_column("stands on", overflow="fold")
    table.add_column("worst", justify="right", no_wrap=True)
    table.add_column("T1")
    for each in reactions(shown):
        worst = "-" if each.worst_s is None else worst_ms(each.worst_s)
        stands_on = ", ".join(each.stands_on) or "-"
        table.add_row(each.rule, stands_on, worst, each.words, style="bold red" if each.kept is False else "")
    return table


def _ms(seconds: float, digits: int = 0) -> str:
    return f"{seconds * 1000:.{digits}f} ms"


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigurationError(f"{key} {value:g} is outside {low:g} to {high:g}; first: correct it")


def _rig(name: str, link: str, wire: Wire, unit: str, unit_link: str, unit_baud: int) -> RigConfig:
    """A rig for the arithmetic: full scales and serial number have no part in it."""
    return RigConfig(
        "plan", False, name, link, wire.baud, "-", 100.0, 4.0, wire.turnaround_s, unit, unit_link, unit_baud, "-", 1, wire.tick_s
    )  # fmt: skip
