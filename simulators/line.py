"""A serial line in memory that carries each character in its own time, both ways, as a UART at a given baud does.
It knows no frame and no fault; what is garbled or lost is decided at its ends."""

from __future__ import annotations

from collections import deque

CHARACTER_BITS_US = 10_000_000  # 10 bits a character, in millionths of a bit time
BUFFER_B = 4096


class Direction:
    """One direction of a line: bytes put at a time come out one character time after another."""

    __slots__ = ("_baud", "_chunks", "_free_at_us")

    def __init__(self, baud: int) -> None:
        self._baud = baud
        self._chunks: deque[tuple[bytes, int, int]] = deque()
        self._free_at_us = 0

    def put(self, data: bytes, at_us: int) -> int:
        """Queue `data` from `at_us` on; returns how many bytes were taken (a full buffer takes fewer)."""
        baud = self._baud
        if baud:
            waiting = max(0, self._free_at_us - at_us) * baud // CHARACTER_BITS_US
            data = data[: max(0, BUFFER_B - waiting)]
        if not data:
            return 0
        start = max(at_us, self._free_at_us)
        self._chunks.append((data, start, 0))
        self._free_at_us = start + (-(-len(data) * CHARACTER_BITS_US // baud) if baud else 0)
        return len(data)

    def take(self, now_us: int) -> bytes:
        """All bytes whose last bit has arrived by `now_us`."""
        chunks = self._chunks
        if not chunks:
            return b""
        baud = self._baud
        out = b""
        while chunks:
            data, start, taken = chunks[0]
            if now_us < start:
                break
            ready = (now_us - start) * baud // CHARACTER_BITS_US if baud else len(data)
            if ready >= len(data):
                out += data[taken:]
                chunks.popleft()
                continue
            if ready > taken:
                out += data[taken:ready]
                chunks[0] = (data, start, ready)
            break
        return out

    def busy(self) -> bool:
        """True while anything is under way or waits to be taken."""
        return bool(self._chunks)

    def next_us(self) -> int | None:
        """When the next byte will be whole, or None when nothing is under way."""
        if not self._chunks:
            return None
        _, start, taken = self._chunks[0]
        return start + (-(-(taken + 1) * CHARACTER_BITS_US // self._baud) if self._baud else 0)

    def clear(self) -> None:
        """Lose what is under way, as when a plug is pulled."""
        self._chunks.clear()
        self._free_at_us = 0


class SerialLine:
    """A full-duplex line between a host and a device; `baud` 0 = not paced. All times are the world's, in us."""

    __slots__ = ("baud", "to_device", "to_host")

    def __init__(self, baud: int) -> None:
        if baud < 0:
            raise ValueError(f"baud {baud}: a line needs 0 (not paced) or more")
        self.baud = baud
        self.to_device = Direction(baud)
        self.to_host = Direction(baud)

    def host_write(self, data: bytes, now_us: int) -> int:
        """The host sends; returns how many bytes its buffer took."""
        return self.to_device.put(data, now_us)

    def host_read(self, now_us: int) -> bytes:
        """What the host has received and not yet read; b"" = nothing."""
        return self.to_host.take(now_us)

    def device_take(self, now_us: int) -> bytes:
        """What the device has received and not yet taken; b"" = nothing."""
        return self.to_device.take(now_us)

    def device_put(self, data: bytes, now_us: int) -> int:
        """The device starts to answer at `now_us`, which may lie ahead (its turnaround)."""
        return self.to_host.put(data, now_us)
