"""The rig file's tables: every key with its unit, its bounds and what it is for, and what only a simulated or only a real rig may have.
It reads no file and opens no device; console/configuration.py does the first."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, field_validator, model_validator

from console.strict import Strict
from hal.rig import BAUDS
from records.day_forms import zone_named


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
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"names no port from 1 to 65535; first: {advice}")
    try:
        address(host)
    except ValueError:
        raise ValueError(f"names no numeric address, and names are not looked up; first: {advice}") from None
    return Link(kind, host=host.strip("[]"), port=int(port))


def address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """A numeric host, or localhost, as an address; an IPv4 address in IPv6's clothes is undressed. Raises ValueError."""
    found = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host.strip("[]"))
    return getattr(found, "ipv4_mapped", None) or found


Text = Annotated[str, Field(min_length=1, max_length=200)]


def usual_baud(baud: int) -> int:
    """A line speed that a tty can be set to. Raises ValueError."""
    if baud not in BAUDS:
        raise ValueError(f"is no usual line speed; first: write one of {', '.join(str(usual) for usual in BAUDS)}")
    return baud


class RigTable(Strict):
    """[rig]: which rig, and what it may be used for."""

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description='write a name of small letters, digits and "-", at most 32'
    )
    simulated: bool = Field(
        description="write simulated = true where every device is a program, false where one is not"
    )
    clinical: bool = Field(default=False, description="write clinical = true only where people are treated")
    tick_hz: float = Field(ge=20, le=1000, description="write the loop's rate in Hz, 20 to 1000; 100 is usual")
    lease_ms: int = Field(
        default=200,
        ge=20,
        le=500,
        description="write the safety unit's lease in ms, 20 to 500; 200 is usual",
    )


class GeneratorTable(Strict):
    """[generator]: driver by name, wire, and what the device must say it is."""

    driver: Text = Field(description="write the name of a driver; kerma drivers names them")
    link: str = Field(
        description='write "tty:PATH", "pty:PATH", "socket:HOST:PORT" (a terminal server) or "tcp:HOST:PORT" (the device\'s own network port)'
    )
    baud: int = Field(
        default=9600,
        ge=1200,
        le=115200,
        description="write the line speed that the generator is set to, in baud; a network has none",
    )
    model: Text = Field(description="write the model as the generator itself says it")
    full_scale_kv: float = Field(ge=1, le=450, description="write the generator's full scale in kV, as on its plate")
    full_scale_ma: float = Field(ge=0.01, le=100, description="write the generator's full scale in mA, as on its plate")
    turnaround_ms: float = Field(
        ge=0, le=500, description="write how long the generator takes to answer, in ms, as measured"
    )

    @field_validator("link")
    @classmethod
    def _link(cls, words: str) -> str:
        link(words, ("pty", "tty", "socket", "tcp"), Path("/"))
        return words

    @field_validator("baud")
    @classmethod
    def _baud(cls, baud: int) -> int:
        return usual_baud(baud)


class TubeTable(Strict):
    """[tube]: the tube that is fitted; a certificate holds for one tube only."""

    serial: Text = Field(description="write the serial number of the tube that is fitted")
    heat_capacity_j: float | None = Field(
        default=None,
        ge=1e3,
        le=1e6,
        description="write the most heat that the tube may hold, in J, from its data sheet",
    )
    cooling_tau_s: float | None = Field(
        default=None,
        ge=10.0,
        le=7200.0,
        description="write the time constant with which it cools, in s, from its data sheet",
    )


class SafetyUnitTable(Strict):
    """[safety_unit]: driver by name, wire, serial number, and where the site key lies."""

    driver: Text = Field(description="write the name of a driver; kerma drivers names them")
    link: str = Field(description='write "tcp:HOST:PORT", "tty:PATH" or "pty:PATH"')
    baud: int = Field(
        default=115200, ge=1200, le=115200, description="write the line speed that the unit is set to, in baud"
    )
    unit_id: int = Field(default=1, ge=1, le=247, description="write the unit's Modbus address, 1 to 247")
    serial: str = Field(pattern=r"^[!-~]{1,16}$", description="write the unit's serial number, as on its plate")
    switch: Literal["once", "hold"] = Field(
        default="once",
        description='write "once" where the beam-on switch is pressed once, "hold" where it is held for the whole exposure',
    )
    site_key_file: Text | None = Field(
        default=None, description="write the path of the file (mode 0600) that holds the site key in hex"
    )

    @field_validator("link")
    @classmethod
    def _link(cls, words: str) -> str:
        link(words, ("tcp", "pty", "tty"), Path("/"))
        return words

    @field_validator("baud")
    @classmethod
    def _baud(cls, baud: int) -> int:
        return usual_baud(baud)


class ElectrometerTable(Strict):
    """[electrometer]: the reference electrometer of a calibration, if there is one; what gives beam never opens it."""

    driver: Text = Field(description="write the name of a driver; kerma drivers names them")
    link: str | None = Field(
        default=None,
        description='write "tty:PATH", "pty:PATH", "socket:HOST:PORT" or "tcp:HOST:PORT", or leave it out where readings are typed in',
    )
    baud: int = Field(
        default=9600,
        ge=1200,
        le=115200,
        description="write the line speed that the electrometer is set to, in baud; a network has none",
    )
    model: Text = Field(description="write the model as the electrometer itself says it")
    serial: Text = Field(description="write its serial number; its calibration factor holds for this one only")

    @field_validator("link")
    @classmethod
    def _link(cls, words: str | None) -> str | None:
        if words is not None:
            link(words, ("pty", "tty", "socket", "tcp"), Path("/"))
        return words

    @field_validator("baud")
    @classmethod
    def _baud(cls, baud: int) -> int:
        return usual_baud(baud)


class SimulatedTable(Strict):
    """[simulated]: what only a simulated rig has."""

    control: Text = Field(description="write the path of the simulator's control socket")
    seed: int = Field(ge=0, le=2**32 - 1, description="write the seed of the simulated world, a whole number")
    site_key_hex: str = Field(
        pattern=r"^([0-9a-fA-F]{2}){16,64}$", description="write the simulated unit's site key, 16 to 64 bytes in hex"
    )
    unit_memory: Text | None = Field(
        default=None, description="write the path of the file in which the simulated unit remembers"
    )
    laboratory: int | None = Field(
        default=None,
        ge=0,
        le=2**32 - 1,
        description="write the seed of a simulated tube of unknown truth, with a physicist's bench at it",
    )


class LimitsTable(Strict):
    """[limits]: may only narrow what the program's own limits allow."""

    kv_min: float | None = Field(
        default=None, gt=0, description="write the lowest kV that this rig may be set to, or leave it out"
    )
    kv_max: float | None = Field(
        default=None, gt=0, description="write the highest kV that this rig may be set to, or leave it out"
    )
    ma_min: float | None = Field(default=None, gt=0, description="write the lowest mA, or leave it out")
    ma_max: float | None = Field(default=None, gt=0, description="write the highest mA, or leave it out")
    rx_max_mgy: float | None = Field(
        default=None, gt=0, description="write the highest prescribed dose of a fraction in mGy, or leave it out"
    )
    skin_max_mgy: float | None = Field(
        default=None, gt=0, description="write the highest skin dose of a fraction in mGy, or leave it out"
    )
    time_min_s: float | None = Field(
        default=None, gt=0, description="write the shortest set time in s, or leave it out"
    )
    time_max_s: float | None = Field(default=None, gt=0, description="write the longest set time in s, or leave it out")
    power_max_w: float | None = Field(
        default=None, gt=0, description="write the highest tube power in W, or leave it out"
    )
    mas_max: float | None = Field(
        default=None, gt=0, description="write the largest charge of one exposure in mAs, or leave it out"
    )
    mas_hour_max: float | None = Field(
        default=None, gt=0, description="write the largest charge of an hour in mAs, or leave it out"
    )


class CertificateTable(Strict):
    """[certificate]: the calibration in force, and the key that its signature must fit."""

    file: Text = Field(description="write the path of the calibration certificate")
    signer_public_key: Text = Field(description="write the path of the physicists' public keys, one PEM block each")
    time_table: Text | None = Field(
        default=None,
        description="write the path of the physicist's signed time table; a real rig treats nobody without one",
    )


class DailyTable(Strict):
    """[daily]: the site's days, who may sign a day's check beside the physicists, and whether a simulated rig does without one."""

    time_zone: Text | None = Field(
        default=None, description='write the IANA name of the site\'s time zone, such as "Europe/Vienna"'
    )
    signers: Text | None = Field(
        default=None,
        description="write the path of the public keys of those who may sign a day's check, one PEM block each; physicists may anyway",
    )
    waived: bool | None = Field(
        default=None,
        description="write true where a simulated rig does without daily check and warm-up, false where not",
    )

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            zone_named(name)
        return name


def server_url(words: str) -> str:
    """A PostgreSQL's URL, without a password: a rig file is read by many, and is shown. Raises ValueError."""
    try:
        parts = urlsplit(words)
        asked = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        parts, asked = urlsplit(""), []
    advice = 'first: write "postgresql://USER@HOST/DATABASE", or "postgresql:///?service=NAME"'
    if parts.scheme != "postgresql" or not words.startswith("postgresql://"):
        raise ValueError(f"is no URL of a PostgreSQL; {advice}")
    if parts.password is not None or any("password" in name.lower() for name, _ in asked):
        raise ValueError(
            f"holds a password; libpq finds it in its own file (~/.pgpass, mode 0600) or service; {advice}"
        )
    if any(name == "options" for name, _ in asked):
        raise ValueError(f"sets options, which the program sets itself; {advice}")
    return words


class RecordsTable(Strict):
    """[records]: where journal and database lie, and where a second database is that follows them."""

    dir: Text = Field(description="write the path of the folder that keeps the records")
    mirror: Text | None = Field(
        default=None,
        description='write the URL of a PostgreSQL that follows the records, such as "postgresql:///?service=kerma", without a password, or leave it out',
    )

    @field_validator("mirror")
    @classmethod
    def _mirror(cls, words: str | None) -> str | None:
        return words if words is None else server_url(words)


class PathsTable(Strict):
    """[paths]: where the processes meet, if not in the default place."""

    shm: Text | None = Field(default=None, description="write a folder on tmpfs, or leave it out")
    desk: Text | None = Field(default=None, description="write the path of the desk socket, or leave it out")
    stop: Text | None = Field(default=None, description="write the path of the stop socket, or leave it out")


class SchedulingTable(Strict):
    """[scheduling]: what the real-time process asks of the kernel; 0, -1 and false ask for nothing, which a clinical rig may only of `cpu`."""

    fifo_priority: int = Field(
        default=80, ge=0, le=98, description="write a SCHED_FIFO priority, 1 to 98, or 0 for none"
    )
    cpu: int = Field(default=-1, ge=-1, le=1023, description="write the number of a processor, or -1 for any")
    lock_memory: bool = Field(default=True, description="write true to lock the process into memory")
    keep_awake: bool = Field(
        default=True, description="write true to keep processors out of sleep that takes long to leave"
    )


class RigFile(Strict):
    """A whole rig file."""

    rig: RigTable
    generator: GeneratorTable
    tube: TubeTable
    safety_unit: SafetyUnitTable
    certificate: CertificateTable
    records: RecordsTable
    electrometer: ElectrometerTable | None = None
    simulated: SimulatedTable | None = None
    limits: LimitsTable = LimitsTable()
    daily: DailyTable = DailyTable()
    paths: PathsTable = PathsTable()
    scheduling: SchedulingTable = SchedulingTable()

    @model_validator(mode="after")
    def _real_or_simulated(self) -> Self:
        """A fake is never a fallback: what only one kind of rig may have is refused on the other (H-simulated)."""
        if self.rig.simulated and self.simulated is None:
            raise ValueError(
                "[simulated] is missing although rig.simulated = true; first: write [simulated], or set rig.simulated = false"
            )
        if not self.rig.simulated and self.simulated is not None:
            raise ValueError(
                "[simulated] is there although rig.simulated = false; first: remove [simulated]: this rig opens no simulator"
            )
        key_file = self.safety_unit.site_key_file
        if self.rig.simulated and key_file is not None:
            raise ValueError(
                "safety_unit.site_key_file is there although rig.simulated = true; first: remove it: simulated.site_key_hex is the key"
            )
        if not self.rig.simulated and key_file is None:
            raise ValueError(
                "safety_unit.site_key_file is missing; first: write the path of the file (mode 0600) that holds the site key in hex"
            )
        if self.daily.waived and not self.rig.simulated:
            raise ValueError(
                "daily.waived = true although rig.simulated = false; first: remove it: nobody is treated with a real rig before its daily check"
            )
        if self.rig.clinical and self.daily.time_zone is None:
            raise ValueError(
                'daily.time_zone is missing although rig.clinical = true; first: write [daily] and the site\'s zone, such as time_zone = "Europe/Vienna"'
            )
        unasked = [
            f"scheduling.{name}"
            for name in ("fifo_priority", "lock_memory", "keep_awake")
            if not getattr(self.scheduling, name)
        ]
        if self.rig.clinical and unasked:
            raise ValueError(
                f"{', '.join(unasked)} ask the kernel for nothing although rig.clinical = true: other programs could delay the loop; "
                "first: leave these at their defaults"
            )
        heat = self.tube.heat_capacity_j, self.tube.cooling_tau_s
        if None in heat and (self.rig.clinical or heat != (None, None)):
            raise ValueError(
                "tube.heat_capacity_j and tube.cooling_tau_s are not both there; first: write both from the tube's data sheet: "
                "an exposure that would end too hot is not begun"
            )
        links = [("generator.link", self.generator.link), ("safety_unit.link", self.safety_unit.link)]
        if self.electrometer is not None and self.electrometer.link is not None:
            links.append(("electrometer.link", self.electrometer.link))
        for key, words in links:
            wrong = _foreign(words, self.rig.simulated)
            if wrong:
                raise ValueError(f'{key} = "{words}" {wrong}')
        return self


def _foreign(words: str, simulated: bool) -> str:
    """Why this wire does not belong to a rig of this kind; empty if it does."""
    kind, _, rest = words.partition(":")
    here = False
    if kind in ("socket", "tcp"):
        at = address(rest.rpartition(":")[0])
        here = at.is_loopback or at.is_unspecified
    if simulated and kind == "tty":
        return 'is a real line although rig.simulated = true; first: write "pty:PATH" of the simulator, or set rig.simulated = false'
    if simulated and kind in ("socket", "tcp") and not here:
        return "leaves this machine although rig.simulated = true; first: write 127.0.0.1: a simulated rig reaches no other device"
    if not simulated and kind == "pty":
        return 'is a simulated line although rig.simulated = false; first: write "tty:PATH"'
    if not simulated and kind in ("socket", "tcp") and here:
        return "is this machine itself, where only a simulator can answer, although rig.simulated = false; first: write the device's address"
    return ""
