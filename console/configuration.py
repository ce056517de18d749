"""A rig file, read and resolved: absolute paths, wires as words of their own, places to meet, and the site key.
It opens no device and no socket; what a key may hold is for console/rig_file.py, what a certificate says for the certificate."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from console import places
from console.rig_file import Link, RigFile, link
from console.strict import read, refusal
from hal.errors import ConfigurationError

SITE_KEY_BYTES = (16, 64)
"""HMAC-SHA256 takes any length; below 16 bytes it can be guessed, beyond its block of 64 it is hashed first (RFC 2104)."""


@dataclass(frozen=True)
class Rig:
    """A checked rig file with its paths made absolute; `site_key` is read only where the devices are opened."""

    path: Path
    sha256: bytes
    file: RigFile
    generator: Link
    safety_unit: Link
    certificate: Path
    signer_public_key: Path
    records: Path
    places: places.Places
    control: Path | None
    time_table: Path | None = None
    day_signers: Path | None = None

    @property
    def name(self) -> str:
        return self.file.rig.name

    @property
    def simulated(self) -> bool:
        return self.file.rig.simulated

    @property
    def time_zone(self) -> str:
        """Of the site's days; a rig that treats nobody may leave it out."""
        return self.file.daily.time_zone or "UTC"

    @property
    def day_check_waived(self) -> bool:
        """A simulated rig does without daily check and warm-up unless it says otherwise; a real one never."""
        return self.simulated and self.file.daily.waived is not False


def load(path: Path, uid: int) -> Rig:
    """Read, check and resolve a rig file. Raises ConfigurationError: file, key, value, bound and what to do first."""
    taken = read(path, RigFile)
    file, folder = taken.model, Path(os.path.abspath(path)).parent
    usual = places.default(file.rig.name, uid)
    meet = places.Places(
        shm=_under(folder, file.paths.shm) or usual.shm,
        desk=_under(folder, file.paths.desk) or usual.desk,
        stop=_under(folder, file.paths.stop) or usual.stop,
    )
    control = _under(folder, file.simulated.control) if file.simulated else None
    for key, socket in (("paths.desk", meet.desk), ("paths.stop", meet.stop), ("simulated.control", control)):
        if socket is not None and len(os.fsencode(socket)) > places.SOCKET_PATH_MAX_BYTES:
            wrong = f"is longer than a socket's address may be: {len(os.fsencode(socket))} bytes, at most {places.SOCKET_PATH_MAX_BYTES}"
            raise ConfigurationError(refusal(path, key, str(socket), wrong, "write a shorter path"))
    return Rig(
        path=Path(os.path.abspath(path)),
        sha256=taken.sha256,
        file=file,
        generator=link(file.generator.link, ("pty", "tty", "socket", "tcp"), folder),
        safety_unit=link(file.safety_unit.link, ("tcp", "pty", "tty"), folder),
        certificate=folder / file.certificate.file,
        signer_public_key=folder / file.certificate.signer_public_key,
        records=Path(os.path.abspath(folder / file.records.dir)),
        places=meet,
        control=control,
        time_table=None if file.certificate.time_table is None else folder / file.certificate.time_table,
        day_signers=None if file.daily.signers is None else folder / file.daily.signers,
    )


def _under(folder: Path, words: str | None) -> Path | None:
    return None if words is None else Path(os.path.abspath(folder / words))


def site_key(rig: Rig) -> bytes:
    """The key that the safety unit was commissioned with. Raises ConfigurationError; the key itself is never shown."""
    if rig.file.simulated is not None:
        return bytes.fromhex(rig.file.simulated.site_key_hex)
    path = rig.path.parent / (rig.file.safety_unit.site_key_file or "")
    key = "safety_unit.site_key_file"
    try:
        found = path.stat()
        words = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigurationError(
            refusal(rig.path, key, str(path), f"cannot be read ({error.strerror})", "write the key's path")
        ) from error
    if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
        wrong = f"may be read by others (mode {stat.S_IMODE(found.st_mode):04o}, wanted 0600)"
        raise ConfigurationError(
            refusal(rig.path, key, str(path), wrong, f"chmod 600 {path}, and renew the key if others could read it")
        )
    low, high = SITE_KEY_BYTES
    if not re.fullmatch(rf"([0-9a-fA-F]{{2}}){{{low},{high}}}", words):
        wrong = f"does not hold {low} to {high} bytes in hex"
        raise ConfigurationError(
            refusal(rig.path, key, str(path), wrong, "put the key of the unit's commissioning there")
        )
    return bytes.fromhex(words)


def of_one_kind(rig_file: Path, simulated: bool, clinical: bool) -> None:
    """A simulated rig treats nobody, whatever its file calls it. Raises ConfigurationError."""
    if simulated and clinical:
        raise ConfigurationError(
            f"{rig_file}: rig.simulated = true and rig.clinical = true: a simulated rig treats nobody; first: write rig.clinical = false"
        )
