"""A certificate on paper: its rows as tables, and for each combination the readings about their mean, linearity with residuals, depth dose, trend of R0.
It draws what calibration/report.py says and works out nothing that a treatment stands on."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Image, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from calibration.atomic import replaced
from calibration.certificate import Checked
from calibration.measured import StepTable
from calibration.print_words import markup, printable
from calibration.report import Row, name_of, rows
from calibration.schema import CombinationTable

WIDTHS_MM: Final = (44, 40, 18, 18, 60)
HEADS: Final = ("name", "value", "unit", "u, k = 1, %", "source")


def write_pdf(path: Path, checked: Checked, before: Sequence[Checked] = ()) -> None:
    """Write the certificate as PDF; `before` are earlier certificates of the tube, for the trend. OSError where it cannot be written."""
    styles = getSampleStyleSheet()
    t = checked.table
    story: list[Any] = []
    if t.simulated:
        story.append(Paragraph("<b>SIMULATED: this certifies no real machine</b>", styles["Heading2"]))
    story += [
        Paragraph(markup(f"Calibration certificate {t.id}, version {t.version}"), styles["Title"]),
        Paragraph(markup(f"Signatures that fit: {', '.join(checked.signers)}. The file is signed; this paper is its picture."), styles["Normal"]),
        Spacer(1, 4 * mm),
    ]  # fmt: skip
    every = rows(checked)
    story.append(_table([row for row in every if not row.combination], styles))
    history = sorted((*before, checked), key=lambda one: one.table.version)
    for c in t.combinations:
        name = name_of(c)
        story += [PageBreak(), Paragraph(markup(name), styles["Heading1"])]
        story.append(_table([row for row in every if row.combination == name], styles))
        story += [Spacer(1, 4 * mm), Image(io.BytesIO(plots(c, history)), 180 * mm, 150 * mm)]
    out = io.BytesIO()
    title = f"Certificate {t.id}"
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=15 * mm, rightMargin=15 * mm, title=title, author="Kerma", invariant=1
    )

    def foot(canvas: Any, _document: Any) -> None:
        canvas.setFont("Helvetica", 7)
        canvas.drawString(15 * mm, 8 * mm, printable(f"{t.id}, content SHA-256 {checked.sha256.hex()}"))
        canvas.drawRightString(195 * mm, 8 * mm, f"page {canvas.getPageNumber()}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    replaced(path, out.getvalue())


def _table(some: Sequence[Row], styles: Any) -> Table:
    small = styles["BodyText"].clone("small", fontSize=7, leading=8.5)

    def cell(words: str) -> Paragraph:
        return Paragraph(markup(words), small)

    body = [[cell(word) for word in (row.name, row.value, row.unit, row.u_pct_k1, row.source)] for row in some]
    table = Table([[cell(head) for head in HEADS], *body], colWidths=[width * mm for width in WIDTHS_MM], repeatRows=1)
    table.setStyle(
        [
            ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, colors.whitesmoke]),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ]
    )
    return table


def plots(c: CombinationTable, history: Sequence[Checked]) -> bytes:
    """One picture, PNG: readings or output against kV, fit and residuals, depth dose, trend."""
    figure = Figure(figsize=(10.8, 9.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    (readings, fit), (depth, residuals), (trend, time) = figure.subplots(3, 2)
    if c.measured is None:
        readings.plot([p.kv for p in c.g_kv], [p.rel for p in c.g_kv], "o-")
        _named(readings, "output against kV", "kV", "relative")
        for empty in (fit, residuals, time):
            _named(empty, "nothing was measured: a simulated plant's own word", "", "")
    else:
        nc = np.array([r.nc for r in c.measured.readings])
        readings.plot(range(1, len(nc) + 1), 100.0 * (nc / nc.mean() - 1.0), "o")
        readings.axhline(0.0, color="0.6")
        _named(readings, "readings about their mean", "reading", "%")
        _linear(fit, residuals, c.measured.ma_steps, "mA", 0.0)
        _linear(time, None, c.measured.time_steps, "s of beam", c.dt_s)
    for whole in (readings, trend):
        if whole is trend or c.measured is not None:
            whole.xaxis.set_major_locator(MaxNLocator(integer=True))
    depth.plot([p.depth_mm for p in c.pdd], [p.pct for p in c.pdd], "o-")
    _named(depth, "depth dose", "mm", "%")
    past = [
        (one.table.version, k.r0_mgy_per_s)
        for one in history
        for k in one.table.combinations
        if name_of(k) == name_of(c)
    ]
    trend.plot([v for v, _ in past], [100.0 * (r0 / past[0][1] - 1.0) for _, r0 in past], "o-")
    for bound in (-5.0, -2.0, 2.0, 5.0):
        trend.axhline(bound, color="0.7", linestyle="--" if abs(bound) < 5 else "-")
    _named(trend, "R0 since the first shown; lines at 2 and 5 %", "version", "%")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def _linear(fit: Any, residuals: Any, steps: Sequence[StepTable], unit: str, more: float) -> None:
    """Readings against the set-point and what is added to it, with a straight line through zero, and what is left of them."""
    x, y = (np.array([getattr(step, name) for step in steps]) for name in ("at", "reading"))
    x = x + more
    slope = float((x * y).sum() / (x * x).sum())
    fit.plot(x, y, "o")
    fit.plot([0.0, x.max()], [0.0, slope * x.max()], "-", color="0.5")
    _named(fit, f"linearity in {unit}: fit through zero", unit, "reading")
    if residuals is not None:
        residuals.plot(x, 100.0 * (y / (slope * x) - 1.0), "o")
        residuals.axhline(0.0, color="0.6")
        _named(residuals, f"residuals of the fit in {unit}", unit, "%")


def _named(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=9)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
