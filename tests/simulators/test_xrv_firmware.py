"""The XRV supply on its wire: read-back, refusals, states, protective trips, interlock and power.
A scripted host speaks bytes; coils are driven by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulators.plant import Plant
from simulators.profile import DEFAULT, Profile
from simulators.seam import UnitOutputs
from simulators.spellman_codec import Deframer, frame

KV_COUNTS = 2846
MA_COUNTS = 1310


class Host:
    """Hands on the coils and a voice on the line."""

    def __init__(self, profile: Profile = DEFAULT) -> None:
        self.plant = Plant(profile, 7)
        self.out = UnitOutputs()
        self.deframer = Deframer()

    def run(self, ms: int) -> None:
        for _ in range(ms):
            self.plant.step(self.out)

    def ask(self, *fields: object, wait_ms: int = 60) -> tuple[str, ...] | None:
        self.plant.generator_line.host_write(frame(*fields), self.plant.now_us)
        for _ in range(wait_ms):
            self.run(1)
            for reply in self.deframer.feed(self.plant.generator_line.host_read(self.plant.now_us)):
                return reply
        return None

    def flags(self) -> list[int]:
        reply = self.ask("22")
        assert reply is not None and len(reply) == 18
        return [int(flag) for flag in reply[1:]]

    def faults(self) -> list[int]:
        reply = self.ask("68")
        assert reply is not None and len(reply) == 28
        return [int(flag) for flag in reply[1:]]

    def ready(self) -> None:
        self.run(1500)
        assert self.ask("10", KV_COUNTS) == ("10", "$")
        assert self.ask("11", MA_COUNTS) == ("11", "$")
        self.out.k2_close = True
        self.run(400)
        self.out.k1_close = True
        self.run(30)

    def on(self) -> None:
        self.ready()
        assert self.ask("98", 1) == ("98", "$")
        self.run(1500)
        assert self.plant.truth().hv_on

    def said(self, words: str) -> bool:
        return any(words in what for _, who, what in self.plant.log if who == "generator")


def test_identity_scaling_and_configuration():
    host = Host()
    assert host.ask("26") == ("26", "XRV100N500")
    assert host.ask("28") == ("28", "100", "5", "0")
    assert host.ask("23") == ("23", DEFAULT.dsp_part, DEFAULT.dsp_version)
    assert host.ask("43") == ("43", DEFAULT.fpga_part, DEFAULT.fpga_version)
    configuration = host.ask("27")
    assert configuration is not None and len(configuration) == 13
    assert configuration[10:] == ("100", "5", "0")
    assert host.ask("38") == ("38", "500", "500", "0", "0", "0", "0")


@pytest.mark.parametrize(("write", "read"), [("10", "14"), ("11", "15"), ("12", "16"), ("13", "17")])
def test_every_set_point_reads_back_and_out_of_range_changes_nothing(write: str, read: str):
    host = Host()
    for value in (0, 1, 2846, 4095):
        assert host.ask(write, value) == (write, "$")
        assert host.ask(read) == (read, str(value))
    for bad in ("4096", "-1", "1.5", "", "x", "99999999999999999999"):
        assert host.ask(write, bad) == (write, "1")
        assert host.ask(read) == (read, "4095")
    assert host.ask(write, 1, 2) == (write, "1")
    assert host.ask(read, 1) == (read, "1")


def test_unknown_command_is_an_error_and_bad_checksum_is_silence():
    host = Host()
    assert host.ask("55") == ("55", "2")
    host.plant.generator_line.host_write(b"\x0222,q\x03", host.plant.now_us)
    host.run(100)
    assert host.plant.generator_line.host_read(host.plant.now_us) == b""
    assert Host(replace(DEFAULT, error_style="bang")).ask("55") == ("55", "!", "2")


def test_reply_takes_wire_time_plus_turnaround_at_9600():
    host = Host(replace(DEFAULT, generator_baud=9600))
    host.plant.generator_line.host_write(frame("22"), 0)
    line = host.plant.generator_line
    while not line.to_host.busy():
        host.run(1)
    first = line.to_host.next_us()
    assert first is not None
    assert 6 * 1042 + 1500 + 1041 <= first <= 6 * 1042 + 1500 + 1042 + 1000


def test_hv_on_is_refused_for_each_reason_by_itself():
    host = Host()
    host.ready()
    host.out.k1_close = False
    host.run(20)
    assert host.ask("98", 1) == ("98", "2")
    assert host.said("HV ON refused: interlock open")
    host.out.k1_close = True
    host.out.k2_close = False
    host.run(60)
    assert host.ask("98", 1) == ("98", "2")
    assert host.said("HV ON refused: supply not ready")
    host.out.k2_close = True
    host.run(400)
    assert host.ask("99", 0) == ("99", "$")
    assert host.flags()[5] == 1
    assert host.ask("98", 1) == ("98", "2")
    assert host.said("HV ON refused: local mode")
    assert host.ask("99", 1) == ("99", "$")
    host.plant.supply.trip(2, "over-voltage")
    assert host.flags()[4] == 1
    assert host.ask("98", 1) == ("98", "2")
    assert host.said("HV ON refused: fault")
    assert host.ask("31") == ("31", "$")
    assert host.ask("98", 2) == ("98", "1")
    assert not host.plant.supply.hv_on
    assert host.ask("98", 1) == ("98", "$")
    assert host.ask("98", 1) == ("98", "$")
    assert host.flags()[0] == 1


def test_supply_is_ready_300_ms_after_k2_and_lost_with_it():
    host = Host()
    host.run(1000)
    host.out.k2_close = True
    host.run(20 + 290)
    assert host.flags()[15] == 0
    host.run(20)
    assert host.flags()[15] == 1
    host.out.k2_close = False
    host.run(60)
    assert host.flags()[15] == 0


def test_read_backs_are_adc_counts_with_20_percent_overrange():
    host = Host()
    host.on()
    reply = host.ask("19")
    assert reply is not None and len(reply) == 9
    assert int(reply[1]) * 1.2 * 100.0 / 4095 == pytest.approx(69.5, rel=0.005)
    assert int(reply[2]) * 1.2 * 5.0 / 4095 == pytest.approx(1.6, rel=0.008)
    flags = host.flags()
    assert (flags[0], flags[1], flags[2], flags[3], flags[4], flags[6], flags[16]) == (1, 1, 1, 1, 0, 1, 1)


def test_off_command_ends_it_and_leaves_the_cables_tail():
    host = Host()
    host.on()
    assert host.ask("98", 0) == ("98", "$")
    host.run(60)
    truth = host.plant.truth()
    assert truth.kv == 0.0 and not truth.generator_hv_on
    assert host.faults() == [0] * 27


@pytest.mark.parametrize(("coil", "opens_ms", "latched"), [("k1_close", 15, False), ("k2_close", 50, True)])
def test_hv_drops_at_once_when_a_contactor_opens(coil: str, opens_ms: int, latched: bool):
    host = Host()
    host.on()
    released = host.plant.now_us
    setattr(host.out, coil, False)
    while host.plant.supply.hv_on:
        host.run(1)
    assert host.plant.now_us - released == (opens_ms + 1) * 1000
    host.run(60)
    assert host.plant.tube.kv == 0.0
    assert (sum(host.faults()) == 1) is latched
    setattr(host.out, coil, True)
    host.run(1000)
    assert not host.plant.supply.hv_on, "HV never comes back by itself"


def test_interlock_opening_latches_only_where_the_profile_says_so():
    host = Host(replace(DEFAULT, interlock_latches=True))
    host.on()
    host.out.k1_close = False
    host.run(20)
    host.out.k1_close = True
    host.run(30)
    assert host.flags()[4] == 1
    assert host.ask("98", 1) == ("98", "2")
    assert host.ask("31") == ("31", "$")
    assert host.ask("98", 1) == ("98", "$")


def test_logic_answers_with_k2_open():
    host = Host()
    host.run(50)
    assert host.flags()[16] == 1


def test_watchdog_is_off_by_default_and_trips_when_set():
    quiet = Host()
    quiet.on()
    quiet.run(15_000)
    assert quiet.plant.supply.hv_on
    guarded = Host(replace(DEFAULT, watchdog_ms=1000))
    guarded.ready()
    assert guarded.ask("98", 1) == ("98", "$")
    guarded.run(900)
    assert guarded.flags()[0] == 1
    guarded.run(900)
    assert guarded.flags()[0] == 1, "any good frame feeds it"
    guarded.run(1100)
    assert not guarded.plant.supply.hv_on
    assert guarded.faults()[21] == 1


def test_over_power_under_current_and_anode_heat_trip():
    host = Host()
    host.ready()
    assert host.ask("97", 100, 100) == ("97", "$")
    assert host.ask("98", 1) == ("98", "2")
    assert host.faults()[23] == 1
    cold = Host()
    cold.ready()
    cold.ask("12", 1000)
    assert cold.ask("98", 1) == ("98", "$")
    cold.run(2000)
    assert cold.faults()[5] == 1 and not cold.plant.supply.hv_on
    hot = Host(replace(DEFAULT, anode_limit_j=400.0, anode_warning_j=200.0))
    hot.on()
    hot.run(1200)
    assert hot.faults()[1] == 1 and hot.plant.supply.hv_on
    hot.run(4000)
    assert hot.faults()[6] == 1 and not hot.plant.supply.hv_on


def test_repeated_arcs_trip_one_does_not():
    host = Host()
    host.on()
    host.plant.tube.arc()
    host.run(1500)
    assert host.plant.supply.hv_on
    for _ in range(DEFAULT.arc_limit - 1):
        host.plant.tube.arc()
        host.run(500)
    assert not host.plant.supply.hv_on
    assert host.faults()[12] == 1


def test_reboot_loses_set_points_and_is_deaf_meanwhile():
    host = Host()
    host.on()
    host.plant.generator.reboot(host.plant.now_us)
    assert not host.plant.supply.hv_on
    assert host.ask("14") is None
    host.run(DEFAULT.boot_ms)
    assert host.ask("14") == ("14", "0")
    assert host.ask("15") == ("15", "0")


def test_filament_choice_is_refused_with_hv_on():
    host = Host()
    assert host.ask("32", 1) == ("32", "$")
    assert host.flags()[7] == 1
    assert host.ask("32", 0) == ("32", "$")
    host.on()
    assert host.ask("32", 1) == ("32", "2")
    assert host.ask("70", 0) == ("70", "$")
    host.run(1000)
    assert host.plant.truth().ma < 0.2
