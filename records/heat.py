"""How much heat the tube holds by the records of its beam, and whether an exposure would end too hot (engineering-G21).
It measures nothing, and the generator's own trips stay; what a tube bears is written in the rig file, from its data sheet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from controller.blob import TubeHeat
from records.book import Book
from records.warm_up import CLOCK_S, Beam, beams

FORGOTTEN: Final = 12.0
"""After so many time constants of cooling nothing is left of an exposure (six millionths)."""


def held_j(book: Book, tube: TubeHeat, now_s: float, wall_s: float) -> float:
    """Heat in J that the tube holds now: each exposure's power into one body that cools with one time constant. `now_s` is monotonic."""
    held = 0.0
    for one in beams(book):
        since_s = _since(one, now_s, wall_s)
        if since_s > FORGOTTEN * tube.cooling_tau_s:
            break
        power_w = one.key[0] * one.key[1]
        gained_j = power_w * tube.cooling_tau_s * -math.expm1(-one.beam_s / tube.cooling_tau_s)
        held += gained_j * math.exp(-since_s / tube.cooling_tau_s)
    return held


def too_hot(book: Book, tube: TubeHeat | None, adds_j: float, now_s: float, wall_s: float) -> Iterator[str]:
    """Why an exposure that adds so much heat, cooling in it not counted, is not begun now, and how long to wait."""
    if tube is None:
        return
    if adds_j > tube.heat_capacity_j:
        yield (
            f"the exposure's {adds_j:.0f} J are more than the tube bears from cold ({tube.heat_capacity_j:.0f} J, tube.heat_capacity_j): "
            "give it in parts, or with less current"
        )
        return
    held = held_j(book, tube, now_s, wall_s)
    if held + adds_j > tube.heat_capacity_j:
        rest_j = max(tube.heat_capacity_j - adds_j, 1e-3 * tube.heat_capacity_j)
        wait_s = tube.cooling_tau_s * math.log(held / rest_j)
        yield (
            f"the tube holds {held:.0f} J of heat, and {adds_j:.0f} J more are above its {tube.heat_capacity_j:.0f} J (tube.heat_capacity_j): "
            f"let it cool for {math.ceil(wait_s / 60.0)} min"
        )


def _since(one: Beam, now_s: float, wall_s: float) -> float:
    """How long ago it ended, at least. Where the clocks no longer agree with what they said then, one was set or the computer began anew: what the
    monotonic clock can vouch for is less than it was, and never more."""
    if abs(wall_s - now_s - one.clocks_s) <= CLOCK_S:
        return max(0.0, wall_s - one.ended_s)
    ended_mono_s = one.ended_s - one.clocks_s
    return now_s - ended_mono_s if ended_mono_s <= now_s else max(0.0, now_s)
