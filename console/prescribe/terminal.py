"""`kerma order new|show|check`: an order asked for field by field with its bounds, what it comes to, and the draft; for one that is there, the same look.
It signs nothing; who writes is the login name of the machine, and the draft counts by two signatures at a page."""

from __future__ import annotations

import getpass
import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args

from rich.table import Table

from console import screen
from console.access import folder, policy
from console.access.approvals import Approvals
from console.configuration import Rig
from console.exit_codes import Exit
from console.kept import rig_of, rows
from console.prescribe import particulars
from console.prescribe.draft import HEAD, OF_LEAD, PLACE, Draft, draft_of, looked, written
from console.prescribe.shelf import Shelf, displaced, folder_beside
from console.prescribe.worked import Worked, basis_of, worked
from console.prescription import Flag, prescribed_of
from console.treat.plain_words import PlainConsole, order, visible
from controller.prescribed import Prescribed
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.approved import LOG

WRONG: Final = 1
"""`kerma order check` where something stands against it; the number is part of its contract."""
GY: Final = 1000.0


@dataclass(frozen=True)
class Question:
    """One field: what is asked, of which kind it is, and the words of its bounds."""

    field: str
    words: str
    kind: str = "text"


QUESTIONS: Final = (
    Question("patient_id", "patient's number"), Question("patient_id_2", "second identifier"), Question("course_id", "course"),
    Question("lesion_id", "lesion"), Question("site", "where the lesion is"), Question("laterality", "side: left, right, midline or none"),
    Question("id", "number of the order"), Question("version", "version, from 1", "whole"), Question("fraction", "number of this fraction, from 1", "whole"),
    Question("fractions", "fractions in all, at most 60", "whole"), Question("min_interval_h", "least time between two fractions, h, at most 336", "number"),
    Question("combination", "combination of the certificate, by its number"), Question("rx_mgy", "dose of one fraction at depth, Gy, at most 20", "gy"),
    Question("depth_mm", "depth below the skin, mm, 0 to 30", "number"), Question("gap_mm", "gap, mm, -5 to 20, more than 0 away from the skin", "number"),
    Question("bolus_or_cover_mm", "bolus or cover, mm as water, 0 to 30, 0 for none", "number"),
    Question("backing", "behind the lesion: full, thin or lead"), Question("cutout_id", "cut-out, empty for none"),
    Question("cutout_factor", "its factor, 0.5 to 1.1", "number"), Question("cutout_diameter_mm", "its diameter, mm", "number"),
    Question("cutout_measured_by", "who measured it"), Question("shield_notes", "what is shielded and with what, empty for nothing"),
    Question("tolerance_flags", f"to be minded, apart by blanks, empty for nothing: {' '.join(get_args(Flag))}", "flags"),
)  # fmt: skip


class LeftError(Exception):
    """The end of input: nothing was written."""


def new(
    config: Path | None, orders: Path | None, follow: Path | None, clock: Clock, typed: Callable[[str], str] = input
) -> Exit:
    """Ask, show, and write what was confirmed by a typed yes. Raises ConfigurationError."""
    rig = rig_of(config)
    shelf, basis, out = Shelf(_folder(rig, orders)), basis_of(rig, clock.wall()), PlainConsole()
    print(screen.banner(rig.simulated, rig.name))
    if basis.certificate is None:
        raise ConfigurationError(f"no order without a certificate in force: {basis.no_certificate}")
    draft = draft_of(order(follow)) if follow is not None else Draft(version=1, fraction=1, gap_mm=0.0)
    for number, c in enumerate(basis.certificate.combinations, 1):
        print(
            f"  {number}: {c.kv:g} kV, {c.ma:g} mA, filter {c.filter_id}, applicator {c.applicator_id}, depth to {c.pdd[-1][0]:g} mm"
        )
    try:
        for question in QUESTIONS:
            if question.field not in OF_LEAD[1:] or draft.cutout_id:
                draft = _asked(
                    question,
                    draft,
                    [(c.kv, c.ma, c.filter_id, c.applicator_id) for c in basis.certificate.combinations],
                    typed,
                )
        made = worked(draft, basis)
        _show(out, draft, made)
        wrong = [one.words for one in made.wrong]
        if made.looked.file is not None:
            wrong += [one.words for one in shelf.against(prescribed_of(made.looked.file, bytes(32)), rows(rig))]
        if wrong or made.looked.file is None:
            raise ConfigurationError("\n".join((*wrong, "nothing was written")))
        if typed("write this draft? type yes: ").strip().lower() != "yes":
            raise LeftError
    except (LeftError, EOFError):
        print("nothing was written")
        return Exit.NOT_CONFIRMED
    who = getpass.getuser()
    at = datetime.fromtimestamp(clock.wall(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    data = written(made.looked.file, f"Written by {visible(who)} at a terminal, {at}. {HEAD}")
    _noted(rig, clock, who, hashlib.sha256(data).hexdigest())
    name = shelf.write(made.looked.file, data, lambda: rows(rig), None)
    print(
        f"{shelf.folder / name} is written, and counts for nothing yet; first: have a physician and a physicist sign it at the page Records"
    )
    return Exit.AS_INTENDED


def show(config: Path | None, path: Path, clock: Clock, as_json: bool) -> Exit:
    """One order with what it comes to. Raises ConfigurationError."""
    rig, one = rig_of(config), order(path)
    made = worked(draft_of(one), basis_of(rig, clock.wall()), one)
    if as_json:
        print(
            json.dumps(
                _document(one, made, _against(rig, path, one, clock)) | {"particulars": particulars.document(rig, one)}
            )
        )
        return Exit.AS_INTENDED
    print(screen.banner(rig.simulated, rig.name))
    out = PlainConsole()
    _show(out, draft_of(one), made)
    particulars.stands(out, rig, one)
    return Exit.AS_INTENDED


def check(config: Path | None, path: Path, clock: Clock, as_json: bool) -> int:
    """Everything that stands against this order now: its own words, its numbers, its signatures, a newer version. Raises ConfigurationError."""
    rig, one = rig_of(config), order(path)
    made, beside = worked(draft_of(one), basis_of(rig, clock.wall()), one), _against(rig, path, one, clock)
    wrong = [row.words for row in made.wrong] + beside
    if as_json:
        print(json.dumps(_document(one, made, beside)))
        return WRONG if wrong else Exit.AS_INTENDED
    print(screen.banner(rig.simulated, rig.name))
    if made.looked.missing:
        print(
            f"not stated by this order, which is of the older form: {', '.join(PLACE[name] for name in made.looked.missing)}"
        )
    for line in (*(f"WRONG  {words}" for words in wrong), *made.remarks):
        print(line)
    print(f"{path}: {'something stands against it' if wrong else 'nothing stands against it'}")
    return WRONG if wrong else Exit.AS_INTENDED


def _against(rig: Rig, path: Path, one: Prescribed, clock: Clock) -> list[str]:
    approvals, asked = Approvals(rig.records, clock.wall), policy.asked_of(rig.path, rig.simulated)
    newer = displaced(one, (path.parent, folder_beside(rig.path)), approvals.signed(), asked)
    return [words for words in (approvals.against(one, asked), newer) if words]


def _folder(rig: Rig, orders: Path | None) -> Path:
    return orders or folder_beside(rig.path)


def _noted(rig: Rig, clock: Clock, who: str, sha256: str) -> None:
    """Where a console keeps an audit, it is told before the file is there. Raises ConfigurationError."""
    if (rig.records / folder.FOLDER / LOG).exists():
        _, audit = folder.opened(rig.records, clock)
        audit.note("command", who, "terminal", {"command": "order", "do": "write", "order_sha256": sha256})


def _asked(
    question: Question, draft: Draft, combinations: list[tuple[float, float, str, str]], typed: Callable[[str], str]
) -> Draft:
    """Until what was typed is within its bounds; an empty line keeps what stands in brackets."""
    while True:
        stands = _stands(question, draft, combinations)
        said = typed(f"{question.words}{f' [{stands}]' if stands else ''}: ").strip()
        changed = _taken(question, said, draft, combinations) if said or not stands else draft
        if isinstance(changed, str):
            print(changed)
            continue
        found = looked(changed)
        wrong = [one.words for one in found.wrong if one.field == question.field]
        lacks = question.field in found.missing or (question.field == "combination" and "kv" in found.missing)
        if not wrong and not lacks:
            return changed
        print("\n".join(wrong) or f"{question.words}: is not written; first: write it")


def _stands(question: Question, draft: Draft, combinations: list[tuple[float, float, str, str]]) -> str:
    if question.field == "combination":
        mine = (draft.kv, draft.ma, draft.filter, draft.applicator)
        return str(combinations.index(mine) + 1) if mine in combinations else ""
    value = getattr(draft, question.field)
    if value is None or value == []:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    return (
        f"{value / GY:.10g}" if question.kind == "gy" else f"{value:.10g}" if isinstance(value, float) else str(value)
    )


def _taken(
    question: Question, said: str, draft: Draft, combinations: list[tuple[float, float, str, str]]
) -> Draft | str:
    """The draft with this field, or the words why what was typed is none."""
    try:
        value = _value(question.kind, said)
    except ValueError:
        return f"{question.words}: {visible(said)!r} is no {'whole number' if question.kind == 'whole' else 'number with a point'}; first: type it anew"
    if question.field != "combination":
        return draft.model_copy(update={question.field: value})
    if not said.isdecimal() or not 1 <= int(said) <= len(combinations):
        return f"{visible(said)!r} is no combination: 1 to {len(combinations)}; first: type the number of one"
    return draft.model_copy(
        update=dict(zip(("kv", "ma", "filter", "applicator"), combinations[int(said) - 1], strict=True))
    )


def _value(kind: str, said: str) -> Any:
    if kind in ("text", "flags"):
        return said.split() if kind == "flags" else said
    if said == "":
        return None
    if kind == "whole":
        return int(said)
    number = float(said)
    if not abs(number) < 1e9:
        raise ValueError(said)
    return round(number * GY, 3) if kind == "gy" else number


def _show(out: PlainConsole, draft: Draft, made: Worked) -> None:
    fields = Table(show_header=False)
    for name, place in PLACE.items():
        value = getattr(draft, name)
        if value is not None and value not in ("", []):
            fields.add_row(
                place,
                " ".join(value)
                if isinstance(value, list)
                else f"{value:g}"
                if isinstance(value, float)
                else str(value),
            )
    out.print(fields)
    n = made.numbers
    if n is not None:
        terms = Table(show_header=False)
        for name, words in (
            ("D_Rx", f"{n.rx_mgy:.1f} mGy"), ("skin", f"{n.skin_mgy:.1f} mGy, at most {n.skin_most_mgy:g}"),
            ("depth", f"{n.depth_mm:g} mm below the skin, {n.reach_mm:g} mm in water"), ("PDD", f"{n.pdd_pct:.2f} %"), ("gap factor", f"{n.gap_factor:.4f}"),
            ("cut-out factor", f"{n.cutout_factor:.4f}"), ("F", f"{n.factor:.5f}"), ("D0 = D_Rx / F", f"{n.d0_mgy:.1f} mGy"),
            ("planned time", f"{n.time_s:.2f} s, at most {n.time_most_s:g}; ends by {n.ends_by}"),
        ):  # fmt: skip
            terms.add_row(name, words)
        out.print(terms)
    if made.lines:
        second = Table("", "worked out", "calculated again", "")
        for one in made.lines:
            second.add_row(
                one.name,
                f"{one.first:.5g} {one.unit}",
                f"{one.second:.5g} {one.unit}",
                "agrees" if one.agrees else "DIFFERS",
            )
        out.print(second)
    for words in (*made.remarks, *(f"WRONG  {one.words}" for one in made.wrong)):
        print(words, file=sys.stdout)


def _document(one: Prescribed, made: Worked, beside: list[str]) -> dict[str, Any]:
    return {
        "order": screen.values(one),
        "flags": list(one.flags),
        "missing": [PLACE[name] for name in made.looked.missing],
        "wrong": [asdict(row) for row in made.wrong] + [{"field": "", "words": words} for words in beside],
        "remarks": list(made.remarks),
        "numbers": None if made.numbers is None else asdict(made.numbers),
        "second": [asdict(row) for row in made.lines],
    }
