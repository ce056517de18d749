"""DXM, uX and XRB011: frames put together by hand from the manuals' facts, units there and back over the whole range, the watchdog that must hold.
Check characters were worked on paper: the sum of the body with its last comma, complemented, its low seven bits, bit 6 set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance_bench import Bench

from hal.exchange import Heard
from hal.generators import spellman_dxm as dxm
from hal.generators import spellman_ux as ux
from hal.generators import spellman_xrb011 as xrb011
from hal.generators.sheet import Piece
from hal.generators.spellman import CommaDialect, Order, Said
from hal.registry import GeneratorSetting
from hal.scaling import from_counts, to_counts
from simulators.generator_ux import UxFace
from simulators.generator_xrb011 import Xrb011Face
from simulators.supply import OVER_VOLTAGE, Supply

SERIAL_FRAMES = {
    "dxm on, 98,1": (dxm.BOOK, dxm.ON, "02 39 38 2C 31 2C 46 03"),
    "dxm off, 98,0": (dxm.BOOK, dxm.OFF, "02 39 38 2C 30 2C 47 03"),
    "dxm remote, 99,1": (dxm.BOOK, dxm.REMOTE, "02 39 39 2C 31 2C 45 03"),
    "ux on, 99,1": (ux.BOOK, ux.ON, "02 39 39 2C 31 2C 45 03"),
    "ux off, 99,0": (ux.BOOK, ux.OFF, "02 39 39 2C 30 2C 46 03"),
    "xrb011 off, 99,0": (xrb011.BOOK, xrb011.OFF, "02 39 39 2C 30 2C 46 03"),
    "status, 22": (ux.BOOK, Order(ux.FLAGS), "02 32 32 2C 70 03"),
    "model, 26": (dxm.BOOK, Order(dxm.MODEL), "02 32 36 2C 6C 03"),
    "full scale, 10,4095": (ux.BOOK, Order(ux.WRITES[0], (4095,)), "02 31 30 2C 34 30 39 35 2C 75 03"),
}
"""`98,1,`: 39+38+2C+31+2C = FA -> 46. `99,0,`: FA -> 46. `10,4095,`: 18B -> 75. The last agree with the manual's own example."""
PACKETS = {
    "ux on on Ethernet": (ux.BOOK, ux.ON, "02 39 39 2C 31 2C 03"),
    "xrb011 80 kV in tenths": (xrb011.BOOK, Order(xrb011.WRITES[0], (800,)), "02 31 30 2C 38 30 30 2C 03"),
    "xrb011 0.2 mA in uA": (xrb011.BOOK, Order(xrb011.WRITES[1], (200,)), "02 31 31 2C 32 30 30 2C 03"),
    "xrb011 watchdog 1 s": (xrb011.BOOK, xrb011.SET_WATCHDOG, "02 32 38 2C 31 2C 03"),
}


@pytest.mark.parametrize("name", SERIAL_FRAMES)
def test_a_frame_on_a_line_is_the_manuals(name: str) -> None:
    book, order, text = SERIAL_FRAMES[name]
    assert CommaDialect(book, False).encode(order) == bytes.fromhex(text)


@pytest.mark.parametrize("name", PACKETS)
def test_a_frame_on_ethernet_has_no_check_character(name: str) -> None:
    book, order, text = PACKETS[name]
    assert CommaDialect(book, True).encode(order) == bytes.fromhex(text)


def test_a_ux_swaps_limit_and_preheat() -> None:
    """12 is preheat on a uX and limit on a DXM; 16 and 17 likewise: the plan's third value must reach the limit on both."""
    assert [row.number for row in ux.WRITES] == [10, 11, 13, 12]
    assert [row.number for row in ux.READ_BACK] == [14, 15, 17, 16]
    assert [row.number for row in dxm.WRITES] == [10, 11, 12, 13]


def heard(order: Order, packet: str) -> object:
    wire = CommaDialect(ux.BOOK, True)
    wire.encode(order)
    return wire.take(bytearray(b"\x02" + packet.encode() + b"\x03"), order, None)


def test_a_ux_answers_32_under_22_and_says_22_by_itself() -> None:
    """The reply to 32 begins with 22 and has five values; three values are the status that nobody asked for, whatever was asked."""
    assert heard(Order(ux.FAULTS), "22,0,1,1,0,0,") == Said(numbers=(0.0, 1.0, 1.0, 0.0, 0.0))
    assert heard(Order(ux.FAULTS), "22,0,1,1,") is Heard.STRAY
    assert heard(Order(ux.ANALOG), "22,0,1,1,") is Heard.STRAY
    assert heard(Order(ux.FLAGS), "22,0,1,1,") == Said(numbers=(0.0, 1.0, 1.0))


def test_of_two_answers_of_a_ux_the_last_is_the_newest_word() -> None:
    """Its interlock opens while 22 is asked: a reply and a status that nobody asked for are there, in either order, and neither says which it is.
    The last frame counts, whole and sound; one that no answer can be, or half of one, is as bad behind a reply as it ever was."""
    before, after, cut, five = "22,1,0,0,", "22,0,1,1,", "22,0,1", "22,0,1,1,0,0,"
    wire, flags = CommaDialect(ux.BOOK, True), Order(ux.FLAGS)
    wire.encode(flags)

    def asked(order: Order, *packets: str, tail: bytes = b"") -> tuple[list[object], bytes]:
        buf, heard = bytearray(b"".join(b"\x02" + packet.encode() + b"\x03" for packet in packets) + tail), []
        while buf:
            got = wire.take(buf, order, None)
            heard.append(got)
            if got is not Heard.STRAY:
                break
        return heard, bytes(buf)

    on, off = Said(numbers=(1.0, 0.0, 0.0)), Said(numbers=(0.0, 1.0, 1.0))
    for _ in range(2):  # the second time from what is known
        assert asked(flags, before, after) == ([Heard.STRAY, off], b"")
        assert asked(flags, after, before) == ([Heard.STRAY, on], b"")
        assert asked(flags, after, after, after) == ([Heard.STRAY, Heard.STRAY, off], b"")
        for rest in (b"\x02" + cut.encode(), b"\x02" + five.encode() + b"\x03", b"\x00"):
            heard, left = asked(flags, before, tail=rest)
            assert heard == [on] and left == rest
    assert asked(Order(ux.FAULTS), five, after)[0] == [Said(numbers=(0.0, 1.0, 1.0, 0.0, 0.0))]


SETTINGS = {
    "dxm": GeneratorSetting("pty:x", 9600, "DXM100P600", 100.0, 6.0, 0.002, 0.01, True),
    "ux": GeneratorSetting("pty:x", 9600, "UX80P100", 80.0, 2.0, 0.002, 0.01, True),
    "xrb011": GeneratorSetting("pty:x", 9600, "XRB011", 80.0, 2.0, 0.002, 0.01, True),
}
DRIVERS = {"dxm": dxm.DRIVER, "ux": ux.DRIVER, "xrb011": xrb011.DRIVER}


@pytest.mark.parametrize("name", SETTINGS)
def test_units_there_and_back_over_the_whole_range(name: str) -> None:
    """Every count of both set-points, as kV and mA and back, is itself."""
    setting, scale = SETTINGS[name], DRIVERS[name].scale(SETTINGS[name])
    for full_scale, top in (
        (setting.full_scale_kv, scale.kv_counts_full_scale),
        (setting.full_scale_ma, scale.ma_counts_full_scale),
    ):
        for counts in range(top + 1):
            value = min(full_scale, from_counts(counts, full_scale, top))
            assert to_counts(value, full_scale, "x", top) == counts


def test_interlocks_are_closed_by_each_familys_own_word() -> None:
    """DXM and uX say 1 = OPEN; the reading says closed = True."""
    for module, numbers in ((dxm, (0, 1, 0, 1)), (ux, (0, 1, 0)), (xrb011, (0, 1, 0))):
        said = {"flags": Piece(1.0, Said(numbers=tuple(float(n) for n in numbers)))}
        reading = module.SHEET.flags(SETTINGS["ux"], said)
        assert reading is not None and not reading.interlock_closed and not reading.fault
        assert reading.interlock_open


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(request.param, "memory", tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("bench", ["spellman-xrb011"], indirect=True)
def test_the_xrb011s_watchdog_is_one_second_before_any_set_point(bench: Bench) -> None:
    bench.ready()
    assert bench.world.plant.supply.watchdog_ms == 1000
    face = bench.world.plant.generator
    assert isinstance(face, Xrb011Face)
    order = [fields for fields in face.heard if fields[0] in ("28", "10")]
    assert order[:4] == [("28", "3"), ("28",), ("28", "1"), ("28",)]


@pytest.mark.parametrize("bench", ["spellman-xrb011"], indirect=True)
@pytest.mark.parametrize("trait", ["locked", "watchdog_lies"])
def test_a_watchdog_that_does_not_hold_keeps_the_beam_off(bench: Bench, trait: str) -> None:
    """Its configuration is locked, or it acknowledges and keeps 5 s: no set-point is written, no ON leaves, the words name the value and what to do."""
    setattr(bench.world.plant.generator, trait, True)
    bench.known()
    bench.want_set_up()
    bench.ticks(3.0)
    bench.generator.on(bench.now)
    bench.ticks(0.5)
    assert bench.world.plant.supply.kv_counts == 0 and not bench.hv_on
    assert bench.generator.refusal is not None


@pytest.mark.parametrize("bench", ["spellman-xrb011"], indirect=True)
def test_a_watchdog_that_forgets_takes_the_set_points_word_away(bench: Bench) -> None:
    """The device restarts to its factory time of 5 s: it is set again before anything counts as set up."""
    bench.ready()
    bench.generator.want(None, bench.now)
    bench.world.plant.supply.watchdog_ms = 5000
    bench.until(2.5, "set-points that are no longer known", lambda: bench.generator.set_points is None)
    bench.until(2.5, "a watchdog of 1 s", lambda: bench.world.plant.supply.watchdog_ms == 1000)


@pytest.mark.parametrize("bench", ["spellman-xrb011"], indirect=True)
def test_a_silent_host_ends_hv_within_the_watchdog(bench: Bench) -> None:
    bench.beam()
    bench.pass_ms(900)
    assert bench.hv_on
    bench.pass_ms(150)
    assert not bench.hv_on


@pytest.mark.parametrize("bench", ["spellman-ux", "spellman-dxm"], indirect=True)
def test_a_silent_host_leaves_hv_on_where_no_watchdog_is_known(bench: Bench) -> None:
    """What the capabilities say: nothing at the generator ends HV when the host dies; the safety unit's lease does."""
    assert bench.driver.wire_watchdog_s is None
    bench.beam()
    bench.pass_ms(12_000)
    assert bench.hv_on


@pytest.mark.parametrize("bench", ["spellman-ux"], indirect=True)
def test_an_unasked_status_is_nobodys_answer_and_costs_no_reading(bench: Bench) -> None:
    """The uX speaks by itself at over-voltage, in beam: every answer that follows is still its own request's."""
    bench.beam()
    face = bench.world.plant.generator
    assert isinstance(face, UxFace)
    bench.ticks(1.0, may_open=False, may_write=False)
    for _ in range(20):
        face.say(face.put("22", 1, 0, 0), bench.world.now_us)
        bench.ticks(0.1, may_open=False, may_write=False)
        assert bench.set_up()
        assert bench.generator.monitor is not None and bench.generator.monitor.kv > 60.0
    bench.world.plant.supply.trip(OVER_VOLTAGE, "over-voltage")
    bench.until(
        3.0,
        "over-voltage in words",
        lambda: bench.generator.flags and ux.Fault.OVER_VOLTAGE.value in bench.generator.flags.faults,
        may_open=False,
        may_write=False,
    )


@pytest.mark.parametrize("bench", ["spellman-ux"], indirect=True)
def test_a_status_of_its_own_beside_the_answer_is_no_lost_reply(bench: Bench) -> None:
    """At slow ticks both wait to be read together: none is lost, the wire need not be silent, and the flags are no older for it."""
    bench.beam()
    face, exchange = bench.world.plant.generator, bench.generator.wires[0].exchange
    assert isinstance(face, UxFace) and exchange is not None
    for _ in range(6):
        while exchange.asking is None or exchange.asking.command is not ux.FLAGS:
            bench.tick(may_open=False, may_write=False)
        bench.pass_ms(9)
        face.say(face.put("22", 1, 0, 0), bench.world.now_us)
        bench.pass_ms(9)
        asked_s = bench.now - 0.018
        bench.tick(may_open=False, may_write=False)
        assert bench.generator.flags is not None
        assert bench.generator.flags.asked_at_s == pytest.approx(asked_s, abs=1e-6) and bench.generator.flags.hv_on
    assert exchange.resyncs == 0


@pytest.mark.parametrize("bench", ["spellman-dxm"], indirect=True)
def test_a_dxm_that_woke_up_local_is_brought_to_remote(bench: Bench) -> None:
    assert bench.world.plant.supply.local
    bench.ready()
    assert not bench.world.plant.supply.local
    assert bench.generator.flags is not None and bench.generator.flags.remote


def test_a_dxm_that_stays_local_is_never_set_nor_switched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It acknowledges 99 and stays at its panel: its set-points are the panel's, and no ON leaves."""
    monkeypatch.setattr(Supply, "set_remote", lambda *_: True)
    bench = Bench("spellman-dxm", "memory", tmp_path).known()
    bench.want_set_up()
    bench.ticks(3.0)
    bench.generator.on(bench.now)
    bench.ticks(0.3, may_write=False)
    flags, sent = bench.generator.flags, b"".join(data for _, data in bench.sent.chunks)
    assert flags is not None and not flags.remote and bench.generator.set_points is None
    assert b"\x0299,1,E\x03" in sent and b"\x0210," not in sent and b"\x0298,1," not in sent
