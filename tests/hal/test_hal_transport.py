"""Pipes over the kernel's own devices: nothing waits, a full line takes nothing, an ended one says Gone, and pyserial's write is never called."""

from __future__ import annotations

import ast
import fcntl
import os
import pty
import select
import socket
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hal
from hal.errors import ConfigurationError
from hal.transport import Gone, SerialPipe, TcpPipe, memory_pair, open_pipe, parse_link


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A pty's master and the path of its slave; a slave descriptor is held, as the simulator does."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    yield master, os.ttyname(slave)
    for fd in (master, slave):
        try:
            os.close(fd)
        except OSError:
            continue


def ready(fd: int) -> None:
    assert select.select([fd], [], [], 2.0)[0]


def test_a_pty_carries_bytes_both_ways(line: tuple[int, str]) -> None:
    master, path = line
    pipe = open_pipe(f"pty:{path}", 115200)
    assert pipe.take() == b""
    assert pipe.send(b"\x0222,p\x03") == 6
    assert os.read(master, 100) == b"\x0222,p\x03"
    os.write(master, b"\x02\x03\x11\x13\x00\xff\r\n")
    assert pipe.fd is not None
    ready(pipe.fd)
    assert pipe.take() == b"\x02\x03\x11\x13\x00\xff\r\n"
    pipe.close()
    pipe.close()
    with pytest.raises(Gone):
        pipe.take()


def test_a_full_pty_takes_nothing_and_does_not_block(line: tuple[int, str]) -> None:
    """L13: nobody reads at the other end."""
    _, path = line
    pipe = SerialPipe(path, 115200)
    taken = [pipe.send(b"x" * 1000) for _ in range(1000)]
    assert 0 in taken
    pipe.close()


def test_an_unplugged_line_is_gone_and_not_merely_empty(line: tuple[int, str]) -> None:
    """L12: with pyserial's own settings "nothing there" and "peer gone" read alike."""
    master, path = line
    pipe = SerialPipe(path, 9600)
    assert pipe.take() == b""
    os.close(master)
    with pytest.raises(Gone):
        pipe.take()
    with pytest.raises(Gone):
        pipe.send(b"x")
    pipe.close()


def test_a_line_is_held_exclusively(line: tuple[int, str]) -> None:
    """L15."""
    pipe = SerialPipe(line[1], 9600)
    with pytest.raises(Gone):
        SerialPipe(line[1], 9600)
    pipe.close()
    SerialPipe(line[1], 9600).close()


def test_a_missing_line_is_gone() -> None:
    with pytest.raises(Gone):
        open_pipe("tty:/dev/not-there", 9600)


def test_a_link_left_behind_by_a_dead_simulator_is_not_opened(line: tuple[int, str], tmp_path: Path) -> None:
    """Terminal numbers are reused: the link may lead to somebody's terminal. Its maker holds a lock while it lives."""
    link = tmp_path / "generator"
    link.symlink_to(line[1])
    lock = os.open(f"{link}.lock", os.O_CREAT | os.O_RDWR)
    with pytest.raises(Gone, match="left over"):
        open_pipe(f"pty:{link}", 115200)
    fcntl.flock(lock, fcntl.LOCK_EX)
    open_pipe(f"pty:{link}", 115200).close()
    os.close(lock)


def test_tcp_connects_without_waiting_and_carries_bytes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe = open_pipe(f"tcp:localhost:{server.getsockname()[1]}", 0)
        peer, _ = server.accept()
        with peer:
            assert pipe.take() == b""
            assert pipe.send(b"hello") == 5
            assert peer.recv(10) == b"hello"
            peer.sendall(b"there")
            assert pipe.fd is not None
            ready(pipe.fd)
            assert pipe.take() == b"there"
        ready(pipe.fd)
        with pytest.raises(Gone):
            pipe.take()
        pipe.close()
        assert pipe.fd is None


def test_tcp_has_no_delay() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe = TcpPipe("127.0.0.1", server.getsockname()[1])
        assert pipe.fd is not None
        with socket.socket(fileno=os.dup(pipe.fd)) as same:
            assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        pipe.close()


def test_the_kernel_gives_up_what_no_device_acknowledges_within_half_a_second() -> None:
    """Set before the connection is made, on each kind of network link: a late write cannot outlive a module's host idle time of 1 s."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for kind in ("tcp", "socket"):
            pipe = open_pipe(f"{kind}:localhost:{server.getsockname()[1]}", 0)
            assert pipe.fd is not None
            with socket.socket(fileno=os.dup(pipe.fd)) as same:
                assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 500
            pipe.close()


def test_what_was_sent_just_before_the_end_arrives() -> None:
    """The last OFF, then the end of the process: the connection ends in order behind it, for a reset may take it from the device."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe = open_pipe(f"tcp:localhost:{server.getsockname()[1]}", 0)
        there, _ = server.accept()
        with there:
            assert pipe.send(b"off") == 3
            pipe.close()
            assert there.recv(16) == b"off"
            assert there.recv(16) == b""


def test_a_connection_that_comes_to_nothing_takes_and_gives_nothing() -> None:
    """The server's queue is full, so the connection stays half open; the exchange's deadline ends it, not the kernel's minutes."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        pipes = [TcpPipe("127.0.0.1", server.getsockname()[1]) for _ in range(6)]
        last = pipes[-1]
        assert last.take() == b""
        assert last.send(b"x") == 0
        for pipe in pipes:
            pipe.close()


def test_a_refused_connection_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    try:
        pipe = TcpPipe("127.0.0.1", port)
    except Gone:
        return
    assert pipe.fd is not None
    select.select([pipe.fd], [pipe.fd], [], 2.0)
    with pytest.raises(Gone):
        pipe.take()
    pipe.close()


def test_a_full_connection_takes_nothing_and_does_not_block() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe = TcpPipe("127.0.0.1", server.getsockname()[1])
        peer, _ = server.accept()
        with peer:
            assert 0 in [pipe.send(b"x" * 100_000) for _ in range(1000)]
        pipe.close()


def test_a_memory_pair_is_a_wire_with_room() -> None:
    one, other = memory_pair(room=4)
    assert one.send(b"abcdef") == 4
    assert one.send(b"g") == 0
    assert other.take() == b"abcd"
    assert other.take() == b""
    assert one.send(b"ef") == 2
    other.close()
    with pytest.raises(Gone):
        one.send(b"x")
    with pytest.raises(Gone):
        one.take()


@pytest.mark.parametrize(
    "link",
    [
        "",
        "pty:",
        "usb:/dev/x",
        "tcp:host.example:502",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:0",
        "tcp:127.0.0.1:65536",
        "tcp:1:x",
        "socket::5",
    ],
)
def test_a_wrong_link_is_refused_with_words(link: str) -> None:
    with pytest.raises(ConfigurationError, match="link"):
        parse_link(link)


@given(st.text(max_size=40))
def test_any_link_is_read_or_refused(link: str) -> None:
    try:
        assert parse_link(link).kind in ("pty", "tty", "tcp", "socket")
    except ConfigurationError as why:
        assert repr(link) in str(why)


def test_serial_write_is_never_used() -> None:
    """pyserial's write() loops for ever on a stopped line; only transport.py imports it, and calls nothing of it but open, fileno and close."""
    importers = []
    for path in Path(hal.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        imported = [n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
        imported += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        if any(name.split(".")[0] == "serial" for name in imported):
            importers.append(path.name)
            called = {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            }
            assert "Serial" in called
            on_port = {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func.value) == "self._port"
            }
            assert on_port == {"fileno", "close"}
    assert importers == ["transport.py"]
