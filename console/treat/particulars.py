"""Whose lesion it is, as people state it beside the order: name, birth date, diagnosis, intent, earlier radiotherapy at the site, for one course and lesion.
Words for people alone: no dose, no lock and no identity goes by them, for the order's two identifiers do; what is not stated is empty, and never guessed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

INTENTS: Final = ("curative", "adjuvant", "palliative", "prophylactic", "benign")
EARLIER_NONE, EARLIER_GIVEN = "none", "given"
EARLIER: Final = (EARLIER_NONE, EARLIER_GIVEN)
"""Of radiotherapy at this site before: that there was none is a statement too, and another one than nothing."""
NOT_STATED: Final = "not stated"
Key = tuple[str, str, str, str]


class Whose(Protocol):
    """An order, or whatever else names a patient's lesion as an order does."""

    @property
    def patient_id(self) -> str: ...
    @property
    def patient_id_2(self) -> str: ...
    @property
    def course_id(self) -> str: ...
    @property
    def lesion_id(self) -> str: ...


@dataclass(frozen=True)
class Lesion:
    """A lesion as a row of orders or records names it."""

    patient_id: str
    patient_id_2: str
    course_id: str
    lesion_id: str


def lesion_of(row: Mapping[str, Any]) -> Lesion:
    """Of an order or a fraction as plain values."""
    return Lesion(*(str(row[name]) for name in KEY))


class Statement(msgspec.Struct, frozen=True):
    """What is stated, each field empty where it is not. A single name is the family name; `birth_date` is YYYY-MM-DD."""

    family_name: str = ""
    given_names: str = ""
    birth_date: str = ""
    diagnosis: str = ""
    diagnosis_code: str = ""
    intent: str = ""
    earlier: str = ""
    earlier_words: str = ""

    @property
    def name(self) -> str:
        """For people; empty where none is stated."""
        return ", ".join(part for part in (self.family_name, self.given_names) if part)


class Particulars(Statement, frozen=True, kw_only=True):
    """One entry of the chart: a statement with whose it is, who made it and when, and, of one that corrects an earlier one, why."""

    n: int
    who: str
    role: str
    wall_s: float
    patient_id: str
    patient_id_2: str
    course_id: str
    lesion_id: str
    reason: str = ""

    @property
    def said(self) -> Statement:
        """What is stated, without who and when."""
        return Statement(*(getattr(self, name) for name in FIELDS))


FIELDS: Final = Statement.__struct_fields__
KEY: Final = ("patient_id", "patient_id_2", "course_id", "lesion_id")


def key_of(whose: Whose) -> Key:
    """Both identifiers, course and lesion: two patients of one name, and two courses of one patient, are each their own."""
    return whose.patient_id, whose.patient_id_2, whose.course_id, whose.lesion_id


def lesion_tag(key: Key) -> str:
    """A name for a patient's course and lesion that shows neither, by which the audit tells whose statement it was, as a fraction by its own tag."""
    return hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]


def told(said: Statement | None) -> dict[str, str]:
    """For people, in the order in which they ask; what is not stated says so."""
    one = said or Statement()
    diagnosis = ", ".join(part for part in (one.diagnosis, one.diagnosis_code) if part)
    earlier = one.earlier_words if one.earlier == EARLIER_GIVEN else one.earlier
    rows = {
        "name": one.name,
        "born": one.birth_date,
        "diagnosis": diagnosis,
        "intent": one.intent,
        "earlier radiotherapy here": earlier,
    }
    return {what: words or NOT_STATED for what, words in rows.items()}


def shown(entries: tuple[Particulars, ...], wrong: Sequence[str], gone: Sequence[str]) -> dict[str, Any]:
    """For a page: the last statement of a course's lesion, None where there is none, and those before it, the newest first; why none is believed, and what
    was stated and is not there any more."""
    plain = [msgspec.to_builtins(one) for one in reversed(entries)]
    return {"now": plain[0] if plain else None, "before": plain[1:], "wrong": list(wrong[:5]), "gone": list(gone[:5])}
