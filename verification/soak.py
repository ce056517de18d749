"""`make soak`: ten simulated hours of treatment, each hour over the edge of another clock and against the same hour at uptime 0; and ten hours in one run.
It plays fractions without faults and compares what the records say; that nothing grows is measured on the loop itself. Resumable after each run."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from controller.kernel import Kernels, prepare
from controller.requests import Close
from controller.states import State
from simulators.unit_firmware import UnitFirmware
from verification import reach
from verification.results import Results
from verification.setting import lay_out, prescribed, virtual_rig
from verification.sources import commit, source_hash
from verification.virtual import VirtualRig

RESULTS: Final = Path("var") / "soak" / "runs.jsonl"
DAY_S: Final = 86_400.0
EVERY_S: Final = 150.0
"""One fraction begins each so many seconds."""
DOSES_MGY: Final = (300.0, 1200.0, 200.0, 2000.0, 700.0, 1000.0)
USUAL_S: Final = 1000.0
GRAIN_S: Final = 2.0**-20
"""The host's clock counts whole grains, 0.95 us each, and begins at a whole one: so every difference of two of its times is exact, and the same at every
uptime up to 2^33 s. Were it not, a request that is due exactly at a tick would go out in that one or in the next as a float's last bit has it: other
milliseconds, other noise. Nothing else is aligned: an hour begins anywhere between two seconds and two ticks."""
GROWTH_PART: Final = 0.02
"""What the loop holds may differ by this much between its first and its last fraction: the requests that happen to wait, windows that fill."""
SLOW_HZ: Final = 20
DRIFT_PART, DRIFT_MGY = 0.005, 10.0
"""At another rate a fraction ends some counts otherwise; it is held against the bound of a dose without a fault."""
KINDS: Final = ("outcome", "event", "rule", "quality")
WELL: Final = {"outcome": "TERMINATED", "event": "DOSE_END", "quality": "GOOD"}
TOLD: Final = ("outcome", "event", "rule", "quality", "provisional", "delivered_mgy", "low_mgy", "high_mgy")


@dataclass(frozen=True)
class Edge:
    """An hour: where the host's clock stands in the middle of one of its beams, and the unit's own counter of milliseconds there (None: it begins at 0)."""

    name: str
    host_s: float | None
    unit_ms: int | None = None


EDGES: Final = (
    Edge("uptime 0", None),
    Edge("2^31 ms, host and unit", 2**31 / 1e3, 2**31),
    Edge("2^32 ms, host and unit", 2**32 / 1e3, 2**32),
    Edge("2^31 us, host", 2**31 / 1e6),
    Edge("2^32 us, host", 2**32 / 1e6),
    Edge("2^31 x 10 ms (248.55 days), host", 2**31 / 100.0),
    Edge("2^32 x 10 ms (497.1 days), host", 2**32 / 100.0),
    Edge("248 days, host; 2^31 ms, unit", 248.0 * DAY_S, 2**31),
    Edge("100 days, host; 2^32 ms, unit", 100.0 * DAY_S, 2**32),
    Edge("1000 days, host", 1000.0 * DAY_S),
)
"""The first is what the others are held against; each of these is an hour."""
LONG: Final = "all hours in one run, at 20 Hz"


def held(loop: object) -> tuple[int, int]:
    """How many objects of the product a loop leads to, and their bytes; not the world at the other end of its wires, nor code."""
    seen: dict[int, object] = {}
    waiting: list[object] = [loop]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | BuiltinFunctionType):
            continue
        if type(one).__module__.partition(".")[0] in ("simulators", "verification"):
            continue
        seen[id(one)] = one
        waiting.extend(gc.get_referents(one))
        if isinstance(one, msgspec.Struct):  # one without a collector's head tells the collector nothing
            waiting.extend(getattr(one, name) for name in one.__struct_fields__)
    return len(seen), sum(map(sys.getsizeof, seen.values()))


@dataclass
class Ran:
    """One run: what the records say of each fraction, the world time in the middle of each beam, the true dose since the start, and what the loop held
    after the first fraction and after the last."""

    told: list[dict[str, Any]]
    middles_us: list[int]
    truths_mgy: list[float]
    held_first: tuple[int, int]
    held_last: tuple[int, int]
    simulated_s: float


def run(
    folder: Path,
    kernels: Kernels,
    edge: Edge,
    at_us: int,
    fractions: int,
    hz: int,
    every_s: float,
    tell: Callable[[int], None],
) -> Ran:
    """One run without a stop: a fraction every so often; the edge lies at this world time."""
    setting = lay_out(folder / "rig", folder / "records", "monitor", 15020)
    text = setting.rig_file.read_text(encoding="utf-8")
    setting.rig_file.write_text(text.replace("tick_hz = 100\n", f"tick_hz = {hz}\n"), encoding="utf-8")
    epoch_s = USUAL_S if edge.host_s is None else round((edge.host_s - at_us * 1e-6) / GRAIN_S) * GRAIN_S
    rig = virtual_rig(setting, kernels, epoch_s=epoch_s, grain_s=GRAIN_S)
    unit = rig.world.unit
    if edge.unit_ms is not None and isinstance(unit, UnitFirmware):
        unit.scan_count = edge.unit_ms - at_us // 1000
    ran = Ran([], [], [], (0, 0), (0, 0), 0.0)
    try:
        for number in range(fractions):
            ran.middles_us.append(_fraction(rig, number))
            ran.truths_mgy.append(rig.truth()["dose_mgy"])
            rig.wait(max(0.1, (number + 1) * every_s - rig.world.now_us * 1e-6))
            ran.held_last = held(rig.loop)
            ran.held_first = ran.held_last if number == 0 else ran.held_first
            tell(number)
        ran.told = [{name: one[name] for name in TOLD} for one in reach.exposures(rig)]
        ran.simulated_s = rig.world.now_us * 1e-6
    finally:
        rig.close()
    return ran


def _fraction(rig: VirtualRig, number: int) -> int:
    """One patient's, to its closing; the world time in the middle of its beam."""
    ordered = prescribed(DOSES_MGY[number % len(DOSES_MGY)])
    reach.to_ready(rig, p=msgspec.structs.replace(ordered, patient_id=f"SOAK-{number}"))
    rig.press()
    reach.turn_until(rig, State.IRRADIATING, within=20_000)
    begun_us = rig.world.now_us
    reach.turn_until(rig, State.TERMINATED, within=200_000)
    ended_us = rig.world.now_us
    rig.ask(Close("soak"))
    reach.turn_until(rig, State.STANDBY)
    return (begun_us + ended_us) // 2


def apart(reference: list[dict[str, Any]], other: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """How many fractions are the same to the last digit, and in words where one is not."""
    if len(reference) != len(other):
        return 0, [f"{len(other)} exposures, {len(reference)} at uptime 0"]
    wrong = []
    for number, (a, b) in enumerate(zip(reference, other, strict=True)):
        words = [f"{name} {b[name]} for {a[name]}" for name in TOLD if a[name] != b[name]]
        if words:
            wrong.append(f"fraction {number}: " + ", ".join(words))
    return len(reference) - len(wrong), wrong


def grown(ran: dict[str, Any]) -> list[str]:
    """In words where the loop holds more at the last fraction than it did at the first."""
    (_, first_b), (count, last_b) = ran["held_first"], ran["held_last"]
    if last_b <= (1.0 + GROWTH_PART) * first_b:
        return []
    return [f"the loop holds {last_b} bytes in {count} objects, {first_b} after the first fraction"]


def drifted(reference: dict[str, Any], ran: dict[str, Any]) -> list[str]:
    """In words each fraction of the run at another rate that is not what its order came to at uptime 0: its end, what was recorded, what was truly given."""
    first, wrong = _each(reference), []
    for number, (one, true_mgy) in enumerate(_each(ran)):
        usual, usual_mgy = first[number % len(first)]
        ends = [name for name in KINDS if one[name] != usual[name]]
        band = max(DRIFT_PART * usual_mgy, DRIFT_MGY)
        off = max(abs(one["delivered_mgy"] - usual["delivered_mgy"]), abs(true_mgy - usual_mgy))
        if ends or not off <= band:
            wrong.append(
                f"fraction {number}: {', '.join(ends) or 'dose'} not as at uptime 0, {off:.3f} mGy off (at most {band:.3f})"
            )
    return wrong


def _each(ran: dict[str, Any]) -> list[tuple[dict[str, Any], float]]:
    """Each fraction as told, with what was truly given in it."""
    sums = [0.0, *ran["truths_mgy"]]
    return [(one, sums[number + 1] - sums[number]) for number, one in enumerate(ran["told"])]


def soak(results: Results, hours: float, console: Console) -> Iterator[dict[str, Any]]:
    """Every run that is not there yet, and the others from the file."""
    kernels, fractions = prepare(), max(1, round(hours * 3600.0 / EVERY_S))
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("soak", total=fractions * len(EDGES) + fractions * len(EDGES))
        for place, edge in enumerate((*EDGES, Edge(LONG, None))):
            long = edge.name == LONG
            number = fractions * len(EDGES) if long else fractions
            if edge.name not in results.by_key:
                progress.update(task, description=edge.name)
                middles = results.by_key[EDGES[0].name]["middles_us"] if place else [0]
                at_us = middles[place % len(middles)]
                hz = SLOW_HZ if long else 100
                with TemporaryDirectory() as folder:
                    ran = run(Path(folder), kernels, edge, at_us, number, hz, EVERY_S, lambda _: progress.advance(task))
                results.add({"name": edge.name, "source": results.source, "hours": hours, "hz": hz, **vars(ran)})
            else:
                progress.advance(task, number)
            yield results.by_key[edge.name]


def judged(ran: dict[str, Any], reference: dict[str, Any]) -> tuple[str, list[str]]:
    """What to say of a run, and what is wrong with it."""
    ill = [number for number, one in enumerate(ran["told"]) if any(one[name] != value for name, value in WELL.items())]
    wrong = grown(ran) + [f"fraction {number} did not end as it should: {ran['told'][number]}" for number in ill]
    if ran["name"] == LONG:
        return "each the dose of its first hour", wrong + drifted(reference, ran)
    same, parted = apart(reference["told"], ran["told"])
    if ran["truths_mgy"] != reference["truths_mgy"]:
        wrong.append("the world gave another dose than at uptime 0: its hands or its wires had another time")
    return f"{same} of {len(ran['told'])} the same", wrong + parted


def main(arguments: list[str]) -> int:
    """Play what is missing, show all; 1 where a run is not as the one at uptime 0, or something grew."""
    parser = argparse.ArgumentParser(prog="python -m verification.soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--hours", type=float, default=1.0, help=f"of each of the {len(EDGES)} runs; the last one has all of them"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where runs are kept, to go on with")
    chosen = parser.parse_args(arguments)
    console, source = Console(), f"{source_hash()} {chosen.hours:g} h"
    path = chosen.results
    if path.exists() and f'"{source}"' not in path.read_text(encoding="utf-8").partition("\n")[0]:
        path.unlink()
        console.print("other sources, or another length: begun anew")
    results = Results(path, source, commit(), resume=path.exists(), key="name")
    table = Table("run", "fractions", "simulated", "against uptime 0", "held by the loop: first, last", "as it should")
    failed = False
    try:
        for ran in soak(results, chosen.hours, console):
            said, wrong = judged(ran, results.by_key[EDGES[0].name])
            failed = failed or bool(wrong)
            bytes_held = " ".join(f"{size / 1024:.0f} KiB" for _, size in (ran["held_first"], ran["held_last"]))
            hours = f"{ran['simulated_s'] / 3600.0:.2f} h at {ran['hz']} Hz"
            table.add_row(ran["name"], str(len(ran["told"])), hours, said, bytes_held, "; ".join(wrong) or "yes")
    finally:
        results.close()
    console.print(table)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
