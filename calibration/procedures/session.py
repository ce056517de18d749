"""What happens to a guided session (events), what it holds by then (Session), and what it asks for (Effects).
Tables only; what an event does to a session is calibration/procedures/engine.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import msgspec

from calibration.procedures.step import How, Limits, Procedure, Step

ACCEPT: Final = "accept"
OF_THE_END: Final = ("after_off_1", "after_off_2", "after_off_s", "k1_closed_s")
"""Of a record, what is there only where the unit's own end was seen whole."""


class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="event"):
    """Names the step that was shown, so that a late one does nothing to the next."""

    step: str
    at: datetime


class Connected(Event, frozen=True, tag="connected"):
    """A person says: all is connected as the step shows."""


class Confirmed(Event, frozen=True, tag="confirmed"):
    """A person confirms the exposure of this token, as it was shown; "" asks for a reading without beam, ACCEPT accepts the step.

    Where the step is accepted with a warning, `why` says why."""

    token: str
    why: str = ""


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the exposure's own record says; None: it says nothing. kV and mA are means of the read-back over the flat top; counts are of the whole
    exposure, `after_off` of what came after the unit had told K1 to open, in `after_off_s` (None: `after_off_unseen` says why); `k1_closed_s`: until when K1's
    mirror was still seen closed; `clock_s` is the monotonic clock's time between the timer's events; `head_p_tp` the factor
    that takes the air of the head to 20 degC and 101.325 kPa; `counted_s` how long the counters ran, from high voltage on until it was gone."""

    set_kv: float | None = None
    set_ma: float | None = None
    kv: float | None = None
    ma: float | None = None
    timer_2_s: float | None = None
    clock_s: float | None = None
    k1_to_hv_s: float | None = None
    counts_1: float | None = None
    counts_2: float | None = None
    after_off_1: float | None = None
    after_off_2: float | None = None
    after_off_s: float | None = None
    k1_closed_s: float | None = None
    after_off_unseen: str = ""
    arcs: float | None = None
    head_c: float | None = None
    p_kpa: float | None = None
    head_p_tp: float | None = None
    counted_s: float | None = None


class Exposed(Event, frozen=True, tag="exposed"):
    """The desk's answer: the unit's timer, "complete" or why it ended otherwise, and what was recorded."""

    token: str
    timer_s: float
    ended: str
    record: Recorded = Recorded()

    def recorded(self, name: str) -> float | None:
        """One value of the record, by its name in RECORDED."""
        value: float | None = self.timer_s if name == "timer_s" else getattr(self.record, name)
        return value

    def lacking(self, name: str) -> str:
        """Why the record holds none of this name, as far as it says."""
        return self.record.after_off_unseen if name in OF_THE_END else ""


class Reading(Event, frozen=True, tag="reading"):
    """A number as it stood, from which instrument, in what air, how long after warm-up, and of which exposure ("": none)."""

    token: str
    text: str
    instrument: str
    serial: str
    t_c: float
    p_kpa: float
    since_warmup_s: float


class Reject(Event, frozen=True, tag="reject"):
    """A reading by its number, or (None) the exposure that is outstanding or not yet read, with the reason."""

    reading: int | None
    why: str


class Repeat(Event, frozen=True, tag="repeat"):
    """One more reading is wished than the step needs; the step may be accepted without it."""


class Back(Event, frozen=True, tag="back"):
    """Back to the earlier step that this one names; what was taken since then is rejected with the reason."""

    why: str


class Leave(Event, frozen=True, tag="leave"):
    """The session is left; what was connected counts no longer."""


class Void(Event, frozen=True, tag="void"):
    """The session counts for nothing from here on, at its end or not; `step` is "". What was read stays to be seen."""

    why: str


OfStep = Connected | Confirmed | Exposed | Reading | Reject | Repeat | Back | Leave
AnyEvent = OfStep | Void


class Phase(Enum):
    CONNECT = "connect"
    READY = "ready"
    EXPOSING = "exposing"
    READ = "read"
    JUDGE = "judge"
    DONE = "done"


@dataclass(frozen=True)
class Shot:
    """An exposure that was asked for. `spoiled` says why it serves no reading, `read` that all its readings are there; `arcs` ended a spoiled one."""

    token: str
    step: str
    asked_at: datetime
    ended_at: datetime | None = None
    timer_s: float | None = None
    spoiled: str = ""
    read: bool = False
    arcs: float = 0.0

    @property
    def open(self) -> bool:
        """Asked for, and not answered."""
        return self.timer_s is None and not self.spoiled

    @property
    def charged(self) -> bool:
        """Whether it counts against its step's charge: the unit's timer stood at 0, and nothing else, says that there was no beam."""
        return self.timer_s != 0.0

    @property
    def unread(self) -> bool:
        """Answered, and a reading is due."""
        return self.timer_s is not None and not self.spoiled and not self.read


@dataclass(frozen=True)
class Held:
    """A reading with all that belongs to it; a rejected one stays with its reason."""

    step: str
    value: float
    instrument: str
    event: Reading | Exposed
    timer_s: float | None
    rejected: str = ""


@dataclass(frozen=True)
class Figure:
    """A number that a judgement came to."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Verdict:
    """What is said of a step's readings: why they are refused, or ""; what is worth a warning; and the figures to show."""

    refused: str = ""
    warned: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()


@dataclass(frozen=True)
class Passed:
    """A step that a person accepted: with which verdict, when, and why in spite of a warning."""

    step: str
    at: datetime
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Session:
    """All that a session is; the same events give the same session."""

    id: str
    procedure: Procedure
    place: int = 0
    connected: bool = False
    asked: bool = False
    more: int = 0
    shots: tuple[Shot, ...] = ()
    held: tuple[Held, ...] = ()
    passed: tuple[Passed, ...] = ()
    last_at: datetime | None = None
    void: str = ""

    @property
    def step(self) -> Step | None:
        """The step that is shown; None at the end."""
        return self.procedure.steps[self.place] if self.place < len(self.procedure.steps) else None

    def kept(self, step: str) -> tuple[Held, ...]:
        """A step's readings that nobody rejected."""
        return tuple(one for one in self.held if one.step == step and not one.rejected)

    def values(self, step: str, instrument: str = "") -> tuple[float, ...]:
        """A step's kept values of one instrument; "": of the first that it wants."""
        of = instrument or next(one.reading[0].instrument for one in self.procedure.steps if one.id == step)
        return tuple(one.value for one in self.kept(step) if one.instrument == of)

    def sets(self, step: Step) -> int:
        """How often each of a step's readings is kept."""
        return min(len(self.values(step.id, one.instrument)) for one in step.reading)

    def used_mas(self, step: Step) -> float:
        """What a step's exposures count of its charge: each whole, whatever came of it."""
        return (
            step.exposes.mas * sum(1 for one in self.shots if one.step == step.id and one.charged)
            if step.exposes is not None
            else 0.0
        )

    @property
    def connect(self) -> str:
        """What is connected: of the last step up to this one that says it."""
        said = [one.connect for one in self.procedure.steps[: self.place + 1] if one.connect]
        return said[-1]

    @property
    def rests_until(self) -> datetime | None:
        """Before this time the step that is shown exposes nothing; None: nothing rests."""
        rest_s = self.step.exposes.rest_s if self.step and self.step.exposes else 0.0
        ended = [one.ended_at for one in self.shots if one.ended_at is not None]
        return max(ended) + timedelta(seconds=rest_s) if ended and rest_s else None

    @property
    def shot(self) -> Shot | None:
        """The exposure that is outstanding or not yet read: one at most."""
        return next((one for one in self.shots if one.open or one.unread), None)

    @property
    def next_token(self) -> str:
        return f"{self.id}-{len(self.shots) + 1}"

    @property
    def phase(self) -> Phase:
        """What is due, worked out and never stored."""
        if self.step is None:
            return Phase.DONE
        if self.shot is not None:
            return Phase.EXPOSING if self.shot.open else Phase.READ
        if not self.connected:
            return Phase.CONNECT
        if self.asked:
            return Phase.READ
        enough = self.step.least_sets + self.more
        return Phase.JUDGE if self.sets(self.step) >= enough else Phase.READY


@dataclass(frozen=True)
class Expose:
    """A request to the desk, once for its token, under these limits; `mas_cap` is of this one exposure, and 1 % for the timer."""

    token: str
    limits: Limits
    kv: float
    ma: float
    filter: str
    applicator: str
    seconds: float
    mas_cap: float
    how: How = "beam"


@dataclass(frozen=True)
class MeterOrder:
    """Read an instrument that is on a wire."""

    instrument: str
    unit: str


@dataclass(frozen=True)
class Effects:
    """What to do: one thing at most. `refused` says why the event did nothing."""

    do: Expose | MeterOrder | None = None
    refused: str = ""


Judgement = Callable[[Session, Step], Verdict]
"""What a step's readings are worth; a pure function, whose ValueError is a refusal too, in its words."""
