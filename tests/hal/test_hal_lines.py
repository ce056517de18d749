"""A tty is opened at once or not at all, alone, and under a name that leads to the line that it led to before; what is no tty is refused in words."""

from __future__ import annotations

import fcntl
import os
import pty
import socket
import struct
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hal import transport
from hal.transport import Gone, Lines, SerialPipe, numbered, open_pipe

TIOCGEXCL = 0x80045440
"""Linux: is this terminal in exclusive mode? (ioctl_tty(2))"""


@pytest.fixture
def plug() -> Iterator[Any]:
    """Makes lines whose other end only is held, as a cable's: each call gives a path."""
    masters = []

    def make() -> str:
        master, slave = pty.openpty()
        masters.append(master)
        path = os.ttyname(slave)
        os.close(slave)
        return path

    yield make
    for master in masters:
        os.close(master)


def test_opening_waits_for_no_carrier(plug: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """L13: a line whose carrier is down is opened all the same: O_NONBLOCK at once, CLOCAL from then on."""
    path = plug()
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    settings = termios.tcgetattr(fd)
    settings[2] &= ~termios.CLOCAL
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    flags = []
    real = os.open

    def spied(where: Any, how: int, *more: Any) -> int:
        if where == path:
            flags.append(how)
        return real(where, how, *more)

    monkeypatch.setattr(os, "open", spied)
    pipe = SerialPipe(path, 9600)
    assert flags and all(how & os.O_NONBLOCK and how & os.O_NOCTTY for how in flags)
    assert pipe.fd is not None
    assert termios.tcgetattr(pipe.fd)[2] & termios.CLOCAL
    assert not os.get_blocking(pipe.fd)
    pipe.close()
    os.close(fd)


def no_tty(kind: str, folder: Path) -> str:
    path = folder / "port"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "file":
        path.write_bytes(b"precious")
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        made = socket.socket(socket.AF_UNIX)
        made.bind(str(path))
        made.close()
    return "/dev/null" if kind == "device" else str(path)


@pytest.mark.parametrize("scheme", ["tty", "pty"])
@pytest.mark.parametrize("kind", ["fifo", "file", "folder", "socket", "device", "nothing"])
def test_what_is_no_tty_is_refused_at_once_and_left_as_it_was(kind: str, scheme: str, tmp_path: Path) -> None:
    path = no_tty(kind, tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Gone, match=path):
        open_pipe(f"{scheme}:{path}", 9600)
    assert len(os.listdir("/proc/self/fd")) == before, "a descriptor is left over"
    if kind == "file":
        assert Path(path).read_bytes() == b"precious"


def test_a_real_line_is_held_alone_in_the_kernel_too(plug: Any) -> None:
    """L15: a lock keeps out who asks for it; the kernel's exclusive mode keeps out who does not (but root)."""
    path = plug()
    pipe = open_pipe(f"tty:{path}", 9600)
    assert pipe.fd is not None
    assert struct.unpack("i", fcntl.ioctl(pipe.fd, TIOCGEXCL, bytes(4)))[0]
    pipe.close()
    again = open_pipe(f"tty:{path}", 9600)
    again.close()


def test_a_pseudo_terminal_is_not_shut_for_the_next_process(plug: Any) -> None:
    pipe = open_pipe(f"pty:{plug()}", 9600)
    assert pipe.fd is not None
    assert not struct.unpack("i", fcntl.ioctl(pipe.fd, TIOCGEXCL, bytes(4)))[0]
    pipe.close()


def test_a_name_that_leads_elsewhere_after_a_loss_is_refused(plug: Any, tmp_path: Path) -> None:
    first, second, name = plug(), plug(), tmp_path / "generator"
    name.symlink_to(first)
    lines = Lines()
    lines(f"tty:{name}", 9600).close()
    lines(f"tty:{name}", 9600).close()
    name.unlink()
    name.symlink_to(second)
    with pytest.raises(Gone, match=f"leads to {second}, another line than at first"):
        lines(f"tty:{name}", 9600)
    name.unlink()
    name.symlink_to(first)
    lines(f"tty:{name}", 9600).close()
    Lines()(f"tty:{name}", 9600).close()


def test_a_name_of_the_devices_own_may_lead_to_another_number(
    plug: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """udev's names under /dev/serial go with the device or its socket; the kernel's number behind them changes with each plug."""
    monkeypatch.setattr(transport, "OWN_NAMES", (f"{tmp_path}/by-id/",))
    (tmp_path / "by-id").mkdir()
    name = tmp_path / "by-id" / "usb-generator"
    lines = Lines()
    for path in (plug(), plug()):
        name.unlink(missing_ok=True)
        name.symlink_to(path)
        lines(f"tty:{name}", 9600).close()


def test_a_simulator_that_starts_anew_gets_another_number(plug: Any, tmp_path: Path) -> None:
    name, lines = tmp_path / "generator", Lines()
    for path in (plug(), plug()):
        name.unlink(missing_ok=True)
        name.symlink_to(path)
        lines(f"pty:{name}", 9600).close()


def test_names_that_say_only_when_something_was_plugged_in() -> None:
    assert numbered("/dev/ttyUSB0") and numbered("/dev/ttyACM12")
    for path in ("/dev/ttyS0", "/dev/ttyAMA1", "/dev/serial/by-id/usb-FTDI-if00-port0", "/dev/ttyUSB", "/dev/ttyUSB0x"):
        assert not numbered(path)
