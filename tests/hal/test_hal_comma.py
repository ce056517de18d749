"""The comma protocol: the published vectors, every split, strict digits, and replies that belong to another command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import Trouble, TroubleKind
from hal.exchange import Heard
from hal.generators import spellman_xrv as xrv
from hal.generators.spellman import CommaDialect, Order, Said, checksum, frame, whole, wholes

VECTORS = (
    (10, (4095,), "02 31 30 2C 34 30 39 35 2C 75 03"),
    (22, (), "02 32 32 2C 70 03"),
    (26, (), "02 32 36 2C 6C 03"),
    (98, (1,), "02 39 38 2C 31 2C 46 03"),
    (98, (0,), "02 39 38 2C 30 2C 47 03"),
    (99, (1,), "02 39 39 2C 31 2C 45 03"),
    (99, (0,), "02 39 39 2C 30 2C 46 03"),
)


def dialect(order: Order, packets: bool = False) -> CommaDialect:
    made = CommaDialect(xrv.BOOK, packets)
    made.encode(order)
    return made


def hear(data: bytes, order: Order, abandoned: Order | None = None) -> Said | Trouble | Heard | None:
    return dialect(order).take(bytearray(data), order, abandoned)


@pytest.mark.parametrize(("number", "args", "expected"), VECTORS)
def test_frames_are_the_published_ones(number: int, args: tuple[int, ...], expected: str) -> None:
    assert frame(number, args, packets=False) == bytes.fromhex(expected)


def test_ethernet_frames_have_no_check_character_but_keep_the_comma() -> None:
    assert frame(98, (1,), packets=True) == b"\x0298,1,\x03"
    order = Order(xrv.FLAGS)
    assert dialect(order, packets=True).take(bytearray(b"\x0222" + b",0" * 17 + b",\x03"), order, None) == Said(
        numbers=(0,) * 17
    )


@pytest.mark.parametrize(
    ("body", "check"), [(b"10,$,", 0x63), (b"22,1,0,0,", 0x5B), (b"28,160,30,0,", ord("|")), (b"14,1280,", ord("x"))]
)
def test_checksums_of_replies_are_the_published_ones(body: bytes, check: int) -> None:
    assert checksum(body) == check


MONITOR = Order(xrv.MONITOR)
MONITOR_REPLY = b"\x0219,1234,2977,3783,512,768,6,7,899,~\x03"


def test_a_reply_is_taken_whole_at_every_split_and_never_from_a_part() -> None:
    for cut in range(1, len(MONITOR_REPLY)):
        made, buf = dialect(MONITOR), bytearray(MONITOR_REPLY[:cut])
        assert made.take(buf, MONITOR, None) is None
        buf += MONITOR_REPLY[cut:]
        assert made.take(buf, MONITOR, None) == Said(numbers=(1234, 2977, 3783, 512, 768, 6, 7, 899))
        assert not buf


@pytest.mark.parametrize(
    "field",
    [b"", b"+1", b"-1", b" 1", b"1 ", b"0x1", b"1.0", b"\xb21", b"4096", b"99999999999", b"1_0", "\u0661".encode()],
)
def test_only_digits_within_range_are_a_number(field: bytes) -> None:
    assert whole(field, 4095) is None
    assert wholes([b"1", field, b"2"], 4095) is None


def test_leading_zeros_are_allowed() -> None:
    assert whole(b"042", 4095) == 42
    assert wholes([b"042", b"4095"], 4095) == (42, 4095)
    assert wholes([], 4095) is None


def test_flipped_bits_that_pass_the_sum_are_caught_by_the_digits() -> None:
    """Bits 6 and 7 do not change the check character; no digit survives such a flip."""
    caught = 0
    for at in range(1, len(MONITOR_REPLY) - 1):
        for bit in range(8):
            data = bytearray(MONITOR_REPLY)
            data[at] ^= 1 << bit
            heard = hear(bytes(data), MONITOR)
            assert heard is None or isinstance(heard, Trouble), (at, bit)
            caught += 1
    assert caught == 8 * (len(MONITOR_REPLY) - 2)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"x" + MONITOR_REPLY, "before"),
        (b"\x0219,1,2,\x03", "checksum"),
        (b"\x02\x0219,1,2,3,4,5,6,7,8,J\x03", "checksum"),
        (b"\x03", "before"),
        (b"\x02" + b"1" * 200, "endless"),
    ],
)
def test_damage_is_a_bad_frame(data: bytes, detail: str) -> None:
    heard = hear(data, MONITOR)
    assert isinstance(heard, Trouble)
    assert heard.kind is TroubleKind.FRAME_BAD
    assert detail in heard.detail


def reply(body: str) -> bytes:
    return b"\x02" + body.encode() + bytes([checksum(body.encode())]) + b"\x03"


def test_another_commands_reply_is_not_believed() -> None:
    heard = hear(reply("22" + ",0" * 17 + ","), MONITOR)
    assert isinstance(heard, Trouble)
    assert heard.kind is TroubleKind.FRAME_BAD


def test_the_reply_of_what_an_off_overtook_is_known_for_what_it_is() -> None:
    assert hear(MONITOR_REPLY, xrv.OFF, MONITOR) is Heard.ABANDONED


def test_a_reply_with_another_count_of_values_is_not_believed() -> None:
    """The uX answers 32 with a 22 of five values; a DXM's 22 has four."""
    for count in (3, 4, 8, 16, 18):
        heard = hear(reply("22" + ",0" * count + ","), Order(xrv.FLAGS))
        assert isinstance(heard, Trouble), count


@pytest.mark.parametrize("body", ["98,2,", "98,!,2,", "E#2,"])
def test_all_three_forms_of_an_error_are_refusals(body: str) -> None:
    heard = hear(reply(body), xrv.ON)
    assert isinstance(heard, Trouble)
    assert heard.kind is TroubleKind.REFUSED
    assert "2" in heard.detail


def test_the_lines_own_echo_is_dropped() -> None:
    order = Order(xrv.WRITES[0], (4095,))
    buf = bytearray(bytes.fromhex("02 31 30 2C 34 30 39 35 2C 75 03") + reply("10,$,"))
    made = dialect(order)
    assert made.take(buf, order, None) is Heard.STRAY
    assert made.take(buf, order, None) == Said()


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_make_the_decoder_raise(data: bytes) -> None:
    for order in (MONITOR, Order(xrv.FLAGS), Order(xrv.MODEL), Order(xrv.SCALING), xrv.ON):
        buf = bytearray(data)
        while buf:
            size = len(buf)
            heard = dialect(order).take(buf, order, None)
            if heard is None or isinstance(heard, Trouble) or len(buf) == size:
                break


@given(st.binary(min_size=1, max_size=60).map(lambda body: body.replace(b"\x02", b"2").replace(b"\x03", b"3")))
def test_no_body_with_a_good_sum_makes_the_decoder_raise(body: bytes) -> None:
    body += b","
    for order in (MONITOR, Order(xrv.FLAGS), Order(xrv.MODEL), Order(xrv.SCALING), Order(xrv.READ_BACK[0]), xrv.OFF):
        hear(b"\x02" + body + bytes([checksum(body)]) + b"\x03", order)
