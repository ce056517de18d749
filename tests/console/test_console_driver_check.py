"""`kerma drivers check` on every simulated device, in virtual time: it finds what is there, refuses who is another, and says neither ON nor ARM.
What was said is proved by the device's own list of what it heard, not by the check's word."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driver_check_bench import Device, Meter
from msgspec import structs
from typer.testing import CliRunner

from console import cli, places
from console.drivers import check as driver_check
from console.drivers.bench import Bench
from console.drivers.generator_check import GeneratorSubject
from console.drivers.steps import Outcome
from console.exit_codes import DRIVER_CHECK_FAILED, Exit
from hal import registry
from hal.errors import ConfigurationError
from hal.generators.engine import GeneratorEngine
from hal.readings import Cause, Relay, UnitCapability, UnitState
from hal.safety_units.kerma_unit import KermaUnit
from hal.units import Seconds
from simulators.unit_map import State
from simulators.units import BENCH_IO

PASS, FAIL, NOT_TRIED = Outcome.PASS, Outcome.FAIL, Outcome.NOT_TRIED
GENERATORS = registry.names(registry.GENERATORS)
CASES = [
    (name, network)
    for name in GENERATORS
    for network in (False, True)
    if any((wire == "tcp") is network for wire in registry.generator(name).wires)
]
OFFS = {
    ("98", "0"), ("99", "0"), ("ENBL", "0"), ("P6", "1"), ("P6", "0"), ("P5", "0"),
    # The XRB80's own watchdog is fed and kept alive by its round.
    ("WDTE", "1"),
    # The GeniX3D's X-rays down, its shutter closed, and the ends of its pulses.
    ("251", "0"), ("248", "1"), ("248", "0"), ("247", "0"), ("252", "0"),
    # The Seifert's OFF closes its shutter and stops its timer too.
    ("HV", "0"), ("CS", "1"), ("TE", "1"),
}  # fmt: skip
"""Every command with an argument that is no set-point and no ON, by the devices' manuals."""
TRIED = {"seifert-3003": 1_100}
"""Counts that a driver's own preparation writes with HV off: 10 and 11 kV show whether the Seifert's digits are its model's."""
DISARM_AT, RENEW_AT = 0x0210, 0x0200


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{'tcp' if case[1] else 'line'}")
def device(request: pytest.FixtureRequest) -> Device:
    return Device(*request.param)


def test_every_generator_passes_and_hears_neither_on_nor_a_set_point(device: Device) -> None:
    """All that can be tried without HV holds; the device heard questions and OFF, held no set-point at any millisecond, and was on at none."""
    rows = device.check()
    told = {what: row for what, row in rows.items() if row.outcome is not PASS}
    driver = registry.generator(device.name)
    untried = {"set-points"} | (set() if driver.identifies else {"another model"})
    assert {what for what, row in told.items() if row.outcome is NOT_TRIED} - {"age of set_points"} == untried, told
    assert not [row for row in told.values() if row.outcome is FAIL], told
    assert not [words for words in device.log if words.startswith("HV ON")]
    assert device.clock.most_counts == 0
    assert {said for said in device.heard() if len(said) > 1} <= OFFS
    assert [words for words in device.log if words.startswith("HV OFF")], "it did hear an off"


def test_set_points_are_written_only_when_asked_for_and_end_at_zero(device: Device) -> None:
    rows = device.check(set_points=True)
    supply, profile = device.world.plant.supply, device.profile
    if registry.generator(device.name).own_set_points:
        assert rows["set-points"].outcome is NOT_TRIED and device.clock.most_counts == 0
        return
    assert rows["set-points"].outcome is PASS, rows["set-points"]
    most = max(0.011 * max(profile.kv_set_counts, profile.ma_set_counts), TRIED.get(device.name, 0))
    assert 0 < device.clock.most_counts <= most
    assert (supply.kv_counts, supply.ma_counts) == (0, 0)
    assert not [words for words in device.log if words.startswith("HV ON")]
    assert not [row for row in rows.values() if row.outcome is FAIL], rows


def test_a_wrong_model_is_refused_and_asked_nothing_but_questions(device: Device) -> None:
    """The plate and the order differ: one row fails in words, nothing else is tried, and not even an OFF is heard."""
    if not registry.generator(device.name).identifies:
        return
    rows = device.check(model="OTHER-1", set_points=True)
    assert rows["opens"].outcome is PASS and rows["says who it is"].outcome is FAIL
    assert "OTHER-1" in rows["says who it is"].words
    assert {row.outcome for what, row in rows.items() if what not in ("opens", "says who it is")} == {NOT_TRIED}
    assert not [words for words in device.log if words.startswith("HV")] and device.clock.most_counts == 0
    assert not [said for said in device.heard() if len(said) > 1]


@pytest.mark.parametrize(("name", "there"), [("spellman-ux", "spellman-xrv"), ("spellman-xrv", "spellman-ux")])
def test_another_dialect_s_device_is_refused_and_asked_nothing_but_questions(name: str, there: str) -> None:
    """99 is HV on one and another thing on the other: neither is said."""
    device = Device(there)
    rows = device.check(name=name)
    assert rows["says who it is"].outcome is FAIL
    assert not [said for said in device.heard() if len(said) > 1 or said[0] in ("98", "99")]


def test_a_device_that_says_nothing_fails_in_words() -> None:
    device = Device("spellman-xrv")
    device.world.plant.generator.silent = True
    rows = device.check()
    assert rows["says who it is"].outcome is FAIL and "no answer within 12 s" in rows["says who it is"].words
    assert rows["off first"].outcome is NOT_TRIED


def test_a_slow_device_fails_with_the_figure_to_write() -> None:
    """It takes 6 ms longer than the rig file says: the turnaround is measured, and what to write is named."""
    device = Device("spellman-xrv")
    device.world.plant.generator.late_us = 6_000
    row = device.check()["answers in time"]
    assert row.outcome is FAIL and "said 2.0 ms" in row.words and "write turnaround_ms = 8." in row.words
    honest = Device("spellman-xrv")
    honest.world.plant.generator.late_us = 6_000
    assert honest.check(turnaround_ms=8.0)["answers in time"].outcome is PASS


def at_read_tick(monkeypatch: pytest.MonkeyPatch, acts: dict[int, Callable[[], object]]) -> None:
    """Do something before the given ticks of the reading phase."""
    usual, ticks = Bench.tick, 0

    def tick(self: Bench[GeneratorSubject], may_open: bool = True) -> None:
        nonlocal ticks
        if self.watched:
            ticks += 1
            acts.get(ticks, int)()
        usual(self, may_open)

    monkeypatch.setattr(Bench, "tick", tick)


def test_a_device_that_garbles_fails_with_its_troubles(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device("spellman-xrv")
    assert device.check()["is read"].words == "200 good replies in 2 s, 0 troubles"
    device = Device("spellman-xrv")
    faults, name = device.world.faults, "generator-wire-bad-checksum"
    at_read_tick(monkeypatch, {40: lambda: faults.start(name), 60: lambda: faults.stop(name)})
    row = device.check()["is read"]
    assert row.outcome is FAIL and "the last: " in row.words and "checksum" in row.words


def test_set_points_that_do_not_stick_fail() -> None:
    """fault-M6: acknowledged and not taken."""
    device = Device("spellman-xrv")
    device.world.plant.generator.set_points_stick = True
    row = device.check(set_points=True)["set-points"]
    assert row.outcome is FAIL and "41 and 41 counts not read back within 8 s" in row.words


def on_and_deaf() -> Device:
    """High voltage was on before we came, and off is not obeyed."""
    device = Device("spellman-xrv")
    supply = device.world.plant.supply
    device.world.advance(2_000_000)
    supply.kv_counts = supply.ma_counts = 400
    supply.switch(device.world.now_us, 1)
    supply.deaf_to_off = True
    return device


def test_a_device_that_stays_on_says_so_and_ends_the_check() -> None:
    """High voltage was on before we came, and off is not obeyed: nothing else is tried."""
    device = on_and_deaf()
    rows = device.check(set_points=True)
    assert rows["off first"].outcome is FAIL and "PRESS THE EMERGENCY STOP" in rows["off first"].words
    assert rows["set-points"].outcome is NOT_TRIED and device.world.plant.supply.kv_counts == 400


def test_an_off_that_says_it_has_left_and_sends_nothing_is_found_on_the_wire(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On every dialect: the device is off anyway, so that only the bytes that passed can tell; nothing else is tried."""
    monkeypatch.setattr(GeneratorEngine, "off", lambda self, *_asked, **_how: self.identified)
    rows = device.check()
    assert rows["off first"].outcome is FAIL and "nothing but its questions passed" in rows["off first"].words
    assert rows["off at the end"].outcome is NOT_TRIED
    assert not [words for words in device.log if words.startswith("HV OFF")]


@pytest.mark.parametrize(("opened", "fails"), [(0, "off first"), (2, "off at the end")])
def test_an_off_that_is_sent_and_then_no_more_is_found_on_the_wire(
    monkeypatch: pytest.MonkeyPatch, opened: int, fails: str
) -> None:
    """One that leaves once and is not repeated, and one that stays away after the link has come back."""
    device, usual, left = Device("spellman-xrv"), GeneratorEngine.off, [0]

    def off(self: GeneratorEngine[Any, Any], now: Seconds, at_once: bool, spare: bool = False) -> bool:
        left[0] += 1
        if device.opened > opened and left[0] > 1:
            return self.identified
        return usual(self, now, at_once, spare)

    monkeypatch.setattr(GeneratorEngine, "off", off)
    failed = {what: row.words for what, row in device.check().items() if row.outcome is FAIL}
    assert set(failed) == {fails} and "nothing but its questions passed" in failed[fails]


@pytest.mark.parametrize("network", [False, True], ids=["rtu", "tcp"])
def test_a_disarm_that_sends_nothing_is_found_though_the_opening_has_sent_one(
    network: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The unit's driver disarms by itself when it opens, and each of its status requests carries another number: neither is its off."""
    monkeypatch.setattr(KermaUnit, "off", lambda self, *_asked, **_how: self.identified)
    row = Device("kerma-unit", network).check()["DISARM first"]
    assert row.outcome is FAIL and "nothing but its questions passed" in row.words


class Twisted:
    """A driver one of whose readings is changed before anybody sees it; all else is the driver's own."""

    def __init__(self, driver: object, reading: str, change: Callable[[Any], object]) -> None:
        self._driver, self._reading, self._change = driver, reading, change

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._driver, name)
        return self._change(value) if name == self._reading and value is not None else value


def twist(monkeypatch: pytest.MonkeyPatch, kind: str, name: str, reading: str, change: Callable[[Any], object]) -> None:
    usual = getattr(registry, kind)(name)
    twisted = replace(usual, make=lambda asked, opener: Twisted(usual.make(asked, opener), reading, change))
    monkeypatch.setattr(registry, kind, {name: twisted}.get)


def test_a_flag_that_never_says_on_does_not_hide_what_the_meters_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """High voltage stays on whatever is sent, and the driver's flag says off: its kV and mA do not."""
    twist(monkeypatch, "generator", "spellman-xrv", "flags", lambda flags: structs.replace(flags, hv_on=False))
    device = on_and_deaf()
    row = device.check()["off first"]
    assert row.outcome is FAIL and "kV (off is below 5)" in row.words and "mA (off is below 0.25)" in row.words
    assert "still says on" not in row.words and "PRESS THE EMERGENCY STOP" in row.words


NOT_OFF = [({"kv": 5.0}, "5 kV"), ({"ma": 0.25}, "0.25 mA"), ({"kv": math.nan}, "nan kV"), ({"ma": math.nan}, "nan mA")]


@pytest.mark.parametrize(("changes", "says"), NOT_OFF)
def test_off_needs_kv_and_ma_below_5_per_cent(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, float], says: str
) -> None:
    """At its bound it is not off, nor where it is no number; just below it is."""
    twist(monkeypatch, "generator", "spellman-xrv", "monitor", lambda monitor: structs.replace(monitor, **changes))
    row = Device("spellman-xrv").check()["off first"]
    assert row.outcome is FAIL and f"it reads {says}" in row.words


def test_kv_and_ma_just_below_5_per_cent_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    twist(monkeypatch, "generator", "spellman-xrv", "monitor", lambda now: structs.replace(now, kv=4.99, ma=0.249))
    assert not [row for row in Device("spellman-xrv").check().values() if row.outcome is FAIL]


def test_what_comes_on_while_it_is_read_fails_where_it_says_how_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was off at first; later its meters show 69.5 kV and 1.6 mA, and its flag says off."""
    shown: dict[str, float] = {}
    twist(monkeypatch, "generator", "spellman-xrv", "monitor", lambda monitor: structs.replace(monitor, **shown))
    at_read_tick(monkeypatch, {40: lambda: shown.update(kv=69.5, ma=1.6)})
    rows = Device("spellman-xrv").check()
    assert {what for what, row in rows.items() if row.outcome is FAIL} == {"says how it is"}
    assert "HV off" in rows["says how it is"].words and "it reads 69.5 kV" in rows["says how it is"].words


OPEN = Relay.K1_MIRROR_OPEN | Relay.K2_MIRROR_OPEN
NOT_AT_REST = [
    ({"state": int(UnitState.LATCHED), "first_cause": int(Cause.SPONTANEOUS)}, "LATCHED by SPONTANEOUS; first: find"),
    ({"state": int(UnitState.ARMED)}, "its state is ARMED"),
    ({"state": int(UnitState.TEST)}, "its state is TEST"),
    ({"state": 0}, "its state is unknown 0x0"),
    ({"relays": int(OPEN | Relay.K1_COMMAND)}, "K1_COMMAND is set"),
    ({"relays": int(OPEN | Relay.K2_COMMAND)}, "K2_COMMAND is set"),
    ({"relays": int(OPEN | Relay.HV_SEEN)}, "HV_SEEN is set"),
    ({"relays": int(Relay.K2_MIRROR_OPEN)}, "K1_MIRROR_OPEN is not set"),
    ({"relays": int(Relay.K1_MIRROR_OPEN)}, "K2_MIRROR_OPEN is not set"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "says"), NOT_AT_REST, ids=[says for _, says in NOT_AT_REST])
def test_a_unit_that_is_not_at_rest_is_not_off(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, int], says: str
) -> None:
    """From the start it fails as not disarmed; and where it comes while it is read, in how it is."""
    shown = dict(changes)
    twist(monkeypatch, "safety_unit", "kerma-unit", "status", lambda status: structs.replace(status, **shown))
    row = Device("kerma-unit", True).check()["DISARM first"]
    assert row.outcome is FAIL and says in row.words
    shown.clear()
    at_read_tick(monkeypatch, {40: lambda: shown.update(changes)})
    rows = Device("kerma-unit", True).check()
    assert {what for what, row in rows.items() if row.outcome is FAIL} == {"says how it is"}
    assert says in rows["says how it is"].words


def test_a_unit_without_k2_needs_no_mirror_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    relays = int(Relay.K1_MIRROR_OPEN)
    twist(monkeypatch, "safety_unit", "kerma-unit", "status", lambda status: structs.replace(status, relays=relays))
    without = ~int(UnitCapability.K2_FITTED)
    twist(
        monkeypatch, "safety_unit", "kerma-unit", "identity",
        lambda who: structs.replace(who, capabilities=who.capabilities & without),
    )  # fmt: skip
    assert Device("kerma-unit", True).check()["DISARM first"].outcome is PASS


RESTAMPED = [
    ("generator", "spellman-xrv", "monitor"),
    ("generator", "spellman-xrv", "flags"),
    ("safety_unit", "kerma-unit", "status"),
    ("electrometer", "ptw-unidos", "reading"),
]


@pytest.mark.parametrize(("kind", "name", "reading"), RESTAMPED)
def test_readings_dated_later_than_the_link_s_death_are_found(
    monkeypatch: pytest.MonkeyPatch, kind: str, name: str, reading: str
) -> None:
    """A value that says it was asked for now, each tick: its age is fine for ever, and its driver says at last that the link is lost."""
    device = Meter() if kind == "electrometer" else Device(name)
    clock = device.clock
    twist(monkeypatch, kind, name, reading, lambda value: structs.replace(value, asked_at_s=clock.monotonic()))
    failed = {what: row.words for what, row in device.check().items() if row.outcome is FAIL}
    assert set(failed) == {"half-open link"} and "DATED LATER THAN THE LINK'S DEATH" in failed["half-open link"]


def test_a_driver_that_commands_before_it_knows_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is of the driver too: an off that leaves before identity fails it."""
    monkeypatch.setattr(GeneratorSubject, "off", lambda *_asked, **_how: True)
    row = Device("spellman-xrv").check()["says who it is"]
    assert row.outcome is FAIL and "before it knew the device" in row.words


def test_a_driver_that_takes_any_model_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver whose identity says yes to every name fails where another model is tried."""
    usual = registry.generator("spellman-xrv")
    device = Device("spellman-xrv")
    true = device.profile.model
    anybody = replace(usual, make=lambda asked, opener: usual.make(structs.replace(asked, model=true), opener))
    monkeypatch.setattr(registry, "generator", {"spellman-xrv": anybody}.get)
    row = device.check()["another model"]
    assert row.outcome is FAIL and "TAKEN FOR ANOTHER DEVICE" in row.words


def test_a_driver_that_raises_fails_and_is_still_told_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever another's driver does, the check says so in words, and its last word is OFF."""

    def broken() -> None:
        raise ZeroDivisionError("in the driver")

    device = Device("spellman-xrv")
    at_read_tick(monkeypatch, {40: broken})
    rows = device.check()
    assert rows["is read"].outcome is FAIL and "ZeroDivisionError" in rows["is read"].words
    assert rows["opened again"].outcome is NOT_TRIED
    assert device.sent[-8:-2] == b"\x0298,0,"


def test_a_driver_whose_off_raises_fails_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_asked: object, **_how: object) -> bool:
        raise ZeroDivisionError("in its off")

    monkeypatch.setattr(GeneratorSubject, "off", broken)
    row = Device("spellman-xrv").check()["says who it is"]
    assert row.outcome is FAIL and "in its off" in row.words


def test_an_interrupted_check_leaves_the_device_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: the bytes of an OFF are the last that leave."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    device = Device("spellman-xrv")
    at_read_tick(monkeypatch, {40: interrupted})
    with pytest.raises(KeyboardInterrupt):
        device.check()
    assert device.sent[-8:-2] == b"\x0298,0,"


def test_a_late_computer_is_no_failure_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine stood still for 0.3 s while it was read: an age over the plan is then not tried, in words."""
    device = Device("spellman-xrv")
    at_read_tick(monkeypatch, {40: lambda: device.clock.skips_s.append(0.3)})
    row = device.check()["age of monitor"]
    assert row.outcome is NOT_TRIED and "this computer was late" in row.words


@pytest.mark.parametrize("network", [False, True], ids=["rtu", "tcp"])
def test_a_safety_unit_hears_disarm_and_nothing_else(network: bool) -> None:
    """Every request that writes is DISARM, or the status with a renewal of no token; the unit was never armed, tested, reset or unlatched."""
    device = Device("kerma-unit", network)
    rows = device.check()
    assert not [row for row in rows.values() if row.outcome is not PASS], rows
    assert device.clock.unit_states <= {State.IDLE} and (3 if network else 2) <= device.opened
    assert not [
        words for words in device.log if words.startswith(("ARMED", "RESET", "TEST", "COMMITTED", "UNLATCH", "RUN"))
    ]
    written = written_at(device.sent, network)
    assert DISARM_AT in written and set(written) <= {DISARM_AT, RENEW_AT}, written


@pytest.mark.parametrize("name", [name for name in BENCH_IO if name in registry.names(registry.SAFETY_UNITS)])
def test_bought_io_passes_and_no_contactor_ever_closes(name: str) -> None:
    """Its watchdog is proved with a lamp, everything else stays off; another serial number hears no write at all."""
    device = Device(name, network=True)
    rows = device.check()
    assert not [row for row in rows.values() if row.outcome is FAIL], rows
    assert rows["DISARM first"].outcome is PASS and not device.clock.closed
    if rows["another serial number"].outcome is NOT_TRIED:
        assert "tells no serial number" in rows["another serial number"].words
        return
    stranger = Device(name, network=True)
    assert stranger.check(serial="OTHER-1")["says who it is"].outcome is FAIL
    assert not written_at(stranger.sent, network=True)


def written_at(sent: bytes, network: bool) -> list[int]:
    """The first register of each write, cut out of the stream by the lengths of Modbus itself."""
    found = []
    while sent:
        if network:
            length = 6 + int.from_bytes(sent[4:6], "big")
            frame, sent = sent[7:length], sent[length:]
        else:
            lengths = {3: 8, 6: 8, 16: 9 + sent[6], 23: 13 + sent[10] if len(sent) > 10 else 8}
            length = lengths[sent[1]]
            frame, sent = sent[1:length], sent[length:]
        if frame[0] in (5, 6, 15, 16):
            found.append(int.from_bytes(frame[1:3], "big"))
        elif frame[0] == 23:
            found.append(int.from_bytes(frame[5:7], "big"))
    return found


@pytest.mark.parametrize("network", [False, True], ids=["rtu", "tcp"])
def test_a_safety_unit_with_another_serial_number_hears_no_write(network: bool) -> None:
    device = Device("kerma-unit", network)
    rows = device.check(serial="KU-SIM-0002")
    assert rows["says who it is"].outcome is FAIL and "KU-SIM-0001" in rows["says who it is"].words
    assert {row.outcome for what, row in rows.items() if what not in ("opens", "says who it is")} == {NOT_TRIED}
    assert not written_at(device.sent, network)


@pytest.mark.parametrize("network", [False, True], ids=["line", "tcp"])
def test_an_electrometer_is_asked_questions_and_nothing_else(network: bool) -> None:
    """Everything passes, and the device heard no word that acts: nobody even asked for the right to write."""
    meter = Meter(network)
    rows = meter.check()
    assert not [row for row in rows.values() if row.outcome is not PASS], rows
    assert "UNIDOS Tango, serial number 123456" in rows["says who it is"].words
    assert "reset, nothing integrated" in rows["says how it is"].words and "range LOW" in rows["says how it is"].words
    assert set(meter.device.heard) == {"PTW", "SER", "MV", "MVM", "IT", "NUS"} and not meter.device.token


@pytest.mark.parametrize(
    ("changes", "says"), [({"serial": "9"}, "123456"), ({"model": "UNIDOS Romeo"}, "UNIDOS Tango")]
)
def test_another_electrometer_is_refused(changes: dict[str, object], says: str) -> None:
    meter = Meter()
    rows = meter.check(**changes)
    assert rows["says who it is"].outcome is FAIL and says in rows["says who it is"].words
    assert {row.outcome for what, row in rows.items() if what not in ("opens", "says who it is")} == {NOT_TRIED}
    assert set(meter.device.heard) <= {"PTW", "SER"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"serial": ""}, "--serial"), ({"model": ""}, "--model"), ({"set_points": True}, "--set-points"), ({"name": "manual"}, "typed in")],
)  # fmt: skip
def test_what_cannot_be_asked_of_an_electrometer_is_refused_before_anything_is_opened(
    changes: dict[str, object], says: str
) -> None:
    meter = Meter()
    with pytest.raises(ConfigurationError, match=says):
        meter.check(**changes)
    assert not meter.opened


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": ""}, "--model"),
        ({"full_scale_kv": None}, "--full-scale-kv"),
        ({"full_scale_ma": 0.0}, "--full-scale-ma 0 is outside"),
        ({"link": "tcp:127.0.0.1:0"}, "port"),
        ({"baud": 9601}, "none of 1200"),
        ({"seconds": 0.0}, "--seconds 0 is outside"),
        ({"name": "nobody"}, "not installed"),
        ({"name": "kerma-unit"}, "--serial"),
        ({"name": "kerma-unit", "serial": "X", "set_points": True}, "--set-points"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_anything_is_opened(changes: dict[str, object], says: str) -> None:
    device = Device("spellman-xrv")
    with pytest.raises(ConfigurationError, match=says):
        device.check(**changes)
    assert not device.opened


class Running(places.Places):
    alive = True  # type: ignore[assignment]


def test_a_link_that_a_rig_runs_on_is_refused(tmp_path: Path) -> None:
    """Its off would end a treatment: while the rig's process holds its lock neither of its links is touched, by whatever name."""
    (tmp_path / "device").touch()
    (tmp_path / "alias").symlink_to("device")
    rig = tmp_path / "rig.toml"
    rig.write_text('[generator]\nlink = "tty:device"\n[safety_unit]\nlink = "tcp:192.168.1.5:502"\n')
    place = Running(tmp_path, tmp_path / "desk", tmp_path / "stop")
    place.rig_file.write_text(f"{rig}\n")
    for link in (
        f"tty:{tmp_path / 'alias'}",
        "tcp:192.168.1.5:502",
        "socket:192.168.1.5:502",
        "tcp:[::ffff:192.168.1.5]:502",
    ):
        with pytest.raises(ConfigurationError, match="is running on it"):
            driver_check.refuse_running(link, lambda: (place,))
    driver_check.refuse_running("tcp:192.168.1.6:502", lambda: (place,))
    rig.unlink()
    with pytest.raises(ConfigurationError, match="may be running on it"):
        driver_check.refuse_running("tcp:192.168.1.6:502", lambda: (place,))
    driver_check.refuse_running(f"tty:{tmp_path / 'alias'}", lambda: (places.Places(*vars(place).values()),))


@pytest.mark.parametrize("ours", ["localhost", "127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]"])
@pytest.mark.parametrize("theirs", ["localhost", "127.0.0.1", "0.0.0.0"])
def test_a_device_of_a_running_rig_is_known_by_every_name_of_its_port(tmp_path: Path, ours: str, theirs: str) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text(f'[generator]\nlink = "socket:{theirs}:4660"\n[safety_unit]\nlink = "tcp:{theirs}:502"\n')
    place = Running(tmp_path, tmp_path / "desk", tmp_path / "stop")
    place.rig_file.write_text(f"{rig}\n")
    for link in (f"tcp:{ours}:4660", f"tcp:{ours}:502"):
        with pytest.raises(ConfigurationError, match="is running on it"):
            driver_check.refuse_running(link, lambda: (place,))
    driver_check.refuse_running(f"tcp:{ours}:503", lambda: (place,))


@pytest.mark.realtime
def test_a_served_device_is_checked_by_the_command_itself(tmp_path: Path) -> None:
    """Real processes, a real pty, this machine's clock: exit 0 with a table, 1 for another model, 2 for a wrong link."""
    link = f"pty:{tmp_path / 'device'}"
    kerma = str(Path(sys.executable).with_name("kerma"))
    served = subprocess.Popen(
        [kerma, "sim", "--device", "spellman-xrv", "--listen", link], stdout=subprocess.PIPE, text=True
    )
    try:
        assert served.stdout is not None
        while "ready" not in (line := served.stdout.readline()):
            assert line, "the simulator ended"
        plate = ["--model", "XRV100N500", "--full-scale-kv", "100", "--full-scale-ma", "5"]
        asked = [kerma, "drivers", "check", "spellman-xrv", "--link", link, "--seconds", "1", "--turnaround-ms", "20"]
        said = subprocess.run([*asked, *plate], capture_output=True, text=True, timeout=50, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
        assert said.stdout.startswith("SIMULATED") and "passed: " in said.stdout and "off first" in said.stdout
        plate[1] = "XRV160N"
        said = subprocess.run([*asked, *plate, "--json"], capture_output=True, text=True, timeout=50, check=False)
        assert said.returncode == DRIVER_CHECK_FAILED
        shown = json.loads(said.stdout)
        assert shown["passed"] is False and shown["simulated"] is True and shown["rows"][1]["outcome"] == "FAIL"
    finally:
        os.kill(served.pid, signal.SIGTERM)
        served.communicate(timeout=10)


def test_the_command_says_what_is_missing() -> None:
    arguments = ("drivers", "check", "spellman-xrv", "--link", "tty:/dev/null")
    said = CliRunner().invoke(cli.build(arguments), list(arguments))
    assert said.exit_code == Exit.USAGE and "--model" in said.stderr
    arguments = ("drivers", "check", "spellman-xrv", "--link", "nowhere")
    said = CliRunner().invoke(cli.build(arguments), list(arguments))
    assert said.exit_code == Exit.USAGE and "nowhere" in said.stderr
