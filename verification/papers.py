"""The signed papers of a run, read anew for its judges: the certificate that a world was built with, and the sheets that its journal took in.
It works from the bytes of the files and from public keys, by docs/dosimetry.md and docs/daily-check.md, with nothing of what the product reads them with."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

CERTIFICATE_HEAD: Final = b"kerma certificate 2\n"
SHEET_HEAD: Final = b"kerma-sheet-1\n"
_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
STOP_PART: Final = 0.03
"""Output off its baseline by more is no beam for a patient."""
REFERENCE_KPA, REFERENCE_K, ZERO_K = 101.325, 293.15, 273.15


@dataclass(frozen=True)
class Paper:
    """A certificate: what it is called, the SHA-256 of what is signed, since and until when it holds (s since 1970 UTC), whether it is of a name plate and
    nobody's measurement, who truly signed it with a key of its world, and its combinations as they stand in the file."""

    id: str
    sha256: bytes
    effective_s: float
    expires_s: float
    provisional: bool
    signers: tuple[str, ...]
    combinations: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Sheet:
    """A sheet as the journal holds it, at `index` of its chain; `by_physicist` and `by_other`: whose key its signature fits."""

    index: int
    kind: str
    content: dict[str, Any]
    sha256: str
    by_physicist: bool
    by_other: bool


KEPT: Final[dict[bytes, Paper]] = {}
"""Every certificate that a world of this process was built with, by the hash of what is signed."""


def keep(certificate: bytes, keys: bytes) -> Paper:
    """Read a certificate's file with the file of public keys beside it, and keep it for whoever judges a run of its world."""
    paper = read(certificate, keys)
    KEPT[paper.sha256] = paper
    return paper


def read(certificate: bytes, keys: bytes) -> Paper:
    """The same, kept nowhere. What cannot be read at all raises: no world begins with that."""
    document = tomllib.loads(certificate.decode())
    content = _canonical(document)
    return Paper(
        id=str(document["id"]),
        sha256=hashlib.sha256(content).digest(),
        effective_s=document["effective_at"].timestamp(),
        expires_s=document["expires_at"].timestamp(),
        provisional=document["basis"] == "provisional",
        signers=tuple(
            signature["who"] for signature in document.get("signatures", []) if _fits(signature, content, keys)
        ),
        combinations=tuple(document["combinations"]),
    )


def sheet(index: int, payload: bytes, physicists: tuple[bytes, ...], others: tuple[bytes, ...]) -> Sheet:
    """A SHEET record of the journal; keys are raw, of 32 bytes."""
    (kind, body, who, role, at, signature), *_ = msgspec.msgpack.decode(payload)
    signer = json.dumps([kind, who, role, at], separators=(",", ":")).encode()
    message = SHEET_HEAD + signer + b"\n" + body
    by = [
        any(_verified(Ed25519PublicKey.from_public_bytes(raw), signature, message) for raw in keys)
        for keys in (physicists, others)
    ]
    return Sheet(index, kind, msgspec.json.decode(body), hashlib.sha256(message).hexdigest(), *by)


def no_day(sheets: tuple[Sheet, ...], index: int, at_wall_s: float, zone: str, start: dict[str, Any]) -> str:
    """Why no day's check that the journal held before `index` is one for this start, or "". `start` holds the hash of its certificate, its software, and its
    combination: kv, ma, filter_id, applicator_id."""
    before = [one for one in sheets if one.index < index]
    checks = [one for one in before if one.kind == "daily" and (one.by_physicist or one.by_other)]
    today = datetime.fromtimestamp(at_wall_s, UTC).astimezone(ZoneInfo(zone)).date().isoformat()
    checks = [one for one in checks if one.content["day"] == today]
    if not checks:
        return f"no signed check of {today} is in the journal"
    bound = {"certificate_sha256": start["certificate"].hex(), "software_version": start["software"]}
    checks = [one for one in checks if bound.items() <= one.content["bound"].items()]
    if not checks:
        return f"the check of {today} is of another certificate or software"
    bases = {one.sha256: one.content for one in before if one.kind == "baseline" and one.by_physicist}
    of = {name: start["combination"][full] for name, full in _NAMES.items()}
    if not any(_in_band(check.content, bases.get(check.content["baseline_sha256"]), of) for check in checks):
        return f"the check of {today} holds no reading of this combination within {STOP_PART:.0%} of its baseline"
    return ""


_NAMES: Final = {"kv": "kv", "ma": "ma", "filter": "filter_id", "applicator": "applicator_id"}


def _in_band(check: dict[str, Any], base: dict[str, Any] | None, of: dict[str, Any]) -> bool:
    """Whether the combination was read, and is as its baseline was."""
    if base is None:
        return False
    air = REFERENCE_KPA / check["p_kpa"] * (check["t_c"] + ZERO_K) / REFERENCE_K if base["vented"] else 1.0
    read = [line["reading"] for line in check["lines"] if of.items() <= line.items()]
    expected = [line["reading"] for line in base["lines"] if of.items() <= line.items()]
    return bool(read and expected) and abs(read[0] * air / expected[0] - 1.0) <= STOP_PART


def _fits(signature: dict[str, Any], content: bytes, keys: bytes) -> bool:
    """Whether one of these keys has signed this content for this person at this time."""
    signer = {name: signature[name] for name in ("who", "role", "at")}
    message = CERTIFICATE_HEAD + content + b"\n" + _json(signer)
    known = [load_pem_public_key(pem + b"\n") for pem in _PEM.findall(keys)]
    raw = bytes.fromhex(signature["ed25519"])
    return any(isinstance(key, Ed25519PublicKey) and _verified(key, raw, message) for key in known)


def _verified(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _canonical(document: dict[str, Any]) -> bytes:
    return _json({key: value for key, value in document.items() if key != "signatures"})


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_time).encode()


def _time(value: datetime) -> str:
    utc = value.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if utc.microsecond else "%Y-%m-%dT%H:%M:%SZ")
