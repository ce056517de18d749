"""`python -m benchmarks.plant_compiled`: the plant with its inner step as one compiled block, beside the plant as it is, alone and in runs.
It changes no simulator, and says nothing where the block's bits are not the plant's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from benchmarks import world
from benchmarks.kernel_rows import seconds
from benchmarks.plant_block import BLOCK_MS, SETTLE_MS, Shadow, blocks, compiled, differing, held, lit
from benchmarks.table import WINDOWS_LEAST
from simulators.plant import SLOW_MS, STEP_US, Plant
from simulators.seam import UnitOutputs

SIMULATED_MS: Final = 5_000
ROUNDS: Final = 5


def in_beam() -> tuple[Plant, UnitOutputs]:
    """A plant well after its ramp."""
    plant, out = lit()
    plant.supply.switch(plant.now_us, 1)
    for _ in range(SETTLE_MS):
        plant.step(out)
    return plant, out


def as_shipped(plant: Plant, out: UnitOutputs) -> None:
    """As a world turns it (simulators/world.py): one step in each tick of 10 ms walked, what may be skipped is."""
    until = plant.now_us + SIMULATED_MS * STEP_US
    while plant.now_us < until:
        plant.step(out)
        ms = min(plant.idle_ms(out), (until - plant.now_us) // STEP_US)
        if ms > 1:
            plant.skip(ms)


def walked(plant: Plant, out: UnitOutputs) -> None:
    for _ in range(SIMULATED_MS):
        plant.step(out)


def alone(made: Callable[..., int], shadow: Shadow) -> None:
    """The block by itself: its state stays in its arrays, and nobody draws noise or looks."""
    for _ in range(SIMULATED_MS // BLOCK_MS):
        made(shadow.f, shadow.n, shadow.drive, shadow.c, BLOCK_MS)


def speeds(made: Callable[..., int], windows: int) -> dict[str, tuple[float, float]]:
    """Simulated seconds a CPU second of each way in beam, and how many times plain Python that is: medians of the windows."""
    shadow = Shadow(in_beam()[0])
    shadow.take()
    plants = [in_beam() for _ in range(3)]
    ways: dict[str, Callable[[], object]] = {
        "every millisecond in plain Python": lambda: walked(*plants[0]),
        "as the simulators are: what moves nothing is skipped": lambda: as_shipped(*plants[1]),
        "the block, wired: out of the objects and back each 10 ms": lambda: blocks(plants[2][0], Shadow(plants[2][0]), made, SIMULATED_MS),
        "the block alone": lambda: alone(made, shadow),
    }  # fmt: skip
    taken = [[seconds(way) for way in ways.values()] for _ in range(windows)]
    columns = list(zip(*taken, strict=True))
    return {
        name: (1e-3 * SIMULATED_MS / median(column), median(plain / one for plain, one in zip(columns[0], column, strict=True)))
        for name, column in zip(ways, columns, strict=True)
    }  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """Whole fractions, by turns as shipped and with every skip made by the block: simulated seconds a CPU second, and where the worlds stood at their ends."""

    shipped: tuple[float, ...]
    wired: tuple[float, ...]
    ends: tuple[tuple[Any, ...], ...]

    @property
    def gains(self) -> list[float]:
        """How much faster, per cent, round by round."""
        return [100.0 * (new / old - 1.0) for old, new in zip(self.shipped, self.wired, strict=True)]


def whole_runs(made: Callable[..., int], rounds: int = ROUNDS, rx_mgy: float = 800.0) -> Whole:
    """The wired ones are this process's own patch of `Plant.skip`, taken back after each."""
    shadows: dict[Plant, Shadow] = {}
    last: list[Plant] = []
    skip = Plant.skip

    def shipped(plant: Plant, ms: int) -> None:
        last[:] = [plant]
        skip(plant, ms)

    def wired(plant: Plant, ms: int) -> None:
        last[:] = [plant]
        shadow = shadows.get(plant) or shadows.setdefault(plant, Shadow(plant))
        if shadow.turn(made, ms) != ms:
            raise SystemExit("the plant said that nothing would move, and the block saw it move")
        plant.now_us += ms * STEP_US
        plant.supply.hv_ms += ms if plant.supply.hv_on else 0
        plant._slow += ms
        if plant._slow >= SLOW_MS:
            plant._slow = 0
            plant._slow_step(plant.now_us)

    took: dict[Callable[..., None], list[float]] = {shipped: [], wired: []}
    ends: list[tuple[Any, ...]] = []
    for _ in range(rounds):
        for way, speeds_of in took.items():
            with patch.object(Plant, "skip", way):
                speeds_of.append(world.play(1.0, rx_mgy, parts=False)[1])
            ends.append((last[0].truth(), held(last[0])))
    return Whole(tuple(took[shipped]), tuple(took[wired]), tuple(ends))


def shares() -> list[world.Split]:
    """A demonstration fraction: of each tick, us in the plant's walked steps, in the place of the world's, and in its skips, in that of the recorder's."""
    with patch.object(world, "TIMED", ((Plant, "step", "world"), (Plant, "skip", "recorder"))):
        samples, _ = world.play(5.0, 800.0, parts=True)
    return [world.split(samples, stretch) for stretch in world.STRETCHES]


def main() -> int:
    """Compare, measure and show; 1 where the block differs from the plant, for then its speed is nobody's."""
    screen, made = Console(), compiled()
    differ = differing(made)
    if differ:
        screen.print(f"the block differs from the plant {differ[0]}", highlight=False)
        return 1
    screen.print(
        "the block and the plant: the same to the last bit, over ramp, beam, arc, quench, another current, off and discharge"
    )
    with screen.status("the plant, four ways"):
        found = speeds(made, WINDOWS_LEAST)
    shown = Table(title="The plant in beam")
    for head in ("way", "simulated s a CPU s", "against plain Python"):
        shown.add_column(head, justify="left" if head == "way" else "right")
    for name, (fast, times) in found.items():
        shown.add_row(name, f"{fast:.0f}", f"{times:.2f} x")
    screen.print(shown)
    with screen.status("whole fractions"):
        parts, runs = shares(), whole_runs(made)
    whole = Table(title="A whole run at 100 Hz as shipped, us a tick, its timing with it")
    for head in ("stretch", "a tick", "the plant's walked steps", "its skips"):
        whole.add_column(head, justify="left" if head == "stretch" else "right")
    for one in parts:
        whole.add_row(one.stretch, f"{one.whole_us:.0f}", f"{one.world_us:.1f}", f"{one.recorder_us:.1f}")
    screen.print(whole)
    same, gains = len(set(runs.ends)) == 1, runs.gains
    screen.print(
        f"whole fractions with each skip made by the block: {median(gains):+.1f} % in speed ({min(gains):+.1f} to {max(gains):+.1f} of {ROUNDS}), "
        f"{median(runs.shipped):.1f} and {median(runs.wired):.1f} simulated s a CPU s; the worlds ended {'the same' if same else 'DIFFERENTLY'}"
    )
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
