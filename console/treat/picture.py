"""Whether bytes are a photo that may be kept and shown: PNG or JPEG by its content, whole, within bounds, holding a picture and nothing else.
It decodes no pixel and knows no patient."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hal.errors import ConfigurationError

BYTES: Final = 2 * 1024 * 1024
SIDE_PX: Final = (64, 4096)
PIXELS: Final = 12_000_000
SCANS: Final = 64
"""Of a progressive JPEG: each is a pass over the whole picture."""
ANEW: Final = "first: attach it at the page Treat, which takes the picture out of a photo and leaves the rest behind"

PNG: Final = b"\x89PNG\r\n\x1a\n"
PNG_PARTS: Final = {
    b"IHDR": 13, b"PLTE": 768, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"sBIT": 4, b"IDAT": BYTES, b"IEND": 0,
}  # fmt: skip
"""Each with its longest form, and but for the pixels each once: a part that is longer holds something else."""
CHANNELS: Final = {0: 1, 2: 3, 3: 1}
"""Nothing that can be seen through: a picture that is another one on paper than on the page."""
PIECE: Final = 1 << 16
SOI, EOI, SOS, DRI = 0xD8, 0xD9, 0xDA, 0xDD
FRAMES: Final = (0xC0, 0xC1, 0xC2)
DHT, DQT, JFIF, PROFILE, ADOBE = 0xC4, 0xDB, 0xE0, 0xE2, 0xEE
JPEG_PARTS: Final = (DHT, DQT, DRI, JFIF, PROFILE, ADOBE)
"""Tables, JFIF, a colour profile, Adobe's colours: no EXIF, so no place and no mirrored view; no comment, no second picture. Each must be what it says."""
PROFILE_BYTES: Final = 16 * 1024
"""Of all parts of a colour profile."""


@dataclass(frozen=True)
class Picture:
    """What it is; `kind` is the end of a file's name."""

    kind: str
    width_px: int
    height_px: int


def looked(data: bytes) -> Picture:
    """What the bytes are. Raises ConfigurationError: what is wrong with value and bound, and what to do first."""
    if len(data) > BYTES:
        raise _wrong(f"has {len(data)} bytes, at most {BYTES}")
    if data.startswith(PNG):
        return _png(data)
    if data[:2] == bytes((0xFF, SOI)):
        return _jpeg(data)
    raise _wrong(f"is neither PNG nor JPEG (it begins with {data[:4].hex() or 'nothing'})")


def _wrong(words: str) -> ConfigurationError:
    return ConfigurationError(f"the photo {words}; {ANEW}")


def _sized(kind: str, width: int, height: int) -> Picture:
    low, high = SIDE_PX
    if not (low <= width <= high and low <= height <= high) or width * height > PIXELS:
        raise _wrong(f"has {width} x {height} pixels, wanted {low} to {high} each way and at most {PIXELS} in all")
    return Picture(kind, width, height)


def _png(data: bytes) -> Picture:
    parts = list(_chunks(data))
    names = [name for name, _ in parts]
    if names[:1] != [b"IHDR"] or names[-1:] != [b"IEND"] or len(parts[0][1]) != 13:
        raise _wrong("is a PNG without its beginning or end")
    width, height, depth, colour, packed, filtered, laced = struct.unpack(">IIBBBBB", parts[0][1])
    picture = _sized("png", width, height)
    if depth not in (1, 2, 4, 8, 16) or colour not in CHANNELS or packed or filtered or laced:
        raise _wrong(f"is a PNG of a form that is not taken (depth {depth}, colour {colour}, interlaced {laced})")
    _inflated(
        b"".join(body for name, body in parts if name == b"IDAT"),
        height * (1 + (width * depth * CHANNELS[colour] + 7) // 8),
    )
    return picture


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, seen = len(PNG), set[bytes]()
    while at < len(data):
        if at + 12 > len(data):
            raise _wrong(f"is a PNG that is cut at byte {at}")
        size, name = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        end = data[at + 8 + size : at + 12 + size]
        if len(end) < 4 or zlib.crc32(name + body) != int.from_bytes(end, "big"):
            raise _wrong(f"is a PNG that is cut or damaged at byte {at}")
        if name not in PNG_PARTS or size > PNG_PARTS[name] or name in seen:
            raise _wrong(f"is a PNG with a part {name.decode('latin-1')!r} of {size} bytes that is no picture")
        seen |= {name} - {b"IDAT"}
        yield name, body
        at += 12 + size
        if name == b"IEND" and at != len(data):
            raise _wrong(f"has {len(data) - at} bytes behind its end")


def _inflated(packed: bytes, wanted: int) -> None:
    """Counted piece by piece and never kept: a picture that unpacks to more than it says is refused where it passes that."""
    unpacker, found = zlib.decompressobj(), 0
    rest = packed
    try:
        while rest and not unpacker.eof and found <= wanted:
            found += len(unpacker.decompress(rest, PIECE))
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise _wrong(f"is a PNG that cannot be unpacked ({error})") from error
    if found != wanted or not unpacker.eof or unpacker.unused_data:
        raise _wrong(
            f"is a PNG that unpacks to {'more' if found > wanted else 'other'} than the {wanted} bytes of its size"
        )


def _jpeg(data: bytes) -> Picture:
    picture, scans, profile, at = None, 0, 0, 2
    while True:
        if at + 2 > len(data) or data[at] != 0xFF:
            raise _wrong(f"is a JPEG that is cut or damaged at byte {at}")
        mark = data[at + 1]
        if mark == EOI:
            break
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + size]
        if size < 2 or len(body) != size - 2:
            raise _wrong(f"is a JPEG that is cut at byte {at}")
        at += 2 + size
        if mark in FRAMES and picture is None:
            picture = _frame(body)
        elif mark == SOS and picture is not None:
            if not body or len(body) != 4 + 2 * body[0]:
                raise _wrong(f"is a JPEG with a pass of another form at byte {at}")
            scans += 1
            at = _scanned(data, at)
        elif mark not in JPEG_PARTS:
            raise _wrong(f"is a JPEG with a part {mark:02X} that is not taken (EXIF and comments are E1 and FE)")
        elif not _is_what_it_says(mark, body):
            raise _wrong(f"is a JPEG with a part {mark:02X} of {len(body)} bytes that is no part of a picture")
        profile += len(body) if mark == PROFILE else 0
        if profile > PROFILE_BYTES:
            raise _wrong(f"is a JPEG with a colour profile of more than {PROFILE_BYTES} bytes")
        if scans > SCANS:
            raise _wrong(f"is a JPEG of more than {SCANS} passes")
    if picture is None or scans == 0:
        raise _wrong("is a JPEG without a picture")
    if at + 2 != len(data):
        raise _wrong(f"has {len(data) - at - 2} bytes behind its end")
    return picture


def _is_what_it_says(mark: int, body: bytes) -> bool:
    """A part of the kind of its mark, to its last byte: nothing else has room in it."""
    if mark == JFIF:
        # without a second, small picture
        return len(body) == 14 and body.startswith(b"JFIF\0") and body.endswith(b"\0\0")
    if mark in (PROFILE, ADOBE):
        return body.startswith(b"ICC_PROFILE\0") if mark == PROFILE else len(body) == 12 and body.startswith(b"Adobe")
    if mark == DRI:
        return len(body) == 2
    at = 0
    while at < len(body):
        at += 1 + (64 << (body[at] >> 4 & 1) if mark == DQT else 16 + sum(body[at + 1 : at + 17]))
    return at == len(body) > 0


def _frame(body: bytes) -> Picture:
    if len(body) < 6:
        raise _wrong("is a JPEG without a size")
    depth, height, width, channels = struct.unpack_from(">BHHB", body)
    if depth != 8 or channels not in (1, 3) or len(body) != 6 + 3 * channels:
        raise _wrong(f"is a JPEG of a form that is not taken (depth {depth}, {channels} channels)")
    return _sized("jpg", width, height)


def _scanned(data: bytes, at: int) -> int:
    """Where the next part begins: behind the picture's own bytes, in which FF stands only before 00 and D0 to D7."""
    begun = at
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise _wrong("is a JPEG without its end")
        if data[at + 1] and not 0xD0 <= data[at + 1] <= 0xD7:
            break
        at += 2
    if at == begun:
        raise _wrong("is a JPEG with an empty pass")
    return at
