"""What the safety unit is told to end and to limit: presets, limits and thresholds as its registers hold them, and the 56 bytes that carry them.
It reads no device; doses and times come in, integers and reasons to refuse go out."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Final

import msgspec

from controller.prescribed import Certificate, Combination
from hal.commands import STAGING_BYTES
from hal.readings import Termination
from interlocks import cold
from interlocks.bands import Bands
from interlocks.look import T2D_MOST_S

LAYOUT: Final = struct.Struct(">IIIIHHBBBBHHHHQQBBHHH")
"""The safety unit's staging registers 0300-031B, in their order (docs/safety-unit.md)."""
assert LAYOUT.size == STAGING_BYTES

START_WINDOW_MS: Final = 2000
ARM_WINDOW_S: Final = 60
NO_DOSE_MS: Final = 1000
DISAGREE_MOST_PERMILLE: Final = 500
K1_SLACK_S: Final = 0.5
HV_SEEN_PART: Final = 0.02
HV_SEEN_OVER_LEAK: Final = 10.0
BACKUP_PART: Final = 0.04
BACKUP_S: Final = 1.0
BACKUP_MGY: Final = 20.0
"""A backup acts at +max(4 %, 1 s) of the timer and +max(4 %, 2 cGy) of the counts: a legal day is 3 % low (docs/dose.md)."""
DARK_LEAKS: Final = 3.0
DARK_COUNTS: Final = 10
"""What a chamber may count over a cold filament: three times its leakage, and some counts."""
RESUME_SLACK_MS: Final = 500
RESUME_COUNTS_PART: Final = 0.01
"""What the safety unit lets a resume add to the retained limits: one end effect."""
T2D_S: Final = 0.3
T2D_DISCHARGES: Final = 1.5
ROUNDING: Final = 1e-9


class Task(msgspec.Struct, frozen=True):
    """What the presets are worked out from: D0 of the fraction and what is left of it (mGy), the start's number, k_TP, t2 (s), retained figures; `bands`
    are its purpose's."""

    d0_mgy: float
    rest_mgy: float
    starts: int
    k_tp: float
    t2_s: float
    termination: Termination
    beam_ms: int
    k1_ms: int
    counts_1: int
    counts_2: int
    bands: Bands


class Presets(msgspec.Struct, frozen=True):
    """The computed registers. `set_ms` is the beam time of this segment, `exact_s` the same before the timer's 10 ms step; the others are totals."""

    exact_s: float
    set_ms: int
    preset_ms: int
    k1_limit_ms: int
    count_preset_1: int
    count_limit_2: int
    t2_10ms: int
    t2d_100ms: int
    disagree_permille: int
    rate_per_10ms: int
    hv_per_100ms: int


def presets(task: Task, certificate: Certificate, c: Combination) -> Presets:
    """Presets and limits of one segment, as totals over the fraction.

    A resume keeps the limits of the first start but for one end effect a start, so that the unit itself enforces "only the rest".
    """
    if task.bands.cold:
        return _cold(task, certificate, c)
    exact_s = task.rest_mgy / c.r0_mgy_per_s - c.dt_s
    set_ms = 10 * round(exact_s * 100.0)
    nominal_s = task.d0_mgy / c.r0_mgy_per_s
    with_margin_mgy = task.bands.counts * (task.d0_mgy + max(BACKUP_PART * task.d0_mgy, BACKUP_MGY)) - c.tail_mgy
    if task.termination is Termination.TIME:
        last_s = nominal_s
        preset_ms = task.beam_ms + set_ms
        preset_1 = counts_for(with_margin_mgy, c.n1_mgy_per_count, c.leak1_cps, nominal_s)
    else:
        last_s = nominal_s + max(BACKUP_PART * nominal_s, BACKUP_S)
        preset_ms = math.ceil(1000.0 * (last_s - task.starts * c.dt_s) - ROUNDING)
        preset_1 = task.counts_1 + counts_for(task.rest_mgy - c.tail_mgy, c.n1_mgy_per_count, c.leak1_cps, exact_s)
    limit_2 = counts_for(with_margin_mgy, c.n2_mgy_per_count * task.k_tp, c.leak2_cps, nominal_s)
    per_start_s = min(certificate.press_to_hv_s - c.dt_s, RESUME_SLACK_MS / 1000.0)
    k1_s = last_s - c.dt_s + certificate.press_to_hv_s + K1_SLACK_S + (task.starts - 1) * per_start_s
    t2d_s = max(task.t2_s, T2D_S + T2D_DISCHARGES * discharge_s(certificate, c))
    return Presets(
        exact_s=exact_s,
        set_ms=set_ms,
        preset_ms=preset_ms,
        k1_limit_ms=math.ceil(1000.0 * k1_s - ROUNDING),
        count_preset_1=preset_1,
        count_limit_2=limit_2,
        t2_10ms=math.ceil(100.0 * task.t2_s - ROUNDING),
        t2d_100ms=math.ceil(10.0 * t2d_s - ROUNDING),
        disagree_permille=_disagree(c, task, preset_1, limit_2),
        rate_per_10ms=math.ceil(task.bands.rate_high * c.r0_mgy_per_s / c.n1_mgy_per_count / 100.0 - ROUNDING),
        hv_per_100ms=_hv_seen(c, task.k_tp),
    )


def _cold(task: Task, certificate: Certificate, c: Combination) -> Presets:
    """A dry run: its seconds from K1, the strictest comparator, and for both channels the same few counts, so that it is not scaled. t2d is the longest that
    there is: the cable empties by its bleeder alone."""
    k1_s = cold.SECONDS + certificate.press_to_hv_s + K1_SLACK_S
    dark = DARK_COUNTS + math.ceil(DARK_LEAKS * max(c.leak1_cps, c.leak2_cps) * k1_s)
    set_ms = round(1000.0 * cold.SECONDS)
    return Presets(
        exact_s=cold.SECONDS,
        set_ms=set_ms,
        preset_ms=task.beam_ms + set_ms,
        k1_limit_ms=math.ceil(1000.0 * k1_s - ROUNDING),
        count_preset_1=dark,
        count_limit_2=dark,
        t2_10ms=math.ceil(100.0 * task.t2_s - ROUNDING),
        t2d_100ms=round(10.0 * T2D_MOST_S),
        disagree_permille=task.bands.disagree_permille,
        rate_per_10ms=cold.RATE_PER_10MS,
        hv_per_100ms=_hv_seen(c, task.k_tp),
    )


def counts_for(mgy: float, mgy_per_count: float, leak_cps: float, seconds: float) -> int:
    """Counts that stand for a dose, with the leakage of the time it takes; to nearest."""
    return round(mgy / mgy_per_count + leak_cps * max(0.0, seconds))


def discharge_s(certificate: Certificate, c: Combination) -> float:
    """CV/I: how long the cable's charge feeds the tube after off."""
    return certificate.capacitance_nf * c.kv / c.ma / 1000.0


def _disagree(c: Combination, task: Task, preset_1: int, limit_2: int) -> int:
    """The unit compares each channel against its own committed count; what these differ by is added to the purpose's band."""
    part_1 = 1.0 / (c.n1_mgy_per_count * max(preset_1, 1))
    part_2 = 1.0 / (c.n2_mgy_per_count * task.k_tp * max(limit_2, 1))
    return task.bands.disagree_permille + math.ceil(1000.0 * abs(part_1 - part_2) / max(part_1, part_2))


def _hv_seen(c: Combination, k_tp: float) -> int:
    """Counts in 100 ms above which a chamber is evidence of high voltage: well above leakage, far below the certified rate; at least 2."""
    steady = min(c.r0_mgy_per_s / c.n1_mgy_per_count, c.r0_mgy_per_s / (c.n2_mgy_per_count * k_tp))
    leak = max(c.leak1_cps, c.leak2_cps)
    return max(2, math.ceil(0.1 * max(HV_SEEN_PART * steady, HV_SEEN_OVER_LEAK * leak)))


def outside(n: Presets, task: Task, press_to_hv_s: float, hard_cap_s: int, hard_cap_counts: int) -> Iterator[str]:
    """Why the safety unit would refuse these, or could not hold them."""
    cap_ms, fraction = 1000 * hard_cap_s, "prescribe less, or choose a combination with a higher rate"
    for name, value, low, high, source, first in (
        ("timer preset (ms)", n.preset_ms, 1, cap_ms, "hard cap of the safety unit", fraction),
        ("K1 limit (ms)", n.k1_limit_ms, 1, cap_ms, "hard cap of the safety unit", fraction),
        ("count preset 1", n.count_preset_1, 1, hard_cap_counts, "hard cap of the safety unit", fraction),
        ("count limit 2", n.count_limit_2, 1, hard_cap_counts, "hard cap of the safety unit", fraction),
        ("t2d (100 ms)", n.t2d_100ms, 1, round(10 * T2D_MOST_S), "controller/presets.py", "check capacitance_nf in the certificate"),
        ("disagreement (permille)", n.disagree_permille, 1, DISAGREE_MOST_PERMILLE, "the safety unit", "prescribe more dose"),
        ("rate limit (counts per 10 ms)", n.rate_per_10ms, 1, 0xFFFF, "its register", "check n1_mgy_per_count in the certificate"),
        ("hv_seen threshold (counts per 100 ms)", n.hv_per_100ms, 2, 0xFFFE, "its register", "check the leakages in the certificate"),
    ):  # fmt: skip
        if not low <= value <= high:
            yield f"{name} {value} is outside {low} to {high} ({source}); {first}"
    needed_ms = task.k1_ms + n.set_ms + math.ceil(1000.0 * press_to_hv_s)
    if needed_ms > n.k1_limit_ms:
        yield (
            f"the contactor has been closed for {task.k1_ms} ms and needs {needed_ms} ms in all, above its limit {n.k1_limit_ms} ms "
            "(certificate); close the fraction (physicist)"
        )


def beyond_retained(n: Presets, active: bytes) -> Iterator[str]:
    """Why the safety unit would refuse a resume: limits above the retained ones by more than one end effect."""
    preset_ms, k1_limit_ms, preset_1, limit_2 = struct.unpack_from(">IIII", active)
    for name, value, bound in (
        ("timer preset (ms)", n.preset_ms, preset_ms + RESUME_SLACK_MS),
        ("K1 limit (ms)", n.k1_limit_ms, k1_limit_ms + RESUME_SLACK_MS),
        ("count preset 1", n.count_preset_1, math.floor(preset_1 * (1.0 + RESUME_COUNTS_PART))),
        ("count limit 2", n.count_limit_2, math.floor(limit_2 * (1.0 + RESUME_COUNTS_PART))),
    ):
        if value > bound:
            yield f"{name} {value} is above {bound}, what the safety unit lets a resume have; close the fraction (physicist)"
