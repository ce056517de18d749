"""Every known hazard with its requirement, what answers it and the tests that show it: the tables joined, and checked against the code.
It judges no answer's worth; it finds what is linked to nothing, and what is linked to something that is not there."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from controller.self_test import UNIT_TESTS
from controller.states import TRANSITIONS, Event, State
from hal.readings import Cause
from interlocks.limits import BOUNDS
from interlocks.rule import Rule
from interlocks.rules import TABLE
from interlocks.words import Limits
from verification.hazard import Hazard
from verification.hazards_of_accidents import ACCIDENTS, THERAC
from verification.hazards_of_incidents import INCIDENTS
from verification.hazards_of_machine import DESIGN, ENGINEERING, FAULTS
from verification.incidents.table import INCIDENTS as PLAYED
from verification.scenarios import SCENARIOS

ROOT: Final = Path(__file__).resolve().parent.parent
HAZARDS: Final[tuple[Hazard, ...]] = (*THERAC, *ACCIDENTS, *INCIDENTS, *ENGINEERING, *DESIGN, *FAULTS)
RULES: Final = {row.id: row for row in TABLE}
INCIDENT_SCENARIOS: Final = {
    one.name: (f"{one.play.__module__.replace('.', '/')}.py", one.play.__name__) for one in PLAYED
}
"""Names that `kerma incidents` plays; of each the file and the function that does."""

ROOMS: Final = (
    "hal",
    "interlocks",
    "controller",
    "calibration",
    "records",
    "console",
    "simulators",
    "verification",
    "tests",
)
NAMED: Final = re.compile(r"\b(?:Therac|accident|engineering|design|fault)-[A-Z][0-9]+b?\b")


@cache
def functions_of(path: str) -> Mapping[str, int]:
    """Every function, class and assigned name of a Python file of this repository with its line, methods as Class.method; empty when there is no such file."""
    file = ROOT / path
    if not file.is_file():
        return {}
    return dict(_names(ast.parse(file.read_text(encoding="utf-8")).body, ""))


def _names(body: Iterable[ast.stmt], inside: str) -> Iterator[tuple[str, int]]:
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield inside + name, node.lineno
            case ast.ClassDef(name=name, body=inner):
                yield inside + name, node.lineno
                yield from _names(inner, f"{inside}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield inside + name, node.lineno


def _rule(name: str) -> str:
    return "" if name in RULES else "no rule has this id"


def _cell(name: str) -> str:
    state, _, event = name.partition("*")
    if state not in State.__members__ or event not in Event.__members__:
        return "no state or no event of this name"
    return "" if Event[event] in TRANSITIONS[State[state]] else "the table of states has no such cell"


def _limit(name: str) -> str:
    return "" if name in Limits.__struct_fields__ or name in BOUNDS else "no limit has this name"


def _unit(name: str) -> str:
    return "" if name in Cause.__members__ else "no cause of the safety unit has this name"


def _test_of_unit(name: str) -> str:
    return "" if name.replace("-", " ") in UNIT_TESTS else "the safety unit has no such self-test"


def _code(name: str) -> str:
    path, _, inside = name.partition("::")
    return "" if inside in functions_of(path) else "no such file, or nothing of this name in it"


def _page(name: str) -> str:
    return "" if (ROOT / "docs" / name.partition("#")[0]).is_file() else "no such page"


ANSWERS: Final[dict[str, Callable[[str], str]]] = {
    "rule": _rule,
    "cell": _cell,
    "limit": _limit,
    "unit": _unit,
    "unit-test": _test_of_unit,
    "code": _code,
    "page": _page,
}
"""What may answer a hazard, by the word before the colon: each says what is wrong with a name, nothing when it is there."""


def test_wrong(name: str) -> str:
    """Why a test's node id, or a scenario of the demonstration, is none; empty when it is one."""
    if name.startswith("demo:"):
        return "" if name.removeprefix("demo:") in {s.name for s in SCENARIOS} else "no scenario of this name"
    path, _, node = name.partition("::")
    function = node.replace("::", ".")
    named = function.rpartition(".")[2].startswith("test_")
    return "" if named and function in functions_of(f"tests/{path}") else "no such test"


def wrong_with(row: Hazard) -> Iterator[str]:
    """What is wrong with one row."""
    if not row.answers and not row.who and not row.stands_open:
        yield f"{row.id}: linked to nothing; first: name what answers it, who must, or that it stands open"
    if row.answers and not row.tests:
        yield f"{row.id}: answered, and no test shows it; first: name the test"
    for answer in row.answers:
        kind, _, name = answer.partition(":")
        wrong = ANSWERS[kind](name) if kind in ANSWERS else f"{kind!r} is none of {', '.join(ANSWERS)}"
        if wrong:
            yield f"{row.id}: {answer}: {wrong}"
    for test in row.tests:
        wrong = test_wrong(test)
        if wrong:
            yield f"{row.id}: {test}: {wrong}"
    if row.scenario and row.scenario not in INCIDENT_SCENARIOS:
        yield f"{row.id}: the scenario {row.scenario!r} does not exist"


def wrong(rows: tuple[Hazard, ...] = HAZARDS, rules: tuple[Rule, ...] = TABLE) -> list[str]:
    """Everything that is wrong with these rows, and between them and the rules that name them."""
    found = [words for row in rows for words in wrong_with(row)]
    by_id = {row.id: row for row in rows}
    anchors = [row.anchor for row in rows]
    found += [f"the anchor {anchor} stands twice" for anchor in sorted({a for a in anchors if anchors.count(a) > 1})]
    for rule in rules:
        for hazard in rule.hazards:
            if hazard not in by_id:
                found.append(f"the rule {rule.id} names {hazard}, which no row holds")
            elif f"rule:{rule.id}" not in by_id[hazard].answers:
                found.append(f"the rule {rule.id} names {hazard}, whose row does not name the rule")
    return found


def wrong_in_words(rows: tuple[Hazard, ...] = HAZARDS) -> list[str]:
    """Hazards that a comment or a docstring of the program names and no row holds."""
    ids, found = {row.id for row in rows}, []
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            named = set(NAMED.findall(file.read_text(encoding="utf-8"))) - ids
            found += [f"{file.relative_to(ROOT)} names {hazard}, which no row holds" for hazard in sorted(named)]
    return found


def main(arguments: list[str]) -> int:
    """`python -m verification.hazards --check`: exit 1 with every wrong link, else the number of rows."""
    found = [*wrong(), *wrong_in_words()]
    for words in found:
        sys.stdout.write(f"hazards: {words}\n")
    if "--check" not in arguments:
        sys.stdout.write("".join(f"{row.id}: {row.what}\n" for row in HAZARDS))
    if not found:
        open_rows = sum(1 for row in HAZARDS if row.stands_open)
        sys.stdout.write(f"hazards: {len(HAZARDS)} rows, every link leads somewhere; {open_rows} stand open in part\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
