"""`make doctor-page`: what `kerma doctor` says of real time on this machine with all privileges and with none, put into docs/real-time.md with commit and day.
It runs the command and copies its lines; what they mean is doctor's business."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from hal.clock import SystemClock
from verification.sources import ROOT, commit

PAGE: Final = ROOT / "docs" / "real-time.md"
NOBODY: Final = (
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
)
"""Somebody with no privilege but to read: the folder of these sources may belong to root alone."""
SHOWN: Final = ("real-time scheduling", "locked memory", "awake processors", "punctuality", "processors")
"""Doctor's lines about real time, in its order; the others are of one rig and its disk."""
WITHIN_S: Final = 60.0


@dataclass(frozen=True)
class Way:
    """One way to run doctor: by its word in the markers, what stands before the command, and whether it must then be given SCHED_FIFO."""

    word: str
    before: tuple[str, ...]
    given: bool


WAYS: Final = (Way("with", (), True), Way("without", NOBODY, False))


def asked(way: Way, kerma: Path) -> list[dict[str, str]]:
    """Doctor's lines about real time. SystemExit where it did not say them, or said them with other privileges than it was to have."""
    command = [*way.before, str(kerma), "doctor", "--json"]
    home = {"HOME": "/nonexistent"} if way.before else {}
    try:
        said = subprocess.run(
            command, env=os.environ | home, capture_output=True, text=True, timeout=WITHIN_S, check=False
        )
        lines: list[dict[str, str]] = [line for line in json.loads(said.stdout)["lines"] if line["what"] in SHOWN]
    except (OSError, subprocess.SubprocessError, ValueError) as why:
        raise SystemExit(f"{' '.join(command)} did not say its lines ({why}); first: run it by hand") from None
    if tuple(line["what"] for line in lines) != SHOWN:
        raise SystemExit(f"{' '.join(command)} said {[line['what'] for line in lines]}, wanted {list(SHOWN)}")
    if (lines[0]["level"] == "ok") is not way.given:
        raise SystemExit(
            f"doctor {way.word} privileges says: {lines[0]['found']}; first: run this as root, with setpriv of util-linux"
        )
    return lines


def words(lines: Sequence[dict[str, str]]) -> str:
    """As doctor prints them for people."""
    out = []
    for line in lines:
        out.append(f"{line['level']:<5} {line['what']:<22} {line['found']}")
        out.extend([f"{'':<29}first: {line['first']}"] if line["first"] else [])
    return "\n".join(out)


def written(text: str, way: Way, lines: Sequence[dict[str, str]], said: str) -> str:
    """The page with this way's block anew. SystemExit if the page has no place for it."""
    block = f"<!-- doctor {way.word} -->\n```\n{words(lines)}\n```\n\n{said}\n<!-- end of doctor {way.word} -->"
    name = re.escape(way.word)
    anew, times = re.subn(f"(?s)<!-- doctor {name} -->.*?<!-- end of doctor {name} -->", lambda _: block, text)
    if times != 1:
        raise SystemExit(f"{times} places for doctor {way.word} in the page, one is needed")
    return anew


def about(facts: dict[str, Any]) -> str:
    """Of which program, day and machine the lines are."""
    return ", ".join(f"{name} {value}" for name, value in facts.items() if value) + "."


def main() -> int:
    """Both ways, and the page."""
    console, kerma = Console(), Path(sys.executable).with_name("kerma")
    if shutil.which(NOBODY[0]) is None:
        raise SystemExit(f"{NOBODY[0]} is not on this machine; first: apt-get install util-linux")
    text = PAGE.read_text(encoding="utf-8")
    for way in WAYS:
        console.print(f"kerma doctor {way.word} privileges", highlight=False)
        load = f"{os.getloadavg()[0]:.1f}"
        lines = asked(way, kerma)
        day = datetime.fromtimestamp(SystemClock().wall(), UTC).date().isoformat()
        text = written(text, way, lines, about({"Commit": commit(), "on": day, "at a load of": load}))
        console.print(words(lines), markup=False, highlight=False)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
