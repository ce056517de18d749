"""One row of the hazard tables: what can go wrong, what must hold, what answers it, which tests show it, who must where no program can.
It holds no row and checks nothing; verification/hazards.py does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hazard:
    """`id` has the list's own prefix, for the lists' numbers clash. `answers`: rule:ID, cell:STATE*EVENT, limit:NAME, unit:CAUSE (what the safety
    unit does alone), unit-test:NAME, code:FILE::NAME, page:NAME. `tests`: node ids without tests/, or demo:SCENARIO. `who` must do what no program can;
    `stands_open` says plainly what is not there; `scenario` is an incident's own.
    """

    id: str
    what: str
    shall: str
    answers: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    who: str = ""
    stands_open: str = ""
    scenario: str = ""

    @property
    def anchor(self) -> str:
        """Where the row stands on its page."""
        return self.id.removeprefix("incident-").lower()


def row(
    name: str,
    what: str,
    shall: str,
    answers: str = "",
    tests: str = "",
    who: str = "",
    stands_open: str = "",
    scenario: str = "",
) -> Hazard:
    """A row whose answers and tests are written in one text, apart by spaces or lines."""
    return Hazard(name, what, shall, tuple(answers.split()), tuple(tests.split()), who, stands_open, scenario)
