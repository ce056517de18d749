"""The desk's client, stop and status against a scripted desk on real sockets: what is not seen is never claimed.
Every wait is bounded by the room's own time-outs."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desk_by_hand import OK, ScriptedDesk, snapshot

from console import places, status, stop
from console.desk_client import DeskGoneError, connect, send_stop
from console.exit_codes import Exit
from console.places import Places
from console.treat.session import Session
from controller.requests import Alive, Answer, Close, Reply, Request, Reset, Status, Stop, Watch
from hal.clock import SystemClock

CLOCK = SystemClock()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience shortened where only what follows is tested."""
    monkeypatch.setattr(status, "WITHIN_S", 0.4)
    monkeypatch.setattr(status, "SETTLED_S", 0.05)


Make = Callable[[Callable[[Request], list[Reply]]], ScriptedDesk]


def shows(**changes: Any) -> Callable[[Request], list[Reply]]:
    def heard(request: Request) -> list[Reply]:
        return [snapshot(**changes)] if isinstance(request, Status | Watch) else []

    return heard


def test_stop_is_done_only_when_a_later_snapshot_shows_beam_off(
    scripted: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = scripted(shows(state="INTERRUPTED"))
    assert stop.stop_all((desk.places,), CLOCK) == 0
    out, err = capsys.readouterr()
    assert "SIMULATED" in out and "beam off" in out and not err
    desk.end()
    assert desk.stops >= 1


@pytest.mark.parametrize(
    "changes",
    [{"beam": "on", "state": "IRRADIATING"}, {"beam": "MAY BE ON", "state": "STOPPING"}, {"beam": "off", "at_s": 0.0}],
    ids=["beam on", "may be on", "taken before STOP"],
)
def test_stop_without_sight_of_no_beam_is_no_answer(
    scripted: Make, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    desk = scripted(shows(**changes))
    began = CLOCK.monotonic()
    assert stop.stop_all((desk.places,), CLOCK) == 2
    assert CLOCK.monotonic() - began < 1.5
    assert "NO ANSWER: press the emergency stop" in capsys.readouterr().err


def test_stop_where_the_process_is_frozen_is_no_answer(scripted: Make, capsys: pytest.CaptureFixture[str]) -> None:
    desk = scripted(lambda _: [])
    assert stop.stop_all((desk.places,), CLOCK) == 2
    assert "NO ANSWER: press the emergency stop" in capsys.readouterr().err


def test_stop_where_nothing_is_there_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = Places(tmp_path, tmp_path / "desk.sock", tmp_path / "stop.sock")
    assert stop.stop_all((gone,), CLOCK) == 2
    assert stop.stop_all((), CLOCK) == 2
    assert capsys.readouterr().err.count("NO ANSWER: press the emergency stop") == 2


def test_a_full_stop_socket_is_a_stop_that_lies_there_already(tmp_path: Path) -> None:
    """design-D11: the flood of a STOP never makes STOP fail."""
    path = tmp_path / "stop.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        assert all(send_stop(path) for _ in range(2000))
    assert not send_stop(path)


def test_a_bad_rig_file_does_not_keep_stop_from_going_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "rig.toml"
    found = (Places(tmp_path, tmp_path / "d", tmp_path / "s"),)
    monkeypatch.setattr(places, "running", lambda: found)
    for content in ("not toml at all", "", "rig = 3", "[rig]\nname = 'a'\n[paths]\ndesk = 3\n"):
        bad.write_text(content)
        assert stop.where(bad) == found
    assert stop.where(tmp_path / "none.toml") == found
    assert stop.where(None) == found


def test_stop_reads_no_more_of_a_rig_file_than_it_needs(tmp_path: Path) -> None:
    """A mistake anywhere else in the file is no reason not to stop."""
    file = tmp_path / "rig.toml"
    file.write_text("[rig]\nname = 'lab'\nnonsense = 1\n[paths]\nshm = 'm/shm'\ndesk = 'm/d.sock'\nstop = 'm/s.sock'\n")
    assert stop.where(file) == (Places(tmp_path / "m/shm", tmp_path / "m/d.sock", tmp_path / "m/s.sock"),)


def test_a_rig_is_found_under_every_user(tmp_path: Path) -> None:
    """STOP by another user of the machine, or by root, reaches the rig."""
    for user in ("kerma-0", "kerma-1000"):
        (tmp_path / user / "lab").mkdir(parents=True)
        (tmp_path / user / "lab" / "stop.sock").touch()
    assert [found.stop.parts[-3] for found in places.running(tmp_path, "lab")] == ["kerma-0", "kerma-1000"]
    assert places.running(tmp_path, "other") == ()
    file = tmp_path / "rig.toml"
    file.write_text("[rig]\nname = 'lab'\n")
    assert places.of_file(file, 7, tmp_path) == places.default("lab", 7, tmp_path)


def test_status_prints_one_document(scripted: Make, capsys: pytest.CaptureFixture[str]) -> None:
    desk = scripted(shows(state="READY"))
    assert status.status(desk.places, CLOCK, True) is Exit.AS_INTENDED
    document = json.loads(capsys.readouterr().out)
    assert document["state"] == "READY" and document["simulated"] is True
    assert [type(request) for request in desk.requests] == [Status], "a look takes no lease"
    assert status.status(desk.places, CLOCK, False) is Exit.AS_INTENDED
    assert "SIMULATED" in capsys.readouterr().out


def test_status_where_nobody_answers_has_a_code_of_its_own(
    tmp_path: Path, scripted: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = Places(tmp_path, tmp_path / "none.sock", tmp_path / "stop.sock")
    assert status.status(gone, CLOCK, True) is Exit.NO_ANSWER
    assert json.loads(capsys.readouterr().out)["exit"] == 7
    frozen = scripted(lambda _: [])
    assert status.status(frozen.places, CLOCK, False) is Exit.NO_ANSWER
    assert "does not turn" in capsys.readouterr().err


def test_reset_and_close_print_the_answer(scripted: Make, capsys: pytest.CaptureFixture[str]) -> None:
    def heard(request: Request) -> list[Reply]:
        if isinstance(request, Reset):
            return [Answer(False, "the cause is still there: door open")]
        return [OK] if isinstance(request, Close) else shows()(request)

    desk = scripted(heard)
    assert status.ask(desk.places, CLOCK, Reset("operator", "A", "b")) is Exit.REFUSED
    assert status.ask(desk.places, CLOCK, Close("partial")) is Exit.AS_INTENDED
    out, err = capsys.readouterr()
    assert "door open" in err and "taken" in out and "SIMULATED" in out


def test_a_partial_fraction_is_closed_in_one_go(scripted: Make) -> None:
    """INTERRUPTED to TERMINATED to STANDBY: two requests, one command."""
    states = ["TERMINATED", "STANDBY"]
    now = {"state": "INTERRUPTED"}

    def heard(request: Request) -> list[Reply]:
        if isinstance(request, Close):
            now["state"] = states.pop(0)
            return [OK, snapshot(**now)]
        return shows(**now)(request)

    desk = scripted(heard)
    assert status.ask(desk.places, CLOCK, Close("too late to go on")) is Exit.AS_INTENDED
    assert [request.reason for request in desk.requests if isinstance(request, Close)] == ["too late to go on"] * 2
    assert now["state"] == "STANDBY"


def test_the_client_says_when_the_other_end_closes_or_speaks_other_words(scripted: Make) -> None:
    desk = scripted(lambda _: [])
    with connect(desk.places.desk, CLOCK) as client:
        client.send(Alive())
        desk.end()
        with pytest.raises(DeskGoneError, match="closed the connection"):
            client.receive(2.0)
        with pytest.raises(DeskGoneError):
            for _ in range(10):
                client.send(Alive())


def test_words_of_another_version_are_refused(tmp_path: Path) -> None:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    from console.desk_client import Desk

    with there, Desk(here, CLOCK) as client:
        there.send(msgspec.msgpack.encode({"type": "snapshot", "state": "READY"}))
        with pytest.raises(DeskGoneError, match="other words"):
            client.receive(1.0)


def test_a_session_is_alive_and_drops_the_answer_to_its_own_stop(scripted: Make) -> None:
    def heard(request: Request) -> list[Reply]:
        if isinstance(request, Stop):
            return [Answer(True, "stop")]
        if isinstance(request, Close):
            return [Answer(False, "not now")]
        return shows()(request)

    desk = scripted(heard)
    with connect(desk.places.desk, CLOCK) as client:
        session = Session(client, desk.places.stop, CLOCK)
        session.turn(1.0)
        session.stop()
        assert session.ask(Close()) == Answer(False, "not now")
        assert session.stopped and session.snapshot is not None
    desk.end()
    assert desk.stops == 1
    assert Alive() in desk.requests


def test_silence_is_an_answer(scripted: Make) -> None:
    desk = scripted(shows())
    with connect(desk.places.desk, CLOCK) as client:
        answer = Session(client, desk.places.stop, CLOCK).ask(Close(), 0.3)
    assert not answer.ok and "no answer within" in answer.words
