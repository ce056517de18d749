"""Where reports lie, one file for each state of the record, and how they come there: whole or not at all, once, under a lock.
It knows names and bytes and no dose; a report that is there is never written over."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from calibration.atomic import replaced
from console.reports import flat, paper
from console.reports.told import CourseReport, FractionReport

FOLDER: Final = "reports"
"""Beside the journal."""
NEW: Final = ".new"


class KeptOtherwiseError(OSError):
    """A report that is there holds other bytes than these: made by another version of the program, or changed."""


def stem(report: FractionReport | CourseReport) -> str:
    """A file's name without its ending: what it is of, the journal's record that it stands on, and the chart's entry where people signed or corrected it, and
    the entry up to which the chart has lost something of it. Identifiers of a course are hashed: they are a person's."""
    at = f"{report.source.record_index:08d}"
    at += f"-c{report.source.chart_entry:06d}" if report.source.chart_entry else ""
    at += f"-g{report.source.chart_gone:06d}" if report.source.chart_gone else ""
    if isinstance(report, FractionReport):
        return f"fraction-{report.id}-{at}"
    named = hashlib.sha256(f"{report.patient.id}\0{report.course_id}".encode()).hexdigest()[:16]
    return f"course-{named}-{at}"


def pdf(report: FractionReport | CourseReport, picture: bytes | None = None) -> bytes:
    return paper.fraction_pdf(report, picture) if isinstance(report, FractionReport) else paper.course_pdf(report)


def files(report: FractionReport | CourseReport, picture: bytes | None = None) -> dict[str, bytes]:
    """Every file of a report, by name; `picture` is the lesion's photo for paper. The JSON comes last: where it is, the others are."""
    name = stem(report)
    return {
        f"{name}.pdf": pdf(report, picture),
        f"{name}.csv": flat.as_csv(report).encode(),
        f"{name}.json": flat.as_json(report),
    }


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder, made where it is missing, for one writer at a time; what a killed one left half-written is taken away. OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        for left in folder.glob(f"*{NEW}"):
            left.unlink()
        yield
    finally:
        os.close(fd)


def keep(folder: Path, some: dict[str, bytes]) -> list[Path]:
    """Write what is not there yet, each file whole; hands on what was written. OSError, with the disk as it was but for whole files; KeptOtherwiseError."""
    written: list[Path] = []
    with held(folder):
        for name, data in some.items():
            path = folder / name
            if path.exists():
                if path.read_bytes() != data:
                    raise KeptOtherwiseError(
                        f"{path}: is there and holds something else; first: keep it elsewhere, and ask again"
                    )
                continue
            replaced(path, data)
            written.append(path)
    return written
