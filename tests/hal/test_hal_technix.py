"""The Technix driver: text worked by hand, echoes that must match whole, pulses that end, and its whole exchange with a simulated supply."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance_bench import EPOCH_S, Bench

from hal.commands import ClearFaults
from hal.errors import Trouble
from hal.exchange import Heard
from hal.generators import technix
from hal.generators.sheet import Piece
from hal.generators.technix import DRIVER, Echo, EchoDialect, Order
from hal.registry import Checksum, GeneratorSetting
from simulators.supply import UNDER_VOLTAGE

SETTING = GeneratorSetting("pty:/dev/x", 9600, "SR100N500", 100.0, 5.0, 0.002, 0.01, True)
TEXTS = {
    "a1": (technix.KV, b"a1\r"),
    "a2": (technix.MA, b"a2\r"),
    "E": (technix.STATUS, b"E\r"),
    "P5,1": (technix.ON, b"P5,1\r"),
    "P5,0": (technix.ON_ENDS, b"P5,0\r"),
    "P6,1": (technix.OFF, b"P6,1\r"),
    "P6,0": (technix.OFF_ENDS, b"P6,0\r"),
    "P7,0": (technix.REMOTE, b"P7,0\r"),
    "d1": (Order("set kv", b"d1", 2846), b"d1,2846\r"),
    "d2": (Order("set ma", b"d2", 0), b"d2,0\r"),
}


def take(order: Order, data: bytes, abandoned: Order | None = None) -> object:
    wire = EchoDialect(False)
    wire.encode(order)
    return wire.take(bytearray(data), order, abandoned)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench("technix", "memory", tmp_path)
    yield made
    made.close()


def sent(bench: Bench) -> list[bytes]:
    return [chunk for _, chunk in bench.sent.chunks]


def heard(bench: Bench) -> list[tuple[str, ...]]:
    return list(bench.world.plant.generator.heard)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_that_of_the_protocol_on_line_and_network(name: str) -> None:
    order, text = TEXTS[name]
    assert EchoDialect(False).encode(order) == EchoDialect(True).encode(order) == text


def test_replies_split_anywhere_are_the_same_reply() -> None:
    for order, reply, value in (
        (technix.KV, b"a14095\r", 4095),
        (technix.STATUS, b"E72\r", 72),
        (technix.OFF, b"P6,1\r", 1),
        (Order("set kv", b"d1", 2846), b"d1,2846\r", 2846),
    ):
        for cut in range(len(reply)):
            wire, buf = EchoDialect(False), bytearray(reply[:cut])
            wire.encode(order)
            assert wire.take(buf, order, None) is None
            buf += reply[cut:]
            assert wire.take(buf, order, None) == Echo(value)
            assert not buf


@pytest.mark.parametrize(
    "reply",
    [
        b"a24095\r", b"a1-1\r", b"a1+5\r", b"a1 12\r", b"a11.5\r", b"a14096\r", b"a112345\r", b"a1,12\r", b"A112\r", b"E12\r", b"\r", b"a1\xb2\r",
        b"\na112\r", b"a1" + b"1" * 30,
    ],
)  # fmt: skip
def test_a_measured_value_is_its_own_echo_and_plain_digits(reply: bytes) -> None:
    assert isinstance(take(technix.KV, reply), Trouble)


def test_a_set_points_echo_is_compared_whole() -> None:
    """There is no checksum: a changed, cut or padded digit is no acknowledgement."""
    order = Order("set kv", b"d1", 2846)
    assert take(order, b"d1,2846\r") == Echo(2846)
    for bad in (b"d1,2847\r", b"d1,284\r", b"d1,02846\r", b"d2,2846\r", b"d1,28466\r", b"d1,2846 \r"):
        assert isinstance(take(order, bad), Trouble)
    for place in range(len(b"d1,2846")):
        for bit in range(8):
            flipped = bytearray(b"d1,2846\r")
            flipped[place] ^= 1 << bit
            assert not isinstance(take(order, bytes(flipped)), Echo)


def test_a_line_that_only_echoes_answers_no_question() -> None:
    """L11: a looped-back cable would acknowledge every command; it can never say what E or a1 say, so it is never identified."""
    for order in (technix.STATUS, technix.KV, technix.MA):
        assert take(order, order.text + b"\r") is Heard.STRAY


def test_the_fence_is_no_poll_never_an_on_and_never_cuts_the_off_pulse_short() -> None:
    wire = EchoDialect(False)
    wire.encode(technix.STATUS)
    assert {wire.fence(k).text for k in range(4)} == {b"a1", b"a2"}, "to a stranger only questions"
    assert wire.take(bytearray(b"E64\r"), technix.STATUS, None) == Echo(64)
    assert wire.fence(1) == technix.ON_ENDS
    wire.encode(technix.OFF)
    assert wire.fence(2) == technix.ON_ENDS
    wire.encode(technix.OFF_ENDS)
    assert wire.fence(3) == technix.OFF_ENDS, "a lost release of the off relay is said again"
    polled = {order.text for order in technix.SHEET.requests.values()}
    assert not polled & {technix.ON_ENDS.text, technix.OFF_ENDS.text}


def test_an_off_may_overtake_and_the_overtaken_reply_is_known() -> None:
    assert take(technix.OFF, b"a1512\r", abandoned=technix.KV) is Heard.ABANDONED
    assert isinstance(take(technix.OFF, b"a2512\r", abandoned=technix.KV), Trouble)


@pytest.mark.parametrize("bits", range(256))
def test_every_status_word(bits: int) -> None:
    flags = technix.flags(SETTING, {"status": Piece(3.0, Echo(bits))})
    assert flags is not None
    assert flags.hv_on is bool(bits & 8)
    assert flags.interlock_closed is not bool(bits & 4)
    assert flags.interlock_open is bool(bits & 4)
    assert flags.remote is not bool(bits & 64)
    assert flags.fault is bool(bits & 2) and bool(flags.faults) is flags.fault
    assert flags.supply_ready is not bool(bits & (128 | 64 | 32 | 16 | 2))


def test_every_set_point_comes_back_the_same() -> None:
    for point in technix.SHEET.set_points[:2]:
        assert point is not None and point.write is not None and point.read is None
        for counts in range(4096):
            order = point.write(counts)
            echo = take(order, order.text + b"\r")
            assert isinstance(echo, Echo) and point.counts(echo) == counts
    assert technix.SHEET.set_points[2:] == (None, None)


def test_its_order_of_work(bench: Bench) -> None:
    """Questions, OFF with its pulse, remote mode, set-points, and both relays open before it is ready."""
    bench.ready()
    first = [one for one in heard(bench) if one[0][0] in "Pd"]
    assert heard(bench)[:3] == [("E",), ("a1",), ("a2",)]
    assert first[:4] == [("P6", "1"), ("P7", "0"), ("d1", "2846"), ("d2", "1310")]
    assert ("P6", "0") in first and bench.world.plant.generator.status() & 48 == 0  # type: ignore[attr-defined]
    supply = bench.world.plant.supply
    assert (supply.kv_counts, supply.ma_counts) == (2846, 1310)


def test_what_it_cannot_say_about_itself_is_marked_so(bench: Bench) -> None:
    """No command tells a model: the name is the configuration's, and it stands beside it that the device never said it."""
    identity = bench.known().generator.identity
    assert identity is not None and not identity.mismatch
    assert identity.model == "SR100N500 (not told by the device)"
    assert (identity.full_scale_kv, identity.full_scale_ma) == (0.0, 0.0)
    assert not DRIVER.identifies and not DRIVER.set_point_read_back and DRIVER.checksum is Checksum.NONE


def pulse_ms(bench: Bench, relay: bytes) -> float:
    """From the last closing to the first opening after it."""
    closed = [at for at, chunk in bench.sent.chunks if chunk == relay + b",1\r"][-1]
    opened = next(at for at, chunk in bench.sent.chunks if chunk == relay + b",0\r" and at > closed)
    return (opened - closed) * 1000.0


def test_the_on_pulse_ends_after_100_ms_and_on_is_said_once(bench: Bench) -> None:
    bench.beam()
    bench.ticks(2.0, may_open=False, may_write=False)
    assert bench.hv_on and sent(bench).count(b"P5,1\r") == 1
    assert 110.0 <= pulse_ms(bench, b"P5") <= 260.0
    assert bench.world.plant.generator.pulses == {"P5": 0, "P6": 0}  # type: ignore[attr-defined]


def test_off_is_repeated_while_it_is_wanted_and_its_pulse_ends_afterwards(bench: Bench) -> None:
    bench.beam()
    for _ in range(50):
        bench.generator.off(bench.now, at_once=False)
        bench.tick(may_open=False, may_write=False)
    assert not bench.hv_on and sent(bench).count(b"P6,1\r") >= 5
    assert bench.world.plant.generator.pulses["P6"] == 1, "held closed for as long as off is wanted"  # type: ignore[attr-defined]
    bench.ticks(0.5)
    assert pulse_ms(bench, b"P6") >= 110.0
    assert bench.world.plant.generator.pulses == {"P5": 0, "P6": 0}  # type: ignore[attr-defined]
    assert bench.generator.flags is not None and bench.generator.flags.supply_ready


def test_an_off_right_behind_an_on_opens_both_relays(bench: Bench) -> None:
    """The ON's pulse is overtaken while it lasts: the ON relay must not stay closed behind the OFF."""
    bench.ready()
    bench.generator.on(bench.now)
    bench.tick(may_open=False, may_write=False)
    bench.tick(may_open=False, may_write=False)
    bench.generator.off(bench.now, at_once=True)
    bench.ticks(0.6, may_open=False, may_write=False)
    assert not bench.hv_on
    assert bench.world.plant.generator.pulses == {"P5": 0, "P6": 0}  # type: ignore[attr-defined]
    assert sent(bench).count(b"P5,1\r") == 1


@pytest.mark.parametrize("lost", ["P5,0", "P6,0", "P6,1"])
def test_one_lost_echo_of_a_pulse_leaves_no_relay_closed(
    bench: Bench, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L1 at the pulses: the device has not heard it, or its echo never came; either way both relays are open soon after, and HV is off."""
    bench.beam()
    device = bench.world.plant.generator
    answer, dropped = device.answer, []  # type: ignore[attr-defined]

    def lossy(text: str, now_us: int) -> str | None:
        if text == lost and not dropped:
            dropped.append(text)
            return None
        return answer(text, now_us)  # type: ignore[no-any-return]

    monkeypatch.setattr(type(device), "answer", lambda _self, text, now_us: lossy(text, now_us))
    for _ in range(30):
        bench.generator.off(bench.now, at_once=False)
        bench.tick(may_open=False, may_write=False)
    assert not bench.hv_on
    bench.ticks(1.0, may_write=False)
    assert dropped and device.pulses == {"P5": 0, "P6": 0}  # type: ignore[attr-defined]


def test_the_device_ends_hv_and_goes_local_after_five_seconds_of_silence(bench: Bench) -> None:
    """The capability's number; back again, the echoes of before are no set-points any more: they are written anew."""
    assert DRIVER.wire_watchdog_s == DRIVER.wire_watchdog_least_s == 5.0
    bench.beam()
    ms = 0
    while bench.hv_on:
        bench.pass_ms(10)
        ms += 10
        assert ms <= 5_050
    assert ms >= 4_950
    assert bench.world.plant.supply.local
    bench.until(
        1.0,
        "local seen",
        lambda: bench.generator.flags and not bench.generator.flags.remote,
        may_open=False,
        may_write=False,
    )
    assert bench.generator.set_points is None, "nobody knows what a supply in local mode holds"
    bench.world.plant.supply.kv_counts = 0
    before = sent(bench).count(b"d1,2846\r")
    bench.ready()
    assert sent(bench).count(b"d1,2846\r") == before + 1 and bench.world.plant.supply.kv_counts == 2846
    assert not bench.hv_on and sent(bench).count(b"P5,1\r") == 1


def test_no_set_point_is_written_in_local_mode(bench: Bench) -> None:
    """A panel that holds the device local wins: nothing is set, nothing is ready, and the refusal says why."""
    bench.ready()
    device = bench.world.plant.generator
    supply = bench.world.plant.supply
    for _ in range(100):
        supply.local = True
        bench.want_set_up()
        bench.tick()
    flags = bench.generator.flags
    assert flags is not None and not flags.remote and not flags.supply_ready
    assert bench.generator.set_points is None
    bench.generator.on(bench.now)
    bench.ticks(0.3, may_write=False)
    assert not bench.hv_on and b"P5,1\r" not in sent(bench)
    refusal = bench.generator.refusal
    assert refusal is not None and refusal.what in ("on", "status")
    assert device.pulses["P5"] == 0  # type: ignore[attr-defined]


def test_an_inhibited_supply_is_not_ready_and_is_not_released_by_us(bench: Bench) -> None:
    """P8 is never sent: whoever inhibits must release."""
    bench.ready()
    bench.world.plant.generator.inhibited = True  # type: ignore[attr-defined]
    bench.until(1.0, "not ready", lambda: bench.generator.flags and not bench.generator.flags.supply_ready)
    bench.ticks(2.0)
    assert not [text for text in sent(bench) if text.startswith(b"P8")]
    assert bench.world.plant.generator.inhibited  # type: ignore[attr-defined]


def test_a_fault_is_cleared_by_a_whole_off_pulse(bench: Bench) -> None:
    bench.ready()
    bench.world.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    bench.until(1.0, "the fault", lambda: bench.generator.flags and bench.generator.flags.fault)
    assert bench.generator.flags is not None and bench.generator.flags.faults == (technix.Fault.FAULT.value,)
    bench.want(ClearFaults())
    bench.until(1.0, "no fault", lambda: bench.generator.flags and not bench.generator.flags.fault)
    bench.until(1.0, "ready", lambda: bench.generator.flags and bench.generator.flags.supply_ready)
    assert pulse_ms(bench, b"P6") >= 110.0


def test_a_set_point_above_full_scale_is_refused_and_never_sent(bench: Bench) -> None:
    from msgspec import structs

    from hal.commands import SetUp

    bench.known()
    bench.want(SetUp(structs.replace(bench.plan, kv_counts=4096)))
    bench.ticks(1.0)
    assert not [text for text in sent(bench) if text.startswith(b"d")]
    assert bench.generator.refusal is not None and "4095" in bench.generator.refusal.words


def test_a_looped_cable_is_never_identified(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug that joins the two wires acknowledges whatever it is told; it is told nothing but questions."""
    device = bench.world.plant.generator
    monkeypatch.setattr(type(device), "answer", lambda _self, text, _now_us: text)
    for _ in range(300):
        bench.want_set_up()
        bench.tick()
    bench.generator.on(bench.now)
    assert not bench.generator.identified and not bench.generator.off(bench.now, at_once=True)
    assert set(sent(bench)) <= {b"E\r", b"a1\r", b"a2\r"}


def test_late_replies_on_a_wire_kept_open_are_never_another_answer_nor_an_older_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L6, L7: a tenth of the replies come 40 to 400 ms late for a minute; kV and mA carry the time when the device read them, each in its own range."""
    bench.ready()
    device, rng = bench.world.plant.generator, random.Random(3)
    seen: set[tuple[str, float]] = set()
    answer = type(device).answer  # type: ignore[attr-defined]

    def dated(self: object, text: str, now_us: int) -> str | None:
        base = {"a1": 0, "a2": 2000}.get(text)
        return answer(self, text, now_us) if base is None else f"{text}{base + now_us // 10_000 % 2000}"  # type: ignore[no-any-return]

    monkeypatch.setattr(type(device), "answer", dated)
    bench.ticks(0.5)
    began = bench.now
    for _ in range(6000):
        device.late_us = 0 if rng.random() < 0.9 else rng.choice([40_000, 80_000, 150_000, 250_000, 400_000])
        bench.tick(may_open=False, may_write=False)
        for name, base in (("kv", 0), ("ma", 2000)):
            piece = bench.generator._pieces[name]  # type: ignore[attr-defined]
            if piece.asked_at_s > began and (name, piece.asked_at_s) not in seen:
                seen.add((name, piece.asked_at_s))
                read_s = 0.01 * (piece.value.value - base)
                assert 0.0 <= read_s < 20.0, "another question's answer"
                late_s = (read_s - (piece.asked_at_s - EPOCH_S) + 10.0) % 20.0 - 10.0
                assert -0.011 < late_s < 0.5, "read before it was asked for"
    assert len(seen) > 300


def test_the_wire_log_in_words() -> None:
    decode = DRIVER.decode
    assert decode(True, b"P5,1\r") == "on"
    assert decode(True, b"P6,1\rP6,0\r") == "off; off pulse ends"
    assert decode(True, b"d1,2846\r") == "set kv 2846"
    assert decode(True, b"E\r") == "status?"
    assert decode(False, b"E12\r") == "status: HV on, interlock open"
    assert decode(False, b"a14095\ra2") == "kv 4095; ma (empty)"
    assert "part of a frame" in decode(False, b"xyz\r")
