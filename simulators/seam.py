"""The pins between the safety unit and the room, tube and contactors it is wired to; only levels and pulse counts, as a terminal strip has them.
It knows no register, no protocol and no rule."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class UnitInputs:
    """What the unit's input pins see in one scan; True = contact closed, counters only ever rise (int pulses since power-up of the plant)."""

    estop_a: bool = True
    estop_b: bool = True
    door_a: bool = True
    door_b: bool = True
    key_treat_a: bool = True
    key_treat_b: bool = True
    key_service_a: bool = False
    key_service_b: bool = False
    contact_a: bool = True
    contact_b: bool = True
    switch_a: bool = False
    switch_b: bool = False
    test_pulse: bool = True
    applicator_a: int = 0
    applicator_b: int = 0
    filter_a: int = 0
    filter_b: int = 0
    pulses_1: int = 0
    pulses_2: int = 0
    ht_1: bool = True
    ht_2: bool = True
    saturated_1: bool = False
    saturated_2: bool = False
    stuck_1: bool = False
    stuck_2: bool = False
    pressure_10pa: int = 10132
    temperature_centi_c: int = 2200
    pressure_ok: bool = True
    temperature_ok: bool = True
    lamp_ma: int = 0
    kv_centi: int = 0xFFFF
    ma_centi: int = 0xFFFF
    k1_mirror_open: bool = True
    k2_mirror_open: bool = True
    beam_lamp_ok: bool = True
    ready_lamp_ok: bool = True


@dataclass(slots=True)
class UnitOutputs:
    """What the unit drives: coil and lamp commands; a coil gets current only while the wired chain (emergency stop, door, key) is closed too."""

    k1_close: bool = False
    k2_close: bool = False
    beam_lamp: bool = False
    ready_lamp: bool = False
    sounder: bool = False


class BenchIo(Protocol):
    """Bought I/O in the safety unit's place: scanned each ms over the same pins, answering requests between scans."""

    faults: set[str]
    notes: deque[tuple[int, str]]
    boots: int
    boot_left_ms: int

    @property
    def mute(self) -> bool: ...

    def scan(self, now_us: int, inputs: UnitInputs, outputs: UnitOutputs) -> None: ...

    def answer(self, pdu: bytes) -> bytes: ...

    def reboot(self, now_us: int) -> None: ...
