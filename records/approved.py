"""Which signatures stand over an order, read from their chain beside the records; and why an order may not be given, which is the desk's own law.
It signs nothing and asks no person: console/access/approvals.py writes the chain. Whatever cannot be read or is not whole lets nothing pass."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from controller.prescribed import Prescribed
from controller.tags import fraction_tag
from hal.readings import Purpose
from records.audit_check import Found, check, entry_of

FOLDER: Final = "approvals"
AUDIT: Final = "access"
"""The folder of the audit, beside this one."""
LOG, HEAD = "audit.jsonl", "audit.head"
GIVEN, WITHDRAWN = "approved", "withdrawn"
UNTOLD: Final = "untold"
"""An entry that names others before it: they were written, and whoever wrote them was told that they may not be (a full disk), or nothing (a kill)."""
NOT_TOLD: Final = "nobody was told that it was given; first: sign anew"
PHYSICIAN, PHYSICIST = "physician", "physicist"
MEANING: Final = {PHYSICIAN: "prescribed", PHYSICIST: "physics checked"}
"""What each role's signature says; no other role signs."""
BOTH: Final = (PHYSICIAN, PHYSICIST)
HOW: Final = {PHYSICIAN: "have a physician sign it", PHYSICIST: "have a physicist sign it"}
WHERE: Final = "on the page Records, under Orders and approvals"
MOST_BYTES: Final = 64 * 1024 * 1024
"""A chain of signatures that is longer is not read: a person waits meanwhile."""
BLOCK_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Approval:
    """One signature. `n` is its number in the chain; `values` names the values that were read from the file; `against` is why it does not stand, empty
    where it does; `accepted` are the flags of the order that were ticked with it. `tag` names patient, course, lesion, order and fraction, under which one
    `version` is newer than another; "" and 0 where an older program signed, which noted neither."""

    n: int
    sha256: str
    who: str
    role: str
    meaning: str
    wall_s: float
    order: str
    withdrawn_by: str = ""
    withdrawn_role: str = ""
    withdrawn_s: float | None = None
    reason: str = ""
    against: str = ""
    values: str = ""
    accepted: tuple[str, ...] = ()
    tag: str = ""
    version: int = 0
    fraction: int = 0


@dataclass(frozen=True)
class Signed:
    """Everything that was signed, and what is wrong with the chain: where anything is, nothing of it stands."""

    approvals: tuple[Approval, ...]
    wrong: tuple[str, ...]
    entries: int = 0
    key: str = ""

    def of(self, sha256: str) -> tuple[Approval, ...]:
        return tuple(one for one in self.approvals if one.sha256 == sha256)

    def missing(self, sha256: str, needed: Sequence[str]) -> tuple[str, ...]:
        """Which of the roles that are asked for have not signed these bytes, or signed them no more."""
        standing = {one.role for one in self.of(sha256) if not one.against}
        return tuple(role for role in needed if role not in standing)

    def refusal(self, sha256: str, needed: Sequence[str]) -> str:
        """Why an order of these bytes may not be loaded, and what to do first; empty where it may."""
        missing = self.missing(sha256, needed)
        if not missing:
            return ""
        if self.wrong:
            return f"no approval counts, for their chain is not whole ({self.wrong[0]}); first: kerma approvals verify"
        said = " and ".join(f'"{MEANING[role]}" ({role})' for role in missing)
        gone = [one for one in self.of(sha256) if one.role in missing and one.withdrawn_s is not None]
        why = "".join(f"; {one.withdrawn_by} withdrew {one.who}'s: {one.reason}" for one in gone[-1:])
        return (
            f"the order is not approved as it is now: {said} is missing{why}; first: {', '.join(HOW[one] for one in missing)} {WHERE}; "
            "a changed file is another order and needs new signatures"
        )

    def superseded(self, prescribed: Prescribed) -> str:
        """Why this order is not the one any more: somebody signed a newer version of the same fraction, wherever its file lies. Whoever finishes a fraction
        that was begun by this order does not ask."""
        tag = tag_of(prescribed)
        newer = [
            one for one in self.approvals if one.tag == tag and one.version > prescribed.version and not one.against
        ]
        if not newer:
            return ""
        last = max(newer, key=lambda one: one.version)
        at = datetime.fromtimestamp(last.wall_s, UTC)
        return (
            f"version {last.version} of {prescribed.prescription_id}, fraction {prescribed.fraction}, takes the place of version {prescribed.version}: "
            f"{last.who} ({last.role}) signed it on {at:%Y-%m-%d %H:%M:%SZ}; first: use version {last.version}, or have its signatures withdrawn {WHERE}"
        )

    def unaccepted(self, sha256: str, flags: Sequence[str], needed: Sequence[str]) -> str:
        """What is flagged in the order is taken on by name by each who has to sign it: a thin part or lead behind it, what lies beside it and bears less."""
        standing = [one for one in self.of(sha256) if not one.against]
        for role in needed:
            taken = {flag for one in standing if one.role == role for flag in one.accepted}
            left = [flag for flag in flags if flag not in taken]
            if left:
                return (
                    f"the {role}'s signature does not accept what the order flags ({', '.join(left)}); "
                    f"first: have the {role} withdraw it, look at each flag, tick it and sign anew, {WHERE}"
                )
        return ""

    def other_values(self, sha256: str, values: str, needed: Sequence[str]) -> str:
        """Whoever asks says which file it was: the values that came with the name must be those that were signed under it."""
        standing = [one for one in self.of(sha256) if not one.against and one.role in needed]
        same = {one.role for one in standing if one.values == values}
        for one in standing:
            if one.role not in same:
                said = "over other values than these" if one.values else "by a program that did not note its values"
                return (
                    f"the order of this name was signed {said} (signature {one.n}, {one.who}): nothing is given by it; "
                    "first: load the file anew, and if it is refused again, withdraw that signature and sign anew"
                )
        return ""


NONE: Final = Signed((), ())
Seen = tuple[tuple[int, ...], tuple[int, ...]]
"""What shows that a file is another one, or was written."""


class Signatures:
    """The recorder's look at one folder of records. What has not moved since the last question is not read once more, for others wait for the records."""

    def __init__(self, records: Path) -> None:
        self._folder = records / FOLDER
        self._audit = AuditLook(records)
        self._seen: Seen | None = None
        self._signed = NONE

    def unsigned(self, prescribed: Prescribed, needed: Sequence[str], begun: bool = False) -> str:
        """Why this order may not be given to a patient by the signatures as they lie there now; empty where it may. `begun`: its fraction is open and was
        begun by this very order, which then finishes it whatever was signed since. Where nobody asks for signatures, what cannot be read keeps nothing back."""
        if prescribed.purpose is not Purpose.TREAT:
            return ""
        needed = needed_of(prescribed, needed)
        sha256 = prescribed.sha256.hex()
        try:
            signed = self.looked()
            words = signed.refusal(sha256, needed) or signed.other_values(sha256, values_of(prescribed), needed)
            words = words or signed.unaccepted(sha256, prescribed.flags, needed)
            words = words or ("" if begun else signed.superseded(prescribed))
            words = words or (self._audit.put_back(signed, sha256) if needed else "")
            if words or begun or not needed or not self._audit.displaced(signed, prescribed):
                return words
            # signed between the two looks is not lost
            return self._audit.displaced(self.looked(), prescribed)
        except OSError as error:
            name = error.filename or self._folder
            words = f"no approval counts, for {name} cannot be read ({error.strerror or error}); first: mend that"
            return words if needed else ""

    def ahead(self) -> None:
        """The long first look, before anybody waits for its answer. What cannot be read is said to whoever asks."""
        with suppress(OSError):
            self.looked()
            self._audit.look()

    def looked(self) -> Signed:
        """What stands in the folder now, without its lock. The head is read first: whatever it signs is in the log by then. Raises OSError."""
        seen = _moved(self._folder / HEAD), _moved(self._folder / LOG)
        if seen != self._seen:
            self._seen = None
            head, log = _bounded(self._folder / HEAD), _bounded(self._folder / LOG)
            self._signed = NONE if head is None and log is None else read(log or b"", head)
            # stamped before it was read: what was written meanwhile is read at the next question
            self._seen = seen
        return self._signed


class AuditLook:
    """What the audit says of signatures, read on from where the last look ended: it only grows, and whether it was altered is not asked here."""

    def __init__(self, records: Path) -> None:
        self._path = records / AUDIT / LOG
        self._inode, self._at = 0, 0
        self._told: dict[str, list[tuple[int, str, str, str, int]]] = {}

    def put_back(self, signed: Signed, sha256: str) -> str:
        """Why an order may not be given whose signatures are older than what the audit knows of them. Raises OSError."""
        self.look()
        for words in self._lacking(signed, sha256):
            return f"{words}; first: kerma approvals verify, and have it withdrawn anew"
        return ""

    def displaced(self, signed: Signed, prescribed: Prescribed) -> str:
        """Why an older version may not be given: the audit knows of a newer one's signature that these signatures have lost, and that nobody withdrew. What
        the audit of an older program tells names no version, and displaces nothing. Raises OSError."""
        self.look()
        tag = tag_of(prescribed)
        for sha256, told in self._told.items():
            kept = {one.who for one in signed.of(sha256)}
            standing: dict[int, tuple[str, str, int]] = {}
            for n, what, who, of, version in told:
                if what == "signed":
                    standing[n] = who, of, version
                elif n in standing:
                    gone = standing[n][0]
                    standing = {other: one for other, one in standing.items() if one[0] != gone}
            for n, (who, of, version) in standing.items():
                if of == tag and version > prescribed.version and who not in kept:
                    return (
                        f"signature {n}: the audit says that {who} signed version {version} of {prescribed.prescription_id}, fraction {prescribed.fraction}, "
                        f"which takes the place of version {prescribed.version}, and it is not here; first: kerma approvals verify, and have {who} sign "
                        f"version {version} anew {WHERE}"
                    )
        return ""

    def beside(self, signed: Signed) -> list[tuple[str, str]]:
        """A folder that was put back from a backup is whole by itself, and knows less than the audit: which order it concerns, and how. Raises OSError."""
        self.look()
        return [(sha256, words) for sha256 in self._told for words in self._lacking(signed, sha256)]

    def look(self) -> None:
        """Read on. Raises OSError."""
        try:
            opened = _opened(self._path)
        except FileNotFoundError:
            self._inode, self._at, self._told = 0, 0, {}
            return
        with closing(opened):
            status = os.fstat(opened.fileno())
            if status.st_ino != self._inode or status.st_size < self._at:
                self._inode, self._at, self._told = status.st_ino, 0, {}
            opened.seek(self._at)
            rest = b""
            while block := opened.read(BLOCK_BYTES):
                # a line that has no end yet is none
                whole, ended, rest = (rest + block).rpartition(b"\n")
                self._at += len(whole) + len(ended)
                for line in _lines(whole, b'"what":"signed"') + _lines(whole, b'"what":"withdrawn"'):
                    self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            entry: dict[str, Any] = json.loads(line)
            told = entry["told"]
            said = int(told["signature"]), str(entry["what"]), str(entry["who"])
            of = str(told.get("tag", "")), int(told.get("version", 0))
            self._told.setdefault(str(told["order_sha256"]), []).append((*said, *of))
        except (ValueError, KeyError, TypeError, RecursionError):
            return

    def _lacking(self, signed: Signed, sha256: str) -> Iterator[str]:
        kept = {one.n: one for one in signed.of(sha256)}
        for n, what, who, _tag, _version in sorted(self._told.get(sha256, [])):
            one = kept.get(n)
            if one is None or (one.who != who and what == "signed"):
                yield f"signature {n}: the audit says it was {what} by {who}, and it is not here"
            elif what == "withdrawn" and one.withdrawn_s is None:
                yield f"signature {n}: the audit says that {who} withdrew it, and here it stands"


def needed_of(prescribed: Prescribed, asked: Sequence[str]) -> tuple[str, ...]:
    """Whose signatures this order needs: what the rig asks for, and both where the order itself names no approver."""
    return BOTH if prescribed.by_signature is True else tuple(asked)


def values_of(prescribed: Prescribed) -> str:
    """A name for everything that was read from an order's file, by which the desk knows that these are the values that were signed."""
    return hashlib.sha256(msgspec.msgpack.encode(prescribed, order="sorted")).hexdigest()


def tag_of(prescribed: Prescribed) -> str:
    """The name, in hex, of what a newer version takes the place of: patient, course, lesion, order and fraction."""
    return f"{fraction_tag(prescribed):016x}"


def read(log: bytes, head: bytes | None) -> Signed:
    """The chain as the audit's checker finds it, and what it says; entries after the signed head were told to nobody, and do not count."""
    found = check(log, [] if head is None else [(HEAD, head)], None)
    if head is None and found.entries <= 1 and log.count(b"\n") <= 1:
        # a crash at the very beginning: nothing was ever signed, and the next signature begins
        return NONE
    wrong = tuple(one for one in found.wrong if not _crash(one))
    if wrong:
        return Signed(tuple(_told(log, found, against="the chain is not whole")), wrong, found.entries, found.key)
    return Signed(tuple(_told(log, found)), (), found.entries, found.key)


def _moved(path: Path) -> tuple[int, ...]:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _bounded(path: Path) -> bytes | None:
    """A file of a size that can be read while a person waits; None where there is none. What is no file (a pipe never ends) is an OSError."""
    try:
        opened = _opened(path)
    except FileNotFoundError:
        return None
    with closing(opened):
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(0, f"it is longer than {MOST_BYTES} bytes", str(path))
    return data


def _opened(path: Path) -> BinaryIO:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    file = os.fdopen(fd, "rb")
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        file.close()
        raise OSError(0, "it is no file", str(path))
    return file


def _lines(whole: bytes, needle: bytes) -> list[bytes]:
    """Each line that holds this; searched for as bytes, for most lines are of something else."""
    lines, at = [], whole.find(needle)
    while at >= 0:
        end = whole.find(b"\n", at)
        end = len(whole) if end < 0 else end
        lines.append(whole[whole.rfind(b"\n", 0, at) + 1 : end])
        at = whole.find(needle, end)
    return lines


def _crash(wrong: str) -> bool:
    """A last line that a crash cut off alters nothing that was signed: the next entry accounts for it."""
    return "is cut off; the next entry will say so" in wrong


def _told(log: bytes, found: Found, against: str = "") -> list[Approval]:
    approvals: dict[int, Approval] = {}
    of_bytes: dict[str, list[int]] = {}
    signed = found.entries - found.after_the_last
    for entry in _entries(log):
        told = entry["told"]
        try:
            if not against and int(entry["n"]) > signed:
                break
            if entry["what"] == GIVEN:
                one = Approval(
                    entry["n"], str(told["sha256"]), entry["who"], entry["role"], str(told["meaning"]), entry["wall_s"], str(told["order"]),
                    values=str(told.get("values", "")), accepted=tuple(str(told.get("accepted", "")).split()),
                    tag=str(told.get("tag", "")), version=int(told.get("version", 0)), fraction=int(told.get("fraction", 0)),
                )  # fmt: skip
                before = of_bytes.setdefault(one.sha256, [])
                approvals[one.n] = replace(one, against=against or _unfit(one, [approvals[n] for n in before]))
                before.append(one.n)
            elif entry["what"] == WITHDRAWN and int(told["of"]) in approvals:
                gone = approvals[int(told["of"])]
                for n in of_bytes[gone.sha256]:
                    one = approvals[n]
                    # a signature that a full disk refused may stand beside the one that was given again: both are the same person's word
                    if (one.who, one.role) == (gone.who, gone.role) and one.withdrawn_s is None:
                        approvals[n] = replace(
                            one, withdrawn_by=entry["who"], withdrawn_role=entry["role"], withdrawn_s=entry["wall_s"],
                            reason=str(told["reason"]), against=against or "withdrawn",
                        )  # fmt: skip
            elif entry["what"] == UNTOLD:
                first, last = int(told["first"]), int(told["last"])
                # of a withdrawal in their midst nothing is taken back: what may be withdrawn is not given
                for n, one in approvals.items():
                    if first <= n <= last and not one.against:
                        approvals[n] = replace(one, against=NOT_TOLD)
        except (KeyError, TypeError, ValueError):
            continue
    return list(approvals.values())


def _unfit(one: Approval, before: Sequence[Approval]) -> str:
    """Looked at once more where it is read: a role that signs nothing, another role's meaning, one person in both."""
    if MEANING.get(one.role) != one.meaning:
        return f"{one.role} does not sign for {one.meaning}"
    both = any(other.who == one.who and other.role != one.role and not other.against for other in before)
    return f"{one.who} signed these bytes in the other meaning too" if both else ""


def _entries(log: bytes) -> list[dict[str, Any]]:
    """Each line that the checker takes for an entry of the chain, and no other: what a crash left, or what somebody wrote there without a hash that fits,
    is accounted for by the next entry as bytes alone."""
    return [found for line in log.split(b"\n")[:-1] if (found := entry_of(line)) is not None]
