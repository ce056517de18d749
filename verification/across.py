"""The two laws that one run cannot show: M1, that no clock decides anything, and M2, that STOP leads to off from everywhere and a sound plan to its end.
It compares traces that a maker of runs gives; what a run is stands with its maker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from verification.invariants import Broken, Expectation
from verification.story import ENDS, Story, lit
from verification.trace import NOT_RUNNING, Trace

TIMER_S: Final = 0.005
"""By how much beam may differ in length between two runs that are the same but for their clocks: the noise of the chambers, a millisecond later in the
one than in the other, is another noise."""
DOSE_MGY: Final = 0.5
STAY_S: Final = 0.05
"""The same for a stay in a state: what is due exactly at a tick may come a tick later."""
HANDS_S: Final = 0.4
"""The same where a hand ends the stay: it sees ten snapshots a second, and asks again 0.2 s after a refusal."""
BY_HAND: Final = ("LOAD", "RESUME", "CONFIRM", "PRESS", "CLOSE", "RESET")
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """What the clocks of a run show: the monotonic one at the world's beginning, and by how much somebody steps the wall clock, when (s from the beginning)."""

    name: str
    epoch_s: float = 1000.0
    steps: tuple[tuple[float, float], ...] = ()


USUAL: Final = Clocks("usual")
OTHERS: Final = (
    Clocks(
        "the wall clock steps an hour back and forth in beam", steps=((4.5, -3600.0), (5.5, 7200.0), (6.5, -3600.0))
    ),
    Clocks("the wall clock falls to 1970 in beam and comes back", steps=((4.5, -1.7e9), (6.5, 1.7e9))),
    Clocks("2^31 ms after boot in the run", (1 << 31) * 1e-3 - 5.0),
    Clocks("2^32 ms after boot in the run", (1 << 32) * 1e-3 - 5.0),
    Clocks("248.55 days after boot in the run", 248.55 * DAY_S - 5.0),
    Clocks("100 days after boot", 100.0 * DAY_S),
)
"""Clocks that must make no difference: each roll-over lies within the run. A wall clock that stands before the last record when a fraction is loaded is
refused, as it should be; so it steps in beam."""

Maker = Callable[[Clocks], Trace]


def time_independent(make: Maker, others: tuple[Clocks, ...] = OTHERS) -> list[Broken]:
    """M1: the same run under other clocks is the same run. Empty when it is."""
    usual = make(USUAL)
    return [
        Broken("M1", at_s, f"{other.name}: {words}") for other in others for at_s, words in _apart(usual, make(other))
    ]


def _apart(one: Trace, other: Trace) -> Iterator[tuple[float, str]]:
    """Where two runs part, the first place only."""
    a, b = _stays(one), _stays(other)
    for (stay, for_s), (other_stay, other_for_s) in zip(a, b, strict=False):
        if stay != other_stay or abs(for_s - other_for_s) > (HANDS_S if stay[2] in BY_HAND else STAY_S):
            yield (
                other.rows[-1].t,
                f"{other_stay} for {other_for_s:.2f} s, under the usual clock {stay} for {for_s:.2f} s",
            )
            return
    if len(a) != len(b):
        yield other.rows[-1].t, f"{len(b)} changes of state, {len(a)} under the usual clock"
        return
    (mgy, beam_s, told), (other_mgy, other_beam_s, other_told) = _given(one), _given(other)
    if abs(mgy - other_mgy) > DOSE_MGY or abs(beam_s - other_beam_s) > TIMER_S or told != other_told:
        yield (
            other.rows[-1].t,
            (
                f"truly {other_mgy:.3f} mGy in {other_beam_s:.4f} s and {other_told}, under the usual clock {mgy:.3f} mGy in {beam_s:.4f} s and {told}"
            ),
        )


def _stays(trace: Trace) -> list[tuple[tuple[str, str, str], float]]:
    """Each stay in a state, by what it began and ended with, and how long it was; the last has no end."""
    begun = [(row.t, row.state, row.event) for before, row in pairwise(trace.rows) if row.state != before.state]
    return [((state, event, end), until - at) for (at, state, event), (until, _, end) in pairwise(begun)]


def _given(trace: Trace) -> tuple[float, float, list[tuple[str, float]]]:
    """The true dose, the true seconds of beam, and what the records say of each exposure."""
    story = Story(trace, Expectation())
    told = [(e["outcome"], round(e["delivered_mgy"])) for f in trace.fractions for e in f["exposures"]]
    return trace.rows[-1].mgy, story.beam_s(list(story.ons)), told


def stop_leads_off(trace: Trace, stop_at_s: float) -> list[Broken]:
    """M2, first half: after this STOP high voltage is gone within T1 + T2 + T3 and stays away, and whoever could be stopped has come to rest."""
    story = Story(trace, Expectation())
    deadline = stop_at_s + story.reaction_s
    broken = []
    if not deadline < story.end_s:
        broken.append(Broken("M2", stop_at_s, f"the run ends {deadline - story.end_s:.2f} s before it can be judged"))
    still = [row for row in story.between(deadline, story.end_s) if lit(row)]
    if still:
        broken.append(
            Broken("M2", still[0].t, f"{still[0].kv:.1f} kV are on {still[0].t - stop_at_s:.2f} s after STOP")
        )
    end = trace.rows[-1]
    if end.state not in (*ENDS, "STANDBY", "SELF_TEST", NOT_RUNNING):
        broken.append(Broken("M2", end.t, f"{end.state} {end.t - stop_at_s:.2f} s after STOP"))
    return broken


def comes_to_its_end(trace: Trace) -> list[Broken]:
    """M2, second half: with nothing broken every fraction that was begun is COMPLETE, or a program that never runs would be safe."""
    if not trace.fractions:
        return [Broken("M2", trace.rows[-1].t, "no fraction was given")]
    return [
        Broken("M2", trace.rows[-1].t, f"fraction {f['id']} is {f['status']}, {f['delivered_mgy']:.1f} of {f['d0_mgy']:.1f} mGy")
        for f in trace.fractions
        if f["status"] != "COMPLETE"
    ]  # fmt: skip
