"""The chart of a rig's fractions as it is read: what people say of each beside the records, by person and hour: confirmed after time-out and second
calculation, signed at its end, corrected, and whose lesion it is; in a chain of the audit's kind. It writes nothing: console/treat/chart_hand.py does."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from console.access.audit import Audit, disowned
from console.access.beside import Missing, said
from console.access.table import OF_PATIENTS, PHYSICIAN, PHYSICIST
from console.treat.particulars import Particulars, Whose, key_of, lesion_tag, shown
from hal.errors import ConfigurationError
from records.approved import HEAD, LOG
from records.audit_check import check, entry_of
from records.files import FileSystem, PosixFiles

FOLDER: Final = "chart"
CONFIRMED, SIGNED, CORRECTED, STATED = "confirmed", "signed", "corrected", "particulars"
GIVEN, REVIEWED = "given as recorded", "reviewed"
MEANINGS: Final = (GIVEN, REVIEWED)
"""What a signature at the end says: whoever gave it says that it was so; a physicist, who did not, has looked at it."""
PAGE, TERMINAL = "page", "terminal"
PACKED: Final = ("ticked", "lines", "figures")
"""Of a confirmation, each a list as one text: an entry of the chain holds plain values alone."""
REMARK: Final = "remark"
IDENTIFYING: Final = (PHYSICIAN, PHYSICIST)
FIELDS: Final = {
    REMARK: OF_PATIENTS, "patient_id": IDENTIFYING, "patient_id_2": IDENTIFYING, "course_id": IDENTIFYING, "lesion_id": IDENTIFYING, "site": IDENTIFYING,
    "laterality": IDENTIFYING,
}  # fmt: skip
"""What a person may correct, and who: words that people wrote. A dose, a time or a state is the machine's, and is corrected by nobody."""


class Tick(msgspec.Struct, frozen=True):
    """One item of the time-out, and when it was ticked (wall, s); None where nobody noted the time."""

    item: str
    at_s: float | None


class Line(msgspec.Struct, frozen=True):
    """One line of the second calculation as it was shown."""

    name: str
    offered: str
    calculated: str
    agrees: bool


class Figure(msgspec.Struct, frozen=True):
    """One calculated time beside the offered one: by which method and from what, how far apart, and the bound, the wider of a part and of seconds."""

    method: str
    source: str
    offered_s: float
    calculated_s: float
    diff_pct: float
    bound_pct: float
    bound_s: float
    agrees: bool


class Confirmed(msgspec.Struct, frozen=True):
    """One confirmation: of which fraction (`tag`) and settings (`digest`), where, with what was ticked and calculated, and the presets that were read back."""

    n: int
    who: str
    role: str
    wall_s: float
    tag: str
    digest: str
    segment: int
    place: str
    ticked: tuple[Tick, ...]
    lines: tuple[Line, ...]
    figures: tuple[Figure, ...]
    set_time_s: float
    count_preset: int
    timer_preset_ms: int


class Signature(msgspec.Struct, frozen=True):
    """One signature over the state of a fraction's record, which it names by `state`."""

    n: int
    who: str
    role: str
    wall_s: float
    fraction: str
    meaning: str
    state: str
    status: str
    segments: int


class Correction(msgspec.Struct, frozen=True):
    """One correction: what stood, what should stand, why. What stood still stands in the record."""

    n: int
    who: str
    role: str
    wall_s: float
    fraction: str
    field: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True)
class End:
    """One exposure's end as a signature sees it; doses D0 mGy. `outcome` is empty while there is none."""

    token: int
    outcome: str
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    quality: str
    beam_s: float


@dataclass(frozen=True)
class Recorded:
    """A fraction as the records have it, for whoever signs or corrects: exposures with beam, who gave them, and the words that people wrote."""

    id: str
    purpose: str
    status: str
    closed: bool
    operators: tuple[str, ...]
    ends: tuple[End, ...]
    words: dict[str, str]

    @property
    def state(self) -> str:
        """A name for what is signed: the fraction and each of its ends. Closing it changes nothing of that."""
        return hashlib.sha256(msgspec.json.encode([self.id, *self.ends])).hexdigest()


@dataclass(frozen=True)
class Read:
    """The whole chart, and what is wrong with its chain: where anything is, nothing of it counts."""

    confirmed: tuple[Confirmed, ...] = ()
    signatures: tuple[Signature, ...] = ()
    corrections: tuple[Correction, ...] = ()
    wrong: tuple[str, ...] = ()
    entries: int = 0
    key: str = ""
    particulars: tuple[Particulars, ...] = ()

    def stated(self, whose: Whose) -> tuple[Particulars, ...]:
        """What was stated of this patient's course and lesion, the last one last."""
        return tuple(one for one in self.particulars if key_of(one) == key_of(whose))

    def names(self, patient_id: str) -> tuple[str, ...]:
        """The names that stand now of this patient's lesions, each once; more than one where they were stated differently."""
        last = {key_of(one): one for one in self.particulars if one.patient_id == patient_id}
        return tuple(dict.fromkeys(one.name for one in last.values() if one.name))

    def signed(self, fraction: str) -> tuple[Signature, ...]:
        return tuple(one for one in self.signatures if one.fraction == fraction)

    def corrected(self, fraction: str) -> tuple[Correction, ...]:
        return tuple(one for one in self.corrections if one.fraction == fraction)

    def now(self, recorded: Recorded, field: str) -> str:
        """What stands for this field: the last correction, or what was recorded. A remark takes the place of none."""
        if field == REMARK:
            return ""
        last = [one.new for one in self.corrected(recorded.id) if one.field == field]
        return last[-1] if last else recorded.words[field]


NOTHING: Final = Read()


def asks_review(status: str, closed: bool) -> bool:
    """Whether a physicist looks at it: too much, nobody knows how much, or a part that stays one."""
    return status in ("OVER", "UNKNOWN") or (status == "PARTIAL" and closed)


class Look:
    """A look at the chart of one rig's records: it reads and checks the whole chain, unless it stands as at the last look."""

    def __init__(self, records: Path, files: FileSystem | None = None) -> None:
        self.folder = records / FOLDER
        self._chain = Audit(self.folder, files or PosixFiles(), lambda: 0.0)
        self._missing = Missing(records)
        self._turn = threading.Lock()
        self._seen: object = None
        self._read = NOTHING

    def read(self) -> Read:
        """What stands now; what cannot be read is said in `wrong`, never left out."""
        with self._turn:
            seen = tuple(_moved(self.folder / name) for name in (HEAD, LOG))
            if seen != self._seen:
                self._read, self._seen = self._anew(), seen
            return self._read

    def gone(self, whose: Whose) -> list[str]:
        """What the audit says was stated of this lesion, and is not here: an older chart tells an older name. A look that fails says why."""
        try:
            return [said(one) for one in self._missing.stated(lesion_tag(key_of(whose)))]
        except ConfigurationError as error:
            return [str(error)]

    def shown(self, whose: Whose) -> dict[str, Any]:
        """What stands of this lesion, for a page."""
        found = self.read()
        return shown(found.stated(whose), found.wrong, self.gone(whose))

    def _anew(self) -> Read:
        try:
            kept = self._chain.kept()
        except ConfigurationError as error:
            return Read(wrong=(str(error),))
        if kept is None:
            return NOTHING
        log, head = kept
        found = check(log, [] if head is None else [(HEAD, head)], None)
        if head is None and found.entries <= 1 and log.count(b"\n") <= 1:
            return NOTHING
        wrong = tuple(one for one in found.wrong if "is cut off; the next entry will say so" not in one)
        if wrong:
            return Read(wrong=wrong, entries=found.entries, key=found.key)
        try:
            return _told(log, found.entries - found.after_the_last, found.entries, found.key)
        except msgspec.DecodeError as error:
            words = (
                f"{self.folder / LOG}: an entry is of another program's form ({error}); first: look with the newer one"
            )
            return Read(wrong=(words,), entries=found.entries, key=found.key)


def _moved(path: Path) -> tuple[int, ...]:
    try:
        found = path.lstat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _told(log: bytes, signed: int, entries: int, key: str) -> Read:
    """Raises msgspec.DecodeError (ValidationError among them) for an entry that this program cannot read: half a chart is none."""
    confirmed: list[Confirmed] = []
    signatures: list[Signature] = []
    corrections: list[Correction] = []
    particulars: list[Particulars] = []
    every = list(_entries(log, signed))
    nobodys = disowned(every)
    for entry in (one for one in every if one["n"] not in nobodys):
        common = {name: entry[name] for name in ("n", "who", "role", "wall_s")} | entry["told"]
        if entry["what"] == CONFIRMED:
            packed = {name: msgspec.json.decode(str(common.get(name, ""))) for name in PACKED}
            confirmed.append(msgspec.convert(common | packed, Confirmed, strict=False))
        elif entry["what"] == SIGNED:
            signatures.append(msgspec.convert(common, Signature, strict=False))
        elif entry["what"] == CORRECTED:
            corrections.append(msgspec.convert(common, Correction, strict=False))
        elif entry["what"] == STATED:
            particulars.append(msgspec.convert(common, Particulars))
    return Read(tuple(confirmed), tuple(signatures), tuple(corrections), (), entries, key, tuple(particulars))


def _entries(log: bytes, signed: int) -> Iterator[dict[str, Any]]:
    """A line without a fitting hash is none, also where a later entry has accounted for it as torn."""
    for line in log.split(b"\n")[:-1]:
        entry = entry_of(line)
        if entry is None or entry["n"] > signed:
            continue
        yield entry
