"""How the frames of four wires are put together: the comma protocol, lines of text, Modbus RTU and TCP, each opened and sealed again with a right checksum.
It knows where a frame keeps its address, its number and its values, so that a fault may change one of them; what they mean it does not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from simulators import modbus_codec
from simulators.spellman_codec import ETX, STX, checksum

COMMA = b","
SEMICOLON = b";"
CRLF = b"\r\n"
TEXT_ACTS = frozenset({b"STA", b"HLD", b"RES", b"INT", b"NUL"})
"""What acts without a parameter on the wire whose lines of text are known here."""
WRITE_COIL, WRITE_ONE, WRITE, READ_WRITE = 5, 6, 16, 23


@dataclass(frozen=True, slots=True)
class Framing:
    """`fits` tells one whole frame by its look; `inner` is what the checksum is made over, `sealed` a frame like another one around a changed inner part."""

    name: str
    fits: Callable[[bytes], bool]
    inner: Callable[[bytes], bytes]
    sealed: Callable[[bytes, bytes], bytes]
    key: Callable[[bytes], bytes]


def _comma_fits(frame: bytes) -> bool:
    return len(frame) >= 5 and frame[0] == STX and frame[-1] == ETX and COMMA in frame[-3:]


def _comma_inner(frame: bytes) -> bytes:
    # The check character is 0x40 or more, so a comma at its place says that there is none.
    return frame[1:-1] if frame[-2:-1] == COMMA else frame[1:-2]


def _comma_sealed(inner: bytes, like: bytes) -> bytes:
    check = b"" if like[-2:-1] == COMMA else bytes((checksum(inner),))
    return bytes((STX,)) + inner + check + bytes((ETX,))


def six_bit_sum_holds(frame: bytes) -> bool:
    """Whether the character before the frame's end (ETX, or CR LF) is the check character of what stands between it and STX."""
    content = frame[1:].removesuffix(bytes((ETX,))).removesuffix(b"\r\n")
    return frame[:1] == bytes((STX,)) and len(content) > 1 and checksum(content[:-1]) == content[-1]


def _text_fits(frame: bytes) -> bool:
    """A word of capitals, fields behind semicolons, CR LF; no checksum."""
    word = frame.removesuffix(CRLF).split(SEMICOLON)[0]
    return frame.endswith(CRLF) and frame.count(CRLF) == 1 and word.isalnum() and word.isupper() and word.isascii()


def _tcp_fits(frame: bytes) -> bool:
    return len(frame) >= 8 and frame[2:4] == b"\0\0" and int.from_bytes(frame[4:6], "big") == len(frame) - 6


def _tcp_sealed(inner: bytes, like: bytes) -> bytes:
    return like[:4] + len(inner).to_bytes(2, "big") + inner


def _rtu_sealed(inner: bytes, _like: bytes) -> bytes:
    return inner + modbus_codec.crc16(inner).to_bytes(2, "little")


FRAMINGS = (
    Framing("comma", _comma_fits, _comma_inner, _comma_sealed, lambda inner: inner.split(COMMA)[0]),
    Framing("tcp", _tcp_fits, lambda frame: frame[6:], _tcp_sealed, lambda inner: inner[1:6]),
    Framing("rtu", modbus_codec.rtu_whole, lambda frame: frame[:-2], _rtu_sealed, lambda inner: inner[1:6]),
    Framing(
        "text",
        _text_fits,
        lambda frame: frame[:-2],
        lambda inner, _like: inner + CRLF,
        lambda inner: inner.split(SEMICOLON)[0],
    ),
)


def framing_of(frame: bytes) -> Framing | None:
    """Whose frame this is by its look; None for a part of a frame, several, or a protocol that is not known here."""
    for framing in FRAMINGS:
        if framing.fits(frame):
            return framing
    return None


def request_key(request: bytes) -> bytes:
    """What tells one question from another: the command's number, or function and address; the whole request where neither is known."""
    if request[:1] == b"\x02":
        return _comma_key(request)
    return request[7:12] if _tcp_fits(request) else _key(request)


def _key(request: bytes) -> bytes:
    framing = framing_of(request)
    return request if framing is None else framing.key(framing.inner(request))


_comma_key = lru_cache(maxsize=256)(_key)
"""Its questions are few and always the same bytes; those of Modbus are numbered."""


def acknowledged(request: bytes) -> bytes | None:
    """What a device would say to this write; None if it is no write that can be told from a read."""
    framing = framing_of(request)
    if framing is None:
        return None
    inner = framing.inner(request)
    if framing.name == "comma":
        number, *args = inner.split(COMMA)[:-1]
        return framing.sealed(number + b",$,", request) if args else None
    if framing.name == "text":
        return request if SEMICOLON in inner or inner in TEXT_ACTS else None
    if inner[1] in (WRITE_COIL, WRITE_ONE):
        return request
    return framing.sealed(inner[:6], request) if inner[1] == WRITE else None


def with_other_value(request: bytes) -> bytes | None:
    """The same write with another value in its last place, sealed; None for a read."""
    framing = framing_of(request)
    if framing is None or acknowledged(request) is None or framing.inner(request) in TEXT_ACTS:
        return None
    inner = bytearray(framing.inner(request))
    if framing.name in ("rtu", "tcp") and inner[1] == WRITE_COIL:
        inner[-2] ^= 0xFF  # a coil knows two values only
    else:
        inner[-2 if framing.name == "comma" else -1] ^= 1
    return framing.sealed(bytes(inner), request)
