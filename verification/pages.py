"""`python -m verification.pages [--check]`: writes the parts of docs/ that are made from code, between their markers, or says which are out of date.
It knows where each part stands and which table it comes from; the words beside the tables are verification/rule_words.py."""

from __future__ import annotations

import os
import re
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import annotated_types
import msgspec
import typer.main
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from calibration.dosimetry.tables import B_W, MU_RATIO
from console import configuration, screen
from console.cli import GROUP, build
from console.dicom import block as private_block
from console.exit_codes import WORDS, Exit
from console.prescription import PrescriptionFile
from console.reports.codes import load_codes
from console.reports.lacks import LACKS
from console.rig_file import RigFile
from console.run import capabilities_of, rig_config
from controller.states import EXPIRES_S, TRANSITIONS, Event, State
from hal import registry
from hal.machine import ALL_FITTED
from interlocks.contact_rules import CONTACT_RULES
from interlocks.dose_rules import DOSE_RULES
from interlocks.generator_rules import GENERATOR_RULES
from interlocks.house_rules import HOUSE_RULES
from interlocks.limits import ABSOLUTE
from interlocks.rule import Rule
from interlocks.rules import SOURCES, TABLE, Rules, level, reaction_s
from interlocks.unit_rules import UNIT_RULES
from interlocks.words import Trip
from simulators import beams, blunders, faults, published, terms
from simulators import wire_faults as wire_tamperings
from verification import (
    access_page,
    day_page,
    diagram,
    faults_page,
    invariants_page,
    rule_words,
    scenarios,
    threats,
    trips_page,
)
from verification.barriers import barriers_table
from verification.calibration_refusals import REFUSALS
from verification.golden import GOLDEN
from verification.hazard_page import hazard_link, hazards_table, standing_open, test_link
from verification.hazards_of_accidents import ACCIDENTS, THERAC
from verification.hazards_of_incidents import INCIDENTS
from verification.hazards_of_machine import DESIGN, ENGINEERING, FAULTS

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
EXAMPLE: Final = ROOT / "examples" / "rig.toml"
BLOCK: Final = re.compile(r"<!-- made from code: ([a-z-]+) -->\n.*?<!-- end of \1 -->\n", re.DOTALL)

Rows = list[tuple[str, ...]]


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table; a bar in a cell is escaped."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def states_picture() -> str:
    """The drawn table, and in words what its marks and short names stand for."""
    same = [
        f"- mark {letter}: {', '.join(event.name for event in events)} to {to.name}, from "
        f"{', '.join(state.name for state in State if letter in diagram.marked(state))}\n"
        for letter, to, events, _ in diagram.MARKS
    ]
    groups = [f"- *{name}*: {', '.join(member.name for member in members)}\n" for name, members in diagram.GROUPS]
    return f"![The states of one exposure](pictures/{diagram.PICTURE.name})\n\n" + "".join((*groups, *same))


def states_table() -> str:
    """State by state: what it is, what is wanted of the machine, how long it may last."""
    rows: Rows = []
    for state in State:
        what, wanted = rule_words.STATES[state]
        lasts = f"{EXPIRES_S[state]:g} s" if state in EXPIRES_S else ""
        rows.append((state.name, what, screen.STATES[state.value][0], wanted, lasts))
    return table(("state", "what it is", "on the screen", "wanted of the machine", "lasts at most"), rows)


def transitions_table() -> str:
    """Every state times every event; an empty cell is IGNORE, written out in the code."""
    rows: Rows = []
    for event in Event:
        if event is Event.NONE:
            continue
        cells = (TRANSITIONS[state][event] for state in State)
        rows.append((f"{event.value}", f"**{event.name}**", *(to.name if to is not None else "" for to in cells)))
    return table(("", "event", *(f"in {state.name}" for state in State)), rows)


def events_table() -> str:
    """Each event in words."""
    return table(
        ("", "event", "what it means"),
        [(str(event.value), event.name, rule_words.EVENTS[event]) for event in Event if event is not Event.NONE],
    )


def example_rules() -> tuple[Rules, dict[str, float]]:
    """The rules levelled to the poll plan of examples/rig.toml, and their worst reactions in s."""
    rig = configuration.load(EXAMPLE, os.getuid())
    config = rig_config(rig)
    capabilities = capabilities_of(rig, config, configuration.site_key(rig))
    rules = level(capabilities, config.tick_s)
    return rules, reaction_s(rules, capabilities)


RULE_HEADS: Final = (
    "rule, hazards",
    "it asks, and what to do first when it is not true",
    "asked",
    "stands on",
    "not true for",
    "not true means",
    "cleared by",
    "reaction",
)


def rules_table(rows: tuple[Rule, ...]) -> str:
    """One theme's rules."""
    rules, worst = example_rules()
    return table(RULE_HEADS, [_rule(row, rules, worst) for row in rows])


def _rule(row: Rule, rules: Rules, worst: dict[str, float]) -> tuple[str, ...]:
    needs = [name for bit, name in SOURCES if row.needs & bit]
    bound = rules.stale_after(row)
    stands = f"{', '.join(needs)}; {1000 * bound:.0f} ms" if bound is not None else "-"
    lasts = f"{1000 * row.persists_for_s:.0f} ms" if row.persists_for_s else "at once"
    lasts += ", or swinging" if row.swings else ""
    waits = [name for bit, name in SOURCES if row.waits_for & bit]
    if waits:
        lasts += f"; in beam once {' and '.join(waits)} came later"
    does = [words for holds, words in ((row.blocks_start, "no start"), (row.while_beam, "beam off")) if holds]
    means = f"{' and '.join(does)}: {row.trip.name}"
    if row.needs and row.stale_trip is not row.trip:
        means += f"; too old: {row.stale_trip.name}"
    at_s = worst.get(row.id)
    return (
        f'<a id="{row.id}"></a>`{row.id}`<br>{", ".join(hazard_link(hazard) for hazard in row.hazards)}',
        f"{rule_words.QUESTIONS[row.id]}<br>*First:* {row.first}",
        rule_words.WHEN[row.when],
        stands,
        lasts,
        means,
        rule_words.CLEARED_BY[row.clears],
        f"{1000 * at_s:.0f} ms" if at_s is not None else "-",
    )


def trips_table() -> str:
    """What each trip makes of an exposure, by the table of states."""
    rows: Rows = []
    for trip in Trip:
        event = Event[trip.name]
        beam = TRANSITIONS[State.IRRADIATING][event]
        ready = TRANSITIONS[State.READY][event]
        rules = ", ".join(
            f"`{row.id}`" for row in TABLE if trip in (row.trip, row.stale_trip) and (row.needs or row.trip is trip)
        )
        if trip is Trip.TRIP_STOP:
            rules = "the rest, and every reading that is too old and is no link's own"
        rows.append((trip.name, rule_words.EVENTS[event], _to(ready), _to(beam), rules))
    return table(("trip", "what it means", "in READY leads to", "in beam leads to", "rules"), rows)


def _to(state: State | None) -> str:
    return state.name if state is not None else "ignored"


def limits_table() -> str:
    """The bounds that no file widens."""
    return table(("limit", "value"), [(name, f"{value:g}") for name, value in msgspec.structs.asdict(ABSOLUTE).items()])


def exit_codes() -> str:
    return table(("code", "name", "what it says"), [(str(int(code)), code.name, WORDS[code]) for code in Exit])


def commands() -> str:
    """Every command with its arguments and options, as the command line itself knows them."""
    parts = []
    for name, command in _commands():
        usage = " ".join(["kerma", name, *(_usage(param) for param in command.params)]).rstrip()
        parts.append(f"### `kerma {name}`\n\n{_line(command.help)}\n\n```\n{usage}\n```\n")
        options = [
            (f"`{', '.join(param.opts)}`" if _is_option(param) else f"`{param.metavar or param.name.upper()}`", _line(param.help), _default(param))
            for param in command.params
        ]  # fmt: skip
        if options:
            parts.append(table(("", "", "if left out"), options))
    return "\n".join(parts)


def _commands() -> Iterator[tuple[str, Any]]:
    """Each command with its click form; those of other rooms are built one by one, as the command line does."""
    top: Any = typer.main.get_command(build([GROUP]))
    names = list(getattr(typer.main.get_command(build(["--help"])), "commands", {}))
    for name in names:
        command = top.commands.get(name)
        if command is None:
            command = _other(name)
        inner = getattr(command, "commands", None)
        if inner is None or command.params:
            yield name, command
        for sub, subcommand in (inner or {}).items():
            yield f"{name} {sub}", subcommand


def _other(name: str) -> Any:
    built: Any = typer.main.get_command(build([name]))
    return built.commands[name]


def _is_option(param: Any) -> bool:
    return bool(param.opts[0].startswith("-"))


def _usage(param: Any) -> str:
    word = param.metavar or param.name.rstrip("_").upper()
    if _is_option(param):
        word = param.opts[0] if getattr(param, "is_flag", False) else f"{param.opts[0]} {word}"
    return word if param.required else f"[{word}]"


def _default(param: Any) -> str:
    if param.required:
        return "needed"
    if param.default in (None, "", False):
        return ""
    return f"{param.default}"


def _line(words: str | None) -> str:
    return " ".join((words or "").split())


def keys(model: type[BaseModel]) -> str:
    """Every table of a file of people: key, type, bounds, what to write; the unit stands in the key's name."""
    parts = []
    for name, field in model.model_fields.items():
        inner = _model_of(field)
        needed = "" if field.is_required() else " (may be left out)"
        parts.append(f"**[{name}]**{needed}: {_line((inner.__doc__ or '').partition(': ')[2])}\n")
        parts.append(
            table(
                ("key", "form", "bounds", "if left out", "what to write"),
                [_key(*pair) for pair in inner.model_fields.items()],
            )
        )
    return "\n".join(parts)


def _model_of(field: FieldInfo) -> type[BaseModel]:
    kinds = (field.annotation, *get_args(field.annotation))
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))


def _key(name: str, field: FieldInfo) -> tuple[str, ...]:
    default = "needed" if field.is_required() else "-" if field.default is None else f"`{_toml(field.default)}`"
    return (
        f"`{name}`",
        _form(field.annotation),
        _bounds(field),
        default,
        (field.description or "").removeprefix("write "),
    )


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _form(kind: Any) -> str:
    names = {float: "number", int: "whole number", str: "text", bool: "true or false"}
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in get_args(kind))
    if get_origin(kind) is list:
        return "list of texts"
    if get_origin(kind) is types.UnionType:
        kind = next(part for part in get_args(kind) if part is not type(None))
    return names.get(kind, "text")


def _bounds(field: FieldInfo) -> str:
    words = []
    for rule in field.metadata:
        match rule:
            case annotated_types.Ge(ge=bound):
                words.append(f"at least {bound}")
            case annotated_types.Gt(gt=bound):
                words.append(f"more than {bound}")
            case annotated_types.Le(le=bound):
                words.append(f"at most {bound}")
            case annotated_types.MinLen(min_length=bound):
                words.append(f"at least {bound} long")
            case annotated_types.MaxLen(max_length=bound):
                words.append(f"at most {bound} long")
            case _ if getattr(rule, "pattern", None):
                words.append(f"`{rule.pattern}`")
    return ", ".join(words) or "-"


def fault_names() -> str:
    return table(("fault", "what it does"), [(f"`{name}`", fault.words) for name, fault in faults.TABLE.items()])


def wire_faults() -> str:
    """The tamperings: fault id, name behind generator-wire- and unit-wire-, words, and the frames they can be done to."""
    frames = {
        frozenset({"rtu", "tcp"}): "Modbus",
        frozenset({"comma", "rtu"}): "with a checksum",
        frozenset({"tcp"}): "Modbus TCP",
    }
    rows = [
        (row.ids, f"`{row.name}`", row.words, frames.get(row.on, "any")) for row in wire_tamperings.TAMPERINGS.values()
    ]
    return table(("id", "name", "what happens", "frames"), rows)


def scenario_names() -> str:
    return table(
        ("scenario", "what happens", "how it must end"),
        [
            (f"`{s.name}`", s.words, f"{' or '.join(s.expected.states)}, by {' or '.join(s.expected.events)}")
            for s in scenarios.SCENARIOS
        ],
    )


def tube_beams() -> str:
    """The simulated tubes' beams: layers and output by the grid that they use, mean energy as the spectrum program said it."""
    grid = beams.kermas()
    rows = []
    for row in beams.beams():
        kv, al_mm = row.kv, row.added_al_mm
        output = grid.at(kv, al_mm)
        near = (f"{output * 60e-6 * (1000.0 / mm) ** 2:.2f}" for mm in (150, 60, 40))
        halves = f"{grid.hvl1_mm_al(kv, al_mm):.3f}", f"{grid.hvl2_mm_al(kv, al_mm):.3f}"
        rows.append((f"{kv:g} kV", f"{al_mm:.2f}", *halves, f"{row.e_mean_kev:.1f}", f"{output:.1f}", *near))
    heads = ("beam", "added mm Al", "HVL 1, mm Al", "HVL 2, mm Al", "mean keV", "uGy/mAs at 1 m")
    return table((*heads, "Gy/min per mA at 150 mm", "at 60 mm", "at 40 mm"), rows)


def published_machines() -> str:
    """Published output against the table's, with the one scale that is free."""
    scale = published.scale(published.FIGURES)
    rows = []
    for row in published.FIGURES:
        made = row.from_table() * scale
        said = f"{row.gy_per_min:g}", f"{made:.2f}", f"{100.0 * (made / row.gy_per_min - 1.0):+.1f} %"
        rows.append((row.machine, row.beam, *said, row.assumed, row.source))
    heads = ("machine", "beam", "published Gy/min", f"table x {scale:.3f}", "difference", "assumed", "source")
    return table(heads, rows)


def terms_rows() -> str:
    """Every unknown term of machine and bench: what it is, how it is distributed, its standard uncertainty."""
    rows = []
    for row in terms.ROWS:
        scale, unit = (100.0, "%") if row.unit == "part" else (1.0, row.unit)
        size = (
            f"{row.low * scale:g} to {row.size * scale:g}"
            if row.low or row.distribution == terms.BETWEEN
            else f"{row.size * scale:g}"
        )
        rows.append(
            (
                f"`{row.name}`",
                row.words,
                row.distribution,
                f"{size} {unit}",
                f"{row.u_k1() * scale:.3g}",
                row.budget or "-",
            )
        )
    return table(("term", "what is not known", "distribution", "size", "k = 1", "budget"), rows)


def blunders_rows() -> str:
    return table(
        ("blunder", "hazard", "what happens"),
        [(f"`{name}`", row.hazard, row.words) for name, row in blunders.BLUNDERS.items()],
    )


def not_fitted() -> str:
    """Which rules are asked at no moment on a rig with each safety unit that lacks something."""
    rows = []
    for name in registry.names(registry.SAFETY_UNITS):
        driver = registry.safety_unit(name)
        for part in ALL_FITTED & ~driver.fitted:
            rules = ", ".join(f"`{row.id}`" for row in TABLE if row.stands_on & part)
            rows.append((f"`{name}`", (part.name or "?").lower().replace("_", " "), rules))
    return table(("unit", "not fitted", "rules that are NOT FITTED"), rows)


def golden() -> str:
    """E1 to E15: what is printed in the design, what the program makes of it, and by which functions."""
    rows = [
        (row.name, row.printed, f"{row.value:.9g}", ", ".join(f"`{name}`" for name in row.functions)) for row in GOLDEN
    ]
    return table(("example", "printed", "worked out", "by"), rows)


def backscatter() -> str:
    """The table of the in-air method by HVL: field diameter and SSD across, mm."""
    fields = [(d, ssd) for d, ssds in B_W[0.5].items() for ssd in ssds]
    rows = [(f"{hvl:g}", *(f"{B_W[hvl][d][ssd]:.3f}" for d, ssd in fields), f"{ratio:.3f}") for hvl, ratio in MU_RATIO]
    heads = ("HVL, mm Al", *(f"d {d:g}, SSD {ssd:g} mm" for d, ssd in fields), "mu_en/rho water to air")
    return table(heads, rows)


def refused_in_calibration() -> str:
    """Each refusal of a calibration, its hazards and the tests that are named after them."""
    rows = [
        (row.where, row.what, ", ".join(map(hazard_link, row.hazards)), "<br>".join(map(test_link, row.tests)))
        for row in REFUSALS
    ]
    return table(("in", "refused", "hazard", "shown by"), rows)


MADE: Final[dict[str, Callable[[], str]]] = {
    "calibration-refusals": refused_in_calibration,
    "records-lack": lambda: table(("not held", "what is"), [(one.field, one.words) for one in LACKS]),
    "dicom-private": lambda: table(
        ("element", "VR", "name", "what"),
        [
            (f"({private_block.GROUP:04X},xx{at:02X})", vr, name, words)
            for name, (at, vr, words) in private_block.PRIVATE.items()
        ],
    ),
    "procedure-codes": lambda: table(
        ("code", "for", "once for each", "kV", "from", "until", "to verify"),
        [
            (
                f"{row.system} {row.code}",
                row.words,
                row.once_per,
                f"above {row.kv_above:g} to {row.kv_to:g}",
                row.valid_from,
                row.valid_until or "-",
                row.verify or "-",
            )
            for row in load_codes()
        ],
    ),
    "invariants": lambda: table(
        ("id", "name", "what must hold", "judged by", "what it lets pass", "asked live"),
        invariants_page.invariants_table(),
    ),
    "barriers": lambda: table(("barrier", "what breaks", "in", "must have acted within"), barriers_table()),
    "not-asked-live": lambda: table(("id", "why not"), invariants_page.not_asked_table()),
    "monitored": lambda: table(("id", "what each look is asked"), invariants_page.monitored_table()),
    "states-picture": states_picture,
    "states-table": states_table,
    "transitions-table": transitions_table,
    "events-table": events_table,
    "trips-table": trips_table,
    "contact-rules": lambda: rules_table(CONTACT_RULES),
    "generator-rules": lambda: rules_table(GENERATOR_RULES),
    "unit-rules": lambda: rules_table(UNIT_RULES),
    "dose-rules": lambda: rules_table(DOSE_RULES),
    "house-rules": lambda: rules_table(HOUSE_RULES),
    "therac-hazards": lambda: hazards_table(THERAC),
    "accident-hazards": lambda: hazards_table(ACCIDENTS),
    "incident-hazards": lambda: hazards_table(INCIDENTS),
    "engineering-hazards": lambda: hazards_table(ENGINEERING),
    "design-hazards": lambda: hazards_table(DESIGN),
    "fault-hazards": lambda: hazards_table(FAULTS),
    "fault-ids": lambda: table(faults_page.HEADS, faults_page.fault_rows()),
    "hazards-open": standing_open,
    "threats": lambda: threats.table(threats.THREATS),
    "operator-faults": lambda: threats.table(threats.OPERATORS),
    "threats-open": threats.standing_open,
    "access-table": lambda: table(*access_page.access_table()),
    "access-states": lambda: table(*access_page.groups_table()),
    "trip-outcomes": lambda: table(*trips_page.outcomes()),
    "trip-rules": lambda: table(*trips_page.rules()),
    "trip-causes": lambda: table(*trips_page.causes()),
    "trip-own": lambda: table(*trips_page.own()),
    "trip-events": lambda: table(*trips_page.events()),
    "trip-refusals": lambda: table(*trips_page.refused()),
    "limits-table": limits_table,
    "exit-codes": exit_codes,
    "commands": commands,
    "rig-keys": lambda: keys(RigFile),
    "prescription-keys": lambda: keys(PrescriptionFile),
    "faults-table": fault_names,
    "wire-faults-table": wire_faults,
    "scenarios-table": scenario_names,
    "tube-beams": tube_beams,
    "published-machines": published_machines,
    "terms-table": terms_rows,
    "blunders-table": blunders_rows,
    "not-fitted": not_fitted,
    "golden": golden,
    "day-ladder": lambda: table(*day_page.ladder()),
    "day-items": lambda: table(*day_page.items()),
    "day-binding": lambda: table(*day_page.binding()),
    "periodic-tests": lambda: table(*day_page.periodic()),
    "commissioning-items": lambda: table(*day_page.commissioned()),
    "backscatter": backscatter,
}
"""Every part that is made from code, by the name in its markers."""


def made(text: str) -> str:
    """The page with each of its parts made anew; KeyError names a part that nobody makes."""
    return BLOCK.sub(
        lambda block: f"<!-- made from code: {block[1]} -->\n{MADE[block[1]]()}<!-- end of {block[1]} -->\n", text
    )


def parts_of(text: str) -> tuple[str, ...]:
    """The names of a page's parts."""
    return tuple(block[1] for block in BLOCK.finditer(text))


def main(arguments: list[str]) -> int:
    """Write every page anew, or with --check only say which differ (exit 1)."""
    check, differ = "--check" in arguments, []
    for page in sorted(DOCS.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = made(before)
        if after != before:
            differ.append(str(page.relative_to(ROOT)))
            if not check:
                page.write_text(after, encoding="utf-8")
    sys.stdout.write("".join(f"{name}: {'out of date' if check else 'written'}\n" for name in differ))
    return int(check and bool(differ))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
