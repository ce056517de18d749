"""The GeniX3D driver: frames worked by hand, a device without a name told from others, heartbeat and interlock loop over time, and its whole exchange
with a simulated source: what is sent, in which order, how often, and what is made of a wire that lies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conformance_bench import Bench
from msgspec import structs

from hal.commands import ClearFaults, SetUp
from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.generators import genix3d, genix3d_wire
from hal.generators.genix3d import DRIVER, Fault
from hal.generators.genix3d_wire import Coil, GenixDialect, Said, down, up
from hal.generators.sheet import Piece
from hal.modbus import Question
from hal.readings import GeneratorFlags
from hal.registry import GeneratorSetting
from simulators import modbus_codec, unit_registers, unit_requests
from simulators.bench_adam_6050 import Adam6050
from simulators.bench_wago_750 import Wago750
from simulators.generator_genix3d import Genix3dFirmware
from simulators.generators import PROFILES
from simulators.supply import UNDER_VOLTAGE
from simulators.wire_faults import TAMPERINGS
from simulators.world import World

SETTING = GeneratorSetting("tcp:127.0.0.1:502", 0, "GeniX3D", 50.0, 0.6, 0.0025, 0.01, True)
FRAMES = {
    "status": (genix3d_wire.STATUS, "01 01 00D2 001E"),
    "orders": (genix3d_wire.ORDERS, "01 01 00F0 000D"),
    "ht": (genix3d_wire.HT, "01 03 0032 0002"),
    "tube": (genix3d_wire.TUBE, "01 03 0036 0003"),
    "on": (genix3d.SHEET.on, "01 05 00FB FF00"),
    "off": (genix3d.SHEET.off, "01 05 00FB 0000"),
    "ramp": (up(Coil.RAMP_UP), "01 05 00FC FF00"),
    "ramp ends": (down(Coil.RAMP_UP), "01 05 00FC 0000"),
    "open": (up(Coil.OPEN_SHUTTER), "01 05 00F7 FF00"),
    "close": (up(Coil.CLOSE_SHUTTER), "01 05 00F8 FF00"),
    "clear": (up(Coil.RESET_FAULTS), "01 05 00F9 FF00"),
    "standby down": (down(Coil.STANDBY), "01 05 00FA 0000"),
}
REPLIES = {
    "status": ("01 01 04 11 00 00 06", Said(210, 1 << 0 | 1 << 4 | 1 << 25 | 1 << 26)),
    "orders": ("01 01 02 00 18", Said(240, 1 << 11 | 1 << 12)),
    "ht": ("01 03 04 1388 003C", Said(50, words=(5000, 60))),
    "tube": ("01 03 06 00FE 003B 0102", Said(54, words=(254, 59, 258))),
    "on": ("01 05 00FB FF00", Said()),
    "off": ("01 05 00FB 0000", Said()),
}


def tcp(body: str, tid: int = 1) -> bytes:
    data = bytes.fromhex(body)
    return tid.to_bytes(2, "big") + b"\0\0" + len(data).to_bytes(2, "big") + data


def take(q: Question, data: bytes) -> object:
    wire = GenixDialect(True)
    wire.encode(q)
    return wire.take(bytearray(data), q, None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench("genix3d", "memory", tmp_path)
    yield made
    made.close()


def device(bench: Bench) -> Genix3dFirmware:
    face = bench.world.plant.generator
    assert isinstance(face, Genix3dFirmware)
    return face


def pdus(bench: Bench) -> list[tuple[float, bytes]]:
    """What was sent, without transaction number and header, with its time."""
    out = []
    for at, chunk in bench.sent.chunks:
        while chunk:
            size = 6 + int.from_bytes(chunk[4:6], "big")
            out.append((at, chunk[7:size]))
            chunk = chunk[size:]
    return out


def writes(bench: Bench) -> list[tuple[int, bool]]:
    """The coils written, in order: address and whether up."""
    return [(int.from_bytes(pdu[1:3], "big"), pdu[3] == 0xFF) for _, pdu in pdus(bench) if pdu[0] not in (1, 3)]


def flags(bench: Bench) -> GeneratorFlags:
    assert bench.generator.flags is not None
    return bench.generator.flags


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_those_of_the_map(name: str) -> None:
    """Address, function and value by hand: coil 251 is 00FB, up is FF00; 30 coils from 210, 13 from 240, registers 50 and 54."""
    q, body = FRAMES[name]
    wire = GenixDialect(True)
    assert wire.encode(q) == tcp(body) and wire.encode(q) == tcp(body, 2)


@pytest.mark.parametrize("name", REPLIES)
def test_replies_cut_at_every_byte_are_the_same_reply(name: str) -> None:
    """The first coil asked for is bit 0 of the first byte: 11 is coils 210 and 214, 06 in the fourth byte 235 and 236."""
    q, (body, want) = FRAMES[name][0], REPLIES[name]
    data = tcp(body)
    for cut in range(len(data)):
        wire, buf = GenixDialect(True), bytearray(data[:cut])
        wire.encode(q)
        assert wire.take(buf, q, None) is None
        buf += data[cut:]
        got = wire.take(buf, q, None)
        assert isinstance(got, Said) and (got.bits, got.words) == (want.bits, want.words) and not buf


def test_a_late_a_double_and_a_foreign_reply_are_nobodys() -> None:
    wire, q = GenixDialect(True), genix3d_wire.HT
    wire.encode(genix3d_wire.STATUS)
    wire.encode(q)
    buf = bytearray(tcp("01 01 04 00000000", 1) + tcp("01 03 04 1388 003C", 2) + tcp("01 03 04 1388 003C", 2))
    assert wire.take(buf, q, None) is Heard.STRAY, "the late reply of the request before"
    assert wire.take(buf, q, None) == Said(50, words=(5000, 60))
    wire.encode(q)
    assert wire.take(buf, q, None) is Heard.STRAY, "the same reply twice"
    for tid in (0, 4, 65535):
        assert take(q, tcp("01 03 04 1388 003C", tid)) is Heard.STRAY


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1, TroubleKind.REFUSED), (2, TroubleKind.REFUSED), (3, TroubleKind.REFUSED), (4, TroubleKind.REFUSED), (6, TroubleKind.BUSY)],
)  # fmt: skip
def test_exceptions_are_values(code: int, kind: TroubleKind) -> None:
    for q, function in ((genix3d_wire.STATUS, 0x81), (genix3d_wire.HT, 0x83), (genix3d.SHEET.on, 0x85)):
        got = take(q, tcp(f"01 {function:02X} {code:02X}"))
        assert isinstance(got, Trouble) and got.kind is kind and f"exception {code}" in got.detail


@pytest.mark.parametrize(
    "body",
    ["02 05 00FB FF00", "01 05 00FA FF00", "01 05 00FB 0000", "01 05 00FB 0001", "01 06 00FB FF00", "01 05 00FB FF", "01 05 00FB FF00 00", "01 01 01 00"],
)  # fmt: skip
def test_an_on_is_acknowledged_by_nothing_but_itself(body: str) -> None:
    got = take(genix3d.SHEET.on, tcp(body))
    assert isinstance(got, Trouble) and got.kind is TroubleKind.FRAME_BAD


def test_kv_and_ma_come_back_the_same_over_the_whole_range() -> None:
    """Hundredths of a kV and of a mA, to the last one, from 0 to beyond full scale."""
    alive = genix3d_wire.Seen(9.0, 0.0, 9, 9.0)
    status = Piece(9.0, Said(210, seen=alive))
    for kv, ma in [(count, 0) for count in range(6001)] + [(0, count) for count in range(121)]:
        got = take(genix3d_wire.HT, tcp(f"01 03 04 {kv:04X} {ma:04X}"))
        assert isinstance(got, Said)
        monitor = genix3d.monitor(SETTING, {"kv and ma": Piece(9.0, got), "status": status})
        assert monitor is not None and (round(monitor.kv * 100), round(monitor.ma * 100)) == (kv, ma)
        assert monitor.kv == pytest.approx(kv / 100, rel=1e-12) and monitor.ma == pytest.approx(ma / 100, rel=1e-12)
    scale = DRIVER.scale(SETTING)
    assert (scale.kv_counts_full_scale, scale.ma_counts_full_scale) == (5000, 60)


def test_full_power_is_the_tubes() -> None:
    assert genix3d.full_power(Said(210, 0)) == (5000, 60)
    assert genix3d.full_power(Said(210, 1 << 7)) == (5000, 100)


NORMAL = {Coil.REMOTE, Coil.AUTO_OK, Coil.INTERLOCK, Coil.SHUTTER_CLOSED}


def judged(coils: set[Coil], orders: int = 0, closed_s: float = 3.0, beat_s: float = 0.1) -> GeneratorFlags | None:
    seen = genix3d_wire.Seen(9.0, 0.0, 9, 9.0 - beat_s, closed_from_s=9.0 - closed_s)
    said = Said(210, sum(1 << coil - 210 for coil in coils), seen=seen)
    return genix3d.flags(SETTING, {"status": Piece(9.0, said), "orders": Piece(8.9, Said(240, orders))})


def test_at_rest_it_is_ready_and_closed() -> None:
    rest = judged(NORMAL)
    assert rest is not None and rest.supply_ready and rest.interlock_closed and rest.remote
    assert not rest.hv_on and not rest.fault and rest.faults == ()


@pytest.mark.parametrize("coil", [coil for coil in Coil if coil < 240])
def test_every_status_coil(coil: Coil) -> None:
    """Each turned over by itself: what it does to ready, to the interlock, to HV and to the faults."""
    now = judged(NORMAL ^ {coil})
    assert now is not None
    faults = {Coil[fault.name]: fault for fault in Fault if fault is not Fault.OTHER}
    assert now.hv_on is (coil in {Coil.XRAYS_ON, Coil.TO_STANDBY, Coil.RAMPING, Coil.POWERING_DOWN, Coil.WARMING_UP})
    assert now.remote is (coil is not Coil.REMOTE)
    wanted = (Fault.OTHER.value,) if coil is Coil.FAULTS else (faults[coil].value,) if coil in faults else ()
    assert now.faults == wanted and now.fault is bool(wanted)
    opens = {Coil.RELAY_INTERLOCK, Coil.DOOR, Coil.OVERRIDDEN}
    assert now.interlock_closed is (coil not in opens)
    assert now.interlock_open is (coil in {Coil.RELAY_INTERLOCK, Coil.DOOR, Coil.INTERLOCK})
    harmless = {Coil.HEARTBEAT, Coil.TUBE_50_W, Coil.INTERLOCK, Coil.RELAY_INTERLOCK, Coil.DOOR}
    assert now.supply_ready is (coil in harmless)


def watched(coils: set[Coil], hole: tuple[float, float]) -> GeneratorFlags:
    """The flags after 10 s of status every 20 ms, none of them answered within the hole."""
    before: Piece[Said] | None = None
    for at_s in (number * 0.02 for number in range(501)):
        if not hole[0] < at_s < hole[1]:
            beat = {Coil.HEARTBEAT} if int(at_s / 0.5) % 2 else set()
            said = Said(210, sum(1 << coil - 210 for coil in coils | beat))
            came = Piece(at_s, said)
            before = Piece(at_s, genix3d_wire.fold("status", before, came))
    assert before is not None
    told = genix3d.flags(SETTING, {"status": before})
    assert told is not None
    return told


def test_a_hole_in_the_looking_is_no_open_line() -> None:
    """Lost replies for 0.45 s, 2 s ago: the loop is not yet closed for the rules, and nobody has seen it open. K1's relay and a door are seen at once; what
    is overridden holds nothing off."""
    steady, hole = (-1.0, -1.0), (7.5, 7.95)
    assert (watched(NORMAL, steady).interlock_closed, watched(NORMAL, steady).interlock_open) == (True, False)
    assert (watched(NORMAL, hole).interlock_closed, watched(NORMAL, hole).interlock_open) == (False, False)
    for opened in (NORMAL | {Coil.RELAY_INTERLOCK}, NORMAL | {Coil.DOOR}, NORMAL - {Coil.INTERLOCK}):
        assert watched(opened, hole).interlock_open
        assert not watched(opened, hole).interlock_closed
        assert not watched(opened | {Coil.OVERRIDDEN}, hole).interlock_open


def test_the_sum_of_faults_is_explained_by_what_it_sums_up() -> None:
    """219 beside an open relay, an open door or a due warm-up is none of its own; beside nothing it is a fault without a name."""
    for coil in (Coil.RELAY_INTERLOCK, Coil.DOOR, Coil.WARM_UP_NEEDED):
        now = judged(NORMAL | {Coil.FAULTS, coil})
        assert now is not None and not now.fault
    both = judged(NORMAL | {Coil.FAULTS, Coil.VACUUM, Coil.WATER_FLOW})
    assert both is not None and both.faults == ("vacuum", "water flow")


@pytest.mark.parametrize("place", range(13))
def test_with_any_order_standing_it_is_not_ready(place: int) -> None:
    """A8: level 251 (place 11) must be provably 0 before arming, and so must every other order."""
    now = judged(NORMAL, orders=1 << place)
    assert now is not None and not now.supply_ready


def test_without_a_fresh_word_on_its_orders_it_is_not_ready() -> None:
    seen = genix3d_wire.Seen(9.0, 0.0, 9, 8.9, closed_from_s=0.0)
    status = Piece(9.0, Said(210, sum(1 << coil - 210 for coil in NORMAL), seen=seen))
    for pieces in ({"status": status}, {"status": status, "orders": Piece(8.4, Said(240, 0))}):
        now = genix3d.flags(SETTING, pieces)
        assert now is not None and not now.supply_ready


def history(levels: Callable[[float], set[Coil]], times: list[float]) -> list[Said]:
    """Status answers at these times, each folded with those before it."""
    before: Piece[Said] | None = None
    out = []
    for at_s in times:
        came = Piece(at_s, Said(210, sum(1 << coil - 210 for coil in levels(at_s))))
        before = Piece(at_s, genix3d_wire.fold("status", before, came))
        out.append(before.value)
    return out


def steps(end_s: float, step_s: float = 0.02) -> list[float]:
    return [100.0 + place * step_s for place in range(round(end_s / step_s))]


@pytest.mark.parametrize(
    ("half_s", "alive"), [(0.5, True), (1.0, True), (0.05, False), (2.0, False), (math.inf, False)]
)
def test_a_heartbeat_beats_about_once_a_second(half_s: float, alive: bool) -> None:
    """Half periods of 0.5 s and of 1 s ("1 s blink" may mean either) are a heart; a flicker, a slow blink and a level are none."""

    def levels(at_s: float) -> set[Coil]:
        return {Coil.HEARTBEAT} if (at_s - 100.0) / half_s % 2 >= 1 else set()

    for said in history(levels, steps(12.0))[300:]:
        assert said.seen.alive(said.seen.at_s) is alive


def test_a_heart_that_stops_is_dead_after_its_longest_beat() -> None:
    def levels(at_s: float) -> set[Coil]:
        return {Coil.HEARTBEAT} if min(at_s, 106.2) % 1.0 >= 0.5 else set()

    died = [said.seen.at_s for said in history(levels, steps(12.0)) if said.seen.alive(said.seen.at_s)][-1]
    assert 107.5 <= died <= 107.7


def test_the_interlock_loop_counts_as_closed_after_three_steady_seconds() -> None:
    """Down at once, up after 3 s; a blink of any allowed pace never; a gap in which a blink could hide begins anew."""
    steady = history(lambda at_s: {Coil.INTERLOCK} if at_s >= 101.0 else set(), steps(8.0))
    closed = [said.seen.at_s for said in steady if said.seen.closed]
    assert closed and closed == [said.seen.at_s for said in steady if said.seen.at_s >= closed[0]]
    assert 104.0 - 1e-6 <= closed[0] <= 104.05
    for half_s in (0.5, 0.7, 1.0):
        blink = history(lambda at_s, h=half_s: {Coil.INTERLOCK} if at_s / h % 2 < 1 else set(), steps(12.0))
        assert not [said for said in blink if said.seen.closed]
    opened = history(lambda at_s: {Coil.INTERLOCK} if at_s < 105.0 else set(), steps(6.0))
    assert opened[-51].seen.closed and not opened[-50].seen.closed
    for gap_s, still in ((0.39, True), (0.45, False)):
        times = [at_s for at_s in steps(6.0, 0.01) if not 105.0 < at_s < 105.0 + gap_s - 1e-9]
        said = next(s for s in history(lambda _: {Coil.INTERLOCK}, times) if s.seen.at_s > 105.2)
        assert said.seen.closed is still


def test_its_order_of_work(bench: Bench) -> None:
    """Questions for three seconds, then OFF before anything else, the shutter shut, and nothing that could make X-rays."""
    bench.want_set_up()
    while not bench.generator.identified:
        assert not writes(bench)
        bench.tick()
    assert [pdu.hex() for _, pdu in pdus(bench)[:4]] == ["0100d2001e", "0100f0000d", "0300320002", "0300360003"]
    assert bench.now >= 503.0 and {pdu.hex() for _, pdu in pdus(bench)[4:-1]} == {"0100d2001e"}
    bench.ready()
    assert writes(bench)[0] == (251, False) and (248, True) in writes(bench)
    assert {coil for coil, is_up in writes(bench) if is_up} == {248}
    assert not any(device(bench).orders.values())


def test_what_it_cannot_say_about_itself_is_marked_so(bench: Bench) -> None:
    identity = bench.known().generator.identity
    assert identity is not None and not identity.mismatch
    assert identity.model == "GeniX3D (not told by the device)" and identity.firmware == "not told by the device"
    assert not DRIVER.identifies and not DRIVER.set_point_read_back and DRIVER.own_set_points
    assert DRIVER.wires == ("tcp",)


def answers_of(name: str) -> Callable[[bytes], bytes]:
    """What another Modbus device on this port says to a request."""
    world = World()
    world.advance(2_000_000)

    def kerma_unit(pdu: bytes) -> bytes:
        return modbus_codec.answer(
            pdu,
            lambda at, words: unit_registers.read(world.unit, at, words),
            lambda at, data: unit_requests.write(world.unit, at, data),
        )

    def io_station(coils: int, registers: int, fill: int) -> Callable[[bytes], bytes]:
        def answer(pdu: bytes) -> bytes:
            at, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
            if pdu[0] not in (1, 3) or at + count > (coils if pdu[0] == 1 else registers):
                return modbus_codec.exception(pdu[0], 2)
            if pdu[0] == 3:
                return bytes((3, 2 * count)) + bytes((0, fill)) * count
            bits = (1 << count) - 1 if fill else 0
            size = (count + 7) // 8
            return bytes((1, size)) + bits.to_bytes(size, "little")

        return answer

    return {
        "kerma-unit": kerma_unit,
        "wago-750": Wago750().answer,
        "adam-6050": Adam6050().answer,
        "an I/O station with 22 coils": io_station(22, 400, 0),
        "a coupler with 512 coils that are all down": io_station(512, 512, 0),
        "a coupler with 512 coils that are all up": io_station(512, 512, 1),
    }[name]


@pytest.mark.parametrize(
    "other",
    [
        "kerma-unit", "wago-750", "adam-6050",
        "an I/O station with 22 coils", "a coupler with 512 coils that are all down", "a coupler with 512 coils that are all up",
    ],
)  # fmt: skip
def test_another_modbus_device_is_refused_and_written_nothing(
    bench: Bench, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty seconds of a set-up, an ON and OFFs pressed on the driver: reads, and not one write."""
    says = answers_of(other)
    monkeypatch.setattr(Genix3dFirmware, "answer", lambda _self, pdu, _now_us: says(pdu))
    for _ in range(2000):
        bench.want_set_up()
        bench.tick()
    bench.generator.on(bench.now)
    assert not bench.generator.off(bench.now, at_once=True)
    bench.ticks(0.5)
    identity = bench.generator.identity
    assert identity is not None and identity.mismatch and not bench.generator.identified
    assert len(pdus(bench)) > 10 and {pdu[0] for _, pdu in pdus(bench)} <= {1, 3}


OTHERS = sorted(set(PROFILES) - {"genix3d"})


@pytest.mark.parametrize("other", OTHERS)
def test_another_generator_on_this_port_and_this_one_under_another_driver_do_nothing(
    other: str, tmp_path: Path
) -> None:
    """No HV, no set-point, no coil: a source of another make hears Modbus questions, this one hears text that is no frame."""
    for name, there in (("genix3d", other), (other, "genix3d")):
        bench = Bench(name, "memory", tmp_path, device=there)
        try:
            for _ in range(800):
                bench.want_set_up()
                bench.tick()
            bench.generator.on(bench.now)
            assert not bench.generator.off(bench.now, at_once=True) and not bench.generator.identified
            bench.ticks(0.5)
            supply = bench.world.plant.supply
            assert (supply.kv_counts, supply.ma_counts) == (0, 0)
            assert not [words for words in bench.words() if words.startswith("HV")]
            assert name != "genix3d" or {pdu[0] for _, pdu in pdus(bench)} == {1}
            assert there != "genix3d" or not any(device(bench).orders.values())
        finally:
            bench.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("heart_stopped", "coil 234 does not beat"),
        ("tube_50_w", "mA full scale is 1, the profile says 0.6"),
        ("tube_frozen", "registers 54 and 55 are (0, 60)"),
        ("ht_beyond", "registers 50 and 51 are (6001, 0)"),
        ("shutter", "call the shutter closed and open"),
    ],
)
def test_a_map_with_wrong_constants_is_refused(
    bench: Bench, name: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, registers = Genix3dFirmware.status, Genix3dFirmware._registers
    coils = {"tube_50_w": {217: True}, "shutter": {236: True, 237: True}}.get(name, {})
    values = {"tube_frozen": (54, [0, 60, 1]), "ht_beyond": (50, [6001, 0])}.get(name, (0, []))
    device(bench).heart_stopped = name == "heart_stopped"
    monkeypatch.setattr(Genix3dFirmware, "status", lambda self: status(self) | coils)
    monkeypatch.setattr(
        Genix3dFirmware,
        "_registers",
        lambda self, at, count: (
            b"".join(value.to_bytes(2, "big") for value in values[1]) if at == values[0] else registers(self, at, count)
        ),
    )
    bench.until(8.0, "a refusal", lambda: bench.generator.identity and bench.generator.identity.mismatch)
    assert words in bench.generator.identity.mismatch  # type: ignore[union-attr]
    bench.ticks(2.0)
    assert not writes(bench) and not bench.generator.identified


def test_a_refused_device_is_asked_again_and_known_once_it_is_right(bench: Bench) -> None:
    device(bench).heart_stopped = True
    bench.until(8.0, "a refusal", lambda: bench.generator.identity and bench.generator.identity.mismatch)
    device(bench).heart_stopped = False
    bench.known()


def test_a_plan_that_is_not_its_own_full_power_is_refused(bench: Bench) -> None:
    """Refuse, never clip, and never step there by pulses whose size nobody published."""
    bench.known()
    for change, words in (
        ({"kv_counts": 4000}, "kv is the device's own, 5000 counts, not 4000"),
        ({"ma_counts": 61}, "ma is"),
    ):
        bench.want(SetUp(structs.replace(bench.plan, **change)))
        bench.ticks(1.0)
        assert bench.generator.refusal is not None and words in bench.generator.refusal.words
    bench.want(SetUp(structs.replace(bench.plan, kv_counts=5001)))
    bench.ticks(1.0)
    assert bench.generator.refusal is not None and "5000" in bench.generator.refusal.words
    assert not {240, 241, 242, 243} & {coil for coil, _ in writes(bench)}


def test_on_is_one_write_of_251_and_the_ramp_follows_it(bench: Bench) -> None:
    """251 up once, shutter, ramp; the ends of both pulses twice; HT rises before current at the device, the shutter is open before HT."""
    bench.ready()
    before = len(writes(bench))
    bench.generator.on(bench.now)
    bench.ticks(3.0, may_open=False, may_write=False)
    assert writes(bench)[before:] == [
        (251, True), (247, True), (252, True), (247, False), (252, False), (247, False), (252, False),
    ]  # fmt: skip
    assert bench.hv_on and bench.generator.monitor is not None
    assert bench.generator.monitor.kv == pytest.approx(50.0, abs=0.5)
    assert bench.generator.monitor.ma == pytest.approx(0.6, abs=0.02)
    assert bench.set_up() and flags(bench).interlock_closed and not flags(bench).fault


def test_ht_stands_before_current_flows(bench: Bench) -> None:
    bench.ready()
    bench.generator.on(bench.now)
    seen = []
    for _ in range(150):
        bench.tick(may_open=False, may_write=False)
        assert bench.generator.monitor is not None
        seen.append((bench.generator.monitor.kv, bench.generator.monitor.ma))
    assert all(kv > 49.0 for kv, ma in seen if ma >= 0.03) and seen[-1][1] > 0.55


def test_off_is_251_down_at_once_then_the_shutter_and_the_ends_come_after_the_last(bench: Bench) -> None:
    """Never delayed for current or HT, which costs the source (the device's log says so); repeated each 100 ms; then the pulses are ended."""
    bench.beam()
    bench.ticks(1.5, may_open=False, may_write=False)
    before = len(pdus(bench))
    asked_at = bench.now
    bench.generator.off(bench.now, at_once=True)
    assert pdus(bench)[before] == (asked_at, bytes.fromhex("05 00FB 0000")), "in this tick, a reply outstanding or not"
    for _ in range(35):
        bench.tick(may_open=False, may_write=False)
        bench.generator.off(bench.now, at_once=False)
    assert not bench.hv_on and "HT dropped with current: this harms the source" in bench.words()
    offs = [at for at, pdu in pdus(bench)[before:] if pdu == bytes.fromhex("05 00FB 0000")]
    assert len(offs) >= 4 and all(0.099 <= late - soon <= 0.111 for soon, late in itertools.pairwise(offs))
    assert not device(bench).shutter_open
    bench.ticks(1.0, may_open=False, may_write=False)
    assert writes(bench)[-3:] == [(247, False), (248, False), (252, False)]
    assert not any(device(bench).orders.values())
    bench.ticks(1.0)
    assert flags(bench).supply_ready


def test_an_off_within_the_on_sequence_ends_it(bench: Bench) -> None:
    """OFF drops what was to follow the ON: no ramp begins, and no coil is left standing."""
    for ticks in range(1, 12):
        bench.ready()
        before = len(writes(bench))
        bench.generator.on(bench.now)
        for _ in range(ticks):
            bench.tick(may_open=False, may_write=False)
        bench.generator.off(bench.now, at_once=True)
        behind = len(writes(bench))
        bench.ticks(0.6, may_open=False, may_write=False)
        assert not bench.hv_on and not device(bench).shutter_open
        assert {coil for coil, is_up in writes(bench)[behind:] if is_up} == {248}
        assert writes(bench)[before:].count((251, True)) == 1
        assert not any(device(bench).orders.values())


def lose(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, order: tuple[int, bool], reply_only: bool, times: int
) -> list[int]:
    """This write is lost, or its reply is, so many times."""
    lost: list[int] = []
    answer, say = Genix3dFirmware.answer, Genix3dFirmware._say
    wanted = bytes((5,)) + order[0].to_bytes(2, "big") + (b"\xff\0" if order[1] else b"\0\0")
    mute = []

    def answered(self: Genix3dFirmware, pdu: bytes, now_us: int) -> bytes:
        hit = pdu == wanted and len(lost) < times
        if hit:
            lost.append(now_us)
            mute.append(True)
        return pdu if hit and not reply_only else answer(self, pdu, now_us)

    def said(self: Genix3dFirmware, frame: bytes, now_us: int) -> None:
        if mute:
            mute.clear()
        else:
            say(self, frame, now_us)

    monkeypatch.setattr(Genix3dFirmware, "answer", answered)
    monkeypatch.setattr(Genix3dFirmware, "_say", said)
    return lost


@pytest.mark.parametrize("reply_only", [False, True])
@pytest.mark.parametrize("coil", [247, 252])
def test_a_lost_end_of_a_pulse_is_said_again_and_its_beginning_never(
    bench: Bench, coil: int, reply_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L1 at the pulses of an ON: the 0 comes again while the beam is on; the beam is as it should be, and one ramp was ordered."""
    bench.ready()
    lost = lose(bench, monkeypatch, (coil, False), reply_only, 1)
    bench.generator.on(bench.now)
    bench.ticks(3.0, may_open=False, may_write=False)
    assert lost and not device(bench).orders[coil] and writes(bench).count((coil, True)) == 1
    assert bench.world.truth().kv > 49.0 and bench.world.plant.generator.shutter_open


@pytest.mark.parametrize("coil", [247, 248, 249, 252])
def test_an_end_that_stays_lost_is_taken_down_later_and_nothing_arms_before(
    bench: Bench, coil: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A coil that has stood for 0.6 s is no pulse: not ready, the reason in words, and its 0 again until it is down."""
    bench.ready()
    lose(bench, monkeypatch, (coil, False), False, 4)
    bench.generator.on(bench.now)
    bench.ticks(1.0, may_open=False, may_write=False)
    bench.generator.off(bench.now, at_once=True)
    bench.want(ClearFaults())
    bench.ticks(0.4)
    assert device(bench).orders[coil] and not flags(bench).supply_ready
    bench.want_set_up()
    bench.until(5.0, "the coil down", lambda: not device(bench).orders[coil])
    bench.until(3.0, "ready", lambda: flags(bench).supply_ready and bench.set_up())
    assert not bench.hv_on and writes(bench).count((251, True)) == 1
    said = bench.generator.refusal
    assert said is not None and f"coil {coil}" in said.words and "stood up for 0.6 s" in said.words


@pytest.mark.parametrize("order", [(251, True), (252, True), (247, True)])
@pytest.mark.parametrize("reply_only", [False, True])
def test_the_beginning_of_a_pulse_and_an_on_are_never_repeated(
    bench: Bench, order: tuple[int, bool], reply_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost on the way or lost on the way back, it is said once: no second step, no second ON, whoever waits for kV waits in vain."""
    bench.ready()
    lost = lose(bench, monkeypatch, order, reply_only, 1)
    bench.generator.on(bench.now)
    bench.ticks(4.0, may_open=False, may_write=False)
    assert len(lost) == 1 and writes(bench).count(order) == 1 and writes(bench).count((251, True)) == 1
    expected = reply_only or order[0] == 247
    assert (bench.world.truth().kv > 49.0) is expected
    for _ in range(20):
        bench.generator.off(bench.now, at_once=False)
        bench.tick(may_open=False, may_write=False)
    assert not bench.hv_on


def test_a_stuck_heartbeat_makes_readings_old(bench: Bench) -> None:
    """L8: a program that stands still answers for ever; its kV, mA and status count no more after 1.6 s, in beam and out of it."""
    bench.beam()
    bench.ticks(1.0, may_open=False, may_write=False)
    device(bench).heart_stopped = True
    stopped = bench.now
    bench.ticks(4.0, may_open=False, may_write=False)
    assert bench.generator.monitor is not None
    for reading in (flags(bench), bench.generator.monitor):
        assert stopped < reading.asked_at_s <= stopped + 1.61
    device(bench).heart_stopped = False
    bench.ticks(2.5, may_open=False, may_write=False)
    assert bench.now - flags(bench).asked_at_s < 0.1


def test_a_blinking_interlock_is_open_at_once_and_closed_three_seconds_after(bench: Bench) -> None:
    bench.ready()
    assert flags(bench).interlock_closed
    device(bench).switch_open = True
    bench.until(1.1, "open", lambda: not flags(bench).interlock_closed)
    for _ in range(600):
        bench.tick()
        assert not flags(bench).interlock_closed
    device(bench).switch_open = False
    closed_at = bench.now
    bench.until(5.0, "closed", lambda: flags(bench).interlock_closed)
    assert 2.5 <= bench.now - closed_at <= 3.6
    device(bench).loop_broken = True
    bench.ticks(0.1)
    assert not flags(bench).interlock_closed


def test_the_relay_is_seen_at_once(bench: Bench) -> None:
    """K1 breaks the relay interlock (229): open and closed within a poll, and no fault of its own although coil 219 sums it up."""
    bench.ready()
    bench.world._out.k1_close = False
    bench.ticks(0.1)
    assert not flags(bench).interlock_closed and not flags(bench).fault
    bench.world._out.k1_close = True
    bench.ticks(0.1)
    assert flags(bench).interlock_closed


@pytest.mark.parametrize(("what", "fault"), [("overridden", True), ("warm_up_needed", False)])
def test_what_keeps_it_from_being_ready(bench: Bench, what: str, fault: bool) -> None:
    bench.ready()
    setattr(device(bench), what, True)
    bench.ticks(0.2)
    assert not flags(bench).supply_ready and flags(bench).fault is fault
    assert flags(bench).interlock_closed is not fault


def test_levels_that_another_client_left_are_found_and_taken_down(bench: Bench) -> None:
    """A8: 251 and 250 up at power-on: OFF goes first, standby is taken down, and until both are seen down nothing is ready."""
    bench.pass_ms(1500)
    device(bench)._order(250, True, bench.world.now_us)
    device(bench)._order(251, True, bench.world.now_us)
    bench.until(6.0, "known", lambda: bench.generator.identified)
    assert bench.hv_on
    bench.ready()
    assert writes(bench)[0] == (251, False) and (250, False) in writes(bench)
    assert not bench.hv_on and not any(device(bench).orders.values())


def test_faults_are_cleared_by_a_whole_pulse(bench: Bench) -> None:
    bench.ready()
    bench.world.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    bench.until(1.0, "the fault", lambda: flags(bench).fault)
    assert flags(bench).faults == (Fault.OTHER.value,)
    bench.want(ClearFaults())
    bench.until(1.0, "no fault", lambda: not flags(bench).fault)
    bench.until(1.0, "ready", lambda: flags(bench).supply_ready)
    bench.ticks(0.3)
    assert [order for order in writes(bench) if order[0] == 249] == [(249, True), (249, False)]


def test_no_watchdog_is_what_the_capability_says(bench: Bench) -> None:
    """A host that is gone leaves X-rays on for as long as nobody else ends them: nothing on this wire does."""
    assert DRIVER.wire_watchdog_s is None and DRIVER.wire_watchdog_least_s is None
    bench.beam()
    bench.pass_ms(30_000)
    assert bench.hv_on


@pytest.mark.parametrize("code", [1, 2, 3, 4, 6])
def test_a_device_that_answers_with_exceptions_gives_no_readings(bench: Bench, code: int) -> None:
    """M1 at every request: values, not exceptions; what was read grows old, ON is refused in words and not said again, OFF goes out all the same."""
    bench.ready()
    bench.world.faults.start(f"generator-wire-exception-{code}")
    at = bench.now
    bench.generator.on(bench.now)
    for _ in range(100):
        bench.tick(may_open=False, may_write=False)
    refusal = bench.generator.refusal
    assert flags(bench).asked_at_s <= at and refusal is not None and f"exception {code}" in refusal.words
    assert writes(bench).count((251, True)) == 1
    bench.generator.off(bench.now, at_once=True)
    bench.ticks(0.1, may_open=False, may_write=False)
    assert not bench.hv_on
    bench.world.faults.stop(f"generator-wire-exception-{code}")
    bench.until(12.0, "flags", lambda: bench.generator.flags is not None)
    bench.until(12.0, "recovery", lambda: bench.now - flags(bench).asked_at_s < 0.1)


TCP_ROWS = [name for name, row in TAMPERINGS.items() if "tcp" in row.on]


@pytest.mark.parametrize("name", TCP_ROWS)
def test_every_way_a_wire_can_lie_in_beam(bench: Bench, name: str) -> None:
    """L1-L14, M1-M8 for 1.5 s in beam, then OFF: nothing raises, one ON, no second step, OFF works as soon as bytes pass, and it is known again."""
    bench.beam()
    bench.ticks(1.5, may_open=False, may_write=False)
    bench.world.faults.start(f"generator-wire-{name}")
    bench.ticks(1.5, may_open=False, may_write=False)
    assert writes(bench).count((251, True)) == 1 and writes(bench).count((252, True)) == 1
    bench.world.faults.stop(f"generator-wire-{name}")
    for _ in range(30):
        bench.generator.off(bench.now, at_once=False)
        bench.tick()
    bench.until(20.0, "recovery", lambda: not bench.generator.link(bench.now).lost and bench.generator.identified)
    # After a reopening nothing is known of it until it is asked again.
    bench.until(8.0, "flags", lambda: bench.generator.flags is not None)
    bench.until(8.0, "an off that is seen", lambda: not bench.hv_on and not flags(bench).hv_on)
    bench.want_set_up()
    bench.until(8.0, "ready", lambda: bench.set_up() and flags(bench).supply_ready)
    assert writes(bench).count((251, True)) == 1


@pytest.mark.parametrize("name", sorted(set(TCP_ROWS) - {"foreign-master"}))
def test_every_way_a_wire_can_lie_while_a_device_is_being_identified(bench: Bench, name: str) -> None:
    """Nothing is written to what is not yet known, whatever comes over the wire; what was one device's lie is forgotten afterwards."""
    bench.ticks(1.0)
    bench.world.faults.start(f"generator-wire-{name}")
    for _ in range(150):
        bench.want_set_up()
        bench.tick()
        assert bench.generator.identified or not writes(bench)
    bench.world.faults.stop(f"generator-wire-{name}")
    bench.until(20.0, "identity", lambda: bench.generator.identified)
    bench.ready()
    assert not bench.hv_on


def test_another_master_that_turns_x_rays_on_is_seen(bench: Bench) -> None:
    """M8: the coil that we took down is up, and so is 211: high voltage that nobody here asked for, and never ready."""
    bench.ready()
    bench.world.faults.start("generator-wire-foreign-master")
    bench.ticks(0.5)
    assert flags(bench).hv_on and not flags(bench).supply_ready


def test_the_wire_log_in_words() -> None:
    decode = DRIVER.decode
    assert decode(True, tcp("01 05 00FB FF00")) == "xrays up"
    assert decode(False, tcp("01 05 00FC 0000") + tcp("01 05 00F8 FF00")) == "ramp up down; close shutter up"
    assert decode(True, tcp("01 01 00D2 001E")) == "status?" and decode(True, tcp("01 03 0032 0002")) == "kv and ma?"
    assert decode(False, tcp("01 01 04 11 00 00 06")) == "up: remote, auto ok, interlock, shutter closed"
    assert decode(False, tcp("01 01 02 00 08")) == "orders: xrays"
    assert decode(False, tcp("01 03 04 1388 003C")) == "registers [5000, 60]"
    assert decode(False, tcp("01 81 02")) == "refused: exception 2, no such register"
    assert "part of a frame" in decode(False, b"\0\1\0\0\0")
