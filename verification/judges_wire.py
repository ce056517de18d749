"""What must hold of questions and answers: each value that is believed is that of its own time, each question waits for its answer, each token has one ON.
Each judge gives the times and words of what is broken in one story; ids and names are in verification/invariants.py."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from hal.readings import Contact
from verification.story import LYING_MA, LYING_UNIT, LYING_VALUES, LYING_WIRES, Found, Story
from verification.trace import Row

BAND: Final = 0.02
"""Of full scale, of the filament's current in 5 A: converters and noise, a quarter of it in sound runs."""
FILAMENT_A: Final = 5.0
LATE_S: Final = 0.03
"""A device may answer from what it converted or scanned so long before its question."""
ANSWER_S: Final = 0.015
"""No wire of any rig gives a question up sooner."""
SEALED: Final = tuple(f"generator-wire-{name}" for name in LYING_WIRES)


@dataclass(frozen=True)
class Value:
    """A value that the program believes: how it is read, what is true, how far they may be apart; None: it must be one of the true ones, to the bit. `lies` are
    the faults that give a wrong value with a right checksum, or in the device itself."""

    name: str
    read: Callable[[Any], float | None]
    true: Callable[[Row], float]
    band: Callable[[Story], float] | None
    lies: tuple[str, ...]
    unseen: Callable[[Story, float, float], bool] = lambda _s, _from, _until: False
    """Whether it may have been, between two ticks of this stretch, what it was in none."""
    before_s: float = 0.0
    """A supply that tells it in a reply of its own, less often, tells what was so long before."""


def _filament_a(monitor: Any) -> float | None:
    return monitor.filament_a if monitor.filament_a > 0.0 else None


def _went_on(s: Story, from_s: float, until_s: float) -> bool:
    """The unit changed twice: what it was in between need not be in any row."""
    at = s.unit_changes
    return bisect_right(at, until_s) - bisect_left(at, from_s) > 1


def _begun_anew(s: Story, from_s: float, until_s: float) -> bool:
    """The unit began its sums anew: their last values need not be in any row."""
    rows = list(s.between(from_s, until_s))
    return any(
        after.beam_ms < row.beam_ms or after.counts[0] < row.counts[0] or after.counts[1] < row.counts[1]
        for row, after in pairwise(rows)
    )


def _wrapped(s: Story, from_s: float, until_s: float) -> bool:
    """The unit's scan number, of 32 bits, began at 0 again: its last numbers before need not be in any row."""
    return any(after.scan < row.scan for row, after in pairwise(s.between(from_s, until_s)))


CUTTING: Final = int(Contact.ESTOP | Contact.DOOR | Contact.APPLICATOR | Contact.KEY_TREAT | Contact.KEY_SERVICE)
"""The contacts that end a beam; the beam-on switch is let go again between two ticks."""
BOUNCING: Final = ("door-bounces", "door-flaps")
GENERATOR: Final = (
    Value("kV", lambda m: m.kv, lambda row: row.kv, lambda s: BAND * s.rig.full_scale[0], (*SEALED, *LYING_VALUES)),
    Value("mA", lambda m: m.ma, lambda row: row.ma, lambda s: BAND * s.rig.full_scale[1], (*SEALED, *LYING_VALUES, *LYING_MA)),
    Value("filament", _filament_a, lambda row: row.filament_a, lambda _: BAND * FILAMENT_A, (*SEALED, *LYING_VALUES), before_s=2.0),
)  # fmt: skip
"""A filament of 0 A is what drivers say whose supply tells of none, NaN what they say that have not read it lately."""
UNIT: Final = (
    Value("state", lambda u: u.state, lambda row: row.unit_state, None, LYING_UNIT, _went_on),
    Value("token", lambda u: u.token, lambda row: row.unit_token, None, LYING_UNIT, _went_on),
    Value(
        "contacts",
        lambda u: u.contacts_a & u.contacts_b & CUTTING,
        lambda row: row.contacts & CUTTING,
        None,
        (*LYING_UNIT, *BOUNCING),
    ),
    Value("scan", lambda u: u.scan, lambda row: row.scan, lambda _: 0.0, LYING_UNIT, _wrapped),
    Value("beam_ms", lambda u: u.beam_ms, lambda row: row.beam_ms, lambda _: 0.0, LYING_UNIT, _begun_anew),
    Value(
        "counts of chamber 1", lambda u: u.counts_1, lambda row: row.counts[0], lambda _: 0.0, LYING_UNIT, _begun_anew
    ),
    Value(
        "counts of chamber 2", lambda u: u.counts_2, lambda row: row.counts[1], lambda _: 0.0, LYING_UNIT, _begun_anew
    ),
)
"""The unit's block has its checksum and the echo of its question: no tampering with its wire is an excuse."""


def wire(s: Story) -> Found:
    """21. What a wire's re-sync is after a time-out stands with each driver; what must come of it is judged here: no value that is not of its own time."""
    yield from _of_their_time(s, "monitor", GENERATOR)
    if s.rig.own_unit:
        yield from _of_their_time(s, "unit", UNIT)
    for one in s.trace.crossed:
        if not one.is_off and one.after_s < ANSWER_S and not s.lasting(BLOCKED, one.at_s - 1.0, one.at_s):
            yield one.at_s, f"a question left on {one.link} {1000 * one.after_s:.0f} ms after one that has no answer"
    for token in {on.token for on in s.ons}:
        times = [s.rows[on.at].t for on in s.ons if on.token == token]
        if len(times) > 1:
            yield times[-1], f"ON was let out {len(times)} times for token {token}"


BLOCKED: Final = ("generator-wire-blocked", "unit-wire-blocked")
"""A device that does not read takes one question in pieces."""


def _of_their_time(s: Story, part: str, values: Iterable[Value]) -> Found:
    """Each new reading against what was true from its question to now."""
    before = None
    for place, row in enumerate(s.rows):
        reading = getattr(row, part)
        if reading is None or reading is before:
            continue
        before = reading
        asked_s = reading.asked_at_s - row.lead_s
        for value in values:
            read = value.read(reading)
            first = max(0, bisect_right(s.times, asked_s - LATE_S - value.before_s, 0, place + 1) - 1)
            if read is None or first == 0:
                continue
            true = [value.true(one) for one in s.rows[first : place + 1]]
            if value.band is None:
                held = read in true
            else:
                held = min(true) - value.band(s) <= read <= max(true) + value.band(s)
            if (
                not held
                and not s.lasting(value.lies, asked_s - 1.0, row.t)
                and not value.unseen(s, s.times[first], row.t)
            ):
                told = f"{min(true):.6g} to {max(true):.6g}"
                yield row.t, f"{value.name} is read as {read:.6g}, truly it was {told} from its question on"
