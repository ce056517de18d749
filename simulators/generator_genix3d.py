"""The face of a GeniX3D-class source (50 kV, 0.6 mA) on its Modbus TCP port: coils, registers, pulses, its own ramp, heartbeat, interlock loop and shutter.
It knows every address and its exception; what HV does with it is the supply's. What the published map leaves open is marked as an assumption."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import replace

from simulators import modbus_codec as codec
from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.supply import OVER_TEMP_ANODE, Supply

UNIT = 1
HEARD = 512
STATUS_AT, ORDERS_AT, END = 210, 240, 253
HT, TUBE = range(50, 52), range(54, 57)
BLINK_US = 500_000
SHUTTER_MS = 60
KV_STEP_MS = 20
"""The ramp, hundredths of a kV each ms. A real one takes its time (assumption)."""
NO_MA = 0.02
NO_KV = 0.5
PULSE_KV, PULSE_MA = 100, 5
"""What one pulse moves, in hundredths (assumption: the step is not published)."""
STANDBY = (3000, 30)
WARM_UP_MS = 3_000

PROFILE = replace(
    DEFAULT,
    generator="genix3d",
    generator_packets=True,
    model="GeniX3D",
    full_scale_kv=50.0,
    full_scale_ma=0.6,
    kv_set_counts=5000,
    ma_set_counts=60,
    generator_baud=0,
    turnaround_us=2000,
    power_limit_w=31,
    ramp_ms=100,
    filament_preheat_counts=1650,
    cable_nf=0.02,
    bleeder_gohm=40.0,
    rate_kv=50.0,
    rate_ma=0.6,
    rate_mgy_per_s=30.0,
)
ORDERS = {
    240: "current up", 241: "current down", 242: "HT up", 243: "HT down", 244: "power off", 245: "start warm-up", 246: "stop warm-up",
    247: "open shutter", 248: "close shutter", 249: "reset faults", 250: "standby", 251: "X-rays on", 252: "ramp up",
}  # fmt: skip


class Genix3dFirmware:
    """Frames in by `receive`. Public attributes are where faults act: `switch_open` (one switch of the loop), `loop_broken`, `heart_stopped`, `fault_coils`
    (addresses 220-228, 231), `warm_up_needed`, `overridden`; `orders` is what the coils from 240 on stand at, `heard` what was asked and written."""

    __slots__ = (
        "_able", "_in", "_kv_goal", "_line", "_ma_goal", "_now_us", "_p", "_shutter_left_ms", "_stream", "_supply", "_warming_ms", "_was_on",
        "fault_coils", "garbled", "heard", "heart_stopped", "late_us", "loop_broken", "moving", "orders", "overridden", "set_points_stick", "shutter_wanted",
        "silent", "switch_open", "warm_up_needed",
    )  # fmt: skip

    def __init__(self, profile: Profile, supply: Supply, line: SerialLine, seed: int) -> None:
        self._p = profile
        self._supply = supply
        self._line = line
        self._stream = random.Random(seed)
        self._now_us = 0
        self.heard: deque[tuple[str, ...]] = deque(maxlen=HEARD)
        self.silent = self.garbled = self.set_points_stick = False
        self.switch_open = self.loop_broken = self.heart_stopped = self.warm_up_needed = self.overridden = False
        self.fault_coils: set[int] = set()
        self.late_us = 0
        self._forget()

    def _forget(self) -> None:
        self._in = bytearray()
        self.orders = dict.fromkeys(ORDERS, False)
        self.moving = ""
        self.shutter_wanted = self._was_on = self._able = False
        self._kv_goal = self._ma_goal = 0
        self._shutter_left_ms = self._warming_ms = 0

    @property
    def shutter_open(self) -> bool:
        """The beam leaves only while the shutter has arrived at open."""
        return self.shutter_wanted and self._shutter_left_ms == 0

    def reboot(self, now_us: int) -> None:
        """Logic restarts: X-rays off, shutter closed, orders and answers lost; deaf for the boot time."""
        self._supply.notes.append("rebooted")
        self._line.to_host.clear()
        self._forget()
        self._supply.boot(now_us)

    def idle_ms(self) -> int:
        """It has a clock of its own."""
        return 0

    def step(self, now_us: int) -> None:
        """One ms of ramp, shutter and warm-up."""
        self._now_us = now_us
        if self._shutter_left_ms:
            self._shutter_left_ms -= 1
        if self.shutter_wanted and not self._loop_closed():
            self._shutter(False)
        hv = self._supply
        able = hv.interlock_closed and hv.powered
        if able and not self._able and self.orders[251] and not hv.hv_on:
            hv.notes.append("interlock closed again while 251 is up: X-rays come back")
            self._switch_on(now_us)
        self._able = able
        if hv.hv_on and self.fault_coils and not hv.deaf_to_off:
            hv.drop(f"fault of coil {min(self.fault_coils)}")
        if not hv.hv_on:
            if self._was_on:
                self._dropped()
            return
        self._was_on = True
        if self._warming_ms:
            self._warming_ms -= 1
            if not self._warming_ms:
                self.warm_up_needed = False
                self._go("powering down", 0, 0)
        self._move()

    def _move(self) -> None:
        """HT up before current, current to 0 before HT. Without current the filament stands at its standby heat, which emits next to nothing."""
        hv = self._supply
        at_goal = hv.kv_counts == self._kv_goal
        current = at_goal and self._ma_goal > 0
        hv.ma_counts = self._ma_goal
        hv.limit_counts = self._p.filament_limit_counts if current else hv.preheat_counts
        if not at_goal and (hv.kv_counts < self._kv_goal or hv.read_ma < NO_MA):
            step = self._kv_goal - hv.kv_counts
            hv.kv_counts += max(-KV_STEP_MS, min(KV_STEP_MS, step))
        elif at_goal and self.moving and (hv.read_ma >= 0.95 * hv.set_ma if current else hv.read_kv < NO_KV):
            hv.notes.append(f"{self.moving}: done")
            self.moving = ""

    def _go(self, words: str, kv: int, ma: int) -> None:
        if self.set_points_stick:
            return
        self.moving = words
        self._kv_goal, self._ma_goal = kv, ma
        self._supply.moved(self._now_us)

    def _dropped(self) -> None:
        """X-rays went off, by order or by themselves: what was still set is lost, and the source has suffered if current flowed."""
        hv = self._supply
        if hv.kv_counts:
            harm = hv.read_ma >= NO_MA
            hv.notes.append("HT dropped with current: this harms the source" if harm else "X-rays off with HT not at 0")
        hv.kv_counts = hv.ma_counts = 0
        self._was_on = False
        self._warming_ms = 0
        self._go("", 0, 0)

    def _shutter(self, wanted: bool) -> None:
        if wanted and not self._loop_closed():
            self._supply.notes.append("shutter stays closed: interlock open")
        elif wanted is not self.shutter_wanted:
            self.shutter_wanted = wanted
            self._shutter_left_ms = SHUTTER_MS
            self._supply.notes.append("shutter opens" if wanted else "shutter closes")

    def _loop_closed(self) -> bool:
        return self.overridden or not (self.switch_open or self.loop_broken)

    def _sound(self) -> bool:
        return not (self.fault_coils or self._supply.faulty())

    def full_power(self) -> tuple[int, int]:
        """What ramp-up goes to: the tube's rating."""
        return self._p.kv_set_counts, self._p.ma_set_counts

    def status(self) -> dict[int, bool]:
        """Coils 210 to 239 as they are now; 218, 233 and 238 are nobody's. The contact of K1 is the relay interlock (assumption)."""
        hv = self._supply
        beat = self._now_us // BLINK_US % 2 == 1
        up = dict.fromkeys(range(STATUS_AT, ORDERS_AT), False)
        closed = self._shutter_left_ms == 0 and not self.shutter_wanted
        up |= {
            210: not hv.local,
            211: hv.hv_on,
            212: self.moving == "to standby",
            213: self.moving == "ramping",
            214: hv.ready and self._sound() and not self.warm_up_needed,
            215: self.moving == "powering down",
            216: self._warming_ms > 0,
            217: self._p.ma_set_counts > 60,
            227: bool(hv.faults[OVER_TEMP_ANODE]),
            229: not hv.interlock_closed,
            232: self.warm_up_needed,
            234: beat and not self.heart_stopped,
            235: not self.loop_broken and (beat or not self.switch_open),
            236: closed,
            237: self.shutter_open,
            239: self.overridden,
        }
        up |= dict.fromkeys(self.fault_coils, True)
        up[219] = hv.faulty() or any(up[at] for at in range(220, 233))
        return up

    def receive(self, data: bytes, now_us: int) -> None:
        """Bytes from the host; answers go out after the turnaround. A stream that is out of step is dropped."""
        if self.silent or now_us < self._supply.booted_at_us:
            return
        self._in += data
        while self._in:
            frame = codec.take_tcp(self._in)
            if isinstance(frame, bool):
                self._in.clear()
            if not isinstance(frame, tuple):
                return
            header, pdu = frame
            if header[6] == UNIT:
                self._say(codec.tcp_frame(header, self.answer(pdu, now_us)), now_us)

    def answer(self, pdu: bytes, now_us: int) -> bytes:
        """The reply to one request."""
        at, number = (str(int.from_bytes(pdu[place : place + 2], "big")) for place in (1, 3))
        self.heard.append(
            (at, "0" if number == "0" else "1") if pdu[0] == 5 else (f"function {pdu[0]}: {at}, {number}",)
        )
        if pdu[0] == 1:
            return codec.read_bits(pdu, self._coils)
        if pdu[0] == 3:
            return codec.read_registers(pdu, self._registers)
        if pdu[0] == 5:
            return codec.write_bit(pdu, lambda at, up: self._order(at, up, now_us))
        return codec.exception(pdu[0] & 0x7F, codec.ILLEGAL_FUNCTION)

    def _coils(self, at: int, count: int) -> list[bool] | None:
        if at < STATUS_AT or at + count > END:
            return None
        coils = self.status() | self.orders
        return [coils[place] for place in range(at, at + count)]

    def _registers(self, at: int, words: int) -> bytes | None:
        if not any(at in block and at + words - 1 in block for block in (HT, TUBE)):
            return None
        hv = self._supply
        minutes = self._now_us // 60_000_000
        values = {
            50: round(hv.read_kv * 100),
            51: round(hv.read_ma * 100),
            54: 254,
            55: minutes % 60,
            56: minutes // 60,
        }
        return b"".join(values[place].to_bytes(2, "big") for place in range(at, at + words))

    def _order(self, at: int, up: bool, now_us: int) -> int:
        """One coil written. In local mode only X-rays off is obeyed (assumption); an order is acknowledged whether or not it is carried out."""
        if at not in ORDERS:
            return codec.ILLEGAL_ADDRESS
        rises = up and not self.orders[at]
        self.orders[at] = up
        hv = self._supply
        if at == 251 and not up:
            hv.switch(now_us, 0)
        elif hv.local:
            hv.notes.append(f"{ORDERS[at]} left undone: local mode")
        elif at == 251:
            self._switch_on(now_us)
        elif at == 250:
            if up and hv.hv_on:
                self._ramp("to standby", STANDBY)
        elif rises:
            self._pulse(at, now_us)
        return 0

    def _switch_on(self, now_us: int) -> None:
        hv = self._supply
        if self.fault_coils:
            hv.notes.append(f"HV ON refused: fault of coil {min(self.fault_coils)}")
        elif hv.switch(now_us, 1) and self.orders[250]:
            self._ramp("to standby", STANDBY)

    def _pulse(self, at: int, now_us: int) -> None:
        hv = self._supply
        if at == 249:
            hv.reset_faults(now_us)
        elif at in (247, 248):
            self._shutter(at == 247)
        elif not hv.hv_on:
            hv.notes.append(f"{ORDERS[at]} left undone: X-rays off")
        elif at == 252:
            self._ramp("ramping", self.full_power())
        elif at in (244, 246):
            self._warming_ms = 0
            self._go("powering down", 0, 0)
        elif at == 245:
            self._warming_ms = WARM_UP_MS
            self._go("warm-up", *STANDBY)
        else:
            self._step_by(at)

    def _ramp(self, words: str, goal: tuple[int, int]) -> None:
        if self.warm_up_needed:
            self._supply.notes.append(f"{words} refused: warm-up needed")
        else:
            self._go(words, *goal)

    def _step_by(self, at: int) -> None:
        """One step by a pulse, within the tube's rating; to take HT to 0 under current is obeyed, and noted."""
        hv, (kv_most, ma_most) = self._supply, self.full_power()
        hv.moved(self._now_us)
        if at in (240, 241):
            self._ma_goal = min(ma_most, max(0, self._ma_goal + (PULSE_MA if at == 240 else -PULSE_MA)))
        else:
            self._kv_goal = min(kv_most, max(0, self._kv_goal + (PULSE_KV if at == 242 else -PULSE_KV)))
            if self._kv_goal == 0 and self._ma_goal:
                hv.notes.append("HT dropped with current: this harms the source")

    def _say(self, frame: bytes, now_us: int) -> None:
        if self.garbled:
            spot = 7 + self._stream.randrange(len(frame) - 7)
            frame = frame[:spot] + bytes((frame[spot] ^ (1 << self._stream.randrange(8)),)) + frame[spot + 1 :]
        self._line.device_put(frame, now_us + self._p.turnaround_us + self.late_us)
