"""The recorder as a real process: it serves a ring, ends on SIGTERM with everything durable, ends with its host, and hands over to the next.
Virtual time ends here; each wait is for an event, with a deadline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import structlog
from records_bench import WALL, Clock, Host, Rig, Unit

from controller.entries import Outcome
from hal.clock import SystemClock
from hal.units import Seconds
from records.files import PosixFiles
from records.fractions import list_fractions
from records.journal import read_all
from records.process import BIRTH_S, EXIT_STORAGE, config_for, run
from records.recorder import RecorderConfig

pytestmark = pytest.mark.realtime


def until(condition: Callable[[], bool], what: str) -> None:
    clock = SystemClock()
    deadline = clock.monotonic() + 15.0
    while not condition():
        assert clock.monotonic() < deadline, what
        clock.sleep_until(Seconds(clock.monotonic() + 0.01))


def start(config: RecorderConfig, folder: Path) -> subprocess.Popen[bytes]:
    document = folder / "config"
    document.write_bytes(msgspec.msgpack.encode(config))
    log = (folder / "log").open("ab")
    with log:
        return subprocess.Popen([sys.executable, "-P", "-m", "records", str(document)], stderr=log)


def said(folder: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (folder / "log").read_text().splitlines()]


def host_in(folder: Path, name: str) -> tuple[Host, RecorderConfig]:
    (folder / "shm").mkdir(exist_ok=True)
    clock = SystemClock()
    host = Host(folder / "shm", name, Clock(clock.monotonic(), clock.wall()), Unit())
    return host, config_for(str(folder), str(folder / "shm"), name, simulated=True)


def test_process_gives_a_token_and_ends_on_sigterm_with_everything_durable(tmp_path: Path) -> None:
    host, config = host_in(tmp_path, "one")
    process = start(config, tmp_path)
    host.confirm()
    until(lambda: host.take_token() > 0, "no token")
    assert os.getsid(process.pid) == process.pid, "not in a session of its own"
    for _ in range(50):
        host.tick()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    ack = host.ack()
    assert ack is not None and ack.durable_seq == host.ring.seq
    assert said(tmp_path)[0] == "started" and said(tmp_path)[-1] == "ended"
    host.kill()


def test_process_survives_ctrl_c_and_ends_when_its_host_is_dead_and_drained(tmp_path: Path) -> None:
    host, config = host_in(tmp_path, "one")
    process = start(config, tmp_path)
    host.confirm()
    until(lambda: host.take_token() > 0, "no token")
    process.send_signal(signal.SIGINT)
    host.tick()
    host.kill()
    assert process.wait(15) == 0
    assert len(list_fractions(config.database)) == 1


def test_the_next_recorder_waits_for_the_one_before(tmp_path: Path) -> None:
    """kill -9 of a host and a new one at once: the old recorder drains and goes, the new one takes over."""
    first, config = host_in(tmp_path, "one")
    before = start(config, tmp_path)
    until(lambda: first.ack() is not None, "no acknowledgement")
    second, config = host_in(tmp_path, "two")
    after = start(config, tmp_path)
    first.kill()
    assert before.wait(15) == 0
    second.found()
    until(lambda: second.ack() is not None and second.statement().reconciled_found_seq > 0, "not taken over")
    after.send_signal(signal.SIGTERM)
    assert after.wait(15) == 0
    assert not (tmp_path / "shm" / "one").exists()
    second.kill()


def test_killed_recorder_leaves_what_it_acknowledged(tmp_path: Path) -> None:
    host, config = host_in(tmp_path, "one")
    process = start(config, tmp_path)
    host.confirm()
    until(lambda: host.take_token() > 0, "no token")
    token = host.token
    process.kill()
    process.wait(15)
    process = start(config, tmp_path)
    old = host.ack()
    until(
        lambda: (ack := host.ack()) is not None and old is not None and ack.recorder != old.recorder, "no new recorder"
    )
    assert host.take_token() == token
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    host.kill()


class Hurried:
    """A clock on which each wait lasts a second at least; at a given time the host is killed."""

    def __init__(self, host: Host, dies_s: float) -> None:
        self.now, self._host, self._dies_s = 0.0, host, dies_s

    def monotonic(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Seconds:
        return Seconds(WALL + self.now)

    def sleep_until(self, deadline: Seconds) -> None:
        self.now = max(self.now + 1.0, deadline)
        if self._dies_s <= self.now < self._dies_s + 1.0:
            self._host.kill()


def test_a_recorder_whose_own_host_was_never_born_keeps_the_next_ones(tmp_path: Path) -> None:
    """A run that fails after its recorder started leaves that one with the records' lock; the run after it must not lose it in the middle of a beam."""
    living, config = host_in(tmp_path, "two")
    clock = Hurried(living, dies_s=3.0 * BIRTH_S)
    unborn = msgspec.structs.replace(config, instance="one")
    with (tmp_path / "log").open("w") as log:
        lines = structlog.wrap_logger(structlog.PrintLogger(log))
        assert run(unborn, clock, lambda: clock.now > 9.0 * BIRTH_S, lines) == 0
    assert 3.0 * BIRTH_S <= clock.now < 4.0 * BIRTH_S


def test_storage_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    """The records' folder is a file."""
    host, config = host_in(tmp_path, "one")
    (tmp_path / "journal").write_text("")
    process = start(config, tmp_path)
    assert process.wait(15) == EXIT_STORAGE
    assert "not started" in said(tmp_path)
    host.kill()


def test_time_is_an_argument(tmp_path: Path) -> None:
    """The same story with the same times gives the same journal, byte for byte, but for the recorder's own number."""
    told = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        rig = Rig(tmp_path / name)
        rig.new_recorder()
        rig.deliver(1.0, Outcome.INTERRUPTED)
        rig.close()
        first, *others = read_all(PosixFiles(), rig.folder / "journal")
        _number, *begun = msgspec.msgpack.decode(first.payload)
        told.append((begun, first.wall_s, [(one.index, one.kind, one.wall_s, one.payload) for one in others]))
    assert len(told[0][2]) > 10
    assert told[0] == told[1]
