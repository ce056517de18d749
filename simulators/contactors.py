"""A contactor with a coil, a main contact that takes its time, and a force-guided mirror contact that cannot lie about a weld.
It knows no reason for closing or opening; the wired chain and the unit decide that."""

from __future__ import annotations


class Contactor:
    """Main contact follows the coil after `close_us` or `open_us`; a welded one, once closed, stays closed, and so does not show open on its mirror.

    `close_late_us` and `open_late_us`: how much longer a worn one takes; `mirror_torn`: the mirror contact's wire is off, so that it reads open."""

    __slots__ = (
        "_change_at_us",
        "_close_us",
        "_coil",
        "_open_us",
        "close_late_us",
        "closed",
        "mirror_torn",
        "open_late_us",
        "welded",
    )

    def __init__(self, close_ms: int, open_ms: int) -> None:
        self._close_us = close_ms * 1000
        self._open_us = open_ms * 1000
        self._coil = False
        self._change_at_us = 0
        self.close_late_us = self.open_late_us = 0
        self.closed = False
        self.mirror_torn = False
        self.welded = False

    @property
    def mirror_open(self) -> bool:
        """The force-guided contact: True only while the main contact is truly open, or its own wire is off."""
        return self.mirror_torn or not self.closed

    def rests(self, coil: bool) -> bool:
        """Whether a step with this coil would change nothing, now or later."""
        return self._coil is coil and (self.closed is coil or (self.welded and not coil))

    def step(self, coil: bool, now_us: int) -> bool:
        """One step with the coil energised or not; returns True when the main contact just moved."""
        if coil is not self._coil:
            self._coil = coil
            self._change_at_us = now_us + (
                self._close_us + self.close_late_us if coil else self._open_us + self.open_late_us
            )
        if self.closed is coil or now_us < self._change_at_us or (self.welded and not coil):
            return False
        self.closed = coil
        return True
