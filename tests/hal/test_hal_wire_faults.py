"""Every way a wire can lie, at every phase of a transaction, on five wires: a reply is taken for its own request's or not at all,
an ON leaves once, nothing is sent twice, and after the fault the exchange is back within a bounded time or says that it is gone."""

from __future__ import annotations

import itertools

import pytest
from wire_bench import KINDS, PHASES, Bench, Kind

from hal.errors import Trouble
from hal.modbus import Question, TcpDialect
from hal.readings import UnitSlow
from hal.safety_units import kerma_map as m
from simulators.wire_faults import TAMPERINGS, Tampering
from simulators.world import World

BACK_US = 1_200_000
"""The latest reply of a fault (250 ms), then time-out, drain and fence (160 ms), and once more if the fence met it."""
BACK_TWICE_US = 1_200_000
"""Where a question brings two lines, and both are endless, the line itself is busy for 0.73 s."""
LASTS_US = (2_000, 120_000, 400_000)

VALUES = {"stale", "tenfold", "shifted", "byte-swapped", "word-swapped"}
"""Another value under a right checksum and the right number."""
STREAM = {
    "garbled",
    "request-garbled",
    "truncated",
    "stuck",
    "noise",
    "noise-before",
    "noise-after",
    "break",
    "wrong-baud",
    "endless",
}
"""Bytes changed, lost or added within a TCP stream, which TCP's own checksum and sequence rule out; Modbus TCP has none of its own."""
BY_CONTENT = {
    "comma": VALUES | {"stuck"},
    "text": VALUES | {"stuck", "garbled"},
    "numbers": VALUES | {"stuck", "garbled", "another-reply"},
    "rtu": VALUES | {"stuck"},
    "tcp": VALUES | STREAM | {"another-reply"},
}
"""What no exchange can see: it is for the blocks' checksums, sequences and echoes, and for the interlocks (test_wire_faults_in_beam). Nor can it tell
two RTU replies of one function and one length; see test_a_block_is_never_taken_for_another. Lines of text have no checksum: a digit that has turned into
another is one, and a held value settles when it was said twice. Numbers that name nothing are told apart by which side their letters stand on: not from the
last but one."""
HARMLESS = {
    "comma": {"split", "echo"},
    "text": {"split", "echo"},
    "numbers": {"split", "echo"},
    "rtu": {"split", "echo"},
    "tcp": {"split", "duplicated", "bad-checksum"},
}
"""What a wire may do all the time while answers still come."""


def tried(kind: str, row: Tampering) -> bool:
    """Whether this can be done to the kind's frames; numbers have no more than lines of text have."""
    return ("text" if kind == "numbers" else kind) in row.on


def cells() -> list[tuple[str, str, str]]:
    return [
        (kind, name, phase)
        for kind, (name, row), phase in itertools.product(KINDS, TAMPERINGS.items(), PHASES)
        if tried(kind, row)
    ]


def judge(bench: Bench, row: Tampering, kind: Kind) -> None:
    if row.name not in BY_CONTENT[kind.name]:
        assert bench.mispaired == []
    if not row.foreign:
        assert bench.device.ons <= 1, "an ON arrived more than once"
        assert len(bench.device.heard) <= bench.sent + bench.exchange.sent, (
            "a request arrived more often than it was asked"
        )


@pytest.mark.parametrize(("kind", "name", "phase"), cells())
def test_no_reply_is_ever_anothers_and_the_wire_comes_back(kind: str, name: str, phase: str) -> None:
    """Short, about a transaction long, and long: the one law, and the way back."""
    row = TAMPERINGS[name]
    bench = Bench(KINDS[kind], seed=sum(map(ord, kind + name + phase)))
    for lasts_us in LASTS_US:
        bench.asks = True
        bench.run(30_000)
        PHASES[phase](bench)
        bench.link.lay(name)
        bench.asks = bench.asks or lasts_us > LASTS_US[0]
        bench.on_next = lasts_us == LASTS_US[1]
        good = bench.good
        for _ in range(4):
            bench.run(lasts_us // 4)
            if row.again_us:
                bench.link.lay(name)
        if name in HARMLESS[kind] and lasts_us == LASTS_US[2]:
            assert bench.good > good, "a harmless fault stopped the wire"
        bench.link.lift(name)
        bench.asks = True
        ended_us, before = bench.now_us, bench.good
        back_us = BACK_TWICE_US if (kind, name) == ("numbers", "endless") else BACK_US
        back = bench.until(lambda before=before: bench.good > before, back_us)
        assert back, f"not back {back_us} us after the fault's end but {bench.exchange.stage.value} (since {ended_us})"
        judge(bench, row, KINDS[kind])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_transactions_under_faults_that_come_and_go(kind: str, seed: int) -> None:
    """Any fault at any moment, two at a time, for any time: the pairing holds, and in the end the wire is well."""
    bench = Bench(KINDS[kind], seed)
    names = [
        name
        for name, row in TAMPERINGS.items()
        if tried(kind, row) and name not in BY_CONTENT[kind] and not row.foreign
    ]
    for _ in range(200):
        for name in bench.random.sample(names, 2):
            (bench.link.lift if name in bench.link.laid else bench.link.lay)(name)
        bench.run(bench.random.choice((4_000, 40_000, 150_000)))
        if bench.random.random() < 0.6:
            _lift_all(bench)
            bench.run(bench.random.choice((4_000, 40_000, 400_000)))
    _lift_all(bench)
    before = bench.good
    assert bench.until(lambda: bench.good > before, BACK_US)
    assert bench.mispaired == []
    assert len(bench.device.heard) <= bench.sent + bench.exchange.sent
    assert bench.good > 150


def _lift_all(bench: Bench) -> None:
    for name in list(bench.link.laid):
        bench.link.lift(name)


def test_the_numbers_of_tcp_requests_go_round_under_late_replies() -> None:
    """M5: past 65535 comes 1, and a late reply from before the turn is still nobody's."""
    bench = Bench(KINDS["tcp"])
    bench.exchange._dialect._tid = 65_530
    bench.link.lay("late")
    bench.run(900_000)
    bench.link.lift("late")
    good = bench.good
    bench.run(1_500_000)
    assert bench.exchange._dialect._tid < 100
    assert bench.good > good + 20
    assert bench.mispaired == []


def test_a_block_is_never_taken_for_another() -> None:
    """L7: the unit's blocks of one function and one length, which RTU cannot tell apart, give themselves away by what is in them."""
    world = World()
    world.advance(3_000_000)
    connection = world.unit_tcp.connect()
    assert connection is not None

    def told(question: Question) -> bytes:
        dialect = TcpDialect(1)
        connection.host_write(dialect.encode(question))
        return dialect.take(bytearray(connection.host_read()), question, None).data  # type: ignore[union-attr]

    alike = {
        question.count: [
            other
            for other in (m.READ_IDENTITY, m.READ_STATUS, m.READ_SLOW, m.READ_ACTIVE)
            if other.count == question.count
        ]
        for question in (m.READ_IDENTITY, m.READ_STATUS)
    }
    assert alike == {30: [m.READ_IDENTITY, m.READ_ACTIVE], 32: [m.READ_STATUS, m.READ_SLOW]}
    identity, status, slow, active = map(told, (m.READ_IDENTITY, m.READ_STATUS, m.READ_SLOW, m.READ_ACTIVE))
    assert isinstance(m.slow_of(slow, 0.0), UnitSlow)
    assert isinstance(m.status_of(slow, 0.0, None), Trouble)
    assert isinstance(m.slow_of(status, 0.0), Trouble)
    assert m.identity_of(active, 0.0, "KU-SIM-0001", True)[0].mismatch
    assert m.active_of(identity, 0.0).active_crc != m.active_of(active, 0.0).active_crc
