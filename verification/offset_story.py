"""The mA offset of tubes of unknown truth at the terminal: the shipped console, controller and recorder in virtual time, high voltage over a cold filament.
`python -m verification.offset_story --page` writes what was typed, shown and found into docs/calibration.md; what is true is compared only at the end."""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from calibration.job import load_job
from calibration.planned import offered
from calibration.procedures.ma_offset import MaOffset, ma_offset, per_kv
from calibration.procedures.step import Procedure
from console.calibrate.sessions import known_of
from console.exit_codes import Exit
from console.tube_use import since_warmup_s
from controller.kernel import Kernels, prepare
from records import fractions
from verification.calibrate_script import OFFSET
from verification.calibrate_story import DOCS, Story
from verification.virtual import VirtualRig
from verification.virtual_desk import VirtualNow

NAME: Final = "offset"
SCALE: Final = "scale-ma"
SEEDS: Final = (7, 11, 23)
HEAD_LINES: Final = 22
COUNT_MA: Final = 1.2 * 5.0 / 4095.0
"""One count of the converter: what the read-back cannot show."""


@dataclass(frozen=True)
class Found:
    """What one tube's session came to, beside the truth; `refused` is what was said of the scale before it. Doses in mGy, offsets in mA."""

    seed: int
    bleeder_gohm: float
    offset: MaOffset
    truths: tuple[float, ...]
    refused: str
    scale: Procedure
    dose_mgy: float
    rows: list[dict[str, Any]]
    exposures: list[dict[str, Any]]
    since_warmup_s: float
    shown: str

    @property
    def found_gohm(self) -> float:
        return 1e-3 / per_kv(self.offset)

    @property
    def u_gohm(self) -> float:
        """k = 2: one count of the converter at the highest kV, rectangular, and 1 % (k = 1) of the read-back of kV."""
        kv, ma, _ = self.offset.rows[-1]
        part = math.hypot(COUNT_MA / math.sqrt(12.0) / ma, 0.01)
        return 2.0 * part * kv / ma * 1e-3


def told(folder: Path, kernels: Kernels, seed: int) -> Found:
    """One tube: the scale is refused, the offset is measured, the scale is planned with it. Every step that does not go as it should raises."""
    story = Story(folder, kernels, seed)
    rig = story.begin()
    try:
        return _told(story, rig)
    finally:
        rig.close()


def _told(story: Story, rig: VirtualRig) -> Found:
    clock, job = VirtualNow(rig), load_job(story.job_file)

    def now() -> datetime:
        return datetime.fromtimestamp(clock.wall(), UTC)

    try:
        offered(job, SCALE, now(), known_of(story.rig, job, now(), {}))
        refused = ""
    except ValueError as words:
        refused = str(words)
    code = story.measure(rig, NAME, OFFSET)
    if code is not Exit.AS_INTENDED:
        raise RuntimeError(f"kerma calibrate {NAME} ended with {code.name}:\n{story.told.shown[NAME][-3000:]}")
    known = known_of(story.rig, job, now(), {})
    session = known.finished(NAME)
    if session is None:
        raise RuntimeError(f"{NAME}: there is no finished session")
    offset, machine = ma_offset(session), story.machine
    truths = tuple(machine.profile.kv_true_scale * kv + machine.profile.kv_true_offset_kv for kv, _, _ in offset.rows)
    rows = fractions.list_fractions(story.database())
    return Found(
        story.seed,
        machine.drawn["bleeder"],
        offset,
        tuple(kv / machine.drawn["bleeder"] * 1e-3 for kv in truths),
        refused,
        offered(job, SCALE, now(), known).procedure,
        story.world.plant.dose_mgy,
        rows,
        [fractions.show(story.database(), str(row["id"]))["exposures"][0] for row in rows],
        since_warmup_s(rows, clock.wall()),
        story.told.shown[NAME],
    )


def table(found: list[Found]) -> Iterator[str]:
    """How the numbers stand to the truth."""
    yield "| tube | bleeder, true | found, k = 2 | read-back at 50, 60, 69.5 kV, off by | meter, off by | true dose of 18 exposures |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in found:
        read = ", ".join(f"{1e3 * (row[1] - true):+.2f}" for row, true in zip(one.offset.rows, one.truths, strict=True))
        meter = ", ".join(
            f"{1e3 * ((row[2] or 0.0) - true):+.2f}" for row, true in zip(one.offset.rows, one.truths, strict=True)
        )
        dose = "none" if one.dose_mgy < 1e-9 else f"{one.dose_mgy:.3g} mGy"
        yield (
            f"| {one.seed} | {one.bleeder_gohm:.4f} GOhm | {one.found_gohm:.3f} +- {one.u_gohm:.3f} GOhm | {read} uA | {meter} uA | {dose} |"
        )


def page(text: str, found: list[Found]) -> str:
    """The page with its made part."""
    shown = "".join(f"{line.rstrip()}\n" for line in found[0].shown.splitlines()[:HEAD_LINES])
    body = f"```text\n{OFFSET}```\n\n```text\n{shown}...\n```\n\n" + "\n".join(table(found)) + "\n"
    head, tail = "<!-- made by verification.offset_story -->\n", "<!-- end of verification.offset_story -->"
    before, _, rest = text.partition(head)
    if not rest or tail not in rest:
        raise ValueError("the page has no place for the offset")
    return before + head + body + tail + rest.partition(tail)[2]


def main(arguments: list[str]) -> int:
    """Every seed; `--page` writes docs/calibration.md."""
    kernels, found = prepare(), []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            found.append(told(Path(folder), kernels, seed))
        sys.stderr.write(f"tube {seed}\n")
    if arguments == ["--page"]:
        path = DOCS / "calibration.md"
        path.write_text(page(path.read_text(encoding="utf-8"), found), encoding="utf-8")
    sys.stdout.write("".join(f"{line}\n" for line in table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
