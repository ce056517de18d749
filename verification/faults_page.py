"""Every fault id of the fault model as docs/hazards.md shows it: what breaks, how it is injected, how long a beam may last, who is to notice, what shows it.
It injects and judges nothing; ids, bounds and who may be first are those of verification/fault_ids.py, by which the matrix judges."""

from __future__ import annotations

import fnmatch
from typing import Final

from controller.states import State
from verification.fault_ids import FAULT_IDS, FIRST, SHOWN_BY
from verification.hazard_page import hazard_link, test_link
from verification.hazards import HAZARDS, RULES
from verification.injections import Injection
from verification.matrix import cells

HEADS: Final = (
    "id",
    "what breaks",
    "injected as",
    "in",
    "a beam ends within",
    "who asks about it, or may be first to notice it in beam",
    "shown by",
)
MOST_NAMED: Final = 8
"""More injections than this are not written out: they are one thing at each place of a tick, or of a kind."""
_ROWS: Final = {row.id: row for row in HAZARDS}
WHAT: Final[dict[str, str]] = {
    "L1": "a reply is lost, once",
    "L4": "a reply comes in parts, joined with another one, or ends too early",
    "L5": "a reply comes twice",
    "L6": "a reply comes after nobody waits for it any more",
    "L9": "a reply of another device, or to another kind of request",
    "L11": "the wire echoes what was sent",
    "L13": "a write blocks: the device no longer reads",
    "L14": "noise before, after and between frames, a break, a wrong baud rate",
    "L15": "a second process opens the port",
    "M1": "Modbus exceptions, those that exist and others",
    "M4": "a frame that never ends, or comes a byte a second",
    "M5": "a transaction number of another request, of none, or of the one before",
    "G7": "the generator's read-backs stand still at what was good",
    "G8": "the generator's read-backs show nothing with high voltage on",
    "D5": "a counter wraps, or goes back in beam",
    "I4": "a contact flaps",
    "I7": "a switch moves with the part that it should sense",
    "H4": "the process is killed, at any place of its tick",
    "H5": "one process is dead, the others live",
    "H8": "the process hangs, at any place of its tick",
    "H9": "memory or open files grow without end",
    "S2": "the disk does not answer",
    "S3": "the power goes in the middle of a record",
    "S4": "a certificate or a file of people is corrupt",
    "S5": "a certificate is not signed, or by a stranger",
    "S7": "the database is of a newer program",
    "S8": "the journal is cut off, or a bit of it flips",
    "O1": "a double confirmation, a double press",
    "O3": "STOP and start are hammered",
    "O4": "the computer is switched off and on in the middle of a treatment",
    "O5": "a resume of another patient, dose, applicator or plan",
    "O6": "two consoles at once",
    "O8": "doses that are none",
    "O9": "reset, retest and resume are hammered",
    "O10": "the operator has gone",
    "O11": "the key is left in SERVICE",
    "X5": "the beam lamp is loose",
    "X6": "the safety unit comes back with an empty memory",
    "X7": "K1 hangs as it opens",
    "X9": "the safety unit's count of presses wraps",
    "X10": "the beam-on switch never closes",
    "X11": "the beam lamp is out",
    "X12": "the safety unit's lease never lapses",
    "X13": "the safety unit's mirrors say the contrary",
}
"""In words what breaks by each id that has no row of its own among the hazards; the other ids have that row's words."""


def what_breaks(fault_id: str) -> str:
    """The words of an id. KeyError for one that has none."""
    row = _ROWS.get(f"fault-{fault_id}")
    return row.what if row is not None else WHAT[fault_id]


def fault_rows() -> list[tuple[str, ...]]:
    """One row for each id, in the order of the fault model."""
    return [_row(fault_id, injections) for fault_id, injections in FAULT_IDS.items()]


def _row(fault_id: str, injections: tuple[Injection, ...]) -> tuple[str, ...]:
    name = f"fault-{fault_id}"
    shown = [f"`kerma matrix --only {fault_id}` ({len(cells(fault_id))} cells)"] if injections else []
    return (
        hazard_link(name).replace(f"[{name}]", f"[{fault_id}]") if name in _ROWS else fault_id,
        what_breaks(fault_id),
        _named(injections),
        _states(injections),
        _ends(injections),
        _notices(fault_id, injections),
        "<br>".join((*shown, *(test_link(test.removeprefix("tests/")) for test in SHOWN_BY.get(fault_id, ())))),
    )


def _named(injections: tuple[Injection, ...]) -> str:
    names = [f"`{one.name}`" for one in injections]
    if len(names) > MOST_NAMED:
        names = [*names[: MOST_NAMED // 2], f"and {len(names) - MOST_NAMED // 2} more"]
    return ", ".join(names) or "nothing: no virtual world can show it"


def _states(injections: tuple[Injection, ...]) -> str:
    """In how many of the states at least one of them is played, and in how many the one that is played in the fewest."""
    if not injections:
        return "-"
    some = sum(any(one.applies(at) for one in injections) for at in State)
    least = min(sum(one.applies(at) for at in State) for one in injections)
    return f"{some} of {len(State)} states" + (f", each of them in {least} at least" if least != some else "")


def _ends(injections: tuple[Injection, ...]) -> str:
    """The bounds by which the matrix judges a beam on, and that one may go on where an injection has none."""
    if not injections:
        return "-"
    bounds = sorted({one.off_s for one in injections if one.off_s is not None})
    goes_on = any(one.off_s is None for one in injections)
    if not bounds:
        return "it may go on"
    span = f"{bounds[0]:.2f} s" if len(bounds) == 1 else f"{bounds[0]:.2f} to {bounds[-1]:.2f} s"
    return f"{span}; it may go on with some" if goes_on else span


def _notices(fault_id: str, injections: tuple[Injection, ...]) -> str:
    """The rules that name this fault, and whoever may be first to notice an injection of it; where one that ends a beam is bound to nobody, it says so."""
    row = _ROWS.get(f"fault-{fault_id}")
    rules = [
        name.removeprefix("rule:") for name in (row.answers if row is not None else ()) if name.startswith("rule:")
    ]
    first = [name for one in injections for name in FIRST.get(one.name, ())]
    free = any(one.off_s is not None and one.name not in FIRST for one in injections)
    said = dict.fromkeys(word for name in (*rules, *first) for word in _noticer(name))
    return ", ".join((*said, *(("anybody may be first",) if free else ()))) or "-"


def _noticer(name: str) -> list[str]:
    if name.startswith("unit:"):
        return [f"[`{name}`](safety-unit.md#7-what-the-unit-does-alone)"]
    if name.startswith("generator:"):
        return ["the generator's own trip"]
    rules = [rule for rule in RULES if fnmatch.fnmatch(rule, name)]
    return [f"[`{rule}`](interlocks.md#{rule})" for rule in rules] or [name]
