"""The simulated GeniX3D on its port: frames by hand, exceptions, pulses, its ramp and its order, heartbeat, interlock loop, shutter, and what it refuses."""

from __future__ import annotations

import itertools

import pytest

from simulators.generator_genix3d import PROFILE, Genix3dFirmware
from simulators.plant import Plant
from simulators.seam import UnitOutputs
from simulators.supply import UNDER_VOLTAGE

ON, OFF = "FF00", "0000"


class Host:
    """Hands on the coils of K1 and K2, and a voice on the port."""

    def __init__(self) -> None:
        self.plant = Plant(PROFILE, 7)
        self.out = UnitOutputs(k1_close=True, k2_close=True)
        device = self.plant.generator
        assert isinstance(device, Genix3dFirmware)
        self.device = device
        self.run(1000)

    def run(self, ms: int) -> None:
        for _ in range(ms):
            self.plant.step(self.out)

    def ask(self, frame: str) -> str:
        """Bytes in hex, spaces as one likes; what came back within 20 ms, in hex."""
        line = self.plant.generator_line
        line.host_write(bytes.fromhex(frame), self.plant.now_us)
        came = b""
        for _ in range(20):
            self.run(1)
            came += line.host_read(self.plant.now_us)
        return came.hex().upper()

    def write(self, coil: int, value: str) -> None:
        pdu = f"05 {coil:04X} {value}"
        assert self.ask(f"0007 0000 0006 01 {pdu}") == f"000700000006 01 {pdu}".replace(" ", "").upper()

    def pulse(self, coil: int) -> None:
        self.write(coil, ON)
        self.write(coil, OFF)

    def up(self) -> set[int]:
        """The status coils that are up."""
        reply = bytes.fromhex(self.ask("0001 0000 0006 01 01 00D2 001E"))
        assert reply[:9] == bytes.fromhex("0001 0000 0007 01 01 04")
        bits = int.from_bytes(reply[9:], "little")
        return {210 + place for place in range(32) if bits >> place & 1}

    def ht(self) -> tuple[int, int]:
        reply = bytes.fromhex(self.ask("0002 0000 0006 01 03 0032 0002"))
        assert reply[:9] == bytes.fromhex("0002 0000 0007 01 03 04")
        return int.from_bytes(reply[9:11], "big"), int.from_bytes(reply[11:], "big")

    def words(self) -> list[str]:
        return [words for _, who, words in self.plant.log if who == "generator"]

    def full(self) -> Host:
        self.write(251, ON)
        self.pulse(247)
        self.pulse(252)
        self.run(1200)
        return self


@pytest.fixture
def host() -> Host:
    return Host()


def test_at_rest_its_coils_are_these(host: Host) -> None:
    """Remote, automatic conditions met, interlock closed, shutter closed; the heartbeat may be up or down."""
    assert host.up() - {234} == {210, 214, 235, 236}
    assert host.ht() == (0, 0)
    assert host.ask("0009 0000 0006 01 03 0036 0003") == "000900000009010306" + "00FE" + "0000" + "0000"
    assert host.ask("000A 0000 0006 01 01 00F0 000D") == "000A00000005010102" + "0000"


@pytest.mark.parametrize(
    ("request_pdu", "reply_pdu"),
    [
        ("02 00D2 0001", "82 01"),
        ("04 0032 0002", "84 01"),
        ("06 0032 0001", "86 01"),
        ("10 0032 0001 02 0001", "90 01"),
        ("01 00D1 0001", "81 02"),
        ("01 00F0 000E", "81 02"),
        ("03 0033 0002", "83 02"),
        ("03 0034 0001", "83 02"),
        ("05 00D3 FF00", "85 02"),
        ("05 00FD FF00", "85 02"),
        ("05 00FB 0001", "85 03"),
        ("05 00FB FFFF", "85 03"),
        ("01 00D2 0000", "81 03"),
        ("03 0032 0000", "83 03"),
        ("05 00FB FF", "85 03"),
    ],
)
def test_what_is_not_in_the_map_is_refused(host: Host, request_pdu: str, reply_pdu: str) -> None:
    """Exception 1 for a function, 2 for an address, 3 for a value; and nothing was moved."""
    size = 1 + len(bytes.fromhex(request_pdu))
    assert host.ask(f"0003 0000 {size:04X} 01 {request_pdu}") == f"0003 0000 0003 01 {reply_pdu}".replace(" ", "")
    assert not any(host.device.orders.values()) and not host.plant.supply.hv_on


def test_another_unit_and_a_stream_out_of_step_are_not_answered(host: Host) -> None:
    assert host.ask("0001 0000 0006 02 01 00D2 001E") == ""
    assert host.ask("0001 0001 0006 01 01 00D2 001E") == ""
    assert host.ask("0001 0000 0006 01 01 00F0 000D") != "", "the next frame is heard"


def test_xrays_on_makes_no_kv_and_the_ramp_makes_ht_before_current(host: Host) -> None:
    host.write(251, ON)
    host.run(300)
    assert 211 in host.up() and host.ht() == (0, 0)
    host.write(252, ON)
    assert 213 in host.up()
    seen = [host.ht() for _ in range(40)]
    assert all(kv > 4900 for kv, ma in seen if ma > 2), "current only once HT is up"
    assert seen[-1][0] == pytest.approx(5000, abs=50) and seen[-1][1] == pytest.approx(60, abs=2)
    assert 213 not in host.up() and 252 in [at for at, up in host.device.orders.items() if up]


def test_power_down_takes_current_to_0_before_ht_and_harms_nothing(host: Host) -> None:
    host.full()
    host.pulse(244)
    seen = [host.ht() for _ in range(100)]
    first = next(place for place, (kv, _) in enumerate(seen) if kv < 4900)
    assert all(ma <= 2 for _, ma in seen[first:])
    host.run(4000)
    assert host.ht()[0] < 50 and 215 not in host.up()
    host.write(251, OFF)
    assert not [words for words in host.words() if "harms" in words]


@pytest.mark.parametrize("by", ["order", "interlock"])
def test_xrays_off_under_current_is_obeyed_and_its_cost_is_logged(host: Host, by: str) -> None:
    host.full()
    if by == "order":
        host.write(251, OFF)
    else:
        host.out.k1_close = False
    host.run(100)
    assert not host.plant.truth().hv_on
    assert host.words()[-1] == "HT dropped with current: this harms the source" or "harms" in " ".join(host.words())


def test_a_pulse_is_its_rise_and_a_level_is_a_level(host: Host) -> None:
    """Steps happen once however long the coil stays up; 251 stays on for as long as it is up, and comes back with the interlock line (A8)."""
    host.write(251, ON)
    host.write(242, ON)
    host.write(242, ON)
    host.run(100)
    assert host.plant.supply.kv_counts == 100
    host.write(242, OFF)
    host.pulse(242)
    host.run(100)
    assert host.plant.supply.kv_counts == 200
    host.pulse(243)
    host.run(100)
    assert host.plant.supply.kv_counts == 100
    host.out.k1_close = False
    host.run(100)
    assert 211 not in host.up() and 229 in host.up()
    host.out.k1_close = True
    host.run(100)
    assert 211 in host.up(), "the level brought X-rays back"
    assert host.plant.supply.kv_counts == 0, "but what was ramped is gone"


def test_ht_down_under_current_by_pulse_is_logged(host: Host) -> None:
    host.write(251, ON)
    host.pulse(242)
    host.pulse(240)
    host.run(1500)
    host.pulse(243)
    assert [words for words in host.words() if "harms" in words]


def test_xrays_are_refused_with_the_relay_open_or_a_fault(host: Host) -> None:
    host.out.k1_close = False
    host.run(100)
    host.write(251, ON)
    assert 211 not in host.up() and "HV ON refused: interlock open" in host.words()
    host.write(251, OFF)
    host.out.k1_close = True
    host.run(100)
    host.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    host.write(251, ON)
    assert 211 not in host.up() and "HV ON refused: fault" in host.words()
    assert 219 in host.up() and 214 not in host.up()
    host.write(251, OFF)
    host.pulse(249)
    assert 219 not in host.up()
    host.device.fault_coils.add(225)
    assert {219, 225} <= host.up() and 214 not in host.up()
    host.write(251, ON)
    assert 211 not in host.up() and "HV ON refused: fault" in host.words()[-1]


def test_without_its_warm_up_it_makes_no_kv(host: Host) -> None:
    """X-rays on alone is how a warm-up begins; ramp and standby are refused until it is done."""
    host.device.warm_up_needed = True
    assert {232, 219} <= host.up() and 214 not in host.up()
    host.write(251, ON)
    host.pulse(252)
    host.write(250, ON)
    host.run(500)
    assert host.ht() == (0, 0) and "ramping refused: warm-up needed" in host.words()
    host.write(250, OFF)
    host.pulse(245)
    assert 216 in host.up()
    host.run(1500)
    assert host.ht()[0] == pytest.approx(3000, abs=40)
    host.run(8000)
    assert not {216, 232} & host.up() and host.ht()[0] < 50


def test_heartbeat_and_interlock_loop_blink_at_their_pace(host: Host) -> None:
    """234 once a second; 235 steady when closed, blinking with one switch open, down when broken."""

    def changes(coil: int, ms: int) -> int:
        levels = [coil in host.up() for _ in range(ms // 20)]
        return sum(one is not other for one, other in itertools.pairwise(levels))

    assert 9 <= changes(234, 5000) <= 11
    assert changes(235, 3000) == 0 and 235 in host.up()
    host.device.switch_open = True
    assert 5 <= changes(235, 3000) <= 7
    host.device.loop_broken = True
    assert changes(235, 2000) == 0 and 235 not in host.up()
    host.device.heart_stopped = True
    assert changes(234, 2000) == 0


def test_the_shutter_lets_the_beam_out_and_follows_the_loop(host: Host) -> None:
    host.full()
    assert 237 in host.up() and host.plant.truth().dose_rate_mgy_s > 20.0
    host.pulse(248)
    host.run(100)
    assert {236} == host.up() & {236, 237} and host.plant.truth().dose_rate_mgy_s == 0.0
    host.device.switch_open = True
    host.pulse(247)
    host.run(100)
    assert 236 in host.up() and "shutter stays closed: interlock open" in host.words()
    host.device.switch_open = False
    host.pulse(247)
    host.run(100)
    host.device.loop_broken = True
    host.run(100)
    assert 236 in host.up()


def test_in_local_mode_only_off_is_obeyed(host: Host) -> None:
    host.plant.supply.local = True
    host.write(251, ON)
    host.pulse(247)
    assert not {210, 211, 237} & host.up()
    host.plant.supply.local = False
    host.write(251, OFF)
    host.write(251, ON)
    host.plant.supply.local = True
    host.write(251, OFF)
    assert 211 not in host.up()


def test_a_restart_forgets_orders_and_shutter(host: Host) -> None:
    host.full()
    host.device.reboot(host.plant.now_us)
    host.run(1500)
    assert not {211, 237} & host.up() and not any(host.device.orders.values())
