"""The WAGO coupler's driver: bytes as the manuals give them, the watchdog set, read back and seen to act before an output is used, and each of its traps.
The simulated coupler is at the other end; its own state says what reached it."""

from __future__ import annotations

import pytest
from bench_io_bench import PLAN, RENEWAL, IoBench, Tap

from hal import commands
from hal.errors import Trouble
from hal.modbus import Question, Registers, answer_of, pdu_bytes, write_coils
from hal.readings import Cause, Contact, Relay, UnitState
from hal.safety_units import wago_750 as w
from hal.safety_units.emulated import Outputs
from hal.transport import Pipe
from simulators.bench_wago_750 import EXPIRED, K1, K2, RUNNING, SERIAL, Wago750
from simulators.profile import DEFAULT
from simulators.units import in_place
from simulators.world import World
from verification.pipes import FacePipe

UNIT = "wago-750"


@pytest.fixture
def bench() -> IoBench:
    return IoBench(UNIT)


def device(bench: IoBench) -> Wago750:
    assert isinstance(bench.device, Wago750)
    return bench.device


# Worked by hand: function, address, count or value; FC15 adds its byte count, bit 0 of the first byte is the first coil.
GOLDEN = (
    (w.READ_MODULES, "03 2030 0006"),
    (w.READ_MAC, "03 1031 0003"),
    (w.READ_INPUTS, "02 0000 0040"),
    (w.READ_BACK, "01 0200 0008"),
    (w.READ_STATE, "03 1006 0001"),
    (w.RESTART, "06 1007 0001"),
    (w.DEVICE.off, "0F 0000 0008 01 00"),
    (w.DEVICE.outputs(Outputs(k1=True, k2=True, beam_lamp=True), False), "0F 0000 0008 01 07"),
    (w.DEVICE.outputs(Outputs(k2=True, ready_lamp=True), True), "0F 0000 0008 01 1A"),
    (write_coils("x", 3, 0b1_0000_0101, 9), "0F 0003 0009 02 05 01"),
)


@pytest.mark.parametrize(("question", "said"), GOLDEN, ids=[said for _, said in GOLDEN])
def test_requests_are_the_manuals_bytes(question: Question, said: str) -> None:
    assert pdu_bytes(question) == bytes.fromhex(said)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (w.READ_BACK, "01 01 10"),
        (w.READ_INPUTS, "02 08 0102030405060708"),
        (w.DEVICE.off, "0F 0000 0008"),
    ],
    ids=["coils", "inputs", "written"],
)
def test_replies_are_taken_whole_and_for_their_own_request(question: Question, said: str) -> None:
    good = bytes.fromhex(said)
    assert isinstance(answer_of(good, question), Registers)
    wrong = [good[:-1], good + b"\0", bytes((good[0] ^ 3,)) + good[1:], bytes((good[0], good[1] ^ 1)) + good[2:], b""]
    if question.function == 15:
        wrong += [good[:2] + b"\1" + good[3:], good[:-1] + b"\7"]
    for frame in wrong:
        assert isinstance(answer_of(frame, question), Trouble), frame.hex()


def test_opening_writes_in_the_manuals_order(bench: IoBench) -> None:
    """Off first; stop AAAA, 5555; 300 ms, function code 15 alone, none of 17 to 32; the trigger; a lamp; the restart after expiry; off again."""
    bench.known()
    said = [pdu.hex(" ", 1) for pdu in bench.writes()][:11]
    assert said == [
        "0f 00 00 00 08 01 00",
        "06 10 05 aa aa",
        "06 10 05 55 55",
        "06 10 00 00 03",
        "06 10 01 40 00",
        "06 10 02 00 00",
        "06 10 03 00 01",
        "0f 00 00 00 08 01 08",
        "06 10 07 00 01",
        "0f 00 00 00 08 01 00",
        "0f 00 00 00 08 01 10",
    ]
    assert device(bench).state == RUNNING and device(bench).time == 3 and device(bench).low == 0x4000


def test_nothing_is_written_before_identity(bench: IoBench) -> None:
    bench.unit.off(bench.now, at_once=True)
    assert not bench.frames
    bench.until(lambda: bench.unit.identified, 1.0, "identity")
    assert not bench.writes()


@pytest.mark.parametrize("wrong", ["serial", "strip", "real"])
def test_a_foreign_device_gets_no_write(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = IoBench(UNIT, serial="0230DE0000FF" if wrong == "serial" else None)
    if wrong == "strip":
        monkeypatch.setattr("simulators.bench_wago_750.MODULES", (0x9001, 0x9001, 0x8802))
    if wrong == "real":
        monkeypatch.setattr("simulators.bench_wago_750.MAC_ADDRESS", 0x00_30_DE_00_00_01)
        bench = IoBench(UNIT, serial="0030DE000001")
    for _ in range(300):
        bench.tick(RENEWAL)
        bench.unit.off(bench.now, at_once=False)
    assert not bench.writes() and bench.unit.status is None
    assert bench.unit.refusal is not None
    assert {"serial": "MAC", "strip": "terminal strip", "real": "is real"}[wrong] in bench.unit.refusal.words


def test_a_watchdog_that_does_not_act_is_found_out(bench: IoBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set, read back and said to be running is not enough: the coupler must be seen to open everything by itself."""
    monkeypatch.setattr(Wago750, "_feed", lambda *_: None)
    real_scan = Wago750.scan

    def never_expires(self: Wago750, now_us: int, inputs: object, outputs: object) -> None:
        self._fed_us = now_us
        real_scan(self, now_us, inputs, outputs)  # type: ignore[arg-type]

    monkeypatch.setattr(Wago750, "scan", never_expires)
    for _ in range(300):
        bench.tick()
    assert bench.unit.status is None and bench.unit.link(bench.now).lost
    assert bench.unit.refusal is not None and "did not act" in bench.unit.refusal.words


@pytest.mark.parametrize("late", [False, True], ids=["early", "late"])
def test_a_watchdog_that_acts_at_another_time_is_refused(
    bench: IoBench, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time reads back as set; its clock goes at another speed."""
    real_scan = Wago750.scan

    def other_speed(self: Wago750, now_us: int, inputs: object, outputs: object) -> None:
        self._fed_us += 900 if late else -2000
        real_scan(self, now_us, inputs, outputs)  # type: ignore[arg-type]

    monkeypatch.setattr(Wago750, "scan", other_speed)
    for _ in range(200):
        bench.tick()
    assert bench.unit.status is None and bench.unit.refusal is not None
    assert ("did not act within" if late else "acted after 0.0") in bench.unit.refusal.words


def test_another_master_that_keeps_the_coupler_fed_is_found_at_the_opening(bench: IoBench) -> None:
    """M8: one that writes any output each 50 ms would keep a dead host's outputs on: then there is no watchdog, and the coupler is refused."""
    for tick in range(400):
        if tick % 5 == 0:
            bench.device.answer(bytes.fromhex("0F006400010100"))
        bench.tick()
    assert bench.unit.status is None and bench.unit.refusal is not None
    assert "did not act" in bench.unit.refusal.words


def test_a_register_that_keeps_another_value_is_refused(bench: IoBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """M6: the acknowledgement lies."""
    monkeypatch.setattr(Wago750, "_set_low", lambda *_: 0)
    for _ in range(50):
        bench.tick()
    assert bench.unit.refusal is not None and "mask 1-16 reads back 0x0000" in bench.unit.refusal.words


def test_the_alternative_watchdog_is_refused(bench: IoBench) -> None:
    """It lets outputs come back by themselves."""
    device(bench).alternative = 1
    for _ in range(50):
        bench.tick()
    assert bench.unit.refusal is not None and "alternative watchdog is on" in bench.unit.refusal.words


def test_reading_does_not_feed_it(bench: IoBench) -> None:
    """Armed, no renewal, every input read each tick: the outputs go off, by the lease here and by the coupler's own watchdog in any case."""
    bench.armed()
    fed = bench.world.now_us
    bench.until(lambda: bench.contactors() == (False, False), 0.25, "everything off")
    assert bench.world.now_us - fed <= 230_000


def test_a_host_that_is_gone_leaves_nothing_on_after_the_watchdog(bench: IoBench) -> None:
    """TCP stays open, nobody speaks: outputs as they were until 300 ms, then off; so it is also when the connections are closed."""
    for close in (False, True):
        bench = IoBench(UNIT).running()
        last = bench.world.now_us
        if close:
            for pipe in bench.pipes:
                pipe.close()
        bench.pass_ms(280)
        assert bench.contactors() == (True, True)
        bench.pass_ms(25)
        assert bench.contactors() == (False, False) and device(bench).state == EXPIRED
        assert bench.world.now_us - last <= 1e6 * w.WATCHDOG_S + 5000


def test_exception_4_is_the_watchdog_and_no_broken_wire(bench: IoBench) -> None:
    """It is named, the permission is over, nothing is restarted while an ON stands, and then everything is proved again."""
    bench.running()
    coupler = device(bench)
    bench.pass_ms(400)
    assert coupler.state == EXPIRED
    opened, began = bench.opened, len(bench.frames)
    for _ in range(50):
        bench.tick(RENEWAL, may_open=False)
    assert coupler.state == EXPIRED and bench.opened == opened
    assert bench.unit.link(bench.now).lost
    assert "watchdog has expired" in bench.unit.link(bench.now).last_trouble
    assert all(frame.pdu[0] != 6 for frame in bench.frames[began:]), "something was written to an expired coupler"
    bench.until(lambda: not bench.unit.link(bench.now).lost, 3.0, "recovery")
    status = bench.unit.status
    assert status is not None and status.state == UnitState.ENDED and status.first_cause == Cause.LEASE
    written = [frame.pdu.hex() for frame in bench.frames[began:] if frame.pdu[0] == 6]
    assert written[0] == "0610070001" and "0610030002" in written, "not restarted first, or not proved again"
    assert bench.contactors() == (False, False)


def test_an_expired_coupler_of_a_dead_host_is_taken_over(bench: IoBench) -> None:
    """The one write before identity: who refuses everything cannot say who it is. After it comes identity, and nothing else before that."""
    bench.running()
    bench.pass_ms(2000)
    heir = IoBench(UNIT, world=bench.world)
    heir.until(lambda: heir.unit.identified, 3.0, "identity")
    assert [pdu.hex() for pdu in heir.writes()] == ["0610070001"]
    heir.known()
    assert heir.contactors() == (False, False)


def test_a_watchdog_that_somebody_stops_takes_everything_off(bench: IoBench) -> None:
    """M8: another master writes AAAA and 5555."""
    bench.running()
    coupler = device(bench)
    coupler.put_registers(0x1005, b"\xaa\xaa")
    coupler.put_registers(0x1005, b"\x55\x55")
    bench.until(lambda: bench.contactors() == (False, False), 0.7, "everything off", RENEWAL)
    bench.until(lambda: bench.unit.link(bench.now).lost, 0.3, "no more readings", RENEWAL)
    bench.until(
        lambda: coupler.state == RUNNING and not bench.unit.link(bench.now).lost, 4.0, "set up and proved again"
    )


def test_off_goes_on_being_sent_to_a_coupler_without_its_watchdog(bench: IoBench) -> None:
    """The first off of it may be lost: OFF is still written ten times a second while it is wanted, and nothing else is."""
    bench.running()
    coupler = device(bench)
    coupler.state = 0
    bench.until(lambda: bench.unit.link(bench.now).lost, 1.0, "its loss", RENEWAL)
    coupler.outputs = K1 | K2
    began = len(bench.frames)
    for _ in range(30):
        bench.unit.off(bench.now, at_once=False)
        bench.tick(may_open=False)
    written = [frame.pdu for frame in bench.frames[began:] if frame.pdu[0] in (5, 6, 15, 16)]
    assert written and set(written) <= {bytes.fromhex("0F000000080100"), bytes.fromhex("0F000000080110")}
    assert bench.contactors() == (False, False)


def test_fresh_inputs_with_an_old_read_back_are_no_status(bench: IoBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A coupler that answers for its inputs and refuses its outputs says nothing of what it drives."""
    bench.running()
    coils = Wago750.coils
    monkeypatch.setattr(Wago750, "coils", lambda self, at, count: None if at >= 512 else coils(self, at, count))
    bench.until(lambda: bench.unit.link(bench.now).lost, 0.3, "the loss of the status", RENEWAL)
    monkeypatch.undo()
    bench.until(lambda: not bench.unit.link(bench.now).lost, 0.3, "a status again", RENEWAL)


def test_a_brown_out_is_a_reboot(bench: IoBench) -> None:
    bench.running()
    before = bench.unit.status
    assert before is not None
    bench.device.reboot(bench.world.now_us)
    for _ in range(30):
        bench.tick(RENEWAL, may_open=False)
    assert bench.contactors() == (False, False)
    bench.until(lambda: not bench.unit.link(bench.now).lost, 6.0, "recovery")
    after = bench.unit.status
    assert after is not None and after.boot_count == before.boot_count + 1 and after.state == UnitState.ENDED


def test_off_is_ahead_of_all_on_a_connection_of_its_own(bench: IoBench) -> None:
    bench.running()
    bench.unit.ask(RENEWAL, bench.now, may_open=False)
    asked = bench.frames[-1]
    assert bench.unit.off(bench.now, at_once=True)
    off = bench.frames[-1]
    assert off.at_us == asked.at_us and off.connection == 2 and off.pdu[:5] == bytes.fromhex("0F00000008")
    assert not off.pdu[6] & K1
    bench.pass_ms(2)
    assert bench.contactors() == (False, True)
    bench.until(lambda: bench.contactors() == (False, False), 0.2, "K2 behind K1")


def test_off_goes_on_the_first_connection_when_there_is_no_second() -> None:
    bench = IoBench(UNIT, one_only=True).running()
    assert bench.unit.off(bench.now, at_once=True)
    assert bench.frames[-1].connection == 1
    bench.pass_ms(2)
    assert not bench.contactors()[0]


def test_a_second_connection_that_ends_at_another_coupler_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs and OFF go to the coupler that was proved, on its own connection."""
    bench = IoBench(UNIT)
    other = World(in_place(DEFAULT, UNIT), 2)
    real = bench._open

    def opener(link: str, baud: int) -> Pipe:
        if bench.opened:
            bench.opened += 1
            return Tap(FacePipe(other.unit_tcp), bench, bench.opened)
        return real(link, baud)

    registers = Wago750.registers

    def mac(self: Wago750, at: int, words: int) -> bytes | None:
        said = registers(self, at, words)
        return b"\x02\x30\xde\x00\x00\x02" if self is other.unit and at == 0x1031 else said

    monkeypatch.setattr(Wago750, "registers", mac)
    bench.unit = bench.driver.make(bench.setting, opener)
    bench.running()
    assert "another device answers on the second connection" in bench.unit.wires[0].figures().last_trouble
    assert not [frame for frame in bench.frames if frame.connection > 1 and frame.pdu[0] == 15]
    assert bench.unit.off(bench.now, at_once=True)
    bench.pass_ms(2)
    assert not bench.contactors()[0]


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
    on = [frame for frame in bench.frames[began:] if frame.pdu[0] == 15 and frame.pdu[6] & (K1 | K2)]
    assert not on
    for _ in range(10):
        bench.tick(RENEWAL)
    on = [frame for frame in bench.frames[began:] if frame.pdu[0] == 15 and frame.pdu[6] & (K1 | K2)]
    assert len(on) == 10


def test_contacts_mirrors_and_codes_come_from_their_inputs(bench: IoBench) -> None:
    bench.known()
    status = bench.unit.status
    assert status is not None
    closed = Contact.ESTOP | Contact.DOOR | Contact.KEY_TREAT | Contact.APPLICATOR
    assert status.contacts_a == status.contacts_b == closed
    assert status.relays == Relay.K1_MIRROR_OPEN | Relay.K2_MIRROR_OPEN | Relay.BEAM_LAMP_OK | Relay.READY_LAMP_OK
    assert (status.applicator_a, status.applicator_b, status.filter_a, status.filter_b) == (0x35, 0x35, 0xF2, 0xF2)
    bench.world.faults.start("contact-channel-disagrees")
    bench.tick()
    bench.tick()
    status = bench.unit.status
    assert status is not None and status.contacts_a ^ status.contacts_b == Contact.DOOR


def test_a_repeated_image_is_not_a_living_coupler(bench: IoBench) -> None:
    """L8: the looped pulse stands still."""
    bench.known()
    assert bench.unit.scan_true
    bench.world.faults.start("unit-scan-frozen")
    bench.until(lambda: not bench.unit.scan_true, 0.4, "an untrue scan")


@pytest.mark.parametrize("number", [3, 4])
def test_contactors_are_tested_one_at_a_time(bench: IoBench, number: int) -> None:
    bench.known()
    bench.unit.want(commands.Test(number), bench.now)
    both = False
    for _ in range(60):
        bench.tick()
        both = both or bench.contactors() == (True, True)
    assert bench.unit.slow is not None and bench.unit.slow.tests_passed == 1 << number - 1 and not both
    said = [words for _, who, words in bench.world.log if who == f"K{number - 2}"]
    assert said == ["closed", "opened"]


def test_a_welded_mirror_fails_the_test(bench: IoBench) -> None:
    bench.known()
    bench.world.faults.start("unit-mirror-lies")
    bench.unit.want(commands.Test(4), bench.now)
    for _ in range(60):
        bench.tick()
    assert bench.unit.slow is not None and bench.unit.slow.tests_passed == 0


def test_what_it_states_keeps_it_from_the_clinic() -> None:
    driver = w.DRIVER
    assert (driver.hardware_timer, driver.lease, driver.count_limits, driver.second_contactor) == (False,) * 3 + (True,)
    assert driver.silence_off_s(0.2) == pytest.approx(0.37) and not driver.retains
    assert "EMULATED" in driver.words and "bench only" in driver.emulated


def test_identity_says_emulated(bench: IoBench) -> None:
    bench.known()
    identity = bench.unit.identity
    assert identity is not None and identity.firmware.startswith("EMULATED") and identity.serial == SERIAL


def test_the_set_that_is_read_back_is_the_set_that_was_given(bench: IoBench) -> None:
    bench.committed()
    active = bench.unit.active
    assert active is not None and active.block == PLAN.staging and active.crc_ok
