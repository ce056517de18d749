"""Contactors, serial line, chambers, room and profile, each by itself.
It knows no firmware."""

from __future__ import annotations

import itertools

import pytest

from simulators.chamber import Chamber
from simulators.contactors import Contactor
from simulators.line import SerialLine
from simulators.profile import APPLICATORS, DEFAULT, FILTERS
from simulators.room import Room
from simulators.seam import UnitInputs


def moved_after(contactor: Contactor, coil: bool, start_us: int) -> int:
    for ms in range(1000):
        if contactor.step(coil, start_us + ms * 1000):
            return ms
    return -1


def test_contactor_takes_its_closing_and_opening_times():
    k1 = Contactor(20, 15)
    assert moved_after(k1, True, 0) == 20
    assert k1.closed and not k1.mirror_open
    assert moved_after(k1, False, 1_000_000) == 15
    assert k1.mirror_open


def test_a_short_coil_pulse_does_not_close():
    k1 = Contactor(20, 15)
    for ms in range(10):
        k1.step(True, ms * 1000)
    assert moved_after(k1, False, 10_000) == -1
    assert k1.mirror_open


def test_a_weld_holds_and_the_mirror_cannot_lie():
    k2 = Contactor(20, 50)
    k2.welded = True
    assert moved_after(k2, True, 0) == 20
    assert moved_after(k2, False, 100_000) == -1
    assert k2.closed and not k2.mirror_open
    k2.welded = False
    assert k2.step(False, 1_200_000)
    assert k2.mirror_open


def test_line_paces_9600_at_a_character_each_1042_us_both_ways():
    line = SerialLine(9600)
    assert line.host_write(b"abcd", 1_000) == 4
    assert line.device_take(1_000 + 1041) == b""
    assert line.device_take(1_000 + 1042) == b"a"
    assert line.device_take(1_000 + 3 * 1042) == b"bc"
    assert line.device_take(1_000 + 4167) == b"d"
    line.device_put(b"xy", 10_000)
    assert line.host_read(10_000 + 2083) == b"x"
    assert line.host_read(10_000 + 2084) == b"y"


def test_line_sends_a_second_write_after_the_first():
    line = SerialLine(115200)
    line.host_write(b"0123456789", 0)
    line.host_write(b"AB", 10)
    assert line.device_take(868) == b"012345678"
    assert line.to_device.next_us() == 869
    assert line.device_take(1043) == b"9AB"


def test_unpaced_line_is_instant_and_a_full_buffer_takes_fewer():
    fast = SerialLine(0)
    fast.host_write(b"x" * 10_000, 5)
    assert len(fast.device_take(5)) == 10_000
    slow = SerialLine(9600)
    assert slow.host_write(b"x" * 5000, 0) == 4096
    assert slow.host_write(b"x", 0) == 0
    with pytest.raises(ValueError, match="baud -1"):
        SerialLine(-1)


def test_codes_keep_their_distance():
    for table in (APPLICATORS, FILTERS):
        codes = [0x00, 0xFF, *(entry.code for entry in table)]
        for one, other in itertools.combinations(codes, 2):
            assert (one ^ other).bit_count() >= 2, f"{one:#x} and {other:#x}"


def chamber(seed: int = 1) -> Chamber:
    return Chamber(0.02, 0.5, DEFAULT.chamber_noise, 60_000.0, seed)


def ten_ms(one: Chamber, mgy_s: float) -> int:
    before = one.pulses
    for _ in range(10):
        one.step(mgy_s * 1e-3)
    one.slow_step(10)
    return one.pulses - before


def test_chamber_counts_dose_plus_leakage_and_its_noise_stays_inside_one_percent():
    one = chamber()
    windows = [ten_ms(one, 200.0) for _ in range(2000)]
    assert sum(windows) == pytest.approx(20.0 * 200.0 / 0.02 + 0.5 * 20.0, rel=5e-4)
    assert all(abs(count - 100.0) <= 2.0 for count in windows)
    assert len(set(windows)) > 1


def test_chamber_leaks_when_dark():
    one = chamber()
    assert sum(ten_ms(one, 0.0) for _ in range(1000)) in (4, 5)


def test_chamber_saturates_high_with_its_flag_never_low():
    one = chamber()
    ten_ms(one, 0.0)
    assert ten_ms(one, 64 * 55.0) >= 599
    assert one.saturated
    ten_ms(one, 55.0)
    assert not one.saturated


def test_room_shows_every_hand_on_the_pins():
    room, pins = Room(DEFAULT), UnitInputs()
    room.wire(pins)
    assert pins.door_a and pins.key_treat_b and pins.contact_a and pins.applicator_a == 0x35 and room.chain_closed()
    room.open_door()
    assert room.changed and not room.chain_closed()
    room.close_door()
    room.turn_key("SERVICE")
    room.press()
    room.fit_applicator(0)
    room.wire(pins)
    assert (
        pins.key_service_a and not pins.key_treat_a and pins.switch_b and not pins.contact_a and pins.applicator_b == 0
    )
    assert room.chain_closed()
    room.turn_key("OFF")
    assert not room.chain_closed()
    room.turn_key("TREAT")
    room.press_emergency_stop()
    assert not room.chain_closed()
    room.reset_emergency_stop()
    assert room.chain_closed()


def test_room_refuses_what_is_not_there():
    room = Room(DEFAULT)
    with pytest.raises(ValueError, match="0x12"):
        room.fit_applicator(0x12)
    with pytest.raises(ValueError, match="'ON'"):
        room.turn_key("ON")
