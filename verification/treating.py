"""The operator of a seeded run: works through a plan's fractions by what the desk shows, at the plan's pace, and brings the machine back when all is mended.
Knows nothing that a person at the desk does not see, but whether the host runs."""

from __future__ import annotations

from typing import Final

from controller.prescribed import Prescribed
from controller.requests import Answer, Close, Confirm, Edit, Load, Request, Reset, Resume, Snapshot
from verification.plan import Fraction
from verification.played import OPERATOR, Played

WHO: Final = "A. Service, B. Physicist"
ROLES: Final = ("operator", "physicist", "service")
ANSWER_S: Final = 3.0
"""How long the operator waits for an answer before looking again."""
PATIENCE_S: Final = 90.0
"""Beside three times the planned beam: what an operator gives one fraction before going on to the next."""
TROUBLED_S: Final = 30.0
"""Beside half as much again as the planned beam: after that somebody mends what makes it take so long."""
LOADS: Final = 8
LOST_S: Final = 8.0
"""After so long without a host, or in a self-test that does not pass, people mend what is broken."""
MAINS_S: Final = 15.0
"""For so long people leave a generator switched off at the mains; what is shorter than 10 s does not count as switched off."""
STUCK_OFF_S: Final = 62.0
STARTS_S: Final = 15.0
"""A generator that starts slowly is read so much later, and off is counted from then: people wait, and do not switch it off once more."""


class Operator:
    """Works through a plan's fractions by what the desk shows, at the plan's pace."""

    def __init__(self, rig: Played) -> None:
        self._rig = rig
        self.said: list[str] = []

    def treat(self, fraction: Fraction, p: Prescribed) -> str:
        """Load, confirm, press, resume, close, until this fraction is closed, cannot be given, or patience ends; the word says which."""
        rig = self._rig
        until = rig.now_s() + PATIENCE_S + 3.0 * fraction.beam_s
        rig.later(TROUBLED_S + 1.5 * fraction.beam_s, rig.mend_lasting)
        resumes = loads = 0
        beams = rig.entered("STARTING")
        waiting_since = rig.now_s()
        while rig.now_s() < until:
            shown = rig.snapshot()
            state = shown.state if shown is not None and rig.loop is not None else ""
            if state not in ("", "SELF_TEST"):
                waiting_since = rig.now_s()
            elif rig.now_s() - waiting_since > LOST_S:
                rig.mend_lasting()
                waiting_since = rig.now_s()
            if shown is None or state in ("", "SELF_TEST", "ARMING", "STARTING", "IRRADIATING", "STOPPING"):
                rig.turn()
            elif state == "STUCK_ON":
                return "stuck on"
            elif state == "PREPARATORY":
                self._confirm(fraction, shown)
            elif state == "READY":
                self._press(fraction)
            elif state == "FAULT" or shown.latches:
                self._reset(fraction)
            elif state == "TERMINATED":
                self._take_leave(fraction)
            elif state == "INTERRUPTED" or self._is_open(p):
                rig.mend_lasting()
                rig.wait(fraction.end_s)
                if resumes < fraction.resumes:
                    resumes += 1
                    self._ask(Resume(p, OPERATOR, "the rest", physicist=True))
                    rig.wait(0.3)
                else:
                    self._take_leave(fraction)
            elif rig.entered("STARTING") > beams or loads >= LOADS:
                return "closed" if loads < LOADS else "refused"
            else:
                loads += 1
                rig.wait(fraction.load_s)
                self._ask(Load(p, OPERATOR))
                rig.wait(0.3)
        return "out of patience"

    def settle(self) -> str:
        """With everything put right, whatever people may do to come back to STANDBY with nothing open; the state in which that ends."""
        rig = self._rig
        for _ in range(80):
            shown = rig.snapshot()
            state = shown.state if shown is not None and rig.loop is not None else ""
            if shown is None or not state:
                rig.wait(0.3)
            elif state == "STUCK_ON":
                self._unstick()
            elif state == "FAULT" or shown.latches:
                self._reset_all()
            elif state in ("INTERRUPTED", "TERMINATED") or (state == "STANDBY" and shown.open_fractions):
                self._ask(Close("settled"))
            elif state in ("PREPARATORY", "ARMING", "READY"):
                self._ask(Edit())
            elif state == "STANDBY":
                return state
            rig.wait(0.3)
        return rig.state() or "no host"

    def _unstick(self) -> None:
        """What docs/states.md asks for: the generator switched off and on, everything off for a minute, service with the key and two names."""
        rig = self._rig
        rig.fault("generator-silent", MAINS_S)
        rig.wait(MAINS_S + 0.5)
        rig.fault("generator-rebooted", 0.1)
        for wait_s in (STUCK_OFF_S, STARTS_S):
            rig.wait(wait_s)
            rig.room(key="SERVICE")
            rig.wait(0.4)
            answer = self._ask(Reset("service", WHO, "contactors and generator looked at"))
            rig.room(key="TREAT")
            rig.wait(0.4)
            if answer is not None and answer.ok:
                break

    def _ask(self, request: Request) -> Answer | None:
        """Send and wait a while; where nothing comes, as when the host is gone, people mend what is broken."""
        answer = self._rig.asked(request, ANSWER_S)
        if answer is None:
            self._rig.mend_lasting()
        elif not answer.ok:
            self.said.append(f"{type(request).__name__} refused: {answer.words}")
        return answer

    def _is_open(self, p: Prescribed) -> bool:
        shown = self._rig.snapshot()
        return shown is not None and any(words.startswith(f"{p.patient_id} ") for words in shown.open_fractions)

    def _confirm(self, fraction: Fraction, shown: Snapshot) -> None:
        rig = self._rig
        if shown.offer is None:
            rig.turn()
            return
        rig.wait(fraction.read_s)
        now = rig.snapshot()
        if now is not None and now.offer is not None and rig.loop is not None:
            self._ask(Confirm(now.offer.id, now.offer.digest))
            rig.wait(0.2)

    def _press(self, fraction: Fraction) -> None:
        rig = self._rig
        rig.wait(fraction.press_s)
        if rig.state() == "READY":
            rig.press()
        rig.wait(0.6)

    def _reset(self, fraction: Fraction) -> None:
        self._rig.mend_lasting()
        self._rig.wait(fraction.end_s + 0.2)
        self._reset_all()

    def _reset_all(self) -> None:
        """The mildest role that it takes, with the key where service needs it."""
        rig = self._rig
        for role in ROLES:
            answer = self._ask(Reset(role, WHO, "cause found and mended"))
            if answer is not None and answer.ok:
                break
        else:
            rig.room(key="SERVICE")
            rig.wait(0.4)
            self._ask(Reset("service", WHO, "cause found and mended"))
            rig.room(key="TREAT")
        rig.wait(0.4)

    def _take_leave(self, fraction: Fraction) -> None:
        self._rig.wait(fraction.end_s)
        self._ask(Close("complete"))
        self._rig.wait(0.3)
