"""A serial line in memory that carries each character in its own time, both ways, as a UART at a given baud does.
It knows no frame; what is garbled or lost on the way is decided at its ends, or by a tamper that was put into it."""

from __future__ import annotations

from collections import deque

from simulators.wire_faults import Link, Sent, Tamper

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

    def withdraw(self, now_us: int) -> Sent:
        """Take back what has not arrived by `now_us`, with the times at which it would have begun to; what has arrived stays to be taken."""
        back: Sent = []
        kept: deque[tuple[bytes, int, int]] = deque()
        for data, start, taken in self._chunks:
            ready = (
                max(0, now_us - start) * self._baud // CHARACTER_BITS_US
                if self._baud
                else len(data) * (now_us >= start)
            )
            if ready > taken:
                kept.append((data[:ready], start, taken))
            if ready < len(data):
                back.append((max(start, now_us), data[ready:]))
        self._chunks = kept
        self._free_at_us = min(self._free_at_us, now_us)
        return back

    def clear(self) -> None:
        """Lose what is under way, as when a plug is pulled."""
        self._chunks.clear()
        self._free_at_us = 0


class SerialLine:
    """A full-duplex line between a host and a device; `baud` 0 = not paced. All times are the world's, in us. `breaks` counts how often its port was closed."""

    __slots__ = ("_tamper", "baud", "breaks", "to_device", "to_host")

    def __init__(self, baud: int) -> None:
        if baud < 0:
            raise ValueError(f"baud {baud}: a line needs 0 (not paced) or more")
        self.baud = baud
        self.breaks = 0
        self.to_device = Direction(baud)
        self.to_host = Direction(baud)
        self._tamper: Tamper | None = None

    def tampered(self, link: Link) -> None:
        """From now on what passes here may be tampered with."""
        self._tamper = link.join(self)

    @property
    def gone(self) -> bool:
        """The port is not there."""
        return self._tamper is not None and self._tamper.gone

    @property
    def stalled(self) -> bool:
        """Whoever serves the device's end of this line reads nothing off it."""
        return self._tamper is not None and (self._tamper.blocked or self._tamper.hole)

    def host_write(self, data: bytes, now_us: int) -> int:
        """The host sends; returns how many bytes its buffer took."""
        tamper = self._tamper
        if tamper is None:
            return self.to_device.put(data, now_us)
        if self.gone or tamper.blocked:
            return 0
        tamper.asked(data)
        if not tamper.acts:
            return self.to_device.put(data, now_us)
        for piece in tamper.to_device(data, now_us):
            self.to_device.put(piece, now_us)
        return len(data)

    def host_read(self, now_us: int) -> bytes:
        """What the host has received and not yet read; b"" = nothing."""
        self._release(now_us)
        return self.to_host.take(now_us) if self.to_host.busy() else b""

    def host_next_us(self) -> int | None:
        """When the host's next byte will be whole, or None when nothing is under way."""
        kept = self._tamper.next_us() if self._tamper is not None else None
        sent = self.to_host.next_us()
        return kept if sent is None else sent if kept is None else min(sent, kept)

    def device_take(self, now_us: int) -> bytes:
        """What the device has received and not yet taken; b"" = nothing."""
        return self.to_device.take(now_us)

    def device_put(self, data: bytes, now_us: int) -> int:
        """The device starts to answer at `now_us`, which may lie ahead (its turnaround)."""
        tamper = self._tamper
        if tamper is None:
            return self.to_host.put(data, now_us)
        tamper.answered(data)
        if not tamper.acts:
            return self.to_host.put(data, now_us)
        tamper.from_device(data, now_us)
        return len(data)

    def withdraw(self, now_us: int) -> Sent:
        """What has not arrived at the host yet."""
        return self.to_host.withdraw(now_us)

    def foreign(self, data: bytes, now_us: int) -> None:
        """Another master writes on this line."""
        self.to_device.put(data, now_us)

    def hang_up(self) -> None:
        """The port is closed; what was under way is lost."""
        self.breaks += 1
        if self._tamper is not None:
            self._tamper.forget()
        self.to_device.clear()
        self.to_host.clear()

    def _release(self, now_us: int) -> None:
        if self._tamper is not None and self._tamper.acts:
            for at_us, piece in self._tamper.due(now_us):
                self.to_host.put(piece, at_us)
