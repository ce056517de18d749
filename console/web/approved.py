"""Orders with the signatures over them, and why one may not be loaded as it stands: the rig's own policy against what was signed, a newer version against it.
It asks no person and signs nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from console.access import policy
from console.access.approvals import OF_EACH, Approvals, Signed
from console.configuration import Rig
from console.prescribe.shelf import Shelf, displaced, superseded, unknown
from console.treat.chart_hand import Chart
from console.treat.particulars import lesion_of, shown
from console.web.fraction import Orders
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError


def rows(rig: Rig, orders: Orders, approvals: Approvals, chart: Chart) -> list[dict[str, Any]]:
    """Each order with whose lesion it is of as it was stated, who signed it, what is asked for, what is missing of both, and why it may not be loaded."""
    found = orders.listed()
    for row in found:
        order = row["order"]
        row["particulars"] = shown((), (), ()) if order is None else chart.shown(lesion_of(order))
    try:
        asked, signed = policy.asked_of(rig.path, rig.simulated), approvals.signed()
    except ConfigurationError as error:
        unknown = {"given": [], "asked": list(policy.BOTH), "missing": list(policy.BOTH), "words": str(error)}
        return [row | {"approval": unknown} for row in found]
    newer = _newer(orders, signed, asked)
    for row in found:
        order = row["order"]
        sha256, flags = (order["sha256"], row["flags"]) if order is not None else ("", [])
        needed = policy.BOTH if order is not None and order.get("by_signature") else asked
        words = signed.refusal(sha256, needed) or signed.unaccepted(sha256, flags, needed) if sha256 else ""
        row["approval"] = told(signed, sha256, needed) | {"words": words or newer.get(row["name"], "")}
        row["alike"] = "" if order is None else _alike(order)
    return found


def _alike(order: dict[str, Any]) -> str:
    """The same for all orders of a course that differ in the fraction's number and their bytes alone: these may be signed in one act."""
    same = {name: value for name, value in order.items() if name not in OF_EACH}
    return hashlib.sha256(json.dumps(same, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _newer(orders: Orders, signed: Signed, asked: tuple[str, ...]) -> dict[str, str]:
    """Of each order that a newer version has taken the place of, or may have, the words, by its file's name."""
    known, unread = Shelf(orders.folder).looked()
    all_of_them = [one for _, one in known]
    return {name: superseded(one, all_of_them, signed, asked) or unknown(one, unread) for name, one in known}


def told(signed: Signed, sha256: str, asked: tuple[str, ...]) -> dict[str, Any]:
    """What was signed over these bytes."""
    given = [asdict(one) for one in signed.of(sha256)] if sha256 else []
    return {"given": given, "asked": list(asked), "missing": list(signed.missing(sha256, policy.BOTH))}


def refusal(rig: Rig, folder: Path | None, approvals: Approvals, prescribed: Prescribed) -> str:
    """Why this order may not be loaded on this rig; empty where it may. What cannot be read lets nothing pass. `folder`: where a newer version of it would
    lie; None for a resume, which is by the order that the fraction was begun with."""
    try:
        asked = policy.asked_of(rig.path, rig.simulated)
        words = approvals.against(prescribed, asked)
        if words or folder is None:
            return words
        return displaced(prescribed, (folder,), approvals.signed(), asked)
    except ConfigurationError as error:
        return str(error)
