"""A procedure's line to the desk, laid over the console's own one: its thread asks, the console's loop carries what is asked and what is answered.
It never says that anybody is there: only the page that holds control does, so a beam ends with that page as every beam of the console does. What does more
than unload and close is asked of the desk only while the control in which the procedure was begun still stands."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from console.desk_client import FIRST, DeskGoneError
from console.web.link import Link
from controller.requests import Alive, Answer, Close, Edit, Reply, Request, Snapshot, Stop, Watch

KEPT: Final = 32
"""Replies that nobody has taken yet; the oldest goes, as the newest snapshot counts and answers are asked one at a time."""
NOBODYS: Final = (
    "the control in which this procedure was begun has ended; first: take control, and take the procedure up"
)


class Relay:
    """What console/treat/session.py calls a line. Made in the console's loop, used by one thread beside it; `held` is asked in the loop, in the moment in
    which a request goes out, for a person who said go may be gone before the desk is ready to hear of it (threat-T6)."""

    def __init__(self, link: Link, held: Callable[[], bool]) -> None:
        self._link, self._held = link, held
        self._loop = asyncio.get_running_loop()
        self._replies: deque[Reply] = deque(maxlen=KEPT)
        self._come = threading.Condition()
        self._ended = ""
        link.each.append(self._put)

    def send(self, request: Request, timeout_s: float = 0.5) -> None:
        """Hand one request to the loop; its answer comes by `receive`. `timeout_s` is the console's own line's matter."""
        assert timeout_s >= 0.0
        self._look()
        if isinstance(request, Alive | Watch):
            return
        try:
            if isinstance(request, Stop):
                self._loop.call_soon_threadsafe(self._link.stop)
            else:
                asked = self._link.ask(request, still=self._still(request))
                asyncio.run_coroutine_threadsafe(asked, self._loop).add_done_callback(self._answered)
        except RuntimeError as error:
            raise DeskGoneError(f"the console has ended; {FIRST}") from error

    def receive(self, timeout_s: float) -> Reply | None:
        """The next reply, or None after `timeout_s`."""
        with self._come:
            if not self._replies and not self._ended:
                self._come.wait(timeout_s)
            self._look()
            return self._replies.popleft() if self._replies else None

    def end(self, words: str) -> None:
        """Whoever uses it is told that nobody is there any more."""
        if self._put in self._link.each:
            self._link.each.remove(self._put)
        with self._come:
            self._ended = self._ended or words
            self._come.notify()

    def _still(self, request: Request) -> Callable[[], str]:
        """Unloading and closing are asked whoever is there, and nothing else."""
        freely = isinstance(request, Edit | Close)
        return lambda: NOBODYS if not freely and not self._held() else ""

    def _look(self) -> None:
        gone = self._ended or self._link.gone
        if gone:
            raise DeskGoneError(gone)

    def _answered(self, asked: Future[Answer]) -> None:
        if not asked.cancelled() and asked.exception() is None:
            self._put(asked.result())

    def _put(self, reply: Answer | Snapshot) -> None:
        with self._come:
            self._replies.append(reply)
            self._come.notify()
