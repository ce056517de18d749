"""One electrometer on one wire, whatever its dialect: identified, polled in turn, and each order carried out step by step, every act once, proven by a reading.
It knows the order of things and no command of any device: those stand in the sheet of its driver."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from msgspec import structs

from hal import poll_plan
from hal.electrometer import (
    ENDED,
    INTEGRATING,
    Hold,
    MeterDone,
    MeterIdentity,
    MeterInterval,
    MeterOrder,
    MeterRange,
    MeterReading,
    MeterState,
    MeterZero,
    Reset,
)
from hal.errors import Trouble, TroubleKind
from hal.exchange import Answer, Dialect
from hal.poll_plan import Poll
from hal.readings import Link, Refusal
from hal.registry import ElectrometerSetting, OpenPipe
from hal.units import Seconds
from hal.wire import Wire

REPLY_MOST_S: Final = 1.0
"""Beside the wire's own time. Nothing hangs on a quick answer here, so a slow one is awaited rather than taken for lost."""
DRAIN_LEAST_S: Final = 0.050
ASK_AGAIN_S: Final = 2.0
STALE_LINK_S: Final = 4.0
PATIENCE_S: Final = 10.0
"""A proof whose question is not answered at all for this much longer than it may take ends its order."""

Q = TypeVar("Q")
A = TypeVar("A")


class Sight(Enum):
    """What a proof has shown."""

    SEEN = "as it must be; on to the next step"
    DONE = "the order has nothing left to do"


@dataclass(frozen=True)
class Step(Generic[Q, A]):
    """One step of an order. Without `sees` it is an act: sent once, whatever becomes of its reply. With it, a proof: asked until it is seen, for at most
    `within_s` (0: the first answer decides); `sees` gives words when it is not, and `first` is what a person should do then."""

    q: Q
    sees: Callable[[A], Sight | str] | None = None
    within_s: float = 0.0
    first: str = "look at the device, then reset it"


@dataclass(frozen=True)
class MeterSheet(Generic[Q, A]):
    """One electrometer's tables. `value`, `range`, `interval` and `zero` name the requests whose answers these readings are made of; `unfit` gives words."""

    dialect: Callable[[], Dialect[Q, A]]
    identify: tuple[Q, ...]
    identity: Callable[[ElectrometerSetting, Mapping[str, A], float], MeterIdentity | None]
    polls: Callable[[ElectrometerSetting], tuple[Poll, ...]]
    requests: Mapping[str, Q]
    value: str
    reading: Callable[[A, float, MeterRange | None], MeterReading | Trouble]
    range: str
    range_of: Callable[[A, float], MeterRange | Trouble]
    interval: str
    interval_of: Callable[[A, float], MeterInterval]
    zero: str
    zero_of: Callable[[A, float], MeterZero]
    steps: Callable[[MeterOrder], tuple[Step[Q, A], ...]]
    unfit: Callable[[MeterOrder], str]
    longest_reply_b: int


class ElectrometerEngine(Generic[Q, A]):
    """See `hal.registry.Electrometer` for the verbs."""

    def __init__(self, sheet: MeterSheet[Q, A], setting: ElectrometerSetting, open_pipe: OpenPipe) -> None:
        longest_s = poll_plan.BITS_A_CHARACTER * 2 * sheet.longest_reply_b / setting.baud if setting.baud else 0.0
        self._sheet = sheet
        self._setting = setting
        self._wire: Wire[Q, A] = Wire(
            lambda: open_pipe(setting.link, setting.baud),
            sheet.dialect,
            longest_s + REPLY_MOST_S,
            max(DRAIN_LEAST_S, 2.0 * setting.turnaround_s),
        )
        self._name = sheet.dialect().name
        self._polls = sheet.polls(setting)
        self._spoilt: tuple[str, ...] = ()
        self._order: MeterOrder | None = None
        self.done: MeterDone | None = None
        self.refusal: Refusal | None = None
        self._from_scratch()

    def _from_scratch(self) -> None:
        """After an opening nothing is known of the device: it may be another one."""
        self._opened = self._wire.opened
        self.identity: MeterIdentity | None = None
        self.reading: MeterReading | None = None
        self.range: MeterRange | None = None
        self.interval: MeterInterval | None = None
        self.zero: MeterZero | None = None
        self._said: dict[str, A] = {}
        self._said_from_s = 0.0
        self._asked: dict[str, float] = {}
        self._last = ""
        self._extra = False
        self._poll_turn = False
        self._steps: deque[Step[Q, A]] = deque()
        self._step_at_s = -math.inf
        self._acting: Q | None = None

    @property
    def identified(self) -> bool:
        return self.identity is not None and not self.identity.mismatch

    @property
    def pending(self) -> MeterOrder | None:
        return self._order

    def link(self, now: Seconds) -> Link:
        last = self._wire.last_good_s
        lost = not self._wire.up or self.identity is None or last is None or now - last > STALE_LINK_S
        return self._wire.link(lost)

    def want(self, order: MeterOrder, now: Seconds) -> bool:
        """Takes one order; False when it cannot be carried out, with the reason in `refusal`."""
        wrong = self._sheet.unfit(order)
        if not self.identified:
            wrong = "the electrometer is not identified; see that it is on, and the one that the configuration names"
        elif not wrong and self._order is not None and not isinstance(order, Hold | Reset):
            wrong = f"{_verb(self._order)} is not done yet; wait for it, or hold or reset"
        if wrong:
            self._refuse(now, order, wrong)
            return False
        self._order, self.refusal = order, None
        self._steps = deque(self._sheet.steps(order))
        self._step_at_s = now
        self._acting = None
        return True

    def ask(self, now: Seconds, may_open: bool) -> None:
        """One request if the wire is free."""
        self._wire.serve(now, may_open)
        if self._wire.opened != self._opened:
            self._from_scratch()
            self._give_up(now, "the wire was opened anew before it was proven; read the state, then order again")
        self.take(now)
        self._watch(now)
        exchange = self._wire.exchange
        if exchange is None or not exchange.idle:
            return
        request = self._identify(now) if not self.identified else self._next(now)
        if request is not None:
            self._last = self._name(request)
            self._asked[self._last] = now
            exchange.ask(request, now)

    def take(self, now: Seconds) -> None:
        answer = self._wire.poll(now)
        if answer is None:
            return
        try:
            self._heard(answer, now)
        except Exception as why:  # a decoder's fault must not stop whoever reads here
            self._wire.trouble(Trouble(TroubleKind.FRAME_BAD, self._name(answer.q), repr(why)))

    def _identify(self, now: Seconds) -> Q | None:
        if self.identity is not None:
            if now - self.identity.asked_at_s < ASK_AGAIN_S:
                return None
            self.identity, self._said = None, {}
        return next((q for q in self._sheet.identify if self._name(q) not in self._said), None)

    def _next(self, now: Seconds) -> Q | None:
        """An act of the order at once; a proof of it in every second turn; else the poll that is due. No question follows itself."""
        step = self._steps[0] if self._steps else None
        if step is not None and step.sees is None:
            self._steps.popleft()
            self._acting = step.q
            return step.q
        self._poll_turn = not self._poll_turn
        if step is not None and not self._poll_turn and self._name(step.q) != self._last:
            return step.q
        poll = poll_plan.due(self._polls, self._asked, now, self._extra)
        self._extra = poll is not None and bool(poll.every_s)
        return None if poll is None else self._sheet.requests[poll.name]

    def _heard(self, answer: Answer[Q, A], now: Seconds) -> None:
        value, q = answer.value, answer.q
        if isinstance(value, Trouble):
            self._asked.pop(self._name(q), None)
            if not self.identified and value.kind is TroubleKind.REFUSED:
                self.identity = MeterIdentity(answer.asked_at, "", "", "", f"{value.request}: {value.detail}")
        elif not self.identified:
            self._introduced(self._name(q), answer.asked_at, value)
            return
        elif not self._took(self._name(q), answer.asked_at, value):
            return
        if q == self._acting and not answer.fence:
            self._acted(value, now)
        elif self._steps and q == self._steps[0].q and answer.asked_at >= self._step_at_s:
            self._proved(self._steps[0], answer.asked_at, value, now)

    def _introduced(self, name: str, asked_at_s: float, value: A) -> None:
        self._said_from_s = self._said_from_s if self._said else asked_at_s
        self._said[name] = value
        self.identity = self._sheet.identity(self._setting, self._said, self._said_from_s)
        if self.identified:
            self._wire.content()

    def _took(self, name: str, asked_at_s: float, value: A) -> bool:
        """Puts a good answer where it belongs; False for one that does not fit together: that is a damaged frame, and proves nothing."""
        sheet = self._sheet
        wrong: Trouble | None = None
        if name == sheet.value:
            reading = sheet.reading(value, asked_at_s, self.range)
            if isinstance(reading, Trouble):
                wrong = reading
            else:
                self.reading = self._judged(reading)
        elif name == sheet.range:
            in_range = sheet.range_of(value, asked_at_s)
            if isinstance(in_range, Trouble):
                wrong = in_range
            else:
                self.range = in_range
        elif name == sheet.interval:
            self.interval = sheet.interval_of(value, asked_at_s)
        elif name == sheet.zero:
            self.zero = sheet.zero_of(value, asked_at_s)
        if wrong is not None:
            self._wire.trouble(wrong)
        return wrong is None

    def _judged(self, reading: MeterReading) -> MeterReading:
        """Whatever spoilt a measurement spoils its value until the reset, also when the device forgets it; an ended one settles when it is said twice."""
        if reading.state is MeterState.RESET:
            self._spoilt = ()
        elif reading.state in INTEGRATING or reading.state in ENDED:
            self._spoilt = tuple(dict.fromkeys((*self._spoilt, *reading.void)))
            if self._spoilt:
                reading = structs.replace(reading, integral=None, void=self._spoilt)
        last = self.reading
        if reading.state not in ENDED or reading.integral is None or last is None:
            return reading
        same = (last.state, last.integral, last.elapsed_s) == (reading.state, reading.integral, reading.elapsed_s)
        return structs.replace(reading, settled=same)

    def _acted(self, value: A | Trouble, now: Seconds) -> None:
        """An act has had its time. A refusal ends the order; anything else is left to the proof that follows."""
        self._acting = None
        self._step_at_s = now
        if isinstance(value, Trouble) and value.kind is TroubleKind.REFUSED:
            self._give_up(now, value.detail)

    def _proved(self, step: Step[Q, A], asked_at_s: float, value: A | Trouble, now: Seconds) -> None:
        if isinstance(value, Trouble):
            if value.kind is TroubleKind.REFUSED:
                self._give_up(now, f"{self._name(step.q)}: {value.detail}")
            return
        seen = step.sees(value) if step.sees is not None else Sight.SEEN
        if isinstance(seen, str):
            if now - self._step_at_s >= step.within_s:
                self._give_up(now, f"{seen}; first: {step.first}")
            return
        self._steps.popleft()
        self._step_at_s = now
        order = self._order
        if order is not None and (seen is Sight.DONE or not self._steps):
            self.done = MeterDone(asked_at_s, order)
            self._order = None
            self._steps.clear()

    def _watch(self, now: Seconds) -> None:
        """A proof that nobody answers ends its order too."""
        if self._steps and self._acting is None:
            step = self._steps[0]
            if step.sees is not None and now - self._step_at_s > step.within_s + PATIENCE_S:
                self._give_up(now, f"{self._name(step.q)} is not answered; see that the device is on and its cable in")

    def _give_up(self, now: float, why: str) -> None:
        order, self._order = self._order, None
        self._steps.clear()
        self._acting = None
        if order is not None:
            self._refuse(now, order, why)

    def _refuse(self, now: float, order: MeterOrder, why: str) -> None:
        self.refusal = Refusal(now, _verb(order), why)


def _verb(order: MeterOrder) -> str:
    return str(order.__struct_config__.tag)
