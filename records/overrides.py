"""A physicist's word on one fraction whose time is off that of fraction 1: for this order, this certificate and this time alone, with a reason, signed.
It knows the bounds of nobody else's calculation; what may be overridden at all is said by calibration/time_table.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from records.day_forms import decoded
from records.sheets import Sheet, SheetKind, Signers, wrong_signature

SAME_S: Final = 0.02
"""The time that was signed for and the time that is offered are the same within two steps of the timer."""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which fraction (tags as 16 hex digits), by which certificate, offered and first time, and why it may be given all the same."""

    fraction_tag: str
    plan_tag: str
    certificate_sha256: str
    set_time_s: float
    first_s: float
    reason: str


def overriding(
    sheets: Iterable[Sheet],
    signers: Signers,
    fraction_tag: int,
    plan_tag: int,
    certificate_sha256: bytes,
    times_s: tuple[float, float],
) -> Sheet | None:
    """The sheet that speaks of exactly this: order, certificate, and both times (offered, first)."""
    for sheet in sheets:
        if sheet.kind is not SheetKind.OVERRIDE or wrong_signature(sheet, signers):
            continue
        word = decoded(sheet.body, Override)
        if word is None or not word.reason.strip():
            continue
        same = (word.fraction_tag, word.plan_tag, word.certificate_sha256) == (
            f"{fraction_tag:016x}",
            f"{plan_tag:016x}",
            certificate_sha256.hex(),
        )
        near = abs(word.set_time_s - times_s[0]) <= SAME_S and abs(word.first_s - times_s[1]) <= SAME_S
        if same and near:
            return sheet
    return None
