"""What both chambers counted after the unit's own end: worked out from its registers alone, and never said where its end was not seen whole.
Against a true tail it is held in tests/scenarios/test_after_end.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from dose_bench import K1_CLOSED_HV, K1_OPEN, SOUND, readings, status
from steps_bench import K1_CLOSED, SATURATED_1, TICK_S, Steps

from controller.dose import Dose
from hal.readings import Health, UnitState

ENDED: dict[str, Any] = {"state": UnitState.ENDED, "relays": K1_OPEN}
"""Of a status out of RUN, K1 open and no high voltage."""


def ended(steps: Steps, after_ms: int = 125, on_ms: int = 50, more: int = 10, **changes: Any) -> None:
    """The first status out of RUN: the timer ran on for `on_ms` of the time between, channel 1 counted `more` and channel 2 twice that."""
    counts = {"counts_1": (steps.unit.counts_1 + more) & 0xFFFF_FFFF, "counts_2": steps.unit.counts_2 + 2 * more}
    steps.see(after_ms / 1000.0, **(ENDED | {"beam_ms": steps.unit.beam_ms + on_ms} | counts | changes))


def settled(steps: Steps) -> Dose:
    return steps.meter.settled(readings(steps.now_s, steps.unit))


def beamed(**kinds: Any) -> Steps:
    """Six statuses in RUN, 16 and 32 counts each: 128 and 256 a second."""
    steps = Steps(**kinds)
    steps.run(n=6)
    return steps


def test_what_was_counted_after_the_timer_stopped() -> None:
    """50 ms on at 128 a second are 6.4 of the 10 counts; 3.6 came after the end, and in 75 ms of counting; the next status's come on top."""
    steps = beamed()
    ended(steps)
    end = settled(steps)
    assert (end.after_end_1, end.after_end_2) == (pytest.approx(3.6), pytest.approx(7.2))
    assert (end.after_end_s, end.after_end_k1_s, end.after_end_unseen) == (pytest.approx(0.075), 0.0, "")
    steps = beamed()
    ended(steps)
    ended(steps, on_ms=0, more=1)
    end = settled(steps)
    assert (end.after_end_1, end.after_end_2) == (pytest.approx(4.6), pytest.approx(9.2))
    assert end.after_end_s == pytest.approx(0.2)


def test_an_end_just_as_it_was_looked_at_needs_no_carrying_on() -> None:
    """The timer shows the same in the last status of RUN and in the first one after it: every count since came after the end."""
    steps = beamed()
    ended(steps, on_ms=0)
    assert settled(steps).after_end_1 == 10.0


def test_counters_that_wrap_at_the_end_lose_no_count() -> None:
    """Channel 1 goes over 2^32 between the last status of RUN and the first one after it."""
    steps = Steps(unit=status(1.0, counts_1=0x1_0000_0000 - 6 * 16 - 5))
    steps.run(n=6)
    ended(steps)
    assert steps.unit.counts_1 == 5 and settled(steps).after_end_1 == pytest.approx(3.6)


def test_a_second_end_is_told_and_not_the_first() -> None:
    """RUN that is seen again after an end is no end; only the last one is."""
    steps = beamed()
    ended(steps)
    steps.run(n=3)
    ended(steps, on_ms=25)
    assert settled(steps).after_end_1 == pytest.approx(6.8)


@pytest.mark.parametrize(("closed", "k1_s"), [(0, 0.0), (1, 0.075), (3, 0.325)])
def test_how_long_k1_was_seen_closed_after_the_end(closed: int, k1_s: float) -> None:
    """engineering-G20: a contactor that hangs is seen by its mirror, whatever OFF by wire did to the dose: so many statuses still show it closed."""
    steps = beamed()
    ended(steps, relays=K1_CLOSED if closed else K1_OPEN)
    for place in range(1, 4):
        ended(steps, on_ms=0, more=0, relays=K1_CLOSED if closed > place else K1_OPEN)
    assert settled(steps).after_end_k1_s == pytest.approx(k1_s)


def _short(steps: Steps) -> None:
    ended(steps)


def _gap(steps: Steps) -> None:
    ended(steps, 500, 400)


def _back(steps: Steps) -> None:
    ended(steps, on_ms=-1)


def _boot(steps: Steps) -> None:
    ended(steps, boot_count=steps.unit.boot_count + 1)


def _saturated(steps: Steps) -> None:
    steps.run(health=SATURATED_1)
    ended(steps)


def _seldom(steps: Steps) -> None:
    steps.run(after_s=0.3, each_1=38, each_2=77, beam_ms=steps.unit.beam_ms + 300)
    ended(steps)


def _dead(steps: Steps) -> None:
    steps.run(health=int(SOUND & ~Health.HT2))
    ended(steps)


def _welded(steps: Steps) -> None:
    ended(steps)
    ended(steps, on_ms=100)


def _high_voltage(steps: Steps) -> None:
    ended(steps, relays=K1_CLOSED_HV)


def _cable(steps: Steps) -> None:
    ended(steps, 124)


def _dies_after(steps: Steps) -> None:
    ended(steps)
    ended(steps, on_ms=0, health=SATURATED_1)


def _never(_steps: Steps) -> None:
    pass


UNSEEN: tuple[tuple[str, Callable[[Steps], None], dict[str, Any], str], ...] = (
    ("within the ramp", _short, {"n": 4}, "the beam ended 500 ms after its start, and is even from 575 ms on"),
    ("a gap", _gap, {}, "its timer ran on for 400 ms that no status saw, at most 375 can be told"),
    ("a timer that goes back", _back, {}, "its timer ran on for -1 ms"),
    ("a reboot", _boot, {}, "the safety unit restarted at the end"),
    ("a last sample that does not count", _saturated, {}, "the last sample of the beam did not count"),
    ("a gap before the last sample", _seldom, {}, "300 ms before the end no status was seen"),
    ("a chamber without its supply", _dead, {}, "channel 2 had failed"),
    ("K1 welded", _welded, {}, "the timer ran on by 100 ms after the end"),
    ("high voltage still there", _high_voltage, {}, "last read before the cable had emptied"),
    ("a cable that may not have emptied", _cable, {}, "last read before the cable had emptied"),
    ("a sample after the end that does not count", _dies_after, {}, "a channel failed, or a sample did not count, after the end"),
    ("no end", _never, {}, "the end of the beam was not seen"),
    ("no chambers", _short, {"chambers": False}, "no timer or no chambers of its own"),
    ("no timer", _short, {"timer": False}, "no timer or no chambers of its own"),
)  # fmt: skip


@pytest.mark.parametrize(("play", "kinds", "words"), [one[1:] for one in UNSEEN], ids=[one[0] for one in UNSEEN])
def test_an_end_that_was_not_seen_whole_has_no_counts_after_it(
    play: Callable[[Steps], None], kinds: dict[str, Any], words: str
) -> None:
    """Nothing is estimated: no number at all, and the reason in words."""
    kinds = dict(kinds)
    steps = Steps(chambers=kinds.get("chambers", True), timer=kinds.get("timer", True))
    steps.run(n=kinds.get("n", 6))
    play(steps)
    end = settled(steps)
    assert (end.after_end_1, end.after_end_2, end.after_end_s, end.after_end_k1_s) == (None,) * 4
    assert words in end.after_end_unseen


def test_while_it_is_not_settled_nothing_is_said() -> None:
    """Of a beam that ended, before the meter was told that it is over."""
    steps = beamed()
    ended(steps)
    assert steps.meter.dose.after_end_1 is None and steps.now_s > TICK_S
