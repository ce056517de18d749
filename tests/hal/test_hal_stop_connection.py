"""DISARM over Modbus TCP, the shipped rig and the simulated unit, whose two connections have a link each: what happens when only one of them is half-open."""

from __future__ import annotations

import pytest
from hal_scripted import SITE_KEY, ScriptedXrv, config

from hal.commands import Hold, On
from hal.rig import make_rig
from hal.units import Seconds
from simulators.modbus_face import ModbusTcpFace
from simulators.seam import UnitInputs, UnitOutputs
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory
from simulators.wire_faults import Link
from verification.pipes import FacePipe

DISARM = bytes.fromhex("06 0210 0001")
HEADER_B = 7
TICK_US = 10_000
SLOT_US = 2_000
CHECKED_EVERY_S = 1.0
REPEAT_S = 0.1


class Two:
    """The rig between a scripted generator and the simulated unit; `links` are the connections' in the order of their opening: status, then stop.
    `answered` has (connection, time in us) of each DISARM that the unit has answered, `asked` what went to the unit: (connection, DISARM or not)."""

    def __init__(self) -> None:
        self.now_us = 1_000_000
        self.firmware = UnitFirmware(UnitConfig(site_key=SITE_KEY), UnitMemory())
        self.face = ModbusTcpFace(self.firmware)
        self.links: list[Link] = []
        self.pipes: list[object] = []
        self.answered: list[tuple[int, int]] = []
        self.asked: list[tuple[int, bool]] = []
        self.xrv = ScriptedXrv()
        self.rig = make_rig(config(unit_serial="KU-SIM-0001"), SITE_KEY, self._open)
        self.ticks(60)
        assert len(self.links) == 2
        assert self.rig.read(self.now).unit_identity is not None

    def _open(self, link: str, _baud: int) -> object:
        if link == "tty:/dev/generator":
            return self.xrv.open()
        self.links.append(Link(lambda: self.now_us))
        self.face.tampered(self.links[-1])
        self.pipes.append(FacePipe(self.face, ears=(self._heard,)))
        return self.pipes[-1]

    def _heard(self, _link: str, pipe: object, data: bytes, host: bool) -> None:
        if host:
            self.asked.append((self.pipes.index(pipe), DISARM in data))
        elif DISARM in data:
            assert data[HEADER_B:] == DISARM
            self.answered.append((self.pipes.index(pipe), self.now_us))

    @property
    def now(self) -> Seconds:
        return Seconds(self.now_us * 1e-6)

    def ticks(self, count: int) -> None:
        for _ in range(count):
            self.rig.ask(None, self.now)
            self.xrv.serve()
            self.pass_us(SLOT_US)
            self.rig.read(self.now)
            self.pass_us(TICK_US - SLOT_US)

    def pass_us(self, us: int) -> None:
        for _ in range(us // 1000):
            self.now_us += 1000
            self.firmware.scan(self.now_us, UnitInputs(), UnitOutputs())

    def in_beam(self) -> Two:
        """HOLD and ON stand: from here on nothing is opened again."""
        self.rig.write(Hold(1), self.now)
        self.rig.write(On(1), self.now)
        self.ticks(20)
        return self

    def off(self) -> list[int]:
        """Off, and this very tick's replies: on which connections the unit has answered a DISARM."""
        self.answered.clear()
        assert self.rig.beam_off(self.now)
        self.rig.read(self.now)
        return [connection for connection, _ in self.answered]


@pytest.mark.parametrize("checks", [1, 5, 14])
def test_the_first_disarm_arrives_in_the_tick_of_off_though_the_stop_connection_is_half_open(checks: int) -> None:
    """Law 4, T1: in beam the connection kept for DISARM has swallowed one check, or so many that it counts as lost; it may not be opened again while ON stands.
    Everything looks well, and the very first DISARM goes to the unit."""
    bench = Two().in_beam()
    bench.links[1].lay("half-open")
    bench.ticks(round(checks * CHECKED_EVERY_S / TICK_US * 1e6))
    assert len(bench.links) == 2
    assert not bench.rig.read(bench.now).unit_link.lost
    assert bench.off() == [0]


def test_a_disarm_goes_on_the_stop_connection_alone_while_that_one_answers() -> None:
    """The status connection is not disturbed where nothing is wrong: at the first off and at each repeat."""
    bench = Two().in_beam()
    bench.ticks(250)
    assert bench.off() == [1]
    bench.ticks(round(REPEAT_S * 1e6) // TICK_US)
    assert bench.off() == [1]


def test_a_half_open_stop_connection_is_not_trusted_because_the_other_one_answers() -> None:
    """The unit answers DISARM on the status connection; each repeat goes there again, for that says nothing of the connection that is kept for it."""
    bench = Two().in_beam()
    bench.links[1].lay("half-open")
    bench.ticks(110)
    assert bench.off() == [0]
    for _ in range(3):
        bench.ticks(round(REPEAT_S * 1e6) // TICK_US)
        assert bench.off() == [0]


def test_a_check_whose_answer_is_still_awaited_is_no_answer() -> None:
    """Half-open right before its check, and off in the tick of that check: it has not failed yet, and DISARM goes on both."""
    bench = Two().in_beam()
    bench.links[1].lay("half-open")
    stop = bench.rig.figures()["unit stop"].sent
    while bench.rig.figures()["unit stop"].sent == stop:
        bench.rig.ask(None, bench.now)
        bench.xrv.serve()
        bench.pass_us(SLOT_US)
        bench.rig.read(bench.now)
        if bench.rig.figures()["unit stop"].sent == stop:
            bench.pass_us(TICK_US - SLOT_US)
    assert bench.off() == [0]


def test_disarm_is_repeated_after_100_ms_whatever_the_last_bit_of_the_clock_says() -> None:
    """15.1 - 15.0 is less than 0.1 to a float: the repeat is not left out for another 100 ms."""
    bench = Two().in_beam()
    bench.ticks((15_000_000 - bench.now_us) // TICK_US)
    assert bench.now == 15.0
    assert bench.off() == [1]
    bench.ticks(round(REPEAT_S * 1e6) // TICK_US)
    assert bench.now == 15.1
    assert bench.off() == [1]


def test_a_disarm_that_is_lost_on_the_stop_connection_is_on_the_other_one_a_tick_later() -> None:
    """Half-open since the last check was answered, which nobody can know: the first DISARM goes there alone, and its silence is not waited out for 100 ms."""
    bench = Two().in_beam()
    bench.links[1].lay("half-open")
    assert bench.off() == []
    off_us = bench.now_us
    bench.ticks(round(REPEAT_S * 1e6) // TICK_US - 1)
    ((connection, heard_us),) = bench.answered
    assert connection == 0
    assert heard_us - off_us <= TICK_US


@pytest.mark.parametrize("fault", ["late-once", "dropped", "half-open", "reset"])
def test_a_check_that_gets_no_answer_disarms_nothing(fault: str) -> None:
    """In beam, on the connection that is only kept for DISARM: the unit was disarmed at the start and answered that; a check is no DISARM that was lost."""
    bench = Two().in_beam()
    bench.answered.clear()
    bench.links[1].lay(fault)
    bench.ticks(round(4.5 * CHECKED_EVERY_S / TICK_US * 1e6))
    assert bench.answered == []


def test_a_disarm_of_the_last_moment_is_on_both_connections_before_the_process_is_gone() -> None:
    """Half-open since the last check: whoever shuts the gate ends, and there is no next tick that would send it again."""
    bench = Two().in_beam()
    bench.links[1].lay("half-open")
    bench.answered.clear()
    began_us = bench.now_us
    for after_us in (0, 14_000, 25_000):
        bench.pass_us(began_us + after_us - bench.now_us)
        assert bench.rig.beam_off(bench.now)
    bench.rig.read(bench.now)
    assert [connection for connection, _ in bench.answered] == [0]


def test_a_disarm_goes_to_nobody_who_has_not_said_who_he_is() -> None:
    """The stop connection is reset with the DISARM on it, and opened again: whoever answers is asked who he is first; DISARM goes on the other one."""
    bench = Two()
    bench.links[1].lay("half-open")
    bench.rig.beam_off(bench.now)
    bench.links[1].lay("reset")
    bench.answered.clear()
    bench.ticks(150)
    assert len(bench.links) == 3
    assert [disarms for connection, disarms in bench.asked if connection == 2][:2] == [False, False]
    assert [connection for connection, _ in bench.answered] == [0]
