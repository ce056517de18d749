"""What people write into the chart: a confirmation before the beam, a signature over a fraction's record, a correction of words that people wrote, and
whose lesion it is, beside the order.
What may not be signed or corrected is said here, and nothing else is; a dose, a time or a state is the machine's, and no person's to correct."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from console.access import whole_file
from console.access.audit import Audit
from console.access.table import PHYSICIST
from console.places import own
from console.treat.chart import (
    CONFIRMED,
    CORRECTED,
    FIELDS,
    GIVEN,
    MEANINGS,
    REMARK,
    REVIEWED,
    SIGNED,
    STATED,
    Figure,
    Line,
    Look,
    Read,
    Recorded,
    Signature,
    Tick,
)
from console.treat.particulars import FIELDS as STATEMENT
from console.treat.particulars import KEY, Particulars, Statement, Whose, key_of, lesion_tag
from console.treat.plain_words import parting, unfit, visible
from console.treat.unstated import wrong
from controller.prescribed import Prescribed
from controller.requests import Offer
from controller.tags import fraction_tag
from hal.errors import ConfigurationError
from records.files import FileSystem, PosixFiles

SIDES: Final = ("left", "right", "midline", "none")
MOST_WORDS: Final = 200
LOCK: Final = "chart.lock"
OF_ONE_MOST: Final = 200
"""Corrections of one fraction, and statements of one course's lesion."""
FIND_OUT: Final = "first: find out who was there, move the folder aside, keep it"


class Chart:
    """The chart of one rig's records, for whoever tells it something; whose secret it was has been asked before."""

    def __init__(self, records: Path, wall: Callable[[], float], files: FileSystem | None = None) -> None:
        self._records, self._look, self._wall = records, Look(records, files), wall
        self.folder = self._look.folder
        self._files = files or PosixFiles()
        self._chain = Audit(self.folder, self._files, wall, disowns=True)
        self._turn = threading.Lock()

    def read(self) -> Read:
        """What stands now."""
        return self._look.read()

    def confirm(
        self, order: Prescribed, offer: Offer, who: str, role: str, place: str, ticked: Sequence[Tick], lines: Sequence[Line], figures: Sequence[Figure]
    ) -> int:  # fmt: skip
        """One confirmation, before it is asked of the desk. Raises ConfigurationError: then it is not asked."""
        told = {
            "tag": f"{fraction_tag(order):016x}", "digest": offer.digest.hex(), "segment": offer.segment, "place": place, "ticked": _packed(ticked),
            "lines": _packed(lines), "figures": _packed(figures), "set_time_s": offer.set_time_s, "count_preset": offer.count_preset,
            "timer_preset_ms": offer.timer_preset_ms,
        }  # fmt: skip
        with self._turn:
            return self._note(CONFIRMED, who, role, told)

    def sign(self, recorded: Recorded, meaning: str, state: str, who: str, role: str) -> int:
        """One signature over the state that was shown. Raises ConfigurationError."""
        with self._alone():
            words = unsigned(recorded, meaning, state, who, role, self._sound().signed(recorded.id))
            if words:
                raise ConfigurationError(words)
            told = {
                "fraction": recorded.id,
                "meaning": meaning,
                "state": state,
                "status": recorded.status,
                "segments": len(recorded.ends),
            }
            return self._note(SIGNED, who, role, told)

    def correct(self, recorded: Recorded, field: str, old: str, new: str, reason: str, who: str, role: str) -> int:
        """One correction beside what was recorded. Raises ConfigurationError."""
        with self._alone():
            words = uncorrected(self._sound(), recorded, field, old, new, reason, role)
            if words:
                raise ConfigurationError(words)
            told = {"fraction": recorded.id, "field": field, "old": old, "new": new, "reason": reason}
            return self._note(CORRECTED, who, role, told)

    def state(self, whose: Whose, stood: int, said: Statement, reason: str, who: str, role: str) -> int:
        """Whose lesion it is, or a correction of that; `stood` is the number of the entry that was shown, 0 for none. Raises ConfigurationError."""
        with self._alone():
            words = self.against(whose, stood, said, reason)
            if words:
                raise ConfigurationError(words)
            told = {name: getattr(whose, name) for name in KEY} | {name: getattr(said, name) for name in STATEMENT}
            return self._note(STATED, who, role, told | {"reason": reason})

    def against(self, whose: Whose, stood: int, said: Statement, reason: str) -> str:
        """Why this would not be taken now, and what to do first; empty where it would. Raises ConfigurationError for a chain that is not whole."""
        today = datetime.fromtimestamp(self._wall(), UTC).date()
        return "\n".join([*wrong(said, today), *_unstated(self._sound().stated(whose), stood, said, reason)])

    def shown(self, whose: Whose) -> dict[str, Any]:
        """What stands of this lesion, for a page."""
        return self._look.shown(whose)

    def written(self, n: int) -> str:
        """The hash of an entry that was written here, for the audit."""
        return self._chain.written(n)

    def _sound(self) -> Read:
        found = self.read()
        if found.wrong:
            raise ConfigurationError(f"{self.folder}: the chain is not whole ({found.wrong[0]}); {FIND_OUT}")
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """From the look at what stands until it is written: a terminal is another process, and its entry may lie between."""
        with self._turn:
            self._owned()
            with whole_file.alone(self._files, self.folder / LOCK):
                yield

    def _note(self, what: str, who: str, role: str, told: dict[str, Any]) -> int:
        self._owned()
        return self._chain.note(what, who, role, told)

    def _owned(self) -> None:
        own(self._records, os.getuid(), 0o700)
        own(self.folder, os.getuid(), 0o700)


def told_of(order: Prescribed, n: int, sha256: str) -> dict[str, str | int]:
    """What the audit is told of a confirmation: its entry by number and hash, and the fraction's tag."""
    return {"do": "confirm", "entry": n, "fraction": f"{fraction_tag(order):016x}", "entry_sha256": sha256}


def stated_of(order: Prescribed, n: int, sha256: str) -> dict[str, str | int]:
    """What the audit is told of a statement: its entry by number and hash, the order beside which it was made, and the lesion's tag; nothing of the patient."""
    return {
        "do": STATED,
        "entry": n,
        "lesion": lesion_tag(key_of(order)),
        "order_sha256": order.sha256.hex(),
        "entry_sha256": sha256,
    }


def unsigned(
    recorded: Recorded, meaning: str, state: str, who: str, role: str, before: Iterable[Signature] = ()
) -> str:
    """Why this signature is not taken; empty where it is."""
    gave = ", ".join(dict.fromkeys(recorded.operators))
    own_hand = who in recorded.operators
    return next(
        (
            words
            for holds, words in (
                (meaning not in MEANINGS, f"{visible(meaning)!r} is no meaning; first: sign for {' or '.join(MEANINGS)}"),
                (recorded.purpose != "TREAT", f"an exposure of purpose {recorded.purpose} is no fraction; its sheet is signed instead"),
                (not recorded.ends, "no beam was on: there is nothing to sign"),
                (not all(one.outcome for one in recorded.ends), "an exposure has no end yet; first: wait for it, then look anew"),
                (state != recorded.state, "the record is not the one that was shown: it went on since; first: look anew, then sign"),
                (meaning == GIVEN and not own_hand, f"this says who gave it, and {gave} did; first: have {gave} sign"),
                (meaning == REVIEWED and role != PHYSICIST, f"a {role} reviews no fraction; first: have a physicist do it"),
                (meaning == REVIEWED and own_hand, f"{who} gave it; first: have another physicist review it"),
                (any((one.who, one.meaning, one.state) == (who, meaning, state) for one in before), f"{who} has signed this already"),
            )
            if holds
        ),
        "",
    )  # fmt: skip


def uncorrected(chart: Read, recorded: Recorded, field: str, old: str, new: str, reason: str, role: str) -> str:
    """Why this correction is not taken; empty where it is."""
    if field not in FIELDS:
        return (
            f"{visible(field)}: is the machine's or the order's word, and no person's to correct; first: write a remark"
        )
    if role not in FIELDS[field]:
        return f"{field} is not for the role {role}; first: have {' or '.join(FIELDS[field])} do it"
    for name, words in (("new", new), ("reason", reason)):
        wrong = unfit(words) or (parting(words) if name == "new" and field != REMARK else "")
        if wrong or not words or len(words) > MOST_WORDS:
            return f"{name} {visible(words)!r} {wrong or f'has {len(words)} characters, 1 to {MOST_WORDS}'}; first: type it anew"
    if field == "laterality" and new not in SIDES:
        return f"laterality {visible(new)!r} is none of {', '.join(SIDES)}; first: choose one"
    stands = chart.now(recorded, field)
    if old != stands:
        return f"{field} is {stands!r} now, not {visible(old)!r}; first: look anew"
    if new == stands:
        return f"{field} says {new!r} already"
    if len(chart.corrected(recorded.id)) >= OF_ONE_MOST:
        return f"{OF_ONE_MOST} corrections are at this fraction, which is the most; first: have the physicist look"
    return ""


def _unstated(before: Sequence[Particulars], stood: int, said: Statement, reason: str) -> Iterable[str]:
    """What stands against one more statement behind these; nothing where nothing does."""
    last = before[-1] if before else None
    if stood != (last.n if last is not None else 0):
        now = f"{last.who} has stated them, entry {last.n}" if last is not None else "nothing is stated"
        yield f"the particulars are not those that were shown: {now}; first: look anew"
    if last is None and said == Statement():
        yield "nothing is stated in any field; first: write what is known"
    if last is not None and said == last.said:
        yield f"entry {last.n} of {last.who} says this already"
    why = unfit(reason)
    if why or len(reason) > MOST_WORDS:
        yield f"reason {visible(reason)!r} {why or f'has {len(reason)} characters, at most {MOST_WORDS}'}; first: type it anew"
    if last is not None and not reason:
        yield f"entry {last.n} of {last.who} stands, and this corrects it without a reason; first: say why"
    if len(before) >= OF_ONE_MOST:
        yield f"{OF_ONE_MOST} statements are at this lesion, which is the most; first: have the physicist look"


def _packed(some: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(some).decode()
