"""The last OFF before the process ends, by the shipped gate and rig: on a half-duplex line behind the running reply, and to each device if the other fails."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NoReturn

import pytest
from hal_scripted import SITE_KEY, Bench, ScriptedXrv, config

from hal.commands import Hold
from hal.exchange import OFF_WAITS_S
from hal.rig import make_rig
from hal.units import Seconds
from interlocks.gate import SHUT_AFTER_S, Gate
from interlocks.words import Limits
from simulators.line import SerialLine
from simulators.modbus_face import ModbusRtuFace
from simulators.seam import UnitInputs, UnitOutputs
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory
from verification.pipes import LinePipe

LIMITS = Limits(50.0, 100.0, 0.1, 5.0, 20_000.0, 25_000.0, 3.0, 900.0, 500.0, 18_000.0, 36_000.0)
TICK_US = 10_000
STEP_US = 100
BAUD = 115200
TURNAROUND_US = 2_000
SILENT_US = 1_750
"""3.5 characters, which Modbus fixes at this above 19200 baud."""
SHUT_WITHIN_US = 25_000
DISARM = bytes.fromhex("0106 0210 0001")


class Line:
    """The simulated unit at the far end of 115200 baud, and the clock that turns it. `passed` has each frame: from, to (us), whether the host's, bytes."""

    def __init__(self) -> None:
        self.now_us = 1_000_000
        self.line = SerialLine(BAUD)
        self.firmware = UnitFirmware(UnitConfig(site_key=SITE_KEY), UnitMemory())
        self.face = ModbusRtuFace(self.firmware)
        self.passed: list[tuple[int, int, bool, bytes]] = []
        self.xrv = ScriptedXrv()
        settings = config(safety_unit_link="tty:/dev/unit", unit_serial="KU-SIM-0001")
        self.rig = make_rig(settings, SITE_KEY, self._open)
        self.gate = Gate(self.rig, LIMITS, self, TICK_US * 1e-6)

    def _open(self, link: str, _baud: int) -> object:
        return self.xrv.open() if link == "tty:/dev/generator" else LinePipe(self, self.line, taps=(self._host,))

    def _host(self, _link: str, data: bytes) -> None:
        self._pass(self.now_us, True, data)

    def _pass(self, from_us: int, host: bool, data: bytes) -> None:
        self.passed.append((from_us, from_us + len(data) * 10_000_000 // BAUD, host, data))

    def monotonic(self) -> Seconds:
        return Seconds(self.now_us * 1e-6)

    def wall(self) -> Seconds:
        return self.monotonic()

    def sleep_until(self, deadline: Seconds) -> None:
        end_us = round(deadline * 1e6)
        while self.now_us < end_us:
            self.now_us += STEP_US
            self._turn()

    def _turn(self) -> None:
        if self.now_us % 1000 == 0:
            self.firmware.scan(self.now_us, UnitInputs(), UnitOutputs())
        self.face.receive(self.line.device_take(self.now_us), self.now_us)
        reply = self.face.transmit(self.now_us)
        if reply:
            self.line.device_put(reply, self.now_us + TURNAROUND_US)
            self._pass(self.now_us + TURNAROUND_US, False, reply)
        self.xrv.serve()

    def tick(self) -> bool:
        """One tick of the loop's round; whether its status request has just left, its reply still to come."""
        now_us = self.now_us
        before = len(self.passed)
        self.rig.ask(None, self.monotonic())
        asked = len(self.passed) > before and self.passed[-1][3][1] == 0x17
        if not asked:
            self.sleep_until(Seconds((now_us + TICK_US) * 1e-6))
            self.rig.read(self.monotonic())
        return asked

    def outstanding(self) -> Line:
        """Everything is known, a HOLD has passed, and a status request has left this very moment."""
        for _ in range(60):
            if self.tick():
                self.sleep_until(Seconds((self.now_us + TICK_US) * 1e-6))
                self.rig.read(self.monotonic())
        assert self.rig.read(self.monotonic()).unit_identity is not None
        self.rig.write(Hold(1), self.monotonic())
        assert any(self.tick() for _ in range(5))
        return self

    def shut(self) -> tuple[int, list[tuple[int, int, bool, bytes]]]:
        """The gate is shut: how long that took, us, and the DISARMs that it wrote."""
        began_us, passed = self.now_us, len(self.passed)
        self.gate.shut()
        took_us = self.now_us - began_us
        disarms = [frame for frame in self.passed[passed:] if frame[2] and frame[3].startswith(DISARM)]
        self.sleep_until(Seconds((self.now_us + 2 * TICK_US) * 1e-6))
        return took_us, disarms


@pytest.mark.parametrize("after_us", range(0, 14_000, 500))
def test_the_last_disarm_on_a_serial_line_follows_the_running_reply_and_its_silence(after_us: int) -> None:
    """At any moment after the status request has left: one DISARM within 25 ms, over no other frame, and the unit takes it. Where it had to wait for the
    reply, 3.5 characters of silence lie between the two."""
    bench = Line().outstanding()
    bench.sleep_until(Seconds((bench.now_us + after_us) * 1e-6))
    began_us = bench.now_us
    took_us, disarms = bench.shut()
    assert took_us <= SHUT_WITHIN_US
    ((from_us, to_us, _, data),) = disarms
    others = [frame for frame in bench.passed if frame not in disarms]
    assert not [frame for frame in others if frame[0] < to_us and from_us < frame[1]]
    (heard,) = [frame for frame in others if frame[0] >= to_us and not frame[2]]
    assert heard[3] == data, "the unit acknowledges a DISARM with its own bytes"
    if from_us > began_us:
        assert from_us - max(frame[1] for frame in others if frame[1] <= from_us) >= SILENT_US
    assert "98,0," in bench.xrv.heard


def test_the_last_disarm_overtakes_a_reply_that_does_not_come() -> None:
    """The unit is silent: after 25 ms nobody is there to collide with, and DISARM is written all the same."""
    bench = Line().outstanding()
    bench.firmware.faults.add("silent")
    took_us, disarms = bench.shut()
    assert took_us == SHUT_WITHIN_US
    assert len(disarms) == 1


def test_without_a_clock_the_last_disarm_is_written_at_once() -> None:
    """Nothing can be waited for; an OFF that may collide is more than none."""
    bench = Line().outstanding()

    def breaks(*_: object) -> NoReturn:
        raise OSError("clock")

    passed, now_us = len(bench.passed), bench.now_us
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "sleep_until", breaks)
        bench.gate.shut()
    assert bench.now_us == now_us
    assert [frame[3][:6] for frame in bench.passed[passed:]] == [DISARM]


def test_the_last_attempt_lies_behind_the_longest_wait_of_an_off() -> None:
    """Whatever was asked before the gate was shut is given up by then; and the whole is 25 ms."""
    assert OFF_WAITS_S < SHUT_AFTER_S[-1] == 0.025


class Virtual:
    """A clock for a bench of registers: waiting is to let the devices answer."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    def monotonic(self) -> Seconds:
        return Seconds(self.bench.now)

    def wall(self) -> Seconds:
        return Seconds(0.0)

    def sleep_until(self, deadline: Seconds) -> None:
        self.bench.now = max(self.bench.now, deadline)
        self.bench.serve()


def shuts(break_it: Callable[[Bench], None]) -> Bench:
    """A rig under HOLD of which something is broken, after its gate was shut; what the devices heard before is forgotten."""
    bench = Bench().known()
    bench.tick(Hold(1))
    bench.unit.writes.clear()
    bench.xrv.heard.clear()
    break_it(bench)
    Gate(bench.rig, LIMITS, Virtual(bench), bench.tick_s).shut()
    bench.serve()
    return bench


def raises(*_: object) -> NoReturn:
    raise RuntimeError("its decoder")


def test_the_generator_is_told_off_though_the_units_driver_raises() -> None:
    """Law: every way out sends OFF to both. In each of the three attempts, for the unit never answers for itself."""
    bench = shuts(lambda bench: setattr(bench.rig._unit, "off", raises))
    assert bench.xrv.heard.count("98,0,") == len(SHUT_AFTER_S)


def test_the_unit_is_told_off_though_the_generators_driver_raises() -> None:
    bench = shuts(lambda bench: setattr(bench.rig._generator, "off", raises))
    assert len(bench.unit.written(0x210)) == len(SHUT_AFTER_S)


def test_an_off_that_raised_is_a_first_one_again() -> None:
    """The unit had a DISARM less than 100 ms ago, then a HOLD; its driver raises once, and the next attempt does not take that old DISARM for its own."""

    def raises_once(bench: Bench) -> None:
        bench.rig.beam_off(Seconds(bench.now))
        bench.rig.write(Hold(2), Seconds(bench.now))
        bench.serve()
        bench.unit.writes.clear()
        driver = bench.rig._unit
        shipped, attempts = driver.off, itertools.count(1)
        driver.off = lambda now, at_once: raises() if next(attempts) == 1 else shipped(now, at_once)  # type: ignore[method-assign]

    assert len(shuts(raises_once).unit.written(0x210)) == 1
