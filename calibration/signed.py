"""Files that physicists sign: their tables checked strictly, Ed25519 signatures over its content, and the file replaced whole when one is added.
It knows no certificate and no time table: each of them gives its tables, and the words that its signatures begin with."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from pydantic import BaseModel, ValidationError

from calibration import keys
from calibration.atomic import replaced
from calibration.equipment import named_alike
from calibration.toml_file import parse
from hal.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)


def checked(path: Path, document: dict[str, Any], model: type[Model]) -> Model:
    """Its tables. Raises ConfigurationError with one line for each mistake."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            key = ".".join(str(part) for part in problem["loc"]) or "(the file)"
            if problem["type"] == "missing":
                lines.append(f"{path}: {key} is missing; first: write it, and have the certificate signed again")
                continue
            unknown = problem["type"] == "extra_forbidden"
            wrong = "is not a key that is known here" if unknown else problem["msg"].lower()
            first = "remove it" if unknown else "correct it"
            lines.append(
                f"{path}: {key} = {_shown(problem['input'])}: {wrong}; first: {first}, and have the certificate signed again"
            )
        raise ConfigurationError("\n".join(lines)) from None


def canonical(document: dict[str, Any]) -> bytes:
    """The signed content: the file's tables without its signatures, as JSON with sorted keys; layout and comments do not matter."""
    content = {key: value for key, value in document.items() if key != "signatures"}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=exact).encode()


def content_sha256(document: dict[str, Any]) -> bytes:
    """SHA-256 of the signed content: the identity of a certificate in every record."""
    return hashlib.sha256(canonical(document)).digest()


def sign(
    path: Path, data: bytes, head: bytes, model: type[BaseModel], private_key: Path, who: str, wall_s: float
) -> None:
    """Sign in place exactly the bytes that were checked; an earlier signature of the same person is replaced. Raises ConfigurationError."""
    document = parse(path, data)
    key = keys.private_key(private_key)
    kept = [entry for entry in document.get("signatures", []) if entry["who"] != who]
    new: dict[str, Any] = {"who": who, "role": "physicist", "at": datetime.fromtimestamp(int(wall_s), UTC)}
    new["ed25519"] = key.sign(_message(head, document, new)).hex()
    text = data.decode("utf-8").partition("\n[[signatures]]")[0].rstrip() + "\n"
    for entry in (*kept, new):
        text += f"\n[[signatures]]\nwho = {json.dumps(entry['who'], ensure_ascii=False)}\nrole = {json.dumps(entry['role'])}\n"
        text += f"at = {exact(entry['at'])}\ned25519 = {json.dumps(entry['ed25519'])}\n"
    signed = parse(path, text.encode())
    checked(path, signed, model)
    if canonical(signed) != canonical(document):
        raise ConfigurationError(
            f"{path}: [[signatures]] does not stand at its end; first: move it there, then sign again"
        )
    with _alone(path.parent):
        if path.read_bytes() != data:
            raise ConfigurationError(
                f"{path}: was changed while it was being signed, perhaps by another signature; first: look at it again, then sign"
            )
        replaced(path, text.encode())


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else signs in this folder meanwhile; the kernel ends the hold with the process."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def signers(path: Path, head: bytes, document: dict[str, Any], public_key: Path) -> tuple[str, ...]:
    """Who signed exactly this content with a known key, each key and each name once; one at least, or ConfigurationError."""
    known = list(keys.public_keys(public_key))
    entries = document.get("signatures", [])
    if not entries:
        raise ConfigurationError(
            f"{path}: signatures is missing: nobody has signed it; first: have the physicist sign it (calibration/sign.py)"
        )
    found: list[str] = []
    for entry in entries:
        for key in known:
            try:
                key.verify(bytes.fromhex(entry["ed25519"]), _message(head, document, entry))
            except InvalidSignature:
                continue
            known.remove(key)
            if named_alike(entry["who"]) not in map(named_alike, found):
                found.append(entry["who"])
            break
    if found:
        return tuple(found)
    who = ", ".join(entry["who"] for entry in entries)
    raise ConfigurationError(
        f"{path}: signatures by {who}: none fits the content and the key {public_key}; "
        "first: undo the last change of the file, or have the physicist sign it again"
    )


def exact(value: object) -> str:
    """ISO 8601 in UTC, with its part of a second where it has one."""
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in a certificate")
    utc = value.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if utc.microsecond else "%Y-%m-%dT%H:%M:%SZ")


def _message(head: bytes, document: dict[str, Any], signature: dict[str, Any]) -> bytes:
    """What is signed: the content, and who signs it as what and when."""
    signer = {name: signature[name] for name in ("who", "role", "at")}
    tail = json.dumps(signer, sort_keys=True, separators=(",", ":"), default=exact).encode()
    return head + canonical(document) + b"\n" + tail


def _shown(value: object) -> str:
    words = f'"{value}"' if isinstance(value, str) else str(value)
    return words if len(words) <= 60 else words[:57] + "..."
