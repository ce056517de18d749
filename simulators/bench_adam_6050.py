"""An ADAM-6050 module wired to the room, the contactors and the chambers' pulses: points, registers, counters, and its host-idle fail-safe.
It knows what the public manuals say of it and no rule; its utility's settings (idle time, fail-safe values) are attributes here, and not on the wire."""

from __future__ import annotations

from collections import deque
from typing import Final

from simulators import modbus_codec as codec
from simulators.seam import UnitInputs, UnitOutputs

CONNECTIONS: Final = 8
SERIAL: Final = "ADAM-SIM-0001"
"""On its plate only: the module does not tell it."""
INPUTS: Final = 12
OUTPUT_AT, OUTPUTS = 16, 6
COUNTERS: Final = 2 * INPUTS
NAME_AT: Final = 210
NAME: Final = (0x6050, 0x0000, 0x5349, 0x4D00)
INPUT_WORD, OUTPUT_WORD, LOGIC = 300, 302, 305
COUNTS_MOST_PER_MS: Final = 3
BOOT_MS: Final = 800
FAULTS: Final = ("silent", "garbled", "scan-frozen", "mirror-lies")
MASK32: Final = 0xFFFFFFFF
K1, K2, BEAM_LAMP, READY_LAMP = 1, 2, 4, 8
MIRROR_1: Final = 1 << 6


class Adam6050:
    """`scan` once a ms, `answer` between scans. After `idle_ms` without any request (0: never) the outputs take `fail_safe`, once."""

    __slots__ = (
        "_at_1", "_at_2", "_frozen", "_heard_us", "_idle", "_now_us", "_pins", "boot_left_ms", "boots", "count_1", "count_2",
        "fail_safe", "faults", "idle_ms", "logic", "notes", "outputs",
    )  # fmt: skip

    def __init__(self) -> None:
        self.faults: set[str] = set()
        self.notes: deque[tuple[int, str]] = deque(maxlen=4096)
        self.idle_ms = 1000
        self.fail_safe = 0
        self.logic = 0
        self._pins = UnitInputs()
        self._at_1 = self._at_2 = 0
        self._now_us = 0
        self.boots = 0
        self.boot_left_ms = 0
        self._power_up()

    def _power_up(self) -> None:
        self.boots += 1
        self.outputs = 0
        self.count_1 = self.count_2 = 0
        self._heard_us = self._now_us
        self._idle = False
        self._frozen: int | None = None

    @property
    def mute(self) -> bool:
        """No answer: booting, or the injected fault `silent`."""
        return self.boot_left_ms > 0 or "silent" in self.faults

    def reboot(self, now_us: int) -> None:
        """Brown-out: outputs off, counters from nothing."""
        self._now_us = now_us
        self._power_up()
        self.boot_left_ms = BOOT_MS
        self._note("reboot")

    def _note(self, words: str) -> None:
        self.notes.append((self._now_us, words))

    def scan(self, now_us: int, inputs: UnitInputs, outputs: UnitOutputs) -> None:
        """Pulses are counted, the idle time runs, outputs are driven."""
        self._now_us = now_us
        self._pins = inputs
        if self.boot_left_ms:
            self.boot_left_ms -= 1
        fresh_1, fresh_2 = (inputs.pulses_1 - self._at_1) & MASK32, (inputs.pulses_2 - self._at_2) & MASK32
        self._at_1, self._at_2 = inputs.pulses_1, inputs.pulses_2
        self.count_1 = (self.count_1 + min(fresh_1, COUNTS_MOST_PER_MS)) & MASK32
        self.count_2 = (self.count_2 + min(fresh_2, COUNTS_MOST_PER_MS)) & MASK32
        if self.idle_ms and not self._idle and now_us - self._heard_us >= self.idle_ms * 1000:
            self._idle = True
            self.outputs = self.fail_safe
            self._note("host idle: outputs take their fail-safe values")
        bits = self.outputs
        outputs.k1_close = bool(bits & K1)
        outputs.k2_close = bool(bits & K2)
        outputs.beam_lamp = bool(bits & BEAM_LAMP)
        outputs.ready_lamp = bool(bits & READY_LAMP)

    def _inputs(self) -> int:
        p = self._pins
        image = (
            p.estop_a | p.door_a << 1 | p.key_treat_a << 2 | p.key_service_a << 3 | p.contact_a << 4 | p.switch_a << 5
            | p.k1_mirror_open << 6 | p.k2_mirror_open << 7 | p.estop_b << 8 | p.door_b << 9
        )  # fmt: skip
        if "mirror-lies" in self.faults:
            image ^= MIRROR_1
        if "scan-frozen" not in self.faults:
            self._frozen = None
            return image
        if self._frozen is None:
            self._frozen = image
        return self._frozen

    def answer(self, pdu: bytes) -> bytes:
        """Whatever is asked feeds the idle time."""
        self._heard_us = self._now_us
        self._idle = False
        said = codec.io_answer(pdu, self)
        if "garbled" in self.faults and len(said) > 2:
            at = 1 + self._now_us // 1000 * 7 % (len(said) - 1)
            said = said[:at] + bytes((said[at] ^ 0x5A,)) + said[at + 1 :]
        return said

    def coils(self, address: int, count: int) -> int | None:
        """Inputs and outputs, to function codes 1 and 2."""
        return self.inputs(address, count)

    def inputs(self, address: int, count: int) -> int | None:
        if address + count <= INPUTS:
            return self._inputs() >> address
        if address >= OUTPUT_AT and address + count <= OUTPUT_AT + OUTPUTS:
            return self.outputs >> address - OUTPUT_AT
        return None

    def registers(self, address: int, words: int) -> bytes | None:
        values = [self._register(address + place) for place in range(words)]
        if any(value is None for value in values):
            return None
        return b"".join((value or 0).to_bytes(2, "big") for value in values)

    def _register(self, address: int) -> int | None:
        if address < COUNTERS:
            count = {10: self.count_1, 11: self.count_2}.get(address // 2, 0)
            return count >> 16 * (address % 2) & 0xFFFF
        if NAME_AT <= address < NAME_AT + len(NAME):
            return NAME[address - NAME_AT]
        return {INPUT_WORD: self._inputs(), INPUT_WORD + 1: 0, OUTPUT_WORD: self.outputs, LOGIC: self.logic}.get(
            address
        )

    def put_coils(self, address: int, count: int, bits: int) -> int:
        if address < OUTPUT_AT or address + count > OUTPUT_AT + OUTPUTS:
            return codec.ILLEGAL_ADDRESS
        place = address - OUTPUT_AT
        mask = ((1 << count) - 1) << place
        self.outputs = self.outputs & ~mask | bits << place
        return 0

    def put_registers(self, address: int, data: bytes) -> int:
        if address != OUTPUT_WORD or len(data) != 2:
            return codec.ILLEGAL_ADDRESS
        value = int.from_bytes(data, "big")
        if value >= 1 << OUTPUTS:
            return codec.ILLEGAL_VALUE
        self.outputs = value
        return 0
