"""What came into a tick, packed and read back: nothing that a decision stands on is lost, whatever a device says.
The replay itself is tests/scenarios/test_replay.py."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.entries import Ack
from controller.inputs import (
    CAME_BYTES,
    FAST_BYTES,
    NOTHING_HEARD,
    RARE,
    Heard,
    Standing,
    Times,
    Told,
    left_of,
    pack_fast,
)
from controller.ring import PAYLOAD_BYTES, TICK_BYTES, TickRow
from hal.commands import Hold
from hal.machine import Renewal
from hal.readings import (
    GeneratorFlags,
    GeneratorMonitor,
    GeneratorSetPoints,
    Link,
    Readings,
    Refusal,
    UnitStatus,
)
from interlocks.gate import OFF_LOOKED, OFF_PASSED, OFF_WAITS

TIMES = Times(1000.125, 1000.127, 1000.1283)
GOOD, LOST = Link(lost=False), Link(lost=True)
seconds = st.floats(0.0, 1e7)
u8, u16, u32 = st.integers(0, 0xFF), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
units = st.builds(
    UnitStatus, seconds, u32, u32, u32, u16, u8, u16, u8, u8, u8, u8, u8, u8, u8, u32, u32, u32, u32, u8, u16, u32, u32, u16
)  # fmt: skip
finite = st.floats(allow_nan=False)
monitors = st.builds(
    GeneratorMonitor, seconds, finite, finite, finite, st.integers(-1, 0x7FFF_FFFF), st.integers(-1, 0x7FFF_FFFF)
)
flags = st.builds(
    GeneratorFlags, seconds, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.tuples(st.text()),
    st.booleans()
)  # fmt: skip
points = st.builds(GeneratorSetPoints, seconds, u16, u16, u16, u16)
readings = st.builds(
    Readings,
    now_s=st.just(TIMES.looked_s),
    unit_link=st.sampled_from((GOOD, LOST)),
    generator_link=st.sampled_from((GOOD, LOST)),
    unit=st.none() | units,
    monitor=st.none() | monitors,
    flags=st.none() | flags,
    set_points=st.none() | points,
    on_sent_at_s=st.none() | seconds,
    off_sent_at_s=st.none() | seconds,
    refusal=st.none() | st.builds(Refusal, seconds, st.text(), st.text()),
    scan_true=st.booleans(),
)
heards = st.builds(
    Heard,
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(u16, st.binary())).map(tuple),
    st.lists(u16).map(tuple),
)


def row_of(r: Readings) -> TickRow:
    """The tick's own part, as the loop writes it."""
    u = r.unit
    return TickRow(
        0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
        u.beam_ms if u else 0, u.counts_1 if u else 0, u.counts_2 if u else 0, u.state if u else 0, u.first_cause if u else 0,
        u.contacts_a if u else 0, u.contacts_b if u else 0, u.relays if u else 0, 0, 0.0, 0.0, 0.0, 0,
    )  # fmt: skip


@given(readings, heards)
def test_what_came_in_reads_back_as_it_was(came: Readings, heard: Heard) -> None:
    """Every reading, every time and every packet, to the last bit."""
    news = Told().news(came, heard, None, None)
    standing = Standing()
    standing.take(news)
    assert standing.tick(row_of(came), pack_fast(TIMES, came, heard)) == (TIMES, came, heard)


@pytest.mark.parametrize("closed", [False, True])
def test_an_older_record_s_line_is_open_where_it_is_not_closed(closed: bool) -> None:
    """It has no bit for a line that is not known, and its ticks were decided without one."""
    known = GeneratorFlags(1.0, False, closed, True, True, False, interlock_open=not closed)
    came = Readings(1.0, GOOD, GOOD, flags=known)
    packed = pack_fast(TIMES, came, NOTHING_HEARD)[:FAST_BYTES]
    assert packed[-1] == 0b1100 | (0b10 if closed else 0)
    assert Standing().tick(row_of(came), packed)[1].flags == known


@given(units)
def test_a_register_of_any_width_fails_no_tick(unit: UnitStatus) -> None:
    """A driver that gave more than a register holds would cost the record its truth, never the tick: that would end the process in beam."""
    wide = msgspec.structs.replace(unit, lease_left_ms=-1, token=1 << 40, health=0x1FF, applicator_a=-3)
    far = GeneratorMonitor(0.0, math.inf, math.nan, -math.inf, -(1 << 40), 1 << 40)
    packed = pack_fast(TIMES, Readings(TIMES.looked_s, GOOD, GOOD, unit=wide, monitor=far), NOTHING_HEARD)
    assert len(packed) == CAME_BYTES


def test_what_left_the_gate_reads_back_and_a_record_of_before_holds_none() -> None:
    """Which OFFs, which lease of which token, and whether the wanted command was written; readings are read from a record without it all the same."""
    came, hold = Readings(TIMES.looked_s, GOOD, GOOD), Hold(7)
    packed = pack_fast(TIMES, came, NOTHING_HEARD, OFF_LOOKED | OFF_PASSED, Renewal(7, 500), hold, hold)
    left = left_of(packed)
    said = "OFF at the look, OFF, the lease of token 7 renewed for 500 ms, the wanted command"
    assert left is not None and (left.words(), left.token, left.lease_ms) == (said, 7, 500)
    assert left.offs == (True, True) and left.renewed
    waits = left_of(pack_fast(TIMES, came, NOTHING_HEARD, OFF_PASSED | OFF_PASSED << OFF_WAITS))
    assert waits is not None and (waits.words(), waits.offs) == ("OFF, its bytes still waiting", (False,))
    other = left_of(pack_fast(TIMES, came, NOTHING_HEARD, 0, None, hold, Hold(7)))
    assert other is not None and other.words() == "a command other than the one wanted"
    nothing = left_of(pack_fast(TIMES, came, NOTHING_HEARD))
    assert nothing is not None and nothing.words() == "nothing"
    assert left_of(packed[:FAST_BYTES]) is None
    assert Standing().tick(row_of(came), packed[:FAST_BYTES]) == (TIMES, came, NOTHING_HEARD)


def test_a_tick_with_what_came_into_it_fits_one_record_of_the_ring() -> None:
    assert TICK_BYTES + CAME_BYTES <= PAYLOAD_BYTES


def test_what_did_not_change_is_not_told_again_and_packets_are_of_one_tick() -> None:
    """The rare parts stand until they change; what a client sent is never heard twice."""
    told, standing = Told(), Standing()
    points = GeneratorSetPoints(1.0, 1, 2, 3, 4)
    came = Readings(1.0, GOOD, GOOD, set_points=points)
    ack = Ack(1, 2, 3, 4, 5, 6)
    standing.take(told.news(came, Heard(packets=((1, b"x"),)), ack, None))
    assert (standing.ack, standing.tick(row_of(came), pack_fast(TIMES, came, NOTHING_HEARD))[2].packets) == (
        ack,
        ((1, b"x"),),
    )
    assert told.news(came, NOTHING_HEARD, ack, None) is None
    standing.take(None)
    _, read, heard = standing.tick(row_of(came), pack_fast(TIMES, came, NOTHING_HEARD))
    assert (standing.ack, read.set_points, heard) == (ack, points, NOTHING_HEARD)
    gone = msgspec.structs.replace(came, set_points=None)
    standing.take(told.news(gone, NOTHING_HEARD, ack, None))
    assert standing.tick(row_of(gone), pack_fast(TIMES, gone, NOTHING_HEARD))[1].set_points is None


def test_every_reading_has_its_place() -> None:
    """A reading that is added one day without a place here would be lost to every replay."""
    fast = {
        "now_s",
        "unit_link",
        "generator_link",
        "unit",
        "monitor",
        "flags",
        "on_sent_at_s",
        "off_sent_at_s",
        "scan_true",
    }
    assert fast | set(RARE) >= set(Readings.__struct_fields__)
