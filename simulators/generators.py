"""Every simulated generator by its driver's name: the data sheet of its rig, and the face that it shows to its wire.
It knows no command; each face is a file of its own, written from that device's published facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from simulators import (
    generator_dxm,
    generator_genix3d,
    generator_seifert_3003,
    generator_technix,
    generator_ux,
    generator_xrb011,
    generator_xrb80,
    generator_xrv,
)
from simulators.line import SerialLine
from simulators.profile import DEFAULT, Profile
from simulators.supply import Supply


class Firmware(Protocol):
    """A generator's face: bytes in by `receive`, answers out on its line, its own timers by `step` each ms.

    `silent` hears and answers nothing, `garbled` changes a byte of each answer, `late_us` delays it, `set_points_stick` acknowledges set-points
    without taking them; `shutter_open` is true where there is no shutter.
    """

    silent: bool
    garbled: bool
    late_us: int
    set_points_stick: bool

    @property
    def shutter_open(self) -> bool: ...

    def receive(self, data: bytes, now_us: int) -> None: ...

    def step(self, now_us: int) -> None: ...

    def idle_ms(self) -> int:
        """For how many ms from now on `step` would do nothing; 0 also where nobody worked that out."""

    def reboot(self, now_us: int) -> None: ...


FIRMWARES: Final[dict[str, Callable[[Profile, Supply, SerialLine, int], Firmware]]] = {
    "spellman-xrb80": generator_xrb80.Xrb80Firmware,
    "technix": generator_technix.TechnixFirmware,
    "genix3d": generator_genix3d.Genix3dFirmware,
    "spellman-dxm": generator_dxm.firmware,
    "spellman-ux": generator_ux.firmware,
    "spellman-xrb011": generator_xrb011.firmware,
    "seifert-3003": generator_seifert_3003.Seifert3003Firmware,
    "spellman-xrv": generator_xrv.firmware,
}
PROFILES: Final[dict[str, Profile]] = {
    "spellman-xrb80": generator_xrb80.PROFILE,
    "technix": generator_technix.PROFILE,
    "genix3d": generator_genix3d.PROFILE,
    "spellman-dxm": generator_dxm.PROFILE,
    "spellman-ux": generator_ux.PROFILE,
    "spellman-xrb011": generator_xrb011.PROFILE,
    "seifert-3003": generator_seifert_3003.PROFILE,
    "spellman-xrv": DEFAULT,
}


def firmware(profile: Profile, supply: Supply, line: SerialLine, seed: int) -> Firmware:
    """The face that this profile names. ValueError names those there are."""
    make = FIRMWARES.get(profile.generator)
    if make is None:
        raise ValueError(f"generator {profile.generator!r} has no simulator; known: {', '.join(FIRMWARES)}")
    return make(profile, supply, line, seed)
