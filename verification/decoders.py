"""Every decoder of the hardware layer as a row: its dialect, its questions, what its simulated device answers, and an independent word on each checksum.
It knows how to try one row with any bytes; who makes the bytes (hypothesis, a fuzzer, a person) it does not know."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import entry_points
from typing import Any, Final

from hal.commands import STAGING_BYTES
from hal.electrometer import Hold, Interval, Reset, SetRange, SetVolts, Start, Zero
from hal.electrometers import ptw_unidos
from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.modbus import Question, RtuDialect, TcpDialect
from hal.registry import Checksum
from hal.safety_units import kerma_map as m
from simulators import frames, modbus_codec
from simulators.alone import ElectrometerAlone, GeneratorAlone
from simulators.generators import PROFILES
from simulators.line import SerialLine
from simulators.world import World

REPLY_US: Final = 150_000
"""The longest that a simulated device takes for its answer, at the slowest of the wires here."""
TAKES_MOST: Final = 2000
UNIT_QUESTIONS: Final[tuple[Question, ...]] = (
    m.READ_IDENTITY, m.READ_STATUS, m.READ_SLOW, m.READ_ACTIVE, m.READ_HISTORY, m.DISARM_NOW,
    m.renew_question(1, 0, 0, 0, False), m.stage_question(bytes(STAGING_BYTES)), m.commit_question(0), m.test_question(1),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One decoder. `sound` says whether the bytes that an answer was taken from hold their checksum (True where there is none); `replies` gives, for each
    question, what the simulated device says to it."""

    name: str
    make: Callable[[], Any]
    questions: tuple[Any, ...]
    sound: Callable[[bytes], bool]
    replies: Callable[[], tuple[bytes, ...]]


@dataclass(frozen=True)
class Outcome:
    """What became of some bytes: an answer's value, a trouble's kind, or nothing yet."""

    value: Any = None
    trouble: TroubleKind | None = None


SOUND: Final[dict[Checksum, Callable[[bytes], bool]]] = {
    Checksum.NONE: lambda _data: True,
    Checksum.SIX_BIT_SUM: frames.six_bit_sum_holds,
    Checksum.CRC16: modbus_codec.rtu_whole,
    Checksum.TCP: lambda _data: True,
}


def _sheet_questions(sheet: Any) -> tuple[Any, ...]:
    """Everything that a driver may ever send, set-points with the value that no device refuses."""
    points = [point for point in sheet.set_points if point is not None]
    asked = [
        *sheet.identify,
        *sheet.requests.values(),
        *(step.write for step in sheet.preparations),
        *(step.read for step in sheet.preparations if step.read is not None),
        *(point.read for point in points if point.read is not None),
        *(point.write(0) for point in points if point.write is not None),
        *(later.request for later in (*sheet.clear_then, *sheet.on_then, *sheet.off_then)),
        *([] if sheet.clear is None else [sheet.clear]),
        sheet.off,
        sheet.on,
    ]
    return tuple(dict.fromkeys(asked))


def _generator_replies(
    name: str, packets: bool, dialect: Callable[[], Any], questions: tuple[Any, ...]
) -> tuple[bytes, ...]:
    world = GeneratorAlone(replace(PROFILES[name], generator_packets=packets), 1)
    world.advance(2_000_000)
    return tuple(_told(world, world.generator_line, dialect().encode(q)) for q in questions)


def _told(world: Any, line: SerialLine, request: bytes) -> bytes:
    line.host_write(request, world.now_us)
    world.advance(world.now_us + REPLY_US)
    return line.host_read(world.now_us)


def generator_rows() -> Iterator[Row]:
    """Every driver of the entry point group that has a sheet: on a line, and as packets of its own port."""
    for entry in sorted(entry_points(group="kerma.generators"), key=lambda entry: entry.name):
        module = importlib.import_module(entry.module)
        sheet, driver = getattr(module, "SHEET", None), entry.load()
        if sheet is None:
            continue
        for packets in (False, True):
            wanted = {"tcp"} if packets else {"tty", "pty", "socket"}
            if not wanted & set(driver.wires):
                continue
            dialect = partial(sheet.dialect, packets)
            questions = _sheet_questions(sheet)
            sound = SOUND[Checksum.TCP if packets else driver.checksum]
            name = f"{driver.name}, {'port' if packets else 'line'}"
            yield Row(
                name, dialect, questions, sound, partial(_generator_replies, driver.name, packets, dialect, questions)
            )


def _unidos_questions() -> tuple[Any, ...]:
    """Everything that the driver may ever send, orders with what no device refuses."""
    sheet = ptw_unidos.SHEET
    orders = (Start(), Hold(), Reset(), Interval(60), SetRange("LOW"), SetVolts(-300), Zero())
    asked = (step.q for order in orders for step in sheet.steps(order))
    return tuple(dict.fromkeys((*sheet.identify, *sheet.requests.values(), *asked)))


def _unidos_replies() -> tuple[bytes, ...]:
    world = ElectrometerAlone(ptw_unidos.DRIVER.name, 1)
    world.advance(4_000_000)
    dialect = ptw_unidos.SHEET.dialect()
    return tuple(_told(world, world.electrometer.line, dialect.encode(q)) for q in _unidos_questions())


def _tcp_replies() -> tuple[bytes, ...]:
    connection = World().unit_tcp.connect()
    assert connection is not None
    said = []
    for question in UNIT_QUESTIONS:
        connection.host_write(TcpDialect(1).encode(question))
        said.append(connection.host_read())
    return tuple(said)


def _rtu_replies() -> tuple[bytes, ...]:
    world = World()
    return tuple(_told(world, world.unit_line, RtuDialect(1).encode(question)) for question in UNIT_QUESTIONS)


def rows() -> tuple[Row, ...]:
    """All decoders. A generator's driver is here by its entry point; another dialect is one row more."""
    return (
        *generator_rows(),
        Row(
            "ptw-unidos",
            ptw_unidos.SHEET.dialect,
            _unidos_questions(),
            SOUND[ptw_unidos.DRIVER.checksum],
            _unidos_replies,
        ),
        Row("modbus, tcp", lambda: TcpDialect(1), UNIT_QUESTIONS, SOUND[Checksum.TCP], _tcp_replies),
        Row("modbus, rtu", lambda: RtuDialect(1), UNIT_QUESTIONS, SOUND[Checksum.CRC16], _rtu_replies),
    )


def outcome(row: Row, place: int, pieces: tuple[bytes, ...], overtaken: int | None = None) -> Outcome:
    """What the row's dialect makes of these bytes, piece by piece, after its question `place` (and, overtaken by it, another) was sent; a decoder that
    raises, eats nothing, or believes a wrong checksum is an AssertionError or the exception itself."""
    dialect = row.make()
    abandoned = None if overtaken is None else row.questions[overtaken % len(row.questions)]
    if abandoned is not None:
        dialect.encode(abandoned)
    question = row.questions[place % len(row.questions)]
    dialect.encode(question)
    buf = bytearray()
    for piece in pieces:
        buf += piece
        for _ in range(TAKES_MOST):
            if not buf:
                break
            before = bytes(buf)
            heard = dialect.take(buf, question, abandoned)
            used = before[: len(before) - len(buf)]
            assert before.endswith(buf), f"{row.name}: bytes of the buffer were changed"
            if heard is None:
                assert not used, f"{row.name}: {used!r} eaten and nothing said"
                break
            if isinstance(heard, Heard):
                assert used, f"{row.name}: {heard} for ever"
                abandoned = None if heard is Heard.ABANDONED else abandoned
                continue
            if isinstance(heard, Trouble):
                believed = heard.kind in (TroubleKind.REFUSED, TroubleKind.BUSY)
                assert not believed or row.sound(used), f"{row.name}: a refusal with a wrong checksum: {used!r}"
                return Outcome(trouble=heard.kind)
            assert row.sound(used), f"{row.name}: an answer with a wrong checksum: {used!r}"
            return Outcome(value=heard)
    return Outcome()


def try_row(row: Row, place: int, data: bytes, cuts: tuple[int, ...], overtaken: int | None = None) -> None:
    """The same bytes whole, one by one, and cut at each of `cuts`: never an exception, never a wrong checksum, always the same."""
    whole = outcome(row, place, (data,), overtaken)
    one_by_one = tuple(data[at : at + 1] for at in range(len(data)))
    for pieces in (one_by_one, *((data[: cut % (len(data) + 1)], data[cut % (len(data) + 1) :]) for cut in cuts)):
        again = outcome(row, place, pieces, overtaken)
        assert again == whole, (
            f"{row.name}: {data!r} is {whole} whole and {again} in pieces of {[len(piece) for piece in pieces]}"
        )
