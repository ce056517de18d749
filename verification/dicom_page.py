"""`python -m verification.dicom_page [--page]`: plays SIMULATED fractions in both modes; every instance goes to dciodvfy and to storescp.
It prints the table, or writes it into docs/dicom.md; exit 1 where there was an error or something did not arrive."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from pydicom import dcmread
from rich.console import Console

from console import configuration
from console.dicom.commands import fill
from console.dicom.outbox import Outbox
from console.dicom.send import Sender, receiver
from verification.dicom_peer import Judged, StoreScp, judged, tool
from verification.pages import DOCS, table
from verification.report_example import example
from verification.virtual import WALL_S

PAGE: Final = DOCS / "dicom.md"
BLOCK: Final = re.compile(r"(<!-- measured by make test-dicom -->\n).*?(<!-- end of test-dicom -->\n)", re.DOTALL)
HEADS: Final = ("instance", "ends by", "delivery type", "termination", "dciodvfy saw", "errors", "warnings", "storescp")


def rows(folder: Path) -> tuple[list[tuple[str, ...]], set[str], bool]:
    """A row for each instance, every warning once, and whether all was well."""
    found: list[tuple[str, ...]] = []
    warnings: set[str] = set()
    well = True
    for mode in ("monitor", "time"):
        setting = example(folder / mode, mode)
        rig = configuration.load(setting.rig_file, 0)
        outbox, scp = Outbox(rig.records), StoreScp(folder / mode / "received")
        fill(rig, outbox, "", WALL_S)
        scp.start()
        try:
            with Sender(receiver(scp.where)) as sender:
                answers = {
                    item.uid: answer.words.rpartition(": ")[2] for item, answer in outbox.step(sender.store, WALL_S)
                }
        finally:
            scp.stop()
        for item in outbox.items():
            path = scp.got.get(item.uid)
            if path is None:
                well = False
                found.append((item.what, mode, "", "", "", "", "", f"did not arrive ({answers.get(item.uid, '')})"))
                continue
            said = judged(path)
            well = well and not said.errors
            warnings |= set(said.warnings)
            found.append(_row(item.what, mode, path, said, answers[item.uid]))
        outbox.close()
    return found, warnings, well


def _row(what: str, mode: str, path: Path, said: Judged, answer: str) -> tuple[str, ...]:
    data = dcmread(path)
    beam = data.TreatmentSessionBeamSequence[0] if "TreatmentSessionBeamSequence" in data else None
    unit = f", {data.PrimaryDosimeterUnit}" if beam is not None else ""
    told = (beam.TreatmentDeliveryType, beam.TreatmentTerminationStatus) if beam is not None else ("", "")
    name = re.sub(r"^fraction [0-9a-f]+, ", "fraction ", what)
    return name, f"{mode}{unit}", *told, said.kind, str(len(said.errors)), str(len(said.warnings)), answer


def version(name: str) -> str:
    """What Debian calls the package that the tool is of."""
    package = {"dciodvfy": "dicom3tools", "storescp": "dcmtk"}[name]
    tool(name)
    said = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, timeout=30, check=False
    )
    return f"{name} of {package} {said.stdout or 'of unknown version'}"


def main(arguments: list[str]) -> int:
    """The table, on the screen or on the page."""
    out = Console()
    with (
        tempfile.TemporaryDirectory() as folder,
        out.status("two fractions in virtual time, then dciodvfy and storescp"),
    ):
        found, warnings, well = rows(Path(folder))
    words = f"Against {version('dciodvfy')} and {version('storescp')}:\n\n{table(HEADS, found)}\nThe warnings, each once:\n\n"
    words += "".join(f"- `{one}`\n" for one in sorted(warnings))
    if "--page" in arguments:
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(BLOCK.sub(lambda block: block[1] + words + block[2], text), encoding="utf-8")
        out.print(f"{PAGE}: written")
    else:
        out.print(words, markup=False, highlight=False, soft_wrap=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
