"""A certificate of several cones and its next versions, each cone moved by a factor of its own, with second checks of the cones that are named.
It decides nothing; tests change what they ask about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from measured_bench import AT, document, instruments, measured

from calibration.measured import MeasuredTable
from calibration.output import output

CODES = {"A20": 0x35, "A30": 0x5A, "A40": 0x93}
FIRST = {"A20": 1.0, "A30": 1.1, "A40": 1.2}
"""What each cone reads in the first version, against E4."""


def cone(name: str, factor: float, **of_measured: Any) -> dict[str, Any]:
    """One combination whose readings are those of E4 times a factor, worked out."""
    c = document()["combinations"][0]
    m = c["measured"] | of_measured
    m |= {
        "readings": [one | {"nc": one["nc"] * factor} for one in m["readings"]],
        **{key: m[key] * factor for key in ("low_v_nc", "opposite_nc", "leakage_nc")},
    }
    return worked(c | {"applicator": name, "applicator_code": CODES[name], "measured": m})


def worked(c: dict[str, Any]) -> dict[str, Any]:
    """The combination with what its readings come to."""
    m = MeasuredTable.model_validate(c["measured"])
    found = output(m, instruments(), c["kv"], c["dt_s"], c["effective_ssd_mm"])
    return c | {"r0_mgy_per_s": found.r0_mgy_per_s, "measured": c["measured"] | {"u_pct_k2": found.budget.u_pct_k2}}


def first(*names: str) -> dict[str, Any]:
    """Version 1 with these cones."""
    return document(combinations=[cone(name, FIRST[name]) for name in names])


def following(old: Mapping[str, Any], by: Mapping[str, float], **changes: Any) -> dict[str, Any]:
    """The next version: of the cones in `by`, each `by` times what the first version read, the comparison with the last version written as it must be."""
    was = {c["applicator"]: c["r0_mgy_per_s"] for c in old["combinations"]}
    number = old["version"] + 1
    cones = [cone(name, FIRST[name] * factor, last_r0_mgy_per_s=was.get(name, 0.0)) for name, factor in by.items()]
    head = {"id": f"CAL-{number}", "version": number, "supersedes": old["id"], "explanation": "target"}
    return (
        {key: value for key, value in document().items() if key != "audit"} | head | {"combinations": cones} | changes
    )


def second(whole: Mapping[str, Any], name: str, who: str = "P. Two", pct: float = 0.4) -> dict[str, Any]:
    """A second check of this cone: what chamber C2 read of it."""
    c = next(c for c in whole["combinations"] if c["applicator"] == name)
    factor = c["measured"]["readings"][0]["nc"] / measured().readings[0].nc * (1.0 + pct / 100.0)
    other = cone(name, factor, by=who, chamber="C2")
    result = 100.0 * (other["r0_mgy_per_s"] / c["r0_mgy_per_s"] - 1.0)
    raw = {key: c[key] for key in ("kv", "ma", "filter", "applicator")} | {"measured": other["measured"]}
    return {"who": who, "chamber": "C2", "result_pct": result, "at": AT + timedelta(seconds=600), "raw": raw}


def checked(whole: dict[str, Any], *names: str, who: str = "P. Two", pct: float = 0.4) -> dict[str, Any]:
    """The certificate with a second check of each of these cones."""
    checks = [second(whole, name, who, pct) for name in names]
    further = {"further_second_checks": checks[1:]} if checks[1:] else {}
    return whole | ({"second_check": checks[0]} if checks else {}) | further
