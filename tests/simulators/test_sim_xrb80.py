"""The simulated XRB80 monoblock on its line: frames by hand, clamps, silence for no, fault codes, its 10 s watchdog and 5 s of deafness."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.generator_xrb80 import PROFILE, Deframer, Xrb80Firmware, checksum
from simulators.plant import Plant
from simulators.profile import Profile
from simulators.seam import UnitOutputs
from simulators.supply import ARC_CATHODE, OVER_TEMP_NEAR, UNDER_VOLTAGE, WATCHDOG

CHECKS = {
    "VREF 1000": "q", "VREF 2048": "d", "IREF 1024": "x", "ENBL 1": "S", "ENBL 0": "T", "VMON": "E", "STAT": "I", "FLT": "_", "CLR": "d",
    "WDTE 1": "@", "WDTT": "B", "": "E",
}  # fmt: skip


class Host:
    """Hands on the coils and a voice on the line; `ask` gives a reply's value, None for silence."""

    def __init__(self, profile: Profile = PROFILE) -> None:
        self.plant = Plant(profile, 7)
        self.out = UnitOutputs()
        self.packets = profile.generator_packets
        self.device = self.plant.generator
        assert isinstance(self.device, Xrb80Firmware)

    def run(self, ms: int) -> None:
        for _ in range(ms):
            self.plant.step(self.out)

    def say(self, data: bytes) -> bytes:
        line = self.plant.generator_line
        line.host_write(data, self.plant.now_us)
        came = b""
        for _ in range(40):
            self.run(1)
            came += line.host_read(self.plant.now_us)
        return came

    def ask(self, command: str) -> str | None:
        body = f"{command};".encode()
        tail = b"\r\n" if self.packets else bytes((0x40 | -sum(body) & 0x7F,)) + b"\r\n"
        reply = self.say(b"\x02" + body + tail)
        if not reply:
            return None
        assert reply[:1] == b"\x02" and reply[-2:] == b"\r\n" and reply.count(b"\x02") == 1
        value, _, check = reply[1:-2].partition(b";")
        assert check == (b"" if self.packets else bytes((0x40 | -sum(value + b";") & 0x7F,)))
        return value.decode()

    def ready(self) -> None:
        self.run(200)
        assert self.ask("VREF 3202") == "" and self.ask("IREF 2949") == ""
        self.out.k2_close = self.out.k1_close = True
        self.run(60)

    def on(self) -> None:
        self.ready()
        assert self.ask("ENBL 1") == ""
        self.run(1200)
        assert self.plant.truth().hv_on

    def said(self, words: str) -> bool:
        return any(words in what for _, who, what in self.plant.log if who == "generator")


@pytest.mark.parametrize("body", CHECKS)
def test_check_characters_are_those_worked_by_hand(body: str) -> None:
    assert checksum(f"{body};".encode()) == ord(CHECKS[body])


def test_acknowledgement_and_value_byte_for_byte_on_line_and_network() -> None:
    host = Host()
    assert host.say(b"\x02VREF 1000;q\r\n") == b"\x02;E\r\n"
    assert host.say(b"\x02VSET;C\r\n") == b"\x021000;" + bytes((0x40 | -0xFC & 0x7F,)) + b"\r\n"
    assert sum(b"1000;") == 0xFC
    network = Host(replace(PROFILE, generator_packets=True, generator_baud=0))
    assert network.say(b"\x02VREF 1000;\r\n") == b"\x02;\r\n"
    assert network.say(b"\x02VSET;\r\n") == b"\x021000;\r\n"


def test_identity_and_scales() -> None:
    host = Host()
    assert host.ask("MODR") == "XRB80N100"
    assert host.ask("FREV") == "V3.6"
    assert host.ask("HWVR") == "B02"
    assert host.ask("SOFT") == "SWM0300-001"
    assert (host.ask("SLVR"), host.ask("SLIR")) == ("8889", "1389")
    assert host.ask("TEMP") is not None and host.ask("LVPS") is not None and host.ask("FMON") is not None


def test_set_points_clamp_at_90_percent_without_a_word() -> None:
    """ISET is in uA, cut off: 3685 counts of 1389 uA are 1249."""
    host = Host()
    for asked, kv, ua in ((0, 0, 0), (1000, 1000, 339), (3685, 3685, 1249), (3686, 3685, 1249), (4095, 3685, 1249)):
        assert host.ask(f"VREF {asked}") == "" and host.ask(f"IREF {asked}") == ""
        assert (host.ask("VSET"), host.ask("ISET")) == (str(kv), str(ua))
    assert host.ask("VREF 0042") == "" and host.ask("VSET") == "42"


@pytest.mark.parametrize(
    "bad",
    [
        "VREF 4096",
        "VREF -1",
        "VREF 1.5",
        "VREF",
        "VREF ",
        "VREF x",
        "ENBL 2",
        "ENBL",
        "VMON 1",
        "WDTT 1",
        "BEAM",
        "vmon",
        "VREF 99999999999",
    ],
)
def test_what_it_does_not_know_is_answered_by_silence(bad: str) -> None:
    host = Host()
    assert host.ask(bad) is None
    assert host.ask("VSET") == "0"


def test_a_bad_check_character_is_silence_and_stx_flushes() -> None:
    host = Host()
    assert host.say(b"\x02VREF 1000;r\r\n") == b""
    assert host.say(b"VMON;E\r\n") == b""
    assert host.say(b"\x02VREF 10\x02ENBL 0;T\r\n") == b"\x02;E\r\n", "a frame cut short is flushed by the next STX"
    assert list(host.device.heard) == [("ENBL", "0")]  # type: ignore[attr-defined]


def test_any_split_gives_the_same_command() -> None:
    frame = b"\x02VREF 1000;q\r\n"
    for cut in range(1, len(frame)):
        deframer = Deframer(False)
        assert deframer.feed(frame[:cut]) + deframer.feed(frame[cut:]) == [("VREF", "1000")]
    assert Deframer(False).feed(b"\x02" + b"A" * 100 + frame) == [("VREF", "1000")]


def test_on_is_acknowledged_and_refused_for_each_reason() -> None:
    """It says yes and does not: STAT and FLT tell."""
    host = Host()
    host.ready()
    host.out.k1_close = False
    host.run(30)
    assert host.ask("ENBL 1") == "" and host.ask("STAT") == "0" and host.ask("FLT") == "9"
    host.out.k1_close = True
    host.run(30)
    assert host.ask("FLT") == "0"
    host.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    assert host.ask("ENBL 1") == "" and host.ask("STAT") == "0" and host.ask("FLT") == "5"
    assert host.ask("CLR") == "" and host.ask("FLT") == "0"
    assert host.ask("ENBL 1") == "" and host.ask("STAT") == "1"
    assert host.said("HV ON refused: interlock open") and host.said("HV ON refused: fault")


def test_monitors_count_to_full_scale_without_overrange() -> None:
    host = Host()
    host.on()
    assert int(host.ask("VMON") or 0) * 88.89 / 4095 == pytest.approx(69.5, rel=0.01)
    assert int(host.ask("IMON") or 0) * 1.389 / 4095 == pytest.approx(1.0, rel=0.02)
    assert host.ask("ENBL 0") == ""
    host.run(200)
    assert host.ask("STAT") == "0" and int(host.ask("VMON") or 9) < 9


def test_fault_codes_and_the_nine_flags_of_older_firmware() -> None:
    host = Host()
    host.ready()
    device = host.device
    assert isinstance(device, Xrb80Firmware)
    host.plant.supply.faults[OVER_TEMP_NEAR] = 1
    assert device.fault_code() == 11
    host.plant.supply.faults[ARC_CATHODE] = 1
    assert device.fault_code() == 2
    device.nine_flags = True
    assert host.ask("FLT") == "100000000"
    host.out.k1_close = False
    host.run(30)
    assert host.ask("FLT") == "100000010"
    assert host.ask("CLR") == "" and host.ask("FLT") == "000000010"


def test_the_watchdog_counts_ten_seconds_from_the_last_tickle_only() -> None:
    host = Host()
    host.on()
    host.run(11_000)
    assert host.plant.supply.hv_on, "off until WDTE 1"
    assert host.ask("WDTE 1") == ""
    host.run(9_000)
    assert host.ask("VMON") is not None and host.ask("WDTE 1") == "" and host.plant.supply.hv_on
    host.run(1_100)
    assert not host.plant.supply.hv_on and host.plant.supply.faults[WATCHDOG]
    assert host.ask("FLT") == "7"
    assert host.ask("CLR") == "" and host.ask("WDTT") == "" and host.ask("ENBL 1") == ""
    for _ in range(3):
        host.run(9_000)
        assert host.ask("WDTT") == "" and host.plant.supply.hv_on
    assert host.ask("WDTE 0") == ""
    host.run(11_000)
    assert host.plant.supply.hv_on


def test_after_mains_it_hears_nothing_for_five_seconds_and_has_forgotten_everything() -> None:
    host = Host()
    host.on()
    host.ask("WDTE 1")
    host.device.reboot(host.plant.now_us)
    assert not host.plant.supply.hv_on
    host.run(4_900)
    assert host.ask("VSET") is None
    host.run(100)
    assert (host.ask("VSET"), host.ask("ISET"), host.ask("STAT")) == ("0", "0", "0")
    assert host.plant.supply.watchdog_ms == 0


def test_faults_act_at_its_face() -> None:
    host = Host()
    host.device.set_points_stick = True
    assert host.ask("VREF 1000") == "" and host.ask("VSET") == "0"
    host.device.set_points_stick = False
    host.device.late_us = 30_000
    assert host.ask("VMON") is not None
    host.device.late_us = 0
    host.device.garbled = True
    reply = host.say(b"\x02VMON;E\r\n")
    assert reply and reply[0] == 2
    host.device.silent = True
    assert host.ask("VMON") is None
