"""One exchange against a small device over a tampered line, in virtual time: each reply carries the number of its request, so that a wrong pairing shows.
It plays four wires (Spellman's comma protocol, the UNIDOS's lines of text, Modbus RTU, Modbus TCP) and knows no driver."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hal.electrometers import ptw_unidos
from hal.electrometers.ptw_unidos_wire import Question, UnidosDialect
from hal.errors import Trouble, TroubleKind
from hal.exchange import Answer, Exchange, Stage
from hal.generators import seifert_3003, spellman_xrv
from hal.generators.seifert_3003_wire import LineDialect
from hal.generators.spellman import CommaBook, CommaCommand, CommaDialect, Order, Shape
from hal.modbus import RtuDialect, TcpDialect, read, write_one
from hal.transport import Gone
from hal.wire import SILENT_MOST
from simulators import modbus_codec
from simulators.line import SerialLine
from simulators.spellman_codec import Deframer, frame
from simulators.wire_faults import Link

STEP_US = 2_000
BAUD = 19_200
"""Slow enough that a request and a reply are under way for many steps."""
TURNAROUND_US = 6_000
DEADLINE_S, DRAIN_S = 0.080, 0.030
SERIALS = 1 << 16

_QUERIES = tuple(
    CommaCommand(number, f"query {number}", Shape.WHOLE, count, SERIALS)
    for number, count in ((14, 2), (15, 2), (19, 8))
)
_TEXT_WORDS = (b"QMA", b"QXB", b"QZCC")
_BOOK = CommaBook("bench", {}, frozenset(), True, spellman_xrv.BOOK.fences)
_READS = (read("one", 0x100, 30), read("two", 0x140, 31), read("three", 0x120, 32))
"""Of different lengths, all longer than any fence."""


_NUMBER_WORDS = (b"VA", b"CA", b"VN")


class LinePipe:
    """The host's end of the line as a pipe of the product."""

    fd = None

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._breaks = bench.line.breaks

    def take(self) -> bytes:
        self._see()
        return self._bench.line.host_read(self._bench.now_us)

    def send(self, data: bytes) -> int:
        self._see()
        return self._bench.line.host_write(data, self._bench.now_us)

    def close(self) -> None:
        """A line has no end of its own."""

    def _see(self) -> None:
        if self._bench.line.gone or self._bench.line.breaks != self._breaks:
            raise Gone("pulled")


@dataclass
class Heard:
    """A request as the device took it: what it asked, and when."""

    question: bytes
    at_us: int


@dataclass
class Device:
    """Answers what it understands, at once and in order, and writes down everything that it took. `dumb` keeps back this many replies."""

    heard: list[Heard] = field(default_factory=list)
    ons: int = 0
    dumb: int = 0

    def number(self, question: bytes, now_us: int) -> int:
        """The number of this request."""
        self.heard.append(Heard(question, now_us))
        return len(self.heard) - 1


class CommaDevice(Device):
    """Queries 14, 15 and 19 give the request's number and then its own command's."""

    def __init__(self) -> None:
        super().__init__()
        self._deframer = Deframer()

    def replies(self, data: bytes, now_us: int) -> list[bytes]:
        out = []
        for fields in self._deframer.feed(data):
            number, args = fields[0], fields[1:]
            if number == "98":
                self.ons += args == ("1",)
                out.append(frame(number, "$"))
            elif number in ("14", "15", "19"):
                count = 8 if number == "19" else 2
                out.append(frame(number, self.number(number.encode(), now_us), *[int(number)] * (count - 1)))
            elif number in ("21", "43"):
                out.append(frame(number, "12.5") if number == "21" else frame(number, "A", 1))
        return out


class TextDevice(Device):
    """Each question gives the request's number and then its own word; a start is acknowledged by its text."""

    def __init__(self) -> None:
        super().__init__()
        self._in = b""

    def replies(self, data: bytes, now_us: int) -> list[bytes]:
        out = []
        *lines, self._in = (self._in + data).split(b"\r\n")
        for line in lines:
            if line == b"STA":
                self.ons += 1
                out.append(b"STA\r\n")
            elif line in (b"PTW", b"SER"):
                out.append(b"PTW;UNIDOS Tango;TM10052;1.2.4;A16\r\n" if line == b"PTW" else b"SER;123456\r\n")
            elif line in _TEXT_WORDS:
                out.append(b"%b;%d;%b\r\n" % (line, self.number(line, now_us), line))
        return out


class NumberDevice(Device):
    """Each question gives ten digits: the request's number, and last which question it was; the anode's name is letters, an ON is never answered."""

    def __init__(self) -> None:
        super().__init__()
        self._in = b""

    def replies(self, data: bytes, now_us: int) -> list[bytes]:
        out = []
        *lines, self._in = (self._in + data).split(b"\n")
        for line in lines:
            self.ons += line == b"HV:1"
            if line in (b"MR", b"ID"):
                out.append(b"*Mo\r" if line == b"MR" else b"*- ISOVOLT 3003 -\r")
            elif line in _NUMBER_WORDS:
                out.append(b"*%010d\r" % (10 * self.number(line, now_us) + _NUMBER_WORDS.index(line)))
        return out


class ModbusDevice(Device):
    """Register 0 of each reply is the request's number, register n its own address."""

    def __init__(self, tcp: bool) -> None:
        super().__init__()
        self._tcp = tcp
        self._in = bytearray()
        self._last_us = 0

    def replies(self, data: bytes, now_us: int) -> list[bytes]:
        if not self._tcp and now_us - self._last_us > 10_000:
            self._in.clear()
        if data:
            self._last_us = now_us
        self._in += data
        return list(self._framed(now_us))

    def fresh(self) -> None:
        """A new connection begins with an empty stream."""
        self._in.clear()

    def _framed(self, now_us: int) -> Any:
        while self._in:
            if self._tcp:
                taken = modbus_codec.take_tcp(self._in)
                if not isinstance(taken, tuple):
                    if taken is False:
                        self._in.clear()
                    return
                yield modbus_codec.tcp_frame(taken[0], self._said(taken[1], now_us))
                continue
            length = modbus_codec.rtu_request_length(self._in)
            if length < 0 or length > 256:
                self._in.clear()
            if length <= 0 or len(self._in) < length:
                return
            request, self._in = bytes(self._in[:length]), self._in[length:]
            if modbus_codec.rtu_whole(request) and request[0] == 1:
                yield modbus_codec.rtu_frame(1, self._said(request[1:-2], now_us))
            else:
                self._in.clear()

    def _said(self, pdu: bytes, now_us: int) -> bytes:
        return modbus_codec.answer(pdu, lambda at, words: self._registers(at, words, now_us), self._written)

    def _registers(self, at: int, words: int, now_us: int) -> bytes | None:
        if words > 40:
            return None
        number = self.number(at.to_bytes(2, "big"), now_us)
        values = (number % SERIALS, *(at + place for place in range(1, words)))
        return b"".join((value % 65536).to_bytes(2, "big") for value in values)

    def _written(self, _at: int, data: bytes) -> int:
        self.ons += data == b"\0\1"
        return 0


@dataclass(frozen=True)
class Kind:
    """One wire: its dialect, its device, its questions, its ON, and how an answer gives away which request it belongs to (number, right question)."""

    name: str
    dialect: Callable[[], Any]
    device: Callable[[], Any]
    questions: tuple[Any, ...]
    on: Any
    said: Callable[[Any, Any], tuple[int, bool]]


def _comma_said(q: Any, value: Any) -> tuple[int, bool]:
    number, *rest = (int(n) for n in value.numbers)
    return number, set(rest) == {q.command.number}


def _text_said(q: Any, value: Any) -> tuple[int, bool]:
    return int(value.fields[0]), value.fields[1] == q.text


def _number_said(q: Any, value: Any) -> tuple[int, bool]:
    return value.number // 10, value.number % 10 == _NUMBER_WORDS.index(q.text)


def _modbus_said(q: Any, value: Any) -> tuple[int, bool]:
    words = [int.from_bytes(value.data[at : at + 2], "big") for at in range(0, len(value.data), 2)]
    return words[0], words[1:] == [q.read_at + place for place in range(1, q.count)]


def _modbus(name: str, dialect: Callable[[], Any], tcp: bool) -> Kind:
    return Kind(
        name, dialect, lambda: ModbusDevice(tcp), _READS, write_one("on", modbus_codec.DISARM_ADDRESS, 1), _modbus_said
    )


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "comma", lambda: CommaDialect(_BOOK, False), CommaDevice, tuple(Order(row) for row in _QUERIES),
            spellman_xrv.ON, _comma_said,
        ),
        Kind(
            "text", lambda: UnidosDialect(ptw_unidos.IDENTIFY), TextDevice,
            tuple(Question(word.decode(), word.decode(), (r"[0-9]{1,6}", word.decode())) for word in _TEXT_WORDS),
            ptw_unidos.START, _text_said,
        ),
        Kind(
            "numbers", lambda: LineDialect(seifert_3003.MODEL, False), NumberDevice,
            (seifert_3003.KV, seifert_3003.MA, seifert_3003.KV_SET), seifert_3003.ON, _number_said,
        ),
        _modbus("rtu", lambda: RtuDialect(1), False),
        _modbus("tcp", lambda: TcpDialect(1), True),
    )
}  # fmt: skip


class Bench:
    """The host asks its questions in turn whenever its exchange is idle, and opens anew after three silences as hal.wire does.

    `mispaired` holds every answer that was not its own request's.
    """

    def __init__(self, kind: Kind, seed: int = 1) -> None:
        self.kind = kind
        self.now_us = 1_000_000
        self.line = SerialLine(BAUD)
        self.link = Link(lambda: self.now_us, seed)
        self.line.tampered(self.link)
        self.device = kind.device()
        self.random = random.Random(seed)
        self.asked = self.good = self.troubles = self.opened = self.sent = self.gone = 0
        self.mispaired: list[str] = []
        self.silent = 0
        self._questions = itertools.cycle(kind.questions)
        self.asks = True
        self.on_next = False
        self.exchange: Exchange[Any, Any]
        self.open()

    def open(self) -> None:
        """A new exchange: on a line with whatever is still in it, on TCP with a new stream."""
        if self.opened:
            self.sent += self.exchange.sent
            if self.kind.name == "tcp":
                self.line.hang_up()
                self.device.fresh()
        self.silent = 0
        self.exchange = Exchange(LinePipe(self), self.kind.dialect(), DEADLINE_S, DRAIN_S)
        self.opened += 1

    @property
    def now_s(self) -> Any:
        return self.now_us * 1e-6

    def ask(self) -> None:
        """The next question, or the ON once if one is wanted."""
        question = self.kind.on if self.on_next else next(self._questions)
        if self.exchange.ask(question, self.now_s):
            self.asked += 1
            self.on_next = False

    def step(self) -> None:
        """2 ms: the device takes and answers, the host polls and asks, or opens what is gone."""
        self.now_us += STEP_US
        if self.exchange.stage is Stage.GONE and not self.line.gone:
            self.gone += 1
            self.open()
        data = self.line.device_take(self.now_us)
        for reply in self.device.replies(data, self.now_us):
            if self.device.dumb:
                self.device.dumb -= 1
            else:
                self.line.device_put(reply, self.now_us + TURNAROUND_US)
        answer = self.exchange.poll(self.now_s)
        if answer is not None:
            self.judge(answer)
        if self.asks and self.exchange.idle:
            self.ask()

    def judge(self, answer: Answer[Any, Any]) -> None:
        """A good answer must be what the device said to this very request."""
        if isinstance(answer.value, Trouble):
            self.troubles += 1
            self.silent += answer.value.kind is TroubleKind.LINK_SILENT
            if self.silent >= SILENT_MOST and not self.line.gone:
                self.open()
            return
        self.silent = 0
        self.good += 1
        if answer.q == self.kind.on:
            return
        number, own = self.kind.said(answer.q, answer.value)
        heard = self.device.heard[number] if number < len(self.device.heard) else None
        sent_us = round(answer.asked_at * 1e6)
        if not own or heard is None or heard.at_us < sent_us:
            self.mispaired.append(f"{answer.q} asked at {sent_us} us was given {answer.value}, said to {heard}")

    def until(self, condition: Callable[[], bool], most_us: int = 1_000_000) -> bool:
        """Step until it holds; False if it does not within `most_us`."""
        end = self.now_us + most_us
        while not condition():
            if self.now_us >= end:
                return False
            self.step()
        return True

    def run(self, us: int) -> None:
        """Step for so long."""
        end = self.now_us + us
        while self.now_us < end:
            self.step()


def _idle_between(bench: Bench) -> None:
    bench.asks = False
    bench.until(lambda: bench.exchange.idle)


def _before(bench: Bench) -> None:
    _idle_between(bench)
    bench.asks = True


def _asked(us_after: int) -> Callable[[Bench], None]:
    """Some time after a request began to leave."""

    def reach(bench: Bench) -> None:
        _before(bench)
        bench.on_next = False
        bench.ask()
        bench.run(us_after)

    return reach


def _reply_under_way(bench: Bench) -> None:
    bench.until(lambda: bench.exchange.stage is Stage.WAITING and bool(bench.exchange._buf))
    bench.run(2 * STEP_US)


def _drain(bench: Bench) -> None:
    bench.device.dumb = 1
    bench.until(lambda: bench.exchange.stage is not Stage.DRAINING and bench.exchange.stage is not Stage.IDLE)
    bench.until(lambda: bench.exchange.stage is Stage.DRAINING)


def _fence(bench: Bench) -> None:
    _drain(bench)
    bench.until(lambda: bench.exchange.stage is Stage.FENCING)


PHASES: dict[str, Callable[[Bench], None]] = {
    "before the request": _before,
    "request under way": _asked(2_000),
    "waiting": _asked(8_000),
    "reply under way": _reply_under_way,
    "idle between": _idle_between,
    "during drain": _drain,
    "during fence": _fence,
}
"""How a clean line is brought to each point of a transaction. TCP knows neither drain nor fence: there it is the moment after a time-out."""
