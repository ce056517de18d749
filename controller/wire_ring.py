"""What passed on the wires, in a ring of its own beside the ticks: the real-time process writes, anybody who may read the folder reads, nobody acknowledges.
It knows bytes, times and names of wires; what a frame says is for the driver that spoke it, on the reader's side."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from controller.ring import Ring, RingEntry, RingGap, RingReader
from hal.machine import LINKS
from hal.units import Seconds
from hal.wire_log import FrameLog

WIRE: Final = "wire"
KEEP_WIRE_S: Final = 10.0
"""Longer than what is kept of a trip, by as much as the recorder may be late."""
FRAMES_A_TICK: Final = 5
"""Request and reply on each of two wires, and now and then one on the third."""
_LOST: Final = 0x80
_COUNT: Final = struct.Struct("<I")


def wire_slots_for(tick_hz: float) -> int:
    """Slots, a power of two, that hold KEEP_WIRE_S seconds of frames."""
    return 1 << (int(KEEP_WIRE_S * tick_hz * FRAMES_A_TICK) - 1).bit_length()


class Frames(Protocol):
    """What takes the frames of a tick."""

    def put(self, logs: Mapping[str, FrameLog], now: Seconds) -> None: ...


class WireRing:
    """The real-time side. A frame takes one record, a long one a few; what a wire's own log lost is told by its count."""

    def __init__(self, folder: str, slots: int) -> None:
        self._ring = Ring(folder, slots, WIRE)
        self._lost: dict[str, int] = {}

    @classmethod
    def create(cls, folder: str, tick_hz: float) -> WireRing:
        """A fresh ring for this tick rate in the instance's folder. Raises as Ring.create does."""
        return cls(folder, wire_slots_for(tick_hz))

    def put(self, logs: Mapping[str, FrameLog], now: Seconds) -> None:
        """Everything that has passed since the last time, wire by wire."""
        for place, name in enumerate(LINKS):
            log = logs.get(name)
            if log is None:
                continue
            for frame in log.take_all():
                self._ring.put(2 * place + frame.sent, frame.data, int(frame.at_s * 1e9))
            if log.lost != self._lost.get(name, 0):
                count = log.lost - self._lost.get(name, 0)
                self._lost[name] = log.lost
                self._ring.put(_LOST + place, _COUNT.pack(min(count, 0xFFFFFFFF)), int(now * 1e9))

    def close(self) -> None:
        """Let go of the memory; what was written stays."""
        self._ring.close()


class WireFrame(msgspec.Struct, frozen=True):
    """One frame as it passed: which wire, whether it was sent, when (monotonic)."""

    mono_ns: int
    link: str
    sent: bool
    data: bytes


class WireLost(msgspec.Struct, frozen=True):
    """Frames that cannot be read any more: `link` names the wire whose log overflowed, "" says that the reader was too slow."""

    count: int
    link: str = ""


class WireReader:
    """The other side, for as many as like: from the oldest frame that is safe to read, or from now on."""

    def __init__(self, folder: str, from_now: bool = False) -> None:
        self._reader = RingReader(folder, name=WIRE)
        if from_now:
            self._reader = _from(folder, self._reader)
        else:
            self._reader.go_back()

    def writer_is_dead(self) -> bool:
        """True once the process that wrote has ended; ask before the last read."""
        return self._reader.writer_is_dead()

    def read(self, limit: int) -> list[WireFrame | WireLost]:
        """Up to about `limit` records' worth, in the order in which they were written: by tick, then by wire."""
        found: list[WireFrame | WireLost] = []
        for item in self._reader.read(limit):
            if isinstance(item, RingGap):
                found.append(WireLost(item.last - item.first + 1))
            else:
                found.append(_read(item))
        return found

    def close(self) -> None:
        self._reader.close()


def _read(item: RingEntry) -> WireFrame | WireLost:
    """One record; what this version does not know is lost to it, and is no fault of the reader's."""
    if item.kind < 2 * len(LINKS):
        return WireFrame(item.mono_ns, LINKS[item.kind // 2], bool(item.kind % 2), item.payload)
    if _LOST <= item.kind < _LOST + len(LINKS) and len(item.payload) == _COUNT.size:
        return WireLost(_COUNT.unpack(item.payload)[0], LINKS[item.kind - _LOST])
    return WireLost(1)


def _from(folder: str, looked: RingReader) -> RingReader:
    """A reader that begins after the newest record of another."""
    newest = looked.newest()
    looked.close()
    return RingReader(folder, newest + 1, WIRE)
