"""What the simulators need of a rig file, read strictly on their own: which devices, on which links, with which seed, key and memory.
It knows nothing of the other tables of that file, which belong to other rooms, and opens nothing."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulators.electrometers import BAUDS, METERS
from simulators.generators import FIRMWARES
from simulators.units import OWN, UNITS

DEVICES: Final = (*FIRMWARES, *UNITS, *METERS)
BAUD_MAX: Final = 4_000_000
SEED_MOST: Final = 2**32 - 1
SERVED: Final = ("pty", "tcp", "socket")
_MISSING: Final = object()
_SIMULATED_KEYS: Final = frozenset({"control", "laboratory", "seed", "site_key_hex", "unit_memory"})


@dataclass(frozen=True, slots=True)
class Link:
    """Where a device is served: a path for a pseudo-terminal, or host and port; `packets`: the device's own network port, not a terminal server's."""

    kind: str
    path: Path
    host: str
    port: int

    @property
    def packets(self) -> bool:
        return self.kind == "tcp"


@dataclass(frozen=True, slots=True)
class MeterSheet:
    """The reference electrometer of a simulated rig, if it has one; baud 0 = not paced."""

    device: str
    link: Link
    baud: int


@dataclass(frozen=True, slots=True)
class RigSheet:
    """A simulated rig as its file tells it; `device` names the generator, `unit_device` what is in the safety unit's place; baud 0 = not paced.
    `laboratory`: the seed of a tube of unknown truth with a physicist's bench at it, or None."""

    name: str
    device: str
    generator: Link
    generator_baud: int
    unit_device: str
    unit: Link
    unit_baud: int
    control: Path | None
    seed: int
    site_key: bytes
    unit_memory: Path | None
    electrometer: MeterSheet | None = None
    laboratory: int | None = None


def parse_link(text: str, folder: Path) -> Link:
    """`pty:PATH` (relative to `folder`), `tcp:HOST:PORT` or `socket:HOST:PORT`; ValueError says what is wrong and what to write."""
    kind, _, rest = text.partition(":")
    if kind == "pty" and rest:
        return Link("pty", folder / rest, "", 0)
    if kind in ("tcp", "socket"):
        host, _, port = rest.rpartition(":")
        host = host.strip("[]")
        if host and port.isascii() and port.isdigit() and int(port) <= 65535:
            return Link(kind, folder, "127.0.0.1" if host == "localhost" else host, int(port))
    raise ValueError(
        f"{text!r} is not a link that a simulator can serve; write pty:PATH, tcp:HOST:PORT or socket:HOST:PORT"
    )


class _Table:
    """One table of the file; every complaint names file, table, key, value and what to write."""

    def __init__(self, path: Path, name: str, content: Any) -> None:
        self._where = f"{path}: [{name}]"
        if not isinstance(content, dict):
            raise ValueError(f"{self._where} is missing; a simulated rig needs it")
        self._content = content

    def keys(self) -> set[str]:
        return set(self._content)

    def get(self, key: str, kind: type, want: str, default: Any = _MISSING) -> Any:
        value = self._content.get(key, default)
        if value is _MISSING:
            raise ValueError(f"{self._where} {key} is missing; write {want}")
        if value is not default and type(value) is not kind:
            raise ValueError(f"{self._where} {key} = {value!r} will not do; write {want}")
        return value

    def whole(self, key: str, low: int, high: int, default: int) -> int:
        value: int = self.get(key, int, f"a whole number {low} .. {high}", default)
        if not low <= value <= high:
            raise ValueError(f"{self._where} {key} = {value} is outside {low} .. {high}")
        return value

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        value: str = self.get(key, str, " or ".join(known))
        if value not in known:
            raise ValueError(f"{self._where} {key} = {value!r} has no simulator; known: {', '.join(known)}")
        return value

    def link(self, folder: Path) -> Link:
        text = self.get("link", str, "pty:PATH, tcp:HOST:PORT or socket:HOST:PORT")
        try:
            return parse_link(text, folder)
        except ValueError as error:
            raise ValueError(f"{self._where} link: {error}") from None

    def hex_bytes(self, key: str) -> bytes:
        text: str = self.get(key, str, "at least 16 bytes in hex")
        try:
            value = bytes.fromhex(text)
        except ValueError:
            value = b""
        if len(value) < 16:
            raise ValueError(f"{self._where} {key} must be at least 16 bytes in hex")
        return value


def read(path: Path) -> RigSheet:
    """Reads a rig file. ValueError (words for the user) if it is not a whole sheet of a simulated rig; OSError if it cannot be read."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not TOML: {error}") from None
    folder = path.parent
    rig = _Table(path, "rig", content.get("rig"))
    if rig.get("simulated", bool, "true or false") is not True:
        raise ValueError(f"{path}: [rig] simulated is false: a real rig is never served by simulators")
    generator = _Table(path, "generator", content.get("generator"))
    unit = _Table(path, "safety_unit", content.get("safety_unit"))
    simulated = _Table(path, "simulated", content.get("simulated"))
    unknown = simulated.keys() - _SIMULATED_KEYS
    if unknown:
        raise ValueError(
            f"{path}: [simulated] {sorted(unknown)[0]!r} is not known; known: {', '.join(sorted(_SIMULATED_KEYS))}"
        )
    device = generator.one_of("driver", tuple(FIRMWARES))
    unit_device = unit.one_of("driver", UNITS)
    supply = generator.link(folder)
    unit_link = unit.link(folder)
    if unit_link.kind == "socket":
        raise ValueError(
            f"{path}: [safety_unit] link: the simulated {unit_device} is on no terminal server; write tcp:HOST:PORT"
        )
    if unit_device != OWN and not unit_link.packets:
        raise ValueError(
            f"{path}: [safety_unit] link: the simulated {unit_device} is on a network only; write tcp:HOST:PORT"
        )
    memory = simulated.get("unit_memory", str, "a path", None)
    control = simulated.get("control", str, "the path of a socket", None)
    return RigSheet(
        name=rig.get("name", str, "the rig's name"),
        device=device,
        generator=supply,
        generator_baud=generator.whole("baud", 0, BAUD_MAX, 115200),
        unit_device=unit_device,
        unit=unit_link,
        unit_baud=unit.whole("baud", 0, BAUD_MAX, 115200),
        control=folder / control if control else None,
        seed=simulated.whole("seed", 0, SEED_MOST, 1),
        site_key=simulated.hex_bytes("site_key_hex"),
        unit_memory=folder / memory if memory else None,
        electrometer=_electrometer(path, content),
        laboratory=simulated.whole("laboratory", 0, SEED_MOST, 0) if simulated.keys() & {"laboratory"} else None,
    )


def _electrometer(path: Path, content: dict[str, Any]) -> MeterSheet | None:
    """The electrometer to serve; None where it has no link, for then its readings are typed in by a person."""
    if "electrometer" not in content:
        return None
    table = _Table(path, "electrometer", content["electrometer"])
    if not table.keys() & {"link"}:
        return None
    device = table.one_of("driver", tuple(METERS))
    return MeterSheet(device, table.link(path.parent), table.whole("baud", 0, BAUD_MAX, BAUDS[device]))
