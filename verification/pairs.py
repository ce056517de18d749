"""Two faults at random moments of one fraction, out of one seed: what neither alone may bring about must not come of both either.
It draws and plays; what must hold it asks of verification/invariants.py."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controller.kernel import Kernels
from controller.states import State
from verification import reach
from verification.fault_ids import FAULT_IDS, UNFORESEEN
from verification.fault_ids import drawn as may_be_drawn
from verification.hands import Stuck
from verification.injections import USUAL_RIG, Injection
from verification.invariants import Expectation, Lasting, check_all
from verification.matrix import Budget, Operator, Told, Watch, put_right
from verification.scenarios import MOST_MGY_PER_S
from verification.setting import lay_out, virtual_rig
from verification.trace import Observer
from verification.virtual import VirtualRig

NOT_IN_PAIRS: Final = ("S8", "S3", "H10", "D5", *UNFORESEEN)
"""What takes the rig's power or its journal away, or must be there from the start, is played alone."""
FRACTION_S: Final = 14.0
"""From the start of the process to the end of a short fraction."""
STEPS_S: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 60.0)
NAME: Final = "pair"


@dataclass(frozen=True)
class Blow:
    """One of the two: what, from when on, and for how long."""

    fault_id: str
    injection: Injection
    at_s: float
    for_s: float

    @property
    def words(self) -> str:
        return f"{self.fault_id}/{self.injection.name} at {self.at_s:.2f} s for {self.for_s:g} s"


def drawn(seed: int) -> tuple[Blow, Blow]:
    """The two faults of this seed, in the order of their beginning."""
    dice = random.Random(seed)
    pool = {
        fault_id: [one for one in may_be_drawn(fault_id) if one.choice == USUAL_RIG and one.termination == "monitor"]
        for fault_id in FAULT_IDS
        if fault_id not in NOT_IN_PAIRS
    }
    blows = []
    for fault_id in dice.sample([fault_id for fault_id, injections in pool.items() if injections], 2):
        at_s, for_s = round(dice.uniform(0.0, FRACTION_S), 2), dice.choice(STEPS_S)
        blows.append(Blow(fault_id, dice.choice(pool[fault_id]), at_s, for_s))
    one, two = sorted(blows, key=lambda blow: blow.at_s)
    return one, two


def play_pair(seed: int, kernels: Kernels, software: str = "") -> Told:
    """One fraction from the start of the process, with both faults, judged by every invariant; what escapes is wrong, not left out."""
    blows = drawn(seed)
    told = Told(f"{NAME}:{seed} {' + '.join(blow.words for blow in blows)}", seed, software)
    with tempfile.TemporaryDirectory(prefix="kerma-pair-") as folder:
        setting = lay_out(Path(folder) / "rig", Path(folder) / "records", "monitor", 15020, seed)
        rig = virtual_rig(setting, kernels, seed)
        Budget(rig)
        try:
            _play(rig, blows, told)
        except Stuck as stuck:
            told.wrong.append(f"stuck: {stuck}")
        except Exception as error:
            told.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            rig.close()
    return told


def _play(rig: VirtualRig, blows: tuple[Blow, Blow], told: Told) -> None:
    watch, watched = Watch(rig), Observer(rig)
    operator = Operator(rig, State.SELF_TEST)
    zero_s = rig.now_s()
    due = sorted(
        [(zero_s + blow.at_s, 0, number) for number, blow in enumerate(blows)]
        + [(zero_s + blow.at_s + blow.for_s, 1, number) for number, blow in enumerate(blows)]
    )
    began: dict[int, float] = {}
    lasted: list[Lasting] = []
    until_s = zero_s + FRACTION_S + 6.0
    while rig.now_s() < until_s:
        while due and due[0][0] <= rig.now_s():
            _, ends, number = due.pop(0)
            injection = blows[number].injection
            if not ends:
                watch.begin()
                began[number] = rig.now_s()
                injection.start(rig)
            else:
                lasted.append(Lasting(injection.name, began.pop(number), rig.now_s()))
                injection.stop(rig)
        operator.turn()
    for number, from_s in began.items():
        blows[number].injection.stop(rig)
        lasted.append(Lasting(blows[number].injection.name, from_s, rig.now_s()))
    told.detector = watch.first
    told.state = reach.state(rig).value
    put_right(rig)
    told.presses, told.d0_mgy, told.true_mgy = watch.presses, watch.d0_mgy, rig.truth()["dose_mgy"]
    told.over_mgy = told.true_mgy - told.d0_mgy if told.d0_mgy else 0.0
    part = sum(blow.injection.over_part for blow in blows)
    times = max(blow.injection.rate_times for blow in blows)
    expected = Expectation(tuple(lasted), part or None, times * MOST_MGY_PER_S if times != 1.0 else None)
    told.wrong += [f"{one.invariant} at {one.at_s:.2f} s: {one.words}" for one in check_all(watched.trace(), expected)]
    if rig.truth()["hv_on"]:
        told.wrong.append("high voltage is on")
