"""Each barrier that may end a beam, with all the others taken away: it acts first, and in time. `make test` plays those that others hide in the matrix.
What is taken away, what breaks and the bounds are verification's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from refusal_bench import MakeRig, slice_of

from controller.kernel import Kernels
from controller.states import State
from verification import reach
from verification.barriers import ALWAYS_HEARD, BARRIERS, First, all_barriers, deaf_but_to, only_rule, play, play_named
from verification.injections import nothing

HIDDEN = (
    "dose_model",
    "dose_channels",
    "overdue",
    "lease_armed",
    "dose_rate_high",
    "no_dose",
    "invariants_held",
    "unit:RATE",
    "unit:NO_DOSE",
    "unit:DISAGREE",
    "unit:HARD_CAP",
    "unit:K1_LIMIT",
)
"""Barriers behind another one, of each kind; all of them are played by `make grid` and `make verify`."""


def test_every_barrier_has_its_play() -> None:
    """None is left out, and none stands for a rule or cause that is not there."""
    assert set(BARRIERS) == set(all_barriers())


@pytest.mark.parametrize("name", slice_of(BARRIERS, lambda name: name in HIDDEN))
def test_a_barrier_alone_acts_first_and_in_time(name: str, kernels: Kernels) -> None:
    """Named as the first, within its bound, and high voltage gone after it."""
    acted = play_named(name, kernels)
    assert acted.wrong == "", acted


def test_with_all_of_them_taken_away_nothing_ends_the_beam(make_rig: MakeRig) -> None:
    """The means of these plays do take barriers away: with none left the applicator may be off."""
    rig = make_rig()
    reach.to_beam(rig)
    only_rule(rig, "none")
    first = First(rig, ALWAYS_HEARD)
    with deaf_but_to(*ALWAYS_HEARD):
        rig.fault("contact-lost")
        rig.wait(1.0)
        assert (first.name, reach.state(rig), rig.truth()["hv_on"]) == ("", State.IRRADIATING, True)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"start": nothing}, "nobody acted within"),
        ({"more_s": -0.15}, "it acted after"),
    ],
)
def test_the_judge_of_these_plays_can_say_no(
    kernels: Kernels, tmp_path: Path, changes: dict[str, Any], wrong: str
) -> None:
    """Nothing breaks; a bound that nobody can keep."""
    assert wrong in play(replace(BARRIERS["contacts_agree"], **changes), kernels, tmp_path).wrong
