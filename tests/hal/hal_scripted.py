"""Devices for the tests of hal, their bytes put together by hand from the published facts, never by the product's own encoders.
They do what a test tells them and no more: no plant, no rule, no time of their own."""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import dataclass, field

from hal.commands import Command, Watch
from hal.machine import Renewal
from hal.readings import Readings
from hal.rig import Rig, RigConfig, make_rig
from hal.transport import Gone, MemoryPipe, memory_pair

SITE_KEY = bytes(range(32))
SERIAL = "KU-0042"
MODEL = "XRV100N500"


def comma(body: str) -> bytes:
    """A frame of the comma protocol on a serial line: the check character is 0x40 to 0x7F, the complement of the low seven bits."""
    text = body.encode("ascii")
    low = (0x80 - (sum(text) % 0x80)) % 0x80
    return b"\x02" + text + bytes([low | 0x40]) + b"\x03"


@dataclass
class ScriptedXrv:
    """An XRV that answers from a table; `heard` is every body it got, `mute` makes it deaf, `held` keeps its replies back."""

    table: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    mute: bool = False
    held: bool = False
    refuses_to_open: bool = False
    stored: dict[str, int] = field(default_factory=lambda: {"10": 0, "11": 0, "12": 0, "13": 0})
    flags: list[int] = field(default_factory=lambda: [0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1])
    ignores_writes: bool = False
    opened: int = 0
    room: int = 4096
    ends: list[MemoryPipe] = field(default_factory=list)
    waiting: bytes = b""
    _in: bytes = b""

    def open(self) -> MemoryPipe:
        if self.refuses_to_open:
            raise Gone("no such port")
        ours, theirs = memory_pair(self.room)
        self.ends.append(theirs)
        self.opened += 1
        self._in = b""
        return ours

    def serve(self) -> None:
        """Reads what came and answers it."""
        if not self.ends:
            return
        try:
            self._in += self.ends[-1].take()
        except Gone:
            return
        while b"\x03" in self._in:
            one, self._in = self._in.split(b"\x03", 1)
            body = one[one.rindex(b"\x02") + 1 : -1].decode("ascii")
            assert comma(body) == b"\x02" + one[one.rindex(b"\x02") + 1 :] + b"\x03", one
            self.heard.append(body)
            if not self.mute:
                self.waiting += comma(self.reply(body))
        if not self.held and self.waiting:
            waiting, self.waiting = self.waiting, b""
            with contextlib.suppress(Gone):
                self.ends[-1].send(waiting)

    def reply(self, body: str) -> str:
        if body in self.table:
            return self.table[body]
        number, *args = body.rstrip(",").split(",")
        if number in self.stored and args:
            if not self.ignores_writes:
                self.stored[number] = int(args[0])
            return f"{number},$,"
        if number in ("14", "15", "16", "17"):
            return f"{number},{self.stored[str(int(number) - 4)]},"
        if number == "22":
            return "22," + ",".join(map(str, self.flags)) + ","
        return {
            "19": "19,0,0,2375,0,0,0,0,0,",
            "21": "21,12.5,",
            "23": "23,SWM9999-999,56234,",
            "26": f"26,{MODEL},",
            "28": "28,100,5,0,",
            "31": "31,$,",
            "43": "43,SWM00199-001,3261,",
            "68": "68," + "0," * 27,
            "98": "98,$,",
        }.get(number, f"{number},2,")

    def hang_up(self) -> None:
        for end in self.ends:
            end.close()


STATUS_FIELDS = (
    "scan", "host_seq", "challenge", "state", "first_cause", "boot_count", "contacts_a", "contacts_b", "relays", "applicator_a",
    "applicator_b", "filter_a", "filter_b", "beam_ms", "counts_1", "counts_2", "sample_us", "health", "lease_left_ms", "token",
    "active_crc", "press_count",
)  # fmt: skip


def sealed(body: bytes) -> bytes:
    return body + struct.pack(">I", zlib.crc32(body))


def identity_block(
    serial: str = SERIAL, capabilities: int = 0b1011, magic: int = 0x4B45524D, major: int = 1, negative: int = 0xFFFE
) -> bytes:
    """0000-001D, register by register."""
    body = struct.pack(">IHH", magic, major, 0) + struct.pack(">IHH", 0x12345678, negative, capabilities)
    body += serial.encode("ascii").ljust(16, b"\0") + struct.pack(">QI", 0x1122334455667788, 0xCAFEF00D)
    body += struct.pack(">HH", 1000, 1200) + struct.pack(">IHH", 10_000_000, 20, 500)
    assert len(body) == 0x1C * 2
    return sealed(body)


@dataclass
class ScriptedUnit:
    """A safety unit on Modbus TCP (or RTU) that keeps registers and does no thinking; `writes` lists (connection, address, bytes)."""

    rtu: bool = False
    identity: bytes = field(default_factory=identity_block)
    status: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(STATUS_FIELDS, 0) | {"state": 0x1111, "boot_count": 3, "scan": 100}
    )
    staging: bytes = bytes(56)
    active: bytes = bytes(60)
    history: bytes = b""
    slow: bytes = b""
    writes: list[tuple[int, int, bytes]] = field(default_factory=list)
    reads: list[tuple[int, int, int]] = field(default_factory=list)
    mute: set[int] = field(default_factory=set)
    held: bool = False
    refuse: dict[int, int] = field(default_factory=dict)
    refuses_to_open: bool = False
    commits: bool = True
    ends: list[MemoryPipe] = field(default_factory=list)
    room: int = 4096
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    _in: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.history = b"".join(sealed(bytes(32)) for _ in range(8))
        self.slow = sealed(
            struct.pack(">5I3Hh4HIQQ2H", 100, 0, 5, 0, 77, 1, 2, 10132, 2205, 120, 0xFFFF, 160, 0x0206, 60, 7, 8, 9, 10)
        )

    def open(self) -> MemoryPipe:
        if self.refuses_to_open:
            raise Gone("connection refused")
        ours, theirs = memory_pair(self.room)
        self.ends.append(theirs)
        return ours

    def serve(self) -> None:
        for index, end in enumerate(self.ends):
            try:
                data = self._in.get(index, b"") + end.take()
            except Gone:
                continue
            while data:
                data, reply = self._one(index, data)
                if reply is None:
                    break
                if reply and index not in self.mute:
                    self.waiting.append((index, reply))
            self._in[index] = data
        if not self.held:
            self.release()

    def release(self) -> None:
        waiting, self.waiting = self.waiting, []
        for index, reply in waiting:
            try:
                self.ends[index].send(reply)
            except Gone:
                continue

    def _one(self, index: int, data: bytes) -> tuple[bytes, bytes | None]:
        if self.rtu:
            need = 9 + data[6] if data[1] == 16 else 13 + data[10] if data[1] == 23 else 8
            if len(data) < need:
                return data, None
            assert crc16(data[: need - 2]) == data[need - 2 : need]
            pdu = self.answer(index, data[1 : need - 2])
            return data[need:], b"\x01" + pdu + crc16(b"\x01" + pdu)
        if len(data) < 7 or len(data) < 6 + int.from_bytes(data[4:6], "big"):
            return data, None
        length = int.from_bytes(data[4:6], "big")
        pdu = self.answer(index, data[7 : 6 + length])
        return data[6 + length :], data[:4] + struct.pack(">HB", len(pdu) + 1, data[6]) + pdu

    def answer(self, index: int, pdu: bytes) -> bytes:
        function = pdu[0]
        if function == 3:
            at, count = struct.unpack(">HH", pdu[1:5])
            self.reads.append((index, at, count))
            return self._give(3, at, count)
        if function == 6:
            return self._put(index, struct.unpack(">H", pdu[1:3])[0], pdu[3:5], pdu)
        if function == 16:
            at, _count, length = struct.unpack(">HHB", pdu[1:6])
            return self._put(index, at, pdu[6 : 6 + length], pdu[:5])
        read_at, count, write_at, _n, length = struct.unpack(">HHHHB", pdu[1:10])
        refused = self._put(index, write_at, pdu[10 : 10 + length], b"")
        return refused or self._give(23, read_at, count)

    def _put(self, index: int, at: int, data: bytes, reply: bytes) -> bytes:
        self.writes.append((index, at, data))
        if at in self.refuse:
            return bytes([(reply[0] if reply else 23) | 0x80, self.refuse[at]])
        if at == 0x200:
            self.status["host_seq"] = int.from_bytes(data[:4], "big")
        elif at == 0x300:
            self.staging = data
            self.status["state"] = 0x1111
        elif at == 0x31C and self.commits:
            self.active = sealed(self.staging)
            self.status |= {"state": 0x2222, "active_crc": zlib.crc32(self.staging)}
        elif at == 0x210 and self.status["state"] in (0x2222, 0x4444):
            self.status["state"] = 0x1111
        return reply

    def status_block(self) -> bytes:
        s = self.status
        words = [s[name] for name in STATUS_FIELDS]
        body = struct.pack(">IIIHHHHHHBBBBIIIIHHIIH", *words) + struct.pack(">H", s["scan"] & 0xFFFF)
        assert len(body) == 60
        return sealed(body)

    def _give(self, function: int, at: int, count: int) -> bytes:
        if at == 0x400:
            block, start = self.history, 0x400
        elif at >= 0x340:
            block, start = self.active, 0x340
        elif at >= 0x300:
            block, start = self.staging, 0x300
        elif at >= 0x120:
            block, start = self.slow, 0x120
        elif at >= 0x100:
            block, start = self.status_block(), 0x100
        else:
            block, start = self.identity, 0
        data = block[(at - start) * 2 : (at - start + count) * 2]
        return bytes([function, len(data)]) + data

    def written(self, at: int) -> list[bytes]:
        return [data for _, address, data in self.writes if address == at]


def crc16(data: bytes) -> bytes:
    """Modbus RTU's CRC, bit by bit, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return struct.pack("<H", crc)


def config(**changes: object) -> RigConfig:
    values: dict[str, object] = {
        "name": "bench", "simulated": True, "generator_driver": "spellman-xrv", "generator_link": "tty:/dev/generator",
        "generator_baud": 115200, "generator_model": MODEL, "full_scale_kv": 100.0, "full_scale_ma": 5.0, "turnaround_s": 0.002,
        "safety_unit_driver": "kerma-unit", "safety_unit_link": "tcp:192.0.2.1:502", "safety_unit_baud": 115200, "unit_serial": SERIAL,
    }  # fmt: skip
    return RigConfig(**(values | changes))  # type: ignore[arg-type]


@dataclass
class Bench:
    """A rig between the two scripted devices and a clock that the test moves."""

    unit: ScriptedUnit = field(default_factory=ScriptedUnit)
    xrv: ScriptedXrv = field(default_factory=ScriptedXrv)
    now: float = 10.0
    tick_s: float = 0.01
    settings: dict[str, object] = field(default_factory=dict)
    rig: Rig = field(init=False)
    readings: Readings = field(init=False)

    def __post_init__(self) -> None:
        if self.unit.rtu:
            self.settings = {"safety_unit_link": "tty:/dev/unit"} | self.settings
        settings = config(**self.settings)
        self.rig = make_rig(
            settings,
            SITE_KEY,
            lambda link, _baud: self.xrv.open() if link == settings.generator_link else self.unit.open(),
        )

    def tick(self, command: Command | None = None, renew: Renewal | None = None) -> Readings:
        """ask, the devices answer within the slot, read, write; then the devices see the writes and a tick passes."""
        self.rig.ask(renew, self.now)  # type: ignore[arg-type]
        self.serve()
        self.readings = self.rig.read(self.now + 0.002)  # type: ignore[arg-type]
        if command is not None:
            self.rig.write(command, self.now + 0.002)  # type: ignore[arg-type]
        self.serve()
        self.now += self.tick_s
        self.unit.status["scan"] = (self.unit.status["scan"] + round(self.tick_s * 1000)) % 2**32
        return self.readings

    def serve(self) -> None:
        self.unit.serve()
        self.xrv.serve()

    def ticks(self, count: int, command: Command | None = None, renew: Renewal | None = None) -> Readings:
        for _ in range(count):
            self.tick(command, renew)
        return self.readings

    def known(self) -> Bench:
        """Ticks until both devices are identified and everything has been read once."""
        self.ticks(40, Watch())
        assert self.readings.generator_identity is not None
        assert self.readings.set_points is not None
        return self
