"""`make bench-world`: how many seconds a virtual world simulates in one second of one core, at 100 Hz with all wire traffic, and where that time goes.
It plays one demonstration fraction with the shipped loop and recorder and times every tick from outside; it judges nothing that happens in it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from controller.kernel import prepare
from controller.requests import Close
from controller.states import BEAM, State
from records.recorder import Recorder
from verification import reach
from verification.pipes import FacePipe, LinePipe
from verification.setting import lay_out, prescribed, virtual_rig
from verification.virtual import VirtualPace, VirtualRig

RX_MGY: Final = 2000.0
"""The demonstration's fraction, about 45 s of beam."""
TICK_S: Final = 0.01
WINDOW: Final = 100
"""Ticks of one window."""
STANDBY, ARMING, IN_BEAM = "standby", "arming", "beam"
STRETCHES: Final = (STANDBY, ARMING, IN_BEAM)
"""Nothing loaded; loaded, set up, armed and waiting for the switch; from the press to the end of beam."""
TIMED: Final[tuple[tuple[type, str, str], ...]] = (
    (VirtualPace, "next", "world"),
    (VirtualPace, "slot", "world"),
    (LinePipe, "take", "world"),
    (LinePipe, "send", "world"),
    (FacePipe, "take", "world"),
    (FacePipe, "send", "world"),
    (Recorder, "step", "recorder"),
)
"""Whose time is not the host's: the world is turned by the loop's waits, and its devices serve a request when its bytes are written."""


@dataclass
class Sample:
    """One tick: the state before it, and its time on the processor in ns, whole, and in the parts that are not the host's."""

    state: State
    all_ns: int
    world_ns: int
    recorder_ns: int


@dataclass(frozen=True)
class Speed:
    """One stretch: its windows' median, slowest and fastest, simulated seconds a second of one core; the whole tick by that median."""

    stretch: str
    windows: int
    median: float
    slowest: float
    fastest: float
    us_a_tick: float


@dataclass(frozen=True)
class Split:
    """One stretch timed part by part, us a tick; the parts make the whole, which the timing itself has made longer by some us."""

    stretch: str
    host_us: float
    world_us: float
    recorder_us: float
    whole_us: float


@dataclass(frozen=True)
class Figures:
    """`total` is the whole fraction from its loading to its closing."""

    speeds: tuple[Speed, ...]
    total: float
    total_s: float
    splits: tuple[Split, ...]


@contextmanager
def timed_parts(spent: dict[str, int]) -> Iterator[None]:
    """Add the time of everything in TIMED to `spent`."""

    def timed(method: Callable[..., Any], part: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.thread_time_ns()
            try:
                return method(*arguments)
            finally:
                spent[part] += time.thread_time_ns() - began

        return call

    with ExitStack() as stack:
        for owner, name, part in TIMED:
            stack.enter_context(patch.object(owner, name, timed(getattr(owner, name), part)))
        yield


def watch(rig: VirtualRig, spent: dict[str, int]) -> list[Sample]:
    """Every turn of this rig from now on, timed."""
    samples: list[Sample] = []
    turn = rig.turn

    def timed() -> None:
        state = reach.state(rig)
        spent["world"] = spent["recorder"] = 0
        began = time.thread_time_ns()
        turn()
        samples.append(Sample(state, time.thread_time_ns() - began, spent["world"], spent["recorder"]))

    rig.turn = timed  # type: ignore[method-assign]
    return samples


def play(seconds: float, rx_mgy: float, parts: bool) -> tuple[list[Sample], float]:
    """One rig to STANDBY, which is kept for so long, as is READY; then the fraction to its end. The samples, and the fraction's seconds a second."""
    spent = {"world": 0, "recorder": 0}
    with TemporaryDirectory() as folder, ExitStack() as stack:
        setting = lay_out(Path(folder) / "rig", Path(folder) / "records", "monitor", 15020)
        rig = virtual_rig(setting, prepare())
        stack.callback(rig.close)
        reach.turn_until(rig, State.STANDBY)
        if parts:
            stack.enter_context(timed_parts(spent))
        samples = watch(rig, spent)
        rig.wait(seconds)
        begun = len(samples)
        reach.to_ready(rig, p=prescribed(rx_mgy))
        ready = len(samples)
        rig.wait(seconds)
        pressed = len(samples)
        rig.press()
        reach.turn_until(rig, State.TERMINATED, within=100_000)
        rig.ask(Close("benchmark"))
    fraction = samples[begun:ready] + samples[pressed:]
    return samples, len(fraction) * TICK_S / (1e-9 * sum(sample.all_ns for sample in fraction))


def stretch_of(state: State) -> str:
    """Which stretch a state belongs to; "" for what comes after the beam."""
    if state is State.STANDBY:
        return STANDBY
    if state in (State.PREPARATORY, State.ARMING, State.READY):
        return ARMING
    return IN_BEAM if state in BEAM else ""


def windows(samples: list[Sample], stretch: str) -> list[list[Sample]]:
    """The stretch's ticks cut into windows; what is left over at an end is part of none, unless there is no other."""
    cut = []
    for name, run in groupby(samples, lambda sample: stretch_of(sample.state)):
        ticks = list(run)
        if name == stretch:
            cut += [ticks[at : at + WINDOW] for at in range(0, max(1, len(ticks) - WINDOW + 1), WINDOW)]
    return [window for window in cut if len(window) == WINDOW] or cut


def speed(samples: list[Sample], stretch: str) -> Speed:
    """The figure of one stretch."""
    found = sorted(len(w) * TICK_S / (1e-9 * sum(s.all_ns for s in w)) for w in windows(samples, stretch))
    middle = median(found)
    return Speed(stretch, len(found), middle, found[0], found[-1], 1e6 * TICK_S / middle)


def split(samples: list[Sample], stretch: str) -> Split:
    """The parts of the stretch's median window."""
    cut = sorted(windows(samples, stretch), key=lambda window: sum(s.all_ns for s in window) / len(window))
    window = cut[len(cut) // 2]
    whole, world, recorder = (
        1e-3 * sum(part) / len(window)
        for part in zip(*((s.all_ns, s.world_ns, s.recorder_ns) for s in window), strict=True)
    )
    return Split(stretch, whole - world - recorder, world, recorder, whole)


def measure(seconds: float, rx_mgy: float = RX_MGY) -> Figures:
    """Two fractions: one for the speed, with nothing in the way but one look at the clock each tick, and one for the parts."""
    samples, total = play(seconds, rx_mgy, parts=False)
    taken, _ = play(seconds, rx_mgy, parts=True)
    return Figures(
        tuple(speed(samples, stretch) for stretch in STRETCHES),
        total,
        len(samples) * TICK_S,
        tuple(split(taken, stretch) for stretch in STRETCHES),
    )


def table(figures: Figures) -> Table:
    """For people."""
    shown = Table(title="A virtual world at 100 Hz on one core")
    for name in ("stretch", "simulated s a CPU s", "slowest to fastest", "us a tick", "host", "world", "recorder"):
        shown.add_column(name, justify="left" if name == "stretch" else "right")
    for one, parts in zip(figures.speeds, figures.splits, strict=True):
        shown.add_row(
            one.stretch,
            f"{one.median:.1f}",
            f"{one.slowest:.1f} to {one.fastest:.1f} of {one.windows}",
            f"{one.us_a_tick:.0f}",
            *(f"{us:.0f}" for us in (parts.host_us, parts.world_us, parts.recorder_us)),
        )
    shown.add_row("whole fraction", f"{figures.total:.1f}", "", f"{1e6 * TICK_S / figures.total:.0f}")
    return shown


def main(arguments: list[str]) -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.world", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--seconds", type=float, default=15.0, help="how long to stay in STANDBY, and in READY (below 60)"
    )
    parser.add_argument("--json", type=Path, help="write every figure there")
    chosen = parser.parse_args(arguments)
    if not 0.0 <= chosen.seconds < 60.0:
        parser.error(f"--seconds {chosen.seconds} is outside 0 to 60: READY lasts no longer")
    figures = measure(chosen.seconds)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(asdict(figures), indent=1) + "\n", encoding="utf-8")
    Console().print(table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
