"""A test bench for the safety unit alone: pins, two contactors, a beam that is there when it is asked for, and a host that knows the page.
It uses no line of the product; the page's numbers are typed again here."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

from simulators import unit_registers, unit_requests
from simulators.seam import UnitInputs, UnitOutputs
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory

KEY = bytes(range(32))
IDLE, COMMITTED, ARMED, RUN, ENDED, LATCHED, TEST = 0x1111, 0x2222, 0x4444, 0x8787, 0x7878, 0xBBBB, 0xDDDD

SET = {
    "preset_ms": 60_000, "k1_limit_ms": 65_000, "count_preset_1": 5_000, "count_limit_2": 5_200, "lease_max_ms": 200,
    "start_window_ms": 2000, "applicator": 0x33, "filter": 0x55, "t2": 30, "t2d": 6, "purpose": 0x1E1E, "arm_window_s": 60,
    "no_dose_ms": 1000, "disagree_permille": 200, "fraction_tag": 0x1122334455667788, "plan_tag": 0x99AABBCCDDEEFF00,
    "termination": 0xC3, "switch": 0x5A, "timer_start": 0xF00F, "rate": 30, "hv": 40,
}  # fmt: skip
ORDER = tuple(SET)


def pack_set(**changes: int) -> bytes:
    """The 28 registers of 0300, as bytes."""
    values = SET | changes
    return struct.pack(">IIIIHHBBBBHHHHQQBBHHH", *(values[name] for name in ORDER))


class Bench:
    """now_us runs in 1 ms steps; host() answers; beam_wanted is the generator's ON; rates are counts per ms."""

    def __init__(self, nv: UnitMemory | None = None, **config: object) -> None:
        self.nv = nv or UnitMemory()
        self.unit = UnitFirmware(UnitConfig(site_key=KEY, **config), self.nv)  # type: ignore[arg-type]
        self.inputs = UnitInputs(
            applicator_a=0x33, applicator_b=0x33, filter_a=0x55, filter_b=0x55, kv_centi=0, ma_centi=0
        )
        self.outputs = UnitOutputs()
        self.now_us = 0
        self.seq = 0
        self.token = 100
        self.feeding = True
        self.beam_wanted = False
        self.force_hv = False
        self.counts_per_ms_1 = self.counts_per_ms_2 = 2
        self.kv_centi = 7000
        self.weld_1 = self.weld_2 = False
        self.contactor_ms = 15
        self._at_1 = self._at_2 = 0
        self.k1_close_us: list[int] = []
        self.k1_open_us: list[int] = []
        self.run_ms(1100)

    # -- plant
    def step(self) -> None:
        i, o = self.inputs, self.outputs
        chain = i.estop_a and i.door_a and (i.key_treat_a or i.key_service_a)
        self._at_1 = self._follow(self._at_1, o.k1_close and chain)
        self._at_2 = self._follow(self._at_2, o.k2_close and chain)
        k1 = self.weld_1 or self._at_1 >= self.contactor_ms
        k2 = self.weld_2 or self._at_2 >= self.contactor_ms
        i.k1_mirror_open, i.k2_mirror_open = not k1, not k2
        beam = self.force_hv or (self.beam_wanted and k1 and k2)
        if i.kv_centi != 0xFFFF:
            i.kv_centi = self.kv_centi if beam else 0
        if beam:
            i.pulses_1 += self.counts_per_ms_1
            i.pulses_2 += self.counts_per_ms_2
        was = o.k1_close
        self.now_us += 1000
        self.unit.scan(self.now_us, i, o)
        if o.k1_close and not was:
            self.k1_close_us.append(self.now_us)
        if was and not o.k1_close:
            self.k1_open_us.append(self.now_us)
        if self.feeding and self.unit.state in (ARMED, RUN):
            self.renew()

    def _follow(self, at: int, on: bool) -> int:
        if on:
            return min(at + 1, self.contactor_ms)
        return 0 if at < self.contactor_ms else at - self.contactor_ms

    def run_ms(self, ms: int) -> None:
        for _ in range(ms):
            self.step()

    def until(self, state: int, limit_ms: int) -> int:
        """Steps until the unit is in this state; returns how many ms it took."""
        for ms in range(limit_ms):
            if self.unit.state == state:
                return ms
            self.step()
        raise AssertionError(
            f"state is {self.unit.state:#x}, not {state:#x}, after {limit_ms} ms; {list(self.unit.notes)[-5:]}"
        )

    # -- host
    def read(self, address: int, words: int) -> bytes:
        data = unit_registers.read(self.unit, address, words)
        assert data is not None
        return data

    def u16(self, address: int) -> int:
        return int.from_bytes(self.read(address, 1), "big")

    def u32(self, address: int) -> int:
        return int.from_bytes(self.read(address, 2), "big")

    def write(self, address: int, data: bytes) -> int:
        return unit_requests.write(self.unit, address, data)

    def renew(self, lease_ms: int = 200, **other: int) -> int:
        self.seq = (self.u32(0x0102) + 1) & 0xFFFFFFFF
        challenge = other.get("challenge", self.u32(0x0104))
        token = other.get("token", self.u32(0x0118))
        verb = other.get("verb", 0x5AA5)
        return self.write(0x0200, struct.pack(">IIIHH", other.get("seq", self.seq), challenge, token, lease_ms, verb))

    def commit(self, **changes: int) -> int:
        data = pack_set(**changes)
        return self.write(0x0300, data) or self.write(0x031C, zlib.crc32(data).to_bytes(4, "big"))

    def signed(self, body: bytes, key: bytes = KEY) -> bytes:
        return body + hmac.new(key, body, hashlib.sha256).digest()[:4]

    def arm(self, **other: int) -> int:
        self.token = other.get("token", self.token + 1)
        body = struct.pack(
            ">III", self.token, other.get("crc", self.u32(0x011A)), other.get("challenge", self.u32(0x0104))
        )
        return self.write(0x0320, self.signed(body, bytes(32) if other.get("wrong_key") else KEY))

    def reset(self, **other: int) -> int:
        body = struct.pack(
            ">IHHI",
            other.get("token", self.u32(0x0118)),
            other.get("word", 0x5253),
            0,
            other.get("challenge", self.u32(0x0104)),
        )
        return self.write(0x0328, self.signed(body, bytes(32) if other.get("wrong_key") else KEY))

    def press(self) -> None:
        self.inputs.switch_a = self.inputs.switch_b = True

    def release(self) -> None:
        self.inputs.switch_a = self.inputs.switch_b = False

    def to_armed(self, **changes: int) -> None:
        assert self.commit(**changes) == 0, list(self.unit.notes)[-1]
        self.run_ms(5)
        assert self.arm() == 0, list(self.unit.notes)[-1]
        self.run_ms(30)
        assert self.unit.state == ARMED

    def to_beam(self, **changes: int) -> None:
        self.to_armed(**changes)
        self.press()
        self.beam_wanted = True
        self.run_ms(40)
        assert self.unit.state == RUN

    @property
    def first_cause(self) -> int:
        return self.u16(0x0107)

    def causes(self) -> set[int]:
        bits = self.u32(0x0126)
        return {n for n in range(32) if bits >> n & 1}
