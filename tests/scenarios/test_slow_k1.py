"""A main contactor that does not close in time is named by the words of the end, and the generator's wire is not blamed for it.
The pull-in of a sound one, and what its opening costs, are for other tests."""

from __future__ import annotations

import pytest
from refusal_bench import MakeRig

from controller.requests import Snapshot
from verification.rigs import Choice
from verification.scenarios import in_state, to_ready
from verification.setting import prescribed

CHOICES = (Choice(), Choice("seifert-3003"), Choice("genix3d", "tcp"))


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.generator)
@pytest.mark.parametrize("phase_s", [0.0, 0.013, 0.027])
def test_a_k1_that_closes_late_is_named_and_no_wire_is_blamed(
    make_rig: MakeRig, choice: Choice, phase_s: float
) -> None:
    """3 s late, at three moments of the generator's round: FAULT with K1's name, its mirror and whom to call; no ON, no dose."""
    h = make_rig(choice=choice)
    p = prescribed(300.0, choice)
    to_ready(h, p)
    h.wait(phase_s)
    h.fault("k1-closes-late")
    seen: list[Snapshot] = []
    h.press()
    h.until(lambda shown: not seen.append(shown) and shown.state == "FAULT", 2.0, "FAULT")
    h.until(in_state("FAULT"), 1.0, "FAULT")
    h.wait(0.2)  # K2 opens later than it was told to, and until then the same rule says so
    shown = h.snapshot()
    assert shown is not None
    assert shown.first_to_fix.startswith("K1 told to close, mirror says open"), shown.first_to_fix
    assert "first: call service" in shown.first_to_fix
    assert not [words for words in shown.latches if "generator" in words]
    assert "SELF_TEST" not in {one.state for one in seen}
    assert not h.truth()["hv_on"]
