"""The next exposure of a warm-up: by idle time a ladder from the lowest kV up, and at its top exposures of 10 s until three in a row are steady.
Pure: what was made is told by records/warm_up.py, which is also the lock; it exposes nothing itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from controller.prescribed import Combination
from records.warm_up import SAME_KV, STEADY_N, STEADY_S, Standing, hours, row_of

LONGEST_S: Final = 60.0
MOST_STEADY: Final = 30
"""A tube that is not steady after so many exposures at the top is not going to be."""
LEAST_S: Final = 10.0


@dataclass(frozen=True)
class Todo:
    """Expose this, or (None) nothing: warm, or given up; the words say which, and why."""

    combination: Combination | None
    seconds: float
    words: str


def ladder(combinations: Sequence[Combination], filter_id: str, applicator_id: str) -> tuple[Combination, ...]:
    """The measured combinations of what is fitted, the lowest kV first, one for each kV with its lowest mA. ValueError: the certificate has none."""
    fits = [c for c in combinations if (c.filter_id, c.applicator_id) == (filter_id, applicator_id)]
    if not fits:
        known = ", ".join(sorted({f"{c.filter_id} {c.applicator_id}" for c in combinations}))
        raise ValueError(
            f"filter {filter_id} and applicator {applicator_id} are in no combination of the certificate; fit one of {known}"
        )
    by_kv: dict[float, Combination] = {}
    for one in sorted(fits, key=lambda c: (c.kv, -c.ma)):
        by_kv[one.kv] = one
    return tuple(by_kv.values())


def following(rungs: Sequence[Combination], idle_s: float, now: Standing | None) -> Todo:
    """What is to be exposed next. `idle_s` is how long the tube has had no beam, where it is cold now."""
    row = row_of(idle_s) if now is None else now.row
    given_s = 0.0 if now is None else now.given_s
    top = rungs[-1]
    if (
        now is not None
        and given_s >= row.beam_s
        and now.reached_kv is not None
        and now.reached_kv * (1.0 + SAME_KV) >= top.kv
    ):
        return Todo(None, 0.0, f"warm: {given_s:.0f} s of beam, steady at {now.reached_kv:g} kV")
    ladder_s = max(0.0, row.beam_s - STEADY_N * STEADY_S)
    if given_s < ladder_s - 1e-6:
        used = rungs if row.ladder else (top,)
        share_s = ladder_s / len(used)
        place = min(len(used) - 1, int(given_s / share_s + 1e-9))
        left_s = share_s * (place + 1) - given_s
        one = used[place]
        seconds = float(math.ceil(max(LEAST_S, min(LONGEST_S, one.max_time_s, left_s))))
        idle = hours(idle_s if now is None else now.idle_before_s)
        return Todo(one, seconds, f"{given_s:.0f} of {row.beam_s:.0f} s after {idle} without beam")
    at_top = 0 if now is None else sum(1 for one in now.made if one.kv == top.kv and one.beam_s < LEAST_S + 1.0)
    if at_top >= MOST_STEADY:
        return Todo(
            None, 0.0, f"not steady after {at_top} exposures of {STEADY_S:.0f} s at {top.kv:g} kV; call service"
        )
    return Todo(top, STEADY_S, f"steady? three of {STEADY_S:.0f} s in a row within 0.5 %")
