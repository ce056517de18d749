"""The simulated Technix supply on its line: echoes by hand, relay pulses, status bits, local mode, and five seconds of silence."""

from __future__ import annotations

import pytest

from simulators.generator_technix import PROFILE, TechnixFirmware
from simulators.plant import Plant
from simulators.seam import UnitOutputs
from simulators.supply import UNDER_VOLTAGE


class Host:
    """Hands on the coils and a voice on the line."""

    def __init__(self) -> None:
        self.plant = Plant(PROFILE, 7)
        self.out = UnitOutputs(k1_close=True, k2_close=True)
        device = self.plant.generator
        assert isinstance(device, TechnixFirmware)
        self.device = device

    def run(self, ms: int) -> None:
        for _ in range(ms):
            self.plant.step(self.out)

    def ask(self, text: str) -> str | None:
        line = self.plant.generator_line
        line.host_write(text.encode() + b"\r", self.plant.now_us)
        came = b""
        for _ in range(40):
            self.run(1)
            came += line.host_read(self.plant.now_us)
        assert not came or (came.endswith(b"\r") and came.count(b"\r") == 1)
        return came[:-1].decode() if came else None

    def status(self) -> int:
        reply = self.ask("E")
        assert reply is not None and reply.startswith("E")
        return int(reply[1:])

    def remote(self) -> Host:
        self.run(60)
        assert self.ask("P7,0") == "P7,0"
        return self

    def on(self) -> Host:
        self.remote()
        assert self.ask("d1,2846") == "d1,2846" and self.ask("d2,1310") == "d2,1310"
        assert self.ask("P5,1") == "P5,1"
        self.run(80)
        assert self.ask("P5,0") == "P5,0"
        for _ in range(12):
            self.run(60)
            assert self.ask("a1") is not None
        assert self.plant.truth().hv_on
        return self


def test_it_starts_local_and_every_reply_is_the_echo_with_a_value() -> None:
    host = Host()
    host.run(60)
    assert host.status() == 64
    assert host.ask("d1,2846") == "d1,2846" and host.plant.supply.kv_counts == 0, "echoed in local mode, and not done"
    host.remote()
    assert host.status() == 0
    assert host.ask("d1,2846") == "d1,2846" and host.plant.supply.kv_counts == 2846
    assert host.ask("d2,0") == "d2,0"
    reply = host.ask("a1")
    assert reply is not None and reply[:2] == "a1" and reply[2:].isdigit()


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        "d1",
        "d1,",
        "d1,4096",
        "d1,-1",
        "d1,1.5",
        "d3,1",
        "P5",
        "P5,2",
        "P9,1",
        "a1,1",
        "E,1",
        "a3",
        "e",
        "d1,12P6,1",
        "d1,00001",
    ],
)
def test_what_it_does_not_know_is_answered_by_silence(bad: str) -> None:
    host = Host().remote()
    assert host.ask(bad) is None
    assert host.plant.supply.kv_counts == 0


def test_hv_comes_with_the_closing_of_the_on_relay_and_only_then() -> None:
    """P5 must go to 1, and back to 0 before it can go to 1 again."""
    host = Host().on()
    assert host.status() & 56 == 8
    assert int((host.ask("a1") or "a10")[2:]) * 100.0 / 4095 == pytest.approx(69.5, rel=0.01)
    assert host.ask("P6,1") == "P6,1" and host.status() & 40 == 32
    assert not host.plant.supply.hv_on
    assert host.ask("P5,1") == "P5,1" and not host.plant.supply.hv_on, "the off relay wins"
    assert host.ask("P6,0") == "P6,0" and not host.plant.supply.hv_on
    assert host.ask("P5,1") == "P5,1" and not host.plant.supply.hv_on, "no closing, no pulse"
    assert host.status() & 16
    assert host.ask("P5,0") == "P5,0" and host.ask("P5,1") == "P5,1" and host.plant.supply.hv_on


def test_on_is_refused_local_inhibited_interlocked_and_faulty() -> None:
    host = Host()
    host.run(60)
    for spoil, mend in (("P7,1", "P7,0"), ("P8,1", "P8,0")):
        host.ask("P7,0")
        host.ask(spoil)
        assert host.ask("P5,1") == "P5,1" and not host.plant.supply.hv_on
        host.ask("P5,0")
        host.ask(mend)
    host.out.k1_close = False
    host.run(30)
    assert host.status() == 4
    assert host.ask("P5,1") == "P5,1" and not host.plant.supply.hv_on
    host.ask("P5,0")
    host.out.k1_close = True
    host.run(40)
    host.plant.supply.trip(UNDER_VOLTAGE, "under-voltage")
    assert host.status() == 2
    assert host.ask("P5,1") == "P5,1" and not host.plant.supply.hv_on
    host.ask("P5,0")
    host.ask("P6,1")
    assert host.status() == 32
    host.ask("P6,0")
    assert host.status() == 0


def test_inhibit_ends_hv_and_its_release_brings_nothing_back() -> None:
    host = Host().on()
    assert host.ask("P8,1") == "P8,1" and not host.plant.supply.hv_on and host.status() & 128
    assert host.ask("P8,0") == "P8,0"
    host.run(500)
    assert not host.plant.supply.hv_on


def test_silence_of_five_seconds_ends_hv_and_any_instruction_prevents_it() -> None:
    host = Host().on()
    for _ in range(4):
        host.run(4_500)
        assert host.ask("a2") is not None and host.plant.supply.hv_on
    host.run(4_900)
    assert host.plant.supply.hv_on
    host.run(150)
    assert not host.plant.supply.hv_on and host.status() & 64


def test_what_is_no_instruction_does_not_feed_it() -> None:
    host = Host().on()
    for _ in range(12):
        host.run(400)
        assert host.ask("nonsense") is None
    assert not host.plant.supply.hv_on


def test_a_restart_forgets_everything_and_ends_local() -> None:
    host = Host().on()
    host.ask("P8,1")
    host.device.reboot(host.plant.now_us)
    host.run(PROFILE.boot_ms - 100)
    assert host.ask("E") is None
    host.run(200)
    assert host.status() == 64
    assert host.plant.supply.kv_counts == 0 and host.device.pulses == {"P5": 0, "P6": 0}
    host.run(4_000)
    assert host.status() == 64


def test_faults_act_at_its_face() -> None:
    host = Host().remote()
    host.device.set_points_stick = True
    assert host.ask("d1,1000") == "d1,1000" and host.plant.supply.kv_counts == 0
    host.device.late_us = 20_000
    assert host.ask("a1") is not None
    host.device.late_us = 0
    host.device.silent = True
    assert host.ask("a1") is None
