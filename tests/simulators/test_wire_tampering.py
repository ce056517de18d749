"""Each tampering on each wire: it changes what the host reads while it lasts, only on frames it can be done to, and nothing afterwards.
A host that types its frames asks in turn; the rows are the simulators' own table."""

from __future__ import annotations

import pytest

from simulators import modbus_codec
from simulators.electrometers import Electrometer
from simulators.line import SerialLine
from simulators.spellman_codec import frame
from simulators.wire_faults import ANY, LATE_US, TAMPERINGS, Link
from simulators.world import World

ASK_US = 50_000
WIRES = ("comma", "text", "rtu", "tcp")
FROM_US, TO_US, END_US = 1_000_000, 2_000_000, 3_500_000

COMMA = [frame(*fields) for fields in (("19",), ("22",), ("10", 2846), ("14",), ("26",))]
PDUS = [
    bytes.fromhex(text)
    for text in ("03 0000 001e", "03 0100 0020", "03 0120 0020", "10 0300 0001 02 0001", "03 0400 0002")
]
TEXT = [b"MV\r\n", b"IT\r\n", b"IT;50\r\n", b"MVM\r\n", b"NUS\r\n", b"TOK\r\n"]
RTU = [modbus_codec.rtu_frame(1, pdu) for pdu in PDUS]


class Host:
    """Writes a request each 50 ms, reads each 2 ms; on TCP it opens again what has ended."""

    def __init__(self, wire: str) -> None:
        self.world, self.wire = World(), wire
        if wire == "text":
            self.world.fit(Electrometer("ptw-unidos", 1, 115200, lambda: self.world.now_us))
        self.tid = 0
        self.refused = 0
        self.connection = self.world.unit_tcp.connect() if wire == "tcp" else None
        self.read: list[tuple[int, bytes]] = []

    @property
    def line(self) -> SerialLine:
        if self.world.electrometer is not None:
            return self.world.electrometer.line
        return self.world.generator_line if self.wire == "comma" else self.world.unit_line

    def turn(self, place: int) -> None:
        now = self.world.now_us
        if self.wire == "tcp":
            if self.connection is None or self.connection.closed:
                self.read.append((now, b"closed"))
                self.connection = self.world.unit_tcp.connect()
            if self.connection is not None:
                self.tid = self.tid % 65535 + 1
                pdu = PDUS[place % len(PDUS)]
                data = self.tid.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big") + b"\1" + pdu
                self.refused += self.connection.host_write(data) == 0
        else:
            requests = {"comma": COMMA, "text": TEXT, "rtu": RTU}[self.wire]
            self.refused += self.line.host_write(requests[place % len(requests)], now) == 0
        for _ in range(ASK_US // 2_000):
            self.world.advance(self.world.now_us + 2_000)
            now = self.world.now_us
            data = (
                self.line.host_read(now)
                if self.wire != "tcp"
                else self.connection.host_read()
                if self.connection
                else b""
            )
            if data:
                self.read.append((now, data))

    def play(self, fault: str = "") -> Host:
        place = 0
        while self.world.now_us < END_US:
            if fault and self.world.now_us == FROM_US:
                self.world.faults.start(fault, TO_US - FROM_US)
            self.turn(place)
            place += 1
        return self

    def during(self, from_us: int, to_us: int) -> list[tuple[int, bytes]]:
        return [entry for entry in self.read if from_us <= entry[0] < to_us]


@pytest.fixture(scope="module")
def clean() -> dict[str, Host]:
    return {wire: Host(wire).play() for wire in WIRES}


@pytest.mark.parametrize("name", TAMPERINGS)
@pytest.mark.parametrize("wire", WIRES)
def test_a_tampering_does_what_it_can_and_leaves_nothing(wire: str, name: str, clean: dict[str, Host]) -> None:
    """Shapes and sizes are compared, for the world's own noise goes on differently once a set-point has not arrived."""
    link = {"comma": "generator", "text": "electrometer"}.get(wire, "unit")
    host = Host(wire).play(f"{link}-wire-{name}")
    assert host.during(0, FROM_US) == clean[wire].during(0, FROM_US)
    same = (
        host.during(FROM_US, TO_US) == clean[wire].during(FROM_US, TO_US) and not host.refused and not host.line.breaks
    )
    unseen = name in ("stale", "not-applied", "foreign-master")
    if wire not in TAMPERINGS[name].on:
        assert same
    elif not unseen:
        assert not same
    after_us = TO_US + LATE_US + 300_000
    assert [len(data) for _, data in host.during(after_us, END_US)] == [
        len(data) for _, data in clean[wire].during(after_us, END_US)
    ]
    assert host.world.faults.active() == []


def test_every_row_has_an_id_of_the_fault_list_and_words() -> None:
    ids = {row.ids for row in TAMPERINGS.values()}
    assert ids >= {*(f"L{n}" for n in range(1, 15)), *(f"M{n}" for n in range(1, 9))}
    for row in TAMPERINGS.values():
        assert row.words
        assert row.on <= ANY


def test_what_is_under_way_falls_under_a_tampering_that_begins() -> None:
    """Half a reply has arrived: the other half is late; what had arrived stays."""
    now = [0]
    line, link = SerialLine(9600), Link(lambda: now[0])
    line.tampered(link)
    line.device_put(b"0123456789", 0)
    now[0] = 5_300
    link.lay("late")
    assert line.host_read(5_300) == b"01234"
    assert line.host_read(200_000) == b""
    assert line.host_read(now[0] + LATE_US + 6_000) == b"56789"


def test_a_wire_keeps_its_order_when_a_fault_ends() -> None:
    """What comes after a late reply comes behind it."""
    now = [0]
    line, link = SerialLine(0), Link(lambda: now[0])
    line.tampered(link)
    link.lay("late")
    line.device_put(b"old", 0)
    link.lift("late")
    line.device_put(b"new", 1_000)
    assert line.host_read(2_000) == b""
    assert line.host_next_us() == LATE_US
    assert line.host_read(LATE_US) == b"oldnew"
