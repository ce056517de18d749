"""What must hold of the true dose, and of what the records say of it.
Each judge gives the times and words of what is broken in one story; ids and names are in verification/invariants.py."""

from __future__ import annotations

import math
from typing import Final

from hal.readings import Health
from verification.story import (
    BEAMING,
    COMMON,
    CONTACTOR_S,
    DRY_RUN,
    FALL_S,
    FAULTY_BEAM,
    FOUND,
    HV_UNCOMMANDED,
    IN_BEAM,
    LATCH_TRIP,
    ONE_CHANNEL,
    OVER_R0,
    STAYS_ON,
    Found,
    Story,
)
from verification.times import T1_S, reaction_s
from verification.trace import LATCH_SET, NOT_RUNNING, Row

DOSE_PART: Final = 0.005
DOSE_MGY: Final = 10.0
"""A fault-free dose against the truth, exact certificate: max(0.5 %, 1 cGy) (docs/dose.md)."""
UNDER_MGY: Final = 1.0
JOURNAL_S: Final = 0.5
SATURATED: Final = int(Health.SATURATED1 | Health.SATURATED2)
CHANNELS_PART: Final = 0.03
CHANNELS_MGY: Final = 10.0
ALIVE_S: Final = 1.0
UNSEEN_S: Final = 0.3
"""How long high voltage may be on before a latch says so."""
LIT_COUNTS: Final = 60
"""Of a chamber over a cold filament: more than the leakage's bound and what ends the exposure, 1.2 mGy."""
LEAK_MGY: Final = 0.05
"""What leakage takes off a channel that no longer counts, in one tick; a sum that falls by more has lost dose."""


def dose_no_fault(s: Story) -> Found:
    """8."""
    if s.any_fault:
        return
    for tag in s.tags:
        d0, true = s.true_of(tag)
        band = max(DOSE_PART * d0, DOSE_MGY)
        record = next((f for f in s.trace.fractions if f["tag"] == f"{tag:016x}"), None)
        if true > d0 + band:
            yield s.end_s, f"fraction {tag:016x}: truly {true:.1f} mGy of {d0:.1f} (band {band:.1f})"
        if record is not None and record["status"] == "COMPLETE" and true < d0 - band:
            yield s.end_s, f"fraction {tag:016x} is COMPLETE with truly {true:.1f} mGy of {d0:.1f} (band {band:.1f})"


def dose_fault(s: Story) -> Found:
    """9."""
    for tag in s.tags:
        d0, true = s.true_of(tag)
        start = next(start for start in s.starts.values() if start.fraction_tag == tag)
        first, last = s.rows[0].t, s.end_s
        part = s.expected.part
        if part is None:
            part = 0.05 if s.lasting(COMMON, first, last) else 0.03 if s.lasting(ONE_CHANNEL, first, last) else 0.0
        rate = s.expected.rate_mgy_per_s
        if rate is None:
            rate = OVER_R0 * float(start.combination["r0_mgy_per_s"])
            if s.lasting(FAULTY_BEAM, first, last):
                rate = max(rate, s.most_mgy_per_s)
        most = d0 * (1.0 + part) + rate * _bound_s(s)
        if true > most:
            yield (
                s.end_s,
                f"fraction {tag:016x}: truly {true:.1f} mGy, at most {most:.1f} ({d0:.1f} with {part:.0%} and {rate:.0f} mGy/s)",
            )


def _bound_s(s: Story) -> float:
    """What nothing can shorten: of this rig where one thing was broken, the largest of any rig where more were."""
    return s.reaction_s if len({fault.name for fault in s.faults}) <= 1 else max(s.reaction_s, reaction_s())


def never_under(s: Story) -> Found:
    """11."""
    if not s.settled:
        return
    for token, true in s.true_mgy.items():
        exposure = s.exposures.get(token)
        high = exposure["high_mgy"] if exposure is not None else 0.0
        if high < true - UNDER_MGY:
            yield s.end_s, f"exposure {token}: the records say at most {high:.1f} mGy, truly {true:.1f}"


def kill_survival(s: Story) -> Found:
    """13."""
    if not s.settled or not any((a.kind, a.what) == ("host", "killed") for a in s.trace.acts):
        return
    if s.trace.chain.words:
        yield s.end_s, f"the journal is not whole after a kill: {s.trace.chain.words}"
    for token, true in s.true_mgy.items():
        exposure, start = s.exposures.get(token), s.starts.get(token)
        if exposure is None or start is None:
            yield s.end_s, f"exposure {token} is not in the records after a kill"
            continue
        rate = OVER_R0 * float(start.combination["r0_mgy_per_s"])
        most = true + rate * (JOURNAL_S + s.t3_s + 2 * s.rig.tick_s + _unheard_s(s, token)) + 5.0
        if exposure["quality"] == "UNKNOWN" and exposure["low_mgy"] <= true + UNDER_MGY:
            # what the records tell is an upper bound, and the lower one holds: of channels of which one lies, or of time in which nobody could prove off
            most = math.inf if s.lasting(ONE_CHANNEL, -math.inf, s.end_s) else most + rate * _unproved_s(s, token)
        if not true - UNDER_MGY <= exposure["high_mgy"] or exposure["delivered_mgy"] > most:
            yield (
                s.end_s,
                f"exposure {token}: recovered {exposure['delivered_mgy']:.1f} mGy, truly {true:.1f} (at most {most:.1f})",
            )


def _unproved_s(s: Story, token: int) -> float:
    """For how long high voltage that nobody could prove off may be charged: from the latch that says so, with what came unseen before it, until another
    process told the records what the unit retains, by the clock that says more; and T1, for the unit's last word is that old where it died as well. 0 where
    nothing was latched; for ever where a clock was set."""
    on = next(on for on in s.ons if on.token == token)
    begun_s, ended_s = s.rows[on.at].t, s.rows[on.until].t
    said = [
        e
        for e in s.trace.entries
        if e.kind == LATCH_SET and e.fields[LATCH_TRIP] == HV_UNCOMMANDED and begun_s <= e.at_s <= ended_s
    ]
    if not said:
        return 0.0
    if any(fault.name.startswith("wall") for fault in s.faults):
        return math.inf
    first = said[0]
    told = (e for e in s.trace.entries if e.kind == FOUND and e.index > first.index and e.instance != first.instance)
    until = next(told, None)
    lasted_s = s.end_s - first.at_s if until is None else max(until.at_s - first.at_s, until.wall_s - first.wall_s)
    return lasted_s + UNSEEN_S + T1_S


def _unheard_s(s: Story, token: int) -> float:
    """How long a broken wire had kept the safety unit from being heard when the host died in this exposure: nobody saw that time either, and it may be charged
    as beam. What an unbroken wire takes is in the bounds of every kill."""
    on = next(on for on in s.ons if on.token == token)
    begun_s, ended_s = s.rows[on.at].t, s.rows[on.until].t
    killed = (a.at_s for a in s.trace.acts if (a.kind, a.what) == ("host", "killed") and begun_s <= a.at_s <= ended_s)
    died_s = next(killed, begun_s)
    heard_s, scan = begun_s, -1
    for row in s.between(begun_s, died_s):
        if row.unit is not None and row.unit.scan != scan:
            heard_s, scan = row.t, row.unit.scan
    unheard_s = died_s - heard_s
    return unheard_s if unheard_s > T1_S and s.wire_trouble("unit", heard_s, died_s) else 0.0


def monotone(s: Story) -> Found:
    """17."""
    before: Row | None = None
    for row in s.rows:
        if row.state == NOT_RUNNING:
            continue
        if before is not None and before.host == row.host:
            if row.seq < before.seq or row.durable < before.durable:
                yield (
                    row.t,
                    f"records went back from {before.seq} to {row.seq}, or durable ones from {before.durable} to {row.durable}",
                )
            same = row.start_seq == before.start_seq and row.start_seq and row.state in BEAMING
            # a dose that was not known was told as its upper bound, and comes down to what the counters then say, never below what was certain
            floor = before.low if before.delivered >= before.high - LEAK_MGY else before.delivered
            fell = row.delivered < floor - LEAK_MGY and not _is_a_bound(s, row)
            if same and (fell or row.beam_s < before.beam_s - 1e-9):
                told = f"{before.delivered:.3f} to {row.delivered:.3f} mGy, beam time from {before.beam_s:.3f} to {row.beam_s:.3f} s"
                yield row.t, f"delivered went from {told}"
        before = row
    for on in s.ons:
        preset_ms = int.from_bytes(on.terms.plan.staging[:4], "big")
        if not (math.isfinite(on.terms.set_time_s) and on.terms.set_time_s > 0.0 and preset_ms > 0):
            yield (
                s.rows[on.at].t,
                f"token {on.token} started with a set time of {on.terms.set_time_s} s, preset {preset_ms} ms",
            )


def _is_a_bound(s: Story, row: Row) -> bool:
    """Where the dose is unknown, delivered is the high bound: it may come down to what a converter's backlog tells, never below the truth."""
    begun = [on for on in s.ons if s.rows[on.at].t <= row.t]
    return bool(begun) and row.delivered == row.high and row.delivered >= row.mgy - s.rows[begun[-1].at].mgy - UNDER_MGY


def timer(s: Story) -> Found:
    """18."""
    for tag in s.tags:
        ons = s.of_fraction(tag)
        if not ons:
            continue
        limit = ons[-1].terms.timer_limit_s
        beam_s = s.beam_s(ons)
        most = limit + max(0.01 * limit, 0.1) + len(ons) * (CONTACTOR_S + FALL_S)
        if s.lasting(STAYS_ON, s.rows[ons[0].at].t, s.end_s):
            most += _bound_s(s)  # the timer ended it, and K2 alone obeyed
        if beam_s > most:
            yield s.end_s, f"fraction {tag:016x}: {beam_s:.2f} s of beam, the timer's limit is {limit:.2f} s"
    for on in s.ons:
        preset_s = int.from_bytes(on.terms.plan.staging[:4], "big") * 1e-3
        for row in s.rows[on.at : on.until + 1]:
            if row.state == "IRRADIATING" and row.unit is not None:
                over = row.unit.beam_ms * 1e-3 - preset_s
                if over > max(0.01 * preset_s, 0.1) and row.sent is not None and row.sent.command != "off":
                    yield row.t, f"token {on.token}: beam goes on {over:.2f} s after the preset of {preset_s:.2f} s"
                    break


def channels(s: Story) -> Found:
    """19. Whether a chamber counts without high voltage cannot be seen from here: the unit counts from K1 closed only; the leakage rule looks at its rates."""
    for on in s.ons:
        terms, first = on.terms, s.rows[on.at].unit
        if first is None or not terms.n1_mgy_per_count > 0.0 or not s.rig.own_unit:
            continue
        apart_since: float | None = None
        hv_since: float | None = None
        high_since: float | None = None
        lit_since: float | None = None
        for row in s.rows[on.at : on.until + 1]:
            if row.state not in IN_BEAM or row.unit is None:
                apart_since = hv_since = high_since = None
                continue
            high = bool(row.unit.health & SATURATED)
            high_since = (row.t if high_since is None else high_since) if high else None
            if high_since is not None and row.t - high_since > 2 * T1_S:
                yield (
                    row.t,
                    f"token {on.token}: a channel stands at its ceiling for {row.t - high_since:.2f} s, and beam goes on",
                )
                break
            counts_1 = (row.unit.counts_1 - first.counts_1) & 0xFFFFFFFF
            counts_2 = (row.unit.counts_2 - first.counts_2) & 0xFFFFFFFF
            d1 = counts_1 * terms.n1_mgy_per_count
            d2 = counts_2 * terms.n2_mgy_per_count * (terms.k_tp if terms.vented_2 else 1.0)
            apart = abs(d1 - d2) > max(CHANNELS_PART * max(d1, d2), CHANNELS_MGY) * 1.02
            apart_since = (row.t if apart_since is None else apart_since) if apart else None
            if apart_since is not None and row.t - apart_since > 2 * T1_S:
                yield row.t, f"token {on.token}: channels stand at {d1:.1f} and {d2:.1f} mGy, and beam goes on"
                break
            if int(terms.purpose) == DRY_RUN:
                lit_since = (
                    (row.t if lit_since is None else lit_since) if max(counts_1, counts_2) > LIT_COUNTS else None
                )
                if lit_since is not None and row.t - lit_since > 2 * T1_S:
                    yield (
                        row.t,
                        f"token {on.token}: {counts_1} and {counts_2} counts over a filament that ought to be cold, and it goes on",
                    )
                    break
                continue
            hv_since = (row.t if hv_since is None else hv_since) if row.kv > 0.5 * terms.kv else None
            if hv_since is not None and row.t - hv_since > ALIVE_S + 2 * T1_S and not (counts_1 > 5 and counts_2 > 5):
                yield (
                    row.t,
                    f"token {on.token}: {counts_1} and {counts_2} counts {row.t - hv_since:.2f} s after high voltage, and beam goes on",
                )
                break
