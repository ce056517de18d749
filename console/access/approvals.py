"""Who approved which order: signatures beside the records, each over the order's SHA-256, in a chain of the audit's kind with a folder of its own.
It reads no order and knows no page; whose secret was given is asked before it is told here. What stands is read by records/approved.py."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from console.access.audit import Audit
from console.places import own
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from records.approved import (
    AUDIT,
    FOLDER,
    GIVEN,
    HOW,
    LOG,
    MEANING,
    NONE,
    WITHDRAWN,
    Approval,
    AuditLook,
    Signed,
    needed_of,
    read,
    tag_of,
    values_of,
)
from records.files import FileSystem, PosixFiles

OF_EACH: Final = ("fraction", "sha256")
"""In what the orders of a course's fractions differ, and in nothing else."""


class Approvals:
    """The signatures of one rig's records. A look reads and checks the whole chain; nothing is taken from a chain that is not whole."""

    def __init__(self, records: Path, wall: Callable[[], float], files: FileSystem | None = None) -> None:
        self._records, self.folder = records, records / FOLDER
        self._chain = Audit(self.folder, files or PosixFiles(), wall, disowns=True)
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
        try:
            return signed.refusal(sha256, needed) or AuditLook(self._records).put_back(signed, sha256)
        except OSError as error:
            raise _unread(self._records, error) from error

    def against(self, prescribed: Prescribed, asked: Sequence[str]) -> str:
        """The same for an order that was read: what it flags must have been accepted by each who had to sign it."""
        needed, sha256, flags = needed_of(prescribed, asked), prescribed.sha256.hex(), prescribed.flags
        return self.refusal(sha256, needed) or (self.signed().unaccepted(sha256, flags, needed) if flags else "")

    def unsignable(self, course: Sequence[Prescribed], who: str, role: str, accepted: Sequence[str]) -> str:
        """Why these orders are not signed in one act, before any of them is; empty where they may be. Raises ConfigurationError."""
        signed = self._sound()
        named = {one.fraction: _refused(signed, one.sha256.hex(), who, role) for one in course}
        refused = [f"fraction {fraction}: {words}" for fraction, words in named.items() if words]
        return unlike(course) or _unaccepted(course[0].flags, accepted) or "\n".join(refused)

    def sign_order(self, prescribed: Prescribed, who: str, role: str, accepted: Sequence[str]) -> int:
        """One signature over an order that was read, with every flag of it ticked. Raises ConfigurationError."""
        flags = prescribed.flags
        words = _unaccepted(flags, accepted)
        if words:
            raise ConfigurationError(words)
        order = f"{prescribed.prescription_id} version {prescribed.version}"
        which: dict[str, str | int] = {
            "tag": tag_of(prescribed),
            "version": prescribed.version,
            "fraction": prescribed.fraction,
        }
        return self.sign(prescribed.sha256.hex(), order, who, role, values_of(prescribed), " ".join(flags), which)

    def sign(
        self,
        sha256: str,
        order: str,
        who: str,
        role: str,
        values: str = "",
        accepted: str = "",
        which: Mapping[str, str | int] = MappingProxyType({}),
    ) -> int:
        """One signature in its role's meaning; its number. `values` is what records/approved.py names the order's values by: without them the desk takes
        it for none; `which` is tag, version and fraction: without them it takes the place of no older version. Raises ConfigurationError: it may be there
        or not."""
        with self._turn:
            words = _refused(self._sound(), sha256, who, role)
            if words:
                raise ConfigurationError(words)
            told: dict[str, str | int | float | bool | None] = {
                "sha256": sha256,
                "values": values,
                "meaning": MEANING[role],
                "order": order,
            }
            return self._note(GIVEN, who, role, told | dict(which) | ({"accepted": accepted} if accepted else {}))

    def withdraw(self, n: int, reason: str, who: str, role: str) -> Approval:
        """One signature counts no more; by anybody who may sign. Raises ConfigurationError."""
        with self._turn:
            found = next((one for one in self._sound().approvals if one.n == n), None)
            if found is None or found.withdrawn_s is not None:
                raise ConfigurationError(f"there is no signature {n} that stands; first: see the list")
            self._note(WITHDRAWN, who, role, {"of": n, "reason": reason})
            return found

    def written(self, n: int) -> str:
        """The hash of an entry that was written here, for the audit."""
        return self._chain.written(n)

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


def unlike(course: Sequence[Prescribed]) -> str:
    """Why these are not the fractions of one order, which differ in the fraction's number and in their bytes alone; empty where they are."""
    if len(course) < 2:
        return "one order is no course; first: sign it by itself"
    first, *others = course
    for name in first.__struct_fields__:
        for one in others if name not in OF_EACH else ():
            if getattr(one, name) != getattr(first, name):
                return (
                    f"fraction {one.fraction} differs from fraction {first.fraction} in {name} ({getattr(one, name)!a}, not {getattr(first, name)!a}); "
                    "first: sign what differs by itself"
                )
    twice = [one.fraction for one in course if [other.fraction for other in course].count(one.fraction) > 1]
    return f"fraction {twice[0]} is there twice; first: sign one file of it" if twice else ""


def _unaccepted(flags: Sequence[str], accepted: Sequence[str]) -> str:
    if sorted(accepted) == sorted(flags):
        return ""
    lacking = ", ".join(one for one in flags if one not in accepted)
    foreign = ", ".join(ascii(one) for one in accepted if one not in flags)
    return f"{f'not accepted: {lacking}' if lacking else f'no flag of this order: {foreign}'}; first: read what the order flags, and tick each of it"


def _refused(signed: Signed, sha256: str, who: str, role: str) -> str:
    """Why this person's signature over these bytes is not taken; empty where it is."""
    if role not in MEANING:
        return f"{role} signs no order; first: have a {' or a '.join(MEANING)} do it"
    for one in signed.of(sha256):
        if one.who == who and one.role != role and one.withdrawn_s is None:
            return f'{who} signed these bytes as {one.role} already ("{one.meaning}"); first: have another person sign as {role}'
        if (one.who, one.role, one.against) == (who, role, ""):
            return f"{who} has signed this order already (signature {one.n})"
    return ""


def beside_the_audit(records: Path, signed: Signed) -> list[tuple[str, str]]:
    """What the audit knows of signatures and their folder does not: which order it concerns, and how. Raises ConfigurationError."""
    try:
        return AuditLook(records).beside(signed)
    except OSError as error:
        raise _unread(records, error) from error


def _unread(records: Path, error: OSError) -> ConfigurationError:
    name = error.filename or records / AUDIT / LOG
    return ConfigurationError(f"{name}: cannot be read ({error.strerror}); first: kerma audit verify")


__all__ = [
    "FOLDER",
    "GIVEN",
    "HOW",
    "LOG",
    "MEANING",
    "NONE",
    "WITHDRAWN",
    "Approval",
    "Approvals",
    "Signed",
    "beside_the_audit",
    "read",
]
