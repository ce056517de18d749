"""The console's one line to the desk: it watches, keeps the newest snapshot with its age, and asks one thing at a time; a desk that is gone, slow or
foreign is a value. It says Alive only when told to, by the page that holds control; it decides nothing and never raises what a wire did."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from console.desk_client import Desk, DeskGoneError, connect, send_stop
from console.treat.session import ANSWER_WITHIN_S, STOP_HEARD
from controller.requests import Alive, Answer, Request, Snapshot, Stop, Watch
from hal.clock import Clock

CONNECT_WITHIN_S: Final = 0.5
AGAIN_AFTER_S: Final = 0.5
LOOK_EVERY_S: Final = 0.2
SLOW_AFTER_S: Final = 1.0
"""Snapshots come ten a second; a second without one is a desk that does not turn."""
ALIVE_EVERY_S: Final = 0.25
"""At most so often; the desk's lease is 2 s."""
A_TURN: Final = 32


class Link:
    """One connection at a time, kept up by `run`. `rig` and `simulated` are what the rig file says: a desk that says otherwise is foreign."""

    def __init__(self, desk: Path, stop: Path, rig: str, simulated: bool, clock: Clock) -> None:
        self._desk_path, self._stop_path = desk, stop
        self._named = rig, simulated
        self._clock = clock
        self._desk: Desk | None = None
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[Answer] | None = None
        self._ready = asyncio.Event()
        self._alive_s = float("-inf")
        self._heard_s = float("-inf")
        self._kept: Snapshot | None = None
        self._foreign = ""
        self._gone = "the desk was not looked for yet"
        self.number = 0
        self.fresh: set[asyncio.Event] = set()
        self.each: list[Callable[[Snapshot], None]] = []
        self.stopping: list[Callable[[], None]] = []

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest one, however old; None where there is none of this rig."""
        return self._kept

    def trouble(self) -> str:
        """What is wrong with the desk, in words; empty when nothing is."""
        if self._desk is None:
            return self._gone
        if self._foreign:
            return self._foreign
        silent = self._clock.monotonic() - self._heard_s
        if silent > SLOW_AFTER_S:
            return (
                f"no snapshot for {silent:.1f} s; first: look at the warning lamp, press the emergency stop if in doubt"
            )
        return ""

    @property
    def gone(self) -> str:
        """Why nobody is at the other end, or who it is that is not this rig; empty while somebody is."""
        return self._gone if self._desk is None else self._foreign

    async def run(self) -> None:
        """Connect, listen, and again, until it is cancelled."""
        try:
            while True:
                await self._connected()
                while self._desk is not None:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_EVERY_S):
                            await self._ready.wait()
                    self._ready.clear()
                    self._take()
                self._tell()
                await asyncio.sleep(AGAIN_AFTER_S)
        finally:
            self._lose("the console has ended")

    async def ask(
        self, request: Request, within_s: float = ANSWER_WITHIN_S, still: Callable[[], str] = lambda: ""
    ) -> Answer:
        """One request and its answer; no answer is an answer, and then the line is cut, so that a late one is never taken for another's. `still` is asked
        when its turn has come: words where it is to be asked no more."""
        async with self._asking:
            against = still()
            if against:
                return Answer(False, against)
            if self._desk is None or self._foreign:
                return Answer(False, self.trouble())
            answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            self._answer = answer
            try:
                self._send(request)
                if self._desk is None:
                    return Answer(False, self.trouble())
                async with asyncio.timeout(within_s):
                    return await answer
            except TimeoutError:
                self._lose(f"no answer within {within_s:.0f} s; first: look at kerma status")
                return Answer(False, self._gone)
            finally:
                self._answer = None

    def alive(self) -> None:
        """The page that holds control is there now; said on to the desk, at most four times a second."""
        now = self._clock.monotonic()
        if now - self._alive_s >= ALIVE_EVERY_S and self._desk is not None and not self._foreign:
            self._alive_s = now
            self._send(Alive())

    def stop(self) -> bool:
        """STOP by its own socket and through the desk; true when it lies in the socket. It waits for nothing and is never queued."""
        sent = send_stop(self._stop_path)
        if self._desk is not None:
            self._send(Stop())
        for told in self.stopping:
            told()
        return sent

    async def _connected(self) -> None:
        try:
            desk = await asyncio.to_thread(connect, self._desk_path, self._clock, CONNECT_WITHIN_S)
        except DeskGoneError as error:
            self._gone = str(error)
            return
        self._desk, self._foreign = desk, ""
        self._heard_s = self._clock.monotonic()
        asyncio.get_running_loop().add_reader(desk.fd, self._ready.set)
        self._send(Watch())

    def _send(self, request: Request) -> None:
        if self._desk is None:
            return
        try:
            self._desk.send(request, 0.0)
        except DeskGoneError as error:
            self._lose(str(error))

    def _take(self) -> None:
        """What has come, a bounded number of packets; the newest snapshot is the one that counts."""
        for _ in range(A_TURN):
            if self._desk is None:
                return
            try:
                reply = self._desk.receive(0.0)
            except DeskGoneError as error:
                self._lose(str(error))
                return
            if reply is None:
                return
            if isinstance(reply, Answer):
                if reply != STOP_HEARD and self._answer is not None and not self._answer.done():
                    self._answer.set_result(reply)
            else:
                self._show(reply)

    def _show(self, shown: Snapshot) -> None:
        self._heard_s = self._clock.monotonic()
        if (shown.rig, shown.simulated) != self._named:
            rig, simulated = self._named
            self._foreign = (
                f"the rig file says rig {rig}, simulated = {str(simulated).lower()}; the process that answers says rig {shown.rig}, "
                f"simulated = {str(shown.simulated).lower()}; first: start kerma run and kerma console with the same file"
            )
            self._kept = None
        else:
            self._kept, self._foreign = shown, ""
            for told in self.each:
                told(shown)
        self._tell()

    def _tell(self) -> None:
        self.number += 1
        for event in self.fresh:
            event.set()

    def _lose(self, words: str) -> None:
        """Let go of the connection; the last snapshot stays, with its age."""
        self._gone = words
        if self._desk is not None:
            asyncio.get_running_loop().remove_reader(self._desk.fd)
            self._desk.close()
            self._desk = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(False, words))
