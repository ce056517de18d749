"""Spellman's comma protocol on a serial wire: framing, checksum and strict reading of one frame, written from the manuals' facts.
It knows no command's meaning; a frame that does not hold is dropped without an answer, as the supply does."""

from __future__ import annotations

from functools import lru_cache

STX = 0x02
ETX = 0x03
LONGEST_B = 96


def checksum(body: bytes) -> int:
    """The check character of `body` (command up to and including the last comma): 0x40 to 0x7F."""
    return (-sum(body) & 0x7F) | 0x40


@lru_cache(maxsize=256, typed=True)
def frame(*fields: object, packets: bool = False) -> bytes:
    """One frame: STX, fields each closed by a comma, check character (none on the Ethernet port), ETX. Flags and set-points are said again and again."""
    body = f"{','.join(map(str, fields))},".encode("ascii")
    return b"\x02" + body + (b"\x03" if packets else bytes((checksum(body), ETX)))


@lru_cache(maxsize=1024)
def parse(content: bytes, packets: bool = False) -> tuple[str, ...] | None:
    """The fields between STX and ETX, or None when checksum or shape do not hold."""
    body = content if packets else content[:-1]
    if len(body) < 3 or body[-1] != 0x2C or not body.isascii():
        return None
    if not packets and checksum(body) != content[-1]:
        return None
    return tuple(body[:-1].decode("ascii").split(","))


class Deframer:
    """Collects bytes into frames; noise before STX, a second STX and an endless frame all start it afresh."""

    __slots__ = ("_content", "_inside", "_packets")

    def __init__(self, packets: bool = False) -> None:
        self._packets = packets
        self._content = bytearray()
        self._inside = False

    def feed(self, data: bytes) -> list[tuple[str, ...]]:
        """The good frames completed by `data`, as fields; bad ones are dropped."""
        if data[:1] == b"\x02" and data.find(3) == len(data) - 1 <= LONGEST_B + 1 and data.rfind(2) == 0:
            # One whole frame, as nearly always.
            self._inside = False
            fields = parse(bytes(data[1:-1]), self._packets)
            return [] if fields is None else [fields]
        frames = []
        for byte in data:
            if byte == STX:
                self._content.clear()
                self._inside = True
            elif not self._inside:
                continue
            elif byte == ETX:
                self._inside = False
                fields = parse(bytes(self._content), self._packets)
                if fields is not None:
                    frames.append(fields)
            else:
                self._content.append(byte)
                if len(self._content) > LONGEST_B:
                    self._inside = False
        return frames
