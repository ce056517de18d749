"""The end of the real-time process: by a signal it goes when nothing is under way, by anything that escapes a tick at once, and both shut the gate first."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from controller.__main__ import EXIT_CRASH, EXIT_STUCK_ON, run
from controller.loop import Loop

CHILD_S = 30


def fake(tick: Callable[[Any], None], told: Callable[[str], None], put: Callable[[], None] = lambda: None) -> Loop:
    """As much of a loop as `run` touches; `told` hears what was done, in order."""

    def entry(*_: object) -> None:
        told("crash record ")
        put()

    loop = SimpleNamespace(
        stop_requested=False,
        may_end=False,
        stuck_on=False,
        pace=SimpleNamespace(next=lambda: 1.0, now=lambda: 1.0),
        gate=SimpleNamespace(shut=lambda: told("shut ")),
        ledger=SimpleNamespace(put=entry),
        links=SimpleNamespace(keep=lambda _now: None),
        dossier=SimpleNamespace(leave=lambda _now: told("what was left ")),
    )
    loop.tick = lambda _now: tick(loop)
    return cast(Loop, loop)


def ended(tick: Callable[[Any], None], put: Callable[[], None] = lambda: None) -> tuple[int, str]:
    """Exit code of a process that runs this, and what it did before its end; one that does not end, as where the program is wrong, ends by an alarm."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(CHILD_S)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os._exit(run(fake(tick, lambda what: cast(None, os.write(mouth, what.encode())), put)))
    os.close(mouth)
    _, status = os.waitpid(child, 0)
    did = os.read(ear, 4096).decode()
    os.close(ear)
    return os.waitstatus_to_exitcode(status), did


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_whatever_escapes_a_tick_shuts_the_gate_and_ends_the_process(error: type[BaseException]) -> None:
    """There is no next tick on half-changed state (design-A15): off first, then the record, then the end, with a code of its own."""

    def tick(_loop: Any) -> None:
        raise error("half-way")

    assert ended(tick) == (EXIT_CRASH, "shut crash record ")


def test_a_ring_that_fails_too_does_not_keep_the_process() -> None:
    """The crash record is for people; the end is not made to wait for it."""

    def broken() -> None:
        raise OSError("no ring")

    def tick(_loop: Any) -> None:
        raise ValueError("half-way")

    assert ended(tick, broken) == (EXIT_CRASH, "shut crash record ")


def test_a_signal_ends_it_when_nothing_is_under_way_and_the_gate_is_shut_then() -> None:
    """Asked to end in beam it ticks on until it may."""
    ticks = 0
    heard: list[str] = []

    def tick(loop: Any) -> None:
        nonlocal ticks
        ticks += 1
        loop.stop_requested = ticks >= 2
        loop.may_end = ticks >= 5

    assert run(fake(tick, heard.append)) == 0
    assert (ticks, heard) == (5, ["shut ", "what was left "])


def test_whoever_ends_it_where_off_could_not_be_shown_is_told_that_beam_may_be_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """STUCK_ON lets a process end, and neither its code nor its last words take that for a good end."""

    def tick(loop: Any) -> None:
        loop.stop_requested = loop.may_end = loop.stuck_on = True

    assert run(fake(tick, lambda _what: None)) == EXIT_STUCK_ON
    assert "the beam may be on; first: press the emergency stop, take the patient away" in capsys.readouterr().err


def test_last_words_that_nobody_takes_leave_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends what reads the words too: the code is told all the same."""

    def gone(_words: str) -> int:
        raise BrokenPipeError

    def tick(loop: Any) -> None:
        loop.stop_requested = loop.may_end = loop.stuck_on = True

    monkeypatch.setattr("sys.stderr.write", gone)
    assert run(fake(tick, lambda _what: None)) == EXIT_STUCK_ON
