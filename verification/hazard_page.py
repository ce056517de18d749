"""The hazard tables as docs/hazards.md shows them: each answer and each test a link to its line, each row an anchor that other pages lead to.
It checks no link and holds no row; verification/hazards.py does the one, the tables of its neighbours are the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from controller.states import TRANSITIONS, Event, State
from verification.hazard import Hazard
from verification.hazards import HAZARDS, INCIDENT_SCENARIOS, functions_of

HEADS: Final = ("hazard", "what can go wrong, and what must hold", "answered by", "shown by")
PLAYS: Final = "verification/incidents/table.py"
_ANCHORS: Final = {row.id: row.anchor for row in HAZARDS}


def at_line(path: str, name: str) -> str:
    """Where this name of a Python file begins, as a page of docs/ links it; the line is looked up by the name, so that a page that is made anew is never a
    line behind its file. A file without such a name is linked without a line: verification/hazards.py says what is wrong with it."""
    line = functions_of(path).get(name)
    return f"../{path}" + (f"#L{line}" if line is not None else "")


def hazard_link(name: str) -> str:
    """A hazard's id, leading to its row."""
    return f"[{name}](hazards.md#{_ANCHORS[name]})" if name in _ANCHORS else name


def hazards_table(rows: Sequence[Hazard]) -> str:
    """One list of hazards."""
    return linked(HEADS, rows)


def linked(heads: tuple[str, ...], rows: Sequence[Hazard]) -> str:
    """Rows under these heads, every answer and test a link; a bar in a cell is escaped."""
    lines = [heads, tuple("---" for _ in heads), *(_line(row) for row in rows)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def standing_open() -> str:
    """What no part of the program does yet, by hazard."""
    return "".join(f"- {hazard_link(row.id)}: {row.stands_open}\n" for row in HAZARDS if row.stands_open)


def _line(row: Hazard) -> tuple[str, ...]:
    answers = [_answer(*answer.split(":", 1)) for answer in row.answers]
    if row.who:
        answers.append(f"*people:* {row.who}")
    if row.stands_open:
        answers.append(f"**stands open:** {row.stands_open}")
    shown = [test_link(test) for test in row.tests]
    if row.scenario:
        play = at_line(*INCIDENT_SCENARIOS.get(row.scenario, (PLAYS, "")))
        shown.append(f"[`kerma incidents {row.scenario}`](command-line.md#kerma-incidents), which plays [this]({play})")
    return (
        f'<a id="{row.anchor}"></a>{row.id}',
        f"{row.what}<br>*It must hold:* {row.shall}",
        "<br>".join(answers),
        "<br>".join(shown) or "-",
    )


def _answer(kind: str, name: str) -> str:
    match kind:
        case "rule":
            return f"rule [`{name}`](interlocks.md#{name})"
        case "cell":
            state, _, event = name.partition("*")
            to = TRANSITIONS[State[state]][Event[event]]
            leads = f"leads to {to.name}" if to is not None else "changes nothing"
            return f"state: in {state} [{event}](states.md#every-state-every-event) {leads}"
        case "limit":
            return f"limit [`{name}`](command-line.md#the-rig-file)"
        case "unit":
            return f"safety unit alone: [{name}](safety-unit.md#7-what-the-unit-does-alone)"
        case "unit-test":
            return f"safety unit's self-test: [{name}](safety-unit.md#self-tests)"
        case "code":
            path, _, inside = name.partition("::")
            return f"[{path} `{inside}`]({at_line(path, inside)})"
    return f"[{name}]({name})"


def test_link(test: str) -> str:
    """A test's words, leading to its line; a scenario of the demonstration, leading to its list."""
    if test.startswith("demo:"):
        name = test.removeprefix("demo:")
        return f"[`kerma demo --scenario {name}`](simulators.md#scenarios)"
    path, _, node = test.partition("::")
    function = node.replace("::", ".")
    words = function.rpartition(".")[2].removeprefix("test_").replace("_", " ")
    return f"[{words}]({at_line(f'tests/{path}', function)})"
