"""A scripted host for the whole simulated rig: speaks Modbus TCP to the unit and the comma protocol to the supply, by frames typed out here.
It uses no line of the product, and sees nothing but bytes."""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib

from simulators.profile import DEFAULT, Profile
from simulators.spellman_codec import Deframer, frame
from simulators.world import World

IDLE, COMMITTED, ARMED, RUN, ENDED, LATCHED = 0x1111, 0x2222, 0x4444, 0x8787, 0x7878, 0xBBBB
TICK_US = 10_000
STAGING = ">IIIIHHBBBBHHHHQQBBHHH"


class RigHost:
    """Ticks every 10 ms: one FC23 to the unit, one question to the supply when its line is free."""

    def __init__(self, profile: Profile = DEFAULT, seed: int = 1) -> None:
        self.world = World(profile, seed)
        self.key = profile.unit_site_key
        self.tcp = self.world.unit_tcp.connect()
        self.seq = self.tid = 0
        self.deframer = Deframer()
        self.status = b""
        self.renewing = True
        self.token = 0
        self.heard: list[tuple[int, tuple[str, ...]]] = []
        self.questions = ("19", "22", "14", "68")
        self.asked = 0
        self.waiting_until = 0
        self.seen: list[tuple[object, ...]] = []

    # ---- unit
    def pdu(self, body: bytes) -> bytes:
        self.tid = self.tid % 65535 + 1
        assert self.tcp is not None
        self.tcp.host_write(struct.pack(">HHHB", self.tid, 0, len(body) + 1, 1) + body)
        answer = self.tcp.host_read()
        return answer[7:]

    def read(self, address: int, words: int) -> bytes:
        return self.pdu(struct.pack(">BHH", 3, address, words))[2:]

    def write(self, address: int, data: bytes) -> bool:
        answer = self.pdu(struct.pack(">BHHB", 16, address, len(data) // 2, len(data)) + data)
        return answer[:1] == b"\x10"

    def u32(self, address: int) -> int:
        return int.from_bytes(self.read(address, 2), "big")

    def exchange(self) -> None:
        verb = 0x5AA5 if self.renewing and self.token else 0
        challenge = int.from_bytes(self.status[8:12], "big") if len(self.status) == 64 else 0
        self.seq += 1
        data = struct.pack(">IIIHH", self.seq, challenge, self.token, 200, verb)
        answer = self.pdu(struct.pack(">BHHHHB", 23, 0x0100, 32, 0x0200, 8, 16) + data)
        self.status = answer[2:] if answer[:1] == b"\x17" else b""

    @property
    def state(self) -> int:
        return int.from_bytes(self.status[12:14], "big")

    @property
    def cause(self) -> int:
        return int.from_bytes(self.status[14:16], "big")

    def commit(self, **changes: int) -> None:
        values = {
            "preset_ms": 30_000, "k1_limit_ms": 32_000, "count_preset_1": 5_000, "count_limit_2": 5_400, "lease_max_ms": 200,
            "start_window_ms": 2000, "applicator": 0x35, "filter": 0xF2, "t2": 30, "t2d": 10, "purpose": 0x1E1E, "arm_window_s": 60,
            "no_dose_ms": 1000, "disagree_permille": 200, "fraction_tag": 7, "plan_tag": 8,
            "termination": 0xC3, "switch": 0x5A, "timer_start": 0xF00F, "rate": 42, "hv": 40,
        } | changes  # fmt: skip
        data = struct.pack(STAGING, *values.values())
        assert self.write(0x0300, data)
        assert self.write(0x031C, zlib.crc32(data).to_bytes(4, "big"))

    def arm(self) -> bool:
        self.token = max(self.u32(0x0128), self.token) + 1  # last token of the slow block
        body = struct.pack(">III", self.token, self.u32(0x011A), self.u32(0x0104))
        return self.write(0x0320, body + hmac.new(self.key, body, hashlib.sha256).digest()[:4])

    def disarm(self) -> None:
        self.pdu(struct.pack(">BHH", 6, 0x0210, 1))

    # ---- supply
    def send(self, *fields: object) -> None:
        self.world.generator_line.host_write(frame(*fields), self.world.now_us)

    def listen(self) -> None:
        data = self.world.generator_line.host_read(self.world.now_us)
        if data:
            replies = self.deframer.feed(data)
            self.heard += [(self.world.now_us, reply) for reply in replies]
            if replies:
                self.waiting_until = 0

    def ask(self, *fields: object) -> tuple[str, ...]:
        before = len(self.heard)
        self.send(*fields)
        for _ in range(100):
            self.world.advance(self.world.now_us + 1000)
            self.listen()
            if len(self.heard) > before:
                return self.heard[-1][1]
        return ()

    # ---- time
    def tick(self) -> None:
        world = self.world
        world.advance(world.now_us + TICK_US)
        self.exchange()
        self.listen()
        if world.now_us >= self.waiting_until:
            self.asked += 1
            self.send(self.questions[self.asked % len(self.questions)])
            self.waiting_until = world.now_us + 100_000
        self.seen.append((self.status[:4], self.status[12:60], world.truth()))

    def run(self, ms: int) -> None:
        for _ in range(ms // 10):
            self.tick()

    def set_up(self) -> None:
        """Set-points written, presets committed; nothing armed."""
        self.run(1500)
        self.ask("10", 2846)
        self.ask("11", 1310)
        self.commit()
        self.run(50)
        assert self.state == COMMITTED, hex(self.state)

    def start(self) -> None:
        """Armed, charged, pressed and told to go, as far as the rig lets it."""
        self.arm()
        self.run(600)
        self.world.room.press()
        for _ in range(20):
            self.tick()
            if self.state == RUN and self.world.truth().k1_closed:
                break
        self.send("98", 1)

    def until_ended(self, limit_ms: int) -> None:
        for _ in range(limit_ms // 10):
            self.tick()
            if self.state not in (ARMED, RUN):
                return
