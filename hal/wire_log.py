"""What passed on one wire, kept until somebody takes it: whole frames with time and direction, a few of them at most.
It knows no frame's meaning, no ring and no file; whoever takes the frames knows where they go."""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from hal.units import Seconds

LOG_FRAMES: Final = 32
"""More than pass on one wire between two ticks, unless the other end floods it."""
LOGGED_B: Final = 1140
"""More than any frame of any dialect; of what is longer only so much is kept."""


class Frame(msgspec.Struct, frozen=True, gc=False):
    """Bytes that left, or bytes that were heard: a reply as it was cut from the stream, or what was thrown away at once."""

    at_s: Seconds
    sent: bool
    data: bytes


class FrameLog:
    """The newest frames of one wire; it outlives connections. `lost` counts frames that nobody took in time, and those that were cut."""

    __slots__ = ("_frames", "lost")

    def __init__(self) -> None:
        self._frames: deque[Frame] = deque(maxlen=LOG_FRAMES)
        self.lost = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, at_s: Seconds, sent: bool, data: bytes) -> None:
        """One more; the oldest gives way."""
        if len(self._frames) == LOG_FRAMES or len(data) > LOGGED_B:
            self.lost += 1
            data = data[:LOGGED_B]
        self._frames.append(Frame(at_s, sent, data))

    def take_all(self) -> tuple[Frame, ...]:
        """All that is here, oldest first, once."""
        frames = self._frames
        if not frames:
            return ()
        taken = tuple(frames)
        frames.clear()
        return taken

    def take(self) -> Frame | None:
        """The oldest that is here, once; None when there is none left."""
        return self._frames.popleft() if self._frames else None
