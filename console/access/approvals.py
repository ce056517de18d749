"""Who approved which order: signatures beside the records, each over the order's SHA-256, in a chain of the audit's kind with a folder of its own.
It reads no order and knows no page; whose secret was given is asked before it is told here."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from console.access.audit import HEAD, LOG, Audit
from console.access.audit_check import Found, check
from console.access.table import PHYSICIAN, PHYSICIST
from console.places import own
from hal.errors import ConfigurationError
from records.files import FileSystem, PosixFiles

FOLDER: Final = "approvals"
AUDIT: Final = "access"
"""The folder of the audit, beside this one."""
GIVEN, WITHDRAWN = "approved", "withdrawn"
MEANING: Final = {PHYSICIAN: "prescribed", PHYSICIST: "physics checked"}
"""What each role's signature says; no other role signs."""
HOW: Final = {PHYSICIAN: "have a physician sign it", PHYSICIST: "have a physicist sign it"}
WHERE: Final = "on the page Records, under Orders and approvals"


@dataclass(frozen=True)
class Approval:
    """One signature. `n` is its number in the chain; `against` is why it does not stand, empty where it does."""

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


NONE: Final = Signed((), ())


class Approvals:
    """The signatures of one rig's records. A look reads and checks the whole chain; nothing is taken from a chain that is not whole."""

    def __init__(self, records: Path, wall: Callable[[], float], files: FileSystem | None = None) -> None:
        self._records, self.folder = records, records / FOLDER
        self._chain = Audit(self.folder, files or PosixFiles(), wall)
        self._turn = threading.Lock()

    def signed(self) -> Signed:
        """What stands now. Raises ConfigurationError where it cannot be read."""
        kept = self._chain.kept()
        return NONE if kept is None else read(*kept)

    def refusal(self, sha256: str, needed: Sequence[str]) -> str:
        """Why an order of these bytes may not be loaded, and what to do first; also where the audit knows of a withdrawal that is not here any more."""
        if not needed:
            return ""
        signed = self.signed()
        put_back = [words for of, words in beside_the_audit(self._records, signed) if of == sha256]
        return signed.refusal(sha256, needed) or "".join(
            f"{words}; first: kerma approvals verify, and have it withdrawn anew" for words in put_back[:1]
        )

    def sign(self, sha256: str, order: str, who: str, role: str) -> int:
        """One signature in its role's meaning; its number. Raises ConfigurationError: it may be there or not."""
        if role not in MEANING:
            raise ConfigurationError(f"{role} signs no order; first: have a {' or a '.join(MEANING)} do it")
        with self._turn:
            for one in self._sound().of(sha256):
                if one.who == who and one.role != role and one.withdrawn_s is None:
                    raise ConfigurationError(
                        f'{who} signed these bytes as {one.role} already ("{one.meaning}"); first: have another person sign as {role}'
                    )
                if (one.who, one.role, one.against) == (who, role, ""):
                    raise ConfigurationError(f"{who} has signed this order already (signature {one.n})")
            return self._note(GIVEN, who, role, {"sha256": sha256, "meaning": MEANING[role], "order": order})

    def withdraw(self, n: int, reason: str, who: str, role: str) -> Approval:
        """One signature counts no more; by anybody who may sign. Raises ConfigurationError."""
        with self._turn:
            found = next((one for one in self._sound().approvals if one.n == n), None)
            if found is None or found.withdrawn_s is not None:
                raise ConfigurationError(f"there is no signature {n} that stands; first: see the list")
            self._note(WITHDRAWN, who, role, {"of": n, "reason": reason})
            return found

    def _sound(self) -> Signed:
        signed = self.signed()
        if signed.wrong:
            raise ConfigurationError(
                f"{self.folder}: the chain is not whole ({signed.wrong[0]}); first: kerma approvals verify"
            )
        return signed

    def _note(self, what: str, who: str, role: str, told: dict[str, str | int | float | bool | None]) -> int:
        own(self._records, os.getuid(), 0o700)
        own(self.folder, os.getuid(), 0o700)
        return self._chain.note(what, who, role, told)


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


def beside_the_audit(records: Path, signed: Signed) -> list[tuple[str, str]]:
    """A folder that was put back from a backup is whole by itself, and knows less than the audit: which order it concerns, and how. Raises
    ConfigurationError."""
    path = records / AUDIT / LOG
    try:
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); first: kerma audit verify") from error
    by_number = {one.n: one for one in signed.approvals}
    wrong = []
    for line in lines:
        if b'"what":"signed"' not in line and b'"what":"withdrawn"' not in line:
            continue
        try:
            entry: dict[str, Any] = json.loads(line)
            what, told = entry["what"], entry["told"]
            n, sha256 = int(told["signature"]), str(told["order_sha256"])
        except (ValueError, KeyError, TypeError):
            continue
        kept = by_number.get(n)
        if kept is None or kept.sha256 != sha256 or (kept.who != entry["who"] and what == "signed"):
            wrong.append((sha256, f"signature {n}: the audit says it was {what} by {entry['who']}, and it is not here"))
        elif what == "withdrawn" and kept.withdrawn_s is None:
            wrong.append((sha256, f"signature {n}: the audit says that {entry['who']} withdrew it, and here it stands"))
    return wrong


def _crash(wrong: str) -> bool:
    """A last line that a crash cut off alters nothing that was signed: the next entry accounts for it."""
    return "is cut off; the next entry will say so" in wrong


def _told(log: bytes, found: Found, against: str = "") -> list[Approval]:
    approvals: dict[int, Approval] = {}
    signed = found.entries - found.after_the_last
    for entry in _entries(log):
        told = entry["told"]
        try:
            if not against and int(entry["n"]) > signed:
                break
            if entry["what"] == GIVEN:
                one = Approval(
                    entry["n"], str(told["sha256"]), entry["who"], entry["role"], str(told["meaning"]), entry["wall_s"], str(told["order"])
                )  # fmt: skip
                approvals[one.n] = replace(one, against=against or _unfit(one, approvals.values()))
            elif entry["what"] == WITHDRAWN and int(told["of"]) in approvals:
                gone = approvals[int(told["of"])]
                for n, one in approvals.items():
                    # a signature that a full disk refused may stand beside the one that was given again: both are the same person's word
                    if (one.sha256, one.who, one.role) == (
                        gone.sha256,
                        gone.who,
                        gone.role,
                    ) and one.withdrawn_s is None:
                        approvals[n] = replace(
                            one, withdrawn_by=entry["who"], withdrawn_role=entry["role"], withdrawn_s=entry["wall_s"],
                            reason=str(told["reason"]), against=against or "withdrawn",
                        )  # fmt: skip
        except (KeyError, TypeError, ValueError):
            continue
    return list(approvals.values())


def _unfit(one: Approval, before: Any) -> str:
    """Looked at once more where it is read: a role that signs nothing, another role's meaning, one person in both."""
    if MEANING.get(one.role) != one.meaning:
        return f"{one.role} does not sign for {one.meaning}"
    both = any(
        other.sha256 == one.sha256 and other.who == one.who and other.role != one.role and not other.against
        for other in before
    )
    return f"{one.who} signed these bytes in the other meaning too" if both else ""


def _entries(log: bytes) -> list[dict[str, Any]]:
    found = []
    for line in log.split(b"\n")[:-1]:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("told"), dict):
            found.append(entry)
    return found


__all__ = ["LOG", "NONE", "Approval", "Approvals", "Signed", "read"]
