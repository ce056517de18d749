"""A dose kernel that miscounts in beam, although it gave its golden vector at the start: the second sum sees it, and the beam ends."""

import re

from refusal_bench import MakeRig

from controller import kernel
from controller.kernel import PLAIN, Kernels
from controller.requests import Reset
from verification.scenarios import ended, in_state, to_ready
from verification.setting import prescribed

LOST_AT = 5_000
"""Far above what the golden vector counts."""


def loses_a_count(rows: kernel.Ints, limits: kernel.Floats, masks: kernel.Ints, state: kernel.Ints) -> None:
    """As the kernel, but it leaves one count out on the way."""
    before = int(state[kernel.SUM_1])
    kernel.count_block(rows, limits, masks, state)
    if before < LOST_AT <= state[kernel.SUM_1]:
        state[kernel.SUM_1] -= 1


def test_one_count_left_out_ends_the_beam(make_rig: MakeRig) -> None:
    """INTERNAL by the rule of the kernel, with both sums in words; nobody at the desk resets it, and the dose is never under-reported."""
    rig = make_rig()
    rig._kernels = Kernels(loses_a_count, PLAIN.model)
    rig.kill_host()
    rig.start_host()
    to_ready(rig, prescribed(300.0))
    rig.press()
    rig.until(in_state("IRRADIATING"), 4.0, "IRRADIATING")
    end = ended(rig, 20.0)
    assert end.ended is not None
    assert (end.state, end.ended.event) == ("FAULT", "INTERNAL")
    said = re.match(
        r"the dose kernel has (\d+) counts of channel 1, the second sum (\d+); first: .* service", end.latches[0]
    )
    assert said is not None, end.latches
    assert int(said[2]) == int(said[1]) + 1
    assert not rig.ask(Reset("physicist", "M. Example", "looked at")).ok
    rig.wait(1.0)
    record = rig.records()[0]
    assert record["quality"] == "UNKNOWN"
    assert record["high_mgy"] >= rig.truth()["dose_mgy"] - 1.0
    assert not rig.truth()["hv_on"]
