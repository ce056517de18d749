"""The parts of docs/daily-check.md that are made from code: warm-up ladder, what a person answers, what a check holds for, periodic tests, commissioning.
It knows the tables and where they stand; the words beside them are the page's."""

from __future__ import annotations

import math
from typing import Final

from calibration.periodic import TABLE, bound
from records import commissioning, day, day_forms, warm_up

Rows = list[tuple[str, ...]]
BOUND: Final[dict[str, str]] = {
    "rig": "the rig's name",
    "software_version": "version and hash of the product's sources",
    "configuration_sha256": "the rig file, byte by byte",
    "certificate_sha256": "the certificate in force",
    "tube_serial": "the tube",
    "machine_serial": "the safety unit, and with it the machine",
    "parts_sha256": "filters and applicators with their codes",
}


def ladder() -> tuple[tuple[str, ...], Rows]:
    """Idle time, beam, and whether it goes up step by step."""
    rows: Rows = []
    least_s = 0.0
    for row in warm_up.LADDER:
        most = "or not known" if math.isinf(row.idle_most_s) else f"to {_time(row.idle_most_s)}"
        how = "from the lowest kV up, then at the highest" if row.ladder else "at the highest kV"
        rows.append((f"above {_time(least_s)} {most}", f"{row.beam_s:.0f} s", how))
        least_s = row.idle_most_s
    return ("without beam", "beam, at least", "how"), rows


def items() -> tuple[tuple[str, ...], Rows]:
    """What a person answers in the daily check."""
    return ("item", "what is seen or heard"), [(f"`{name}`", words) for name, words in day.ITEMS]


def binding() -> tuple[tuple[str, ...], Rows]:
    """What a check holds for."""
    return ("of", "a change of it locks"), [(f"`{name}`", BOUND[name]) for name in day_forms.Bound.__struct_fields__]


def periodic() -> tuple[tuple[str, ...], Rows]:
    """Weekly, monthly and annual tests."""
    rows: Rows = [
        (
            f"`{one.id}`", one.what, one.every, bound(one.tolerance, one.unit) or "works", bound(one.action, one.unit) or "does not",
            one.then, one.source,
        )
        for one in TABLE
    ]  # fmt: skip
    return ("test", "what", "every", "tolerance", "action", "then", "source"), rows


def commissioned() -> tuple[tuple[str, ...], Rows]:
    """What is signed for, for each combination."""
    return ("item", "what"), [(f"`{name}`", words) for name, words in commissioning.ITEMS]


def _time(seconds: float) -> str:
    hours = seconds / warm_up.HOUR_S
    return f"{hours:g} h" if hours <= 72.0 else f"{hours / 24.0:g} d"
