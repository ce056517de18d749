"""`kerma treat`: an operator at the terminal, from prescription to end. It loads, shows what was read back beside a second calculation, asks, waits, watches.
It decides nothing about the beam: it asks the desk, and can only STOP by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from console import second_calculation as second
from console.desk_client import DeskGoneError
from console.exit_codes import Exit, of_end, of_state
from console.second_calculation import Compared
from console.treat import independent
from console.treat.independent import Beside
from console.treat.session import Session
from controller.prescribed import Certificate, Prescribed
from controller.requests import Close, Confirm, Edit, Ended, Load, Offer, Resume, Snapshot

STANDBY_WITHIN_S = 60.0
"""Self-test and its dry runs take some seconds; a rig that is not ready by then says why and is left."""
OFFER_WITHIN_S = 30.0
LOOK = "look at kerma status"
END_SHOWN_WITHIN_S = 5.0
GONE_AFTER_S = 10.0
"""A silence as long as this is no pause of a busy machine: lease, unit and lamp are the truth now."""
BEAM_STATES = ("STARTING", "IRRADIATING", "STOPPING")
AFTER_CONFIRM = ("ARMING", "READY", *BEAM_STATES)


class Face(Protocol):
    """What the operator sees and types; a terminal, or a script in a test. `typed` gives the line, "" for the end of input, None while there is none yet."""

    def say(self, words: str) -> None: ...

    def show_offer(
        self, prescribed: Prescribed, offer: Offer, compared: tuple[Compared, ...], simulated: bool
    ) -> None: ...

    def ask(self, words: str) -> None: ...

    def typed(self) -> str | None: ...

    def progress(self, snapshot: Snapshot, silent_s: float) -> None: ...


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for. `press` and `release` act on a simulated room's switch (None: a person does); `given_d0_mgy` is None when not known.

    `further` are comparisons of the offer beside those of every exposure; `allowed` is asked once more right before the confirmation, for signatures may be
    withdrawn, and another certificate laid there, while an offer is read: words where it may not be. `time_out` is asked item by item before the
    confirmation, and `charted` keeps what was ticked (names), calculated and shown, before the desk is asked: words where it cannot be kept.
    """

    prescribed: Prescribed
    certificate: Certificate
    operator: str
    resume: bool = False
    reason: str = ""
    physicist: bool = False
    yes: bool = False
    press: Callable[[], str] | None = None
    release: Callable[[], str] | None = None
    given_d0_mgy: float | None = None
    beside: Beside = field(default_factory=Beside)
    role: str = "operator"
    further: Callable[[Offer], tuple[Compared, ...]] = lambda _offer: ()
    allowed: Callable[[], str] = lambda: ""
    time_out: tuple[tuple[str, str], ...] = ()
    charted: Callable[[Offer, tuple[str, ...], tuple[Compared, ...]], str] = lambda _offer, _ticked, _compared: ""


@dataclass(frozen=True)
class Result:
    """How it went: the exit code, words for people, and what was offered and how it ended, if it came to that."""

    code: Exit
    words: str
    snapshot: Snapshot | None = None
    offer: Offer | None = None
    compared: tuple[Compared, ...] = ()
    ended: Ended | None = None
    trail: tuple[str, ...] = field(default=())


def treat(session: Session, wanted: Wanted, face: Face) -> Result:
    """One fraction, or the rest of one. Whatever happens, the switch of a simulated room is let go at the end."""
    steps = Steps(session, wanted, face)
    with _switch_let_go(wanted):
        try:
            result = steps.standby() or steps.load() or steps.offered() or steps.confirmed() or steps.watched()
        except DeskGoneError as error:
            result = Result(Exit.NO_ANSWER, f"{silence(session.silent_s())}\n{error}")
    return replace(result, snapshot=session.snapshot, trail=tuple(steps.trail))


@contextlib.contextmanager
def _switch_let_go(wanted: Wanted) -> Iterator[None]:
    """Before: an operator's program that was killed may have left the simulated switch pressed. After: nobody holds it any more."""
    if wanted.release is not None:
        wanted.release()
    try:
        yield
    finally:
        if wanted.release is not None:
            wanted.release()


class Steps:
    """The steps of one treatment, in order; each gives None to go on, or the result that ends it."""

    def __init__(self, session: Session, wanted: Wanted, face: Face) -> None:
        self._session = session
        self._wanted = wanted
        self._face = face
        self._before: Ended | None = None
        self._confirmed = False
        self._offer: Offer | None = None
        self._compared: tuple[Compared, ...] = ()
        self._ticked: list[str] = []
        self.trail: list[str] = []

    def standby(self) -> Result | None:
        """Wait until a fraction may be loaded; a fraction that has ended and is on the disk is closed on the way."""
        states = ("STANDBY", "INTERRUPTED") if self._wanted.resume else ("STANDBY",)
        until = self._session.now() + STANDBY_WITHIN_S
        while self._session.now() < until:
            shown = self._turn()
            if self._session.stopped:
                return self._result(Exit.NOT_CONFIRMED, "stopped before anything was loaded")
            if shown is None:
                continue
            if shown.state in states:
                self._before = shown.ended
                return None
            if shown.state == "TERMINATED" and shown.ended is not None and shown.ended.durable:
                answer = self._session.ask(Close("closed before the next fraction"))
                if not answer.ok:
                    return self._result(Exit.REFUSED, f"the last fraction cannot be closed: {answer.words}")
            elif shown.state != "SELF_TEST":
                return self._result(of_state(shown), self._not_ready(shown, states))
        return self._silent_or(lambda shown: self._result(Exit.REFUSED, self._not_ready(shown, states)))

    def load(self) -> Result | None:
        wanted = self._wanted
        asked: Load | Resume = Load(wanted.prescribed, wanted.operator, wanted.role)
        if wanted.resume:
            asked = Resume(wanted.prescribed, wanted.operator, wanted.reason, wanted.physicist)
        answer = self._session.ask(asked)
        return None if answer.ok else self._result(Exit.REFUSED, answer.words)

    def offered(self) -> Result | None:
        """Wait for the offer and check it against the second calculation."""
        until = self._session.now() + OFFER_WITHIN_S
        while self._session.now() < until:
            shown = self._turn()
            if shown is None:
                continue
            if shown.state != "PREPARATORY" or self._session.stopped:
                return self._left(shown, _first(shown))
            if shown.offer is not None:
                return self._check(shown, shown.offer)
        last = self._session.snapshot
        why = _first(last) if last is not None else LOOK
        self._session.ask(Edit())
        words = f"no offer within {OFFER_WITHIN_S:.0f} s; first: {why}"
        return self._silent_or(lambda _: self._result(Exit.REFUSED, words))

    def _check(self, shown: Snapshot, offer: Offer) -> Result | None:
        self._offer = offer
        wanted = self._wanted
        by_code = second.checked(wanted.prescribed, wanted.certificate, offer, wanted.given_d0_mgy, wanted.resume)
        by_data = independent.compared(wanted.prescribed, wanted.certificate, offer, wanted.resume, wanted.beside)
        for said in (by_code, by_data):
            if isinstance(said, str):
                self._session.ask(Edit())
                return self._result(Exit.REFUSED, f"no second calculation: {said}")
        assert not isinstance(by_code, str) and not isinstance(by_data, str)
        self._compared = compared = (*by_code, *by_data, *wanted.further(offer))
        self._face.show_offer(self._wanted.prescribed, offer, compared, shown.simulated)
        wrong = [line for line in compared if not line.agrees]
        if not wrong:
            return None
        self._session.ask(Edit())
        words = "; ".join(f"{line.name}: offered {line.offered}, calculated {line.calculated}" for line in wrong)
        return self._result(
            Exit.REFUSED,
            f"the second calculation differs ({words}); first: have the physicist look; nothing was delivered",
        )

    def confirmed(self) -> Result | None:
        """Have the person confirm the very offer that was shown; a new one is shown and asked anew."""
        while True:
            offer = self._offer
            assert offer is not None
            said = True if self._wanted.yes else self._person(offer)
            if said is None:
                again = self.offered()
                if again is not None:
                    return again
                continue
            if not said:
                self._session.ask(Edit())
                return self._result(Exit.NOT_CONFIRMED, "not confirmed; unloaded, nothing was delivered")
            against = self._wanted.allowed() or self._wanted.charted(offer, tuple(self._ticked), self._compared)
            if against:
                return self._unload(against)
            answer = self._session.ask(Confirm(offer.id, offer.digest))
            self._confirmed = answer.ok
            if self._session.stopped:
                return None
            return None if answer.ok else self._unload(answer.words)

    def _unload(self, words: str) -> Result:
        self._session.ask(Edit())
        return self._result(Exit.REFUSED, words)

    def _person(self, offer: Offer) -> bool | None:
        """The time-out item by item, then the question itself; what was ticked before is ticked anew for another offer."""
        self._ticked.clear()
        for name, words in self._wanted.time_out:
            said = self._asked(offer, f"{words} type yes: ")
            if not said:
                return said
            self._ticked.append(name)
        return self._asked(offer, "deliver this? type yes: ")

    def _asked(self, offer: Offer, words: str) -> bool | None:
        """True for a typed yes, False for anything else, STOP or the end of input; None when the offer is no longer this one."""
        self._face.ask(words)
        while True:
            shown = self._turn()
            if self._session.stopped:
                return False
            if shown is not None and (
                shown.state != "PREPARATORY" or shown.offer is None or shown.offer.id != offer.id
            ):
                self._face.say("the offer was withdrawn: " + _first(shown))
                return None
            line = self._face.typed()
            if line is not None:
                return line.strip().lower() == "yes"
            if self._session.silent_s() > GONE_AFTER_S:
                return False

    def watched(self) -> Result:
        """From ARMING to the end: the press, the beam, the record."""
        pressed = False
        left_at: float | None = None
        why = ""
        while True:
            shown = self._turn()
            if self._session.silent_s() > GONE_AFTER_S:
                return self._result(Exit.NO_ANSWER, silence(self._session.silent_s()))
            if shown is None:
                continue
            ended = self._new_end(shown)
            if ended is not None and shown.state not in AFTER_CONFIRM:
                return self._ended(ended)
            if shown.state == "READY" and not pressed:
                pressed = True
                wrong = self._press()
                if wrong is not None:
                    return wrong
            if shown.state in AFTER_CONFIRM or (
                shown.state == "PREPARATORY" and not pressed and left_at is None and shown.offer == self._offer
            ):
                left_at = None
                continue
            if left_at is None:
                # what set it back is shown until a new offer stands, and that may be sooner than this waits
                left_at, why = self._session.now(), _first(shown)
            if self._session.now() - left_at > END_SHOWN_WITHIN_S:
                return self._left(shown, why)

    def _press(self) -> Result | None:
        if self._wanted.press is None:
            self._face.say("READY: press the beam-on switch (Ctrl-C is STOP)")
            return None
        self._face.say("SIMULATED  READY: the simulated room presses the beam-on switch")
        wrong = self._wanted.press()
        if not wrong:
            return None
        self._session.stop()
        return self._result(Exit.REFUSED, wrong)

    def _ended(self, ended: Ended) -> Result:
        """The end is there: wait until it is on the disk, and close the fraction when it is complete."""
        until = self._session.now() + END_SHOWN_WITHIN_S
        while not ended.durable and self._session.now() < until:
            shown = self._turn()
            ended = (self._new_end(shown) if shown is not None else None) or ended
        code, words = of_end(ended), ""
        if code is Exit.AS_INTENDED and not ended.durable:
            code, words = (
                Exit.NOT_RECORDED,
                "the record is not on the disk yet; first: look at kerma status and the recorder",
            )
        shown = self._session.snapshot
        if shown is not None and shown.state == "TERMINATED" and ended.durable:
            answer = self._session.ask(Close("complete"))
            words = "" if answer.ok else f"not closed: {answer.words}"
        if shown is not None and shown.state == "STUCK_ON":
            code = Exit.STUCK_ON
        return replace(self._result(code, words), ended=ended)

    def _new_end(self, shown: Snapshot) -> Ended | None:
        """The end that this treatment made: not the one that was shown before it began."""
        ended, before = shown.ended, self._before
        if ended is None or (before is not None and _same(ended, before)):
            return None
        return ended

    def _left(self, shown: Snapshot, why: str) -> Result:
        """The exposure was left without an end of its own; `why` was said when it was."""
        if shown.state == "PREPARATORY":
            self._session.ask(Edit())
        words = f"left in {shown.state}: {why}"
        if self._session.stopped:
            return self._result(Exit.VOID if self._confirmed else Exit.NOT_CONFIRMED, "stopped; no beam was on")
        code = of_state(shown)
        return self._result(Exit.VOID if code is Exit.REFUSED else code, words)

    def _turn(self) -> Snapshot | None:
        """One turn of the session; the snapshot when a new one came."""
        new = self._session.turn()
        shown = self._session.snapshot
        if shown is None:
            return None
        if new and (not self.trail or self.trail[-1] != shown.state):
            self.trail.append(shown.state)
        self._face.progress(shown, self._session.silent_s())
        return shown if new else None

    def _silent_or(self, result: Callable[[Snapshot], Result]) -> Result:
        shown = self._session.snapshot
        if shown is None or self._session.silent_s() > GONE_AFTER_S:
            return self._result(Exit.NO_ANSWER, silence(self._session.silent_s()))
        return result(shown)

    def _not_ready(self, shown: Snapshot, states: tuple[str, ...]) -> str:
        return f"state {shown.state}, wanted {' or '.join(states)}; first: {_first(shown)}"

    def _result(self, code: Exit, words: str) -> Result:
        return Result(code, words, self._session.snapshot, self._offer, self._compared)


def silence(silent_s: float) -> str:
    """What a person must know when nobody answers any more."""
    return (
        f"NO ANSWER, last snapshot {silent_s:.1f} s ago: the safety unit ends the beam by its lease; look at the warning lamp, "
        "press the emergency stop if in doubt, then start kerma run again and look at kerma records list"
    )


def _first(shown: Snapshot) -> str:
    return shown.first_to_fix or "; ".join(shown.latches) or shown.notice or LOOK


def _same(one: Ended, other: Ended) -> bool:
    return (one.token, one.fraction_tag, one.segment, one.void) == (
        other.token,
        other.fraction_tag,
        other.segment,
        other.void,
    )
