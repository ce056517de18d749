"""The safety unit's driver against a unit of registers: order of opening, renewals, set-up, one-shots, DISARM, and the scan."""

from __future__ import annotations

import struct
import zlib

import pytest
from hal_scripted import SITE_KEY, Bench, ScriptedUnit, identity_block

from hal.commands import Arm, Hold, Plan, Reset, SetUp, Test, Unlatch, Watch
from hal.machine import Renewal
from hal.readings import UnitState
from hal.rig import read_back
from hal.safety_units.scan_check import ScanCheck

Test.__test__ = False  # type: ignore[attr-defined]
STAGING = bytes(range(56))
PLAN = Plan(2847, 1310, 2866, 2375, STAGING, zlib.crc32(STAGING))


def test_opening_is_identity_then_disarm_on_the_second_connection_then_status() -> None:
    bench = Bench()
    bench.ticks(4)
    assert bench.unit.reads[0] == (0, 0, 30)
    assert bench.unit.writes[0] == (1, 0x210, b"\0\1")
    assert (0, 0x100, 32) in bench.unit.reads
    assert bench.readings.unit is not None
    assert bench.readings.unit_identity is not None


def test_each_tick_is_one_status_transaction_with_the_next_sequence() -> None:
    bench = Bench(unit=ScriptedUnit(status=ScriptedUnit().status | {"host_seq": 0xFFFFFFFD})).known()
    sequences = [int.from_bytes(data[:4], "big") for data in bench.unit.written(0x200)]
    assert sequences[:4] == [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]
    assert sequences[4:] == list(range(2, len(sequences) - 2))
    before = len(sequences)
    bench.ticks(10)
    assert len(bench.unit.written(0x200)) == before + 10
    assert not bench.readings.unit_link.lost


def test_a_renewal_carries_token_lease_and_the_newest_challenge_and_is_never_kept() -> None:
    bench = Bench().known()
    bench.unit.status["challenge"] = 0xABCD0001
    bench.tick()
    bench.tick(renew=Renewal(5, 200))
    assert bench.unit.written(0x200)[-1][4:] == bytes.fromhex("ABCD0001 00000005 00C8 5AA5")
    bench.tick()
    assert bench.unit.written(0x200)[-1][4:] == bytes(12)


def test_no_renewal_is_sent_while_a_request_is_outstanding() -> None:
    """A14: nothing queues up behind a wire that stands still."""
    bench = Bench().known()
    bench.unit.held = True
    before = len(bench.unit.written(0x200))
    for _ in range(4):
        bench.tick(renew=Renewal(5, 200))
    assert len(bench.unit.written(0x200)) == before + 1


def test_a_moved_sequence_is_found_again() -> None:
    """Another master has written a host sequence far ahead: the unit refuses ours."""
    bench = Bench().known()
    bench.unit.refuse[0x200] = 3
    bench.tick()
    bench.unit.refuse.clear()
    bench.unit.status["host_seq"] = 5_000_000
    bench.ticks(3)
    assert int.from_bytes(bench.unit.written(0x200)[-1][:4], "big") in (5_000_001, 5_000_002)
    assert not bench.readings.unit_link.lost


def test_set_up_stages_commits_and_reads_back_as_bytes() -> None:
    bench = Bench().known()
    for _ in range(60):
        bench.tick(SetUp(PLAN))
        if (
            read_back(bench.readings) == PLAN
            and bench.readings.unit is not None
            and bench.readings.unit.state == UnitState.COMMITTED
        ):
            break
    assert read_back(bench.readings) == PLAN
    assert read_back(bench.readings).digest() == PLAN.digest()  # type: ignore[union-attr]
    assert [at for _, at, _ in bench.unit.writes if at >= 0x300] == [0x300, 0x31C]
    bench.ticks(200, SetUp(PLAN))
    assert [at for _, at, _ in bench.unit.writes if at >= 0x300] == [0x300, 0x31C]


def test_a_commit_that_is_acknowledged_but_not_done_is_never_read_back_equal() -> None:
    """M6: the acknowledgement lies; it is tried again now and then and never believed."""
    bench = Bench(unit=ScriptedUnit(commits=False)).known()
    bench.ticks(350, SetUp(PLAN))
    assert read_back(bench.readings) != PLAN
    assert 3 <= len(bench.unit.written(0x31C)) <= 5


def test_a_refused_commit_is_told() -> None:
    bench = Bench(unit=ScriptedUnit(refuse={0x31C: 3})).known()
    bench.ticks(20, SetUp(PLAN))
    assert bench.readings.refusal is not None
    assert bench.readings.refusal.what == "commit"
    assert "exception 3" in bench.readings.refusal.words


def test_staging_with_a_wrong_sum_is_not_written() -> None:
    bench = Bench().known()
    bench.ticks(20, SetUp(Plan(1, 1, 1, 1, STAGING, 7)))
    assert bench.unit.written(0x300) == []
    assert bench.readings.refusal is not None


def test_a_running_unit_is_not_set_up() -> None:
    bench = Bench().known()
    bench.unit.status["state"] = UnitState.ARMED
    bench.ticks(20, SetUp(PLAN))
    assert bench.unit.written(0x300) == []


def test_arm_goes_out_once_signed_with_the_newest_challenge() -> None:
    bench = Bench().known()
    bench.unit.status |= {"challenge": 0x77, "state": UnitState.COMMITTED}
    bench.tick()
    bench.tick(Arm(9, 0x1234))
    bench.unit.status |= {"state": UnitState.ARMED, "token": 9}
    bench.ticks(100, Arm(9, 0x1234))
    (block,) = bench.unit.written(0x320)
    assert block[:12] == struct.pack(">III", 9, 0x1234, 0x77)


@pytest.mark.parametrize("command", [Arm(9, 1), Reset(9), Unlatch(4), Test(2)])
def test_a_refused_one_shot_is_not_repeated_until_something_else_was_wanted(
    command: Arm | Reset | Unlatch | Test,
) -> None:
    at = {Arm: 0x320, Reset: 0x328, Unlatch: 0x334, Test: 0x330}[type(command)]
    bench = Bench(unit=ScriptedUnit(refuse={at: 3})).known()
    bench.unit.status |= {"state": UnitState.LATCHED, "token": 9}
    bench.ticks(100, command)
    assert len(bench.unit.written(at)) == 1
    assert bench.readings.refusal is not None
    bench.tick(Watch())
    bench.ticks(3, command)
    assert len(bench.unit.written(at)) == 2


def test_a_one_shot_that_did_not_take_is_repeated_with_pauses_and_a_new_challenge() -> None:
    bench = Bench().known()
    bench.unit.status["state"] = UnitState.COMMITTED
    for n in range(45):
        bench.unit.status["challenge"] = n
        bench.tick(Arm(9, 1))
    blocks = bench.unit.written(0x320)
    assert len(blocks) == 3
    assert len({block[8:12] for block in blocks}) == 3


def test_disarm_goes_out_at_once_on_its_own_connection_while_a_reply_is_outstanding() -> None:
    """A10: the unit accepts a second request; nothing waits for the first."""
    bench = Bench().known()
    bench.unit.held = True
    bench.rig.ask(None, bench.now)  # type: ignore[arg-type]
    before = len(bench.unit.writes)
    bench.serve()
    assert bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert (1, 0x210, b"\0\1") in bench.unit.writes[before:]


def test_disarm_uses_both_connections_when_the_second_does_not_answer() -> None:
    """Half-open: the second connection swallows bytes; the repeat goes out on the first too."""
    bench = Bench().known()
    bench.unit.mute = {1}
    bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.ticks(11)
    before = len(bench.unit.writes)
    assert bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert {index for index, at, _ in bench.unit.writes[before:] if at == 0x210} == {0, 1}


def test_disarm_uses_the_first_connection_when_the_second_is_gone() -> None:
    bench = Bench().known()
    bench.unit.refuses_to_open = True
    bench.unit.ends[1].close()
    bench.ticks(2)
    before = len(bench.unit.writes)
    assert bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert {index for index, at, _ in bench.unit.writes[before:] if at == 0x210} == {0}


def test_disarm_goes_out_on_the_second_connection_while_the_first_is_down() -> None:
    bench = Bench().known()
    bench.unit.refuses_to_open = True
    bench.unit.ends[0].close()
    bench.ticks(60, Watch())
    assert bench.readings.unit_link.lost
    bench.unit.writes.clear()
    bench.rig.write(Hold(1), bench.now)  # type: ignore[arg-type]
    assert bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert bench.unit.writes == [(1, 0x210, b"\0\1")]


def test_a_second_connection_that_leads_elsewhere_is_closed() -> None:
    class Twofold(ScriptedUnit):
        def answer(self, index: int, pdu: bytes) -> bytes:
            if index % 2 and pdu[0] == 3:
                return bytes([3, 60]) + identity_block(serial="KU-9")
            return super().answer(index, pdu)

    bench = Bench(unit=Twofold())
    bench.ticks(10)
    assert "KU-9" in bench.readings.unit_link.last_trouble


def test_a_dead_second_connection_is_noticed_and_opened_again() -> None:
    bench = Bench().known()
    bench.unit.mute = {1}
    bench.ticks(500)
    assert len(bench.unit.ends) >= 3
    assert not bench.readings.unit_link.lost


def test_rtu_renewals_and_all_else_take_turns_and_disarm_follows_the_running_frame() -> None:
    bench = Bench(unit=ScriptedUnit(rtu=True)).known()
    assert bench.readings.slow is not None
    assert bench.readings.history is not None
    assert bench.rig.fds == ()
    bench.unit.held = True
    bench.rig.ask(None, bench.now)  # type: ignore[arg-type]
    before = len(bench.unit.writes)
    bench.serve()
    assert not bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.unit.held = False
    bench.unit.release()
    assert bench.rig.beam_off(bench.now + 0.005)  # type: ignore[arg-type]
    bench.serve()
    assert bench.unit.writes[before + 1][1:] == (0x210, b"\0\1")


def test_rtu_disarm_does_not_wait_for_a_unit_that_does_not_answer() -> None:
    bench = Bench(unit=ScriptedUnit(rtu=True)).known()
    bench.unit.held = True
    bench.tick()
    before = len(bench.unit.writes)
    left = [bench.rig.beam_off(bench.now + 0.002 * n) for n in range(12)]  # type: ignore[arg-type]
    assert True in left
    bench.serve()
    assert (0x210, b"\0\1") in [write[1:] for write in bench.unit.writes[before:]]


@pytest.mark.parametrize(
    "identity", [identity_block(serial="KU-9"), identity_block(magic=1), identity_block(capabilities=0b1010)]
)
def test_another_unit_gets_no_write_at_all(identity: bytes) -> None:
    bench = Bench(unit=ScriptedUnit(identity=identity))
    bench.ticks(300, SetUp(PLAN))
    assert not bench.rig.beam_off(bench.now)  # type: ignore[arg-type]
    bench.serve()
    assert bench.unit.writes == []
    assert bench.readings.unit_identity is not None
    assert bench.readings.unit_identity.mismatch
    assert bench.readings.unit_link.lost


def test_a_reboot_reads_everything_again() -> None:
    bench = Bench().known()
    reads = len(bench.unit.reads)
    bench.unit.status |= {"boot_count": 4, "scan": 5, "host_seq": 0}
    bench.ticks(6)
    assert (0, 0, 30) in bench.unit.reads[reads:]
    assert bench.readings.unit is not None
    assert bench.readings.unit.boot_count == 4
    assert bench.readings.scan_true


def test_history_is_read_at_the_start_and_when_the_token_changes() -> None:
    bench = Bench().known()
    asked = [read for read in bench.unit.reads if read[1] == 0x400]
    assert asked == [(0, 0x400, 108)]
    bench.unit.status["token"] = 5
    bench.ticks(5)
    assert len([read for read in bench.unit.reads if read[1] == 0x400]) == 2


def test_a_status_older_than_100_ms_is_a_lost_link() -> None:
    bench = Bench().known()
    bench.unit.mute = {0}
    bench.ticks(9)
    assert not bench.readings.unit_link.lost
    bench.ticks(3)
    assert bench.readings.unit_link.lost


def test_a_garbled_status_is_counted_and_never_read() -> None:
    bench = Bench().known()
    good = bench.readings.unit
    unit_block = bench.unit.status_block
    bench.unit.status_block = lambda: unit_block()[:-1] + b"\0"  # type: ignore[method-assign]
    bench.ticks(5, Hold(1))
    assert bench.readings.unit is not None
    assert good is not None
    assert bench.readings.unit.asked_at_s <= good.asked_at_s + 0.011
    assert bench.readings.unit_link.troubles >= 4
    assert "CRC" in bench.readings.unit_link.last_trouble


def scans(pairs: list[tuple[float, int]]) -> list[bool]:
    check = ScanCheck()
    results = []
    for at, scan in pairs:
        check.add(at, scan % 2**32, 1000)
        results.append(check.true)
    return results


def test_a_true_scan_is_true_over_the_wrap_and_with_jitter() -> None:
    start = 2**32 - 150
    pairs = [(n * 0.01, start + n * 10 + (n % 3)) for n in range(60)]
    assert all(scans(pairs))


@pytest.mark.parametrize("rate", [0.85, 1.15])
def test_a_scan_that_runs_untrue_is_found_within_the_window(rate: float) -> None:
    results = scans([(n * 0.01, int(n * 10 * rate)) for n in range(40)])
    assert not results[11]
    assert not any(results[12:])


def test_a_frozen_or_leaping_scan_is_found_at_once() -> None:
    steady = [(n * 0.01, n * 10) for n in range(20)]
    assert scans([*steady, (0.20, 190)])[-1] is False
    assert scans([*steady, (0.20, 190 + 31)])[-1] is False
    assert scans([*steady, (0.20, 180)])[-1] is False


def test_the_site_key_is_not_sent() -> None:
    """Not four bytes of it on end, which is as much as a code has room for, also in what is signed with it."""
    bench = Bench().known()
    bench.ticks(30, Arm(9, 1))
    bench.ticks(30, Reset(9))
    assert bench.unit.written(0x320) and bench.unit.written(0x328)
    pieces = [SITE_KEY[at : at + 4] for at in range(len(SITE_KEY) - 3)]
    assert not [data for _, _, data in bench.unit.writes if any(piece in data for piece in pieces)]
