"""`make bench-wire`: how long one transaction takes through Kerma's wire code, in C, and through pymodbus's own clients, on the same wires in the same run.
It puts contest and page together, writes docs/performance.md with --page, and exits 1 where a goal is missed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import wire_contest, wire_page

PAGE: Final = wire_contest.ROOT / "docs" / "performance.md"
PICTURE: Final = wire_contest.ROOT / "docs" / "pictures" / "bench-wire.svg"
WINDOWS_LEAST: Final = 9


def about(windows: int) -> dict[str, str]:
    """What the figures depend on."""
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )  # fmt: skip
    return {
        "processor": model,
        "CPUs": str(os.cpu_count()),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "pymodbus": version("pymodbus"),
        "libmodbus": _libmodbus(),
        "windows": f"{windows} of {wire_contest.COUNT} transactions (pymodbus sync RTU {wire_contest.COUNT // wire_contest.SLOW_PART})",
    }


def _libmodbus() -> str:
    asked = '#include <modbus/modbus.h>\nLIBMODBUS_VERSION_STRING\n'  # fmt: skip
    said = subprocess.run(["gcc", "-E", "-P", "-"], input=asked, capture_output=True, text=True, check=True).stdout
    return said.strip().splitlines()[-1].replace('"', "").replace(" ", "")


def main(arguments: list[str]) -> int:
    """Build, contest in each place, show."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--windows", type=int, default=15, help=f"rounds in each place, at least {WINDOWS_LEAST}")
    parser.add_argument("--json", type=Path, help="write every figure there")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md and its picture")
    chosen = parser.parse_args(arguments)
    if chosen.windows < WINDOWS_LEAST:
        parser.error(f"--windows {chosen.windows} is less than {WINDOWS_LEAST}")
    wire_contest.build()
    results = []
    for place in wire_contest.places():
        windows, noise = wire_contest.contest(place, chosen.windows)
        results.append(wire_page.result(place, windows, noise))
    facts = about(chosen.windows)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(wire_page.plain(results, facts), indent=1) + "\n", encoding="utf-8")
    if chosen.page:
        wire_page.write_page(PAGE, wire_page.page_part(results, facts))
        PICTURE.write_text(wire_page.picture(results), encoding="utf-8")
    console = Console()
    for table in wire_page.tables(results):
        console.print(table)
    for one in results:
        console.print(wire_page.noise_words(one), highlight=False)
    return 0 if all(held.met for one in results for held in one.goals) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
