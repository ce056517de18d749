"""`python -m benchmarks.compiled FILE...`: a virtual world with these files compiled by mypyc, in a copy of the sources, beside the same world interpreted.
Both play the same fraction in turns, window by window, so that what loads the machine loads both; it changes no source, and nothing that ships is compiled."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console

from controller.kernel import prepare
from controller.states import State
from verification import reach
from verification.setting import lay_out, prescribed, virtual_rig

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = (
    *("benchmarks", "calibration", "console", "controller", "hal"),
    *("interlocks", "records", "simulators", "verification"),
)
RX_MGY: Final = 6000.0
"""A fraction whose beam, some 130 s, is longer than all windows."""
LONGEST_TICKS: Final = 12_000
COMPILE: Final = """
import sys
from setuptools import setup
from mypyc.build import mypycify
files = ["--explicit-package-bases", "--follow-imports=silent", *sys.argv[1:]]
setup(name="compiled", packages=[], py_modules=[], ext_modules=mypycify(files, opt_level="1"), script_args=["build_ext", "--inplace"])
"""


@dataclass(frozen=True)
class Window:
    """One window: its time on the processor, us a tick, and a digest of where the world and the host stood at its end."""

    us_a_tick: float
    digest: str


def play(ticks: int) -> None:
    """One rig in beam; for each line that comes in, one window and one line out."""
    with TemporaryDirectory() as folder:
        rig = virtual_rig(lay_out(Path(folder) / "rig", Path(folder) / "records", "monitor", 15020), prepare())
        reach.to_ready(rig, p=prescribed(RX_MGY))
        rig.press()
        reach.turn_until(rig, State.IRRADIATING)
        last: list[Any] = [None]
        rig.tick_hooks.append(lambda tick: last.__setitem__(0, tick))
        for _ in sys.stdin:
            began = time.process_time_ns()
            for _ in range(ticks):
                rig.turn()
            spent = time.process_time_ns() - began
            stood = repr((last[0].now, last[0].dose, last[0].verdict.truths, last[0].sent, rig.truth()))
            sys.stdout.write(f"{1e-3 * spent / ticks} {sha256(stood.encode()).hexdigest()}\n")
            sys.stdout.flush()
        rig.close()


def copied(folder: Path, files: list[str]) -> Path:
    """The sources in a folder of their own, with `files` compiled beside them."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    if files:
        subprocess.run([sys.executable, "-c", COMPILE, *files], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder


def player(folder: Path, ticks: int) -> subprocess.Popen[str]:
    """One process that plays what lies in `folder`."""
    command = [sys.executable, "-m", "benchmarks.compiled", "--play", "--ticks", str(ticks)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def window(process: subprocess.Popen[str]) -> Window:
    """The next one; a player that has died says why on its own standard error."""
    if process.stdin is None or process.stdout is None:
        raise SystemExit("the player has no pipes")
    process.stdin.write("\n")
    process.stdin.flush()
    spent, _, digest = process.stdout.readline().strip().partition(" ")
    if not digest:
        raise SystemExit("a world ended before its windows did; its own words stand above")
    return Window(float(spent), digest)


def compare(folder: Path, files: list[str], windows: int, ticks: int) -> list[tuple[Window, Window]]:
    """Interpreted and compiled, window by window; which of them goes first changes, and the first pair is left out."""
    trees = copied(folder / "interpreted", []), copied(folder / "compiled", files)
    pairs = []
    plain, fast = (player(tree, ticks) for tree in trees)
    try:
        for number in range(windows + 1):
            if number % 2:
                one = window(plain)
                pairs.append((one, window(fast)))
            else:
                one = window(fast)
                pairs.append((window(plain), one))
    finally:
        for process in (plain, fast):
            process.communicate()
    return pairs[1:]


def main(arguments: list[str]) -> int:
    """Compile, play, show; 1 where the two worlds have not gone the same way."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compiled", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("files", nargs="*", help="what to compile, as simulators/plant.py")
    parser.add_argument("--windows", type=int, default=14)
    parser.add_argument("--ticks", type=int, default=200, help="ticks of one window")
    parser.add_argument("--play", action="store_true", help="be one of the two players")
    chosen = parser.parse_args(arguments)
    if min(chosen.windows, chosen.ticks) < 1 or (chosen.windows + 1) * chosen.ticks > LONGEST_TICKS:
        parser.error(
            f"{chosen.windows} windows of {chosen.ticks} ticks are none or longer than the beam: {LONGEST_TICKS} in all"
        )
    if chosen.play:
        play(chosen.ticks)
        return 0
    with TemporaryDirectory() as folder:
        pairs = compare(Path(folder), chosen.files, chosen.windows, chosen.ticks)
    say = Console(highlight=False, soft_wrap=True).print
    ratios = sorted(plain.us_a_tick / fast.us_a_tick for plain, fast in pairs)
    for name, column in (("interpreted", [p for p, _ in pairs]), ("compiled", [f for _, f in pairs])):
        spent = [one.us_a_tick for one in column]
        say(f"{name}: {median(spent):.0f} us a tick, {min(spent):.0f} in the fastest window")
    say(f"times as fast: {median(ratios):.2f}, {ratios[0]:.2f} to {ratios[-1]:.2f} of {len(ratios)} windows")
    same = all(plain.digest == fast.digest for plain, fast in pairs)
    say("both worlds went the same way" if same else "the compiled world WENT ANOTHER WAY")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
