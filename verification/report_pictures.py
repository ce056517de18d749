"""`python -m verification.report_pictures`: plays a SIMULATED fraction that is interrupted and resumed, makes its reports, and draws their pages for docs/.
Its tube is the calibrated one of docs/calibration.md. It needs pdftoppm of Debian's poppler-utils; what the reports say is console/reports."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw
from rich.console import Console

from console import configuration
from console.access.approvals import Approvals
from console.access.table import OPERATOR, PHYSICIAN, PHYSICIST
from console.reports import keep
from console.reports.commands import site_of, write_all
from console.reports.gather import gather
from console.treat.chart_hand import Chart
from console.treat.lesions import Lesions
from console.treat.particulars import Statement
from records.fractions import JOURNAL_NAME
from verification.pages import DOCS
from verification.report_example import measured

PICTURES: Final = DOCS / "pictures"
DPI: Final = "80"
WANTED: Final = {"fraction": 3, "course": 1}
"""How many pages of each are shown."""


def beside(records: Path) -> None:
    """Two signatures, a drawn photo and a note, and whose lesion it is, of a minute before the first START."""
    start = next(iter(gather(records / JOURNAL_NAME).book.exposures.values())).start
    order = start.prescribed

    def wall() -> float:
        return start.wall_s - 60.0

    for who, role in (("mia", PHYSICIAN), ("paul", PHYSICIST)):
        Approvals(records, wall).sign(order.sha256.hex(), f"{order.prescription_id} version {order.version}", who, role)
    picture, out = Image.new("RGB", (480, 360), (226, 190, 168)), io.BytesIO()
    draw = ImageDraw.Draw(picture)
    draw.ellipse((210, 140, 286, 206), fill=(168, 92, 84), outline=(120, 52, 52), width=3)
    draw.ellipse((160, 90, 336, 256), outline=(60, 60, 160), width=2)
    picture.save(out, "PNG")
    lesions = Lesions(records, wall)
    lesions.attach(order, out.getvalue(), "olga", OPERATOR)
    said = Statement("Muster", "Erika", "1950-01-01", "basal cell carcinoma", "ICD-10 C44.3", "curative", "none")
    Chart(records, wall).state(order, 0, said, "", "mia", PHYSICIAN)
    lesions.note(order, "head turned to the left, lead mask 3", "olga", OPERATOR)


def main() -> int:
    """Write docs/pictures/report-*.png."""
    out = Console()
    pdftoppm = shutil.which("pdftoppm")
    if pdftoppm is None:
        out.print("pdftoppm is not on this machine; first: make paper-tools")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        with out.status("a fraction in virtual time"):
            setting = measured(Path(folder))
        rig = configuration.load(setting.rig_file, 0)
        beside(rig.records)
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
