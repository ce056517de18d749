"""A line that somebody types at standard input, taken without waiting for it.
It asks nothing and judges nothing of what was typed."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios


class TypedLine:
    """The line that is being typed."""

    def __init__(self) -> None:
        self._line = b""

    def fresh(self) -> None:
        """What was typed before the question is thrown away, so that nobody confirms what he has not seen."""
        with contextlib.suppress(termios.error, ValueError):
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        self._line = b""

    def taken(self) -> str | None:
        """The line; "" for the end of input; None while there is none yet."""
        fd = sys.stdin.fileno()
        if not select.select([fd], [], [], 0.0)[0]:
            return None
        part = os.read(fd, 1024)
        self._line += part
        if part and not self._line.endswith(b"\n"):
            return None
        line, self._line = self._line, b""
        return line.decode("utf-8", "replace")
