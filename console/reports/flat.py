"""A report as JSON and as CSV, and the JSON's schema. Numbers keep all their digits; a cell that a spreadsheet would take for a formula is disarmed.
It knows the structs and no file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from console.reports.told import CourseReport, FractionReport

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is a formula to a spreadsheet (CWE-1236); behind an apostrophe it is text."""
NOT_IN_CSV: Final = ("trace", "lacks")
"""Left out of the table of fields: the trace has a table of its own, and what is lacking has no values."""

Report = FractionReport | CourseReport


def as_json(report: Report) -> bytes:
    """One document, the same bytes for the same records."""
    document: dict[str, Any] = msgspec.to_builtins(report)
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1).encode() + b"\n"


def read_json(raw: bytes) -> Report:
    """The document read back, strictly. Raises msgspec.DecodeError."""
    named = msgspec.json.decode(raw, type=dict[str, Any]).get("schema", "")
    kind: Any = CourseReport if str(named).startswith("kerma-course") else FractionReport
    report: Report = msgspec.json.decode(raw, type=kind)
    return report


def schema() -> str:
    """JSON Schema (2020-12) of both documents."""
    (one, other), parts = msgspec.json.schema_components([FractionReport, CourseReport], ref_template="#/$defs/{name}")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "oneOf": [one, other], "$defs": parts}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def as_csv(report: Report) -> str:
    """Two columns: the field's path, as in the JSON document, and its value; then the trace, one row a point."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("field", "value"))
    for path, value in _fields("", msgspec.to_builtins(report)):
        writer.writerow((cell(path), cell(value)))
    if isinstance(report, FractionReport):
        writer.writerow(())
        writer.writerow(("segment", "at_s", "kv", "ma", "delivered_d0_mgy"))
        for segment in report.segments:
            for point in segment.trace:
                writer.writerow(
                    [cell(one) for one in (segment.number, point.at_s, point.kv, point.ma, point.delivered_mgy)]
                )
    return out.getvalue()


def cell(value: object) -> str:
    """A number as it is, also a negative one; nothing as an empty cell; text so that no spreadsheet calculates it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def _fields(path: str, value: Any) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in NOT_IN_CSV:
                yield from _fields(f"{path}.{key}" if path else key, inner)
    elif isinstance(value, list | tuple):
        for at, inner in enumerate(value):
            yield from _fields(f"{path}.{at}", inner)
    else:
        yield path, value
