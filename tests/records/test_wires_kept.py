"""A trip leaves the frames around it, once, sealed in the journal: also when recorder or process die in between, and never at the cost of the records."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from records_bench import Rig, lose_database

from controller.entries import EntryType, Event, Links, Opening, Outcome
from controller.wire_ring import WIRE, WireRing
from hal.figures import LinkFigures, summary
from hal.units import Seconds
from hal.wire_log import FrameLog
from records.files import PosixFiles
from records.fractions import list_fractions, show, wires
from records.wires import FOLDER_NAME, Keeping, Kept, WireDue, read

TRIP = Event("IRRADIATING", "TRIP_FAULT", "STOPPING", "door", "the door is open")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.new_recorder()
    yield made
    made.close()


def talk(rig: Rig, seconds: float, beam: bool = False) -> None:
    """Ten frames a second, each with the time of its passing."""
    for _ in range(round(seconds * 10)):
        rig.host.pass_by(b"%.3f" % rig.clock.now)
        rig.run(0.1, beam)


def talk_no_more(rig: Rig, seconds: float) -> None:
    """Nothing passes: what was mapped of a ring that was cut must not be touched."""
    rig.run(seconds, True)


def kept_of(rig: Rig, token: int) -> list[tuple[Kept, str]]:
    return [
        read(rig.folder / FOLDER_NAME / one["name"], bytes.fromhex(one["sha256"]))
        for one in wires(rig.config.database, token)
        if one["name"]
    ]


def tripped(rig: Rig) -> int:
    """An exposure with a trip in it; its token."""
    rig.to_beam()
    talk(rig, 7.0, beam=True)
    rig.host.put(EntryType.EVENT, TRIP)
    return rig.host.token


def test_a_trip_leaves_five_seconds_before_and_one_after(rig: Rig) -> None:
    token = tripped(rig)
    trip_s = rig.clock.now
    talk(rig, 0.9)
    assert wires(rig.config.database, token) == [], "not before all of it has passed"
    talk(rig, 2.0)
    ((kept, changed),) = kept_of(rig, token)
    assert changed == ""
    assert (kept.token, kept.rule, kept.trip_ns) == (token, "door", int(trip_s * 1e9))
    times = [float(frame.data) for frame in kept.frames]
    assert times == sorted(times) and len(times) in (60, 61)
    assert trip_s - 5.0 <= times[0] <= trip_s - 4.85 and trip_s + 0.85 <= times[-1] <= round(trip_s + 1.0, 3)
    assert {frame.link for frame in kept.frames} == {"unit"}
    assert kept.wall_less_mono_s == pytest.approx(rig.clock.wall - rig.clock.now)


def test_what_ends_as_it_should_or_by_a_person_leaves_nothing(rig: Rig) -> None:
    rig.to_beam()
    talk(rig, 0.5, beam=True)
    rig.host.put(EntryType.EVENT, Event("IRRADIATING", "DOSE_END", "STOPPING", "unit:COUNT_PRESET", ""))
    rig.host.put(EntryType.EVENT, Event("IRRADIATING", "STOP", "STOPPING", "", "STOP"))
    rig.host.put(EntryType.EVENT, Event("SELF_TEST", "UNIT_LOST", "SELF_TEST", "unit_link", "begins again"))
    talk(rig, 2.0)
    assert not (rig.folder / FOLDER_NAME).exists()


def test_trips_that_come_together_share_one_file_and_a_later_one_has_its_own(rig: Rig) -> None:
    token = tripped(rig)
    rig.host.put(EntryType.EVENT, Event("STOPPING", "OFF_UNVERIFIED", "STUCK_ON", "", "beam may be on"))
    talk(rig, 2.0)
    rig.host.put(EntryType.EVENT, Event("STUCK_ON", "TRIP_FAULT", "FAULT", "key", "key"))
    talk(rig, 2.0)
    assert [kept.rule for kept, _ in kept_of(rig, token)] == ["door", "key"]


def test_trips_that_pile_up_while_the_recorder_is_away_have_a_file_each(rig: Rig) -> None:
    token = tripped(rig)
    rig.drop_recorder()
    for n in range(30):
        rig.host.pass_by(b"%.3f" % rig.clock.now)
        rig.clock.go(0.1)
        if n == 14:
            rig.host.put(EntryType.EVENT, Event("STOPPING", "TRIP_FAULT", "FAULT", "key", "key"))
    rig.new_recorder()
    talk(rig, 0.5)
    assert [kept.rule for kept, _ in kept_of(rig, token)] == ["door", "key"]


def test_frames_are_gathered_a_piece_at_a_time(tmp_path: Path) -> None:
    """A ring of 65536 takes most of a second to copy at once: longer than the records may be late in beam."""
    shm, ring = tmp_path / "shm", WireRing(str(tmp_path / "shm"), 4096)
    log = FrameLog()
    for n in range(3000):
        log.add(Seconds(1000.0 + n * 0.001), True, b"%d" % n)
        ring.put({"unit": log}, Seconds(1000.0 + n * 0.001))
    keeping = Keeping(PosixFiles(), tmp_path / "wires", WireDue(7, int(1001.5e9), "door", 1), None, shm, 0.0)
    steps, sealed = 1, keeping.step(500)
    while sealed is None:
        steps, sealed = steps + 1, keeping.step(500)
    assert 5 <= steps <= 7 and sealed.words == ""
    kept, changed = read(tmp_path / "wires" / sealed.name, sealed.sha256)
    assert changed == "" and [int(frame.data) for frame in kept.frames] == list(range(2501))
    keeping.close()
    ring.close()


def test_a_recorder_that_dies_between_trip_and_file_leaves_it_to_the_next(rig: Rig) -> None:
    token = tripped(rig)
    talk(rig, 0.3)
    rig.drop_recorder()
    for _ in range(20):
        rig.host.pass_by(b"%.3f" % rig.clock.now)
        rig.clock.go(0.1)
    rig.new_recorder()
    talk(rig, 0.5)
    assert [kept.rule for kept, _ in kept_of(rig, token)] == ["door"]
    rig.drop_recorder()
    rig.new_recorder()
    talk(rig, 0.5)
    assert len(kept_of(rig, token)) == 1, "kept once, whoever writes"


def test_a_process_that_dies_in_an_exposure_leaves_its_last_seconds(rig: Rig) -> None:
    rig.to_beam()
    talk(rig, 2.0, beam=True)
    token = rig.host.token
    rig.host.kill()
    rig.new_host()
    rig.run(0.3)
    ((kept, changed),) = kept_of(rig, token)
    assert changed == "" and kept.rule == "the process ended in an exposure" and len(kept.frames) >= 19
    assert not (rig.folder / "shm" / "host1").exists(), "the folder goes all the same"


def test_a_trip_of_no_exposure_is_kept_under_token_0(rig: Rig) -> None:
    talk(rig, 1.0)
    rig.host.put(EntryType.EVENT, Event("STANDBY", "TRIP_FAULT", "FAULT", "generator_identity", "another device"))
    talk(rig, 1.5)
    assert [kept.token for kept, _ in kept_of(rig, 0)] == [0]


@pytest.mark.parametrize("how", ["no ring", "no room for the file"])
def test_frames_that_cannot_be_kept_are_words_and_cost_no_record(rig: Rig, how: str) -> None:
    token = tripped(rig)
    if how == "no ring":
        (Path(rig.host.folder) / WIRE).unlink()
    else:
        (rig.folder / FOLDER_NAME).write_bytes(b"a file where a folder is wanted")
    talk(rig, 1.5, beam=True)
    (row,) = wires(rig.config.database, token)
    assert row["name"] == "" and "were not kept" in row["words"]
    seq = rig.host.terminal(Outcome.FAULT)
    rig.run(0.1)
    ack = rig.host.ack()
    assert ack is not None and ack.durable_seq >= seq, "the records go on"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "posix_fallocate"])
def test_a_disk_that_fails_while_frames_are_written_costs_no_record_and_leaves_no_half_file(
    rig: Rig, call: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tripped(rig)
    kept = rig.folder / FOLDER_NAME
    real = getattr(os, call)

    def failing(fd: int, *more: object) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").startswith(str(kept)):
            raise OSError(code, os.strerror(code))
        return int(real(fd, *more) or 0)

    monkeypatch.setattr(os, call, failing)
    talk(rig, 1.5, beam=True)
    (row,) = wires(rig.config.database, token)
    assert row["name"] == "" and os.strerror(code) in row["words"]
    assert list(kept.iterdir()) == []
    seq = rig.host.terminal(Outcome.FAULT)
    rig.run(0.1)
    ack = rig.host.ack()
    assert ack is not None and ack.durable_seq >= seq


@pytest.mark.parametrize("size", [0, 100, 256, 3 * 256])
def test_a_ring_that_was_cut_is_words_and_costs_no_record(rig: Rig, size: int) -> None:
    """A stranger's truncate, or a ring that was never whole: no recorder may end by it, or each new one would end by it again."""
    token = tripped(rig)
    with (Path(rig.host.folder) / WIRE).open("r+b") as ring:
        ring.truncate(size)
    talk_no_more(rig, 1.5)
    (row,) = wires(rig.config.database, token)
    assert row["name"] == "" and "were not kept" in row["words"]
    seq = rig.host.terminal(Outcome.FAULT)
    rig.run(0.1)
    ack = rig.host.ack()
    assert ack is not None and ack.durable_seq >= seq, "the records go on"


def test_records_of_a_kind_that_this_version_does_not_know_are_counted_as_lost(rig: Rig) -> None:
    token = tripped(rig)
    for kind, piece in ((0x7F, b"later"), (0x8F, b"\0\0\0\0"), (0x81, b"no count")):
        rig.host.wires._ring.put(kind, piece, int(rig.clock.now * 1e9))
    talk(rig, 1.5)
    ((kept, _),) = kept_of(rig, token)
    assert kept.lost == 3 and len(kept.frames) > 50


def test_a_file_that_was_changed_is_told(rig: Rig) -> None:
    token = tripped(rig)
    talk(rig, 1.5)
    (row,) = wires(rig.config.database, token)
    path = rig.folder / FOLDER_NAME / row["name"]
    data = path.read_bytes()
    path.write_bytes(data.replace(b"door", b"roof"))
    kept, changed = read(path, bytes.fromhex(row["sha256"]))
    assert kept.rule == "roof" and "was changed" in changed


def test_figures_of_the_wires_stand_with_their_exposure(rig: Rig) -> None:
    rig.deliver(6.0, Outcome.INTERRUPTED)
    figures = (
        summary("unit", LinkFigures(sent=600, good=598, late=2, opened=2, troubles=2, last_trouble="status: no reply")),
    )
    rig.host.put(EntryType.LINKS, Links(rig.host.token, "", figures))
    rig.run(0.2)
    (row,) = list_fractions(rig.config.database)
    found = show(rig.config.database, row["id"], rig.config.journal_dir)
    assert found["journal"]["whole"]
    (told,) = found["links"]
    assert told["token"] == rig.host.token and told["rule"] == ""
    assert "unit: 598 of 600 good, 2 late" in told["words"] and "1 reopenings" in told["words"]
    assert "last trouble: status: no reply" in told["words"]


def test_the_database_can_be_made_from_the_journal_again(rig: Rig) -> None:
    token = tripped(rig)
    talk(rig, 1.5)
    before = wires(rig.config.database, token)
    rig.drop_recorder()
    lose_database(rig)
    rig.new_recorder()
    assert wires(rig.config.database, token) == before


def test_an_older_opening_without_drivers_is_still_read() -> None:
    """The two names were added at the end: what an older program wrote has none of them."""

    old = msgspec.msgpack.encode(["i", "1.0", "rig", True, b"c" * 32, 0.01, 1.0])
    assert msgspec.msgpack.decode(old, type=Opening).generator_driver == ""
