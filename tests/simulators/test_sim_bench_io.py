"""The simulated bought I/O by its own protocol: bytes in, bytes out; exceptions, the watchdog with its traps, and the wires to contactors and room.
No line of the product speaks to it here."""

from __future__ import annotations

import pytest

from simulators.bench_adam_6050 import Adam6050
from simulators.bench_wago_750 import EXPIRED, OFF, RUNNING, Wago750
from simulators.profile import DEFAULT
from simulators.seam import UnitInputs, UnitOutputs
from simulators.units import in_place
from simulators.world import World


class Wago:
    """A coupler by itself; `ms` scans it."""

    def __init__(self) -> None:
        self.io = Wago750()
        self.inputs, self.outputs = UnitInputs(kv_centi=0), UnitOutputs()
        self.now_us = 0
        self.ms(1)

    def ms(self, n: int) -> None:
        for _ in range(n):
            self.now_us += 1000
            self.io.scan(self.now_us, self.inputs, self.outputs)

    def ask(self, said: str) -> str:
        return self.io.answer(bytes.fromhex(said)).hex(" ", 1)

    def watched(self, steps: int = 3, mask: str = "4000") -> Wago:
        self.ask(f"06 1000 {steps:04x}")
        self.ask(f"06 1001 {mask}")
        self.ask("06 1003 0001")
        assert self.io.state == RUNNING
        return self


@pytest.fixture
def wago() -> Wago:
    return Wago()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("03 2030 0006", "03 0c 90 01 90 01 90 01 90 01 88 02 00 00"),
        ("03 1031 0003", "03 06 02 30 de 00 00 01"),
        ("03 1004 0001", "03 02 ff ff"),
        ("03 1006 0001", "03 02 00 00"),
        ("02 0000 0010", "02 02 17 1b"),
        ("01 0010 0008", "01 01 17"),
        ("01 0200 0008", "01 01 00"),
        ("0f 0000 0008 01 05", "0f 00 00 00 08"),
        ("05 0001 ff00", "05 00 01 ff 00"),
        ("06 0000 0003", "06 00 00 00 03"),
        ("10 0000 0001 02 0003", "10 00 00 00 01"),
        ("17 0000 0001 0000 0001 02 0003", "17 02 1b 17"),
    ],
)
def test_answers_are_the_manuals_bytes(wago: Wago, said: str, answer: str) -> None:
    assert wago.ask(said) == answer


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("07", 1),
        ("04 0000 0001", 1),
        ("01 0400 0001", 2),
        ("02 01ff 0002", 2),
        ("0f 0200 0001 01 01", 2),
        ("03 3000 0001", 2),
        ("06 2030 0001", 2),
        ("10 1000 0002 04 0003 4000", 2),
        ("01 0000 0000", 3),
        ("02 0000 07d1", 3),
        ("05 0000 1234", 3),
        ("0f 0000 0008 02 0000", 3),
        ("0f 0000 0009 01 00", 3),
        ("03 1000 007e", 3),
        ("06 1000", 3),
        ("06 1008 0001", 3),
        ("06 1007 0002", 3),
    ],
)
def test_it_can_say_no(wago: Wago, said: str, code: int) -> None:
    function = int(said[:2], 16)
    assert wago.ask(said) == bytes((function | 0x80, code)).hex(" ", 1)
    assert wago.io.outputs == 0 and wago.io.state == OFF


def test_nothing_it_is_asked_raises_or_is_cut_short(wago: Wago) -> None:
    """Every function code with every length of nonsense: an answer with that code, or an exception to it."""
    for function in range(1, 128):
        for size in range(14):
            said = wago.io.answer(bytes((function,)) + bytes(range(3, 3 + size)))
            assert said[0] & 0x7F == function and len(said) >= 2


def test_the_watchdog_is_off_after_power_up_and_outputs_stay(wago: Wago) -> None:
    wago.ask("0f 0000 0008 01 03")
    wago.ms(5000)
    assert (wago.outputs.k1_close, wago.outputs.k2_close) == (True, True)


def test_it_expires_after_its_time_and_refuses_everything(wago: Wago) -> None:
    wago.watched()
    wago.ask("0f 0000 0008 01 03")
    wago.ms(299)
    assert wago.outputs.k1_close
    wago.ms(1)
    assert not wago.outputs.k1_close and not wago.outputs.k2_close and wago.io.state == EXPIRED
    for said in (
        "03 1006 0001",
        "02 0000 0008",
        "0f 0000 0008 01 03",
        "06 1003 0005",
        "06 1005 aaaa",
        "06 1007 0002",
        "10 1007 0001 02 0001",
    ):
        assert wago.ask(said) == bytes((int(said[:2], 16) | 0x80, 4)).hex(" ", 1)
    assert wago.ask("06 1007 0001") == "06 10 07 00 01"
    wago.ms(1)
    assert wago.io.state == RUNNING and not wago.outputs.k1_close, "outputs came back by themselves"


@pytest.mark.parametrize(("mask", "said", "feeds"), [
    ("4000", "0f 0000 0008 01 03", True), ("4000", "02 0000 0008", False), ("0002", "02 0000 0008", True),
    ("4000", "06 1003 0002", True), ("4000", "06 1003 0001", False),
])  # fmt: skip
def test_only_what_the_masks_name_feeds_it(wago: Wago, mask: str, said: str, feeds: bool) -> None:
    """A trigger feeds when it changes, and not when the same value is written again."""
    wago.watched(mask=mask)
    for _ in range(4):
        wago.ms(100)
        wago.ask(said)
        if said == "06 1003 0002":
            said = "06 1003 0003"
        elif said == "06 1003 0003":
            said = "06 1003 0002"
    wago.ms(50)
    assert (wago.io.state == RUNNING) is feeds


@pytest.mark.parametrize("said", ["06 1000 0009", "06 1001 0000", "06 1002 0001"])
def test_a_running_watchdog_is_not_changed(wago: Wago, said: str) -> None:
    wago.watched()
    assert wago.ask(said) == "86 03"
    assert (wago.io.time, wago.io.low, wago.io.high) == (3, 0x4000, 0)


def test_it_is_stopped_by_two_words_in_their_order(wago: Wago) -> None:
    wago.watched()
    wago.ask("06 1005 5555")
    assert wago.io.state == RUNNING
    wago.ask("06 1005 aaaa")
    wago.ask("06 1005 5555")
    assert wago.io.state == OFF
    wago.ask("06 1007 0001")
    assert wago.io.state == OFF, "one that was stopped is not restarted"


def test_no_time_no_watchdog(wago: Wago) -> None:
    wago.ask("06 1001 4000")
    wago.ask("06 1003 0001")
    assert wago.io.state == OFF


def test_connections_may_come_and_go(wago: Wago) -> None:
    """Closing them changes no output; the sixteenth is refused."""
    world = World(in_place(DEFAULT, "wago-750"), 1)
    first = world.unit_tcp.connect()
    assert first is not None
    first.host_write(bytes.fromhex("0001 0000 0008 01 0f 0000 0008 01 03"))
    world.advance(60_000)
    assert world.truth().k1_closed and first.host_read() == bytes.fromhex("0001 0000 0006 01 0f 0000 0008")
    others = [world.unit_tcp.connect() for _ in range(14)]
    assert all(others) and world.unit_tcp.connect() is None
    first.close()
    world.advance(500_000)
    assert world.truth().k1_closed


@pytest.mark.parametrize(
    ("fault", "bit"),
    [
        ("emergency-stop", 0), ("door-open", 1), ("key-off", 2), ("contact-lost", 4), ("lamp-open", 11), ("contact-channel-disagrees", 17),
        ("unit-mirror-lies", 8), ("switch-stuck", 5),
    ],
)  # fmt: skip
def test_the_room_is_wired_to_the_strip(fault: str, bit: int) -> None:
    world = World(in_place(DEFAULT, "wago-750"), 1)
    world.advance(20_000)
    before = _inputs(world)
    world.faults.start(fault)
    world.advance(40_000)
    changed = before ^ _inputs(world)
    assert changed >> bit & 1
    world.faults.stop(fault)
    world.advance(60_000)
    assert _inputs(world) == before


def test_faults_of_the_unit_act() -> None:
    """Silence, garbled answers, a scan that stands still, a brown-out."""
    world = World(in_place(DEFAULT, "wago-750"), 1)
    world.advance(10_000)
    connection = world.unit_tcp.connect()
    assert connection is not None
    ask = bytes.fromhex("0001 0000 0006 01 02 0000 0008")
    world.faults.start("unit-silent")
    connection.host_write(ask)
    assert connection.host_read() == b""
    world.faults.stop("unit-silent")
    connection.host_write(ask)
    sound = connection.host_read()
    world.faults.start("unit-garbled")
    connection.host_write(ask)
    assert connection.host_read() != sound
    world.faults.stop("unit-garbled")
    world.faults.start("unit-scan-frozen")
    _inputs(world)
    world.room.open_door()
    world.advance(30_000)
    assert _inputs(world) & 2
    world.faults.stop("unit-scan-frozen")
    assert not _inputs(world) & 2
    connection.host_write(bytes.fromhex("0001 0000 0008 01 0f 0000 0008 01 03"))
    world.faults.start("unit-rebooted")
    world.advance(40_000)
    assert connection.closed and not world.truth().k1_coil and world.unit_tcp.connect() is None
    world.advance(600_000)
    assert world.unit_tcp.connect() is not None


def _inputs(world: World) -> int:
    assert isinstance(world.unit, Wago750)
    said = world.unit.answer(bytes.fromhex("02 0000 0040"))
    assert said[:2] == bytes.fromhex("02 08")
    return int.from_bytes(said[2:], "little")


class Adam(Wago):
    """A module by itself."""

    def __init__(self) -> None:
        self.io = Adam6050()  # type: ignore[assignment]
        self.inputs, self.outputs = UnitInputs(), UnitOutputs()
        self.now_us = 0
        self.ms(1)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("03 00d2 0004", "03 08 60 50 00 00 53 49 4d 00"),
        ("03 012c 0003", "03 06 03 d7 00 00 00 00"),
        ("01 0000 000c", "01 02 d7 03"),
        ("02 0000 0008", "02 01 d7"),
        ("0f 0010 0006 01 05", "0f 00 10 00 06"),
        ("05 0011 ff00", "05 00 11 ff 00"),
        ("06 012e 0003", "06 01 2e 00 03"),
        ("10 012e 0001 02 0003", "10 01 2e 00 01"),
        ("03 0131 0001", "03 02 00 00"),
    ],
)
def test_the_modules_answers_are_the_manuals_bytes(said: str, answer: str) -> None:
    assert Adam().ask(said) == answer


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("04 0000 0001", 1), ("01 000b 0002", 2), ("0f 0000 0001 01 01", 2), ("0f 0010 0007 01 00", 2), ("03 0018 0001", 2), ("03 012e 0002", 2),
        ("06 012c 0001", 2), ("06 012e 0040", 3), ("05 0010 0001", 3), ("01 0000 0000", 3),
    ],
)  # fmt: skip
def test_the_module_can_say_no(said: str, code: int) -> None:
    adam = Adam()
    assert adam.ask(said) == bytes((int(said[:2], 16) | 0x80, code)).hex(" ", 1)
    assert adam.io.outputs == 0


def test_any_request_feeds_the_idle_time_and_a_later_write_is_taken() -> None:
    """The trap: after the fail-safe values a late host switches on again with one write."""
    adam = Adam()
    adam.ask("0f 0010 0006 01 03")
    for _ in range(5):
        adam.ms(900)
        adam.ask("03 00d2 0004")
    assert adam.outputs.k1_close
    adam.ms(1001)
    assert not adam.outputs.k1_close and not adam.outputs.k2_close
    assert adam.ask("03 012c 0003") == "03 06 03 d7 00 00 00 00"
    adam.ask("0f 0010 0006 01 03")
    adam.ms(1)
    assert adam.outputs.k1_close


def test_a_fail_safe_value_may_be_high() -> None:
    """The other trap: it is whatever its utility was set to."""
    adam = Adam()
    adam.io.fail_safe = 1  # type: ignore[attr-defined]
    adam.ms(1100)
    assert adam.outputs.k1_close


def test_counters_run_from_power_up_low_word_first_and_no_faster_than_3_a_ms() -> None:
    adam = Adam()
    for _ in range(40_000):
        adam.inputs.pulses_1 += 2
        adam.inputs.pulses_2 += 9
        adam.ms(1)
    assert adam.ask("03 0014 0004") == "03 08 38 80 00 01 d4 c0 00 01"
    adam.io.reboot(adam.now_us)
    adam.ms(900)
    assert adam.ask("03 0014 0004") == "03 08 00 00 00 00 00 00 00 00"
