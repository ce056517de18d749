"""Which combinations are open for patients: those that a physicist has commissioned, item by item, on this tube and this machine, and signed for.
Pure; a combination that nobody commissioned is closed, and so are all of them after a change of the tube, also of one that comes back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from controller.entries import Opening
from controller.prescribed import Prescribed
from records.book import Book
from records.day_forms import DaySite, decoded
from records.sheets import Sheet, SheetKind, wrong_signature

AUDIT_PART: Final = 0.05
"""An independent audit of the output lies within 5 % of what the certificate says, or nobody is treated."""
FIRST: Final = "have the physicist commission it first (kerma sheet commission)"

ITEMS: Final = (
    ("scales", "kV and mA scales, mA offset with the filament cold"),
    ("output", "output measured with its own readings, chamber fit for the field"),
    ("end_effect", "end effect and timer; tail"),
    ("linearity", "linearity and reproducibility"),
    ("interrupt", "a fraction in pieces against one"),
    ("hvl", "HVL, with the applicator of no field"),
    ("kv_dependence", "output against kV through the ramp"),
    ("depth_dose", "depth dose measured, near the surface too"),
    ("field", "flatness, field size and alignment on film"),
    ("applicator", "applicator and filter: factor, codes, contact, stand-off table"),
    ("monitor", "both monitor channels, their seal and their leakage"),
    ("leakage", "leakage survey of tube and head, focal spot"),
    ("interlocks", "every interlock of the room and the unit opened once in beam"),
    ("times", "a time table of another calculation, typed and signed"),
    ("records", "a fraction of a phantom from prescription to record, end to end"),
)
"""What is signed for, for each combination."""


class Commissioned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One combination with the items that were done for it; without any it is withdrawn."""

    kv: float
    ma: float
    filter: str
    applicator: str
    items: tuple[str, ...]


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The output as somebody else found it: stated dose over audited dose."""

    kind: str
    by: str
    on: str
    ratio: float


class Commissioning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sheet of combinations that are opened, or withdrawn, on one tube and one machine."""

    tube_serial: str
    machine_serial: str
    certificate_sha256: str
    audit: Audit
    combinations: tuple[Commissioned, ...]


def wrong(content: Commissioning) -> Iterator[str]:
    """What stands against a sheet by itself: the audit, the items."""
    audit = content.audit
    if not abs(audit.ratio - 1.0) <= AUDIT_PART:
        yield f"audit.ratio = {audit.ratio:.3f} is off by more than {100 * AUDIT_PART:g} %: find out which is wrong first, nobody is treated"
    if not audit.by.strip() or not audit.on.strip() or not audit.kind.strip():
        yield "the audit says not what it was, by whom, or of which day: write it first, an audit by nobody is none"
    known = {name for name, _ in ITEMS}
    for one in content.combinations:
        name = f"{one.kv:g} kV {one.ma:g} mA {one.filter} {one.applicator}"
        if strange := sorted(set(one.items) - known):
            yield f"{name}: {', '.join(strange)} is no item of commissioning: correct the sheet first"
        missing = [item for item, _ in ITEMS if item not in one.items]
        if one.items and missing:
            yield f"{name}: not done: {', '.join(missing)}: do it first, and sign again"


def closed(book: Book, opening: Opening | None, site: DaySite, prescribed: Prescribed) -> Iterator[str]:
    """Why this combination is not open for patients; nothing where it is. The last sheet that names it since this tube was built in decides: one of before,
    or laid down once more, speaks of the tube as it was then, and so does a certificate (accident-A2)."""
    since, changed = (book.fitted[-1][0], f" since {book.fitted[-1][4][4]}") if book.fitted else (0, "")
    if opening is not None and opening.certificate_sha256 in book.former:
        yield f"the certificate in force was so before{changed.removeprefix(' since')}: calibrate this tube, and sign a new certificate first"
    sheets = book.sheets.get(SheetKind.COMMISSIONING, [])
    old = {kept.sheet.message for kept in sheets if kept.index < since}
    p = prescribed
    name = f"{p.kv:g} kV {p.ma:g} mA {p.filter_id} {p.applicator_id}"
    for kept in reversed(sheets):
        if kept.sheet.message in old:
            continue
        content = of(kept.sheet) if not wrong_signature(kept.sheet, site.signers) else None
        if content is None or opening is None:
            continue
        if (content.tube_serial, content.machine_serial) != (opening.tube_serial, opening.machine_serial):
            continue
        for one in content.combinations:
            if (one.kv, one.ma, one.filter, one.applicator) == (p.kv, p.ma, p.filter_id, p.applicator_id):
                if not one.items:
                    yield f"{name} was withdrawn by {kept.sheet.who}: {FIRST}"
                yield from wrong(msgspec.structs.replace(content, combinations=(one,)))
                return
    yield f"{name} is not commissioned on this tube and this machine{changed}: {FIRST}"


def of(sheet: Sheet) -> Commissioning | None:
    """The content of a sheet, None where it is none."""
    return decoded(sheet.body, Commissioning)
