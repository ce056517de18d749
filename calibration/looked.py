"""A typed backscatter factor where the table has no value: between those of its neighbours, smaller field and larger.
Where the table has a value calibration/plausible.py compares with that; neither changes a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from calibration.dosimetry.tables import b_w
from calibration.dosimetry.units import Millimetres
from calibration.job import OutputTable
from calibration.output import Output
from calibration.plausible import outside_neighbours


def backscatter_between(one: OutputTable, measured: Mapping[str, Any], found: Output) -> Iterator[str]:
    """Whether a typed factor lies between the table's for smaller and larger fields at any SSD that is there (10 and 15 mm fields; hazard A2)."""
    typed = measured.get("backscatter")
    if typed is None:
        return
    try:
        b_w(found.hvl_1, Millimetres(measured["field_mm"]), Millimetres(one.combination["effective_ssd_mm"]))
    except ValueError:
        yield from outside_neighbours(typed["value"], found.hvl_1, float(measured["field_mm"]))
