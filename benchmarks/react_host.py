"""The host of the reaction bench: Kerma's own first half of a tick, ask, wait and look with every rule of a beam, and its reflex OFF, on a real wire.
The exposure that it guards was begun in a virtual world and is held still; the generator's wire is left out, and after the look comes only the gate's HOLD."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from controller.blob import Blob, Scheduling
from controller.kernel import PLAIN
from controller.kernel_asked import ask_kernel, hold_reserve
from controller.pace import KernelPace
from hal import registry
from hal.clock import SystemClock
from hal.commands import Command, Hold
from hal.readings import GeneratorFlags, GeneratorIdentity, GeneratorMonitor, GeneratorSetPoints, Link, Refusal
from hal.registry import SafetyUnitSetting
from hal.rig import Rig, make_rig
from hal.transport import Lines
from hal.units import Seconds
from interlocks.gate import Gate
from interlocks.look import Memory
from interlocks.words import House, Sent, Wanted
from simulators import unit_registers
from simulators.unit_firmware import UnitFirmware
from verification import reach
from verification.setting import lay_out, prescribed, virtual_rig

BEAM_S: Final = 1.5
BLOCKS: Final = ((0x0000, 30), (0x0100, 32), (0x0120, 32), (0x0340, 30), (0x0400, 108))
"""Address and registers of what benchmarks/c/react_device.c is given."""
PRIORITY: Final = 80


class Held(msgspec.Struct, frozen=True):
    """An exposure in the middle of its beam: what was configured, what the gate had let through, what the house and the generator said; `at_s` when."""

    blob: Blob
    sent: Sent
    house: House
    identity: GeneratorIdentity
    monitor: GeneratorMonitor
    flags: GeneratorFlags
    set_points: GeneratorSetPoints
    at_s: float


def hold(folder: Path) -> tuple[Held, bytes]:
    """Begin one in a virtual world; the unit's blocks beside it."""
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020)
    rig = virtual_rig(setting, PLAIN)
    try:
        reach.to_beam(rig, BEAM_S, p=prescribed(2000.0))
        unit, loop = rig.world.unit, rig.loop
        if not isinstance(unit, UnitFirmware) or loop is None:
            raise SystemExit("the virtual world has another unit than Kerma's, or no host")
        seen: list[Any] = []
        rig.tick_hooks.append(seen.append)
        rig.turn()
        r, d = seen[0].readings, seen[0].dose
        read = [unit_registers.read(unit, at, count) for at, count in BLOCKS]
        house = House(0.0, 0.0, 0, 0.0, dose=d.figures())
        held = Held(
            rig.blob, loop.gate.sent, house, r.generator_identity, r.monitor, r.flags, r.set_points, seen[0].now
        )
        return held, b"".join(block for block in read if block is not None)
    finally:
        rig.close()


class StillGenerator:
    """A generator whose readings are always the same, and always fresh: its wire is no part of this bench."""

    on_sent_at_s: float | None = None
    refusal: Refusal | None = None
    wires: tuple[Any, ...] = ()
    identified = True
    on_waits = False

    def __init__(self, held: Held) -> None:
        self._held = held
        self.identity: GeneratorIdentity | None = None
        self.monitor: GeneratorMonitor | None = None
        self.flags: GeneratorFlags | None = None
        self.set_points: GeneratorSetPoints | None = None

    def ask(self, now: Seconds, may_open: bool, may_write: bool, quiet: bool, spare: bool = False) -> None:
        """Nothing is asked."""

    def take(self, now: Seconds) -> None:
        self.identity = msgspec.structs.replace(self._held.identity, asked_at_s=now)
        self.monitor = msgspec.structs.replace(self._held.monitor, asked_at_s=now)
        self.flags = msgspec.structs.replace(self._held.flags, asked_at_s=now)
        self.set_points = msgspec.structs.replace(self._held.set_points, asked_at_s=now)

    def want(self, command: Command | None, now: Seconds) -> None:
        """Nothing is wanted."""

    def on(self, now: Seconds) -> None:
        """It is on."""

    def forget_on(self, now: Seconds) -> None:
        """Nothing waits."""

    def off(self, _now: Seconds, _at_once: bool, _spare: bool = False) -> bool:
        """Its bytes have left, for all that this bench sees."""
        return True

    def link(self, now: Seconds) -> Link:
        return Link(now, False)


def turn(port: int, tick_hz: float, cpu: int, held: Held) -> None:
    """For ever: one tick after another, and after each OFF the exposure as it was."""
    clock = SystemClock()
    config = msgspec.structs.replace(held.blob.rig, safety_unit_link=f"tcp:127.0.0.1:{port}", tick_s=1.0 / tick_hz)
    capabilities = make_rig(config, held.blob.site_key).capabilities
    setting = SafetyUnitSetting(
        config.safety_unit_link, 0, config.unit_id, config.unit_serial, True, held.blob.site_key, 0.002, config.tick_s
    )
    unit = registry.safety_unit(config.safety_unit_driver).make(setting, Lines())
    gate = Gate(Rig(unit, StillGenerator(held), capabilities), held.blob.limits, clock, config.tick_s)
    pace = KernelPace(clock, config.tick_s)
    wanted = Wanted(Hold(held.sent.token or 0), held.sent.terms)
    reserve = hold_reserve()
    ask_kernel(Scheduling(PRIORITY, cpu))
    pace.restart()
    while reserve:
        now = pace.next()
        gate.ask(now)
        now = pace.slot(gate.fds)
        _, verdict = gate.look(now, held.house)
        if verdict.forbids_beam or not gate.open:
            _begin(gate, held, now)
        else:
            gate.pass_on(wanted, verdict)


def _begin(gate: Gate, held: Held, now: float) -> None:
    """The gate as it stood in that exposure, open; what it remembers of the time before is forgotten."""
    shift_s = now - held.at_s
    sent = held.sent
    gate._sent = msgspec.structs.replace(  # noqa: SLF001 - the bench puts an exposure where a set-up would take seconds
        sent,
        armed_at_s=(sent.armed_at_s or 0.0) + shift_s,
        on_at_s=(sent.on_at_s or 0.0) + shift_s,
        set_up_at_s=(sent.set_up_at_s or 0.0) + shift_s,
    )
    gate._memory, gate._open = Memory(), True  # noqa: SLF001


def main(arguments: list[str]) -> int:
    """PORT TICK_HZ CPU HELD."""
    port, tick_hz, cpu, file = arguments
    turn(int(port), float(tick_hz), int(cpu), pickle.loads(Path(file).read_bytes()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
