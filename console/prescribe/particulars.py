"""`kerma order particulars`: whose lesion an order is of, asked field by field at a terminal and written into the chart; and what stands there, for people.
Nobody gives a secret at a terminal, so that what stands is corrected at the page of orders alone; no dose and no identity goes by any of it."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.table import Table

from console import screen
from console.access import folder
from console.configuration import Rig
from console.exit_codes import Exit
from console.kept import rig_of
from console.treat import chart, particulars, unstated
from console.treat.chart_hand import Chart, stated_of
from console.treat.particulars import EARLIER, INTENTS, Particulars, Statement
from console.treat.plain_words import PlainConsole, order, visible
from controller.prescribed import Prescribed
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.approved import LOG

QUESTIONS: Final = {
    "family_name": "family name, or the only one", "given_names": "given names", "birth_date": "birth date, YYYY-MM-DD", "diagnosis": "diagnosis",
    "diagnosis_code": "its code, with the system", "intent": f"intent: {', '.join(INTENTS)}",
    "earlier": f"earlier radiotherapy at this site: {' or '.join(EARLIER)}", "earlier_words": "where, when and how much",
}  # fmt: skip
"""Each field with what is asked; an empty line leaves it not stated."""


def state(config: Path | None, path: Path, clock: Clock, typed: Callable[[str], str] = input) -> Exit:
    """Ask, show, and write what was confirmed by a typed yes. Raises ConfigurationError."""
    rig, one = rig_of(config), order(path)
    page = Chart(rig.records, clock.wall)
    found = page.read()
    out = PlainConsole()
    print(screen.banner(rig.simulated, rig.name))
    _sound(found)
    stands = found.stated(one)
    if stands:
        show(out, stands)
        raise ConfigurationError(
            f"entry {stands[-1].n} of {stands[-1].who} stands; first: correct it at the page New prescription, where the secret is asked"
        )
    print(
        f"{visible(one.patient_id)}, {visible(one.patient_id_2)}: course {visible(one.course_id)}, lesion {visible(one.lesion_id)}"
    )
    try:
        said = _asked(typed, datetime.fromtimestamp(clock.wall(), UTC))
        if said == Statement() or typed("state this? type yes: ").strip().lower() != "yes":
            raise EOFError
    except EOFError:
        print("nothing was written")
        return Exit.NOT_CONFIRMED
    who = getpass.getuser()
    _noted(rig, clock, who, "command", {"command": "order", "do": chart.STATED, "order_sha256": one.sha256.hex()})
    n = page.state(one, 0, said, "", who, chart.TERMINAL)
    _noted(rig, clock, who, "charted", stated_of(one, n, page.written(n)))
    print(f"stated by {visible(who)} at a terminal: entry {n}")
    return Exit.AS_INTENDED


def document(rig: Rig, one: Prescribed) -> dict[str, Any]:
    """What stands of this order's lesion as plain values."""
    return chart.Look(rig.records).shown(one)


def stands(out: PlainConsole, rig: Rig, one: Prescribed) -> None:
    """What stands of this order's lesion, or that nothing is stated; a chart that cannot be believed says so and no name."""
    look = chart.Look(rig.records)
    found = look.read()
    if found.wrong:
        out.print(f"WRONG  no name is believed, for the chart's chain is not whole ({found.wrong[0]})")
        return
    show(out, found.stated(one))
    for words in look.gone(one):
        out.print(f"LOOK  {words}")


def show(out: PlainConsole, entries: tuple[Particulars, ...]) -> None:
    """The last statement, and those before it below."""
    some: list[Particulars | None] = [*reversed(entries)] or [None]
    for number, entry in enumerate(some):
        rows = Table(show_header=False)
        for what, words in particulars.told(entry).items():
            rows.add_row(what, words)
        if entry is not None:
            why = f": {entry.reason}" if entry.reason else ""
            rows.add_row("stated before by" if number else "stated by", f"{entry.who} ({entry.role}){why}")
        out.print(rows)


def _sound(found: chart.Read) -> None:
    if found.wrong:
        raise ConfigurationError(
            f"the chart's chain is not whole ({found.wrong[0]}); first: find out who was there, move the folder aside, keep it"
        )


def _asked(typed: Callable[[str], str], at: datetime) -> Statement:
    """Each field until what was typed can be stated."""
    said = Statement()
    for name, words in QUESTIONS.items():
        if name == "earlier_words" and said.earlier != particulars.EARLIER_GIVEN:
            continue
        while True:
            tried = msgspec.structs.replace(said, **{name: typed(f"{words}: ").strip()})
            wrong = [
                line
                for line in unstated.wrong(tried, at.date())
                if name != "earlier" or not line.startswith("earlier is")
            ]
            if not wrong:
                break
            print("\n".join(wrong), file=sys.stdout)
        said = tried
    return said


def _noted(rig: Rig, clock: Clock, who: str, what: str, told: dict[str, str | int]) -> None:
    """Where a console keeps an audit, it is told before the entry is there and once it is, and of no patient. Raises ConfigurationError."""
    if (rig.records / folder.FOLDER / LOG).exists():
        _, audit = folder.opened(rig.records, clock)
        audit.note(what, who, chart.TERMINAL, told)
