"""What a person at a page sees of a guided procedure, and the one line that was typed there: the same lines as at the terminal, each for one question.
It decides nothing; pages read `shown`, also those that may only watch."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Final

from calibration.procedures.judgements import judged
from calibration.procedures.session import Phase, Session
from calibration.procedures.step import Step
from console.second_calculation import Compared
from controller.prescribed import Prescribed
from controller.requests import Offer, Snapshot

BEAM: Final = ("STARTING", "IRRADIATING", "STOPPING")
WORDS_KEPT: Final = 80
TRACE_KEPT: Final = 600
LEFT: Final = "the procedure was left; first: take it up again"
OF_A_TERMINAL: Final = " (Ctrl-C is STOP)"
"""Said to whoever waits for the beam; in a browser this key stops nothing, and the page's own button says which do."""


class PageFace:
    """One procedure's face. The procedure's thread writes, the console's loop reads and types; nobody waits for the other."""

    def __init__(self, banner: str) -> None:
        self._lock = threading.Lock()
        self._banner = banner
        self._number = 0
        self._asked = ""
        self._typed: str | None = None
        self._over = False
        self._exposing = False
        self._beam = False
        self._signing: dict[str, Any] = {}
        self._signer: str | None = None
        self._count = 0
        self._words: deque[tuple[int, str]] = deque(maxlen=WORDS_KEPT)
        self._trace: deque[tuple[float, float, float, float]] = deque(maxlen=TRACE_KEPT)
        self._step: dict[str, Any] = {}
        self._readings: dict[str, Any] = {}

    def say(self, words: str) -> None:
        with self._lock:
            self._count += 1
            self._words.append((self._count, words.replace(OF_A_TERMINAL, "")))

    def ask(self, words: str) -> None:
        """A new question: what was typed for an earlier one is thrown away."""
        with self._lock:
            self._number += 1
            self._asked, self._typed, self._signing = words.removesuffix(" > ").removesuffix(": "), None, {}

    def typed(self) -> str | None:
        """The line that was typed; "" where the page is gone, None while there is none yet."""
        with self._lock:
            if self._over:
                return ""
            line, self._typed = self._typed, None
            if line is not None:
                self._asked = ""
            return None if line is None else f"{line}\n"

    def ask_signature(self, what: dict[str, Any]) -> None:
        """A new question, for a person's secret and not for a line; `what` is shown, and names the very bytes by `sha256`."""
        with self._lock:
            self._number += 1
            self._asked, self._typed, self._signer = "", None, None
            self._signing = {"question": self._number, **what}

    def sign(self, number: int, sha256: str, who: str) -> str:
        """Somebody whose secret was proven signs what was shown under this number. Empty when it is taken; otherwise why not."""
        with self._lock:
            if self._over:
                return LEFT
            if not self._signing or self._signer is not None:
                return "nothing waits for a signature; first: wait until it does"
            if (number, sha256) != (self._signing["question"], self._signing["sha256"]):
                return "what was shown is not what stands here now; first: read it anew"
            self._signer = who
            return ""

    def signer(self) -> str | None:
        """Who signed; "" where the page is gone, None while nobody has."""
        with self._lock:
            return "" if self._over else self._signer

    def exposing(self, on: bool) -> None:
        with self._lock:
            self._exposing = on

    def show_offer(self, prescribed: Prescribed, offer: Offer, compared: tuple[Compared, ...], simulated: bool) -> None:
        agree = all(line.agrees for line in compared)
        mark = "SIMULATED  " if simulated else ""
        self.say(
            f"{mark}offered {offer.kv:.2f} kV, {offer.ma:.3f} mA, {offer.set_time_s:.2f} s, {offer.filter_id}, {offer.applicator_id}, "
            f"purpose {offer.purpose.name} ({prescribed.prescription_id}): {len(compared)} comparisons, {'all agree' if agree else 'NOT ALL AGREE'}"
        )

    def progress(self, snapshot: Snapshot, silent_s: float) -> None:
        """Keep what is measured while beam may be on; how old it is the page's own live line says."""
        assert silent_s >= 0.0
        rate = snapshot.dose.rate_mgy_per_s if snapshot.dose is not None else 0.0
        point = (snapshot.at_s, snapshot.kv or 0.0, snapshot.ma or 0.0, rate)
        with self._lock:
            before, self._beam = self._beam, snapshot.state in BEAM
            if not self._beam:
                return
            if not before:
                self._trace.clear()
            if not self._trace or self._trace[-1][0] != point[0]:
                self._trace.append(point)

    def step(self, session: Session, used_mas: float) -> None:
        step = session.step
        if step is None:
            return
        shown = _step(session, step, used_mas)
        with self._lock:
            self._step = shown

    def readings(self, session: Session) -> None:
        step = session.step
        shown = {} if step is None else _readings(session, step)
        with self._lock:
            self._readings = shown
            if step is None:
                self._step = {}

    def type(self, number: int, line: str) -> str:
        """Take one line for the question of this number. Empty when it is taken; otherwise why not."""
        with self._lock:
            if self._over:
                return LEFT
            if not self._asked:
                return "nothing is asked now; first: wait for the next question"
            if number != self._number:
                return f"question {number} was answered or is over, {self._number} stands now; first: read it"
            if self._typed is not None:
                return f"question {number} was answered already"
            self._typed = line
            return ""

    def leave(self) -> None:
        """Nobody is at the page any more: the next question has no answer, and the session stays where it is."""
        with self._lock:
            self._over = True

    def shown(self) -> dict[str, Any]:
        """Everything that a page shows, as it stands."""
        with self._lock:
            begin_s = self._trace[0][0] if self._trace else 0.0
            return {
                "banner": self._banner,
                "question": self._number if self._asked and self._typed is None else 0,
                "asked": self._asked if self._typed is None else "",
                "exposing": self._exposing,
                "signing": self._signing if self._signer is None else {},
                "words": list(self._words),
                "trace": [(round(at_s - begin_s, 3), *values) for at_s, *values in self._trace],
                "step": self._step,
                "readings": self._readings,
            }


def _step(session: Session, step: Step, used_mas: float) -> dict[str, Any]:
    """The step in words and numbers: which of how many, why, what to connect, what it will expose next."""
    what = step.exposes
    return {
        "id": step.id, "place": session.place + 1, "of": len(session.procedure.steps), "hazard": step.hazard, "why": step.why,
        "connect": session.connect, "phase": session.phase.value, "token": session.next_token if what is not None else "",
        "exposes": None if what is None else {
            "how": what.how, "kv": what.kv, "ma": what.ma, "seconds": what.seconds, "mas": what.mas, "filter": what.filter, "applicator": what.applicator,
            "mas_cap": what.mas_cap, "used_mas": used_mas, "sets": session.sets(step), "least_sets": step.least_sets + session.more,
        },
    }  # fmt: skip


def _readings(session: Session, step: Step) -> dict[str, Any]:
    """What was read in this step, and, where it is to be judged, what is said of it."""
    units = {one.instrument: one.unit for one in step.reading}
    rows = [
        {
            "number": place,
            "instrument": one.instrument,
            "value": one.value,
            "unit": units.get(one.instrument, ""),
            "timer_s": one.timer_s,
            "rejected": one.rejected,
        }
        for place, one in enumerate(session.held)
        if one.step == step.id
    ]
    if session.phase is not Phase.JUDGE:
        return {"rows": rows, "figures": [], "warned": [], "refused": "", "judged": False}
    verdict = judged(session, step)
    figures = [{"name": one.name, "value": one.value, "unit": one.unit} for one in verdict.figures]
    return {
        "rows": rows,
        "figures": figures,
        "warned": list(verdict.warned),
        "refused": verdict.refused,
        "judged": True,
    }
