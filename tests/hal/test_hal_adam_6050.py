"""The ADAM-6050's driver: bytes as the manuals give them, host idle and fail-safe values seen to act before an output is used, counters, one channel or two.
The simulated module is at the other end; its own outputs say what reached it."""

from __future__ import annotations

import msgspec
import pytest
from bench_io_bench import RENEWAL, IoBench

from hal import commands
from hal.modbus import Question, pdu_bytes
from hal.readings import Cause, Contact, Health, UnitState
from hal.safety_units import adam_6050 as a
from hal.safety_units.emulated import Outputs
from simulators.bench_adam_6050 import K1, K2, READY_LAMP, Adam6050

UNIT = "adam-6050"


@pytest.fixture
def bench() -> IoBench:
    return IoBench(UNIT)


def device(bench: IoBench) -> Adam6050:
    assert isinstance(bench.device, Adam6050)
    return bench.device


# Worked by hand: function, address, count or value; DO 0 to 5 are coils 16 to 21.
GOLDEN = (
    (a.READ_NAME, "03 00D2 0004"),
    (a.READ_POINTS, "03 012C 0003"),
    (a.READ_COUNTERS, "03 0014 0004"),
    (a.READ_LOGIC, "03 0131 0001"),
    (a.DEVICE.off, "0F 0010 0006 01 00"),
    (a.DEVICE.outputs(Outputs(k1=True, k2=True, beam_lamp=True), True), "0F 0010 0006 01 07"),
    (a.DEVICE.outputs(Outputs(k2=True, ready_lamp=True), False), "0F 0010 0006 01 0A"),
)


@pytest.mark.parametrize(("question", "said"), GOLDEN, ids=[said for _, said in GOLDEN])
def test_requests_are_the_manuals_bytes(question: Question, said: str) -> None:
    assert pdu_bytes(question) == bytes.fromhex(said)


def test_counters_are_two_words_the_low_one_first() -> None:
    """0001 0002 is 0x00020001; input bits and the second channel of two contacts beside them."""
    pins = a.DEVICE.pins(bytes.fromhex("02C3 0000 0003"), bytes.fromhex("0001 0002 FFFF 0000"), 5.0)
    assert (pins.counts_1, pins.counts_2) == (0x00020001, 0xFFFF)
    assert pins.contacts_a == Contact.ESTOP | Contact.DOOR and pins.contacts_b == Contact.DOOR
    assert pins.relays == 1 | 2 | 4 | 8


def test_opening_proves_host_idle_by_silence(bench: IoBench) -> None:
    """Off, a lamp, not a byte for 1.1 s on any connection, the lamp found out, off. And only then anything else."""
    bench.known()
    said = [pdu.hex(" ", 1) for pdu in bench.writes()][:3]
    assert said == ["0f 00 10 00 06 01 00", "0f 00 10 00 06 01 08", "0f 00 10 00 06 01 00"]
    gaps = [
        (later.at_us - before.at_us, before.pdu, later.pdu)
        for before, later in zip(bench.frames, bench.frames[1:], strict=False)
    ]
    longest = max(gaps)
    assert 1_100_000 <= longest[0] <= 1_130_000 and longest[2] == bytes.fromhex("03 012C 0003")


def test_nothing_is_written_before_identity(bench: IoBench) -> None:
    bench.unit.off(bench.now, at_once=True)
    assert not bench.frames
    bench.until(lambda: bench.unit.identified, 1.0, "identity")
    assert not bench.writes()


@pytest.mark.parametrize(
    ("name", "said"), [((0x6052, 0, 0x5349, 0x4D00), "name reads 60520000"), ((0x6050, 0, 0xA100, 0xB000), "is real")]
)
def test_a_foreign_device_gets_no_write(
    bench: IoBench, name: tuple[int, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.bench_adam_6050.NAME", name)
    for _ in range(400):
        bench.tick(RENEWAL)
        bench.unit.off(bench.now, at_once=False)
    assert not bench.writes() and bench.unit.status is None
    assert bench.unit.refusal is not None and said in bench.unit.refusal.words


@pytest.mark.parametrize("version", [0xA100B000, 0xA101B000])
def test_what_comes_back_after_a_loss_has_the_version_that_was_there(
    version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells no serial number: name and version are all that is known of it."""
    monkeypatch.setattr("simulators.bench_adam_6050.NAME", (0x6050, 0, 0xA100, 0xB000))
    bench = IoBench(UNIT)
    bench.setting = msgspec.structs.replace(bench.setting, simulated=False)
    bench.unit = bench.driver.make(bench.setting, bench._open)
    bench.known()
    bench.cut = True
    for _ in range(50):
        bench.tick()
    monkeypatch.setattr("simulators.bench_adam_6050.NAME", (0x6050, 0, version >> 16, version & 0xFFFF))
    began = len(bench.frames)
    bench.cut = False
    for _ in range(500):
        bench.tick()
    same = version == 0xA100B000
    assert bench.unit.link(bench.now).lost is not same
    assert any(frame.pdu[0] == 15 for frame in bench.frames[began:]) is same
    assert same or (bench.unit.refusal is not None and "before" in bench.unit.refusal.words)


@pytest.mark.parametrize(
    ("idle_ms", "fail_safe", "logic", "said"),
    [
        (0, 0, 0, "set host idle to 1 s"),
        (2000, 0, 0, "set host idle to 1 s"),
        (1000, READY_LAMP, 0, "fail-safe value to LOW"),
        (1000, K1 | K2, 0, "fail-safe value to LOW"),
        (1000, 0, 1, "local logic is on"),
    ],
    ids=["no idle time", "too long", "lamp high", "contactors high", "local logic"],
)
def test_a_module_that_was_not_commissioned_is_refused(
    bench: IoBench, idle_ms: int, fail_safe: int, logic: int, said: str
) -> None:
    """What its utility was not set to is found at the first opening, and told with what to do."""
    module = device(bench)
    module.idle_ms, module.fail_safe, module.logic = idle_ms, fail_safe, logic
    for _ in range(160):
        bench.tick()
    assert bench.unit.status is None and bench.unit.refusal is not None and said in bench.unit.refusal.words


def test_another_master_that_keeps_the_module_fed_is_found_at_the_opening(bench: IoBench) -> None:
    """M8: one that reads anything at all each 50 ms would keep a dead host's outputs on: then there is no watchdog, and the module is refused."""
    for tick in range(400):
        if tick % 5 == 0:
            bench.device.answer(bytes.fromhex("0300D20001"))
        bench.tick()
    assert bench.unit.status is None and bench.unit.refusal is not None
    assert "set host idle to 1 s" in bench.unit.refusal.words


def test_a_host_that_is_gone_leaves_nothing_on_after_the_idle_time(bench: IoBench) -> None:
    bench.running()
    last = bench.world.now_us
    bench.pass_ms(950)
    assert bench.contactors() == (True, True)
    bench.pass_ms(60)
    assert bench.contactors() == (False, False)
    assert bench.world.now_us - last <= 1e6 * a.WATCHDOG_S


def test_a_late_host_does_not_bring_the_outputs_back(bench: IoBench) -> None:
    """The module takes any write after its idle time: it is the emulation that has ended."""
    bench.running()
    bench.pass_ms(1500)
    for _ in range(30):
        bench.tick(RENEWAL, may_open=False)
        assert bench.contactors() == (False, False)
    status = bench.unit.status
    assert status is not None and status.state == UnitState.ENDED and status.first_cause == Cause.LEASE


def test_off_is_ahead_of_all_on_a_connection_of_its_own(bench: IoBench) -> None:
    bench.running()
    bench.unit.ask(RENEWAL, bench.now, may_open=False)
    asked = bench.frames[-1]
    assert bench.unit.off(bench.now, at_once=True)
    off = bench.frames[-1]
    assert off.at_us == asked.at_us and off.connection == 2 and off.pdu[:5] == bytes.fromhex("0F00100006")
    bench.pass_ms(2)
    assert bench.contactors()[0] is False


@pytest.mark.parametrize("hole", [1, 2])
def test_off_finds_the_connection_that_is_left(bench: IoBench, hole: int) -> None:
    """M3: one of the two is half-open. K1 is off within one repeat, long before the device's own watchdog would have it."""
    bench.running()
    bench.holes.add(hole)
    bench.unit.off(bench.now, at_once=True)
    for _ in range(12):
        bench.tick(may_open=False)
        bench.unit.off(bench.now, at_once=False)
    assert not bench.contactors()[0]


def test_an_on_that_waits_for_a_full_pipe_never_leaves_before_an_off(bench: IoBench) -> None:
    """L13: outputs with K1 in them lie there unsent when OFF comes; they are withdrawn, and OFF goes out on the other connection."""
    bench.running()
    bench.full.add(2)
    bench.tick(RENEWAL, may_open=False)
    assert bench.unit.off(bench.now, at_once=True)
    off = bench.frames[-1]
    assert off.connection == 1 and not off.pdu[6] & K1
    bench.full.clear()
    began = len(bench.frames)
    for _ in range(20):
        bench.tick(may_open=False)
        bench.unit.off(bench.now, at_once=False)
        assert not bench.contactors()[0]
    assert not [frame for frame in bench.frames[began:] if frame.pdu[0] == 15 and frame.pdu[6] & K1]


@pytest.mark.parametrize("welded", [False, True])
def test_k2_does_not_wait_for_inputs_that_never_come(bench: IoBench, welded: bool) -> None:
    """The connection for reading is half-open, the other is not: OFF goes on being written, and after t2 it has K2 in it."""
    bench.running()
    if welded:
        bench.world.faults.start("k1-welded")
    bench.holes.add(1)
    bench.unit.off(bench.now, at_once=True)
    for _ in range(45):
        bench.tick(may_open=False)
        bench.unit.off(bench.now, at_once=False)
    assert bench.contactors() == (False, False) and not bench.world.truth().hv_on


def test_outputs_are_written_on_only_with_a_renewal(bench: IoBench) -> None:
    bench.armed()
    began = len(bench.frames)
    for _ in range(10):
        bench.tick()
    assert not [frame for frame in bench.frames[began:] if frame.pdu[0] == 15 and frame.pdu[6] & (K1 | K2)]
    bench.until(lambda: bench.contactors() == (False, False), 0.25, "everything off by the lease here")


def test_pulses_become_counts_and_high_voltage_is_seen_by_them(bench: IoBench) -> None:
    """2750 a second for 0.2 s of it: counts since the press, and both channels alike."""
    bench.running()
    before = bench.unit.status
    assert before is not None and before.counts_1 < 10
    plant = bench.world.plant
    for _ in range(20):
        plant.chamber_1.extra_leak_ms = plant.chamber_2.extra_leak_ms = 2.75
        bench.tick(RENEWAL)
    after = bench.unit.status
    assert after is not None and 480 <= after.counts_1 - before.counts_1 <= 560
    assert abs(after.counts_1 - after.counts_2) <= 3 and after.relays & 16
    assert after.health == Health.HT1 | Health.HT2


def test_counts_near_the_modules_limit_are_saturation(bench: IoBench) -> None:
    """D4: it counts 3000 a second and no more; what stands there is high, never a dose."""
    bench.known()
    bench.world.plant.chamber_1.extra_leak_ms = 20.0
    for _ in range(20):
        bench.tick()
    status = bench.unit.status
    assert status is not None and status.health & Health.SATURATED1 and not status.health & Health.SATURATED2


@pytest.mark.parametrize("fault", ["door-open", "emergency-stop", "key-off", "contact-lost"])
def test_each_contact_ends_it(bench: IoBench, fault: str) -> None:
    bench.running()
    bench.world.faults.start(fault)
    bench.until(lambda: not bench.contactors()[0], 0.05, "K1 open", RENEWAL)
    assert bench.unit.status is not None and bench.unit.status.state == UnitState.ENDED


def test_only_two_contacts_have_a_second_channel(bench: IoBench) -> None:
    bench.known()
    bench.world.faults.start("contact-channel-disagrees")
    bench.tick()
    bench.tick()
    status = bench.unit.status
    assert status is not None and status.contacts_a ^ status.contacts_b == Contact.DOOR
    assert a.DRIVER.paired == Contact.ESTOP | Contact.DOOR


@pytest.mark.parametrize("number", [3, 4])
def test_contactors_are_tested_one_at_a_time(bench: IoBench, number: int) -> None:
    bench.known()
    bench.unit.want(commands.Test(number), bench.now)
    both = False
    for _ in range(60):
        bench.tick()
        both = both or bench.contactors() == (True, True)
    assert bench.unit.slow is not None and bench.unit.slow.tests_passed == 1 << number - 1 and not both


def test_what_it_states_keeps_it_from_the_clinic(bench: IoBench) -> None:
    driver = a.DRIVER
    assert (driver.hardware_timer, driver.lease, driver.count_limits, driver.second_contactor) == (False,) * 3 + (True,)
    assert driver.silence_off_s(0.2) == pytest.approx(1.2) and not driver.retains
    bench.known()
    identity = bench.unit.identity
    assert identity is not None and identity.firmware.startswith("EMULATED") and identity.serial == "not told"
