"""`python -m verification.picture`: plays the demonstration in virtual time and draws what its operator's terminal shows into docs/pictures/demo.svg.
Every line comes from console/screen.py and from snapshots of the shipped loop; only the waiting between them is left out."""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.rule import Rule
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from console import screen
from console.exit_codes import of_end
from controller.kernel import prepare
from controller.requests import Snapshot
from verification import setting
from verification.scenarios import find, play

PICTURE: Final = setting.EXAMPLES.parents[1] / "docs" / "pictures" / "demo.svg"
WIDTH: Final = 104
RECORDS: Final = "var/demo"
FONT: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
"""Fonts of another host have no place in a page: the reader's own monospaced font does as well."""
THEME: Final = TerminalTheme(
    (24, 26, 31),
    (220, 223, 228),
    [(40, 44, 52), (224, 108, 117), (152, 195, 121), (229, 192, 123), (97, 175, 239), (198, 120, 221), (86, 182, 194), (220, 223, 228)],
)  # fmt: skip


def moments() -> tuple[list[Snapshot], Snapshot]:
    """The demonstration's snapshots worth a picture (READY, half the dose), and that of its end."""
    folder = Path(tempfile.mkdtemp(prefix="kerma-"))
    laid = setting.lay_out(folder, folder / "records", "monitor", 15020)
    rig = setting.virtual_rig(laid, prepare())
    seen: list[Snapshot] = []
    rig.watcher = seen.append
    try:
        told = play(find("normal"), rig, setting.prescribed())
    finally:
        rig.close()
        shutil.rmtree(folder, ignore_errors=True)
    if not told.ok or told.last is None:
        raise SystemExit(f"the demonstration did not end as it should: {told.wrong}")
    chosen: tuple[Callable[[Snapshot], bool], ...] = (
        lambda s: s.state == "READY",
        lambda s: s.state == "IRRADIATING" and s.dose is not None and s.dose.delivered_mgy >= 0.5 * s.dose.d0_mgy,
    )
    return [next(s for s in seen if wanted(s)) for wanted in chosen], told.last


def draw() -> str:
    """The picture as SVG."""
    shown, last = moments()
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ kerma demo", style="bold"))
    for snapshot in shown:
        console.print(screen.progress(snapshot))
        console.print(Rule(style="dim"))
    assert last.ended is not None
    console.print(screen.end(setting.prescribed(), last.ended, of_end(last.ended), RECORDS, last.simulated))
    return FONT.sub("", console.export_svg(title="kerma demo", theme=THEME))


def main() -> int:
    """Write the picture."""
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(draw(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
