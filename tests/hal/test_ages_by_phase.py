"""How old kV, mA and flags get at a look, on every generator at every rate of ticks: at rest, with a press pending, as a beam begins, while off is repeated.
The driver and its device are the shipped and the simulated one; what the loop would call is called here, with every place of the round in turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance_bench import BEAMS, EPOCH_S, Bench

from hal.rig import RigConfig, make_rig
from hal.units import Seconds
from interlocks.rules import T1_S, level

RATES_HZ = (20, 25, 50, 100, 200, 500, 1000)
SLOT_S, SLOT_PART = 0.002, 0.2
"""The look comes so much after the tick began, at most."""
SEEN_OFF_S = 0.06
"""By then the safety unit has said that K1 is open; a repeated off lets a running answer come first."""
OFF_EVERY_S = 0.1
WAITS = (0, 1, 2, 3, 5)
"""Ticks of 10 ms or more from the look that saw the press to the ON."""
NOT_AT_20_HZ = "spellman-xrb80"
"""Refused there by the program (docs/wires.md)."""


class Turned:
    """One generator in its loop's hands; the oldest that each reading was at any look, by phase."""

    def __init__(self, name: str, hz: int, folder: Path) -> None:
        self.bench = Bench(name, "memory", folder, tick_s=1.0 / hz)
        self.driver = self.bench.generator
        self.tick_s = 1.0 / hz
        self.oldest: dict[tuple[str, str], float] = {}
        self.phase = ""
        self.pressed = self.on_stands = False
        self.off_at_s: float | None = None
        self.tried_at_s = 0.0
        self.bench.ready()
        self.next_us = self.bench.world.now_us

    def off_seen(self) -> bool:
        idle = not self.on_stands and not self.pressed
        return idle and self.off_at_s is not None and self.bench.now - self.off_at_s > SEEN_OFF_S

    def turn(self, act: str = "") -> None:
        """A tick: ask, the slot, look, and the one command that follows from it."""
        bench, driver = self.bench, self.driver
        self.next_us += round(self.tick_s * 1e6)
        bench.world.advance(self.next_us)
        free = not self.on_stands
        driver.ask(bench.now, free, free, self.pressed and free, self.off_seen())
        slot_us = round(min(SLOT_S, SLOT_PART * self.tick_s) * 1e6)
        bench.world.advance(self.next_us + slot_us)
        driver.take(bench.now)
        looked_s = EPOCH_S + (self.next_us + slot_us) * 1e-6
        for name in ("monitor", "flags"):
            reading, key = getattr(driver, name), (self.phase, name)
            self.oldest[key] = max(self.oldest.get(key, 0.0), looked_s - reading.asked_at_s)
        self.command(act, bench.now)

    def command(self, act: str, now: Seconds) -> None:
        if act == "press":
            self.pressed = True
        elif act == "on":
            self.on_stands, self.off_at_s = True, None
            self.driver.on(now)
        elif act == "off":
            self.on_stands = self.pressed = False
            self.off_at_s = self.tried_at_s = now
            self.driver.off(now, at_once=True)
        elif act == "again" and now - self.tried_at_s >= OFF_EVERY_S - 1e-6:
            if self.driver.off(now, at_once=False, spare=self.off_seen()) or not self.off_seen():
                self.tried_at_s = now
        elif not act and not self.on_stands and not self.pressed:
            self.driver.want(None, now)

    def rest(self, phase: str, ticks: int, act: str = "") -> None:
        self.phase = phase
        for _ in range(ticks):
            self.turn(act)

    def exposures(self, most: int) -> None:
        """Press, ON, beam, OFF and its repeats; each begins at another place of the round, and waits for its ON for another while."""
        second = round(1.0 / self.tick_s)
        self.rest("plan", 3 * second // 2)
        for n in range(most):
            self.rest("plan", second + round(0.37 * n / most * second) + n)
            self.rest("press", 1, "press")
            self.rest("press", WAITS[n % len(WAITS)] * max(1, second // 100), "wait")
            asked_s = self.bench.now
            self.rest("press", 1, "on")
            self.rest("press", round(0.45 * second) + (7 * n) % max(1, round(0.3 * second)))
            sent_s = self.driver.on_sent_at_s
            assert sent_s is not None and sent_s >= asked_s, "the ON was void"
            self.rest("begun", round(0.6 * second) + n % 7)
            self.rest("off", 1, "off")
            self.rest("off", second // 2, "again")
            self.rest("off", round(0.3 * second))
            self.rest("plan", second // 2)


def bounds(bench: Bench) -> tuple[float, float]:
    """The oldest that the rules let kV with mA, and the flags, be on this rig."""
    s = bench.setting
    config = RigConfig(
        "ages", True, bench.driver.name, s.link, s.baud or 9600, s.model, s.full_scale_kv, s.full_scale_ma, s.turnaround_s,
        "kerma-unit", "tcp:127.0.0.1:5020", 9600, "KU-SIM-0001", tick_s=s.tick_s,
    )  # fmt: skip
    kv_s, flags_s = level(make_rig(config, bytes(32)).capabilities, s.tick_s).stale_after_s[2:]
    return kv_s, flags_s


def no_look_finds_it_too_old(name: str, hz: int, folder: Path, exposures: int) -> None:
    turned = Turned(name, hz, folder)
    try:
        turned.exposures(exposures)
        bench = turned.bench
        planned = bench.driver.worst_age_s(bench.setting)
        for (phase, reading), age_s in turned.oldest.items():
            bound_s = bounds(bench)[reading == "flags"]
            assert age_s <= bound_s + 1e-9, (phase, reading, age_s, bound_s)
            if phase == "plan":
                assert age_s <= planned[reading], "older than the poll plan says, with nothing in its way"
        assert max(turned.oldest.values()) > 0.4 * min(T1_S, max(bounds(bench))), "nothing was ever in its way"
    finally:
        turned.bench.close()


def test_a_press_and_its_off_make_no_reading_too_old_at_20_hz(tmp_path: Path) -> None:
    """The tightest of the table: two shutter pulses follow its ON, and one its OFF, each a turn of 50 ms."""
    no_look_finds_it_too_old("genix3d", 20, tmp_path, 16)


@pytest.mark.grid
@pytest.mark.parametrize("hz", RATES_HZ)
@pytest.mark.parametrize("name", tuple(BEAMS))
def test_no_phase_makes_a_reading_too_old(name: str, hz: int, tmp_path: Path) -> None:
    """Every generator at every rate."""
    if (name, hz) != (NOT_AT_20_HZ, 20):
        no_look_finds_it_too_old(name, hz, tmp_path, 40 if hz <= 200 else 20)
