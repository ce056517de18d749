"""One reply of the generator is lost in beam: asked again, answered, and the beam goes on, with no value older than its rule's bound at any look.
Two in a row end it, before anything was judged that is older than that bound, within T1 of what was last known; the table says which wires can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.kernel import PLAIN
from controller.states import State
from hal.generators.engine import GeneratorEngine
from interlocks.rules import T1_S
from verification import reach
from verification.rigs import BEAMS, Choice
from verification.setting import lay_out, prescribed, virtual_rig
from verification.virtual import VirtualRig

BEARS = (
    "spellman-xrv",
    "spellman-dxm",
    "spellman-ux",
    "spellman-xrb011",
    "spellman-xrb80",
    "seifert-3003",
    "genix3d",
)
"""A Technix at 9600 baud cannot (docs/wires.md has the arithmetic)."""
NUMBERED = ("genix3d",)
"""Nothing has to be silent and no fence is asked: even the second question comes again in time."""
LOST = "generator-wire-dropped"


class Watched:
    """A rig in beam whose generator's oldest value is noted at each look, and in whose beam replies can be lost."""

    def __init__(self, folder: Path, generator: str) -> None:
        choice = Choice(generator)
        self.rig: VirtualRig = virtual_rig(
            lay_out(folder / "rig", folder / "records", "monitor", 15020, choice=choice), PLAIN
        )
        reach.to_ready(self.rig, p=prescribed(7000.0, choice))
        self.rig.wait(0.5)  # some do not tell when they are charged
        self.rig.press()
        reach.turn_until(self.rig, State.IRRADIATING)
        self.rig.wait(0.5)
        assert self.rig.loop is not None
        driver = self.rig.loop.gate._machine._generator  # type: ignore[attr-defined]
        assert isinstance(driver, GeneratorEngine)
        self.driver: GeneratorEngine[Any, Any] = driver
        self.bounds = self.rig.loop.gate.rules.stale_after_s[2:]
        self.oldest = (0.0, 0.0)
        self.rig.tick_hooks.append(self._look)

    def _look(self, tick: Any) -> None:
        r = tick.readings
        if tick.sent.command != "off":
            ages = (r.now_s - r.monitor.asked_at_s, r.now_s - r.flags.asked_at_s)
            self.oldest = (max(self.oldest[0], ages[0]), max(self.oldest[1], ages[1]))

    def asks(self, name: str = "") -> None:
        """Turn until this question, or any, has just been asked."""
        exchange = self.driver.wires[0].exchange
        assert exchange is not None
        for _ in range(600):
            before = exchange.sent
            self.rig.turn()
            running = exchange.asking
            if exchange.sent > before and (not name or (running is not None and self.driver._name(running) == name)):
                return
        raise AssertionError(f"{name} was not asked")

    def lose(self) -> None:
        """The reply that comes next does not come."""
        self.rig.mend(LOST)
        self.rig.fault(LOST)

    @property
    def missed(self) -> int:
        """Questions without their answer: no reply, or half of one, where a question is two."""
        assert self.rig.loop is not None
        figures = self.rig.loop.gate.figures()["generator"]
        return figures.late + figures.bad

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(poll.name for poll in self.driver._round if poll.every_s <= 1.0)


def each_kind(folder: Path, generator: str, times: int) -> None:
    watched = Watched(folder, generator)
    try:
        for name in watched.kinds:
            for n in range(times):
                watched.rig.wait(0.03 + 0.01 * n)
                watched.asks(name)
                before = watched.missed
                watched.lose()
                watched.rig.wait(0.5)  # three in a second would be a lost link
                assert watched.missed == before + 1
                assert reach.state(watched.rig) is State.IRRADIATING, (name, watched.oldest)
        assert watched.oldest[0] <= watched.bounds[0] and watched.oldest[1] <= watched.bounds[1]
    finally:
        watched.rig.close()


def two_in_a_row(folder: Path, generator: str) -> None:
    watched = Watched(folder, generator)
    try:
        watched.asks(watched.kinds[0])
        watched.lose()
        watched.asks()
        watched.lose()
        watched.rig.wait(0.5)
        assert (reach.state(watched.rig) is State.IRRADIATING) is (generator in NUMBERED)
        assert watched.oldest[0] <= watched.bounds[0] and watched.oldest[1] <= watched.bounds[1]
        assert max(watched.bounds) <= T1_S or generator not in (*BEARS[:4], *NUMBERED)
    finally:
        watched.rig.close()


def test_a_lost_reply_of_each_kind_is_asked_again_in_time(tmp_path: Path) -> None:
    each_kind(tmp_path, "spellman-xrv", 1)


def test_two_lost_replies_end_the_beam_in_time(tmp_path: Path) -> None:
    two_in_a_row(tmp_path, "spellman-dxm")


def test_the_third_lost_reply_in_a_second_ends_the_beam(tmp_path: Path) -> None:
    """Each of them is borne alone: the second 0.3 s after the first, another after more than a second, the next two soon after it."""
    watched = Watched(tmp_path, "spellman-xrv")
    try:
        for gap_s in (0.3, 1.1, 0.3, 0.3):
            watched.asks()
            watched.lose()
            watched.rig.wait(gap_s)
            assert reach.state(watched.rig) is State.IRRADIATING
        watched.asks()
        watched.lose()
        watched.rig.wait(0.1)
        assert reach.state(watched.rig) is State.STOPPING
        snapshot = watched.rig.snapshot()
        assert snapshot is not None and "generator's link is lost" in " ".join((*snapshot.latches, snapshot.notice))
    finally:
        watched.rig.close()


@pytest.mark.grid
@pytest.mark.parametrize("generator", BEARS)
def test_every_wire_that_can_bears_one_lost_reply_of_each_kind(generator: str, tmp_path: Path) -> None:
    """At three places of the round."""
    each_kind(tmp_path, generator, 3)


@pytest.mark.grid
@pytest.mark.parametrize("generator", tuple(BEAMS))
def test_two_lost_replies_end_every_beam_in_time(generator: str, tmp_path: Path) -> None:
    """Or are answered in time, where replies are numbered."""
    two_in_a_row(tmp_path, generator)
