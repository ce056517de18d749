"""Which simulated device may stand between room, contactors and host, by name: the safety unit itself, or bought I/O of a bench rig.
It knows how each is made; what they do is in their own files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulators.bench_adam_6050 import CONNECTIONS as ADAM_CONNECTIONS
from simulators.bench_adam_6050 import SERIAL as ADAM_SERIAL
from simulators.bench_adam_6050 import Adam6050
from simulators.bench_wago_750 import CONNECTIONS as WAGO_CONNECTIONS
from simulators.bench_wago_750 import SERIAL as WAGO_SERIAL
from simulators.bench_wago_750 import Wago750
from simulators.profile import Profile
from simulators.seam import BenchIo

OWN: Final = "kerma-unit"


@dataclass(frozen=True, slots=True)
class BenchKind:
    """How a device is made, how many TCP connections it takes, by what serial number it is known.

    `vented_2`: is chamber 2 of such a rig vented; `coarser`: its converters give so many times fewer counts; `later_s`: how much later than the safety
    unit such a rig takes high voltage for seen, which goes into its certificate's end effect.
    """

    make: Callable[[], BenchIo]
    connections: int
    serial: str
    vented_2: bool = True
    coarser: float = 1.0
    later_s: float = 0.0


BENCH_IO: Final[dict[str, BenchKind]] = {
    "adam-6050": BenchKind(Adam6050, ADAM_CONNECTIONS, ADAM_SERIAL, vented_2=False, coarser=2.0, later_s=0.062),
    "wago-750": BenchKind(Wago750, WAGO_CONNECTIONS, WAGO_SERIAL, later_s=-0.018),
}
UNITS: Final = (OWN, *BENCH_IO)


def in_place(profile: Profile, unit: str) -> Profile:
    """The rig of this profile with that device in the safety unit's place; ValueError names what there is."""
    if unit not in UNITS:
        raise ValueError(f"no simulated unit {unit!r}; there are: {', '.join(UNITS)}")
    if unit not in BENCH_IO:
        return replace(profile, unit=unit)
    kind = BENCH_IO[unit]
    return replace(
        profile,
        unit=unit,
        vented_2=kind.vented_2,
        mgy_per_count_1=profile.mgy_per_count_1 * kind.coarser,
        mgy_per_count_2=profile.mgy_per_count_2 * kind.coarser,
    )
