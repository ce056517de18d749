"""Every simulated electrometer by its driver's name, each with its reference chamber, its line and its network port.
It knows no command, and of the beam only the dose that has been delivered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from simulators import electrometer_ptw_unidos
from simulators.electrometer_ptw_unidos import Chamber, Unidos
from simulators.generator_face import GeneratorTcpFace
from simulators.line import SerialLine
from simulators.reference_chamber import ReferenceChamber

METERS: Final[dict[str, Callable[[Chamber, SerialLine, int], Unidos]]] = {"ptw-unidos": Unidos}
BAUDS: Final = {"ptw-unidos": electrometer_ptw_unidos.BAUD}


class Electrometer:
    """A chamber in the beam, the electrometer that it is plugged into, and its wire. `clock` gives the world's time in us."""

    __slots__ = ("chamber", "device", "line", "tcp")

    def __init__(
        self, name: str, seed: int, baud: int, clock: Callable[[], int], chamber: Chamber | None = None
    ) -> None:
        self.line = SerialLine(baud)
        self.tcp = GeneratorTcpFace(self.line, clock)
        self.chamber = chamber if chamber is not None else ReferenceChamber(seed * 16 + 6)
        self.device = METERS[name](self.chamber, self.line, seed * 16 + 7)

    def step(self, now_us: int, dose_mgy: float, air: float) -> None:
        """One ms: what has come in is answered, then the charge of this ms is taken."""
        waiting = self.line.to_device
        if waiting.busy():
            data = waiting.take(now_us)
            if data:
                self.device.receive(data, now_us)
        self.device.step(now_us, dose_mgy, air)
