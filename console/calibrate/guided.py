"""A person at a guided procedure: what is typed becomes the engine's events, what the engine asks for is done by the exposing hand or a meter's wire.
It judges nothing and keeps nothing: the judgement is the engine's, the memory the session's file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from calibration.bench_air import implausible, reduced
from calibration.procedures.journal import Journal
from calibration.procedures.session import (
    ACCEPT,
    AnyEvent,
    Back,
    Confirmed,
    Connected,
    Effects,
    Expose,
    Exposed,
    Leave,
    MeterOrder,
    Phase,
    Reading,
    Reject,
    Repeat,
    Session,
)
from calibration.procedures.step import Grammar, Step, Wanted, number
from console.calibrate.exposing import Answered, Unanswered
from console.desk_client import DeskGoneError
from console.exit_codes import Exit
from console.treat import session as desk
from console.treat.treat import Face as ExposureFace

AIR_HOLDS_S: Final = 900.0
"""Air that was read longer ago is read anew before the next reading."""
T_C: Final = Wanted("thermometer", "degC", Grammar(10.0, 45.0), "typed")
P_KPA: Final = Wanted("barometer", "kPa", Grammar(60.0, 110.0), "typed")
STATION: Final = "air T degC P kPa station"
VERBS: Final = {
    "ok": "ok SERIAL...      all is connected as shown; the serial numbers as engraved, once",
    "go": "go                expose what is shown, or ask for the reading",
    "air": "air T degC P kPa  the air at the chamber, station pressure; with station behind it where it is as high as one reduced to sea level",
    "read": "read              read the instrument on its wire once more",
    "accept": "accept [WHY]      accept the step; with the reason where there is a warning",
    "repeat": "repeat            one more exposure than the step needs",
    "reject": "reject N WHY      reject reading N; reject exposure WHY: the one that is outstanding",
    "back": "back WHY          back to the step that this one names",
    "leave": "leave             leave the session; it is taken up again by the same command",
}


class Face(ExposureFace, Protocol):
    """What the person sees beside an exposure's own words."""

    def step(self, session: Session, used_mas: float) -> None: ...

    def readings(self, session: Session) -> None: ...

    def exposing(self, on: bool) -> None: ...


class Meters(Protocol):
    """Instruments on wires. Words say why there is no reading."""

    def ready(self, step: Step) -> str: ...

    def read(self, order: MeterOrder) -> tuple[str, str] | str: ...


class Exposes(Protocol):
    """The exposing hand."""

    def begin(self) -> None: ...

    def expose(self, asked: Expose) -> Answered | Unanswered: ...


@dataclass(frozen=True)
class Air:
    """What was typed of the air, and when."""

    t_c: float
    p_kpa: float
    at: datetime


class Guide:
    """One person at one session. `since_warmup_s` asks the records."""

    def __init__(
        self, journal: Journal, line: desk.Session, hand: Exposes, meters: Meters, face: Face, wall_s: Callable[[], float],
        since_warmup_s: Callable[[], float], altitude_m: float,
    ) -> None:  # fmt: skip
        self._journal, self._line, self._hand, self._meters, self._face = journal, line, hand, meters, face
        self._wall_s, self._since_warmup_s, self._altitude_m = wall_s, since_warmup_s, altitude_m
        self._serials: tuple[str, ...] | None = None
        self._air: Air | None = None
        self._left = False

    def run(self) -> Exit:
        """Until the session is at its end, is left, or nobody answers at the desk."""
        if self._journal.told:
            self._face.say(self._journal.told)
        if self._journal.session.connected and self._journal.session.step is not None:
            # whoever was here before is gone, and what was connected then counts no longer
            self._take(Leave(self._journal.session.step.id, self._at()))
        while not self._left:
            session = self._journal.session
            if session.step is None:
                self._face.readings(session)
                self._face.say(f"{session.procedure.name}: at its end; nothing becomes valid by itself")
                return Exit.AS_INTENDED
            self._show(session, session.step)
            try:
                line = self._typed()
            except DeskGoneError as error:
                self._face.say(f"left, and taken up again by the same command: {error}")
                return Exit.NO_ANSWER
            if line is None:
                break
            self._do(session.step, line.strip())
        return Exit.NOT_CONFIRMED

    def _show(self, session: Session, step: Step) -> None:
        self._face.step(session, session.used_mas(step))
        self._face.readings(session)
        self._hand.begin()
        self._face.ask(f"{due(session, step, self._serials is None)} > ")

    def _typed(self) -> str | None:
        """The next line; None at the end of input. The desk is kept company meanwhile."""
        while True:
            self._line.turn()
            line = self._face.typed()
            if line is not None:
                return line if line else None

    def _do(self, step: Step, line: str) -> None:
        verb, _, rest = line.partition(" ")
        session = self._journal.session
        match verb:
            case "":
                return
            case "ok":
                self._connect(session, step, tuple(rest.split()))
            case "go":
                self._go(session, step)
            case "air":
                self._set_air(rest)
            case "read":
                self._wire(step, None)
            case "accept":
                self._take(Confirmed(step.id, self._at(), ACCEPT, rest))
            case "repeat":
                self._take(Repeat(step.id, self._at()))
            case "back":
                self._take(Back(step.id, self._at(), rest))
            case "reject":
                self._reject(step, rest)
            case "leave":
                self._take(Leave(step.id, self._at()))
                self._left = True
            case "help" | "?":
                self._face.say("\n".join(VERBS.values()))
            case _:
                self._read(session, step, line)

    def _connect(self, session: Session, step: Step, typed: tuple[str, ...]) -> None:
        """The person says which instruments stand there, by what is engraved on them, when a session is begun or taken up."""
        wanted = tuple(serial for _, serial in session.procedure.serials)
        if self._serials is None and sorted(typed) != sorted(set(wanted)):
            named = ", ".join(f"{name} {serial}" for name, serial in session.procedure.serials) or "no instrument"
            self._face.say(
                f"{' '.join(typed) or 'no serial number'} was typed, and {named} is wanted; use that, and type what is engraved on it"
            )
            return
        if self._take(Connected(step.id, self._at())) is not None:
            self._serials = wanted

    def _go(self, session: Session, step: Step) -> None:
        token = session.next_token if step.exposes is not None else ""
        if session.phase is Phase.READY and any(one.source == "wire" for one in step.reading):
            wrong = self._meters.ready(step)
            if wrong:
                self._face.say(f"{wrong}; nothing was exposed")
                return
        effects = self._take(Confirmed(step.id, self._at(), token))
        if effects is not None:
            self._follow(step, effects)

    def _follow(self, step: Step, effects: Effects) -> None:
        """Do the one thing that the engine asks for."""
        if isinstance(effects.do, Expose):
            self._expose(step, effects.do)
        elif isinstance(effects.do, MeterOrder):
            self._wire(step, effects.do)

    def _expose(self, step: Step, asked: Expose) -> None:
        self._face.exposing(True)
        try:
            answer = self._hand.expose(asked)
        finally:
            self._face.exposing(False)
        if isinstance(answer, Unanswered):
            self._face.say(
                f"NO ANSWER for {answer.token}: {answer.words}. It is not asked for again: look at kerma records list, then reject exposure WHY"
            )
            return
        self._face.say(f"{answer.token}: {answer.ended}, {answer.timer_s:.2f} s by the safety unit")
        effects = self._take(Exposed(step.id, self._at(), answer.token, answer.timer_s, answer.ended, answer.record))
        if effects is not None:
            self._follow(step, effects)

    def _wire(self, step: Step, order: MeterOrder | None) -> None:
        """Read the instrument that is due; what cannot be read is told, and may be read once more."""
        session = self._journal.session
        wanted = reading_due(session, step)
        if session.phase is not Phase.READ or wanted is None or wanted.source != "wire":
            self._face.say("no reading on a wire is due")
            return
        said = self._meters.read(order or MeterOrder(wanted.instrument, wanted.unit))
        if isinstance(said, str):
            self._face.say(f"{wanted.instrument}: {said}; type read for another try, or reject exposure WHY")
            return
        self._face.say(f"{wanted.instrument} says {said[0]}")
        self._reading(session, step, wanted, *said)

    def _read(self, session: Session, step: Step, text: str) -> None:
        wanted = reading_due(session, step)
        if session.phase is not Phase.READ or wanted is None:
            self._face.say(f"{text!r} is no word that is known here, and no reading is due; type help")
        elif wanted.source == "wire":
            self._face.say(f"{wanted.instrument} is read on its wire; type read")
        else:
            self._reading(session, step, wanted, text, dict(session.procedure.serials).get(wanted.instrument, ""))

    def _reading(self, session: Session, step: Step, wanted: Wanted, text: str, serial: str) -> None:
        if self._serials is None and session.procedure.serials:
            self._face.say("which instruments stand there is not said yet; type ok and their serial numbers")
            return
        air, now = self._air, self._at()
        if air is None or (now - air.at).total_seconds() > AIR_HOLDS_S:
            self._face.say(
                f"the air is {'not known' if air is None else f'of {air.at:%H:%M}'}; type air T degC P kPa, then {text} again"
                if wanted.source != "wire"
                else "the air is not known now; type air T degC P kPa, then read"
            )
            return
        token = session.shot.token if session.shot is not None else ""
        effects = self._take(
            Reading(step.id, now, token, text, wanted.instrument, serial, air.t_c, air.p_kpa, self._since_warmup_s())
        )
        if effects is not None:
            self._follow(step, effects)

    def _set_air(self, rest: str) -> None:
        *parts, last = rest.split() or [""]
        station = last == "station"
        if not station:
            parts.append(last)
        if len(parts) != 4:
            self._face.say("write it like air 22.4 degC 99.12 kPa")
            return
        try:
            t_c, p_kpa = number(" ".join(parts[:2]), T_C), number(" ".join(parts[2:]), P_KPA)
        except ValueError as words:
            self._face.say(str(words))
            return
        wrong, sea_level = implausible(p_kpa, self._altitude_m), reduced(p_kpa, self._altitude_m)
        if wrong or (sea_level and not station):
            self._face.say(wrong or f"{sea_level}, and where it shows this, write station behind it: {STATION}")
            return
        self._air = Air(t_c, p_kpa, self._at())

    def _reject(self, step: Step, rest: str) -> None:
        which, _, why = rest.partition(" ")
        if which == "exposure":
            self._take(Reject(step.id, self._at(), None, why))
        elif which.isascii() and which.isdigit() and len(which) < 6:
            self._take(Reject(step.id, self._at(), int(which), why))
        else:
            self._face.say("write it like reject 3 cable moved, or reject exposure door opened")

    def _take(self, event: AnyEvent) -> Effects | None:
        """Into the file, then into the session; a refusal is told, and gives None."""
        effects = self._journal.take(event)
        if effects.refused:
            self._face.say(f"refused: {effects.refused}")
            return None
        return effects

    def _at(self) -> datetime:
        return datetime.fromtimestamp(self._wall_s(), UTC)


def reading_due(session: Session, step: Step) -> Wanted | None:
    """The reading that is due of a hand or a wire."""
    token = session.shot.token if session.shot is not None else None
    if token is None:
        have = {one.instrument for one in session.kept(step.id)}
    else:
        have = {one.instrument for one in session.held if one.event.token == token and not one.rejected}
    return next((one for one in step.by_hand if one.instrument not in have), None)


def due(session: Session, step: Step, serials: bool) -> str:
    """What may be typed now."""
    match session.phase:
        case Phase.CONNECT:
            names = " ".join(name for name, _ in session.procedure.serials)
            return f"connected as shown? ok{f' and the serial number of {names}' if serials and names else ''}, leave"
        case Phase.READY:
            return (
                f"expose {session.next_token}? go, leave"
                if step.exposes is not None
                else "ask for the reading? go, leave"
            )
        case Phase.EXPOSING:
            return f"{session.next_token.rpartition('-')[0]}: an exposure has no answer; reject exposure WHY, leave"
        case Phase.READ:
            wanted = reading_due(session, step)
            if wanted is None:
                return "leave"
            if wanted.source == "told":
                return f"{wanted.instrument}? yes or no"
            return f"{wanted.instrument} in {wanted.unit}{', reject exposure WHY' if session.shot is not None else ''}"
        case _:
            return "accept, repeat, reject N WHY, leave"
