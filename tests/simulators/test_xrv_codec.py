"""Checksum vectors and strict reading of the comma protocol.
Vectors are those published with the protocol's facts, not made by the code under test."""

from __future__ import annotations

import pytest

from simulators.spellman_codec import Deframer, checksum, frame, parse

VECTORS = (
    (b"10,4095,", 0x75), (b"22,", 0x70), (b"26,", 0x6C), (b"98,1,", ord("F")), (b"98,0,", ord("G")), (b"99,1,", ord("E")),
    (b"99,0,", ord("F")), (b"10,$,", ord("c")), (b"22,1,0,0,", 0x5B), (b"28,", ord("j")), (b"28,160,30,0,", ord("|")),
    (b"19,1234,2977,3783,512,768,6,7,899,", ord("~")), (b"43,SWM00199-001,3261,", ord("Q")), (b"07,1,", ord("P")),
)  # fmt: skip


@pytest.mark.parametrize(("body", "check"), VECTORS)
def test_checksum_vectors(body: bytes, check: int):
    assert checksum(body) == check


def test_frame_is_byte_exact():
    assert frame("10", 4095) == bytes.fromhex("02 31 30 2C 34 30 39 35 2C 75 03")
    assert frame("22") == bytes.fromhex("02 32 32 2C 70 03")


def test_a_bad_check_character_is_silence():
    good = frame("98", 1)
    for spot in range(1, len(good) - 1):
        bent = bytearray(good)
        bent[spot] ^= 0x01
        assert Deframer().feed(bytes(bent)) == []


def test_frames_arrive_in_pieces_after_noise_and_after_a_broken_start():
    deframer = Deframer()
    assert deframer.feed(b"\xffnoise" + b"\x0210,20") == []
    assert deframer.feed(frame("10", 2846)[:4]) == []
    assert deframer.feed(frame("10", 2846)[4:] + frame("22")) == [("10", "2846"), ("22",)]


def test_an_endless_frame_is_given_up():
    deframer = Deframer()
    assert deframer.feed(b"\x02" + b"1" * 500 + b"\x03") == []
    assert deframer.feed(frame("22")) == [("22",)]


def test_shapes_that_are_no_frame():
    assert parse(b"") is None
    assert parse(b"98F") is None
    assert parse(b"\xff\xff,@") is None
