"""The rigs that a demonstration can be played on: which generator, on which wire, with which safety unit, and the beam that suits its tube.
It knows no device: what each of them says of itself stands in the simulators' profiles."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from simulators.generators import PROFILES
from simulators.profile import Profile
from simulators.units import BENCH_IO, OWN, UNITS, in_place

CERTIFICATES: Final = Path(__file__).parent / "certificates"
USUAL: Final = "spellman-xrv"
UNIT_WIRES: Final = ("tcp", "rtu")
TIMED_ONLY: Final = ("wago-750",)
"""Units without chambers: nothing but time can end a fraction."""
GENERATOR_WIRES: Final = ("pty", "tcp", "socket")


@dataclass(frozen=True)
class Beam:
    """What a demonstration's fraction is given with on this generator, and the wire that is natural to it."""

    kv: float
    ma: float
    wire: str = "pty"


BEAMS: Final = {
    "spellman-xrv": Beam(69.5, 1.6),
    "spellman-dxm": Beam(69.5, 1.6),
    "spellman-ux": Beam(69.5, 1.0),
    "spellman-xrb011": Beam(69.5, 1.0),
    "spellman-xrb80": Beam(69.5, 1.0),
    "seifert-3003": Beam(69.5, 1.6),
    "genix3d": Beam(50.0, 0.6, "tcp"),
    "technix": Beam(69.5, 1.6),
}


@dataclass(frozen=True)
class Choice:
    """Which rig: generator and safety unit by their drivers' names, and the wire of each. ValueError names what there is."""

    generator: str = USUAL
    generator_wire: str = ""
    unit: str = "kerma-unit"
    unit_wire: str = "tcp"

    def __post_init__(self) -> None:
        for what, value, known in (
            ("generator", self.generator, tuple(BEAMS)),
            ("generator's wire", self.generator_wire, ("", *GENERATOR_WIRES)),
            ("safety unit", self.unit, UNITS),
            ("safety unit's wire", self.unit_wire, UNIT_WIRES if self.unit == OWN else UNIT_WIRES[:1]),
        ):
            if value not in known:
                raise ValueError(f"no {what} {value!r} to demonstrate; there are: {', '.join(filter(None, known))}")

    @property
    def words(self) -> str:
        """The rig in a few words."""
        return f"{self.generator} on {self.wire}, {self.unit} on {self.unit_wire}"

    @property
    def wire(self) -> str:
        """The generator's wire."""
        return self.generator_wire or self.beam.wire

    @property
    def beam(self) -> Beam:
        return BEAMS[self.generator]

    @property
    def profile(self) -> Profile:
        """The simulated rig's data sheet, with the wire that it is on; a network has no speed."""
        sheet = PROFILES[self.generator]
        packets = self.wire == "tcp"
        sheet = replace(sheet, generator_packets=packets, generator_baud=0 if packets else sheet.generator_baud)
        return in_place(sheet, self.unit)

    @property
    def bench(self) -> bool:
        """Bought I/O stands in the safety unit's place."""
        return self.unit in BENCH_IO

    @property
    def termination(self) -> str:
        """What must end a fraction on this rig whatever a scenario asks for; empty: either may."""
        return "time" if self.unit in TIMED_ONLY else ""

    def certificate(self, termination: str) -> Path | None:
        """The certificate that was measured for this generator's tube; None: the examples' own."""
        return None if self.generator == USUAL else CERTIFICATES / f"{self.generator}-{termination}.toml"

    def tables(self, folder: Path, ports: tuple[int, int]) -> dict[str, dict[str, str]]:
        """What the tables of a rig file say of this rig, as TOML values; links lie in `folder` or on these ports of loopback (generator, unit)."""
        profile = self.profile
        at = f"pty:{folder / 'generator'}" if self.wire == "pty" else f"{self.wire}:127.0.0.1:{ports[0]}"
        unit_at = f"tcp:127.0.0.1:{ports[1]}" if self.unit_wire == "tcp" else f"pty:{folder / 'unit'}"
        generator = {
            "driver": f'"{self.generator}"',
            "link": f'"{at}"',
            "baud": str(profile.generator_baud or 9600),
            "model": f'"{profile.model}"',
            "full_scale_kv": str(profile.full_scale_kv),
            "full_scale_ma": str(profile.full_scale_ma),
            "turnaround_ms": str(profile.turnaround_us / 1000.0 + 0.5),
        }
        unit = {"driver": f'"{self.unit}"', "link": f'"{unit_at}"'}
        if self.bench:
            unit["serial"] = f'"{BENCH_IO[self.unit].serial}"'
        return {"generator": generator, "safety_unit": unit}


def with_values(text: str, changes: dict[str, dict[str, str]]) -> str:
    """A TOML text with these values in these tables, each key replaced where it stands or added at the table's head. ValueError without the table."""
    for table, values in changes.items():
        head = re.search(rf"(?m)^\[{re.escape(table)}\]$", text)
        if head is None:
            raise ValueError(f"the example rig file has no table [{table}]")
        end = re.search(r"(?m)^\[", text[head.end() :])
        stop = len(text) if end is None else head.end() + end.start()
        body = text[head.end() : stop]
        for key, value in values.items():
            line = f"{key} = {value}"
            body, found = re.subn(rf"(?m)^{re.escape(key)} = .*$", line.replace("\\", "\\\\"), body)
            body = body if found else f"\n{line}{body}"
        text = text[: head.end()] + body + text[stop:]
    return text
