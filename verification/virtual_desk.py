"""A client's connection to the desk of a rig in virtual time: what the console's rooms hold instead of a socket, so that their own code is played.
It decides nothing; every wait turns the rig."""

from __future__ import annotations

from collections import deque
from typing import Any

from console.desk_client import DeskGoneError
from controller.requests import Answer, Reply, Request, Snapshot
from hal.units import Seconds
from verification.virtual import VirtualRig


class VirtualDesk:
    """Requests go to the rig's desk; replies are taken as they are told. `sent` is everything that was asked."""

    def __init__(self, rig: VirtualRig) -> None:
        self._rig = rig
        self._replies: deque[Reply] = deque(maxlen=64)
        self.sent: list[Request] = []
        rig.event_hooks.append(self._told)

    def send(self, request: Request, timeout_s: float = 0.5) -> None:  # noqa: ARG002 - nothing waits here
        if self._rig.loop is None:
            raise DeskGoneError("the desk is gone; first: look at the warning lamp")
        self.sent.append(request)
        self._rig.send(request)

    def receive(self, timeout_s: float) -> Reply | None:
        until = self._rig.now_s() + timeout_s
        while not self._replies:
            if self._rig.now_s() >= until:
                return None
            if self._rig.loop is None:
                raise DeskGoneError("the desk is gone; first: look at the warning lamp")
            self._rig.turn()
        return self._replies.popleft()

    def _told(self, kind: str, what: Any) -> None:
        if kind == "told" and isinstance(what, Answer | Snapshot):
            self._replies.append(what)


class VirtualNow:
    """The rig's clock as the console asks for it; to wait is to turn the rig."""

    def __init__(self, rig: VirtualRig) -> None:
        self._rig = rig

    def monotonic(self) -> Seconds:
        return Seconds(self._rig.now_s())

    def wall(self) -> Seconds:
        return self._rig.clock.wall()

    def sleep_until(self, deadline: Seconds) -> None:
        while self._rig.now_s() < deadline:
            self._rig.turn()
