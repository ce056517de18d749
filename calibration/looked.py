"""A typed backscatter factor where the table has no value: between those of its neighbours, smaller field and larger.
Where the table has a value calibration/plausible.py compares with that; neither changes a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from calibration.dosimetry.tables import B_W, b_w
from calibration.dosimetry.units import Millimetres
from calibration.job import OutputTable
from calibration.output import Output

BESIDE_PART: Final = 0.01
"""How far a typed factor may lie outside its neighbours: a short SSD changes it by 0.2 %, the Monte Carlo of our own lay within 1 to 1.7 % of the table."""


def backscatter_between(one: OutputTable, measured: Mapping[str, Any], found: Output) -> Iterator[str]:
    """Whether a typed factor lies between the table's for smaller and larger fields at any SSD that is there (10 and 15 mm fields; hazard A2)."""
    typed = measured.get("backscatter")
    if typed is None:
        return
    try:
        b_w(found.hvl_1, Millimetres(measured["field_mm"]), Millimetres(one.combination["effective_ssd_mm"]))
    except ValueError:
        pass
    else:
        return
    sizes = sorted({size for fields in B_W.values() for size in fields})
    mm = float(measured["field_mm"])
    below = [size for size in sizes if size <= mm][-1:]
    above = [size for size in sizes if size >= mm][:1]
    least = min(_each(found, below[0])) if below else 1.0
    most = max(_each(found, above[0])) if above else 1.5
    if not least * (1.0 - BESIDE_PART) <= typed["value"] <= most * (1.0 + BESIDE_PART):
        yield (
            f"backscatter.value = {typed['value']:g}: the fields next to {mm:g} mm have {least:.4f} to {most:.4f}; "
            "see from which table it is, and that it is applied once"
        )


def _each(found: Output, size: float) -> list[float]:
    """The table's factors of one field size at every SSD that it has at this beam."""
    values = []
    for ssd in sorted({ssd for fields in B_W.values() for ssd in fields[size]}):
        try:
            values.append(b_w(found.hvl_1, Millimetres(size), Millimetres(ssd)).value)
        except ValueError:
            continue
    if not values:
        raise ValueError(
            f"the table has no backscatter for {size:g} mm at {found.hvl_1.value:.2f} mm Al; see the half-value layer"
        )
    return values
