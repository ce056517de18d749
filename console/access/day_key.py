"""The key with which a console signs a day's check for whoever has given a login's secret: one Ed25519 key beside the records, made by an act of its own.
It says whether this rig believes that key; it signs nothing, and knows no person."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from calibration import keys
from console.access import whole_file
from console.access.folder import FOLDER
from console.configuration import Rig
from hal.errors import ConfigurationError
from records.files import FileSystem, PosixFiles

KEY: Final = "day.key"
LOCK: Final = "day.lock"


def path_of(records: Path) -> Path:
    """Where it lies, for its owner's eyes alone."""
    return records / FOLDER / KEY


def made(records: Path, files: FileSystem | None = None) -> bytes:
    """The public half as PEM; the pair is made where there is none, and never made anew. Raises ConfigurationError."""
    files, path = files or PosixFiles(), path_of(records)
    try:
        with whole_file.alone(files, path.with_name(LOCK)):
            if not path.exists():
                pair = Ed25519PrivateKey.generate()
                whole_file.put(files, path, pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            return keys.private_key(path).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be written ({error.strerror}); first: make room, or mend the disk"
        ) from error


def unable(rig: Rig) -> str:
    """Why no page of this rig signs a day's check, and by which command it is signed all the same; empty where one does."""
    path = path_of(rig.records)
    at_terminal = f"or make the check at the terminal: kerma daily --config {rig.path} --key KEY.pem --who NAME"
    if not path.exists():
        return (
            f"this console has no key for the day's check; first: kerma users signer --config {rig.path} --out day.pub, write its block into the file "
            f"that [daily] signers names, and start kerma run and kerma console again; {at_terminal}"
        )
    try:
        own = keys.raw(keys.private_key(path).public_key())
        physicists = {keys.raw(one) for one in keys.public_keys(rig.signer_public_key)}
        others = {keys.raw(one) for one in keys.public_keys(rig.day_signers)} if rig.day_signers is not None else set()
    except ConfigurationError as error:
        return f"{error}; {at_terminal}"
    if own in physicists:
        return (
            f"{rig.signer_public_key}: this console's key for the day's check stands among the physicists' keys, and would sign whatever they sign; "
            f"first: take it out there, and write it into the file that [daily] signers names; {at_terminal}"
        )
    if own not in others:
        return (
            f"{rig.day_signers or rig.path}: does not name this console's key for the day's check; first: kerma users signer --config {rig.path} "
            f"--out day.pub, write its block into the file that [daily] signers names, and start kerma run and kerma console again; {at_terminal}"
        )
    return ""
