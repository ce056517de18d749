"""The rig file: its keys, units and bounds, read strictly into frozen models; the simulators read the same file with their own eyes.
It opens no device and no socket; what a certificate says is for the certificate."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from console import places
from console.strict import Strict, read, refusal
from hal.errors import ConfigurationError

SITE_KEY_BYTES = (16, 64)
"""HMAC-SHA256 takes any length; below 16 bytes it can be guessed, beyond its block of 64 it is hashed first (RFC 2104)."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Link:
    """One wire: `kind` is pty, tty, socket or tcp; a path for the first two, a host and port for the others."""

    kind: str
    path: Path | None = None
    host: str = ""
    port: int = 0

    def words(self) -> str:
        return f"{self.kind}:{self.path}" if self.path is not None else f"{self.kind}:{self.host}:{self.port}"


def link(words: str, kinds: tuple[str, ...], folder: Path) -> Link:
    """Read "pty:PATH", "tty:PATH", "socket:HOST:PORT" or "tcp:HOST:PORT"; paths are relative to `folder`. Raises ValueError."""
    forms = {"pty": "pty:PATH", "tty": "tty:PATH", "socket": "socket:HOST:PORT", "tcp": "tcp:HOST:PORT"}
    advice = "write " + " or ".join(f'"{forms[kind]}"' for kind in kinds)
    kind, _, rest = words.partition(":")
    if kind not in kinds or not rest:
        raise ValueError(f"is no link of this device; first: {advice}")
    if kind in ("pty", "tty"):
        return Link(kind, path=Path(os.path.abspath(folder / rest)))
    host, _, port = rest.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"names no host and port (1 to 65535); first: {advice}")
    return Link(kind, host=host.strip("[]"), port=int(port))


Text = Annotated[str, Field(min_length=1, max_length=200)]


class RigTable(Strict):
    """[rig]: which rig, and what it may be used for."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description='write a name of small letters, digits and "-", at most 32')
    simulated: bool = Field(description="write simulated = true where every device is a program, false where one is not")
    clinical: bool = Field(default=False, description="write clinical = true only where people are treated")
    tick_hz: float = Field(ge=20, le=1000, description="write the loop's rate in Hz, 20 to 1000; 100 is usual")
    lease_ms: int = Field(default=200, ge=20, le=500, description="write the safety unit's lease in ms, 20 to 500; 200 is usual")


class GeneratorTable(Strict):
    """[generator]: driver by name, wire, and what the device must say it is."""

    driver: Text = Field(description="write the name of a driver; kerma drivers names them")
    link: str = Field(description='write "tty:PATH", "pty:PATH" or "socket:HOST:PORT"')
    baud: int = Field(ge=1200, le=921600, description="write the line speed that the generator is set to, in baud")
    model: Text = Field(description="write the model as the generator itself says it")
    full_scale_kv: float = Field(gt=0, le=225, description="write the generator's full scale in kV, as on its plate")
    full_scale_ma: float = Field(gt=0, le=100, description="write the generator's full scale in mA, as on its plate")
    turnaround_ms: float = Field(ge=0, le=500, description="write how long the generator takes to answer, in ms, as measured")

    @field_validator("link")
    @classmethod
    def _link(cls, words: str) -> str:
        link(words, ("pty", "tty", "socket"), Path("/"))
        return words


class SafetyUnitTable(Strict):
    """[safety_unit]: driver by name, wire, serial number, and where the site key lies."""

    driver: Text = Field(description="write the name of a driver; kerma drivers names them")
    link: str = Field(description='write "tcp:HOST:PORT", "tty:PATH" or "pty:PATH"')
    baud: int = Field(default=115200, ge=1200, le=921600, description="write the line speed that the unit is set to, in baud")
    serial: str = Field(pattern=r"^[!-~]{1,16}$", description="write the unit's serial number, as on its plate")
    site_key_file: Text | None = Field(default=None, description="write the path of the file (mode 0600) that holds the site key in hex")

    @field_validator("link")
    @classmethod
    def _link(cls, words: str) -> str:
        link(words, ("tcp", "pty", "tty"), Path("/"))
        return words


class SimulatedTable(Strict):
    """[simulated]: what only a simulated rig has."""

    control: Text = Field(description="write the path of the simulator's control socket")
    seed: int = Field(ge=0, le=2**32 - 1, description="write the seed of the simulated world, a whole number")
    site_key_hex: str | None = Field(default=None, pattern=r"^([0-9a-fA-F]{2}){16,64}$", description="write the simulated unit's site key, 16 to 64 bytes in hex")
    unit_memory: Text | None = Field(default=None, description="write the path of the file in which the simulated unit remembers")


class LimitsTable(Strict):
    """[limits]: may only narrow what the program's own limits allow."""

    kv_min: float | None = Field(default=None, gt=0, description="write the lowest kV that this rig may be set to, or leave it out")
    kv_max: float | None = Field(default=None, gt=0, description="write the highest kV that this rig may be set to, or leave it out")
    ma_min: float | None = Field(default=None, gt=0, description="write the lowest mA, or leave it out")
    ma_max: float | None = Field(default=None, gt=0, description="write the highest mA, or leave it out")
    rx_max_mgy: float | None = Field(default=None, gt=0, description="write the highest prescribed dose of a fraction in mGy, or leave it out")
    skin_max_mgy: float | None = Field(default=None, gt=0, description="write the highest skin dose of a fraction in mGy, or leave it out")
    time_min_s: float | None = Field(default=None, gt=0, description="write the shortest set time in s, or leave it out")
    time_max_s: float | None = Field(default=None, gt=0, description="write the longest set time in s, or leave it out")
    power_max_w: float | None = Field(default=None, gt=0, description="write the highest tube power in W, or leave it out")


class CertificateTable(Strict):
    """[certificate]: the calibration in force, and the key that its signature must fit."""

    file: Text = Field(description="write the path of the calibration certificate")
    signer_public_key: Text = Field(description="write the path of the physicist's public key")


class RecordsTable(Strict):
    """[records]: where journal and database lie."""

    dir: Text = Field(description="write the path of the folder that keeps the records")


class PathsTable(Strict):
    """[paths]: where the processes meet, if not in the default place."""

    shm: Text | None = Field(default=None, description="write a folder on tmpfs, or leave it out")
    desk: Text | None = Field(default=None, description="write the path of the desk socket, or leave it out")
    stop: Text | None = Field(default=None, description="write the path of the stop socket, or leave it out")


class SchedulingTable(Strict):
    """[scheduling]: what the real-time process asks of the kernel; 0, -1 and false ask for nothing."""

    fifo_priority: int = Field(default=80, ge=0, le=98, description="write a SCHED_FIFO priority, 1 to 98, or 0 for none")
    cpu: int = Field(default=-1, ge=-1, le=1023, description="write the number of a processor, or -1 for any")
    lock_memory: bool = Field(default=True, description="write true to lock the process into memory")


class RigFile(Strict):
    """A whole rig file."""

    rig: RigTable
    generator: GeneratorTable
    safety_unit: SafetyUnitTable
    certificate: CertificateTable
    records: RecordsTable
    simulated: SimulatedTable | None = None
    limits: LimitsTable = LimitsTable()
    paths: PathsTable = PathsTable()
    scheduling: SchedulingTable = SchedulingTable()

    @model_validator(mode="after")
    def _real_or_simulated(self) -> Self:
        """A fake is never a fallback: what only one kind of rig may have is refused on the other (H-simulated)."""
        keys = (self.safety_unit.site_key_file, self.simulated.site_key_hex if self.simulated else None)
        if self.rig.simulated and self.simulated is None:
            raise ValueError("[simulated] is missing although rig.simulated = true; first: write [simulated], or set rig.simulated = false")
        if not self.rig.simulated and self.simulated is not None:
            raise ValueError("[simulated] is there although rig.simulated = false; first: remove [simulated]: this rig opens no simulator")
        if keys.count(None) != 1:
            where = "safety_unit.site_key_file" + (" or simulated.site_key_hex" if self.rig.simulated else "")
            raise ValueError(f"the site key must be given exactly once; first: write {where}")
        for key, words in (("generator.link", self.generator.link), ("safety_unit.link", self.safety_unit.link)):
            wrong = _foreign(words, self.rig.simulated)
            if wrong:
                raise ValueError(f'{key} = "{words}" {wrong}')
        return self


def _foreign(words: str, simulated: bool) -> str:
    """Why this wire does not belong to a rig of this kind; empty if it does."""
    kind, _, rest = words.partition(":")
    here = rest.rpartition(":")[0].strip("[]") in LOOPBACK
    if simulated and kind == "tty":
        return 'is a real line although rig.simulated = true; first: write "pty:PATH" of the simulator, or set rig.simulated = false'
    if simulated and kind in ("socket", "tcp") and not here:
        return "leaves this machine although rig.simulated = true; first: write 127.0.0.1: a simulated rig reaches no other device"
    if not simulated and kind == "pty":
        return 'is a simulated line although rig.simulated = false; first: write "tty:PATH"'
    if not simulated and kind in ("socket", "tcp") and here:
        return "is this machine itself, where only a simulator can answer, although rig.simulated = false; first: write the device's address"
    return ""


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

    @property
    def name(self) -> str:
        return self.file.rig.name

    @property
    def simulated(self) -> bool:
        return self.file.rig.simulated


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
        generator=link(file.generator.link, ("pty", "tty", "socket"), folder),
        safety_unit=link(file.safety_unit.link, ("tcp", "pty", "tty"), folder),
        certificate=folder / file.certificate.file,
        signer_public_key=folder / file.certificate.signer_public_key,
        records=Path(os.path.abspath(folder / file.records.dir)),
        places=meet,
        control=control,
    )


def _under(folder: Path, words: str | None) -> Path | None:
    return None if words is None else Path(os.path.abspath(folder / words))


def site_key(rig: Rig) -> bytes:
    """The key that the safety unit was commissioned with. Raises ConfigurationError; the key itself is never shown."""
    if rig.file.simulated is not None and rig.file.simulated.site_key_hex is not None:
        return bytes.fromhex(rig.file.simulated.site_key_hex)
    path = rig.path.parent / (rig.file.safety_unit.site_key_file or "")
    key = "safety_unit.site_key_file"
    try:
        found = path.stat()
        words = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigurationError(refusal(rig.path, key, str(path), f"cannot be read ({error.strerror})", "write the key's path")) from error
    if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
        wrong = f"may be read by others (mode {stat.S_IMODE(found.st_mode):04o}, wanted 0600)"
        raise ConfigurationError(refusal(rig.path, key, str(path), wrong, f"chmod 600 {path}, and renew the key if others could read it"))
    low, high = SITE_KEY_BYTES
    if not re.fullmatch(rf"([0-9a-fA-F]{{2}}){{{low},{high}}}", words):
        wrong = f"does not hold {low} to {high} bytes in hex"
        raise ConfigurationError(refusal(rig.path, key, str(path), wrong, "put the key of the unit's commissioning there"))
    return bytes.fromhex(words)

