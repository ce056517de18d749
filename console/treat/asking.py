"""Questions at a terminal while the desk is held: one line for one question, alive all the while, and STOP at any moment ends the asking.
It knows no procedure; what an answer means is for whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from calibration.procedures.step import Grammar, Wanted, number
from console.treat.session import Session
from console.treat.treat import GONE_AFTER_S

YES: Final = ("y", "yes")


class StoppedError(Exception):
    """The person stopped, or the end of input came, or nobody answers at the desk; the words say which."""


class Asks(Protocol):
    """What a question needs of a face."""

    def say(self, words: str) -> None: ...

    def ask(self, words: str) -> None: ...

    def typed(self) -> str | None: ...


def line(session: Session, face: Asks, words: str) -> str:
    """One line for one question. Raises StoppedError."""
    face.ask(f"{words}: ")
    while True:
        session.turn()
        if session.stopped:
            raise StoppedError("stopped")
        if session.silent_s() > GONE_AFTER_S:
            raise StoppedError("the desk does not answer; first: look at kerma status")
        text = face.typed()
        if text is not None:
            if not text:
                raise StoppedError("the end of input")
            return text.strip()


def yes(session: Session, face: Asks, words: str) -> bool:
    """True for a typed yes."""
    return line(session, face, f"{words} [yes/no]").lower() in YES


def measured(session: Session, face: Asks, words: str, unit: str, least: float, most: float) -> float:
    """A number with its unit, within bounds; asked until it is one."""
    wanted = Wanted("", unit, Grammar(least, most), "typed")
    while True:
        text = line(session, face, f"{words}, in {unit}")
        try:
            return number(text, wanted)
        except ValueError as error:
            face.say(str(error))


def until(session: Session, face: Asks, words: str, missing: Callable[[], str]) -> None:
    """Ask, and look; what is still missing is said, and asked again."""
    while True:
        line(session, face, f"{words}, then Enter")
        lacks = missing()
        if not lacks:
            return
        face.say(lacks)
