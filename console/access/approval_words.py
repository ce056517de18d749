"""`kerma approvals`: what was signed over which order, and whether anybody altered it.
It only reads: a signature is given at a page, with the secret asked again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.table import Table

from console import screen
from console.access import policy
from console.access.approvals import LOG, Approvals, Signed, beside_the_audit
from console.configuration import Rig
from console.exit_codes import Exit
from console.kept import rig_of, stamp
from console.treat.plain_words import PlainConsole
from hal.clock import SystemClock
from hal.errors import ConfigurationError

WRONG: Final = 1
"""`kerma approvals verify` where something is wrong; the number is part of its contract."""


def listed(config: Path | None, order: Path | None, as_json: bool) -> Exit:
    """Every signature, or those over one file as it is now with what is missing."""
    rig = rig_of(config)
    signed, asked = _signed(rig), policy.asked_of(rig.path, rig.simulated)
    sha256 = "" if order is None else _digest(order)
    found = signed.approvals if order is None else signed.of(sha256)
    words = Approvals(rig.records, SystemClock().wall).refusal(sha256, asked) if order is not None else ""
    if as_json:
        given = [asdict(one) for one in found]
        print(json.dumps({"asked": list(asked), "wrong": list(signed.wrong), "approvals": given, "words": words}))
        return Exit.AS_INTENDED
    print(screen.banner(rig.simulated, rig.name))
    table = Table("n", "order", "SHA-256", "meaning", "who", "role", "when", "stands")
    for one in found:
        gone = f": {one.withdrawn_by}, {stamp(one.withdrawn_s)}, {one.reason}" if one.withdrawn_s is not None else ""
        stands = f"NO, {one.against}{gone}" if one.against else "yes"
        table.add_row(str(one.n), one.order, one.sha256[:16], one.meaning, one.who, one.role, stamp(one.wall_s), stands)
    if found:
        PlainConsole().print(table)
    else:
        print("nothing was signed")
    for line in (policy.words(asked), *(f"WRONG  {one}" for one in signed.wrong), *([words] if words else [])):
        print(line)
    return Exit.AS_INTENDED


def verify(config: Path | None, as_json: bool) -> int:
    """The chain of signatures by itself, and against the audit, which says of each act that it was done."""
    rig = rig_of(config)
    signed = _signed(rig)
    wrong = [*signed.wrong, *(words for _, words in beside_the_audit(rig.records, signed))]
    if as_json:
        print(json.dumps({"entries": signed.entries, "key": signed.key, "wrong": wrong}))
        return WRONG if wrong else Exit.AS_INTENDED
    path = rig.records / "approvals" / LOG
    print(f"{path}: {signed.entries} entries, key {signed.key or 'none'}, {len(signed.approvals)} signatures")
    for one in wrong:
        print(f"WRONG  {one}")
    print(
        "something is wrong; first: keep the folder as it is, and find out who was there"
        if wrong
        else "nothing was altered"
    )
    return WRONG if wrong else Exit.AS_INTENDED


def _signed(rig: Rig) -> Signed:
    return Approvals(rig.records, SystemClock().wall).signed()


def _digest(order: Path) -> str:
    try:
        return hashlib.sha256(order.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{order}: cannot be read ({error.strerror}); first: give an order's path") from error
