"""`python -m verification.report_pictures`: plays a SIMULATED fraction that is interrupted and resumed, makes its reports, and draws their pages for docs/.
It needs pdftoppm of Debian's poppler-utils; what the reports say is console/reports."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from console import configuration
from console.reports import keep
from console.reports.commands import site_of, write_all
from verification.pages import DOCS
from verification.report_example import example

PICTURES: Final = DOCS / "pictures"
DPI: Final = "80"
WANTED: Final = {"fraction": 2, "course": 1}
"""How many pages of each are shown."""


def main() -> int:
    """Write docs/pictures/report-*.png."""
    out = Console()
    pdftoppm = shutil.which("pdftoppm")
    if pdftoppm is None:
        out.print("pdftoppm is not on this machine; first: apt-get install poppler-utils")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        with out.status("a fraction in virtual time"):
            setting = example(Path(folder))
        rig = configuration.load(setting.rig_file, 0)
        write_all(rig, site_of(rig), set())
        for kind, pages in WANTED.items():
            last = sorted((rig.records / keep.FOLDER).glob(f"{kind}-*.pdf"))[-1]
            for page in map(str, range(1, pages + 1)):
                name = PICTURES / f"report-{kind}-{page}"
                subprocess.run(
                    [pdftoppm, "-r", DPI, "-f", page, "-l", page, "-png", "-singlefile", str(last), str(name)],
                    check=True,
                    timeout=60,
                )
                out.print(f"{name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
