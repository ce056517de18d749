"""The dose of an exposure whose end nobody wrote: from what the safety unit retained of it, else from the last durable tick and a charge for the time unseen.
High voltage that nobody asked for, or that was never proved off, is charged until it is found off.
Pure: it reads no file and ends nothing; records/recorder.py asks, records/book.py keeps the answer."""

from __future__ import annotations

import math

import msgspec

from controller.channels import (
    CUT_S,
    RATE_MAX_OVER_R0,
    SATURATED_OVER_R0,
    Weighed,
    counted,
    past_ramp,
    taken_over,
    timed,
    uncounted_tail_mgy,
    weigh,
)
from controller.entries import Found, Outcome, Start, Terminal
from controller.prescribed import Quality
from controller.stray import UNSEEN_S
from hal.readings import Cause, Purpose, Termination

LAG_S = 0.5
"""What may be lost of the journal in beam: the durable lag at which the real-time process ends the beam."""
SETTLED_S = 5.0
"""After this long the cable is discharged (t2d is at most 4 s) and the counters hold the tail."""
UNTIMED_S = 24 * 3600.0
"""Charged where no clock tells how long uncounted high voltage went on: far beyond any prescription, so that no resume is left; it bounds nothing."""
_WRAP = 1 << 32
_OPEN_BEAM = frozenset((Cause.RATE, Cause.FILTER))
"""Ends after which the retained counters may stand at their ceiling: the beam had no filter until the contactor was open."""
_ENDED_BY_PRESET = {Termination.MONITOR: Cause.COUNT_PRESET, Termination.TIME: Cause.TIME_PRESET}


class Evidence(msgspec.Struct, frozen=True):
    """The last that the journal saw of an exposure: the unit's registers with their age, when, and whether more may be missing.

    `mono_ns` and `wall_s` are of the last tick that carried this token (START's when there was none), `unit_age_s` the status's age then.
    `gapped`: ticks after that are lost; `whole`: the ring was read to its end. kV and mA (mean, least, most) are of ticks in RUN past
    their first second; 0 samples: not known. `uncounted`: since when, by both clocks, high voltage that nobody asked for or that could not be proved off
    may have been on with no counter of the unit moving; None: no such latch was set in this exposure.
    """

    mono_ns: int
    wall_s: float
    beam_ms: int
    counts_1: int
    counts_2: int
    unit_age_s: float = 0.0
    ran: bool = False
    gapped: bool = False
    whole: bool = False
    samples: int = 0
    kv: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ma: tuple[float, float, float] = (0.0, 0.0, 0.0)
    uncounted: tuple[int, float] | None = None


class Figures(msgspec.Struct, frozen=True):
    """A segment's dose in D0 mGy with the beam time and the channels that it came from; `charged_s` is time that no channel saw."""

    weighed: Weighed
    beam_s: float
    d1_mgy: float
    d2_mgy: float
    dt_mgy: float
    charged_s: float
    words: str


def uncounted_s(seen: Evidence, mono_ns: int, wall_s: float) -> float:
    """How long, until then, high voltage may have been on that the unit did not count: by the clock that says more, for either may have been set anew."""
    if seen.uncounted is None:
        return 0.0
    since_ns, since_s = seen.uncounted
    return max((mono_ns - since_ns) * 1e-9, wall_s - since_s, 0.0) + UNSEEN_S


def provisional(start: Start, seen: Evidence, tick_s: float, stuck_s: float | None = None) -> Figures:
    """Dose so far by the journal alone, with the longest beam that can have followed charged at rate_max; never GOOD, delivered = high. `stuck_s` is the
    time of high voltage that nobody counted, where more is known than the journal's last tick."""
    more_s = uncounted_s(seen, seen.mono_ns, seen.wall_s) if stuck_s is None else stuck_s
    unseen_s = start.lease_s + CUT_S + 2.0 * tick_s + seen.unit_age_s + (0.0 if seen.whole else LAG_S) + more_s
    figures = _weigh(start, seen.beam_ms, seen.counts_1, seen.counts_2, unseen_s, start.combination.tail_mgy)
    high = figures.weighed.high_mgy
    weighed = Weighed(high, figures.weighed.low_mgy, high, Quality.UNKNOWN)
    return msgspec.structs.replace(
        figures, weighed=weighed, words=f"by the journal, {unseen_s:.2f} s charged at {RATE_MAX_OVER_R0:g} x R0"
    )


def never_ran(start: Start, token: int, found: Found, seen: Evidence) -> bool:
    """True when the unit proves that this exposure never had beam: its timer and counters stand as at START, and it kept its memory.

    The unit stores a token before it arms, so a last token below START's means another unit or a lost memory. A RUN that left no retained token
    was reset by somebody: that proves nothing. A reboot is allowed only where no RUN began.
    """
    unchanged = (found.beam_ms, found.counts_1, found.counts_2) == (
        start.unit_beam_ms,
        start.unit_counts_1,
        start.unit_counts_2,
    )
    not_seen = (seen.beam_ms, seen.counts_1, seen.counts_2) == (
        start.unit_beam_ms,
        start.unit_counts_1,
        start.unit_counts_2,
    )
    no_run = found.run_count == start.unit_run_count
    kept = start.unit_last_token <= found.last_token <= token
    same_boot = found.boot_count == start.unit_boot_count
    return found.sound and unchanged and not_seen and kept and (no_run or (same_boot and found.token == token))


def implausible(start: Start, token: int, found: Found, seen: Evidence, since_s: float) -> str:
    """Why what the unit retains is no evidence for this exposure; empty when it is. `since_s` is the time since what the last tick saw of it, by the clocks
    that kept that tick: the real-time process's own, in START, may lie beside them."""
    beam_s = (found.beam_ms - seen.beam_ms) / 1000.0
    if not found.sound:
        return "the unit could not be read whole"
    if found.token != token:
        return f"the unit retains exposure {found.token}"
    if found.fraction_tag != start.fraction_tag:
        return f"the unit retains fraction {found.fraction_tag:016x}"
    if beam_s > since_s * 1.01 + 0.1:
        return f"its timer shows {beam_s:.2f} s of beam within the {since_s:.2f} s since the last tick"
    if beam_s < 0 or _behind(found, seen):
        return "its timer or counters are below those of the last tick"
    return ""


def recovered(
    start: Start, token: int, found: Found, found_mono_ns: int, found_wall_s: float, seen: Evidence, tick_s: float
) -> Figures:
    """Dose by what the unit retained where that is evidence, else the provisional one; after a reboot of the unit high is the higher of both.

    High voltage that nobody could prove off is charged until this moment, when it is off. A unit whose counters have moved since the last tick was still
    counting it, which it does until high voltage is gone: that stands for all of the time unseen only while the counters had not settled yet.
    """
    mono_s = (found_mono_ns - seen.mono_ns) * 1e-9
    wall_s = found_wall_s - seen.wall_s
    # another boot, and less wall time than this one is old: the clock was set, and nobody knows by how much
    untimed = seen.uncounted is not None and mono_s < 0 and wall_s < found_mono_ns * 1e-9
    stuck_s = UNTIMED_S if untimed else uncounted_s(seen, found_mono_ns, found_wall_s)
    by_journal = provisional(start, seen, tick_s, stuck_s)
    lost = f"; {_untimed(wall_s)}" if untimed else ""
    by_journal = msgspec.structs.replace(by_journal, words=f"{by_journal.words}{lost}")
    wrong = implausible(start, token, found, seen, max(mono_s, wall_s, 0.0) + seen.unit_age_s)
    if wrong:
        return msgspec.structs.replace(by_journal, words=f"{by_journal.words}; {wrong}")
    settled = min(wall_s, mono_s if mono_s > 0 else wall_s) >= SETTLED_S
    open_s = CUT_S if found.cause in _OPEN_BEAM else 0.0
    tail_mgy = 0.0 if settled else _longest_tail_mgy(start)
    moved = (found.beam_ms, found.counts_1, found.counts_2) != (seen.beam_ms, seen.counts_1, seen.counts_2)
    dark_s = 0.0 if moved and not untimed and max(mono_s, wall_s) < SETTLED_S else stuck_s
    by_unit = _weigh(start, found.beam_ms, found.counts_1, found.counts_2, dark_s, tail_mgy, open_s)
    if dark_s:
        told = f"{by_unit.words}, {dark_s:.2f} s of high voltage that it did not count charged at {RATE_MAX_OVER_R0:g} x R0{lost}"
        by_unit = msgspec.structs.replace(by_unit, words=told)
    if found.boot_count == start.unit_boot_count:
        return by_unit
    # the unit went down with the beam on: its memory may miss the last of it
    bound = by_journal.weighed.high_mgy
    high = max(by_unit.weighed.high_mgy, bound)
    low = by_unit.weighed.low_mgy
    sure = (
        by_unit.weighed.quality is not Quality.UNKNOWN and weigh(high, (low,), 0.0, 0.0).quality is not Quality.UNKNOWN
    )
    weighed = (
        Weighed(by_unit.weighed.delivered_mgy, low, high, Quality.DEGRADED)
        if sure
        else Weighed(high, low, high, Quality.UNKNOWN)
    )
    return msgspec.structs.replace(
        by_unit,
        weighed=weighed,
        charged_s=by_journal.charged_s,
        words=f"by the unit, which has rebooted since{lost}",
    )


def terminal(
    start: Start,
    token: int,
    start_seq: int,
    found: Found | None,
    figures: Figures | None,
    seen: Evidence,
    wall_s: float,
) -> Terminal:
    """The end that the records write themselves; `figures` None is VOID. Sums over the fraction are the book's to fill in."""
    weighed = figures.weighed if figures is not None else Weighed(0.0, 0.0, 0.0, Quality.GOOD)
    preset = found is not None and found.cause == _ENDED_BY_PRESET[start.termination]
    by_preset = figures is not None and preset and weighed.quality is not Quality.UNKNOWN
    outcome = Outcome.VOID if figures is None else Outcome.TERMINATED if by_preset else Outcome.INTERRUPTED
    words = figures.words if figures is not None else "the unit's timer and counters stand as at START"
    return Terminal(
        token=token,
        start_seq=start_seq,
        fraction_tag=start.fraction_tag,
        segment=start.segment,
        outcome=outcome,
        void=figures is None,
        event="RECOVERED",
        rule="",
        words=words,
        unit_cause=found.cause if found is not None else 0,
        d1_mgy=figures.d1_mgy if figures is not None else 0.0,
        d2_mgy=figures.d2_mgy if figures is not None else 0.0,
        dt_mgy=figures.dt_mgy if figures is not None else 0.0,
        dm_mgy=0.0,
        delivered_mgy=weighed.delivered_mgy,
        low_mgy=weighed.low_mgy,
        high_mgy=weighed.high_mgy,
        fraction_delivered_mgy=0.0,
        fraction_low_mgy=0.0,
        fraction_high_mgy=0.0,
        rest_mgy=0.0,
        quality=weighed.quality,
        beam_ms=start.unit_beam_ms + (round(figures.beam_s * 1000) if figures is not None else 0),
        counts_1=found.counts_1 if found is not None else seen.counts_1,
        counts_2=found.counts_2 if found is not None else seen.counts_2,
        unknown_s=figures.charged_s if figures is not None else 0.0,
        kv_mean=seen.kv[0],
        kv_min=seen.kv[1],
        kv_max=seen.kv[2],
        ma_mean=seen.ma[0],
        ma_min=seen.ma[1],
        ma_max=seen.ma[2],
        on_at_s=None,
        off_at_s=None,
        off_verified_s=None,
        wall_s=wall_s,
        after_end_unseen="" if figures is None else "the end of the beam was not seen",
    )


def unbelievable(end: Terminal) -> str:
    """Why a TERMINAL cannot be taken as it is: a dose that is no number, or bounds in disorder; empty when it can."""
    doses = {
        name: getattr(end, name)
        for name in ("d1_mgy", "d2_mgy", "dt_mgy", "dm_mgy", "delivered_mgy", "low_mgy", "high_mgy")
    }
    for name, value in doses.items():
        if not math.isfinite(value):
            return f"{name} is {value}"
    if not 0.0 <= end.low_mgy <= end.high_mgy or end.delivered_mgy < 0.0:
        return f"low {end.low_mgy:g}, high {end.high_mgy:g}, delivered {end.delivered_mgy:g} mGy are in disorder"
    if end.void and end.high_mgy:
        return f"VOID with {end.high_mgy:g} mGy"
    return ""


def _untimed(wall_s: float) -> str:
    """What people read where the time of uncounted high voltage is not known."""
    return (
        f"for how long high voltage was on is not known: the computer was started anew, and its clock shows {wall_s:.0f} s since the last tick; "
        f"{UNTIMED_S:.0f} s stand for no bound; first: a physicist closes the fraction"
    )


def _behind(found: Found, seen: Evidence) -> bool:
    """Whether a counter of the unit is below what a tick already saw of it, modulo 2^32."""
    return any(
        (now - then) % _WRAP > _WRAP // 2
        for now, then in ((found.counts_1, seen.counts_1), (found.counts_2, seen.counts_2))
    )


def _longest_tail_mgy(start: Start) -> float:
    """What may still be missing where the unit ended the beam and no host was there to send OFF: the tail through K1 alone. A cold filament has none."""
    c = start.combination
    return 0.0 if start.prescribed.purpose is Purpose.DRY_RUN else uncounted_tail_mgy(c.tail_mgy, c.r0_mgy_per_s)


def _weigh(
    start: Start, beam_ms: int, counts_1: int, counts_2: int, unseen_s: float, tail_mgy: float, open_s: float = 0.0
) -> Figures:
    """Weigh the channels of one segment by the unit's registers; a tail that may still be missing (`tail_mgy`) widens high by itself, and so does beam that
    may have been stronger than any channel counts (`open_s`). What the meter had said at the ramp's end is in no register (`taken_over`)."""
    c = start.combination
    beam_s = max(0.0, (beam_ms - start.unit_beam_ms) / 1000.0)
    d1 = counted((counts_1 - start.unit_counts_1) % _WRAP, beam_s, c.n1_mgy_per_count, c.leak1_cps, 1.0)
    d2 = counted((counts_2 - start.unit_counts_2) % _WRAP, beam_s, c.n2_mgy_per_count, c.leak2_cps, start.k_tp)
    # high voltage over a cold filament: its time stands for no dose, what was counted does
    timing = start.prescribed.purpose is not Purpose.DRY_RUN
    dt = timed(c.r0_mgy_per_s, beam_s, c.dt_s) if timing else 0.0
    valid_1 = d1 if c.n1_mgy_per_count > 0 else None
    valid_2 = d2 if c.n2_mgy_per_count > 0 else None
    valid_t = dt if timing and past_ramp(beam_s, start.ramp_s, start.press_to_hv_s, start.timer_start) else None
    primary: float | None
    others: tuple[float | None, ...]
    by_timer = start.termination is Termination.TIME and valid_t is not None
    if by_timer and valid_t is not None:
        primary, others = taken_over(valid_t, 0.0), (valid_1, valid_2)
    else:
        primary, others = valid_1, (valid_2, valid_t) if valid_t is not None else (valid_2,)
    rate_max = RATE_MAX_OVER_R0 * c.r0_mgy_per_s
    saturated = SATURATED_OVER_R0 * c.r0_mgy_per_s * open_s
    unknown = rate_max * unseen_s + saturated + tail_mgy
    weighed = weigh(primary, others, rate_max * beam_s, unknown)
    # the timer's dose holds its tail already (dt is a net time), the counters' does not yet
    if tail_mgy and not by_timer and weighed.quality is not Quality.UNKNOWN:
        weighed = msgspec.structs.replace(
            weighed, delivered_mgy=min(weighed.delivered_mgy + c.tail_mgy, weighed.high_mgy)
        )
    return Figures(weighed, beam_s, d1, d2, dt, unseen_s + open_s, "by the unit's retained timer and counters")
