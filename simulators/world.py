"""One simulated rig: plant, safety unit (or bought I/O in its place) with its Modbus faces, and the lines to a host, in 1 ms steps of one clock.
It knows how they are wired together; the host is whoever writes to the lines, and a killed host is one that no longer does."""

from __future__ import annotations

from dataclasses import replace

from simulators.electrometers import Electrometer
from simulators.faults import Faults
from simulators.generator_face import GeneratorTcpFace
from simulators.laboratory import Laboratory
from simulators.line import SerialLine
from simulators.modbus_face import ModbusRtuFace, ModbusTcpFace
from simulators.plant import STEP_US, Plant, Truth
from simulators.profile import DEFAULT, Profile
from simulators.room import Room
from simulators.seam import BenchIo, UnitOutputs
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory
from simulators.units import BENCH_IO

WITHOUT_POWER_MS = 1 << 40
"""Nothing boots within this."""


class World:
    """The whole rig under one seed: the same seed and the same host bytes at the same times give the same world."""

    __slots__ = (
        "_boot_ms",
        "_firmware",
        "_most_pulses",
        "_out",
        "_rtu",
        "electrometer",
        "faults",
        "generator_line",
        "generator_tcp",
        "laboratory",
        "log",
        "now_us",
        "plant",
        "room",
        "unit",
        "unit_line",
        "unit_tcp",
    )

    def __init__(
        self,
        profile: Profile = DEFAULT,
        seed: int = 1,
        unit_config: UnitConfig | None = None,
        unit_memory: UnitMemory | None = None,
    ) -> None:
        self.now_us = 0
        self.plant = Plant(profile, seed)
        self.log = self.plant.log
        self.room: Room = self.plant.room
        self.generator_line = self.plant.generator_line
        self.generator_tcp = GeneratorTcpFace(self.generator_line, lambda: self.now_us)
        self.unit_line = SerialLine(profile.unit_baud)
        self._rtu: ModbusRtuFace | None = None
        self._firmware: UnitFirmware | None = None
        self._most_pulses = int(profile.converter_max_cps * 1e-3) + 1
        self.unit: UnitFirmware | BenchIo
        if profile.unit in BENCH_IO:
            made = BENCH_IO[profile.unit]
            self.unit = made.make()
            self.unit_tcp = ModbusTcpFace(self.unit, made.connections)
        else:
            config = unit_config or UnitConfig(site_key=profile.unit_site_key)
            firmware = self.unit = self._firmware = UnitFirmware(
                replace(config, seed=seed), unit_memory or UnitMemory()
            )
            self.unit_tcp = ModbusTcpFace(firmware)
            self._rtu = ModbusRtuFace(firmware, unit_id=1)
        self._boot_ms = 0
        self._out = UnitOutputs()
        self.faults = Faults(self.plant, self.unit, (self.unit_line, self.unit_tcp), seed)
        self.electrometer: Electrometer | Laboratory | None = None
        self.laboratory: Laboratory | None = None

    def fit(self, electrometer: Electrometer) -> None:
        """Put a reference chamber into the beam, with its electrometer."""
        self.electrometer = electrometer
        self.faults.plug("electrometer", electrometer.line)

    def equip(self, laboratory: Laboratory) -> None:
        """Set a physicist's bench up at it: its electrometer, and the blunders of a session among the faults."""
        self.electrometer = self.laboratory = laboratory
        self.faults.plug("electrometer", laboratory.line)
        self.faults.learn(laboratory.faults)

    def advance(self, to_us: int) -> None:
        """On by 1 ms at a time until the next step would pass `to_us` (us of the world's clock).

        The first step of each call is walked whole, for hands and masters act between calls; so is each one after which somebody acted. Where the step
        after it would only go on as before, plant and unit skip to the next one that would not: the same world, sooner.
        """
        plant, unit, out = self.plant, self.unit, self._out
        pins, faults, notes = plant.pins, self.faults, unit.notes
        step, scan, to_unit = plant.step, unit.scan, self.unit_line.to_device
        electrometer, rtu = self.electrometer, self._rtu
        firmware = self._firmware if electrometer is None else None
        now = self.now_us
        untouched = False
        while now + STEP_US <= to_us:
            if untouched and firmware is not None:
                due_us = min(to_us, faults.next_us - 1)
                ms = min((due_us - now) // STEP_US, firmware.idle_ms(self._most_pulses), plant.idle_ms(out))
                if ms > 1:
                    self.now_us = now = now + ms * STEP_US
                    plant.skip(ms)
                    firmware.skip(ms, now, pins)
                    continue
            self.now_us = now = now + STEP_US
            if now >= faults.next_us:
                faults.step(now)
            step(out)
            scan(now, pins, out)
            if electrometer is not None:
                electrometer.step(now, plant.dose_mgy, plant.chamber_2.air)
            if notes:
                self._note()
            untouched = rtu is None or not (to_unit.busy() or rtu.waiting)
            if not untouched:
                self._serve_rtu(now)

    def power_off(self) -> None:
        """The mains go: coils fall, unit and generator stop where they are; the room, the cable's charge and the unit's memory stay."""
        self.unit.reboot(self.now_us)
        self._boot_ms, self.unit.boot_left_ms = self.unit.boot_left_ms, WITHOUT_POWER_MS
        self.plant.generator.reboot(self.now_us)
        self.plant.supply.booted_at_us = self.now_us + WITHOUT_POWER_MS * 1000

    def power_on(self) -> None:
        """The mains are back: both boot."""
        self.unit.boot_left_ms = self._boot_ms
        self.plant.generator.reboot(self.now_us)

    def _note(self) -> None:
        notes = self.unit.notes
        while notes:
            at_us, words = notes.popleft()
            self.log.append((at_us, "unit", words))

    def _serve_rtu(self, now_us: int) -> None:
        if self._rtu is None:
            return
        data = self.unit_line.device_take(now_us)
        if data:
            self._rtu.receive(data, now_us)
        answer = self._rtu.transmit(now_us)
        if answer:
            self.unit_line.device_put(answer, now_us)

    def truth(self) -> Truth:
        """What is true now; nothing of it reaches a wire but through counts, read-backs and pins."""
        return self.plant.truth()
