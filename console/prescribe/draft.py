"""An order that is being written: its fields as far as they are there, each with its place in the file, and what is wrong with each.
It knows no certificate and no folder; the bounds are the prescription file's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from calibration import toml_file
from calibration.write import text_of
from console import strict
from console.prescription import PrescriptionFile, prescribed_of
from console.treat.plain_words import unfit
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

Words = Annotated[str, Field(max_length=1000)]
Whole = Annotated[int, Field(ge=-(2**31), le=2**31)]


class Draft(BaseModel):
    """Every field of an order as far as it is written; None is one that is not. Doses in mGy at depth, lengths in mm, `cutout_id` empty without lead."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    id: Words | None = None
    version: Whole | None = None
    patient_id: Words | None = None
    patient_id_2: Words | None = None
    course_id: Words | None = None
    lesion_id: Words | None = None
    site: Words | None = None
    laterality: Words | None = None
    rx_mgy: float | None = None
    depth_mm: float | None = None
    fraction: Whole | None = None
    fractions: Whole | None = None
    min_interval_h: float | None = None
    kv: float | None = None
    ma: float | None = None
    filter: Words | None = None
    applicator: Words | None = None
    gap_mm: float | None = None
    cutout_id: Words | None = None
    cutout_factor: float | None = None
    cutout_diameter_mm: float | None = None
    cutout_measured_by: Words | None = None
    bolus_or_cover_mm: float | None = None
    backing: Words | None = None
    shield_notes: Words | None = None
    tolerance_flags: Annotated[list[Words], Field(max_length=16)] | None = None


PLACE: Final = MappingProxyType(
    {
        "id": "prescription.id", "version": "prescription.version", "patient_id": "patient.id", "patient_id_2": "patient.id_2", "course_id": "course.id",
        "lesion_id": "course.lesion_id", "site": "course.site", "laterality": "course.laterality", "rx_mgy": "dose.rx_mgy_per_fraction",
        "depth_mm": "dose.depth_mm", "fraction": "dose.fraction", "fractions": "dose.fractions", "min_interval_h": "dose.min_interval_h", "kv": "beam.kv",
        "ma": "beam.ma", "filter": "beam.filter", "applicator": "beam.applicator", "gap_mm": "beam.gap_mm", "cutout_id": "cutout.id",
        "cutout_factor": "beam.cutout_factor", "cutout_diameter_mm": "cutout.diameter_mm", "cutout_measured_by": "cutout.measured_by",
        "bolus_or_cover_mm": "set_up.bolus_or_cover_mm", "backing": "set_up.backing", "shield_notes": "set_up.shield_notes",
        "tolerance_flags": "set_up.tolerance_flags",
    }
)  # fmt: skip
"""Where each field stands in the file; in the order in which a person is asked."""
FIELD: Final = MappingProxyType({place: name for name, place in PLACE.items()})
OF_LEAD: Final = ("cutout_id", "cutout_factor", "cutout_diameter_mm", "cutout_measured_by")
MAY_BE_EMPTY: Final = ("cutout_id", "shield_notes", "tolerance_flags")
NAMED: Final = re.compile(r"^order: ([a-z_]+\.[a-z_0-9]+)")
HERE: Final = Path("order")
HEAD: Final = "One fraction as ordered; it counts by the signatures of a physician and a physicist, and a changed file is another order."
"""What stands over each file that is written here."""


@dataclass(frozen=True)
class Wrong:
    """One thing that is wrong: the field it belongs to ("" for none), and the words."""

    field: str
    words: str


@dataclass(frozen=True)
class Looked:
    """A draft looked at: the checked file where it is whole and right, what is wrong, and which fields are not written yet."""

    file: PrescriptionFile | None
    wrong: tuple[Wrong, ...]
    missing: tuple[str, ...]


def looked(draft: Draft) -> Looked:
    """By the prescription file's own checks, and by those of words that a person must be able to read."""
    missing = tuple(name for name in PLACE if _lacks(draft, name))
    file, wrong = None, [*_unseen(draft)]
    try:
        file = strict.check(HERE, document(draft), PrescriptionFile)
    except ConfigurationError as error:
        lines = [line for line in str(error).split("\n") if " is missing; first:" not in line]
        wrong += [_of_line(line) for line in lines]
    if missing or wrong:
        file = None
    return Looked(file, tuple(wrong), missing)


def document(draft: Draft) -> dict[str, Any]:
    """As the file will hold it: nobody approved it yet, no table [cutout] without a cut-out, and no field that is not written."""
    found: dict[str, Any] = {
        "prescription": {"purpose": "treat", "approved_by": []},
        "patient": {},
        "course": {},
        "dose": {},
        "beam": {},
    }
    lead = bool(draft.cutout_id)
    for name, place in PLACE.items():
        value = getattr(draft, name)
        table, _, key = place.partition(".")
        if name in OF_LEAD and not lead:
            value = 1.0 if name == "cutout_factor" else None
        if name in ("shield_notes", "tolerance_flags") and value is None:
            value = "" if name == "shield_notes" else []
        if value is not None:
            found.setdefault(table, {})[key] = value
    order = ("id", "version", "purpose", "approved_by")
    found["prescription"] = {key: found["prescription"][key] for key in order if key in found["prescription"]}
    return found


def written(file: PrescriptionFile, head: str) -> bytes:
    """The file's bytes, which read back as the same order. Raises ConfigurationError where they do not."""
    data = f"# {head}\n\n{text_of(file.model_dump(exclude_none=True))}".encode()
    if strict.check(HERE, toml_file.parse(HERE, data), PrescriptionFile) != file:
        raise ConfigurationError("order: does not read back as what was typed; first: type plain words and numbers")
    return data


def draft_of(prescribed: Prescribed) -> Draft:
    """What an order says, as a draft of the next one; what an older form does not say is not written yet."""
    said = prescribed.set_up if prescribed.set_up else None
    return Draft(
        id=prescribed.prescription_id, version=prescribed.version, patient_id=prescribed.patient_id, patient_id_2=prescribed.patient_id_2,
        course_id=prescribed.course_id, lesion_id=prescribed.lesion_id, site=prescribed.site, laterality=prescribed.laterality, rx_mgy=prescribed.rx_mgy,
        depth_mm=prescribed.depth_mm, fraction=prescribed.fraction, fractions=prescribed.fractions, min_interval_h=prescribed.min_interval_h, kv=prescribed.kv,
        ma=prescribed.ma, filter=prescribed.filter_id, applicator=prescribed.applicator_id, gap_mm=prescribed.gap_mm, cutout_factor=prescribed.cutout_factor,
        cutout_id=said.cutout_id if said else "", cutout_diameter_mm=said.cutout_diameter_mm if said and said.cutout_id else None,
        cutout_measured_by=said.cutout_measured_by if said and said.cutout_id else None, bolus_or_cover_mm=said.bolus_mm if said else None,
        backing=said.backing.value if said else None, shield_notes=said.shield_notes if said else None,
        tolerance_flags=list(said.tolerance_flags) if said else None,
    )  # fmt: skip


def for_calculation(draft: Draft) -> Prescribed | None:
    """The order in the controller's words as far as a dose can be worked out of it; missing words are blanks. None where it cannot."""
    needed = ("rx_mgy", "depth_mm", "kv", "ma", "filter", "applicator", "gap_mm", "bolus_or_cover_mm")
    if any(_lacks(draft, name) for name in needed) or (draft.cutout_id and draft.cutout_factor is None):
        return None
    blank = dict.fromkeys(("id", "patient_id", "patient_id_2", "course_id", "lesion_id", "site"), "x")
    blank |= {"laterality": "none", "backing": "full"}
    rest: dict[str, Any] = {
        "version": 1,
        "fraction": 1,
        "fractions": 1,
        "min_interval_h": 0.0,
        "shield_notes": "",
        "tolerance_flags": [],
    }
    if draft.cutout_id:
        rest |= {"cutout_id": draft.cutout_id, "cutout_diameter_mm": 1.0, "cutout_measured_by": "x"}
    keep = {name: getattr(draft, name) for name in (*needed, "cutout_factor")}
    try:
        return prescribed_of(strict.check(HERE, document(Draft(**(blank | rest | keep))), PrescriptionFile), bytes(32))
    except ConfigurationError:
        return None


def _lacks(draft: Draft, name: str) -> bool:
    value = getattr(draft, name)
    if name in MAY_BE_EMPTY or (name in OF_LEAD and not draft.cutout_id):
        return False
    return value is None or value == ""


def _unseen(draft: Draft) -> list[Wrong]:
    """What would be refused when the order is read, before it is written."""
    texts = {name: getattr(draft, name) for name in PLACE if isinstance(getattr(draft, name), str)}
    return [
        Wrong(name, f"{PLACE[name]}: {why}; first: type it anew")
        for name, said in texts.items()
        if (why := unfit(said) if said else "")
    ]


def _of_line(line: str) -> Wrong:
    named = NAMED.match(line)
    place = named[1] if named else ""
    return Wrong(FIELD.get(place, ""), line.removeprefix("order: "))
