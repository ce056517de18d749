"""A WAGO 750 Modbus TCP coupler with its terminal strip, wired to the room, the contactors and the lamps: bits, registers, and the watchdog with its traps.
It knows what the public manuals say of it and no rule; chambers are not wired to it, and it keeps nothing of an exposure."""

from __future__ import annotations

from collections import deque
from typing import Final

from simulators import modbus_codec as codec
from simulators.seam import UnitInputs, UnitOutputs

CONNECTIONS: Final = 15
MODULES: Final = (0x9001, 0x9001, 0x9001, 0x9001, 0x8802)
INPUTS: Final = 64
OUTPUTS: Final = 8
BITS: Final = 512
"""0-511 are the inputs to a reader and the outputs to a writer, 512-1023 the outputs read back."""
MAC_ADDRESS: Final = 0x02_30_DE_00_00_01
SERIAL: Final = f"{MAC_ADDRESS:012X}"
"""A maker's number with the bit of a local address: no bought coupler has it."""
HV_CENTI: Final = 500
"""The relay on the supply's kV monitor closes above 5 kV."""
BOOT_MS: Final = 500
FAULTS: Final = ("silent", "garbled", "scan-frozen", "mirror-lies")

WD_TIME, WD_LOW, WD_HIGH, WD_TRIGGER, WD_LEAST = 0x1000, 0x1001, 0x1002, 0x1003, 0x1004
WD_STOP, WD_STATE, WD_RESTART, WD_SIMPLE, WD_CLOSES = 0x1005, 0x1006, 0x1007, 0x1008, 0x1009
WD_OTHER, MAC, MODULE_LIST = 0x100A, 0x1031, 0x2030
OFF, RUNNING, EXPIRED = 0, 1, 2
K1, K2, BEAM_LAMP, READY_LAMP, PULSE = 1, 2, 4, 8, 16
MIRROR_1: Final = 1 << 8
LOOP: Final = 1 << 13


class Wago750:
    """`scan` once a ms, `answer` between scans. A feed is a request with a function code that the masks name, or a changed trigger."""

    __slots__ = (
        "_fed_us", "_frozen", "_now_us", "_pins", "_stopping", "alternative", "boot_left_ms", "boots",
        "closes", "faults", "high", "least", "low", "notes", "outputs", "state", "time", "trigger",
    )  # fmt: skip

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.notes: deque[tuple[int, str]] = deque(maxlen=4096)
        self._pins = UnitInputs()
        self._now_us = 0
        self.boots = 0
        self.boot_left_ms = 0
        self._power_up()

    def _power_up(self) -> None:
        self.boots += 1
        self.outputs = 0
        self.time = self.low = self.high = self.trigger = self.closes = self.alternative = 0
        self.least = 0xFFFF
        self.state = OFF
        self._stopping = False
        self._fed_us = self._now_us
        self._frozen: int | None = None

    @property
    def mute(self) -> bool:
        """No answer: booting, or the injected fault `silent`."""
        return self.boot_left_ms > 0 or "silent" in self.faults

    def reboot(self, now_us: int) -> None:
        """Brown-out: outputs off, the watchdog as after every power-up: not running, nothing set."""
        self._now_us = now_us
        self._power_up()
        self.boot_left_ms = BOOT_MS
        self._note("reboot")

    def _note(self, words: str) -> None:
        self.notes.append((self._now_us, words))

    # -- each millisecond -------------------------------------------------------------------------------------------

    def scan(self, now_us: int, inputs: UnitInputs, outputs: UnitOutputs) -> None:
        """Inputs in, watchdog, outputs out."""
        self._now_us = now_us
        self._pins = inputs
        if self.boot_left_ms:
            self.boot_left_ms -= 1
        if self.state == RUNNING and now_us - self._fed_us >= self.time * 100_000:
            self.state = EXPIRED
            self.least = 0
            self.outputs = 0
            self._note("watchdog expired: outputs off")
        bits = self.outputs
        outputs.k1_close = bool(bits & K1)
        outputs.k2_close = bool(bits & K2)
        outputs.beam_lamp = bool(bits & BEAM_LAMP)
        outputs.ready_lamp = bool(bits & READY_LAMP)

    def _inputs(self) -> int:
        """The 64 inputs: contacts of channel A, mirrors and signs; channel B; codes of reader A; of reader B."""
        p = self._pins
        high = p.kv_centi != 0xFFFF and p.kv_centi > HV_CENTI
        first = (
            p.estop_a | p.door_a << 1 | p.key_treat_a << 2 | p.key_service_a << 3 | p.contact_a << 4 | p.switch_a << 5
            | p.k1_mirror_open << 8 | p.k2_mirror_open << 9 | high << 10 | p.beam_lamp_ok << 11 | p.ready_lamp_ok << 12
        )  # fmt: skip
        if "mirror-lies" in self.faults:
            first ^= MIRROR_1
        if self.outputs & PULSE:
            first |= LOOP
        second = (
            p.estop_b | p.door_b << 1 | p.key_treat_b << 2 | p.key_service_b << 3 | p.contact_b << 4 | p.switch_b << 5
        )
        codes = p.applicator_a | p.filter_a << 8 | p.applicator_b << 16 | p.filter_b << 24
        image = first | second << 16 | codes << 32
        if "scan-frozen" not in self.faults:
            self._frozen = None
            return image
        if self._frozen is None:
            self._frozen = image
        return self._frozen

    # -- requests ---------------------------------------------------------------------------------------------------

    def answer(self, pdu: bytes) -> bytes:
        """After the watchdog has expired everything is answered with exception 4, but for the one write that restarts it."""
        function = pdu[0]
        if self.state == EXPIRED and pdu != bytes((6, WD_RESTART >> 8, WD_RESTART & 0xFF, 0, 1)):
            return codec.exception(function & 0x7F, codec.DEVICE_FAILURE)
        if self.state == RUNNING and function and (self.low | self.high << 16) >> (function - 1) & 1:
            self._feed()
        said = codec.io_answer(pdu, self)
        if "garbled" in self.faults and len(said) > 2:
            at = 1 + self._now_us // 1000 * 7 % (len(said) - 1)
            said = said[:at] + bytes((said[at] ^ 0x5A,)) + said[at + 1 :]
        return said

    def _feed(self) -> None:
        left = max(0, self.time * 100 - (self._now_us - self._fed_us) // 1000) // 100
        self.least = min(self.least, left)
        self._fed_us = self._now_us

    def coils(self, address: int, count: int) -> int | None:
        """The same to function codes 1 and 2."""
        return self.inputs(address, count)

    def inputs(self, address: int, count: int) -> int | None:
        if address + count > 2 * BITS or address < BITS < address + count:
            return None
        return self._inputs() >> address if address < BITS else self.outputs >> address - BITS

    def registers(self, address: int, words: int) -> bytes | None:
        values = [self._register(address + place) for place in range(words)]
        if any(value is None for value in values):
            return None
        return b"".join((value or 0).to_bytes(2, "big") for value in values)

    def _register(self, address: int) -> int | None:
        if address < INPUTS // 16:
            return self._inputs() >> 16 * address & 0xFFFF
        if address == BITS:
            return self.outputs
        if MODULE_LIST <= address < MODULE_LIST + 64:
            place = address - MODULE_LIST
            return MODULES[place] if place < len(MODULES) else 0
        if MAC <= address < MAC + 3:
            return MAC_ADDRESS >> 16 * (MAC + 2 - address) & 0xFFFF
        return {
            WD_TIME: self.time, WD_LOW: self.low, WD_HIGH: self.high, WD_TRIGGER: self.trigger, WD_LEAST: self.least,
            WD_STOP: 0, WD_STATE: self.state, WD_RESTART: 1, WD_SIMPLE: 0, WD_CLOSES: self.closes, WD_OTHER: self.alternative,
        }.get(address)  # fmt: skip

    def put_coils(self, address: int, count: int, bits: int) -> int:
        if address + count > BITS:
            return codec.ILLEGAL_ADDRESS
        mask = ((1 << count) - 1) << address
        self._drive((self.outputs & ~mask | bits << address) & (1 << OUTPUTS) - 1)
        return 0

    def _drive(self, bits: int) -> None:
        self.outputs = bits

    def put_registers(self, address: int, data: bytes) -> int:
        if address == 0 and len(data) == 2:
            self._drive(data[1])
            return 0
        if len(data) != 2:
            return codec.ILLEGAL_ADDRESS
        act = {
            WD_TIME: self._set_time, WD_LOW: self._set_low, WD_HIGH: self._set_high, WD_TRIGGER: self._pull_trigger,
            WD_STOP: self._stop, WD_RESTART: self._restart, WD_SIMPLE: self._simple_stop,
        }.get(address)  # fmt: skip
        return codec.ILLEGAL_ADDRESS if act is None else act(int.from_bytes(data, "big"))

    def _set_time(self, value: int) -> int:
        if self.state == RUNNING:
            return codec.ILLEGAL_VALUE
        self.time = value
        return 0

    def _set_low(self, value: int) -> int:
        if self.state == RUNNING:
            return codec.ILLEGAL_VALUE
        self.low = value
        return 0

    def _set_high(self, value: int) -> int:
        if self.state == RUNNING:
            return codec.ILLEGAL_VALUE
        self.high = value
        return 0

    def _pull_trigger(self, value: int) -> int:
        """A changed value that is not 0 starts it, or feeds it; with no time set it cannot run."""
        changed, self.trigger = value != self.trigger, value
        if value and changed and self.time:
            self.state = RUNNING
            self._fed_us = self._now_us
            self._note("watchdog runs")
        return 0

    def _stop(self, value: int) -> int:
        """AAAA, then 5555."""
        if value == 0x5555 and self._stopping:
            self.state = OFF
        self._stopping = value == 0xAAAA
        return 0

    def _simple_stop(self, value: int) -> int:
        if value not in (0xAA55, 0x55AA):
            return codec.ILLEGAL_VALUE
        self.state = OFF
        return 0

    def _restart(self, value: int) -> int:
        """One that was stopped before it expired is not started again."""
        if value != 1:
            return codec.ILLEGAL_VALUE
        if self.state == EXPIRED:
            self.state = RUNNING
            self._fed_us = self._now_us
            self._note("watchdog restarted")
        return 0
