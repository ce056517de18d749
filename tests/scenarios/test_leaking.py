"""Chambers that count without beam forbid the start, however fast the operator is: the last measurement before ARM has to be good.
What their counts would do to a dose is for the chambers' other rules."""

from __future__ import annotations

from refusal_bench import MakeRig

from controller.requests import Confirm, Load
from verification.setting import prescribed
from verification.virtual import VirtualRig

MEASURED_S = 1.5
"""The safety unit's slow block comes once a second."""


def hurry(h: VirtualRig, seconds: float) -> list[str]:
    """Confirm in the tick of the offer, press in the tick of READY; what was refused, and every state and first thing to mend that was shown."""
    until, confirmed, seen = h.now_s() + seconds, 0, []
    while h.now_s() < until:
        shown = h.snapshot()
        assert shown is not None
        seen += [word for word in (shown.state, shown.first_to_fix) if word not in seen]
        if shown.offer is not None and shown.offer.id != confirmed:
            confirmed = shown.offer.id
            answer = h.ask(Confirm(shown.offer.id, shown.offer.digest))
            seen += [] if answer.ok else [answer.words]
        elif shown.state == "READY":
            h.press()
        h.turn()
    return seen


def test_a_fast_operator_does_not_start_with_chambers_that_leak(make_rig: MakeRig) -> None:
    """40 counts a second without beam, measured before the fraction is loaded: no beam, and what is refused says why."""
    h = make_rig()
    h.until(lambda shown: shown.state == "STANDBY", 30.0, "STANDBY")
    h.fault("leakage-high")
    h.wait(MEASURED_S)
    assert h.ask(Load(prescribed(300.0), "operator")).ok
    seen = hurry(h, 8.0)
    assert not {"READY", "STARTING", "IRRADIATING"} & set(seen)
    assert any("without beam the chambers count" in words for words in seen), seen
    assert not h.truth()["hv_on"]


def test_a_sound_rig_is_not_kept_waiting(make_rig: MakeRig) -> None:
    """The same haste without the fault: the measurement is there before the offer, and beam comes."""
    h = make_rig()
    h.until(lambda shown: shown.state == "STANDBY", 30.0, "STANDBY")
    assert h.ask(Load(prescribed(300.0), "operator")).ok
    assert "IRRADIATING" in hurry(h, 8.0)
