"""The XRB80 driver: frames worked by hand, replies that name nothing, uA round trips, fault words, and its whole exchange with a simulated monoblock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from conformance_bench import EPOCH_S, Bench

from hal.commands import SetUp
from hal.errors import Trouble
from hal.exchange import Heard
from hal.generators import spellman_xrb80 as xrb80
from hal.generators.sheet import Piece
from hal.generators.spellman_xrb80 import DRIVER, Fault
from hal.generators.spellman_xrb80_wire import Command, MonoblockDialect, Order, Told, told
from hal.registry import GeneratorSetting
from simulators.supply import UNDER_VOLTAGE, WATCHDOG

SETTING = GeneratorSetting("pty:/dev/x", 115200, "XRB80N100", 88.89, 1.389, 0.002, 0.01, True)
ORDERS = {
    "VREF 1000": (Order(xrb80.SET_KV, 1000), b"\x02VREF 1000;q\r\n"),
    "VREF 2048": (Order(xrb80.SET_KV, 2048), b"\x02VREF 2048;d\r\n"),
    "IREF 1024": (Order(xrb80.SET_MA, 1024), b"\x02IREF 1024;x\r\n"),
    "VMON": (Order(xrb80.KV), b"\x02VMON;E\r\n"),
    "VSET": (Order(xrb80.KV_SET), b"\x02VSET;C\r\n"),
    "ISET": (Order(xrb80.MA_SET), b"\x02ISET;P\r\n"),
    "STAT": (Order(xrb80.ON_STATE), b"\x02STAT;I\r\n"),
    "FLT": (Order(xrb80.FAULTS), b"\x02FLT;_\r\n"),
    "CLR": (xrb80.CLEAR, b"\x02CLR;d\r\n"),
    "ENBL 1": (xrb80.ON, b"\x02ENBL 1;S\r\n"),
    "ENBL 0": (xrb80.OFF, b"\x02ENBL 0;T\r\n"),
    "WDTE 1": (xrb80.WATCHDOG_ON, b"\x02WDTE 1;@\r\n"),
    "WDTT": (xrb80.TICKLE, b"\x02WDTT;B\r\n"),
    "MODR": (Order(xrb80.MODEL), b"\x02MODR;S\r\n"),
    "FREV": (Order(xrb80.FIRMWARE), b"\x02FREV;R\r\n"),
}
ACK = b"\x02;E\r\n"
KV_3200 = b"\x023200;@\r\n"


def dialect(packets: bool = False) -> MonoblockDialect:
    return MonoblockDialect((xrb80.MODEL, xrb80.FIRMWARE), packets)


def take(command: Command, data: bytes, abandoned: Command | None = None, packets: bool = False) -> object:
    wire = dialect(packets)
    order = Order(command)
    wire.encode(order)
    return wire.take(bytearray(data), order, None if abandoned is None else Order(abandoned))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench("spellman-xrb80", "memory", tmp_path)
    yield made
    made.close()


def heard(bench: Bench) -> list[tuple[str, ...]]:
    return list(bench.world.plant.generator.heard)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ORDERS)
def test_frames_are_those_of_the_manuals_arithmetic(name: str) -> None:
    """Check characters worked by hand: 0x80 less the low seven bits of the sum from the name to the semicolon, with bit 6 set."""
    order, on_the_wire = ORDERS[name]
    assert dialect().encode(order) == on_the_wire
    assert dialect(packets=True).encode(order) == on_the_wire[:-3] + b"\r\n"


def test_replies_split_anywhere_are_the_same_reply() -> None:
    for frame, command, value in ((ACK, xrb80.SET_KV, Told()), (KV_3200, xrb80.KV, Told("3200", 3200))):
        for cut in range(1, len(frame)):
            wire, buf, order = dialect(), bytearray(frame[:cut]), Order(command)
            wire.encode(order)
            assert wire.take(buf, order, None) is None
            buf += frame[cut:]
            assert wire.take(buf, order, None) == value
            assert not buf


def test_no_single_flipped_bit_becomes_another_value() -> None:
    """The six-bit sum misses bits 6 and 7; the strict digits do not."""
    for place in range(len(KV_3200)):
        for bit in range(8):
            bad = bytearray(KV_3200)
            bad[place] ^= 1 << bit
            assert not isinstance(take(xrb80.KV, bytes(bad)), Told)


@pytest.mark.parametrize(
    "value", [b"", b"-1", b"+1", b" 12", b"1.5", b"4096", b"123456", b"0x10", b"1e3", b"12;3", "٣".encode()]
)
def test_a_measured_value_is_plain_digits_within_12_bits(value: bytes) -> None:
    assert isinstance(take(xrb80.KV, b"\x02" + value + b";\r\n", packets=True), Trouble)


def test_leading_zeros_are_the_same_number() -> None:
    """The manual: 42, 042 and 0042 are one number."""
    for text in (b"42", b"042", b"0042"):
        value = take(xrb80.KV, b"\x02" + text + b";\r\n", packets=True)
        assert isinstance(value, Told) and value.number == 42


def test_garbage_an_endless_frame_and_our_own_echo_are_no_answers() -> None:
    assert isinstance(take(xrb80.KV, b"?" + KV_3200), Trouble)
    assert isinstance(take(xrb80.KV, b"\x02" + b"3" * 60), Trouble)
    assert take(xrb80.KV, b"\x02VMON;E\r\n" + KV_3200) is Heard.STRAY
    assert isinstance(take(xrb80.KV, b"\x023200;A\r\n"), Trouble)


def test_a_fences_reply_has_a_shape_that_nothing_else_has() -> None:
    """L6: a late number is no model and no version, and a late model is no version: what answers a fence is the fence's."""
    wire = dialect()
    fences = [wire.fence(k).command for k in range(4)]
    assert fences[0] == fences[2] and fences[1] == fences[3] and fences[0] != fences[1]
    samples = {"3200", "0", "1", "43", "000000010", "", "XRB80N100", "V3.6"}
    for sample in samples:
        assert sum(told(fence, sample) is not None for fence in fences[:2]) == (sample in ("XRB80N100", "V3.6"))
    polled = [order.command for order in xrb80.SHEET.requests.values()]
    assert not [row for row in polled for text in ("XRB80N100", "V3.6") if told(row, text) is not None]


def test_neighbours_of_the_round_do_not_take_each_others_reply() -> None:
    """L5: a reply said twice is refused by the next question, or reads as no mA; in a beam (counts above 99) never as kV, state or fault."""
    replies = {"kv": "3200", "ma": "2950", "x-rays on": "1", "fault code": "0", "tickle watchdog": ""}
    free = [poll.name for poll in xrb80.polls(SETTING) if not poll.every_s]
    assert set(free) == set(replies)
    for first, second in pairwise([*free, free[0]]):
        value = told(xrb80.SHEET.requests[second].command, replies[first])
        assert value is None or (second == "ma" and value.number <= 1)


def test_an_off_may_overtake_and_the_overtaken_reply_is_known() -> None:
    assert dialect().off_preempts
    assert take(xrb80.OFF.command, KV_3200, abandoned=xrb80.KV) is Heard.ABANDONED
    assert take(xrb80.OFF.command, ACK, abandoned=xrb80.KV) == Told()


@pytest.mark.parametrize("full_ua", [1250, 1389, 2000])
@pytest.mark.parametrize("device", ["cuts off", "rounds"])
def test_every_ua_comes_back_the_same(full_ua: int, device: str) -> None:
    """IREF in counts, ISET in uA: the whole range, whether the device cuts off or rounds."""
    kv, ma, limit, preheat = xrb80.set_points(replace_full(full_ua / 1000))
    assert kv is not None and ma is not None and limit is None and preheat is None
    assert ma.write is not None and kv.write is not None
    for ua in range(ma.most + 1):
        counts = ma.write(ua).arg
        assert counts is not None and counts <= xrb80.CLAMP_COUNTS + 1
        back = counts * full_ua // 4095 if device == "cuts off" else (2 * counts * full_ua + 4095) // 8190
        assert ma.counts(Told(str(back), back)) == ua
    for counts in range(4096):
        assert kv.write(counts).arg == counts


def replace_full(full_scale_ma: float) -> GeneratorSetting:
    return GeneratorSetting("pty:/dev/x", 115200, "XRB80N100", 88.89, full_scale_ma, 0.002, 0.01, True)


@pytest.mark.parametrize(
    ("code", "fault", "stops"),
    [
        (1, Fault.TEMPERATURE, True),
        (2, Fault.ARC, True),
        (3, Fault.OVER_CURRENT, True),
        (4, Fault.UNDER_CURRENT, True),
        (5, Fault.UNDER_VOLTAGE, True),
        (6, Fault.OVER_VOLTAGE, True),
        (7, Fault.WATCHDOG, True),
        (8, Fault.POWER, True),
        (9, Fault.INTERLOCK, False),
        (10, Fault.UNKNOWN, True),
        (11, Fault.TEMPERATURE_WARNING, False),
        (43, Fault.MAINTENANCE, False),
        (99, Fault.UNKNOWN, True),
    ],
)
def test_fault_codes_in_words(code: int, fault: Fault, stops: bool) -> None:
    """Only code 9 says that the interlock is open; an open line is judged apart and is no fault."""
    flags = flags_of(Told(str(code), code))
    assert xrb80.named(Told(str(code), code)) == (fault,)
    assert flags.fault is stops and flags.supply_ready is not stops
    assert flags.interlock_closed is (code != 9)
    assert flags.interlock_open is (code == 9)
    assert flags.faults == (() if code == 9 else (fault.value,))


@pytest.mark.parametrize("place", range(9))
def test_the_nine_flags_of_older_firmware(place: int) -> None:
    names = ("arc", "over-temperature", "over-voltage", "under-voltage", "over-current", "under-current", "watchdog")
    text = "".join(str(int(at == place)) for at in range(9))
    flags = flags_of(Told(text))
    assert flags.fault is (place != 7) and flags.interlock_closed is (place != 7)
    if place < 7:
        assert flags.faults == (names[place],)
    assert told(xrb80.FAULTS, text) == Told(text)
    assert told(xrb80.FAULTS, text[:-1]) is None and told(xrb80.FAULTS, "000000002") is None


def flags_of(fault: Told):
    pieces = {xrb80.ON_STATE.name: Piece(1.0, Told("0", 0)), xrb80.FAULTS.name: Piece(2.0, fault)}
    flags = xrb80.flags(SETTING, pieces)
    assert flags is not None and flags.asked_at_s == 1.0
    return flags


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "XRB80N200"}, "model"),
        ({"full_scale_kv": 80.0}, "kV full scale is 80"),
        ({"full_scale_ma": 1.25}, "mA full scale is 1.25"),
    ],
)
def test_another_model_or_scale_hears_nothing_but_questions(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    bench = Bench("spellman-xrb80", "memory", tmp_path)
    device = bench.world.plant.generator
    device._p = replace(bench.profile, **change)  # type: ignore[attr-defined]
    device._tells = device._questions()  # type: ignore[attr-defined]
    for _ in range(300):
        bench.want_set_up()
        bench.tick()
    bench.generator.on(bench.now)
    assert not bench.generator.off(bench.now, at_once=True)
    assert bench.generator.identity is not None and words in bench.generator.identity.mismatch
    assert {name for name, *_ in heard(bench)} <= {"MODR", "FREV", "HWVR", "SOFT", "SLVR", "SLIR"}


def test_a_full_scale_too_coarse_for_iset_is_refused() -> None:
    """Above 4.095 mA a count is more than 1 uA: a read-back could not be compared."""
    said = {
        "model": Told("XRB80N100"), "firmware": Told("V3.6"), "hardware": Told("B"), "software": Told("S"),
        "kv scale": Told("8889", 8889), "ma scale": Told("5000", 5000),
    }  # fmt: skip
    assert "coarser" in xrb80.who(replace_full(5.0), said).mismatch


def test_its_order_of_work_from_questions_to_set_points(bench: Bench) -> None:
    """Questions, OFF, its watchdog, then the set-points; each read back in its own unit."""
    bench.ready()
    names = heard(bench)
    assert [name for name, *_ in names[:6]] == ["MODR", "FREV", "HWVR", "SOFT", "SLVR", "SLIR"]
    acts = [one for one in names if one[0] in ("ENBL", "WDTE", "VREF", "IREF", "CLR")]
    assert acts == [("ENBL", "0"), ("WDTE", "1"), ("VREF", "3202"), ("IREF", "2949")]
    supply = bench.world.plant.supply
    assert (supply.kv_counts, supply.ma_counts) == (3202, 1000) == (bench.plan.kv_counts, bench.plan.ma_counts)
    assert bench.generator.flags is not None and bench.generator.flags.remote and bench.generator.flags.interlock_closed


@pytest.mark.parametrize(("kv_counts", "ma_ua"), [(3686, 1000), (3202, 1250), (4095, 0), (0, 1389)])
def test_what_the_device_would_clamp_is_refused_and_never_sent(bench: Bench, kv_counts: int, ma_ua: int) -> None:
    """VREF and IREF stop at 3685 counts without a word; 3685 counts of 1389 uA are 1249 uA."""
    bench.known()
    bench.want(SetUp(replace_plan(bench, kv_counts, ma_ua)))
    bench.ticks(1.0)
    assert not [one for one in heard(bench) if one[0] in ("VREF", "IREF")]
    refusal = bench.generator.refusal
    assert refusal is not None and refusal.what == "set-points" and "outside" in refusal.words


def test_at_the_clamp_itself_it_is_taken(bench: Bench) -> None:
    bench.known()
    plan = replace_plan(bench, 3685, 1249)
    bench.want(SetUp(plan))
    bench.ticks(2.0)
    points = bench.generator.set_points
    assert points is not None and (points.kv_counts, points.ma_counts) == (3685, 1249)


def replace_plan(bench: Bench, kv_counts: int, ma_ua: int):
    from msgspec import structs

    return structs.replace(bench.plan, kv_counts=kv_counts, ma_counts=ma_ua)


def test_the_watchdog_is_tickled_as_long_as_the_host_polls(bench: Bench) -> None:
    """Fifteen seconds of beam: nothing but WDTT feeds it, so that it is sent in every round."""
    bench.beam()
    bench.ticks(15.0, may_open=False, may_write=False)
    assert bench.hv_on
    assert [chunk for _, chunk in bench.sent.chunks].count(b"\x02WDTT;B\r\n") >= 15 * 10


def test_the_device_ends_hv_ten_seconds_after_the_host_falls_silent(bench: Bench) -> None:
    """The capability's number: killed in beam, HV is off 10 s after the last tickle, which was younger than 0.2 s, with fault 7."""
    assert DRIVER.wire_watchdog_s == 10.0
    bench.beam()
    bench.ticks(1.0, may_open=False, may_write=False)
    ms = 0
    while bench.hv_on:
        bench.pass_ms(10)
        ms += 10
        assert ms <= 10_100
    assert ms >= 9_800
    assert bench.world.plant.supply.faults[WATCHDOG]
    bench.until(
        3.0, "flags", lambda: bench.generator.flags and bench.generator.flags.fault, may_open=False, may_write=False
    )
    assert bench.generator.flags is not None and bench.generator.flags.faults == ("watchdog",)


def test_polls_without_a_tickle_do_not_feed_the_watchdog(bench: Bench) -> None:
    """A loop that still asks but tickles no more is ended too: polls count for nothing."""
    bench.beam()
    device = bench.world.plant.generator
    answer = device.answer  # type: ignore[attr-defined]
    bench.world.plant.generator._acts.pop("WDTT")  # type: ignore[attr-defined]
    assert answer("WDTT", None, 0) is None
    bench.ticks(12.5, may_open=False, may_write=False)
    assert not bench.hv_on


def test_a_unit_that_restarted_behind_an_open_wire_is_watched_again(bench: Bench) -> None:
    """G9: it is deaf for 5 s and forgets WDTE; while an ON stands the wire is not opened again, so the enabling is repeated anyhow."""
    bench.beam()
    supply = bench.world.plant.supply
    bench.world.plant.generator.reboot(bench.world.now_us)
    assert not bench.hv_on and supply.watchdog_ms == 0
    bench.ticks(4.9, may_open=False, may_write=False)
    assert bench.generator.link(bench.now).lost
    bench.ticks(8.0, may_open=False, may_write=False)
    assert supply.watchdog_ms == 10_000 and not bench.hv_on
    assert not bench.set_up(), "its set-points read 0"


def test_faults_are_reported_and_cleared_by_clr(bench: Bench) -> None:
    from hal.commands import ClearFaults

    bench.ready()
    bench.world.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    bench.until(1.0, "the fault", lambda: bench.generator.flags and bench.generator.flags.faults == ("under-voltage",))
    bench.want(ClearFaults())
    bench.until(1.0, "no fault", lambda: bench.generator.flags and not bench.generator.flags.fault)
    assert heard(bench).count(("CLR",)) == 1


def test_an_open_interlock_is_open_and_no_fault(bench: Bench) -> None:
    bench.ready()
    bench.world._out.k1_close = False
    bench.until(1.0, "open", lambda: bench.generator.flags and not bench.generator.flags.interlock_closed)
    assert bench.generator.flags is not None and not bench.generator.flags.fault
    bench.world._out.k1_close = True
    bench.until(1.0, "closed", lambda: bench.generator.flags and bench.generator.flags.interlock_closed)


def test_late_replies_on_a_wire_kept_open_are_never_another_answer_nor_an_older_one(bench: Bench) -> None:
    """L6, L7: a tenth of the replies come 40 to 400 ms late for a minute; kV and mA carry the time when the device read them, each in its own range."""
    bench.ready()
    device, rng = bench.world.plant.generator, random.Random(3)
    seen: set[tuple[str, float]] = set()
    tells = device._tells  # type: ignore[attr-defined]
    tells["VMON"] = lambda: str(bench.world.now_us // 10_000 % 2000)
    tells["IMON"] = lambda: str(2000 + bench.world.now_us // 10_000 % 2000)
    bench.ticks(0.5)
    began = bench.now
    for _ in range(6000):
        device.late_us = 0 if rng.random() < 0.9 else rng.choice([40_000, 80_000, 150_000, 250_000, 400_000])
        bench.tick(may_open=False, may_write=False)
        for name, base in (("kv", 0), ("ma", 2000)):
            piece = bench.generator._pieces[name]  # type: ignore[attr-defined]
            if piece.asked_at_s > began and (name, piece.asked_at_s) not in seen:
                seen.add((name, piece.asked_at_s))
                read_s = 0.01 * (piece.value.number - base)
                assert 0.0 <= read_s < 20.0, "another question's answer"
                late_s = (read_s - (piece.asked_at_s - EPOCH_S) + 10.0) % 20.0 - 10.0
                assert -0.011 < late_s < 0.5, "read before it was asked for"
    assert len(seen) > 200


def test_older_firmware_is_read_too(bench: Bench) -> None:
    bench.world.plant.generator.nine_flags = True  # type: ignore[attr-defined]
    bench.beam()
    bench.world.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    bench.until(1.0, "the fault", lambda: bench.generator.flags and bench.generator.flags.faults == ("under-voltage",))


def test_the_wire_log_in_words() -> None:
    decode = DRIVER.decode
    assert decode(True, b"\x02ENBL 1;S\r\n") == "ENBL 1 (on)"
    assert decode(True, b"\x02ENBL 0;T\r\n") == "ENBL 0 (off)"
    assert decode(True, b"\x02VREF 1000;q\r\n") == "VREF 1000 (set kv)"
    assert decode(True, b"\x02VREF 1000;r\r\n").endswith("BAD CHECKSUM")
    assert decode(False, ACK + KV_3200) == "acknowledged; 3200"
    assert "part of a frame" in decode(False, b"200;@")


def test_its_capabilities() -> None:
    assert DRIVER.scale(SETTING).kv_counts_full_scale == 4095
    assert DRIVER.scale(SETTING).ma_counts_full_scale == 1389
    assert DRIVER.wire_watchdog_s == DRIVER.wire_watchdog_least_s == 10.0
    assert DRIVER.set_point_read_back and not DRIVER.exposure_timer and not DRIVER.filament_set_points
    ages = DRIVER.worst_age_s(SETTING)
    assert ages["monitor"] < 0.2 and ages["flags"] < 0.2
