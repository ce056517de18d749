"""Is the audit what was written: each line against the one before it, its end against every signed checkpoint, the users' file against its last change.
It reads bytes alone, shares nothing with what wrote them, and mends nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass
class Found:
    """What was found: how many entries, whose key, what is wrong with which line, and how many entries stand after the last checkpoint."""

    entries: int = 0
    key: str = ""
    wrong: list[str] = field(default_factory=list)
    after_the_last: int = 0
    knows_users: bool = False


def check(log: bytes, heads: Sequence[tuple[str, bytes]], users: bytes | None, key: str = "") -> Found:
    """`heads`: the head beside the log first, then those kept elsewhere, each with its name. `key`: the public key as it is known from elsewhere."""
    found = Found(key=key)
    hashes, last_users = _lines(log, found)
    found.entries = len(hashes)
    found.knows_users = any(last_users)
    if not heads:
        found.wrong.append("there is no signed head: nothing shows that the end of the log is its end")
    signed = [_head(name, head, hashes, found) for name, head in heads]
    newest = max(signed, default=0)
    found.after_the_last = max(0, max(hashes, default=0) - newest)
    if users is not None and hashlib.sha256(users).hexdigest() not in last_users:
        found.wrong.append("users.json: is not what its last change in the audit left; it was altered by another way")
    if users is None and any(last_users):
        found.wrong.append("users.json: is gone, and the audit knows its users")
    return found


def _lines(log: bytes, found: Found) -> tuple[dict[int, str], tuple[str, ...]]:
    """Hash by number of each entry, and the digests that the users' file may have."""
    hashes: dict[int, str] = {}
    users: tuple[str, ...] = ()
    n, before, loose, first_loose = 0, "0" * 64, b"", 0
    for number, line in enumerate(log.split(b"\n")[:-1], 1):
        entry = entry_of(line)
        if entry is None:
            first_loose = first_loose if loose else number
            loose += line + b"\n"
            continue
        if loose:
            _loose(loose, first_loose, entry, found)
            loose = b""
        if entry["n"] != n + 1:
            missing = entry["n"] - n - 1
            what = f"{missing} missing before it" if missing > 0 else "it stands twice, was put in, or in another order"
            found.wrong.append(f"line {number}: entry {entry['n']} stands where entry {n + 1} is wanted: {what}")
        elif entry["before"] != before:
            found.wrong.append(f"line {number}: entry {entry['n']} does not follow the line before it")
        if number == 1:
            found.key = found.key or str(entry["told"].get("key", ""))
        if entry["what"] == "users":
            users = (str(entry["told"].get("file_after", "")), str(entry["told"].get("file_before", "")))
        n, before = entry["n"], entry["hash"]
        hashes[n] = before
    rest = loose + log.rpartition(b"\n")[2]
    if rest and log.rpartition(b"\n")[2]:
        found.wrong.append(f"line {log.count(bytes([10])) + 1}: is cut off; the next entry will say so")
    elif rest:
        found.wrong.append(f"line {first_loose}: was altered, or is no entry")
    return hashes, users


def entry_of(line: bytes) -> dict[str, Any] | None:
    """An entry whose own hash fits its bytes."""
    head, comma, tail = line.rpartition(b',"hash":"')
    if not comma or len(tail) != 66 or not tail.endswith(b'"}'):
        return None
    body = head + b"}"
    if hashlib.sha256(body).hexdigest().encode() != tail[:64]:
        return None
    try:
        entry = json.loads(body)
    except (ValueError, RecursionError):
        return None
    wanted = {"n": int, "wall_s": float, "what": str, "who": str, "role": str, "told": dict, "before": str}
    if not isinstance(entry, dict) or any(not isinstance(entry.get(name), kind) for name, kind in wanted.items()):
        return None
    return {**entry, "hash": tail[:64].decode()}


def _loose(loose: bytes, first: int, entry: dict[str, Any], found: Found) -> None:
    """Lines that are no entries are accounted for only by the entry that says what a crash left."""
    told = entry["told"]
    for left in (loose, loose[:-1]):
        if entry["what"] == "torn" and told == {"bytes": len(left), "sha256": hashlib.sha256(left).hexdigest()}:
            return
    found.wrong.append(f"line {first}: was altered, or is no entry")


def _head(name: str, head: bytes, hashes: dict[int, str], found: Found) -> int:
    """The number that a checkpoint signs, if it is one."""
    try:
        document = json.loads(head)
        signature = bytes.fromhex(document.pop("signature"))
        n, kept, key = int(document["n"]), str(document["hash"]), str(document["key"])
        words = json.dumps({one: document[one] for one in sorted(document)}).encode()
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, words)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidSignature):
        found.wrong.append(f"{name}: is no signed checkpoint")
        return 0
    if key != found.key:
        found.wrong.append(f"{name}: is signed by {key[:16]}, and the log was begun with {found.key[:16] or 'no key'}")
    if n not in hashes:
        last = max(hashes, default=0)
        what = f"the log ends with entry {last}: its tail was cut" if n > last else f"entry {n} is not there"
        found.wrong.append(f"{name}: entry {n} was signed, and {what}")
    elif hashes[n] != kept:
        found.wrong.append(f"{name}: entry {n} is not the one that was signed: it, or one before it, was altered")
    return n
