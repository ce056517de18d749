"""Real wires, false clock: pty and TCP endpoints, the control socket and the serving loop, turned by hand without waiting.
Time is an argument here too; the one real clock is only looked at where a test says so."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import termios
from pathlib import Path

import pytest

from simulators.control import Control, ControlEndpoint
from simulators.endpoints import PtyEndpoint, TcpEndpoint
from simulators.line import SerialLine
from simulators.modbus_codec import rtu_frame, rtu_whole
from simulators.serve import MemoryKeeper, Server, read_memory
from simulators.unit_memory import UnitMemory
from simulators.world import World


class Clock:
    def __init__(self) -> None:
        self.us = 5_000_000

    def __call__(self) -> int:
        return self.us


def turn(server: Server, clock: Clock, ms: int) -> None:
    for _ in range(ms):
        clock.us += 1000
        server.turn(wait=False)


def read_some(fd: int) -> bytes:
    try:
        return os.read(fd, 4096)
    except BlockingIOError:
        return b""


def test_unit_rtu_on_a_pty(tmp_path: Path) -> None:
    """A request through the slave is answered at the pace of the wire; a host may leave and another may come."""
    world, clock, said = World(), Clock(), list[str]()
    link = tmp_path / "unit"
    end = PtyEndpoint(link, world.unit_line)
    server = Server(world, [end], None, said.append, world.unit, clock=clock)
    for _ in range(2):
        host = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        turn(server, clock, 10)
        os.write(host, rtu_frame(1, bytes.fromhex("03 0000 001e")))
        got = b""
        for _ in range(20):
            turn(server, clock, 1)
            got += read_some(host)
        assert rtu_whole(got)
        assert got[3:7] == b"KERM"
        os.close(host)
        turn(server, clock, 30)
    end.close()
    assert not link.is_symlink()
    assert list(tmp_path.iterdir()) == []


def test_pty_is_raw_8n1(tmp_path: Path) -> None:
    """Every byte value passes both ways unchanged."""
    line = SerialLine(0)
    end = PtyEndpoint(tmp_path / "x", line)
    host = os.open(tmp_path / "x", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    settings = termios.tcgetattr(host)
    assert settings[2] & termios.CSIZE == termios.CS8
    assert not settings[2] & (termios.PARENB | termios.CSTOPB)
    every = bytes(range(256))
    os.write(host, every)
    end.serve(1000)
    assert line.device_take(2000) == every
    line.device_put(every, 2000)
    end.serve(3000)
    assert read_some(host) == every
    os.close(host)
    end.close()


def test_a_second_simulator_is_refused_and_an_orphan_is_taken_over(tmp_path: Path) -> None:
    """The lock decides, not the link: held means served, free means left over."""
    path = tmp_path / "g"
    first = PtyEndpoint(path, SerialLine(0))
    with pytest.raises(OSError, match="another simulator"):
        PtyEndpoint(path, SerialLine(0))
    first.close()
    path.symlink_to("/dev/null")
    (tmp_path / "g.lock").touch()
    second = PtyEndpoint(path, SerialLine(0))
    assert os.readlink(path).startswith("/dev/pts/")
    lock = os.open(tmp_path / "g.lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)
    second.close()
    path.write_text("a file of somebody")
    with pytest.raises(OSError, match="not a link"):
        PtyEndpoint(path, SerialLine(0))
    assert path.read_text() == "a file of somebody"


def test_a_full_terminal_loses_bytes_and_never_blocks(tmp_path: Path) -> None:
    line = SerialLine(0)
    end = PtyEndpoint(tmp_path / "x", line)
    for n in range(200):
        line.device_put(bytes(4000), n)
        end.serve(n)
    end.close()


def connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


def received(sock: socket.socket) -> bytes | None:
    """What is there; b"" = hung up, None = nothing yet."""
    try:
        return sock.recv(4096)
    except BlockingIOError:
        return None
    except OSError as error:
        assert error.errno == errno.ECONNRESET
        return b""


def test_unit_on_tcp_three_masters_and_no_fourth() -> None:
    world, clock = World(), Clock()
    end = TcpEndpoint("127.0.0.1", 0, world.unit_tcp)
    server = Server(world, [end], None, lambda _: None, world.unit, clock=clock)
    masters = [connect(end.port) for _ in range(4)]
    turn(server, clock, 3)
    assert received(masters[3]) == b""
    request = bytes.fromhex("0001 0000 0006 01 03 0000 001e")
    for master in masters[:3]:
        master.sendall(request[:5])
        turn(server, clock, 2)
        master.sendall(request[5:] + request)
        turn(server, clock, 2)
        answer = received(master)
        assert answer is not None
        assert answer[9:13] == answer[69 + 9 : 69 + 13] == b"KERM"
    masters[0].close()
    turn(server, clock, 2)
    late = connect(end.port)
    turn(server, clock, 2)
    late.sendall(request)
    turn(server, clock, 2)
    assert (received(late) or b"")[9:13] == b"KERM"
    world.unit.reboot(world.now_us)
    turn(server, clock, 2)
    assert received(late) == b""
    for master in (*masters, late):
        master.close()
    end.close()


def test_a_stopped_process_goes_on_from_now() -> None:
    """0.9 s late is caught up in slices; 5 s late is said, and skipped."""
    world, clock, said = World(), Clock(), list[str]()
    server = Server(world, [], None, said.append, world.unit, clock=clock)
    turn(server, clock, 10)
    clock.us += 900_000
    server.turn(wait=False)
    assert world.now_us == 910_000
    assert said == []
    clock.us += 5_000_000
    server.turn(wait=False)
    assert world.now_us == 910_000
    assert len(said) == 1
    assert "5.0 s" in said[0]
    turn(server, clock, 10)
    assert world.now_us == 920_000


def test_control_socket_verbs(tmp_path: Path) -> None:
    world, clock = World(), Clock()
    control = Control(world)
    end = ControlEndpoint(tmp_path / "c", control)
    server = Server(world, [end], control, lambda _: None, world.unit, clock=clock)
    hand = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hand.connect(str(tmp_path / "c"))
    hand.setblocking(False)

    def ask(line: bytes) -> dict[str, object]:
        hand.sendall(line + b"\n")
        turn(server, clock, 2)
        answer = hand.recv(1 << 20)
        assert answer.endswith(b"\n")
        assert answer.count(b"\n") == 1
        said = json.loads(answer)
        assert said["simulated"] is True
        assert isinstance(said, dict)
        return said

    listed = ask(b'{"do":"list"}')
    assert listed["ok"]
    assert isinstance(listed["faults"], dict)
    assert set(listed["faults"]) == set(world.faults.names())
    assert ask(b'{"do":"press"}')["ok"]
    turn(server, clock, 2)
    assert world.plant.pins.switch_a
    assert ask(b'{"do":"release"}')["ok"]
    turn(server, clock, 2)
    assert not world.plant.pins.switch_a
    assert ask(
        b'{"do":"room","set":{"door_open":true,"key":"SERVICE","applicator":83,"emergency_stop":true,"filter":0}}'
    )["ok"]
    turn(server, clock, 2)
    pins = world.plant.pins
    assert (pins.door_a, pins.estop_a, pins.key_service_a, pins.applicator_a, pins.filter_a) == (
        False,
        False,
        True,
        83,
        0,
    )
    truth = ask(b'{"do":"truth"}')["truth"]
    assert isinstance(truth, dict)
    assert truth["hv_on"] is False
    assert ask(b'{"do":"fault","name":"key-off","for_s":0.05}')["ok"]
    assert "key-off" in world.faults.active()
    turn(server, clock, 60)
    assert "key-off" not in world.faults.active()
    assert ask(b'{"do":"fault","name":"door-open","at_s":0.1}')["ok"]
    assert "door-open" not in world.faults.active()
    turn(server, clock, 110)
    assert "door-open" in world.faults.active()
    assert ask(b'{"do":"stop","name":"door-open"}')["ok"]
    assert "door-open" not in world.faults.active()
    log = ask(b'{"do":"log"}')["log"]
    assert [entry[2] for entry in log if entry[1] == "fault"] == [  # type: ignore[attr-defined]
        "key-off starts", "key-off stops", "door-open starts", "door-open stops",
    ]  # fmt: skip
    hand.close()
    end.close()
    assert list(tmp_path.iterdir()) == []


WRONG = [
    b"", b"[]", b"17", b"null", b"{", b"\xff\xfe", b'{"do":"explode"}', b'{"do":["list"]}', b'{"do":"fault"}', b'{"do":"fault","name":"no"}',
    b'{"do":"fault","name":["door-open"]}', b'{"do":"fault","name":"door-open","at_s":-1}', b'{"do":"fault","name":"door-open","at_s":NaN}',
    b'{"do":"fault","name":"door-open","at_s":Infinity}', b'{"do":"fault","name":"door-open","at_s":true}',
    b'{"do":"fault","name":"door-open","for_s":0}', b'{"do":"fault","name":"door-open","for_s":"1"}',
    b'{"do":"fault","name":"door-open","at_s":' + b"9" * 5000 + b"}", b'{"do":"stop","name":"no"}', b'{"do":"room"}', b'{"do":"room","set":{}}',
    b'{"do":"room","set":{"window":true}}', b'{"do":"room","set":{"door_open":1}}', b'{"do":"room","set":{"key":"MAYBE"}}',
    b'{"do":"room","set":{"applicator":1}}', b'{"do":"log","from":-1}', b'{"do":"log","from":"x"}', b"[" * 60000,
]  # fmt: skip


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:50].decode("latin1"))
def test_wrong_requests_are_answered_in_words(line: bytes) -> None:
    control = Control(World())
    said = json.loads(control.answer(line))
    assert said["ok"] is False
    assert said["error"]
    assert not control.due


def test_control_socket_is_private_exclusive_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "c"
    end = ControlEndpoint(path, Control(World()))
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(OSError, match="another simulator"):
        ControlEndpoint(path, Control(World()))
    hand = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    hand.connect(str(path))
    hand.setblocking(False)
    hung_up = False
    for _ in range(40):
        try:
            hand.send(b"x" * 8192)
        except BlockingIOError:
            pass
        except OSError:
            hung_up = True
            break
        end.serve(0)
    assert hung_up
    hand.close()
    end.close()
    with pytest.raises(OSError, match="longer than"):
        ControlEndpoint(tmp_path / ("x" * 120), Control(World()))


def test_memory_file_survives_the_simulator(tmp_path: Path) -> None:
    path = tmp_path / "m" / "nv.json"
    memory = read_memory(path)
    keeper = MemoryKeeper(memory, path)
    memory.last_token = 7
    keeper.look(1000)
    assert read_memory(path).last_token == 7
    memory.counts_1 = 5
    keeper.look(2000)
    assert read_memory(path).counts_1 == 0
    keeper.look(1_002_000)
    assert read_memory(path).counts_1 == 5
    memory.run_open = True
    keeper.look(1_002_001)
    assert read_memory(path) == memory
    path.write_text(path.read_text()[:-30])
    with pytest.raises(ValueError, match=r"nv\.json"):
        read_memory(path)
    assert read_memory(tmp_path / "other.json") == UnitMemory()


def test_a_full_disk_is_said_once_and_drops_no_wire(tmp_path: Path) -> None:
    """The memory file's folder is gone: the loop goes on, and says so once."""
    world, clock, said = World(), Clock(), list[str]()
    keeper = MemoryKeeper(world.unit.nv, tmp_path / "gone" / "nv.json")
    server = Server(world, [], None, said.append, world.unit, keeper, clock)
    turn(server, clock, 3000)
    assert world.now_us == 3_000_000
    assert len(said) == 1
    assert "not being kept" in said[0]
