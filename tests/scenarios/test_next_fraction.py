"""One fraction after another without a pause: what the safety unit kept of the first says nothing against the second."""

from __future__ import annotations

import hashlib

import msgspec
from refusal_bench import MakeRig

from controller.requests import Close, Load
from controller.states import State
from verification.reach import OPERATOR, SHORT, to_ready, turn_until, wrong

NEXT = msgspec.structs.replace(SHORT, patient_id="EXAMPLE-0003", sha256=hashlib.sha256(b"next").digest())


def test_the_next_fraction_may_be_loaded_as_soon_as_the_last_is_closed(make_rig: MakeRig) -> None:
    """The slow block comes once a second: contactor time from before the reset is not the next fraction's."""
    rig = make_rig()
    to_ready(rig)
    rig.press()
    turn_until(rig, State.TERMINATED)
    rig.until(lambda s: s.ended is not None and s.ended.durable, 5.0, "a durable end")
    assert rig.ask(Close("complete")).ok
    turn_until(rig, State.STANDBY)
    answer = rig.ask(Load(NEXT, OPERATOR))
    assert answer.ok, answer.words
    rig.until(lambda s: s.offer is not None, 10.0, "an offer")
    assert wrong(rig, presses=1) == []
