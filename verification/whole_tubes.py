"""`make whole-tubes`: unknown tubes from name plate to treatment through the shipped loop, each beside the same tube at the bench of whole exposures.
It counts and writes the page; the loop's way is verification/calibrate_story.py, the bench's verification/coverage.py, and neither knows of the other."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from calibration.dosimetry.beam import half_value_layers
from calibration.dosimetry.units import MillimetresAl
from console import sources as product
from console.exit_codes import Exit
from controller.kernel import Kernels, prepare
from hal.errors import ConfigurationError
from simulators.unknown import unknown
from verification.benched import FILTER_CODE
from verification.calibrate_script import KV, OF_DOSE
from verification.calibrate_story import DOCS, Told, told
from verification.calibrated import Stopped
from verification.coverage import calibrate
from verification.results import Results
from verification.sources import ROOT, commit, source_hash

TUBES: Final = 8
RESULTS: Final = Path("var") / "tubes" / "tubes.jsonl"
PAGE: Final = DOCS / "dosimetry.md"
BEGINS, ENDS = "<!-- measured: whole tubes -->\n", "<!-- end of whole tubes -->\n"
APART_PCT: Final = 0.5
"""Both ways meet the same tube and the same instruments, so they are off alike; what parts them is the scatter of one day's readings, of which 0.5 % is the
largest that an output may have."""
TREATED: Final = "treated"


@dataclass(frozen=True)
class Found:
    """What one way came to, against the truth. `given_pct`: the true dose of a fraction with it, against what was ordered; `k2_pct` is stated."""

    given_pct: float
    k2_pct: float
    dt_ms: float
    hvl_mm: float


@dataclass(frozen=True)
class Way:
    """How far a tube came: `treated`, or where it stopped and in which words; what was found where it came to its end."""

    end: str
    found: Found | None = None


def source() -> str:
    """Of all that decides what a tube comes to: product, simulators and players, and what calibrates in both ways."""
    whole = hashlib.sha256(f"{product.digest()} {source_hash()}".encode())
    for path in sorted((ROOT / "verification").glob("*.py")):
        whole.update(path.read_bytes())
    return whole.hexdigest()


def by_loop(seed: int, kernels: Kernels, watch: Callable[[str], None]) -> Way:
    """Console, controller, recorder and wires as shipped. What is refused is a way to end; what breaks otherwise is not caught."""
    with TemporaryDirectory() as folder:
        try:
            came = told(Path(folder), kernels, seed, watch, OF_DOSE)
        except (RuntimeError, ValueError, ConfigurationError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return Way(" / ".join((lines[0], *lines[-2:])) if len(lines) > 2 else str(error))
    if came.treated is None or came.treated.code is not Exit.AS_INTENDED:
        return Way(f"no fraction: {came.treated.words if came.treated is not None else 'none was asked for'}")
    return Way(TREATED, _of_story(seed, came))


def _of_story(seed: int, came: Told) -> Found:
    (c,) = tomllib.loads(came.certificate.decode())["combinations"]
    hvl, _ = half_value_layers([(MillimetresAl(one["al_mm"]), one["reading"]) for one in c["measured"]["layers"]])
    return Found(
        100.0 * (came.given_mgy / came.asked_mgy - 1.0), came.u_pct_k2, 1000.0 * (came.dt_s - came.true_dt_s), hvl.value - true_hvl_mm(seed)
    )  # fmt: skip


def true_hvl_mm(seed: int) -> float:
    """Of the tube's true kV behind its true filter."""
    machine = unknown(seed)
    return machine.hvl_mm_al(machine.true_kv(KV), FILTER_CODE)


def by_bench(seed: int) -> Way:
    """The same tube through the same procedures, with whole exposures and no controller."""
    try:
        came, _ = calibrate(seed)
    except (Stopped, ValueError) as error:
        return Way(str(error))
    return Way(TREATED, Found(came.surface_error_pct, came.surface_k2_pct, 1000.0 * came.dt_error_s, came.hvl_error_mm))


def row(seed: int, kernels: Kernels, of: str, watch: Callable[[str], None]) -> dict[str, Any]:
    """One tube both ways, as a line of the results; CPU seconds of the loop's."""
    begun = os.times()
    loop = by_loop(seed, kernels, watch)
    ended = os.times()
    cpu_s = ended.user + ended.system - begun.user - begun.system
    return {
        "seed": seed,
        "source": of,
        "commit": commit(),
        "cpu_s": round(cpu_s, 1),
        "loop": asdict(loop),
        "bench": asdict(by_bench(seed)),
    }


def wrong(one: dict[str, Any]) -> tuple[str, ...]:
    """What is not as it should be with a tube: it is not treated, or both ways do not agree on it. Outside k = 2 is counted, and is no fault of one tube."""
    loop, bench = one["loop"], one["bench"]
    ends = tuple(f"{way} {there['end']}" for way, there in (("loop:", loop), ("bench:", bench)) if not there["found"])
    if ends:
        return ends
    apart = loop["found"]["given_pct"] - bench["found"]["given_pct"]
    return () if abs(apart) <= APART_PCT else (f"both ways are {apart:+.2f} % apart, at most {APART_PCT:g}",)


def page_part(rows: Sequence[dict[str, Any]]) -> str:
    """The tubes side by side, and how many came which way."""
    lines = "".join(f"| {one['seed']} | {_cells(one)} | {one['cpu_s']:.0f} |\n" for one in rows)
    whole = [one for one in rows if one["loop"]["found"]]
    within = sum(abs(one["loop"]["found"]["given_pct"]) <= one["loop"]["found"]["k2_pct"] for one in whole)
    parted = [
        one["loop"]["found"]["given_pct"] - one["bench"]["found"]["given_pct"] for one in whole if one["bench"]["found"]
    ]
    stopped = len(rows) - len(whole)
    of = ", ".join(dict.fromkeys(one["commit"] for one in rows))
    mean_s = sum(one["cpu_s"] for one in rows) / len(rows)
    return (
        "| seed | end: loop / bench | dose given, loop | bench | stated, k = 2 | end effect, loop | bench | HVL, loop | bench | CPU s |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        f"{lines}\n"
        f"Of {len(rows)} tubes (seeds {rows[0]['seed']} to {rows[-1]['seed']}, commit {of}) {len(whole)} went from name plate to a treated fraction "
        f"through the shipped loop, {stopped} stopped; {within} of the {len(whole)} doses lay within what the tube's own certificate states. "
        f"Loop and bench were at most {max(map(abs, parted), default=0.0):.2f} % apart on the same tube. One tube took {mean_s:.0f} CPU seconds in the mean.\n"
    )  # fmt: skip


def _cells(one: dict[str, Any]) -> str:
    loop, bench = one["loop"], one["bench"]
    a, b = (Found(**there["found"]) if there["found"] else None for there in (loop, bench))

    def cell(found: Found | None, name: str, form: str, unit: str) -> str:
        return f"{getattr(found, name):{form}} {unit}" if found is not None else "-"

    k2 = cell(a or b, "k2_pct", ".2f", "%")
    return " | ".join((
        f"{loop['end']} / {bench['end']}", cell(a, "given_pct", "+.2f", "%"), cell(b, "given_pct", "+.2f", "%"), k2, cell(a, "dt_ms", "+.1f", "ms"),
        cell(b, "dt_ms", "+.1f", "ms"), cell(a, "hvl_mm", "+.3f", "mm"), cell(b, "hvl_mm", "+.3f", "mm"),
    ))  # fmt: skip


def write_page(part: str) -> None:
    """Between its marks. ValueError: the page has no such place."""
    text = PAGE.read_text(encoding="utf-8")
    if text.count(BEGINS) != 1 or text.count(ENDS) != 1:
        raise ValueError(f"{PAGE} has no one place {BEGINS.strip()} ... {ENDS.strip()}; put it in")
    before, rest = text.split(BEGINS)
    PAGE.write_text(f"{before}{BEGINS}{part}{ENDS}{rest.split(ENDS)[1]}", encoding="utf-8")


def play(results: Results, seeds: Sequence[int], console: Console) -> None:
    """Every tube that is not there yet; each is kept the moment it is known."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("tubes", total=len(seeds) * (len(OF_DOSE) + 2))
        missing = [seed for seed in seeds if seed not in results.by_key]
        progress.advance(task, (len(seeds) - len(missing)) * (len(OF_DOSE) + 2))
        kernels = prepare() if missing else None
        for seed in missing:
            assert kernels is not None

            def watch(words: str, seed: int = seed) -> None:
                progress.update(task, description=f"tube {seed}: {words}", advance=1)

            results.add(row(seed, kernels, results.source, watch))


def main(arguments: list[str]) -> int:
    """Play what is missing, show all; 1 where a tube stopped or both ways do not agree on it."""
    parser = argparse.ArgumentParser(prog="python -m verification.whole_tubes", description=(__doc__ or "").partition("\n")[0])  # fmt: skip
    parser.add_argument("--tubes", type=int, default=TUBES, help="seeds 1 to this")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where tubes are kept, to go on with")
    parser.add_argument("--page", action="store_true", help=f"write the figures into {PAGE.name}")
    chosen = parser.parse_args(arguments)
    console, of, path = Console(), source(), chosen.results
    if path.exists() and f'"{of}"' not in path.read_text(encoding="utf-8").partition("\n")[0]:
        path.unlink()
        console.print("other sources: begun anew")
    results = Results(path, of, commit(), resume=path.exists())
    seeds = range(1, chosen.tubes + 1)
    try:
        play(results, seeds, console)
    finally:
        results.close()
    rows = [results.by_key[seed] for seed in seeds]
    part = page_part(rows)
    console.print(part)
    if chosen.page:
        write_page(part)
    faults = [f"tube {one['seed']}: {words}" for one in rows for words in wrong(one)]
    console.print("\n".join(faults))
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
