"""After a time-out nothing is believed before silence and a fence: thousands of answers of devices that are late at random, on each kind of wire, and
none of them is another request's. With the fence taken away some are, so that this test can fail."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hal_scripted import comma, crc16

from hal import exchange
from hal.exchange import Exchange
from hal.generators import spellman_xrv as xrv
from hal.generators import technix
from hal.generators.spellman import CommaDialect, Order, Said
from hal.generators.spellman_xrb80 import FIRMWARE, MODEL
from hal.generators.spellman_xrb80_wire import Command, MonoblockDialect, Shape, Told
from hal.generators.spellman_xrb80_wire import Order as TextOrder
from hal.generators.technix import EchoDialect
from hal.modbus import Registers, RtuDialect, TcpDialect, read
from hal.transport import MemoryPipe, memory_pair
from hal.units import Seconds

DEADLINE_S, DRAIN_S, STEP_S = 0.05, 0.03, 0.002
USUAL_S, LATE_S = 0.002, (0.04, 0.06, 0.075, 0.085, 0.09, 0.12, 0.3)
STEPS = 60_000

KV = Order(xrv.READ_BACK[0])
COUNT = TextOrder(Command("kv", "VMON", Shape.COUNT, 4095))


@dataclass
class Wire:
    """One kind of wire: its dialect, what is asked, how a device answers with its own number n, and how that number is read from an answer.

    `reply` gives b"" for what is no whole request. Numbers go round at `most`.
    """

    dialect: Callable[[], Any]
    asks: tuple[Any, ...]
    reply: Callable[[bytes, int], bytes]
    number: Callable[[Any], int]
    most: int


def rtu_reply(request: bytes, n: int) -> bytes:
    """FC3: the device's number in the first register, zeros behind it."""
    body = request[:2] + bytes([2 * request[5]]) + n.to_bytes(2, "big") + bytes(2 * request[5] - 2)
    return body + crc16(body)


def tcp_reply(request: bytes, n: int) -> bytes:
    count = request[11]
    body = bytes([1, 3, 2 * count]) + n.to_bytes(2, "big") + bytes(2 * count - 2)
    return request[:4] + len(body).to_bytes(2, "big") + body


def comma_reply(request: bytes, n: int) -> bytes:
    number = request[1:3].decode()
    return comma({"21": "21,12.5,", "43": "43,SWM,B02,"}.get(number, f"{number},{n},"))


def text_reply(request: bytes, n: int) -> bytes:
    said = {b"VMON": b"%d" % n}.get(request[1:5], b"XRB80PN100" if request[1:5] == MODEL.word.encode()[:4] else b"V3.6")
    return b"\x02" + said + b";\r\n"


def echo_reply(request: bytes, n: int) -> bytes:
    word = request.rstrip(b"\r")
    return word + (b"" if b"," in word else b"%04d" % n) + b"\r"


RTU = Wire(
    lambda: RtuDialect(1),
    tuple(read("poll", 100 + at, 32) for at in range(50)),
    rtu_reply,
    lambda v: int.from_bytes(v.data[:2], "big"),
    65535,
)
TCP = Wire(lambda: TcpDialect(1), RTU.asks, tcp_reply, RTU.number, 65535)
COMMA = Wire(lambda: CommaDialect(xrv.BOOK, False), (KV,), comma_reply, lambda v: int(v.numbers[0]), 4095)
TEXT = Wire(lambda: MonoblockDialect((MODEL, FIRMWARE), True), (COUNT,), text_reply, lambda v: int(v.number), 4095)
ECHO = Wire(lambda: EchoDialect(False), (technix.KV,), echo_reply, lambda v: int(v.value), 4095)
WIRES = {"rtu": RTU, "tcp": TCP, "comma": COMMA, "text": TEXT, "echo": ECHO}


class Late:
    """A device that answers in order: mostly at once, at times late beyond deadline and drain, at times not at all."""

    def __init__(self, pipe: MemoryPipe, wire: Wire, seed: int) -> None:
        self._pipe, self._wire = pipe, wire
        self._dice = random.Random(seed)
        self._due: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0
        self.number = 0

    def step(self, now: float) -> None:
        request = self._pipe.take()
        if request:
            self.number = self.number % self._wire.most + 1
            if self._dice.random() > 0.03:
                late = self._dice.choice(LATE_S) if self._dice.random() < 0.12 else USUAL_S
                self._free_at = max(self._free_at, now) + late
                self._due.append((self._free_at, self._wire.reply(request, self.number)))
        while self._due and self._due[0][0] <= now:
            self._pipe.send(self._due.popleft()[1])


def played(wire: Wire, dialect: Any, seed: int) -> tuple[int, int, int]:
    """Answers believed, those of them that were another request's, and re-syncs."""
    ours, theirs = memory_pair()
    link: Exchange[Any, Any] = Exchange(ours, dialect, DEADLINE_S, DRAIN_S)
    device = Late(theirs, wire, seed)
    now, believed, wrong, at, wanted = 1.0, 0, 0, 0, 0
    for _ in range(STEPS):
        device.step(now)
        answer = link.poll(Seconds(now))
        if answer is not None and isinstance(answer.value, Registers | Said | Told | technix.Echo):
            believed += 1
            wrong += wire.number(answer.value) != wanted
        if link.idle:
            device.step(now)
            link.ask(wire.asks[at % len(wire.asks)], Seconds(now))
            device.step(now)
            at, wanted = at + 1, device.number
        now += STEP_S
    return believed, wrong, link.resyncs


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", WIRES)
def test_no_late_reply_is_ever_anothers(name: str, seed: int) -> None:
    wire = WIRES[name]
    believed, wrong, resyncs = played(wire, wire.dialect(), seed)
    assert wrong == 0
    assert believed > 1000
    assert resyncs > 100 or name == "tcp", "there was something to survive"


class RtuNoFence(RtuDialect):
    """The fence is one more poll: of the length of the others."""

    def fence(self, k: int) -> Any:
        return RTU.asks[k % len(RTU.asks)]


class CommaNoFence(CommaDialect):
    """The fence is the poll itself; so it is in the next two."""

    def fence(self, k: int) -> Order:  # noqa: ARG002
        return KV


class TextNoFence(MonoblockDialect):
    def fence(self, k: int) -> TextOrder:  # noqa: ARG002
        return COUNT


class EchoNoFence(EchoDialect):
    def fence(self, k: int) -> technix.Order:  # noqa: ARG002
        return technix.KV


class TcpNoNumber(TcpDialect):
    """Every request under one number: what makes silence and fence needless here is taken away."""

    def encode(self, q: Any) -> bytes:
        self._tid = 0
        return super().encode(q)


DOUBLES = {
    "rtu": lambda: RtuNoFence(1),
    "tcp": lambda: TcpNoNumber(1),
    "comma": lambda: CommaNoFence(xrv.BOOK, False),
    "text": lambda: TextNoFence((MODEL, FIRMWARE), True),
    "echo": lambda: EchoNoFence(False),
}


@pytest.mark.parametrize("name", WIRES)
def test_without_a_fence_of_its_own_late_replies_are_believed(name: str) -> None:
    """Silence alone is not enough: a reply that comes after the drain is taken for the next request's."""
    believed, wrong, _ = played(WIRES[name], DOUBLES[name](), 1)
    assert wrong > 0, f"none of {believed}: this wire's fence guards against nothing that the device does"


def test_a_failed_fence_needs_the_long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kind of fence, and a device that is late twice: the first fence's reply passes for the second one's, and the poll's for the next poll's."""
    monkeypatch.setattr(exchange, "LATEST_S", 0.0)
    assert sum(played(ECHO, ECHO.dialect(), seed)[1] for seed in range(3)) > 0
