"""Programs in which a failure went unnoticed, as plays: a task was dead, an exception was read as data, or the simulator did not know the fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from controller.states import State
from verification.incident import Theatre
from verification.incidents.shared import clear_latches
from verification.injections import PARTS, raise_in
from verification.matrix import put_right
from verification.reach import to_beam, turn_until
from verification.virtual import VirtualRig

SHUT_S: Final = 0.15
"""From an exception to no beam by a gate that shuts; a process that only ends leaves its beam to the lease, for 0.26 s."""


def toyota(theatre: Theatre) -> None:
    """Each part in turn dies in beam while the others live: whatever dies, the beam ends in its time."""
    deaths: tuple[tuple[str, float, Callable[[VirtualRig], None]], ...] = (
        ("the loop is killed", 0.4, lambda rig: rig.kill_host()),
        ("the loop stands still", 0.4, lambda rig: rig.freeze_host()),
        ("the recorder is killed", 0.9, lambda rig: rig.kill_recorder()),
        ("the recorder stands still", 0.9, lambda rig: rig.stall_recorder(True)),
        ("the operator's program is killed", 2.4, lambda rig: rig.leave_desk()),
        ("the safety unit is silent", 0.4, lambda rig: rig.fault("unit-silent")),
        ("the generator is silent", 0.4, lambda rig: rig.fault("generator-silent")),
    )
    for words, within_s, die in deaths:
        rig = theatre.rig()
        to_beam(rig, 1.0)
        theatre.must(rig.truth()["hv_on"], f"{words}: there was no beam that it could end")
        begun = rig.now_s()
        die(rig)
        while rig.truth()["hv_on"] and rig.now_s() - begun < 5.0:
            rig.turn()
        took = rig.now_s() - begun
        theatre.say(f"{words}: beam off after {1000 * took:.0f} ms")
        theatre.must(took <= within_s, f"{words}: beam off after {took:.2f} s, bound {within_s} s")
        rig.thaw_host()
        rig.stall_recorder(False)
        for name in rig.world.faults.active():
            rig.mend(name)
        put_right(rig)
        theatre.finish(rig, 1)


def ariane(theatre: Theatre) -> None:
    """An exception that nobody thought of, at each part of a tick in beam: the gate is shut, the process ends, nothing goes on."""
    for part in PARTS:
        rig = theatre.rig()
        to_beam(rig, 0.5)
        begun = rig.now_s()
        raise_in(part)(rig)
        while rig.truth()["hv_on"] and rig.now_s() - begun < 2.0:
            rig.turn()
        took = rig.now_s() - begun
        theatre.must(took <= SHUT_S, f"an exception in {part}: beam off after {took:.2f} s, bound {SHUT_S} s")
        theatre.must(rig.loop is None, f"an exception in {part}: the process goes on")
        rig.start_host()
        turn_until(rig, State.STANDBY, State.FAULT)
        clear_latches(rig)
        theatre.finish(rig, 1)
    theatre.say(
        f"an exception in each of {len(PARTS)} parts of a tick: gate shut, beam off, the restart finds the dose"
    )


def px4(theatre: Theatre) -> None:
    """A fault that the simulated world does not know is an error, never a run that passes."""
    rig = theatre.rig()
    try:
        rig.fault("no-such-fault")
    except ValueError as unknown:
        theatre.say(str(unknown).split(";")[0])
    else:
        theatre.must(False, "a fault that nobody knows was injected")
    theatre.finish(rig, 0)
