"""One person's hold on the desk: says that it is alive, keeps the newest snapshot and the answers, and can STOP at any moment by two ways.
It knows no treatment; what is asked, and when, is for the command that holds it."""

from __future__ import annotations

import contextlib
import signal
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Protocol

from console.desk_client import DeskGoneError, send_stop
from controller.requests import Alive, Answer, Reply, Request, Snapshot, Stop, Watch
from hal.clock import Clock

ALIVE_EVERY_S = 0.5
"""A quarter of the desk's lease of 2 s (design-D12)."""
TURN_S = 0.1
ANSWER_WITHIN_S = 9.0
"""The desk answers every request within 8 s."""

STOP_HEARD = Answer(True, "stop")
"""The desk's answer to a STOP; it is never the answer to anything else that was asked at the same time."""


class Line(Protocol):
    """What carries requests and replies: a connection to a desk, or one in virtual time. Both raise DeskGoneError where nobody is at the other end."""

    def send(self, request: Request, timeout_s: float = 0.5) -> None: ...

    def receive(self, timeout_s: float) -> Reply | None: ...


class Session:
    """A watching, living client. `snapshot` is the newest; `stopped` is true from the first STOP of this person on."""

    def __init__(self, desk: Line, stop_path: Path, clock: Clock) -> None:
        self._desk = desk
        self._stop_path = stop_path
        self._clock = clock
        self._alive_at = float("-inf")
        self._answers: deque[Answer] = deque(maxlen=8)
        self.snapshot: Snapshot | None = None
        self.heard_s: float = clock.monotonic()
        self.stopped = False
        desk.send(Watch())

    def now(self) -> float:
        return self._clock.monotonic()

    def silent_s(self) -> float:
        """How long ago the newest snapshot came."""
        return self.now() - self.heard_s

    def turn(self, wait_s: float = TURN_S) -> bool:
        """Say alive if it is due, then take what has come, waiting at most `wait_s` for the first of it; true when a new snapshot is there."""
        now = self.now()
        if now - self._alive_at >= ALIVE_EVERY_S:
            self._alive_at = now
            self._desk.send(Alive())
        new = False
        for _ in range(64):
            reply = self._desk.receive(wait_s)
            if reply is None:
                break
            wait_s = 0.0
            if isinstance(reply, Answer):
                if reply != STOP_HEARD:
                    self._answers.append(reply)
            else:
                self.snapshot, self.heard_s, new = reply, self.now(), True
        return new

    def ask(self, request: Request, within_s: float = ANSWER_WITHIN_S) -> Answer:
        """One request and its answer, alive all the while; silence is an answer too, and says so."""
        self._answers.clear()
        self._desk.send(request)
        self._alive_at = self.now()
        until = self.now() + within_s
        while self.now() < until:
            self.turn()
            if self._answers:
                return self._answers.popleft()
        return Answer(False, f"no answer within {within_s:.0f} s; first: look at kerma status")

    def stop(self) -> None:
        """STOP by its own socket and through the desk; never fails, may be called from a signal and as often as one likes."""
        self.stopped = True
        send_stop(self._stop_path)
        with contextlib.suppress(DeskGoneError):
            self._desk.send(Stop(), 0.0)


@contextlib.contextmanager
def signals_stop(session: Session) -> Iterator[None]:
    """Ctrl-C, a closed terminal and a polite kill are STOP, and nothing more: the command then waits for the end."""

    def heard(_number: int, _frame: FrameType | None) -> None:
        session.stop()

    kept = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
