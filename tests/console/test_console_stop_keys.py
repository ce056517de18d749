"""Space, Esc and Ctrl-C on a terminal are STOP at once while something is exposed, whatever the terminal does; and nothing else is, nor before, nor after."""

from __future__ import annotations

import os
import pty
import sys
import termios
import threading
from collections.abc import Iterator

import pytest

from console.calibrate.face import Keyboard

WITHIN_S = 5.0


class Terminal:
    """A pseudo-terminal in the place of standard input."""

    def __init__(self, master: int, slave: int) -> None:
        self.master, self.slave = master, slave
        self.stopped = threading.Event()
        self.keyboard = Keyboard(self.stopped.set)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    with os.fdopen(os.dup(slave), "r") as shown:
        monkeypatch.setattr(sys, "stdin", shown)
        made = Terminal(master, slave)
        yield made
        made.keyboard.exposing(False)
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("keys", [b" ", b"\x1b", b"\x1b[A", b"xyz "])
def test_a_key_is_stop_while_something_is_exposed(terminal: Terminal, keys: bytes) -> None:
    """Without a line's end, and from a thread of its own: the one that draws waits for nothing here."""
    terminal.keyboard.exposing(True)
    terminal.type(keys)
    assert terminal.stopped.wait(WITHIN_S)


def test_other_keys_are_not_and_the_terminal_is_as_before(terminal: Terminal) -> None:
    before = termios.tcgetattr(terminal.slave)
    terminal.keyboard.exposing(True)
    assert termios.tcgetattr(terminal.slave) != before
    terminal.type(b"go\n")
    assert not terminal.stopped.wait(0.2)
    terminal.keyboard.exposing(False)
    assert termios.tcgetattr(terminal.slave) == before


def test_between_exposures_a_space_is_a_letter(terminal: Terminal) -> None:
    """The line is read whole, and what was typed before the question is thrown away."""
    terminal.type(b"old\n")
    terminal.keyboard.fresh()
    assert terminal.keyboard.typed() is None
    terminal.type(b"air 22.4 degC 99.00 kPa\n")
    line = None
    for _ in range(1000):
        line = line or terminal.keyboard.typed()
    assert line == "air 22.4 degC 99.00 kPa\n" and not terminal.stopped.is_set()


def test_a_terminal_that_is_closed_is_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could press a key there any more; and the keyboard is put away without a word about it."""
    master, slave = pty.openpty()
    with os.fdopen(slave, "r") as shown:
        monkeypatch.setattr(sys, "stdin", shown)
        made = Terminal(master, slave)
        made.keyboard.exposing(True)
        os.close(master)
        assert made.stopped.wait(WITHIN_S)
        made.keyboard.exposing(False)
