"""Which page holds control: one at a time, by its login and its own number, and only as long as it says itself that it is there.
It knows no desk and no socket; time is an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from console.web.people import Person

GONE_AFTER_S: Final = 2.0
"""A page that has said nothing this long holds nothing any more: as long as the desk's own lease."""
IN_BEAM: Final = ("STARTING", "IRRADIATING", "STOPPING")


@dataclass(frozen=True)
class Holder:
    """The page in control, and whose it is."""

    page: str
    cookie: str
    person: Person
    since_s: float
    heard_s: float


class Control:
    """At most one holder. What changes hands is told to `noted`, in words, with who it was and who it is.

    `tenure` is another number whenever control was taken anew, also after it was given back or fell silent: what was loaded in an earlier one is nobody's.
    """

    def __init__(self, noted: Callable[[str, str, str], None]) -> None:
        self._noted = noted
        self._holder: Holder | None = None
        self.tenure = 0

    def holder(self, now_s: float) -> Holder | None:
        """Whoever holds control now."""
        held = self._holder
        if held is not None and now_s - held.heard_s > GONE_AFTER_S:
            self._noted("control ended: the page is silent", held.person.name, "")
            self._holder = held = None
        return held

    def holds(self, page: str, cookie: str, now_s: float) -> bool:
        held = self.holder(now_s)
        return held is not None and (held.page, held.cookie) == (page, cookie)

    def take(self, page: str, cookie: str, person: Person, now_s: float, state: str, over: bool) -> str:
        """Take control. Empty when it is taken; otherwise why not. From another page only explicitly, and never while beam may be on: also not from one
        that has just fallen silent, whose beam the desk's lease is ending."""
        held = self.holder(now_s)
        if held is not None and (held.page, held.cookie) == (page, cookie):
            self._holder = Holder(page, cookie, person, held.since_s, now_s)
            return ""
        if held is not None and not over:
            return f"{held.person.name} holds control; first: take it over, which is recorded"
        if state in IN_BEAM:
            return (
                f"the state is {state}; first: wait for its end, or press STOP; control does not change hands in beam"
            )
        before = held.person.name if held is not None else ""
        self._noted("control taken over" if before else "control taken", before, person.name)
        self._holder = Holder(page, cookie, person, now_s, now_s)
        self.tenure += 1
        return ""

    def here(self, page: str, cookie: str, now_s: float) -> bool:
        """The page says that it is there; true where it is the holder's."""
        if not self.holds(page, cookie, now_s):
            return False
        held = self._holder
        assert held is not None
        self._holder = Holder(held.page, held.cookie, held.person, held.since_s, now_s)
        return True

    def renumber(self, page: str, number: str, cookie: str, now_s: float) -> None:
        """The same page opened its line anew, under a new number: a tab that still has the old one commands nothing any more."""
        if self.holds(page, cookie, now_s):
            held = self._holder
            assert held is not None
            self._holder = Holder(number, cookie, held.person, held.since_s, held.heard_s)

    def leave(self, cookie: str, page: str | None = None) -> None:
        """Give it back: of one page, or of a whole login."""
        held = self._holder
        if held is not None and held.cookie == cookie and page in (None, held.page):
            self._noted("control given back", held.person.name, "")
            self._holder = None
