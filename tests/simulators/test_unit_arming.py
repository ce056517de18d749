"""Staging, COMMIT, ARM, RENEW, RESET, TEST and UNLATCH: what the unit accepts, in which state, from whom; and that a refused write changes nothing.
Numbers are the page's, typed again in unit_bench."""

from __future__ import annotations

import struct
import zlib
from dataclasses import asdict

import pytest
from unit_bench import ARMED, COMMITTED, ENDED, IDLE, LATCHED, RUN, SET, TEST, Bench, pack_set

from simulators.unit_map import Cause
from simulators.unit_memory import UnitMemory

STATES = (IDLE, COMMITTED, ARMED, RUN, ENDED, LATCHED, TEST)


def bench_in(state: int) -> Bench:
    """A bench whose unit is in this state."""
    bench = Bench()
    if state == COMMITTED:
        assert bench.commit() == 0
    elif state == ARMED:
        bench.to_armed()
    elif state == RUN:
        bench.to_beam()
    elif state == ENDED:
        bench.to_beam(count_preset_1=200)
        bench.until(ENDED, 500)
        bench.beam_wanted = False
        bench.release()
        bench.run_ms(1500)
    elif state == LATCHED:
        bench.force_hv = True
        bench.run_ms(3)
        bench.force_hv = False
        bench.run_ms(300)
    elif state == TEST:
        assert bench.write(0x0330, b"\x00\x01") == 0
    assert bench.unit.state == state
    return bench


def picture(bench: Bench) -> tuple[object, ...]:
    """Everything a write could change."""
    unit = bench.unit
    return (
        asdict(bench.nv), unit.state, unit.staging, unit.k1, unit.k2, unit.first_cause, unit.causes_all, unit.host_seq,
        unit.lease_left_ms, unit.armed_token, unit.tests_passed, unit.bad_renewals,
    )  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_staging_only_where_allowed(state: int) -> None:
    bench = bench_in(state)
    before = picture(bench)
    code = bench.write(0x0300, pack_set(plan_tag=7))
    if state in (IDLE, COMMITTED, ENDED):
        assert code == 0
        assert bench.unit.state == IDLE
    else:
        assert code == 3
        assert picture(bench) == before


@pytest.mark.parametrize("state", STATES)
def test_commit_arm_reset_test_unlatch_only_where_allowed(state: int) -> None:
    """Each request in each state that is not its own: refused, nothing changed."""
    allowed = {
        0x031C: (IDLE, COMMITTED, ENDED), 0x0320: (COMMITTED,), 0x0328: (IDLE, ENDED), 0x0330: (IDLE, ENDED), 0x0334: (LATCHED,),
    }  # fmt: skip
    for address, states in allowed.items():
        if state in states:
            continue
        bench = bench_in(state)
        before = picture(bench)
        if address == 0x0320:
            code = bench.arm()
        elif address == 0x0328:
            code = bench.reset()
        else:
            code = bench.write(
                address,
                {0x031C: zlib.crc32(bench.unit.staging).to_bytes(4, "big"), 0x0330: b"\0\1", 0x0334: b"\1\x15UL"}[
                    address
                ],
            )
        assert code == 3, hex(address)
        assert picture(bench) == before, hex(address)


@pytest.mark.parametrize("state", STATES)
def test_disarm_is_never_refused(state: int) -> None:
    bench = bench_in(state)
    assert bench.write(0x0210, b"\xab\xcd") == 0
    bench.step()
    assert not bench.outputs.k1_close
    expected = {ARMED: IDLE, COMMITTED: IDLE, TEST: IDLE, RUN: ENDED}.get(state, state)
    assert bench.unit.state == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"preset_ms": 0}, {"preset_ms": 1_200_001}, {"k1_limit_ms": 0}, {"k1_limit_ms": 2**32 - 1}, {"count_preset_1": 0},
        {"count_preset_1": 10_000_001}, {"count_limit_2": 0}, {"count_limit_2": 2**32 - 1}, {"lease_max_ms": 19},
        {"lease_max_ms": 501}, {"start_window_ms": 0}, {"start_window_ms": 5001}, {"applicator": 0}, {"applicator": 255},
        {"filter": 0}, {"filter": 255}, {"t2": 0}, {"t2": 51}, {"t2d": 0}, {"t2d": 41}, {"t2": 50, "t2d": 4}, {"purpose": 0},
        {"purpose": 0x1E1F}, {"arm_window_s": 0}, {"arm_window_s": 121}, {"no_dose_ms": 0}, {"no_dose_ms": 2001},
        {"disagree_permille": 0}, {"disagree_permille": 501}, {"termination": 0xC2}, {"switch": 0x5B}, {"timer_start": 0},
        {"rate": 0}, {"hv": 0}, {"hv": 0xFFFF},
    ],
    ids=str,
)  # fmt: skip
def test_commit_refuses(changes: dict[str, int]) -> None:
    bench = Bench()
    assert bench.commit(**changes) == 3
    assert bench.unit.state == IDLE
    assert bench.nv.active == b""


def test_commit_wants_the_crc_of_what_is_staged() -> None:
    bench = Bench()
    assert bench.write(0x0300, pack_set()) == 0
    assert bench.write(0x031C, (zlib.crc32(pack_set()) ^ 1).to_bytes(4, "big")) == 3
    assert bench.unit.state == IDLE


def test_commit_reads_back_as_bytes() -> None:
    bench = Bench()
    assert bench.commit() == 0
    assert bench.read(0x0340, 28) == pack_set()
    assert bench.u32(0x035C) == bench.u32(0x011A) == zlib.crc32(pack_set())


def test_staging_voids_the_commit() -> None:
    bench = bench_in(COMMITTED)
    assert bench.write(0x0300, pack_set()) == 0
    assert bench.arm() == 3


def test_arm_refuses_replay_and_forgery() -> None:
    """Old token, equal token, wrong key, wrong set, an old challenge, one never issued: each is refused and nothing moves."""
    bench = bench_in(COMMITTED)
    old = bench.u32(0x0104)
    bench.run_ms(300)
    before = picture(bench)
    assert bench.arm(token=101, wrong_key=1) == 3
    assert bench.arm(token=101, crc=1) == 3
    assert bench.arm(token=101, challenge=old) == 3
    assert bench.arm(token=101, challenge=old ^ 0x55AA) == 3
    assert bench.arm(token=0) == 3
    assert picture(bench) == before
    assert bench.arm(token=101) == 0
    assert bench.write(0x0210, b"\0\0") == 0
    assert bench.commit() == 0
    assert bench.arm(token=101) == 3
    assert bench.arm(token=100) == 3
    assert bench.unit.state == COMMITTED


def test_the_same_arm_bytes_do_not_work_twice() -> None:
    bench = bench_in(COMMITTED)
    body = struct.pack(">III", 500, bench.u32(0x011A), bench.u32(0x0104))
    block = bench.signed(body)
    assert bench.write(0x0320, block) == 0
    assert bench.write(0x0210, b"\0\0") == 0
    assert bench.commit() == 0
    assert bench.write(0x0320, block) == 3


@pytest.mark.parametrize(
    ("pin", "value"),
    [
        ("estop_a", False), ("door_b", False), ("key_treat_a", False), ("key_service_a", True), ("contact_b", False),
        ("switch_a", True), ("test_pulse", False), ("applicator_a", 1), ("filter_b", 1), ("beam_lamp_ok", False),
        ("ready_lamp_ok", False),
    ],
)  # fmt: skip
def test_arm_refuses_while_a_pin_speaks_against_it(pin: str, value: object) -> None:
    bench = bench_in(COMMITTED)
    setattr(bench.inputs, pin, value)
    for _ in range(12):
        bench.unit.scan(bench.now_us, bench.inputs, bench.outputs)
    assert bench.arm() == 3
    assert bench.unit.state == COMMITTED
    assert bench.nv.last_token == 0


@pytest.mark.parametrize("weld", ["weld_1", "weld_2"])
def test_arm_refuses_with_a_welded_contactor(weld: str) -> None:
    bench = bench_in(COMMITTED)
    setattr(bench, weld, True)
    bench.run_ms(3)
    assert bench.arm() == 3


def test_arm_refuses_within_the_minimum_off_time() -> None:
    bench = Bench()
    bench.to_beam(count_preset_1=200)
    bench.until(ENDED, 500)
    bench.beam_wanted = False
    bench.release()
    bench.run_ms(700)
    assert bench.reset() == 0
    assert bench.commit() == 0
    assert bench.arm() == 3
    bench.run_ms(400)
    assert bench.arm() == 0


@pytest.mark.parametrize("purpose", [0x8787, 0x7878])
def test_service_purposes_want_the_service_key(purpose: int) -> None:
    bench = Bench()
    assert bench.commit(purpose=purpose, rate=10) == 0
    assert bench.arm() == 3
    bench.inputs.key_treat_a = bench.inputs.key_treat_b = False
    bench.inputs.key_service_a = bench.inputs.key_service_b = True
    bench.run_ms(10)
    assert bench.arm() == 0


@pytest.mark.parametrize("state", [IDLE, COMMITTED, ENDED])
def test_press_without_arm_does_nothing(state: int) -> None:
    bench = bench_in(state)
    closed = len(bench.k1_close_us)
    presses = bench.u16(0x011C)
    runs = bench.nv.run_count
    bench.press()
    bench.run_ms(50)
    assert len(bench.k1_close_us) == closed
    assert bench.u16(0x011C) == presses + 1
    assert bench.nv.run_count == runs


def test_one_run_per_arm() -> None:
    """After a RUN a second press closes nothing; and a switch held from before ARM is no press."""
    bench = bench_in(ENDED)
    for _ in range(2):
        bench.press()
        bench.run_ms(30)
        bench.release()
        bench.run_ms(30)
    assert bench.nv.run_count == 1
    assert len(bench.k1_close_us) == 1


def test_one_switch_channel_is_no_press() -> None:
    bench = bench_in(ARMED)
    bench.inputs.switch_a = True
    bench.run_ms(90)
    assert bench.unit.state == ARMED
    bench.run_ms(30)
    assert bench.unit.state == IDLE
    assert bench.first_cause == Cause.PAIR
    assert not bench.k1_close_us


def test_lease_lapse_in_armed() -> None:
    bench = bench_in(ARMED)
    bench.feeding = False
    bench.until(IDLE, 201)
    assert bench.first_cause == Cause.LEASE


@pytest.mark.parametrize(
    "other", [{"token": 1}, {"challenge": 12345}, {"lease_ms": 19}, {"lease_ms": 201}, {"verb": 0}], ids=str
)
def test_a_renewal_that_does_not_hold_is_a_poll(other: dict[str, int]) -> None:
    """host_seq is taken, the lease is not fed, and it is counted (a poll is not)."""
    bench = bench_in(ARMED)
    bench.feeding = False
    bench.run_ms(50)
    left = bench.u16(0x0117)
    assert bench.renew(**other) == 0
    assert bench.u16(0x0117) == left
    assert bench.u32(0x0102) == bench.seq
    assert bench.u16(0x0131) >> 8 == (0 if "verb" in other else 1)


def test_a_renewal_with_an_old_challenge_is_a_poll() -> None:
    """Half of lease_max is the limit: 100 ms here."""
    bench = bench_in(ARMED)
    challenge = bench.u32(0x0104)
    bench.run_ms(90)
    assert bench.renew(challenge=challenge) == 0
    assert bench.u16(0x0117) == 200
    bench.run_ms(20)
    left = bench.u16(0x0117)
    bench.feeding = False
    assert bench.renew(challenge=challenge) == 0
    assert bench.u16(0x0117) == left
    assert bench.u16(0x0131) >> 8 == 1


def another_master_renews(bench: Bench) -> int:
    """By what anybody on its wire may read: sequence, challenge and token out of the status, and no key."""
    body = struct.pack(">IIIHH", bench.u32(0x0102) + 1, bench.u32(0x0104), bench.u32(0x0118), 200, 0x5AA5)
    return bench.write(0x0200, body)


def test_d13_another_master_can_feed_the_lease_of_a_dead_host_and_moves_no_preset() -> None:
    """A limit of the map, which safety-unit.md states: RENEW has no mac. The lease then ends nothing; the count preset ends the beam where it was committed."""
    bench = Bench()
    bench.to_beam()
    bench.feeding = False
    while bench.unit.state == RUN and bench.now_us < 10_000_000:
        bench.run_ms(50)
        assert another_master_renews(bench) == 0
    assert (bench.unit.state, bench.first_cause) == (ENDED, Cause.COUNT_PRESET)
    assert 5000 <= bench.u32(0x0110) < 5000 + 120
    assert bench.u32(0x010E) > 1000  # ms: five leases and more


def test_d13_disarm_ends_what_another_master_feeds() -> None:
    """OFF is asked of nobody's lease: whoever renews, a DISARM ends the RUN, and nothing that is renewed after it begins one."""
    bench = Bench()
    bench.to_beam()
    bench.feeding = False
    bench.run_ms(50)
    assert another_master_renews(bench) == 0
    assert bench.write(0x0210, b"\x00\x00") == 0
    bench.run_ms(20)
    assert (bench.unit.state, bench.first_cause, bench.unit.k1) == (ENDED, Cause.DISARM, False)
    assert another_master_renews(bench) == 0
    bench.run_ms(50)
    assert (bench.unit.state, bench.unit.k1) == (ENDED, False)


def test_host_seq_must_be_newer_modulo_2_32() -> None:
    bench = Bench()
    assert bench.renew(seq=0x7FFFFFFF, verb=0) == 0
    assert bench.renew(seq=0x7FFFFFFF, verb=0) == 3
    assert bench.renew(seq=0x7FFFFFFE, verb=0) == 3
    assert bench.renew(seq=0xFFFFFFFE, verb=0) == 0
    assert bench.renew(seq=3, verb=0) == 0
    assert bench.u32(0x0102) == 3
    assert bench.renew(seq=4, verb=1) == 3
    assert bench.u32(0x0102) == 3


def test_retained_exposure_blocks_another_fraction_until_reset() -> None:
    bench = bench_in(ENDED)
    token = bench.u32(0x0118)
    assert token == 101
    assert bench.commit(fraction_tag=1) == 3
    assert bench.reset(wrong_key=1) == 3
    assert bench.reset(token=token + 1) == 3
    assert bench.reset(word=0x5254) == 3
    assert bench.u32(0x0118) == token
    assert bench.reset() == 0
    assert (bench.unit.state, bench.u32(0x0118), bench.u32(0x0110), bench.u32(0x010E), bench.u32(0x011A)) == (
        IDLE,
        0,
        0,
        0,
        0,
    )
    assert bench.reset() == 3
    assert bench.commit(fraction_tag=1) == 0


def _interrupted() -> Bench:
    bench = Bench()
    bench.to_beam(count_preset_1=2000, count_limit_2=2080)
    bench.run_ms(300)
    bench.inputs.door_a = bench.inputs.door_b = False
    bench.until(ENDED, 5)
    bench.beam_wanted = False
    bench.release()
    bench.inputs.door_a = bench.inputs.door_b = True
    bench.run_ms(1500)
    return bench


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0), ({"preset_ms": SET["preset_ms"] + 500, "k1_limit_ms": SET["k1_limit_ms"] + 500}, 0),
        ({"preset_ms": SET["preset_ms"] + 501}, 3), ({"k1_limit_ms": SET["k1_limit_ms"] + 501}, 3),
        ({"count_preset_1": 2020}, 0), ({"count_preset_1": 2021}, 3), ({"count_limit_2": 2100}, 0), ({"count_limit_2": 2101}, 3),
        ({"fraction_tag": 1}, 3), ({"applicator": 0x35}, 3), ({"purpose": 0x2D2D}, 3), ({"termination": 0x3C}, 3),
        ({"count_preset_1": 100}, 3), ({"rate": 40}, 3),
    ],
    ids=str,
)  # fmt: skip
def test_resume_may_not_go_beyond_the_rest(changes: dict[str, int], code: int) -> None:
    bench = _interrupted()
    assert bench.commit(**{"count_preset_1": 2000, "count_limit_2": 2080, **changes}) == code


def test_commits_alone_cannot_creep_a_limit_up() -> None:
    bench = _interrupted()
    assert bench.commit(count_preset_1=2020, count_limit_2=2080) == 0
    assert bench.commit(count_preset_1=2021, count_limit_2=2080) == 3


def test_resume_delivers_only_the_rest() -> None:
    """Counters run on to the same limit over two segments, and the retained token is the second's."""
    bench = _interrupted()
    first = bench.nv.counts_1
    assert 0 < first < 2000
    assert bench.commit(count_preset_1=2000, count_limit_2=2080) == 0
    bench.run_ms(5)
    assert bench.arm() == 0
    bench.run_ms(30)
    bench.press()
    bench.beam_wanted = True
    bench.until(ENDED, 2000)
    assert bench.first_cause == Cause.COUNT_PRESET
    assert 2000 <= bench.nv.counts_1 <= 2001
    assert bench.u32(0x0118) == 102
    assert [entry.token for entry in bench.unit.history()] == [102, 101]
    bench.run_ms(700)
    assert bench.commit(count_preset_1=2000, count_limit_2=2080) == 3


def test_k2_waits_for_k1_and_the_beam() -> None:
    """K2 opens only when K1's mirror is open and no HV is seen: never under load in the normal case."""
    bench = Bench()
    bench.to_beam(count_preset_1=400)
    bench.until(ENDED, 500)
    opened = None
    for _ in range(200):
        bench.step()
        if not bench.outputs.k2_close:
            opened = (bench.inputs.k1_mirror_open, bench.unit.hv_seen)
            break
    assert opened == (True, False)


def test_k1_welded_k2_opens_at_t2() -> None:
    """K1 stays closed and the generator stays on: K2 takes the power away at t2 = 300 ms; the retained timer counts the overrun."""
    bench = Bench()
    bench.to_beam(count_preset_1=400)
    bench.weld_1 = True
    bench.until(ENDED, 500)
    at_end = bench.nv.beam_ms
    ended_us = bench.k1_open_us[0]
    while bench.outputs.k2_close:
        bench.step()
    assert 299 <= (bench.now_us - ended_us) // 1000 <= 301
    bench.run_ms(400)
    assert bench.unit.state == ENDED
    assert Cause.MIRROR in bench.causes()
    assert bench.first_cause == Cause.COUNT_PRESET
    assert bench.nv.beam_ms - at_end >= 300
    assert bench.nv.counts_1 >= 400 + 2 * 298


def test_latched_survives_reboot_and_power_loss() -> None:
    bench = Bench()
    bench.to_beam(count_preset_1=400)
    bench.force_hv = True
    bench.until(LATCHED, 1500)
    assert bench.first_cause == Cause.COUNT_PRESET
    assert Cause.SPONTANEOUS in bench.causes()
    bench.force_hv = False
    bench.unit.reboot(bench.now_us)
    bench.run_ms(1500)
    assert bench.unit.state == LATCHED
    assert bench.outputs.sounder
    again = Bench(UnitMemory.from_text(bench.nv.to_text()))
    assert again.unit.state == LATCHED
    assert again.u16(0x013C) == bench.u16(0x013C) != 0


def test_unlatch_only_with_the_service_key_and_the_right_code() -> None:
    bench = bench_in(LATCHED)
    code = bench.u16(0x013C)
    assert bench.write(0x0334, struct.pack(">HH", code, 0x554C)) == 3
    bench.inputs.key_treat_a = bench.inputs.key_treat_b = False
    bench.inputs.key_service_a = True
    bench.run_ms(2)
    assert bench.write(0x0334, struct.pack(">HH", code, 0x554C)) == 3
    bench.inputs.key_service_b = True
    bench.run_ms(2)
    assert bench.write(0x0334, struct.pack(">HH", code ^ 1, 0x554C)) == 3
    assert bench.write(0x0334, struct.pack(">HH", code, 0x554D)) == 3
    bench.force_hv = True
    bench.run_ms(2)
    assert bench.write(0x0334, struct.pack(">HH", code, 0x554C)) == 3
    bench.force_hv = False
    bench.run_ms(200)
    assert bench.write(0x0334, struct.pack(">HH", code, 0x554C)) == 0
    assert bench.unit.state == IDLE
    assert bench.u16(0x013C) == 0


def test_unlatch_goes_to_ended_while_something_is_retained() -> None:
    bench = bench_in(ENDED)
    bench.force_hv = True
    bench.run_ms(3)
    bench.force_hv = False
    bench.inputs.key_treat_a = bench.inputs.key_treat_b = False
    bench.inputs.key_service_a = bench.inputs.key_service_b = True
    bench.run_ms(300)
    assert bench.write(0x0334, struct.pack(">HH", bench.u16(0x013C), 0x554C)) == 0
    assert bench.unit.state == ENDED


@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("state", [IDLE, ENDED])
def test_selftests_pass_and_come_back(number: int, state: int) -> None:
    """On shadow counters: retained values do not move, K1 and K2 are never commanded closed both."""
    bench = bench_in(state)
    before = asdict(bench.nv)
    assert bench.write(0x0330, number.to_bytes(2, "big")) == 0
    both = False
    for _ in range(1000):
        bench.step()
        both = both or (bench.outputs.k1_close and bench.outputs.k2_close)
        if bench.unit.state != TEST:
            break
    assert bench.unit.state == state
    assert bench.u16(0x0131) == 1 << number - 1
    assert asdict(bench.nv) == before
    assert not both


@pytest.mark.parametrize(("number", "weld"), [(3, "weld_2"), (4, "weld_1"), (3, "weld_1"), (4, "weld_2")])
def test_contactor_tests_find_a_weld(number: int, weld: str) -> None:
    bench = Bench()
    assert bench.write(0x0330, number.to_bytes(2, "big")) == 0
    bench.run_ms(50)
    setattr(bench, weld, True)
    bench.run_ms(700)
    assert bench.unit.state == IDLE
    assert bench.u16(0x0131) == 0


def test_contactor_test_fails_with_the_chain_open() -> None:
    bench = Bench()
    bench.inputs.door_a = bench.inputs.door_b = False
    assert bench.write(0x0330, b"\0\3") == 0
    bench.run_ms(700)
    assert (bench.unit.state, bench.u16(0x0131)) == (IDLE, 0)


@pytest.mark.parametrize("number", [0, 7, 0x0101])
def test_no_such_selftest(number: int) -> None:
    assert Bench().write(0x0330, number.to_bytes(2, "big")) == 3


def test_hv_in_a_selftest_latches() -> None:
    bench = Bench()
    assert bench.write(0x0330, b"\0\3") == 0
    bench.run_ms(50)
    bench.force_hv = True
    bench.run_ms(2)
    assert bench.unit.state == LATCHED
    assert not bench.outputs.k1_close


def test_a_commit_during_the_tail_loosens_nothing() -> None:
    """t2, t2d and the threshold of the RUN hold until its tail is over, whoever commits what meanwhile."""
    bench = Bench()
    bench.to_beam(count_preset_1=4000, t2=10, t2d=4)
    bench.write(0x0210, b"\0\0")
    bench.weld_1 = True
    assert bench.commit(count_preset_1=4000, t2=50, t2d=40, hv=60_000) == 0
    bench.run_ms(105)
    assert not bench.outputs.k2_close


def test_tail_is_counted_through_a_reboot() -> None:
    """K1 welded and a brown-out in beam: what the chambers see after the boot is counted, the history follows, and t2d after the boot it latches."""
    bench = Bench()
    bench.to_beam()
    bench.run_ms(100)
    bench.weld_1 = bench.weld_2 = True
    bench.unit.reboot(bench.now_us)
    before = bench.nv.counts_1
    bench.run_ms(600)
    assert bench.nv.counts_1 >= before + 2 * 390
    assert bench.unit.history()[0].counts_1 == bench.nv.counts_1
    bench.run_ms(500)
    assert bench.unit.state == LATCHED
    assert bench.first_cause == Cause.REBOOT or bench.first_cause == Cause.SPONTANEOUS


def test_a_bouncing_switch_is_one_press() -> None:
    """Contacts that chatter for a few ms on closing are counted once."""
    bench = bench_in(ARMED)
    presses = bench.u16(0x011C)
    for closed in (True, False, True, False, True):
        bench.inputs.switch_a = bench.inputs.switch_b = closed
        bench.run_ms(2)
    bench.run_ms(20)
    assert bench.u16(0x011C) == presses + 1
    assert bench.nv.run_count == 1
