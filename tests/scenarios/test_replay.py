"""Recorded exposures played again: the same decisions tick by tick, whatever ended them, and the first difference where something was changed.
What is kept of a tick is tests/controller/test_inputs.py's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from refusal_bench import MakeRig
from typer.testing import CliRunner

from console import replay as command
from console.cli import build
from console.exit_codes import Exit
from controller.checkpoint import recorded
from controller.entries import EntryType, Terminal
from controller.inputs import FAST_BYTES
from controller.kernel import PLAIN
from controller.ring import TICK_BYTES, pack_tick, unpack_tick
from controller.states import State
from hal.commands import Command, Hold
from hal.machine import Renewal
from hal.readings import Contact, Purpose, Readings
from hal.units import Seconds
from interlocks.bands import BANDS, CERTIFIED
from interlocks.gate import OFF_LOOKED, OFF_PASSED, Gate, Permit
from interlocks.judge import judge
from interlocks.words import House, Sent, Verdict
from records.files import PosixFiles
from records.forms import Gap, Noted, Row
from records.journal import Kind, Record, read_all
from records.replay import Recorded, Replayed, exposures, replay
from verification.reach import to_beam, turn_until
from verification.setting import lay_out, virtual_rig
from verification.virtual import VirtualRig


def _recorded(rig: VirtualRig) -> list[Recorded]:
    rig.wait(0.3)
    assert rig.recorder is not None
    return list(exposures(read_all(PosixFiles(), _journal(rig))))


def _journal(rig: VirtualRig) -> Path:
    return Path(rig._recorder_config.journal_dir)


def _door(rig: VirtualRig) -> None:
    rig.fault("door-open")
    turn_until(rig, State.INTERRUPTED)


def _stop(rig: VirtualRig) -> None:
    rig.stop()
    turn_until(rig, State.INTERRUPTED)


def _silent(rig: VirtualRig) -> None:
    rig.fault("generator-silent")
    turn_until(rig, State.FAULT)


def _desk_dies(rig: VirtualRig) -> None:
    rig.leave_desk()
    turn_until(rig, State.INTERRUPTED)


def _recorder_replaced(rig: VirtualRig) -> None:
    """Killed, and another takes over before the lag ends the beam: what it finds again in the ring is not in the record twice."""
    rig.kill_recorder()
    rig.wait(0.2)
    rig.start_recorder()
    rig.wait(0.5)
    _stop(rig)


def _unit_reboots(rig: VirtualRig) -> None:
    rig.fault("unit-rebooted")
    turn_until(rig, State.FAULT)


def _off_ignored(rig: VirtualRig) -> None:
    rig.fault("off-ignored")
    rig.stop()
    turn_until(rig, State.STUCK_ON)


ENDS: dict[str, Callable[[VirtualRig], None]] = {
    "door": _door,
    "stop": _stop,
    "generator silent": _silent,
    "desk gone": _desk_dies,
    "recorder replaced": _recorder_replaced,
    "unit reboots": _unit_reboots,
    "off ignored": _off_ignored,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_recorded_exposure_comes_out_the_same(make_rig: MakeRig, end: Callable[[VirtualRig], None]) -> None:
    """From the confirmation to the end: every event, command, verdict, dose and entry of every tick, with the kernels as plain Python."""
    rig = make_rig()
    to_beam(rig, 0.5)
    end(rig)
    (recorded,) = _recorded(rig)
    again = replay(recorded, PLAIN)
    assert (again.difference, again.lacks) == (None, "")
    assert again.ended.startswith("ended in") and again.states[:4] == ("ARMING", "READY", "STARTING", "IRRADIATING")
    assert again.events >= 3, "START's way to its end is told by several entries"


def test_a_record_that_stops_with_its_process_is_played_to_there(make_rig: MakeRig) -> None:
    rig = make_rig()
    to_beam(rig, 0.5)
    rig.kill_host()
    rig.wait(1.0)
    (recorded,) = _recorded(rig)
    again = replay(recorded, PLAIN)
    assert (again.difference, again.ended) == (None, "the record ends in IRRADIATING")
    assert again.lacks == f"what came after {again.ticks} ticks, in IRRADIATING, is not in the record"
    code, said = _kerma("replay", str(_journal(rig).parent))
    assert code == Exit.NOT_WHOLE and "NOT WHOLE" in said and "every decision up to there the same" in said


def test_a_resumed_fraction_is_two_exposures_that_both_come_out_the_same(make_rig: MakeRig) -> None:
    rig = make_rig()
    to_beam(rig, 0.5)
    _stop(rig)
    to_beam(rig, 0.5, resume="the patient had to cough")
    _stop(rig)
    again = [replay(recorded, PLAIN) for recorded in _recorded(rig)]
    assert [one.difference for one in again] == [None, None]
    assert again[0].token < again[1].token


@pytest.fixture
def stopped(make_rig: MakeRig) -> tuple[VirtualRig, Recorded]:
    """An exposure that a STOP ended."""
    rig = make_rig()
    to_beam(rig, 0.8)
    _stop(rig)
    (recorded,) = _recorded(rig)
    return rig, recorded


def _in_beam(recorded: Recorded, change: Callable[[Row], Row]) -> Recorded:
    """The record with its 40th tick in beam changed."""
    rows, seen = list(recorded.rows), 0
    for place, row in enumerate(rows):
        if row.kind == EntryType.TICK and unpack_tick(row.payload).state == list(State).index(State.IRRADIATING):
            seen += 1
            if seen == 40:
                rows[place] = change(row)
    return msgspec.structs.replace(recorded, rows=tuple(rows))


def test_a_reading_that_is_changed_in_the_record_is_a_difference(stopped: tuple[VirtualRig, Recorded]) -> None:
    """An open door that was not there: the replay says in which tick, and that the rule comes out otherwise."""

    def open_door(row: Row) -> Row:
        tick = unpack_tick(row.payload)
        tick = msgspec.structs.replace(tick, contacts_a=tick.contacts_a & ~Contact.DOOR)
        return msgspec.structs.replace(row, payload=pack_tick(tick) + row.payload[TICK_BYTES:])

    found = replay(_in_beam(stopped[1], open_door), PLAIN).difference
    assert found is not None and found.state == "IRRADIATING"
    assert "TICK" in found.recorded or "INPUT" in found.recorded
    assert any(word in found.replayed for word in ("LATCH_SET door", "EVENT"))


def test_a_decision_that_is_changed_in_the_record_is_a_difference(stopped: tuple[VirtualRig, Recorded]) -> None:
    def other_dose(row: Row) -> Row:
        tick = msgspec.structs.replace(unpack_tick(row.payload), delivered_mgy=1.0)
        return msgspec.structs.replace(row, payload=pack_tick(tick) + row.payload[TICK_BYTES:])

    found = replay(_in_beam(stopped[1], other_dose), PLAIN).difference
    assert found is not None and found.what == "the tick's delivered mgy" and found.recorded == "1.0"


def test_another_rule_is_a_difference(stopped: tuple[VirtualRig, Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    """The program that replays has a tighter bound than the one that treated: the first tick in which it would have acted otherwise is named."""
    monkeypatch.setitem(BANDS, Purpose.TREAT, msgspec.structs.replace(CERTIFIED, rate_low=1.2))
    found = replay(stopped[1], PLAIN).difference
    assert found is not None and "dose_rate_low" in found.words()


def test_a_record_of_before_a_field_is_compared_by_what_it_holds(stopped: tuple[VirtualRig, Recorded]) -> None:
    """An end without the clock's time of beam and without the counts after it, as it was written before there were any; the field before still counts."""

    def cut(last: Callable[[float], float]) -> Recorded:
        rows = list(stopped[1].rows)
        (place,) = (place for place, row in enumerate(rows) if row.kind == EntryType.TERMINAL)
        held = msgspec.msgpack.decode(rows[place].payload)[: Terminal.__struct_fields__.index("host_beam_s")]
        held[-1] = last(held[-1])
        rows[place] = msgspec.structs.replace(rows[place], payload=msgspec.msgpack.encode(held))
        return msgspec.structs.replace(stopped[1], rows=tuple(rows))

    assert replay(cut(lambda wall_s: wall_s), PLAIN).difference is None
    found = replay(cut(lambda wall_s: wall_s + 1.0), PLAIN).difference
    assert found is not None and found.what == "TERMINAL wall_s"


def test_a_checkpoint_of_before_the_air_of_the_loading_is_played_again(stopped: tuple[VirtualRig, Recorded]) -> None:
    """Its terms hold no air, and its memory the one of the set-up: it is read, k_TP has not drifted by its own readings, and the replay is the record."""
    held = msgspec.msgpack.decode(msgspec.msgpack.encode(stopped[1].checkpoint))
    for terms in (held["gate"]["sent"]["terms"], held["dossier"]["case"]["settings"]["terms"]):
        del terms["air_k_per_kpa"]
    held["gate"]["memory"] |= {"climate_of_s": 1.0, "climate": 2.9}
    old = recorded(msgspec.msgpack.encode(held))
    settings = old.dossier.case.settings
    assert settings is not None and settings.terms.air_k_per_kpa > 2.0
    assert settings.terms == old.gate.sent.terms
    found = replay(msgspec.structs.replace(stopped[1], checkpoint=old), PLAIN)
    assert found.difference is None and found.ticks > 50
    assert recorded(msgspec.msgpack.encode(stopped[1].checkpoint)) == stopped[1].checkpoint


def _no_off(self: Gate, now: Seconds, command: str, refused: str) -> Sent:
    self._permit, self._open, self._off_tried_s, self._off_left = None, False, now, True
    self._sent = self._after_off(now, command, refused)
    return self._sent


def _off_only_said(self: Gate, now: Seconds, command: str, refused: str) -> Sent:
    self.offs |= OFF_PASSED if self._verdict is None else OFF_LOOKED
    return _no_off(self, now, command, refused)


def _no_reflex(self: Gate, now: Seconds, house: House) -> tuple[Readings, Verdict]:
    self._permit, self._tick = None, self._tick + 1
    readings = self._machine.read(now)
    verdict, self._memory = judge(readings, house, self._sent, self._memory, self._rules, self._tick)
    self._readings, self._looked_at_s, self._verdict = readings, now, verdict
    return readings, verdict


def _renews_for_ever(self: Gate, now: Seconds) -> None:
    self._permit, self.written, self.offs = None, None, 0
    self.renewed = Renewal(self._sent.token, 500) if self._sent.token else None
    self._machine.ask(self.renewed, now)


def _renews_and_does_not_say_so(self: Gate, now: Seconds) -> None:
    _renews_for_ever(self, now)
    self.renewed = None


def _never_renews(self: Gate, _token: int) -> None:
    self._open, self._permit = True, None


def _another_token(self: Gate, token: int) -> None:
    self._open, self._permit = True, Permit(token + 7, 60_000, self._looked_at_s)


def _another_command(self: Gate, command: Command, now: Seconds) -> None:
    self.written = Hold(command.token + 7) if isinstance(command, Hold) else command
    self._machine.write(self.written, now)


GATES: dict[str, tuple[str, Callable[..., Any], str]] = {
    "OFF is never sent": ("_off", _no_off, "what left the gate"),
    "OFF is said and not sent": ("_off", _off_only_said, "the number of OFFs"),
    "no OFF at the look": ("look", _no_reflex, "what left the gate"),
    "the lease is renewed for ever": ("ask", _renews_for_ever, "what left the gate"),
    "a renewal is not told": ("ask", _renews_and_does_not_say_so, "the renewal"),
    "another token, and a lease of 60 s": ("_leave_permit", _another_token, "what left the gate"),
    "the lease is never renewed": ("_leave_permit", _never_renews, "what left the gate"),
    "a command for another token": ("_write", _another_command, "what left the gate"),
}


@pytest.fixture(scope="module")
def by_the_door(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """An exposure that an opened door ended: by an OFF at the look."""
    at = tmp_path_factory.mktemp("door")
    rig = virtual_rig(lay_out(at / "rig", at / "records", "monitor", 15020, 1), PLAIN)
    try:
        to_beam(rig, 0.5)
        _door(rig)
        (recorded,) = _recorded(rig)
    finally:
        rig.close()
    assert replay(recorded, PLAIN).difference is None
    return recorded


@pytest.mark.parametrize(("verb", "instead", "what"), GATES.values(), ids=GATES)
def test_a_gate_that_lets_out_something_else_is_a_difference(
    by_the_door: Recorded, monkeypatch: pytest.MonkeyPatch, verb: str, instead: Callable[..., Any], what: str
) -> None:
    """Judge, decide and drive are as they were, and so are the tags of the commands: what went to the machine is compared for itself."""
    monkeypatch.setattr(Gate, verb, instead)
    found = replay(by_the_door, PLAIN).difference
    assert found is not None and found.what == what, found


def test_a_record_of_before_what_left_the_gate_was_kept_is_played_again(
    by_the_door: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ticks are shorter: nothing is compared that is not in them; a gate that does otherwise than it says is found all the same."""
    rows = tuple(
        msgspec.structs.replace(row, payload=row.payload[: TICK_BYTES + FAST_BYTES])
        if row.kind == EntryType.TICK
        else row
        for row in by_the_door.rows
    )
    old = msgspec.structs.replace(by_the_door, rows=rows)
    again = replay(old, PLAIN)
    assert (again.difference, again.lacks) == (None, "")
    monkeypatch.setattr(Gate, "_off", _off_only_said)
    found = replay(old, PLAIN).difference
    assert found is not None and found.what == "the number of OFFs"


def test_an_entry_that_is_missing_in_the_record_is_a_difference(stopped: tuple[VirtualRig, Recorded]) -> None:
    """The end that was written then must be written now, and nothing else; numbers without a hole do not hide that."""
    rows = list(stopped[1].rows)
    (place,) = (place for place, row in enumerate(rows) if row.kind == EntryType.TERMINAL)
    gone = rows[place].seq - rows[place - 1].seq
    after = [msgspec.structs.replace(row, seq=row.seq - gone) for row in rows[place + 1 :]]
    found = replay(msgspec.structs.replace(stopped[1], rows=(*rows[:place], *after)), PLAIN).difference
    assert found is not None and found.replayed.startswith("TERMINAL STOP")


def test_a_tick_that_is_missing_without_a_gap_is_a_difference(stopped: tuple[VirtualRig, Recorded]) -> None:
    """In beam one tick looks like the next, and a loop that skips one decides the same; what its number says must be there."""
    rows = list(stopped[1].rows)
    quiet = [n for n in range(1, len(rows)) if rows[n - 1].kind == rows[n].kind == rows[n + 1].kind == EntryType.TICK][
        40
    ]
    lost = rows.pop(quiet)
    found = replay(msgspec.structs.replace(stopped[1], rows=tuple(rows)), PLAIN).difference
    assert found is not None and found.what == "the ring record after that before"
    assert (found.recorded, found.replayed) == (f"number {lost.seq + 1}", f"number {lost.seq}")


def test_a_first_tick_that_is_missing_is_a_difference(stopped: tuple[VirtualRig, Recorded]) -> None:
    """The checkpoint's own number is that of the record before."""
    found = replay(msgspec.structs.replace(stopped[1], rows=stopped[1].rows[5:]), PLAIN).difference
    assert found is not None and found.tick == 1 and found.replayed == f"number {stopped[1].seq + 1}"
    assert stopped[1].checkpoint is not None and found.at_s == stopped[1].checkpoint.begun_s


def test_a_record_that_is_cut_in_beam_is_not_whole(stopped: tuple[VirtualRig, Recorded]) -> None:
    """Nothing in it differs, and it does not say how the exposure ended."""
    beam = list(State).index(State.IRRADIATING)
    places = [
        n for n, r in enumerate(stopped[1].rows) if r.kind == EntryType.TICK and unpack_tick(r.payload).state == beam
    ]
    again = replay(msgspec.structs.replace(stopped[1], rows=stopped[1].rows[: places[20] + 1]), PLAIN)
    assert again.difference is None and again.ended == "the record ends in IRRADIATING"
    assert again.lacks == f"what came after {again.ticks} ticks, in IRRADIATING, is not in the record"


@pytest.mark.parametrize("kept", [0, 1], ids=["nothing", "an input"])
def test_a_record_without_a_tick_is_not_whole(
    stopped: tuple[VirtualRig, Recorded], monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """The confirmation was recorded and nothing after it: that is no replay that came out the same, by the command neither."""
    empty = msgspec.structs.replace(stopped[1], rows=stopped[1].rows[:kept])
    again = replay(empty, PLAIN)
    assert (again.ticks, again.seconds, again.difference) == (0, 0.0, None)
    assert again.lacks == "not one tick is in the record"
    monkeypatch.setattr(command, "exposures", lambda _journal: iter([empty]))
    code, said = _kerma("replay", str(_journal(stopped[0]).parent))
    assert code == Exit.NOT_WHOLE and "NOT WHOLE: not one tick is in the record" in said


@pytest.mark.parametrize("gap", [True, False], ids=["gap", "the journal ends"])
def test_an_exposure_whose_checkpoint_is_lost_is_listed_as_not_whole(
    stopped: tuple[VirtualRig, Recorded], monkeypatch: pytest.MonkeyPatch, gap: bool
) -> None:
    """Beside one that is whole: it got a token, and nothing of it can be played; a START that got none is no exposure."""
    journal = list(read_all(PosixFiles(), _journal(stopped[0])))
    start = next(row for row in journal if _start_in(row) is not None)
    noted = _start_in(start)
    assert noted is not None
    refused = msgspec.structs.replace(noted, instance="refused", token=0)
    lost = msgspec.structs.replace(noted, instance="lost", token=noted.token + 1)
    journal += [
        msgspec.structs.replace(start, payload=msgspec.msgpack.encode(refused)),
        msgspec.structs.replace(start, payload=msgspec.msgpack.encode(lost)),
    ]
    if gap:
        told = msgspec.msgpack.encode(Gap("lost", noted.seq + 1, noted.seq + 2))
        journal.append(msgspec.structs.replace(start, kind=Kind.GAP, payload=told))
    found = list(exposures(journal))
    assert [one.token for one in found] == [noted.token, noted.token + 1]
    monkeypatch.setattr(command, "exposures", lambda _journal: iter(found))
    code, said = _kerma("replay", str(_journal(stopped[0]).parent))
    assert code == Exit.NOT_WHOLE and "NOT WHOLE: it was started, and the checkpoint of its confirmation is" in said


def _start_in(record: Record) -> Noted | None:
    if record.kind != Kind.ENTRY:
        return None
    noted = msgspec.msgpack.decode(record.payload, type=Noted)
    return noted if noted.type == EntryType.START else None


def _kerma(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(build(arguments), arguments)
    return done.exit_code, done.output


def test_the_command_says_what_came_out(stopped: tuple[VirtualRig, Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    """0 when every decision is the same, 13 with the first difference in words, 2 when there is nothing to play."""
    folder = str(_journal(stopped[0]).parent)
    token = stopped[1].token
    code, said = _kerma("replay", folder)
    assert code == Exit.AS_INTENDED and f"token {token}" in said and "every decision the same" in said
    code, said = _kerma("replay", folder, "--token", str(token), "--json")
    kept = json.loads(said)["exposures"]
    assert code == Exit.AS_INTENDED and msgspec.convert(kept[0], Replayed).token == token
    assert _kerma("replay", folder, "--token", str(token + 1))[0] == Exit.USAGE
    monkeypatch.setitem(BANDS, Purpose.TREAT, msgspec.structs.replace(CERTIFIED, rate_low=1.2))
    code, said = _kerma("replay", folder)
    assert code == Exit.DIFFERENT and "DIFFERENT" in said and "dose_rate_low" in said
