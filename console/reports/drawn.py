"""The pictures of a report as vector drawings: dose against time with bounds, kV and mA against time, one panel each, all segments in a row.
It draws what the report holds and works out nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from reportlab.graphics.shapes import Drawing, Line, PolyLine, String
from reportlab.lib import colors
from reportlab.lib.units import mm

from console.reports.told import FractionReport, Point, Segment

WIDTH: Final = 180 * mm
PANEL: Final = 42 * mm
LEFT: Final = 17 * mm
RIGHT: Final = 4 * mm
GAP_S: Final = 2.0
"""Between two segments: the pause itself, which may be days, is not drawn."""
STEPS: Final = (1, 2, 2.5, 5, 10)


def traces(report: FractionReport) -> Drawing | None:
    """Three panels over one time axis; None where no trace is kept, or a single tick of it, over which no time passes."""
    placed = _placed(report.segments)
    end_s = placed[-1][1] + placed[-1][2] if placed else 0.0
    if end_s <= 0.0:
        return None
    drawing = Drawing(WIDTH, 3 * PANEL + 8 * mm)
    ordered = report.calculation.d0_recorded_mgy
    doses = [
        [(at + p.at_s, given + p.delivered_mgy) for p in segment.trace if p.delivered_mgy is not None]
        for segment, at, _, given in placed
    ]
    _panel(
        drawing,
        2,
        "dose delivered, mGy D0",
        doses,
        end_s,
        (0.0, max(ordered, *(y for line in doses for _, y in line))),
        ordered,
    )
    for row, name, unit, wanted in ((1, "kv", "kV", report.beam.kv_set), (0, "ma", "mA", report.beam.ma_set)):
        lines = [_known(segment.trace, name, at) for segment, at, _, _ in placed]
        _panel(
            drawing,
            row,
            f"tube {'voltage' if name == 'kv' else 'current'}, {unit}",
            lines,
            end_s,
            (0.0, max(wanted, *(y for line in lines for _, y in line))),
            wanted,
        )
    for segment, at, _, _ in placed:
        drawing.add(
            _words(LEFT + (WIDTH - LEFT - RIGHT) * at / end_s, 3 * PANEL + 4 * mm, f"segment {segment.number}", "start")
        )
    drawing.add(
        _words(
            LEFT + (WIDTH - LEFT - RIGHT) / 2,
            0,
            "seconds since the safety unit ran, segments one after another",
            "middle",
        )
    )
    return drawing


def _placed(segments: Sequence[Segment]) -> list[tuple[Segment, float, float, float]]:
    """Segment, where its zero lies on the axis, how long it is drawn, and what was given before it."""
    placed, at, given = [], 0.0, 0.0
    for segment in segments:
        if segment.trace:
            before = max(0.0, -segment.trace[0].at_s)
            placed.append((segment, at + before, segment.trace[-1].at_s, given))
            at += before + segment.trace[-1].at_s + GAP_S
        given += segment.delivered_mgy
    return placed


def _known(trace: Sequence[Point], name: str, at: float) -> list[tuple[float, float]]:
    return [(at + point.at_s, getattr(point, name)) for point in trace if getattr(point, name) is not None]


def _panel(
    drawing: Drawing,
    row: int,
    title: str,
    lines: Sequence[Sequence[tuple[float, float]]],
    end_s: float,
    bounds: tuple[float, float],
    wanted: float,
) -> None:
    """One panel with its grid; `wanted` is the dashed line."""
    low, high = bounds[0], bounds[1] * 1.08
    bottom, height, width = row * PANEL + 8 * mm, PANEL - 11 * mm, WIDTH - LEFT - RIGHT

    def x(at_s: float) -> float:
        return float(LEFT + width * max(0.0, at_s) / end_s)

    def y(value: float) -> float:
        return float(bottom + height * (value - low) / (high - low))

    for tick in _ticks(low, high, 5):
        drawing.add(Line(LEFT, y(tick), LEFT + width, y(tick), strokeColor=colors.lightgrey, strokeWidth=0.4))
        drawing.add(_words(LEFT - 1.5 * mm, y(tick) - 2, f"{tick:g}", "end"))
    for tick in _ticks(0.0, end_s, 10):
        drawing.add(Line(x(tick), bottom, x(tick), bottom + height, strokeColor=colors.lightgrey, strokeWidth=0.4))
        drawing.add(_words(x(tick), bottom - 3.2 * mm, f"{tick:g}", "middle"))
    drawing.add(
        Line(
            LEFT, y(wanted), LEFT + width, y(wanted), strokeColor=colors.black, strokeWidth=0.6, strokeDashArray=(3, 2)
        )
    )
    for line in lines:
        if len(line) > 1:
            flat = [value for at, measured in line for value in (x(at), y(measured))]
            drawing.add(PolyLine(flat, strokeColor=colors.HexColor("#0b4f8a"), strokeWidth=0.9))
    drawing.add(
        _words(
            LEFT,
            bottom + height + 1.2 * mm,
            f"{title} (dashed: {wanted:g} set)" if row < 2 else f"{title} (dashed: {wanted:.1f} ordered)",
            "start",
        )
    )


def _words(x: float, y: float, words: str, anchor: str) -> Any:
    return String(x, y, words, fontSize=6.5, fontName="Helvetica", textAnchor=anchor)


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round steps, `most` at most."""
    size = 10.0**-6
    while True:
        for step in STEPS:
            if (high - low) / (step * size) <= most:
                width = step * size
                first = int(low / width)
                return [width * n for n in range(first, int(high / width) + 1)]
        size *= 10.0
